"""Uncertainty weighting and IMTL-L: the derivatives of what they minimise, and bounds of the learned number."""

import numpy as np
import pytest
import torch

from skmtl.balancing._imtl_l import IMTLLoss
from skmtl.balancing._uncertainty import UncertaintyWeighting

LOSSES = np.random.default_rng(0).uniform(0.1, 3, size=(50, 4))
METHODS = {
    "uncertainty": (UncertaintyWeighting, lambda s, losses: torch.exp(-s) * losses + s / 2),
    "imtl_l": (IMTLLoss, lambda s, losses: torch.exp(s) * losses - s),
}
SETTLED = {"uncertainty": 0.5, "imtl_l": 1.0}  # what a weighted loss is where the derivative by s is zero
every_method = pytest.mark.parametrize("name", METHODS)


@pytest.mark.parametrize(("name", "steps"), [("uncertainty", [0.5, 2.5]), ("imtl_l", [0.0, 2.0])])
def test_values_by_hand(name, steps):
    # At weights of 1, losses of 1 and 3: the derivatives by s are ½ − L, or L − 1.
    balancer, losses = METHODS[name][0](learning_rate=0.1).start(1, 2), np.array([[1.0, 3.0]])
    np.testing.assert_array_equal(balancer.balance(losses=losses).weights, 1)
    np.testing.assert_allclose(balancer.balance(losses=losses).weights, [np.exp(-0.1 * np.array(steps))])


@every_method
def test_weights_and_steps_are_the_derivatives_of_the_objective(name):
    method, objective = METHODS[name]
    balancer = method(learning_rate=0.2).start(50, 4)
    learned = torch.zeros(50, 4, dtype=torch.float64)
    for _ in range(10):
        losses, learned = torch.tensor(LOSSES, requires_grad=True), learned.detach().requires_grad_()
        objective(learned, losses).sum().backward()
        weights = balancer.balance(losses=LOSSES).weights
        learned = learned - 0.2 * learned.grad
        np.testing.assert_allclose(weights, losses.grad.numpy(), rtol=1e-10)
        (state,) = balancer.state.values()
        np.testing.assert_allclose(state, learned.detach().numpy(), rtol=1e-9, atol=1e-12)


@every_method
def test_at_the_optimum_all_weighted_losses_are_equal_whatever_their_scales(name):
    losses = LOSSES * np.array([0.1, 1.0, 7.0, 30.0])
    balancer = METHODS[name][0](learning_rate=0.5).start(50, 4)
    for _ in range(500):
        weights = balancer.balance(losses=losses).weights
    np.testing.assert_allclose(weights * losses, SETTLED[name], rtol=1e-6)


@every_method
def test_a_task_keeps_its_number_while_it_is_absent(name):
    balancer = METHODS[name][0]().start(1, 2)
    balancer.balance(losses=np.array([[3.0, 3.0]]))
    (before,) = (state.copy() for state in balancer.state.values())
    balancer.balance(losses=np.array([[3.0, 3.0]]), present=np.array([[True, False]]))
    (after,) = balancer.state.values()
    assert after[0, 0] != before[0, 0]
    assert after[0, 1] == before[0, 1]


@every_method
@pytest.mark.parametrize("loss", [0.0, -5.0, 1e-30, 1e30])
def test_weights_stay_finite_under_any_loss_for_ever(name, loss):
    balancer = METHODS[name][0](learning_rate=10.0).start(1, 1)
    for _ in range(200):
        weights = balancer.balance(losses=np.array([[loss]])).weights
        assert 1e-9 < weights.item() < 1e9


@every_method
def test_one_outlier_moves_the_number_by_ten_rates_at_most(name):
    balancer = METHODS[name][0](learning_rate=0.01).start(1, 1)
    balancer.balance(losses=np.array([[1e6]]))
    (state,) = balancer.state.values()
    assert abs(state.item()) == pytest.approx(0.1)
