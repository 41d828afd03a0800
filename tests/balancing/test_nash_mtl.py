"""Nash-MTL and FairGrad: weights in equilibrium with what they do."""

import numpy as np
import pytest
from scipy.optimize import minimize

from skmtl.balancing import FairGrad, NashMTL
from tests.balancing.gramians import gramian_of, random_jacobians


def solvable(n_tasks, seed=0):
    """Gradients that have a common direction of descent, of very different lengths too."""
    jacobian = random_jacobians(n_tasks, 200, seed)
    kept = np.abs(np.linalg.det(gramian_of(jacobian / np.linalg.norm(jacobian, axis=2, keepdims=True)))) > 1e-6
    return jacobian[kept]


def test_two_tasks_follow_the_formula():
    gramian = gramian_of(solvable(2))
    lengths = np.sqrt(np.diagonal(gramian, axis1=1, axis2=2))
    cosine = gramian[:, 0, 1] / lengths.prod(1)
    expected = 1 / (lengths * np.sqrt(1 + cosine)[:, None])
    np.testing.assert_allclose(NashMTL().weights(gramian), expected, rtol=1e-7)


@pytest.mark.parametrize(("alpha", "second"), [(0.5, 1 / 4), (1.0, 1 / 8), (2.0, 1 / 16)])
def test_values_by_hand(alpha, second):
    # Orthogonal gradients of lengths 1 and 8: (n² w)^α = 1 / w, so w = n^(−2α / (1 + α)).
    np.testing.assert_allclose(FairGrad(alpha=alpha).weights([[1.0, 0.0], [0.0, 64.0]]), [1, second], rtol=1e-12)


@pytest.mark.parametrize("n_tasks", [2, 3, 5, 9])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_weights_are_the_inverse_of_what_they_bring(n_tasks, alpha, size):
    gramian = size**2 * gramian_of(solvable(n_tasks))
    weights = FairGrad(alpha=alpha).weights(gramian)
    gained = np.matmul(gramian, weights[..., None])[..., 0]
    assert (weights > 0).all()
    np.testing.assert_allclose(gained**alpha * weights, 1, rtol=1e-4)


@pytest.mark.parametrize("alpha", [20.0, 100.0])
def test_nearly_max_min_is_exact_for_lengths_a_hundredfold_apart(alpha):
    jacobian = solvable(5)
    sizes = 100 ** np.random.default_rng(0).uniform(-0.5, 0.5, size=(len(jacobian), 5, 1))
    gramian = gramian_of(sizes * jacobian / np.linalg.norm(jacobian, axis=2, keepdims=True))
    weights = FairGrad(alpha=alpha).weights(gramian)
    gained = np.matmul(gramian, weights[..., None])[..., 0]
    np.testing.assert_allclose(gained * weights ** (1 / alpha), 1, rtol=1e-6)


def test_the_direction_has_the_length_of_the_root_of_the_tasks():
    jacobian = solvable(5)
    direction = np.einsum("nt,ntp->np", NashMTL().weights(gramian_of(jacobian)), jacobian)
    np.testing.assert_allclose(np.linalg.norm(direction, axis=1), np.sqrt(5), rtol=1e-7)


def test_a_loss_times_a_number_gets_a_weight_divided_by_it():
    jacobian, scales = solvable(3), np.array([1e-8, 1.0, 1e8])
    plain = NashMTL().weights(gramian_of(jacobian))
    scaled = NashMTL().weights(gramian_of(jacobian * scales[:, None]))
    np.testing.assert_allclose(scaled * scales, plain, rtol=1e-6)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_all_gradients_times_a_number_follow_the_stated_law(alpha):
    jacobian = solvable(4)[:50]
    plain = np.einsum("nt,ntp->np", FairGrad(alpha=alpha).weights(gramian_of(jacobian)), jacobian)
    larger = np.einsum("nt,ntp->np", FairGrad(alpha=alpha).weights(gramian_of(10 * jacobian)), 10 * jacobian)
    np.testing.assert_allclose(larger, 10 ** ((1 - alpha) / (1 + alpha)) * plain, rtol=1e-6, atol=1e-9)


def test_a_general_solver_finds_the_same():
    for jacobian in solvable(3)[:10]:
        unit = jacobian / np.linalg.norm(jacobian, axis=1, keepdims=True)
        gramian = gramian_of(unit)
        found = minimize(
            lambda logs, g=gramian: 0.5 * np.exp(logs) @ g @ np.exp(logs) - logs.sum(), np.zeros(3), tol=1e-14
        )
        np.testing.assert_allclose(NashMTL().weights(gramian), np.exp(found.x), rtol=1e-4)


def test_with_little_fairness_weights_are_uniform():
    gramian = gramian_of(np.abs(solvable(3)[:20]))  # of lengths near 1, and without conflict
    np.testing.assert_allclose(FairGrad(alpha=0.01).weights(gramian), 1, rtol=0.1)


def test_equal_gradients_get_equal_weights():
    jacobian = random_jacobians(4, 50)[150:200]  # the last is the first
    weights = NashMTL().weights(gramian_of(jacobian))
    np.testing.assert_allclose(weights[:, 3], weights[:, 0], rtol=1e-9)


def test_without_a_common_direction_weights_stay_finite():
    opposite = np.array([[1.0, -1.0], [-1.0, 1.0]])
    for method in (NashMTL(), FairGrad(alpha=2.0), FairGrad(alpha=0.5)):
        weights = method.weights(opposite)
        assert np.isfinite(weights).all()
        assert weights[0] == pytest.approx(weights[1])


@pytest.mark.parametrize("gap", 10.0 ** np.arange(-17, -7))
@pytest.mark.parametrize("alpha", [0.1, 1.0, 2.0, 20.0])
def test_nearly_opposite_gradients_get_equal_finite_weights(gap, alpha):
    weights = FairGrad(alpha=alpha).weights([[1.0, gap - 1], [gap - 1, 1.0]])
    assert np.isfinite(weights).all()
    assert weights[0] == pytest.approx(weights[1])


def test_gradients_whose_cosine_rounding_puts_beyond_one_are_opposite():
    for length in np.random.default_rng(0).uniform(0.1, 10, size=200):
        jacobian = np.array([[0.1, 0.2, 0.3], [-0.1 * length, -0.2 * length, -0.3 * length]])
        weights = NashMTL().weights(gramian_of(jacobian))
        assert np.isfinite(weights).all()
        assert (weights > 0).all()
