"""Methods on gradients give what general solvers make of the papers' problems; more of these stand beside each method.

MGDA, SDMGrad and the projection on the simplex of MoCo and MoDo are in `test_mgda.py`, `test_sdmgrad.py` and
`test_simplex.py`.
"""

import numpy as np
import pytest
from scipy.linalg import pinv, polar, solve
from scipy.optimize import minimize, nnls, root

from skmtl.balancing import AlignedMTL, CAGrad, ConFIG, DualProj, FairGrad, IMTLGradient, NashMTL, UPGrad
from tests.balancing.gramians import gramian_of

RNG = np.random.default_rng(7)
MOVES = np.repeat([0.0, 0.5, -0.2], 5)[:, None, None]  # apart, agreeing, and with a common part
JACOBIANS = RNG.normal(size=(15, 4, 9)) + MOVES
every_jacobian = pytest.mark.parametrize("jacobian", JACOBIANS, ids=range(len(JACOBIANS)))


def assert_direction(method, jacobian, expected):
    direction = method.weights(gramian_of(jacobian)) @ jacobian
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
