"""MGDA, and the shortest point of a hull."""

import numpy as np
import pytest
from scipy.optimize import minimize

from skmtl.balancing import MGDA
from tests.balancing.gramians import gramian_of, random_jacobians


def scaled_jacobians(n_tasks):
    """Independent gradients whose lengths lie anywhere from 1e-12 to 1e12."""
    rows = random_jacobians(n_tasks)[:200]
    return rows * 10 ** np.random.default_rng([12, n_tasks]).uniform(-12, 12, size=(200, n_tasks, 1))


@pytest.mark.parametrize(
    ("gramian", "weights"),
    [
        ([[1.0, 0.0], [0.0, 4.0]], [0.8, 0.2]),
        ([[1.0, -0.5], [-0.5, 1.0]], [0.5, 0.5]),
        ([[1.0, 2.0], [2.0, 9.0]], [1.0, 0.0]),  # the first is shorter than any mixture: g₁₂ > g₁₁
        ([[1.0, -2.0], [-2.0, 4.0]], [2 / 3, 1 / 3]),  # opposite: the hull holds the origin
    ],
)
def test_values_by_hand(gramian, weights):
    np.testing.assert_allclose(MGDA().weights(gramian), weights, atol=1e-12)


def test_two_tasks_follow_the_formula():
    gramian = gramian_of(random_jacobians(2, 500))
    a, b, c = gramian[:, 0, 0], gramian[:, 1, 1], gramian[:, 0, 1]
    distance = a + b - 2 * c
    there = distance > 1e-9 * (a + b)  # equal gradients: any weights will do
    first = np.clip((b - c)[there] / distance[there], 0, 1)
    np.testing.assert_allclose(MGDA().weights(gramian)[there, 0], first, atol=1e-9)


def test_the_combination_is_the_shortest(jacobians):
    gramian = gramian_of(jacobians)
    weights = MGDA().weights(gramian)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-12)
    direction = np.einsum("nt,ntp->np", weights, jacobians)
    square = (direction**2).sum(1)
    along = np.einsum("ntp,np->nt", jacobians, direction)  # at least the square, and equal to it on the support
    size = np.linalg.norm(jacobians, axis=2) * np.sqrt(square)[:, None] + square[:, None]
    smallest = np.linalg.norm(jacobians, axis=2).min(1)[:, None]
    tolerance = 1e-7 * (size + smallest**2)
    assert (along >= square[:, None] - tolerance).all()
    assert (np.abs(along - square[:, None]) <= tolerance)[weights > 1e-9].all()


@pytest.mark.parametrize("n_tasks", [2, 3, 5])
def test_a_general_solver_finds_the_same(n_tasks):
    for jacobian in random_jacobians(n_tasks, 3)[:12]:
        gramian = gramian_of(jacobian)
        found = minimize(
            lambda w, g=gramian: w @ g @ w,
            np.full(n_tasks, 1 / n_tasks),
            jac=lambda w, g=gramian: 2 * g @ w,
            bounds=[(0, 1)] * n_tasks,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
            options={"ftol": 1e-16, "maxiter": 500},
        )
        ours = MGDA().weights(gramian)
        assert ours @ gramian @ ours <= found.fun * (1 + 1e-9) + 1e-12
        assert ours @ gramian @ ours == pytest.approx(found.fun, rel=1e-6, abs=1e-6 * np.trace(gramian))


def test_torchjd_comes_near_in_many_iterations():
    torchjd = pytest.importorskip("torchjd.aggregation")
    torch = pytest.importorskip("torch")
    theirs = torchjd.MGDAWeighting(epsilon=1e-9, max_iters=20_000)
    for jacobian in random_jacobians(3, 3)[:6]:
        gramian = gramian_of(jacobian)
        found = theirs(torch.from_numpy(gramian)).numpy()
        ours = MGDA().weights(gramian)
        assert ours @ gramian @ ours <= found @ gramian @ found + 1e-12
        assert found @ gramian @ found == pytest.approx(ours @ gramian @ ours, rel=1e-2, abs=1e-3)


def test_all_gradients_times_a_number_leave_the_weights():
    gramian = gramian_of(random_jacobians(4, 20))
    np.testing.assert_allclose(MGDA().weights(1e20 * gramian), MGDA().weights(gramian), atol=1e-9)


def test_in_units_of_its_length_no_tasks_scale_matters():
    jacobian = random_jacobians(4, 20)[:40]
    scales = np.array([1e-9, 1.0, 1e3, 1e9])[:, None]
    plain = MGDA("l2").weights(gramian_of(jacobian))
    scaled = MGDA("l2").weights(gramian_of(jacobian * scales))
    np.testing.assert_allclose(scaled * scales[:, 0], plain, rtol=1e-6, atol=1e-9)


def test_in_units_of_losses_they_are_needed():
    gramian = [[1.0, 0.0], [0.0, 4.0]]
    with pytest.raises(ValueError, match="needs the losses"):
        MGDA("loss").weights(gramian)
    np.testing.assert_allclose(MGDA("loss").weights(gramian, losses=[1.0, 2.0]), [0.5, 0.25])  # g / L = 1, 1
    np.testing.assert_allclose(MGDA("loss+").weights(gramian, losses=[1.0, 1.0]), MGDA("l2").weights(gramian))


@pytest.mark.parametrize("normalize", ["l2", "loss", "loss+"])
def test_normalised_directions_are_common_directions_of_descent(normalize):
    jacobian = random_jacobians(4, 50)
    losses = np.random.default_rng(0).uniform(0.1, 10, size=jacobian.shape[:2])
    weights = MGDA(normalize).weights(gramian_of(jacobian), losses=losses)
    direction = np.einsum("nt,ntp->np", weights, jacobian)
    along = np.einsum("ntp,np->nt", jacobian, direction)
    size = np.linalg.norm(jacobian, axis=2) * np.abs(weights[:, :, None] * jacobian).max((1, 2))[:, None]
    assert (along >= -1e-7 * size).all()


@pytest.mark.parametrize("normalize", ["loss", "loss+"])
@pytest.mark.parametrize("losses", [[0.0, 1.0], [1e-200, 1.0], [0.0, 0.0], [1e-300, 1e-300], [1e300, 1.0], [-0.5, 1.0]])
def test_losses_of_any_size_have_finite_weights(normalize, losses):
    weights = MGDA(normalize).weights([[1.0, 0.2], [0.2, 4.0]], losses=losses)
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()
    assert weights.max() > 0


def test_a_loss_of_zero_is_the_limit_of_small_ones():
    gramian = [[1.0, -0.5], [-0.5, 4.0]]
    exact = MGDA("loss").weights(gramian, losses=[0.0, 2.0])
    np.testing.assert_allclose(exact, [0.25, 0.5])  # 2 w₂ = 1, and w₁ makes w₁² − w₁ w₂ + 4 w₂² least
    np.testing.assert_allclose(MGDA("loss").weights(gramian, losses=[1e-9, 2.0]), exact, atol=1e-8)


@pytest.mark.parametrize("n_tasks", [2, 3, 5, 9])
def test_gradients_of_any_length_are_told_apart(n_tasks):
    jacobians = scaled_jacobians(n_tasks)
    lengths = np.linalg.norm(jacobians, axis=2)
    shortest = lengths.min(1, keepdims=True)
    direction = np.einsum("nt,ntp->np", MGDA().weights(gramian_of(jacobians)), jacobians) / shortest
    along = np.einsum("ntp,np->nt", jacobians / lengths[:, :, None], direction)
    assert (along >= (direction**2).sum(1)[:, None] * shortest / lengths - 1e-11).all()
