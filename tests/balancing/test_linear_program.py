"""Linear problems over shares, many at once."""

import numpy as np
import pytest
from scipy.optimize import linprog

from skmtl.balancing._linear_program import best_shares

EXACT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


def problems(n_variables, n_constraints, n_problems=100):
    """Return problems of which about half have a solution, some constraints of which are none."""
    rng = np.random.default_rng([n_variables, n_constraints])
    gains = rng.normal(size=(n_problems, n_variables))
    row = rng.uniform(0.2, 2, size=gains.shape)
    matrix = rng.normal(size=(n_problems, n_constraints, n_variables))
    bounds = rng.normal(size=matrix.shape[:2]) - 0.5
    bounds[rng.random(bounds.shape) < 0.2] = -np.inf
    return gains, row, matrix, bounds


@pytest.mark.parametrize("n_variables", [1, 2, 5, 20])
@pytest.mark.parametrize("n_constraints", [1, 3, 8])
def test_solutions_are_those_of_scipy(n_variables, n_constraints):
    given = problems(n_variables, n_constraints)
    found, solved = best_shares(*given)
    for gains, row, matrix, bounds, x, there in zip(*given, found, solved, strict=True):
        kept = np.isfinite(bounds)
        theirs = linprog(-gains, -matrix[kept], -bounds[kept], row[None], [1], options=EXACT)
        assert there == (theirs.status == 0)
        if there:
            np.testing.assert_allclose(x / (row @ x), theirs.x, atol=1e-7)


def test_without_constraints_the_best_variable_takes_all():
    gains, row, matrix, bounds = problems(4, 2)
    found, solved = best_shares(gains, row, matrix, np.full_like(bounds, -np.inf))
    assert solved.all()
    np.testing.assert_array_equal(found > 0, gains / row == (gains / row).max(1, keepdims=True))


@pytest.mark.parametrize("size", [1e-9, 1e9])
def test_variables_may_be_counted_in_any_unit(size):
    gains, row, matrix, bounds = problems(5, 3)
    units = np.where(np.arange(5) == 2, size, 1)
    plain, solved = best_shares(gains, row, matrix, bounds)
    scaled, also = best_shares(gains * units, row * units, matrix * units, bounds)
    np.testing.assert_array_equal(also, solved)
    scaled *= units
    plain, scaled = (x[solved] / (row * x).sum(1, keepdims=True)[solved] for x in (plain, scaled))
    np.testing.assert_allclose(scaled, plain, atol=1e-7)


def test_problems_together_are_each_alone():
    given = problems(6, 4)
    together, solved = best_shares(*given)
    for place in range(0, len(together), 9):
        alone, also = best_shares(*(part[place : place + 1] for part in given))
        np.testing.assert_array_equal(alone[0], together[place])
        assert also[0] == solved[place]
