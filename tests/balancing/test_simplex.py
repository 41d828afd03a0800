"""Weights that are not negative and sum to 1."""

import numpy as np
import pytest
from scipy.optimize import minimize

from skmtl.balancing._simplex import on_simplex, shares_of

VALUES = np.random.default_rng(0).normal(size=(20, 4)) * 2


def test_projections_by_hand():
    given = [[0.9, 0.5, -3.0], [1.0, 0.0, 0.0], [-5.0, -5.0, -5.0], [2.0, 0.0, 0.0]]
    expected = [[0.7, 0.3, 0.0], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [1.0, 0.0, 0.0]]
    np.testing.assert_allclose(on_simplex(np.array(given)), expected, atol=1e-15)


def test_the_projection_solves_the_least_squares_problem():
    for values, projected in zip(VALUES, on_simplex(VALUES), strict=True):
        found = minimize(
            lambda x, values=values: ((x - values) ** 2).sum(),
            np.full(4, 0.25),
            bounds=[(0, None)] * 4,
            constraints={"type": "eq", "fun": lambda x: x.sum() - 1},
            options={"ftol": 1e-15, "maxiter": 500},
        )
        np.testing.assert_allclose(projected, found.x, atol=1e-6)


def test_what_is_added_to_all_values_makes_no_difference():
    np.testing.assert_allclose(on_simplex(VALUES + 1e6), on_simplex(VALUES), atol=1e-9)


@pytest.mark.parametrize("size", [1e10, 1e17, 1e20, 1e300])
def test_projections_of_large_values_sum_to_one(size):
    given = np.array([[size, 0.0, -size], [size, size, 0.0], [-size, -size, -size]])
    np.testing.assert_allclose(on_simplex(given), [[1, 0, 0], [0.5, 0.5, 0], [1 / 3] * 3])


def test_one_task_has_all():
    np.testing.assert_array_equal(on_simplex(np.array([[-7.0], [0.0], [9.0]])), np.ones((3, 1)))


def test_shares_sum_to_one_and_those_of_nothing_are_equal():
    shares, total = shares_of(np.array([[0.3, 0.1], [0.0, 0.0]]))
    np.testing.assert_allclose(shares, [[0.75, 0.25], [0.5, 0.5]])
    np.testing.assert_allclose(total, [[0.4], [0.0]])
