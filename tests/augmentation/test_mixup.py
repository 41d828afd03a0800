"""Mixup: partners and shares."""

import numpy as np
import torch

from skmtl.augmentation import Mixup


def test_the_share_is_drawn_from_a_symmetric_beta(draws_for):
    for alpha in (0.2, 1.0, 5.0):
        shares = np.array(
            [Mixup(alpha).mixing(draws_for(torch.zeros(2, 1), seed=seed), None).share for seed in range(900)]
        )
        variance = 1 / (4 * (2 * alpha + 1))  # of Beta(α, α)
        assert abs(shares.mean() - 0.5) < 4 * (variance / 900) ** 0.5
        assert abs(shares.var() / variance - 1) < 0.15


def test_a_batch_of_one_is_unchanged(draws_for):
    x = torch.randn(1, 5)
    assert Mixup().mixing(draws_for(x), None).mixed(x).equal(x)
