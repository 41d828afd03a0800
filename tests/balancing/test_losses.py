"""Methods on losses: their weights are derivatives of what they say they minimise."""

import numpy as np
import pytest
import torch

from skmtl.balancing import (
    COSMOS,
    FAMO,
    PBI,
    DynamicWeightAverage,
    GeometricLoss,
    RandomLossWeighting,
    ScaleInvariant,
    SmoothTchebycheff,
    Uniform,
)
from skmtl.balancing._epochs import epoch_means, follow_epochs
from skmtl.balancing._go4align import group_means

LOSSES = np.random.default_rng(0).uniform(0.1, 3, size=(50, 4))


def cosine(losses):
    return losses.sum(1) / (2 * losses.norm(dim=1))


def way_and_distance(losses):
    way = losses.sum(1) / 2
    return way, (losses - way[:, None] / 2).norm(dim=1)


SCALARS = {
    "uniform": (Uniform(), lambda losses: losses.sum(1)),
    "scale_invariant": (ScaleInvariant(), lambda losses: losses.log().sum(1)),
    "geometric": (GeometricLoss(), lambda losses: losses.prod(1) ** 0.25),
    "stch": (SmoothTchebycheff(mu=0.3), lambda losses: 0.3 * torch.logsumexp(losses / 4 / 0.3, 1)),
    "cosmos": (COSMOS(lam=0.7), lambda losses: losses.mean(1) - 0.7 * cosine(losses)),
    "pbi": (PBI(theta=2.0), lambda losses: way_and_distance(losses)[0] + 2 * way_and_distance(losses)[1]),
}


@pytest.mark.parametrize("name", SCALARS)
def test_weights_are_the_derivative_of_the_scalar_loss(name):
    method, scalar = SCALARS[name]
    losses = torch.tensor(LOSSES, requires_grad=True)
    scalar(losses).sum().backward()
    np.testing.assert_allclose(method.weights(LOSSES), losses.grad.numpy(), rtol=1e-10)


def test_losses_below_the_floor_count_as_the_floor():
    np.testing.assert_allclose(ScaleInvariant(floor=0.1).weights([1.0, 0.01, -2.0]), [1, 10, 10])


def test_epochs_in_which_a_task_is_missing_do_not_count_for_it():
    balancer = DynamicWeightAverage().start(1, 2)
    both, first = np.array([[True, True]]), np.array([[True, False]])
    for epoch, (losses, present) in enumerate(
        [([1.0, 4.0], both), ([0.5, 9.0], first), ([0.25, 1.0], both), ([0.2, 1.0], both)]
    ):
        weights = balancer.balance(losses=np.array([losses]), present=present, epoch=epoch).weights
    rates = np.exp(np.array([0.5, 0.25]) / 2)  # .25 / .5, and 1 / 4 over the two epochs with labels
    np.testing.assert_allclose(weights, [2 * rates / rates.sum()])


def test_means_are_those_of_the_epochs():
    state = epoch_means(1, 1)
    for epoch, loss in [(0, 1.0), (0, 3.0), (1, 5.0), (2, 7.0)]:
        follow_epochs(np.array([[loss]]), epoch, state)
    assert (state["before"].item(), state["last"].item(), state["n_means"].item()) == (2, 5, 2)


def test_the_published_soft_maximum_measures_losses_after_its_warm_up():
    balancer = SmoothTchebycheff(mu=1.0, warmup_epochs=1).start(1, 2)
    for epoch, losses in enumerate([[3.0, 3.0], [2.0, 4.0], [1.0, 4.0]]):
        weights = balancer.balance(losses=np.array([losses]), epoch=epoch).weights
        if epoch < 2:
            np.testing.assert_allclose(weights, [1 / np.array(losses)])
    shares = np.array([0.5, 1.0]) / 1.5  # exp(log(L / L̄)) with L̄ = 2, 4
    np.testing.assert_allclose(weights, [2 * shares / np.array([1.0, 4.0])])


@pytest.mark.parametrize("distribution", ["normal", "uniform", "dirichlet", "bernoulli", "one_hot"])
def test_random_weights_sum_to_one_and_are_equal_in_the_mean(distribution):
    weights = RandomLossWeighting(distribution).weights(np.ones((20_000, 3)), np.random.default_rng(0))
    np.testing.assert_allclose(weights.sum(1), 1)
    np.testing.assert_allclose(weights.mean(0), 1 / 3, atol=0.01)
    assert weights.std(0).min() > 0.01


def test_a_common_shift_of_logits_changes_nothing():
    one, other = FAMO().start(1, 3), FAMO().start(1, 3)
    other.state["logits"] += 5.0
    losses = LOSSES[:1, :3]
    np.testing.assert_allclose(one.balance(losses=losses).weights, other.balance(losses=losses).weights)


@pytest.mark.parametrize("n_groups", [1, 2, 3])
def test_groups_have_the_smallest_squares_of_all_cuts(n_groups):
    values = np.random.default_rng(1).exponential(size=(20, 6))
    means = group_means(values, n_groups)
    for row, own in zip(values, means, strict=True):
        ordered = np.sort(row)
        best = np.inf
        for first in range(7):
            for second in range(first, 7):
                parts = [part for part in (ordered[:first], ordered[first:second], ordered[second:]) if len(part)]
                if len(parts) <= n_groups:
                    best = min(best, sum(((part - part.mean()) ** 2).sum() for part in parts))
        assert ((row - own) ** 2).sum() == pytest.approx(best)
