"""Shifted images."""

import torch
from torch.nn.functional import pad

from skmtl.augmentation import RandomCrop
from skmtl.features import Form


def test_an_image_is_one_of_the_crops_of_its_reflection(draws_for, inputs_of):
    x = torch.randn(400, 2 * 6 * 8)
    cropped = RandomCrop(0.25).augment(x, inputs_of(Form.IMAGE, (2, 6, 8)), draws_for(x)).view(400, 2, 6, 8)
    padded = pad(x.view(400, 2, 6, 8), (2, 2, 2, 2), "reflect")  # a quarter of 6 is rounded to 2, as of 8
    crops = torch.stack([padded[:, :, i : i + 6, j : j + 8] for i in range(5) for j in range(5)])
    hits = (crops == cropped).flatten(2).all(2)  # (25, B)
    assert (hits.sum(0) == 1).all()
    assert (hits.float().mean(1) > 0.01).all()  # each of the 25


def test_no_shift_changes_nothing_and_the_least_is_a_pixel(draws_for, inputs_of):
    x = torch.arange(50.0).repeat(60, 1)
    inputs = inputs_of(Form.IMAGE, (2, 5, 5))
    assert RandomCrop(0.0).augment(x, inputs, draws_for(x)).equal(x)
    assert len(RandomCrop(1e-9).augment(x, inputs, draws_for(x)).unique(dim=0)) == 9
    single = torch.randn(3, 2)
    assert RandomCrop(0.5).augment(single, inputs_of(Form.IMAGE, (2, 1, 1)), draws_for(single)).equal(single)
