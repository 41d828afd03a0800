"""Mirror images."""

import torch

from skmtl.augmentation import RandomFlip
from skmtl.features import Form


def test_twice_is_as_it_was(draws_for, inputs_of):
    x, inputs = torch.randn(50, 3 * 4 * 5), inputs_of(Form.IMAGE, (3, 4, 5))
    once = RandomFlip(0.5).augment(x, inputs, draws_for(x))
    assert RandomFlip(0.5).augment(once, inputs, draws_for(x)).equal(x)  # of the same draws
    all_of_them = RandomFlip(1.0).augment(x, inputs, draws_for(x))
    assert all_of_them.view(-1, 3, 4, 5).equal(x.view(-1, 3, 4, 5).flip(3))
    assert RandomFlip(1.0).augment(all_of_them, inputs, draws_for(x)).equal(x)


def test_some_images_are_mirrored_at_the_asked_rate(draws_for, inputs_of):
    x = torch.tensor([[1.0, 2.0]]).repeat(4000, 1)
    for rate in (0.0, 0.3, 1.0):
        flipped = RandomFlip(rate).augment(x, inputs_of(Form.IMAGE, (1, 1, 2)), draws_for(x))[:, 0] == 2
        assert abs(flipped.float().mean().item() - rate) <= 4 * (rate * (1 - rate) / 4000) ** 0.5
