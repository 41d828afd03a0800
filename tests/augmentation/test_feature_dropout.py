"""Feature dropout."""

import numpy as np
import torch

from skmtl.augmentation import FeatureDropout
from skmtl.features import TableEncoder


def test_columns_are_dropped_at_the_asked_rate_each_by_itself(draws_for, columns):
    x = torch.ones(4000, 3)
    dropped = FeatureDropout(0.2).augment(x, columns(3), draws_for(x)) == 0
    torch.testing.assert_close(dropped.float().mean(0), torch.full((3,), 0.2), rtol=0, atol=4 * (0.16 / 4000) ** 0.5)
    assert torch.corrcoef(dropped.T.float()).fill_diagonal_(0).abs().max() < 4 / 4000**0.5


def test_a_dropped_column_reads_as_one_of_which_nothing_is_known(draws_for):
    rng = np.random.default_rng(0)
    cities = np.array([f"city {place}" for place in range(30)], dtype=object)
    X = np.column_stack([rng.normal(3, 2, 200).astype(object), rng.choice(cities, 200), rng.choice(list("ab"), 200)])
    reader = TableEncoder(n_bins=4, min_frequency=1).build()
    matrix = reader.fit_matrix(X)
    scales = reader.standardizer().update(matrix, None, np.ones(200))
    inputs = scales.inputs(torch.float64, torch.device("cpu"))
    x = scales.tensor(matrix.copy(), torch.float64, "cpu")
    rest = FeatureDropout(1 - 1e-12).augment(x, inputs, draws_for(x))
    mean = matrix[:1].copy()
    mean[0, scales.layout.numeric] = scales.mean_
    mean[0, scales.layout.categorical] = -1  # not there at fit
    torch.testing.assert_close(rest, scales.tensor(mean, torch.float64, "cpu").expand_as(x))
