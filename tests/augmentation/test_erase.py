"""Erased parts of images."""

import pytest
import torch

from skmtl.augmentation import RandomErase
from skmtl.features import Form

SIDE, ROWS = 40, 800


def holes(augmentation, draws_for, inputs_of):
    """Return what became the mean, `(B, height, width)`."""
    x = torch.ones(ROWS, 2 * SIDE * SIDE)
    erased = augmentation.augment(x, inputs_of(Form.IMAGE, (2, SIDE, SIDE)), draws_for(x)).view(ROWS, 2, SIDE, SIDE)
    assert set(erased.unique().tolist()) == {0.0, 1.0}
    assert erased[:, 0].equal(erased[:, 1])  # all channels alike
    return erased[:, 0] == 0


def test_some_images_lose_a_rectangle_of_the_asked_area(draws_for, inputs_of):
    hole = holes(RandomErase(0.25), draws_for, inputs_of)
    hit = hole.any(2).any(1)
    assert abs(hit.float().mean().item() - 0.25) < 4 * (0.1875 / ROWS) ** 0.5
    tall, wide = hole.any(2).sum(1)[hit].double(), hole.any(1).sum(1)[hit].double()
    area = hole[hit].flatten(1).sum(1).double()
    assert (area == tall * wide).all()  # a rectangle
    assert area.min() > 0.015 * SIDE**2  # 0.02, rounded to pixels
    assert area.max() < 0.36 * SIDE**2
    assert abs(area.mean() / SIDE**2 - 0.175) < 0.03
    ratio = tall / wide
    assert ratio.min() > 0.3 * 0.8
    assert ratio.max() < 1 / 0.3 * 1.25
    assert abs(ratio.log().mean()) < 0.2


def test_all_may_be_erased_and_nothing(draws_for, inputs_of):
    assert holes(RandomErase(1.0, largest=1.0), draws_for, inputs_of).any(2).any(1).all()
    x = torch.randn(3, 8)
    assert RandomErase(0.0).augment(x, inputs_of(Form.IMAGE, (2, 2, 2)), draws_for(x)).equal(x)


def test_areas_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match=r"smallest=0\.5 must not be above largest=0\.33"):
        RandomErase(smallest=0.5).check()
