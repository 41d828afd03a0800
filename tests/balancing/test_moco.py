"""MoCo: the shortest combination of running means of the gradients; its formula by hand is in test_jacobians.py."""

import numpy as np
import pytest
import torch

from skmtl.balancing._mgda import MGDA
from skmtl.balancing._moco import MoCo

GRADIENTS = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, 6)))
SHORTEST = MGDA().weights((GRADIENTS @ GRADIENTS.transpose(1, 2)).numpy())


def weights_after(method, n_steps, gradients=GRADIENTS, present=None, noise=0.0):
    """Return the last weights, and the mean of those of the second half."""
    balancer = method.start(1, gradients.shape[1])
    generator = torch.Generator().manual_seed(0)
    kept = []
    for place in range(n_steps):
        noisy = gradients + noise * torch.randn(gradients.shape, generator=generator, dtype=gradients.dtype)
        there = None if present is None else present(place)
        kept.append(balancer.balance(jacobian=noisy, present=there).weights)
    return kept[-1], np.mean(kept[n_steps // 2 :], axis=0)


def test_weights_are_on_the_simplex():
    weights, _ = weights_after(MoCo(gamma=3.0), 50, noise=1.0)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(1), 1)


def test_gradients_of_any_size_have_the_same_weights():
    plain, _ = weights_after(MoCo(), 20)
    for size in (1e-12, 1e12):
        np.testing.assert_allclose(weights_after(MoCo(), 20, size * GRADIENTS)[0], plain, rtol=1e-9)


def test_noise_moves_the_weights_less_than_those_of_mgda():
    noise = 2.0
    _, corrected = weights_after(MoCo(gamma=0.5), 2000, noise=noise)
    generator = torch.Generator().manual_seed(0)
    noisy = GRADIENTS + noise * torch.randn(2000, 3, 6, generator=generator, dtype=torch.float64)
    biased = MGDA().weights(torch.bmm(noisy, noisy.transpose(1, 2)).numpy()).mean(0)
    assert np.abs(corrected - SHORTEST).max() < 0.5 * np.abs(biased - SHORTEST).max()


def test_rho_draws_weights_to_be_equal():
    balancer = MoCo(rho=100.0, gamma=1e-3).start(1, 3)
    balancer.state["weights"] = np.array([[0.8, 0.1, 0.1]])
    for _ in range(1000):
        weights = balancer.balance(jacobian=GRADIENTS).weights
    np.testing.assert_allclose(weights, 1 / 3, atol=0.02)


def test_weights_end_at_those_of_mgda():
    np.testing.assert_allclose(weights_after(MoCo(gamma=0.5), 3000)[0], SHORTEST, atol=0.02)


def test_a_task_that_is_often_away_keeps_its_weight():
    weights, _ = weights_after(MoCo(gamma=0.5), 3001, present=lambda place: np.array([[place % 10 == 0, True, True]]))
    # Those of the others move a little: in most steps, they are balanced without it.
    np.testing.assert_allclose(weights[0, 0], SHORTEST[0, 0], atol=0.05)


def test_a_task_that_is_away_keeps_its_share():
    balancer = MoCo().start(1, 3)
    equal = torch.eye(3)[None]  # nothing to learn: equal weights are the shortest
    for place in range(100):
        balancer.balance(jacobian=equal, present=np.array([[place % 10 == 0, True, True]]))
    np.testing.assert_allclose(balancer.balance(jacobian=equal).weights, 1 / 3)


def test_tasks_left_without_any_share_start_at_equal_weights():
    balancer = MoCo().start(1, 3)
    jacobian = torch.diag(torch.tensor([1.0, 100.0, 100.0]))[None]
    balancer.state["weights"] = np.array([[1.0, 0.0, 0.0]])
    np.testing.assert_allclose(
        balancer.balance(jacobian=jacobian, present=np.array([[False, True, True]])).weights, [[0, 0.5, 0.5]]
    )
    np.testing.assert_array_equal(balancer.state["weights"], [[1, 0, 0]])


def test_weights_of_a_step_are_not_changed_by_later_ones():
    balancer = MoCo().start(1, 3)
    first = balancer.balance(jacobian=GRADIENTS).weights
    before = first.copy()
    balancer.balance(jacobian=GRADIENTS, present=np.array([[True, True, False]]))
    np.testing.assert_array_equal(first, before)


@pytest.mark.parametrize("parameters", [{"beta": 0.0}, {"beta": 1.5}, {"gamma": 0.0}, {"rho": -0.1}])
def test_parameters_out_of_range_are_refused(parameters):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter of MoCo"):
        MoCo(**parameters).start(1, 2)
