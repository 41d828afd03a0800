"""UPGrad and DualProj: projections on the directions that harm no task."""

import numpy as np
import pytest
from scipy.optimize import minimize

from skmtl.balancing import DualProj, UPGrad
from tests.balancing.gramians import gramian_of, random_jacobians


def scaled_jacobians(n_tasks):
    """Independent gradients whose lengths lie anywhere from 1e-12 to 1e12."""
    rows = random_jacobians(n_tasks)[:200]
    return rows * 10 ** np.random.default_rng([12, n_tasks]).uniform(-12, 12, size=(200, n_tasks, 1))


def projection(jacobian, vector):
    """The nearest direction that harms no task, by a general solver."""
    found = minimize(
        lambda d: 0.5 * ((d - vector) ** 2).sum(),
        vector,
        jac=lambda d: d - vector,
        constraints={"type": "ineq", "fun": lambda d: jacobian @ d, "jac": lambda _: jacobian},
        options={"ftol": 1e-15, "maxiter": 500},
    )
    return found.x


def test_values_by_hand():
    np.testing.assert_allclose(UPGrad().weights([[1.0, -0.5], [-0.5, 1.0]]), [0.75, 0.75])
    np.testing.assert_allclose(DualProj().weights([[1.0, -2.0], [-2.0, 8.0]]), [1.0, 0.5])
    np.testing.assert_allclose(UPGrad().weights([[1.0, -2.0], [-2.0, 8.0]]), [1.5, 0.625])


def test_two_tasks_are_half_of_pcgrad():
    gramian = gramian_of(random_jacobians(2, 200))
    against = np.maximum(0, -gramian[:, 0, 1])
    expected = 0.5 * (1 + against[:, None] / np.diagonal(gramian, axis1=1, axis2=2))
    there = np.abs(np.linalg.det(gramian)) > 1e-9 * np.prod(np.diagonal(gramian, axis1=1, axis2=2), 1)
    np.testing.assert_allclose(UPGrad().weights(gramian)[there], expected[there], rtol=1e-8)


@pytest.mark.parametrize("method", [UPGrad(), DualProj()])
def test_no_task_gets_worse(jacobians, method):
    weights = method.weights(gramian_of(jacobians))
    direction = np.einsum("nt,ntp->np", weights, jacobians)
    along = np.einsum("ntp,np->nt", jacobians, direction)
    parts = np.abs(weights[:, :, None] * jacobians).max((1, 2))[:, None] * np.linalg.norm(jacobians, axis=2)
    assert (along >= -1e-7 * parts).all()


@pytest.mark.parametrize("method", [UPGrad(), DualProj()])
def test_without_conflict_it_is_the_mean(method):
    jacobian = np.abs(random_jacobians(4, 50))
    np.testing.assert_array_equal(method.weights(gramian_of(jacobian)), 0.25)


def test_general_solvers_find_the_same_projections():
    for jacobian in random_jacobians(3, 3)[:9]:
        gramian = gramian_of(jacobian)
        mean = np.mean([projection(jacobian, row) for row in jacobian], axis=0)
        np.testing.assert_allclose(UPGrad().weights(gramian) @ jacobian, mean, atol=1e-5 * np.abs(jacobian).max())
        dual = projection(jacobian, jacobian.mean(0))
        np.testing.assert_allclose(DualProj().weights(gramian) @ jacobian, dual, atol=1e-5 * np.abs(jacobian).max())


@pytest.mark.parametrize("name", ["UPGrad", "DualProj"])
def test_torchjd_finds_the_same(name):
    torchjd, torch = pytest.importorskip("torchjd.aggregation"), pytest.importorskip("torch")
    linalg = pytest.importorskip("torchjd.linalg")
    exact = linalg.QuadprogProjector(norm_eps=1e-300, reg_eps=1e-11)
    theirs = getattr(torchjd, f"{name}Weighting")(projector=exact)
    ours = {"UPGrad": UPGrad(), "DualProj": DualProj()}[name]
    for jacobian in random_jacobians(4, 5)[:10]:
        gramian = gramian_of(jacobian)
        found = theirs(torch.from_numpy(gramian)).numpy()
        np.testing.assert_allclose(found @ jacobian, ours.weights(gramian) @ jacobian, atol=1e-5)


def test_what_the_mean_moves_by_is_orthogonal_to_where_it_goes(jacobians):
    gramian = gramian_of(jacobians)
    weights = DualProj().weights(gramian)
    moved = weights - 1 / weights.shape[1]
    assert (moved >= 0).all()
    along = np.matmul(gramian, weights[..., None])[..., 0]
    size = (np.abs(gramian) * np.abs(weights[:, None, :]) * np.abs(moved[:, :, None])).sum((1, 2))
    assert (np.abs((moved * along).sum(1)) <= 1e-7 * size + 1e-30).all()


@pytest.mark.parametrize("method", [UPGrad(), DualProj()])
@pytest.mark.parametrize("n_tasks", [2, 3, 5, 9])
def test_gradients_of_any_length_are_told_apart(method, n_tasks):
    jacobians = scaled_jacobians(n_tasks)
    lengths = np.linalg.norm(jacobians, axis=2)
    parts = method.weights(gramian_of(jacobians)) * lengths
    units = jacobians / lengths[:, :, None]
    along = np.einsum("ntp,np->nt", units, np.einsum("nt,ntp->np", parts / parts.max(1, keepdims=True), units))
    assert along.min() > -1e-10
