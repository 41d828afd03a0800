"""DB-MTL: gradients of logarithms, of equal length; its formula by hand is in test_jacobians.py."""

import numpy as np
import pytest
import torch

from skmtl.balancing._db_mtl import DBMTL
from tests.balancing.gramians import random_jacobians


def direction(balanced, jacobian):
    gradients = jacobian if balanced.jacobian is None else balanced.jacobian
    return torch.einsum("mt,mtp->mp", gradients.new_tensor(balanced.weights), gradients).numpy()


def problems(n_tasks=4):
    jacobian = random_jacobians(n_tasks)
    losses = np.random.default_rng(1).uniform(0.1, 3, size=jacobian.shape[:2])
    return losses, torch.from_numpy(jacobian)


def test_without_memory_the_gramian_says_all():
    losses, jacobian = problems()
    weights, replaced = DBMTL(beta=0.0).start(*losses.shape).balance(losses=losses, jacobian=jacobian)
    assert replaced is None
    gramian = torch.bmm(jacobian, jacobian.transpose(1, 2)).numpy()
    logarithmic = gramian / losses[:, :, None] / losses[:, None, :]
    lengths = np.sqrt(np.diagonal(logarithmic, axis1=1, axis2=2))
    np.testing.assert_allclose(weights, lengths.max(1, keepdims=True) / lengths / losses)


def test_the_first_step_is_that_without_memory():
    losses, jacobian = problems()
    kept = DBMTL(beta=0.9).start(*losses.shape).balance(losses=losses, jacobian=jacobian)
    plain = DBMTL(beta=0.0).start(*losses.shape).balance(losses=losses, jacobian=jacobian)
    np.testing.assert_allclose(direction(kept, jacobian), direction(plain, jacobian), atol=1e-9)


def test_all_parts_of_the_direction_are_as_long_as_the_longest_mean():
    losses, jacobian = problems()
    balancer = DBMTL(beta=0.7).start(*losses.shape)
    rng = np.random.default_rng(2)
    for _ in range(3):
        noisy = jacobian + torch.from_numpy(rng.normal(size=jacobian.shape))
        weights, replaced = balancer.balance(losses=losses, jacobian=noisy)
    lengths = weights * replaced.norm(dim=2).numpy()
    longest = balancer.state["means"].norm(dim=2).numpy().max(1, keepdims=True)
    np.testing.assert_allclose(lengths, longest * np.ones_like(lengths))


@pytest.mark.parametrize("beta", [0.0, 0.9])
def test_no_losss_scale_matters(beta):
    losses, jacobian = problems()
    scales = np.array([0.01, 1.0, 30.0, 100.0])
    one, other = DBMTL(beta).start(*losses.shape), DBMTL(beta).start(*losses.shape)
    for _ in range(2):
        plain = one.balance(losses=losses, jacobian=jacobian)
        scaled_jacobian = jacobian * torch.from_numpy(scales)[:, None]
        scaled = other.balance(losses=losses * scales, jacobian=scaled_jacobian)
    np.testing.assert_allclose(direction(scaled, scaled_jacobian), direction(plain, jacobian), atol=1e-9)


def test_losses_below_the_floor_count_as_the_floor():
    jacobian = torch.eye(2)[None]
    for loss in (0.1, 1e-9, 0.0, -5.0):
        weights = DBMTL(0.0, floor=0.1).start(1, 2).balance(losses=np.array([[1.0, loss]]), jacobian=jacobian).weights
        np.testing.assert_allclose(weights, [[10, 10]])  # of log gradients 1 and 10 long


def test_a_mean_of_zero_has_weight_zero():
    balancer = DBMTL(beta=0.5).start(1, 2)
    jacobian, back = torch.eye(2)[None], torch.tensor([[[1.0, 0.0], [0.0, -1.0]]])
    balancer.balance(losses=np.ones((1, 2)), jacobian=jacobian)
    weights = balancer.balance(losses=np.ones((1, 2)), jacobian=back).weights
    np.testing.assert_array_equal(weights, [[1, 0]])


def test_task_weights_are_shares_of_the_direction():
    jacobian = torch.diag(torch.tensor([1.0, 5.0]))[None]
    balanced = DBMTL().start(1, 2, task_weights=[1, 3]).balance(losses=np.ones((1, 2)), jacobian=jacobian)
    np.testing.assert_allclose(direction(balanced, jacobian), [[5, 15]])
