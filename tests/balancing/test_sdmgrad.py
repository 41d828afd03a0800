"""SDMGrad: between MGDA and the mean."""

import numpy as np
import pytest
from scipy.optimize import minimize

from skmtl.balancing import MGDA, SDMGrad
from tests.balancing.gramians import gramian_of, random_jacobians


def test_without_preference_it_is_mgda(jacobians):
    gramian = gramian_of(jacobians)
    difference = SDMGrad(lam=0.0).weights(gramian) - MGDA().weights(gramian)
    direction = np.einsum("nt,ntp->np", difference, jacobians)  # weights need not be unique, directions are
    size = np.linalg.norm(jacobians, axis=2).min(1)
    assert (np.linalg.norm(direction, axis=1) <= 1e-7 * size).all()


def test_with_a_large_preference_it_is_the_mean():
    gramian = gramian_of(random_jacobians(3, 50, seed=1)[:50])
    np.testing.assert_allclose(SDMGrad(lam=1e9).weights(gramian), 1 / 3, atol=1e-6)


def test_values_by_hand():
    # (w + λu) / (1 + λ) with orthogonal gradients: minimise (w₁ + ½)² + 4 (w₂ + ½)² → w = (1, 0)
    np.testing.assert_allclose(SDMGrad(lam=1.0).weights([[1.0, 0.0], [0.0, 4.0]]), [0.75, 0.25])


@pytest.mark.parametrize("lam", [0.1, 0.3, 2.0])
def test_a_general_solver_finds_the_same(lam):
    u = np.full(4, 0.25)
    for jacobian in random_jacobians(4, 2)[:8]:
        gramian = gramian_of(jacobian)
        found = minimize(
            lambda w, g=gramian: (w + lam * u) @ g @ (w + lam * u),
            u,
            jac=lambda w, g=gramian: 2 * g @ (w + lam * u),
            bounds=[(0, 1)] * 4,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
            options={"ftol": 1e-16, "maxiter": 500},
        )
        ours = SDMGrad(lam=lam).weights(gramian) * (1 + lam)
        assert ours @ gramian @ ours == pytest.approx(found.fun, rel=1e-6, abs=1e-6 * np.trace(gramian))


def test_weights_sum_to_one(jacobians):
    np.testing.assert_allclose(SDMGrad().weights(gramian_of(jacobians)).sum(1), 1, rtol=1e-9)
