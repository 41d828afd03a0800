"""PCGrad and GradVac: one gradient after the other."""

import itertools

import numpy as np
import pytest

from skmtl.balancing import GradVac, PCGrad
from tests.balancing.gramians import gramian_of, random_jacobians


def plainly(jacobian, orders):
    """The paper's loop, on vectors."""
    total = np.zeros(jacobian.shape[1])
    for task, order in enumerate(orders):
        gradient = jacobian[task].copy()
        for other in order:
            along = gradient @ jacobian[other]
            if along < 0:
                gradient -= along / (jacobian[other] @ jacobian[other]) * jacobian[other]
        total += gradient
    return total


def others(n_tasks):
    return [[other for other in range(n_tasks) if other != task] for task in range(n_tasks)]


def test_two_tasks_follow_the_formula():
    gramian = gramian_of(random_jacobians(2, 200))
    against = np.maximum(0, -gramian[:, 0, 1])
    expected = 1 + against[:, None] / np.diagonal(gramian, axis1=1, axis2=2)
    np.testing.assert_allclose(PCGrad().weights(gramian), expected, rtol=1e-10)


@pytest.mark.parametrize("n_tasks", [3, 5])
def test_in_ascending_order_it_is_the_loop_of_the_paper(n_tasks):
    for jacobian in random_jacobians(n_tasks, 20)[::3]:
        direction = PCGrad("ascending").weights(gramian_of(jacobian)) @ jacobian
        expected = plainly(jacobian, others(n_tasks))
        np.testing.assert_allclose(direction, expected, atol=1e-9 * np.abs(jacobian).max())


@pytest.mark.parametrize("n_tasks", [3, 4])
def test_the_mean_over_random_orders_is_that_over_all(n_tasks):
    jacobian = np.array([[1.0, 0, 0], [-0.6, 0.8, 0], [-0.5, -0.5, 0.7], [-0.1, -0.9, -0.8]])[:n_tasks]
    every = [list(itertools.permutations(row)) for row in others(n_tasks)]
    expected = np.mean([plainly(jacobian, orders) for orders in itertools.product(*every)], axis=0)
    many = np.broadcast_to(gramian_of(jacobian), (20_000, n_tasks, n_tasks))
    weights = PCGrad().weights(many, np.random.default_rng(0))
    spread = (weights @ jacobian).std(0).max()
    assert spread > 0.01
    np.testing.assert_allclose(weights.mean(0) @ jacobian, expected, atol=4 * spread / np.sqrt(20_000))


def test_weights_are_at_least_one(jacobians):
    weights = PCGrad().weights(gramian_of(jacobians), np.random.default_rng(0))
    assert (weights >= 1 - 1e-9).all()


def test_without_conflict_nothing_changes():
    assert (PCGrad().weights(gramian_of(np.abs(random_jacobians(4, 20)))) == 1).all()


def test_the_first_step_of_gradvac_is_pcgrad():
    gramian = gramian_of(random_jacobians(4, 50))
    ours = GradVac().weights(gramian, np.random.default_rng(0))
    theirs = PCGrad().weights(gramian, np.random.default_rng(0))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


def test_gradvac_moves_gradients_to_their_usual_cosine():
    jacobian = np.array([[1.0, 0.0], [np.cos(2.0), np.sin(2.0)]])
    balancer = GradVac(beta=0.5).start(1, 2)
    balancer.state["targets"][:] = 0.6
    weights = balancer.balance(gramian=gramian_of(jacobian)[None]).weights[0]
    # Each has moved along the other until their cosine is .6: w = 1 + that way.
    way = (0.6 * np.sin(2.0) - np.cos(2.0) * 0.8) / 0.8
    np.testing.assert_allclose(weights, [1 + way, 1 + way])
    moved = jacobian[0] + way * jacobian[1]
    assert moved @ jacobian[1] / np.linalg.norm(moved) == pytest.approx(0.6)
    expected = 0.6 + 0.5 * (np.cos(2.0) - 0.6)
    np.testing.assert_allclose(balancer.state["targets"][0, [0, 1], [1, 0]], expected)


def test_targets_of_absent_tasks_stay():
    balancer = GradVac(beta=0.5).start(1, 3)
    present = np.array([[True, True, False]])
    balancer.balance(gramian=gramian_of(random_jacobians(3, 1)[:1]), present=present)
    targets = balancer.state["targets"][0]
    assert targets[0, 1] != 0
    assert (targets[2] == 0).all()
    assert (targets[:, 2] == 0).all()
