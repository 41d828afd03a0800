"""ParetoMTL: MGDA, and back to the region of losses that are not far from equal."""

import numpy as np
import pytest

from skmtl.balancing import MGDA, ParetoMTL
from skmtl.balancing._pmtl import leanings
from tests.balancing.gramians import gramian_of, random_jacobians

many_tasks = pytest.mark.parametrize("n_tasks", [2, 3, 5, 9])


def problems(n_tasks):
    """Return gradients of all kinds, and losses of which one is mostly far above the others."""
    jacobians = random_jacobians(n_tasks)
    losses = np.random.default_rng(n_tasks).exponential(size=jacobians.shape[:2]) ** 2
    return jacobians, losses


def test_values_by_hand():
    # The second loss is too large: h = (0, 1) − (1, 1) / √2. In the plane of the gradients (1, 0) and (0, 1), the point
    # nearest to the origin is on the side from (1, 0) to h.
    found = ParetoMTL(spread=1.0).weights(np.eye(2), losses=[1.0, 3.0])
    np.testing.assert_allclose(found, [1 / 2 - np.sqrt(2) / 3, 1 / 6])


def test_preferences_lean_towards_one_task_each():
    for spread in (0.1, 0.5, 1.0):
        preferences = leanings(4, spread) + 0.5
        np.testing.assert_allclose(np.linalg.norm(preferences, axis=1), 1)
        np.testing.assert_array_equal(preferences.argmax(1), np.arange(4))
    np.testing.assert_allclose(leanings(4, 1.0) + 0.5, np.eye(4))


@many_tasks
def test_within_the_region_it_is_mgda(n_tasks):
    gramian = gramian_of(random_jacobians(n_tasks)[:400])  # independent, so that weights are unique
    for losses in (np.ones(gramian.shape[:2]), np.zeros(gramian.shape[:2])):
        found = ParetoMTL().weights(gramian, losses=losses)
        np.testing.assert_allclose(found, MGDA().weights(gramian), rtol=1e-9, atol=1e-12)


def test_the_region_ends_where_a_loss_is_the_mean_times_the_root_of_the_number_of_tasks():
    gramian, losses = np.diag([1.0, 2.0, 3.0, 4.0]), np.ones(4)
    inside, outside = (ParetoMTL(spread=1.0).weights(gramian, losses=[last, *losses[1:]]) for last in (2.99, 3.01))
    np.testing.assert_allclose(inside, MGDA().weights(gramian))
    assert np.abs(outside - inside).max() > 0.1
    assert (ParetoMTL(spread=0.2).weights(gramian, losses=[2.99, 1, 1, 1]) != inside).all()


@many_tasks
@pytest.mark.parametrize("spread", [0.2, 1.0])
def test_no_task_gets_worse_and_losses_turn_towards_the_region(n_tasks, spread):
    jacobians, losses = problems(n_tasks)
    weights = ParetoMTL(spread).weights(gramian_of(jacobians), losses=losses)
    direction = np.einsum("nt,ntp->np", weights, jacobians)
    towards = leanings(n_tasks, spread)
    points = np.concatenate([jacobians, towards @ jacobians], 1)
    asked = np.concatenate([np.ones(losses.shape, bool), losses @ towards.T > 0], 1)
    assert asked[:, n_tasks:].any(1).mean() > 0.2
    along = np.einsum("nsp,np->ns", points, direction) - (direction**2).sum(1, keepdims=True)
    lengths = np.linalg.norm(points, axis=2)
    assert (along >= -1e-6 * lengths * lengths.max(1, keepdims=True))[asked].all()


@many_tasks
def test_losses_times_a_number_change_nothing(n_tasks):
    jacobians, losses = problems(n_tasks)
    gramian = gramian_of(jacobians)
    plain, scaled = (ParetoMTL().weights(gramian, losses=size * losses) for size in (1, 1e9))
    np.testing.assert_allclose(scaled, plain, rtol=1e-9, atol=1e-12)


def test_constraints_without_a_gradient_are_left_out():
    # With gradients of length 1 at this angle, (u_2 − u_0)_1 g_1 + (u_2 − u_0)_2 g_2 is zero.
    first, second = leanings(2, 1.0)[1]
    jacobian = np.array([[1.0], [-first / second]])
    gramian = jacobian @ jacobian.T
    np.testing.assert_allclose(ParetoMTL(1.0).weights(gramian, losses=[1, 9]), MGDA().weights(gramian))


@pytest.mark.parametrize("spread", [0.05, 0.3, 1.0])
def test_descent_ends_within_the_region(spread):
    """Of two squared distances, from a start where the second is too large: at the border, where MGDA does not go."""
    aims, ends = np.array([[0.0, 0.0], [3.0, 0.0]]), []
    for method in (MGDA(), ParetoMTL(spread)):
        x = np.array([-1.0, 4.0])
        for _ in range(3000):
            losses, jacobian = ((x - aims) ** 2).sum(1) / 2, x - aims
            x = x - 0.02 * method.weights(jacobian @ jacobian.T, losses=losses) @ jacobian
        ends.append(losses)
    assert ends[0][1] > 100 * ends[0][0]
    even, preference = np.full(2, np.sqrt(0.5)), leanings(2, spread)[1] + np.sqrt(0.5)
    border = even + preference  # as near to the one as to the other
    assert ends[1][1] / ends[1][0] == pytest.approx(border[1] / border[0], rel=1e-4)
    assert x[1] == pytest.approx(0, abs=1e-5)  # a point of the Pareto front
