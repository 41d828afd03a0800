"""Quadratic problems with non-negative unknowns, and systems on parts of their variables."""

import numpy as np
import pytest
from scipy.optimize import nnls

from skmtl.balancing._nnls import _exchange_many, _exchange_one_by_one, nonnegative_minimum, solve_masked
from tests.balancing.gramians import gramian_of, random_jacobians


def unit(jacobian):
    lengths = np.linalg.norm(jacobian, axis=2, keepdims=True)
    return jacobian / lengths


@pytest.mark.parametrize("n_tasks", [1, 2, 3, 6, 12])
@pytest.mark.parametrize("share", [None, 0.5, 1.0])
def test_solutions_are_those_of_scipy(n_tasks, share):
    rows = unit(random_jacobians(n_tasks, 40))
    aims = np.random.default_rng(1).normal(size=(len(rows), rows.shape[2]))
    start = None if share is None else np.random.default_rng(3).random(rows.shape[:2]) < share
    x = nonnegative_minimum(gramian_of(rows), np.einsum("ntp,np->nt", rows, aims), start)
    assert (x >= 0).all()
    for row, aim, own in zip(rows, aims, x, strict=True):
        theirs, _ = nnls(row.T, aim)
        np.testing.assert_allclose(row.T @ own, row.T @ theirs, atol=1e-7)  # x need not be unique, its image is


def test_solutions_meet_the_conditions_of_optimality():
    rows = unit(random_jacobians(8, 500))
    matrix = gramian_of(rows)
    linear = np.einsum("ntp,np->nt", rows, np.random.default_rng(1).normal(size=(len(rows), rows.shape[2])))
    x = nonnegative_minimum(matrix, linear)
    gradient = np.matmul(matrix, x[..., None])[..., 0] - linear
    assert gradient.min() > -1e-9
    assert np.abs(gradient * x).max() < 1e-9


def test_problems_together_are_each_alone():
    rows = unit(random_jacobians(5, 20))
    matrix, linear = gramian_of(rows), np.random.default_rng(2).normal(size=(len(rows), 5))
    linear = np.matmul(matrix, linear[..., None])[..., 0]
    together = nonnegative_minimum(matrix, linear)
    for place in range(0, len(rows), 7):
        alone = nonnegative_minimum(matrix[place : place + 1], linear[place : place + 1])
        np.testing.assert_allclose(alone[0], together[place], atol=1e-12)


def test_nothing_to_gain_is_zero():
    assert (nonnegative_minimum(np.eye(3)[None], np.array([[-1.0, 0.0, -2.0]])) == 0).all()


def test_equal_variables_share():
    matrix = np.ones((1, 2, 2))
    x = nonnegative_minimum(matrix, np.array([[2.0, 2.0]]), np.array([[True, True]]))
    assert x.sum() == pytest.approx(2)


def test_systems_are_solved_on_their_part():
    matrix = np.array([[[2.0, 1.0, 9.0], [1.0, 3.0, 9.0], [9.0, 9.0, 1.0]]])
    support = np.array([[True, True, False]])
    solution = solve_masked(matrix, np.array([[[3.0], [4.0], [0.0]]]), support)
    np.testing.assert_allclose(solution[0, :, 0], [1, 1, 0])


def test_singular_systems_are_solved_by_least_squares():
    solution = solve_masked(np.ones((1, 2, 2)), np.ones((1, 2, 1)), np.ones((1, 2), bool))
    np.testing.assert_allclose(solution[0, :, 0], [0.5, 0.5])


@pytest.mark.parametrize("n_tasks", [3, 8, 30])
def test_exchanging_many_at_once_leads_where_one_by_one_does(n_tasks):
    rows = np.random.default_rng(3).normal(size=(60, n_tasks, 2 * n_tasks))
    matrix = gramian_of(unit(rows))
    linear = np.einsum("ntp,np->nt", unit(rows), np.random.default_rng(4).normal(size=(60, 2 * n_tasks)))
    many, settled = _exchange_many(matrix, linear, linear > 0)
    assert settled.mean() > 0.9
    np.testing.assert_allclose(many[settled], _exchange_one_by_one(matrix, linear)[settled], atol=1e-10)


@pytest.mark.parametrize("solve", [nonnegative_minimum, _exchange_one_by_one])
def test_variables_that_are_asked_for_little_are_not_lost_beside_others(solve):
    # The second enters for the first's sake, by 0.1, which is nothing beside what the third is asked for.
    matrix = np.array([[[1.0, -0.1, 0.0], [-0.1, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    x = solve(matrix, np.array([[1.0, 0.0, -1e12]]))
    np.testing.assert_allclose(x, [[1 / 0.99, 0.1 / 0.99, 0]], rtol=1e-12)
