"""Gaussian noise."""

import numpy as np
import torch

from skmtl.augmentation import GaussianNoise
from skmtl.features import Form, Standardizer


def test_noise_has_the_asked_standard_deviation_and_no_mean(draws_for, columns):
    x = torch.randn(4000, 3)
    noise = GaussianNoise(0.2).augment(x, columns(3), draws_for(x)) - x
    torch.testing.assert_close(noise.std(0), torch.full((3,), 0.2), rtol=0.05, atol=0)
    assert noise.mean(0).abs().max() < 4 * 0.2 / 4000**0.5


def test_codes_are_those_of_the_noisy_number_and_constant_columns_and_marks_stay(draws_for):
    X = np.random.default_rng(0).normal(size=(300, 3))
    X[:, 1] = 7
    X[::3, 2] = np.nan
    scales = Standardizer(3, n_bins=4).update(X, None, np.ones(300))
    x = scales.tensor(X.copy(), torch.float64, "cpu")
    inputs = scales.inputs(torch.float64, torch.device("cpu"))
    noisy = GaussianNoise(0.3).augment(x, inputs, draws_for(x))
    assert (noisy[:, :3] != x[:, :3]).any(0).tolist() == [True, False, True]
    assert noisy[:, -1].equal(x[:, -1])  # the mark of the hole
    assert noisy[:, 3:-1].equal(inputs.bins.codes(noisy[:, :3]))
    assert x.equal(scales.tensor(X.copy(), torch.float64, "cpu"))  # what was given stays


def test_padding_of_sequences_stays(draws_for, inputs_of):
    x = torch.zeros(2, 3 * 2 + 3)
    x[:, 6:] = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    noisy = GaussianNoise(1.0).augment(x, inputs_of(Form.SEQUENCE, (3, 2)), draws_for(x))
    assert noisy[:, 6:].equal(x[:, 6:])
    assert (noisy[:, :6].view(2, 3, 2) != 0).all(2).equal(x[:, 6:] == 1)
