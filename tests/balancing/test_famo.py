"""FAMO: logits that learn from what a step did."""

import numpy as np
import torch

from skmtl.balancing._famo import FAMO

LOSSES = np.random.default_rng(0).uniform(0.1, 3, size=(6, 1, 4))
SCALES = np.array([0.1, 1.0, 7.0, 30.0])
THERE = np.ones((1, 4), bool)


def run(method, losses, rates):
    balancer = method.start(1, losses.shape[2])
    for before, rate in zip(losses, rates, strict=True):
        weights = balancer.balance(losses=before).weights
        balancer.follow_up(before, before * rate, THERE)
    return weights, balancer.state["logits"]


def test_values_by_hand():
    # Equal shares by L = 1, 2; after a first step of Adam, logits are ± the learning rate: shares as 3 to 1.
    balancer, losses, both = (
        FAMO(learning_rate=np.log(3) / 2).start(1, 2),
        np.array([[1.0, 2.0]]),
        np.ones((1, 2), bool),
    )
    np.testing.assert_allclose(balancer.balance(losses=losses).weights, [[2 / 3, 1 / 3]])
    balancer.follow_up(losses, losses * [[1.0, 0.5]], both)
    np.testing.assert_allclose(balancer.balance(losses=losses).weights, [[6 / 7, 1 / 7]], rtol=1e-6)


def test_logits_are_those_of_adam_with_its_weight_decay():
    rates = np.random.default_rng(1).uniform(0.5, 1.1, size=LOSSES.shape)
    _, own = run(FAMO(learning_rate=0.1, decay=0.05), LOSSES, rates)
    logits = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([logits], lr=0.1, weight_decay=0.05)
    for rate in rates:
        fallen = torch.from_numpy(-np.log(rate[0]))
        (logits.grad,) = torch.autograd.grad(torch.softmax(logits, 0), logits, fallen)
        adam.step()
    np.testing.assert_allclose(own[0], logits.detach().numpy(), rtol=1e-6)


def test_weights_are_the_derivative_of_the_weighted_logarithms():
    balancer = FAMO().start(1, 4)
    balancer.state["logits"][:] = [[0.5, -1.0, 0.2, 2.0]]
    weights = balancer.balance(losses=LOSSES[0]).weights
    losses = torch.tensor(LOSSES[0], requires_grad=True)
    (torch.softmax(torch.tensor([0.5, -1.0, 0.2, 2.0], dtype=torch.float64), 0) * losses.log()).sum().backward()
    expected = losses.grad.numpy()
    np.testing.assert_allclose(weights, expected / expected.sum(), rtol=1e-10)


def test_no_scale_of_a_loss_reaches_the_logits():
    rates = np.random.default_rng(1).uniform(0.5, 1.1, size=LOSSES.shape)
    (plain, own), (scaled, other) = run(FAMO(), LOSSES, rates), run(FAMO(), LOSSES * SCALES, rates)
    np.testing.assert_allclose(other, own, rtol=1e-9)
    ratio = scaled * SCALES / plain
    np.testing.assert_allclose(ratio, ratio[0, 0])


def test_losses_that_fall_alike_teach_nothing():
    balancer = FAMO(decay=0.0).start(1, 4)
    balancer.follow_up(np.full((1, 4), 2.0), np.full((1, 4), 1.0), THERE)
    np.testing.assert_array_equal(balancer.state["logits"], 0)


def test_a_task_keeps_its_logit_and_its_means_while_it_is_absent():
    balancer = FAMO().start(1, 2)
    before, both = np.array([[1.0, 1.0]]), np.ones((1, 2), bool)
    balancer.follow_up(before, np.array([[0.5, 0.9]]), both)
    kept = {name: values.copy() for name, values in balancer.state.items()}
    balancer.follow_up(before, np.array([[0.5, 0.1]]), np.array([[True, False]]))
    for name, values in balancer.state.items():
        assert values[0, 1] == kept[name][0, 1]
    assert balancer.state["steps"][0, 0] == 2


def test_losses_that_are_not_finite_after_the_step_teach_nothing_of_their_task():
    balancer = FAMO().start(1, 4)
    balancer.follow_up(LOSSES[0], np.array([[np.nan, np.inf, 0.0, -1.0]]), THERE)
    assert np.isfinite(balancer.state["logits"]).all()
    assert (balancer.balance(losses=LOSSES[0]).weights > 0).all()
