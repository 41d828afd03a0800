"""EPO: losses become equal, then smaller."""

import numpy as np
import pytest

from skmtl.balancing import EPO
from skmtl.balancing._epo import adjustments
from tests.balancing.gramians import gramian_of, random_jacobians

many_tasks = pytest.mark.parametrize("n_tasks", [2, 3, 5, 9, 20])


def problems(n_tasks):
    """Return gradients of all kinds, and losses that are far from equal, nearly equal, and equal."""
    jacobians = random_jacobians(n_tasks)
    uneven = np.repeat([1.0, 1e-3, 0.0], -(-len(jacobians) // 3))[: len(jacobians), None]
    return jacobians, np.exp(uneven * np.random.default_rng(n_tasks).normal(size=jacobians.shape[:2]))


def linear_problem(gramian, losses):
    """Return what is to be maximised, and what every task must gain, as the paper has it, `(N, T)`."""
    anchoring, uneven = adjustments(losses)
    away = uneven[:, None] > 1e-4
    towards_even = np.matmul(gramian, anchoring[..., None])[..., 0]
    helps = towards_even > 0
    least = np.where(helps, -np.inf, towards_even)
    least[losses == losses.max(1, keepdims=True)] = 0
    least[~helps.any(1)] = 0
    return np.where(away, towards_even, gramian.sum(2)), np.where(away, least, 0)


def test_values_by_hand():
    gramian = np.array([[1.0, -1.0], [-1.0, 4.0]])
    # L = (1, 3), l = (¼, ¾), so a = (−.824, .275) and G a = (−1.099, 1.922): all weight on the second task, along which
    # the first gets worse by 1 and may by 1.099.
    np.testing.assert_allclose(EPO().weights(gramian, losses=[1.0, 3.0]), [0, 1])
    # L = (3, 1): G a = (1.099, −3.57).
    np.testing.assert_allclose(EPO().weights(gramian, losses=[3.0, 1.0]), [1, 0])
    # Equal: max 3 w_2 as long as w_1 − w_2 ≥ 0.
    np.testing.assert_allclose(EPO().weights(gramian, losses=[1.0, 1.0]), [0.5, 0.5])
    # L = (1, 1.2): the first may get worse, but by less than 1, so it has a share.
    gained, least = linear_problem(gramian[None], np.array([[1.0, 1.2]]))
    second = (1 - least[0, 0]) / 2  # w_1 − w_2 = least
    assert gained[0, 1] > 0 > least[0, 0] > -1
    np.testing.assert_allclose(EPO().weights(gramian, losses=[1.0, 1.2]), [1 - second, second])


@many_tasks
def test_tasks_get_worse_only_where_evening_out_takes_them(n_tasks):
    jacobians, losses = problems(n_tasks)
    gramian = gramian_of(jacobians)
    weights = EPO().weights(gramian, losses=losses)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(1), 1)
    _, least = linear_problem(gramian, losses)
    gained = np.matmul(gramian, weights[..., None])[..., 0]
    lengths = np.linalg.norm(jacobians, axis=2)
    size = lengths * (weights * lengths).max(1, keepdims=True)
    assert (gained >= least - 1e-9 * size).all()


@many_tasks
def test_no_other_shares_are_better(n_tasks):
    jacobians, losses = problems(n_tasks)
    gramian = gramian_of(jacobians)
    gains, least = linear_problem(gramian, losses)
    best = (EPO().weights(gramian, losses=losses) * gains).sum(1)
    rng = np.random.default_rng(0)
    n_allowed = 0
    for _ in range(200):
        others = rng.exponential(size=losses.shape) ** rng.choice([1, 4])
        others /= others.sum(1, keepdims=True)
        allowed = (np.matmul(gramian, others[..., None])[..., 0] >= least).all(1)
        assert ((others * gains).sum(1) <= best + 1e-9 * np.abs(gains).max(1))[allowed].all()
        n_allowed += allowed.sum()
    assert n_allowed > 100


@many_tasks
def test_losses_times_a_number_change_nothing(n_tasks):
    jacobians, losses = problems(n_tasks)
    gramian = gramian_of(jacobians)
    plain, scaled = (EPO(floor=1e-30).weights(gramian, losses=size * losses) for size in (1.0, 2.0**20))
    np.testing.assert_allclose(scaled, plain, atol=1e-9)


@pytest.mark.parametrize("task_weights", [[1.0, 1.0], [4.0, 1.0], [0.5, 1.0]])
def test_descent_ends_where_losses_times_task_weights_are_equal(task_weights):
    """Of two squared distances, from a start that is nearer to one aim."""
    aims = np.array([[0.0, 0.0], [3.0, 0.0]])
    balancer, x = EPO().start(1, 2, task_weights), np.array([0.1, 4.0])
    for _ in range(4000):
        losses, jacobian = ((x - aims) ** 2).sum(1) / 2, x - aims
        x = (
            x
            - 0.01 * balancer.balance(losses=losses[None], gramian=(jacobian @ jacobian.T)[None]).weights[0] @ jacobian
        )
    assert losses[0] * task_weights[0] == pytest.approx(losses[1] * task_weights[1], rel=0.05)
    assert x[1] == pytest.approx(0, abs=1e-3)  # a point of the Pareto front


def test_losses_of_zero_and_below_count_as_the_floor():
    gramian = np.diag([1.0, 2.0, 3.0])
    expected = EPO().weights(gramian, losses=[1e-4, 1e-4, 1.0])
    np.testing.assert_array_equal(EPO().weights(gramian, losses=[0.0, -3.0, 1.0]), expected)
    assert np.isfinite(EPO().weights(gramian, losses=[0.0, 0.0, 0.0])).all()


def test_a_larger_tolerance_is_content_with_less_equal_losses():
    gramian = np.array([[1.0, 0.2], [0.2, 4.0]])
    uneven = {"gramian": gramian, "losses": [1.5, 1.0]}  # the first is to be made smaller, the second falls faster
    np.testing.assert_allclose(EPO().weights(**uneven), [1, 0])
    np.testing.assert_allclose(EPO(tolerance=0.1).weights(**uneven), [0, 1])
