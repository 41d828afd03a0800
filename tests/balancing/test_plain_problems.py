"""Methods on gradients give what general solvers make of the papers' problems; more of these stand beside each method.

MGDA, SDMGrad and the projection on the simplex of MoCo and MoDo are in `test_mgda.py`, `test_sdmgrad.py` and
`test_simplex.py`.
"""

import numpy as np
import pytest
from scipy.linalg import pinv, polar, solve
from scipy.optimize import linprog, minimize, nnls, root

from skmtl.balancing import (
    EPO,
    PCD,
    AlignedMTL,
    CAGrad,
    ConFIG,
    DualProj,
    FairGrad,
    IMTLGradient,
    NashMTL,
    ParetoMTL,
    UPGrad,
)
from tests.balancing.gramians import gramian_of

RNG = np.random.default_rng(7)
MOVES = np.repeat([0.0, 0.5, -0.2], 5)[:, None, None]  # apart, agreeing, and with a common part
JACOBIANS = RNG.normal(size=(15, 4, 9)) + MOVES
every_jacobian = pytest.mark.parametrize("jacobian", JACOBIANS, ids=range(len(JACOBIANS)))


def assert_direction(method, jacobian, expected, **losses):
    direction = method.weights(gramian_of(jacobian), **losses) @ jacobian
    np.testing.assert_allclose(direction, expected, rtol=0, atol=1e-6 * np.linalg.norm(expected))


@every_jacobian
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])
def test_fair_weights_solve_their_equation(jacobian, alpha):
    gramian = gramian_of(jacobian)

    power = 1 / alpha

    def unfair(w):
        return gramian @ w - w**-power

    def slopes(w):
        return gramian + np.diag(power * w ** (-power - 1))

    def value(w):  # convex, with that derivative
        return w @ gramian @ w / 2 - (np.log(w) if alpha == 1 else w ** (1 - power) / (1 - power)).sum()

    near = minimize(value, np.full(4, 0.3), jac=unfair, hess=slopes, method="trust-constr", bounds=[(1e-6, None)] * 4).x
    found = root(unfair, near, jac=slopes, tol=1e-14).x
    assert np.abs(unfair(found)).max() < 1e-9
    np.testing.assert_allclose(FairGrad(alpha=alpha).weights(gramian), found, rtol=1e-6)
    if alpha == 1:
        np.testing.assert_allclose(NashMTL().weights(gramian), found, rtol=1e-6)


@every_jacobian
def test_the_bargain_has_the_largest_product_of_gains(jacobian):
    """`max Σ log(g_t · d)` over a ball, whose solution is one direction."""
    start = NashMTL().weights(gramian_of(jacobian)) @ jacobian + 0.05 * RNG.normal(size=9)
    found = minimize(
        lambda d: -np.log(jacobian @ d).sum() + 4 * np.log(np.linalg.norm(d)),
        start,
        jac=lambda d: -(1 / (jacobian @ d)) @ jacobian + 4 * d / (d @ d),
        method="BFGS",
        options={"gtol": 1e-12},
    )
    assert_direction(NashMTL(), jacobian, 2 * found.x / np.linalg.norm(found.x))


@every_jacobian
def test_projections_are_least_squares(jacobian):
    """The nearest `v + Jᵀ μ` to the cone that `J d ≥ 0` is, with `μ ≥ 0`, the shortest one."""

    def projection(vector):
        return vector + nnls(jacobian.T, -vector)[0] @ jacobian

    assert_direction(DualProj(), jacobian, projection(jacobian.mean(0)))
    assert_direction(UPGrad(), jacobian, np.mean([projection(row) for row in jacobian], axis=0))


@every_jacobian
@pytest.mark.parametrize("c", [0.1, 0.4, 0.9])
def test_the_worst_gain_is_the_minimum_of_the_dual_problem(jacobian, c):
    gramian, u = gramian_of(jacobian), np.full(4, 0.25)
    radius = c * np.sqrt(u @ gramian @ u)
    found = minimize(
        lambda w: w @ gramian @ u + radius * np.sqrt(w @ gramian @ w),
        u,
        jac=lambda w: gramian @ u + radius * gramian @ w / np.sqrt(w @ gramian @ w),
        bounds=[(0, 1)] * 4,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-16, "maxiter": 1000},
    )
    weights = CAGrad(c=c).weights(gramian)
    assert np.linalg.norm((weights - u) @ jacobian) == pytest.approx(radius, rel=1e-6)
    size = np.sqrt(u @ gramian @ u * np.diag(gramian).max())
    assert (gramian @ weights).min() == pytest.approx(found.fun, rel=1e-6, abs=1e-6 * size)


@every_jacobian
def test_aligned_gradients_are_the_nearest_orthogonal_ones(jacobian):
    """The polar decomposition's, times the smallest singular value."""
    orthogonal, _ = polar(jacobian)
    expected = np.linalg.norm(jacobian, ord=-2) * orthogonal.mean(0)
    assert_direction(AlignedMTL(), jacobian, expected)


@every_jacobian
def test_equal_projections_are_a_linear_system(jacobian):
    units = jacobian / np.linalg.norm(jacobian, axis=1, keepdims=True)
    # IMTL-G: (u_1 − u_t) · Jᵀ w = 0 for all t, and weights sum to 1.
    weights = solve(np.vstack([(units[0] - units[1:]) @ jacobian.T, np.ones(4)]), [0, 0, 0, 1])
    same_side = np.sign((units @ (weights @ jacobian))[0])  # the paper's may point uphill, ours does not
    assert_direction(IMTLGradient(), jacobian, same_side * weights @ jacobian)
    # ConFIG: the direction of equal cosines, as long as the gradients' parts along it together.
    direction = pinv(units) @ np.ones(4)
    direction /= np.linalg.norm(direction)
    assert_direction(ConFIG(), jacobian, (jacobian @ direction).sum() * direction)


LOSSES = np.array([[1.0, 1.0, 1.0, 1.0], [0.4, 2.0, 0.7, 0.3], [0.1, 0.2, 3.0, 0.9], [1.3, 0.9, 0.05, 1.1]])
every_loss = pytest.mark.parametrize("losses", LOSSES, ids=range(len(LOSSES)))


@every_jacobian
@every_loss
def test_pareto_mtl_is_the_shortest_combination_with_what_leads_back(jacobian, losses):
    even = np.full(4, 0.5)
    preferences = 0.5 * even + 0.5 * np.eye(4)
    preferences /= np.linalg.norm(preferences, axis=1, keepdims=True)
    broken = [preference - even for preference in preferences if (preference - even) @ losses > 0]
    points = np.vstack([jacobian, *(towards @ jacobian for towards in broken)])
    found = minimize(
        lambda w: ((w @ points) ** 2).sum() / 2,
        np.full(len(points), 1 / len(points)),
        jac=lambda w: points @ (w @ points),
        bounds=[(0, 1)] * len(points),
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-16, "maxiter": 1000},
    )
    direction = ParetoMTL(spread=0.5).weights(gramian_of(jacobian), losses=losses) @ jacobian
    size = np.linalg.norm(points, axis=1).max()
    # What is least is the square of the length, so that the direction is known to half as many digits.
    np.testing.assert_allclose(direction, found.x @ points, atol=1e-6 * size)


@every_jacobian
@every_loss
def test_exact_pareto_search_is_a_linear_problem(jacobian, losses):
    gramian, shares = gramian_of(jacobian), losses / losses.sum()
    distance = (shares * np.log(4 * shares)).sum()
    if distance > 1e-4:
        gains = gramian @ (np.log(4 * shares) - distance)
        worst = np.arange(4) == losses.argmax()
        bound = (gains <= 0) | worst
        least = np.where(worst | (gains <= 0).all(), 0, gains)
    else:
        gains, bound, least = gramian.sum(0), np.ones(4, bool), np.zeros(4)
    found = linprog(-gains, -gramian[bound], -least[bound], np.ones((1, 4)), [1])
    np.testing.assert_allclose(EPO().weights(gramian, losses=losses), found.x, atol=1e-6)


@every_jacobian
@pytest.mark.parametrize("tau", [0.0, 0.02, 0.5])
def test_priority_is_the_nearest_to_one_gradient_that_gives_the_others_their_part(jacobian, tau):
    units = jacobian / np.linalg.norm(jacobian, axis=1, keepdims=True)
    found = minimize(
        lambda d: 0.5 * ((d - units[2]) ** 2).sum(),
        units[2],
        jac=lambda d: d - units[2],
        constraints={
            "type": "ineq",
            "fun": lambda d: units[[0, 1, 3]] @ d - tau,
            "jac": lambda _: units[[0, 1, 3]],
        },
        options={"ftol": 1e-16, "maxiter": 500},
    ).x
    expected = found / np.linalg.norm(found) * np.linalg.norm(jacobian[2])
    assert_direction(PCD(primary=2, tau=tau), jacobian, expected)
