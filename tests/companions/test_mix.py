"""How parts are mixed: by least squares for numbers, by log loss for classes."""

import numpy as np
import pytest
from scipy.optimize import minimize

from skmtl.companions._mix import least_squares_mix, logistic_mix


def test_weights_are_those_of_least_squares_where_none_is_negative():
    rng = np.random.default_rng(0)
    y = rng.normal(size=(50, 1))
    parts = [y + rng.normal(size=y.shape), y + 0.5 * rng.normal(size=y.shape)]
    expected = np.linalg.lstsq(np.hstack(parts), y[:, 0], rcond=None)[0]
    assert (expected > 0).all()
    np.testing.assert_allclose(least_squares_mix(parts, y, np.ones(y.shape)), expected, rtol=1e-6)


def test_no_weight_is_negative_and_the_others_are_the_best_without_it():
    rng = np.random.default_rng(0)
    y = rng.normal(size=(200, 1))
    parts = [y + 0.1 * rng.normal(size=y.shape), -y, rng.normal(size=y.shape)]
    found = least_squares_mix(parts, y, np.ones(y.shape))
    assert (found >= 0).all()
    assert found[1] == 0

    def error(weights):
        return ((y - sum(w * part for w, part in zip(weights, parts, strict=True))) ** 2).sum()

    best = minimize(error, np.full(3, 0.3), bounds=[(0, None)] * 3, tol=1e-12).x
    np.testing.assert_allclose(found, best, atol=1e-4)


def test_every_task_counts_in_units_of_its_best_error():
    rng = np.random.default_rng(0)
    y = rng.normal(size=(300, 2))
    noise = rng.normal(size=(2, 300, 2))
    parts = [y + noise[0] * [1, 1.4], y + noise[1] * [1.4, 1]]  # each is better for another task
    found = least_squares_mix(parts, y, np.ones(y.shape))
    size = np.array([1.0, 1e-3])
    np.testing.assert_allclose(least_squares_mix([part * size for part in parts], y * size, np.ones(y.shape)), found)
    assert found[0] == pytest.approx(found[1], abs=0.1)


def test_missing_cells_are_not_looked_at():
    rng = np.random.default_rng(0)
    y = rng.normal(size=(60, 2))
    parts = [y + rng.normal(size=y.shape), y + rng.normal(size=y.shape)]
    weights = (rng.random(y.shape) < 0.7).astype(float)
    expected = least_squares_mix(parts, y, weights)
    parts[0][weights == 0], y[weights == 0] = np.nan, 1e9
    np.testing.assert_array_equal(least_squares_mix(parts, y, weights), expected)


def test_a_part_without_error_is_taken_alone():
    y = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(least_squares_mix([y + 1, y], y, np.ones(y.shape)), [0, 1])


def test_no_cells_leave_the_first_part():
    parts = [np.full((3, 1), np.nan)] * 2
    np.testing.assert_array_equal(least_squares_mix(parts, np.zeros((3, 1)), np.zeros((3, 1))), [1, 0])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_are_mixed_so_that_the_log_loss_is_smallest(n_classes):
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(400, 1, n_classes))
    labels = (raw + rng.gumbel(size=raw.shape)).argmax(2)  # whose probabilities are softmax(raw)

    def softmax(x):
        return np.exp(x) / np.exp(x).sum(2, keepdims=True)

    parts = [softmax(2 * raw), softmax(rng.normal(size=raw.shape))]  # overconfident, and useless
    mix, intercepts = logistic_mix(parts, labels, np.ones(labels.shape))
    assert mix[0] == pytest.approx(0.5, abs=0.15)
    assert mix[1] < 0.15
    assert np.abs(intercepts).max() < 0.3

    def loss(change):
        mixed = softmax(sum(a * np.log(p) for a, p in zip(mix + change, parts, strict=True)) + intercepts)
        return -np.log(np.take_along_axis(mixed, labels[..., None], 2)).sum()

    assert all(loss(np.array(change)) > loss(np.zeros(2)) - 1e-3 for change in ([0.05, 0], [-0.05, 0], [0, 0.05]))


def test_rows_without_weight_do_not_count():
    rng = np.random.default_rng(0)
    part = rng.dirichlet([1, 1], size=(50, 2))
    labels = rng.integers(0, 2, size=(50, 2))
    weights = (rng.random((50, 2)) < 0.7).astype(float)
    expected = logistic_mix([part], labels, weights)
    part[weights == 0], labels[weights == 0] = np.nan, 7
    found = logistic_mix([part], labels, weights)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("find", [least_squares_mix, logistic_mix])
def test_a_mix_is_drawn_to_another_the_more_the_fewer_rows_there_are(find):
    rng = np.random.default_rng(0)
    towards = np.array([0.0, 1.0])

    def found(n_rows, other=None):
        raw = 2 * rng.normal(size=(n_rows, 1))
        noise = rng.normal(size=(n_rows, 1))
        if find is least_squares_mix:
            return least_squares_mix([raw, noise], raw + noise / 2, np.ones(raw.shape) / max(n_rows, 1), other)
        labels = (rng.random(raw.shape) < 1 / (1 + np.exp(-raw))).astype(int)
        parts = [np.stack([1 / (1 + np.exp(one)), 1 / (1 + np.exp(-one))], 2) for one in (raw, noise)]
        return logistic_mix(parts, labels, np.ones(raw.shape) / max(n_rows, 1), other)[0]

    assert np.abs(found(3, towards) - towards).max() < 0.8
    assert found(4000, towards)[0] > 0.8
    np.testing.assert_allclose(found(0, towards), towards, atol=1e-6)
