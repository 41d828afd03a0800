"""DWA and IGB: weights by the means of epochs."""

import numpy as np
import pytest

from skmtl.balancing._dwa import DynamicWeightAverage
from skmtl.balancing._igb_v1 import ImprovableGap

LOSSES = np.random.default_rng(0).uniform(0.1, 3, size=(5, 3, 2, 4))  # epochs, steps, members, tasks
SCALES = np.array([0.1, 1.0, 7.0, 30.0])


def last_weights(method, losses):
    balancer = method.start(losses.shape[2], losses.shape[3])
    for epoch, steps in enumerate(losses):
        for values in steps:
            weights = balancer.balance(losses=values, epoch=epoch).weights
    return weights


def test_average_by_a_plain_statement():
    rates = LOSSES[3].mean(0) / LOSSES[2].mean(0) / 2
    expected = 4 * np.exp(rates) / np.exp(rates).sum(1, keepdims=True)
    np.testing.assert_allclose(last_weights(DynamicWeightAverage(), LOSSES), expected, rtol=1e-10)


def test_average_does_not_change_with_the_scales_of_losses():
    method = DynamicWeightAverage(temperature=0.5)
    np.testing.assert_allclose(last_weights(method, LOSSES * SCALES), last_weights(method, LOSSES), rtol=1e-10)


def test_average_is_uniform_at_a_high_temperature():
    np.testing.assert_allclose(last_weights(DynamicWeightAverage(temperature=1e9), LOSSES), 1, rtol=1e-6)


@pytest.mark.parametrize("losses", [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, -2.0, -3.0]])
def test_a_rate_by_a_mean_of_zero_or_below_is_one(losses):
    steps = np.stack([[losses[epoch], 1.0] for epoch in range(3)])[:, None, None]
    rates = np.array([losses[1] / losses[0] if losses[0] > 0 else 1.0, 1.0]) / 2
    np.testing.assert_allclose(last_weights(DynamicWeightAverage(), steps), [2 * np.exp(rates) / np.exp(rates).sum()])


def test_gaps_by_hand():
    steps = np.array([[9.0, 9.0], [2.0, 4.0], [2.0, 4 + 4 * np.log(3)]])[:, None, None]  # L / L_b is 1, and 1 + log 3
    shares = np.array([0.25, 0.75])
    np.testing.assert_allclose(last_weights(ImprovableGap(), steps[:2]), [[1 / 2, 1 / 4]])
    np.testing.assert_allclose(last_weights(ImprovableGap(), steps), [2 * shares / steps[2, 0, 0]])


def test_gaps_by_a_plain_statement():
    gaps = np.exp(LOSSES[4, 2] / LOSSES[1].mean(0))
    expected = 4 * gaps / gaps.sum(1, keepdims=True) / LOSSES[4, 2]
    np.testing.assert_allclose(last_weights(ImprovableGap(), LOSSES), expected, rtol=1e-10)


def test_gaps_follow_the_scales_of_losses():
    scaled = last_weights(ImprovableGap(), LOSSES * SCALES)
    np.testing.assert_allclose(scaled * SCALES, last_weights(ImprovableGap(), LOSSES), rtol=1e-10)


def test_a_task_that_comes_late_starts_its_own_clock():
    balancer = ImprovableGap().start(1, 2)
    for epoch in range(6):
        present = np.array([[True, epoch >= 3]])
        balancer.balance(losses=np.array([[10.0 + epoch, 20.0 + epoch]]), present=present, epoch=epoch)
    np.testing.assert_array_equal(balancer.state["base"], [[11.0, 24.0]])
