"""ExcessMTL: tasks far from their own optimum get more weight; its formula by hand is in test_jacobians.py."""

import numpy as np
import pytest
import torch

from skmtl.balancing._excess_mtl import ExcessMTL

RNG = np.random.default_rng(0)
STEPS = torch.from_numpy(RNG.normal(size=(15, 1, 4, 6)) * np.exp(RNG.normal(size=(1, 1, 4, 1))))


def weights_after(method, steps, present=None):
    balancer = method.start(1, steps.shape[2])
    for place, jacobian in enumerate(steps):
        weights = balancer.balance(jacobian=jacobian, present=None if present is None else present[place]).weights
    return weights


def test_weights_agree_with_torchjd():
    aggregation = pytest.importorskip("torchjd.aggregation")
    other = aggregation.ExcessMTLWeighting(robust_step_size=0.3, n_warmup_steps=1)  # which ends with its first excess
    balancer = ExcessMTL(eta=0.3).start(1, 4)
    for jacobian in 1e4 * STEPS:  # beside which its epsilons of 1e-7 are nothing
        expected = other(jacobian[0])
        np.testing.assert_allclose(balancer.balance(jacobian=jacobian).weights[0] / 4, expected.numpy(), rtol=1e-9)


def test_no_tasks_scale_matters():
    scales = torch.tensor([1e-12, 1.0, 1e5, 1e12], dtype=torch.float64)[:, None]
    plain, scaled = weights_after(ExcessMTL(0.5), STEPS), weights_after(ExcessMTL(0.5), STEPS * scales)
    np.testing.assert_allclose(scaled, plain, rtol=1e-9)


def test_weights_sum_to_the_number_of_tasks_and_stay_finite():
    grown = STEPS.clone()
    grown[:, :, 1:] *= torch.logspace(0, 14, 15, dtype=torch.float64).view(-1, 1, 1, 1)
    weights = weights_after(ExcessMTL(1.0), grown)
    assert (weights > 1e-9).all()  # from where a task can come back
    np.testing.assert_allclose(weights.sum(1), 4)


def test_a_task_whose_gradient_vanishes_loses_weight():
    fading = STEPS.clone()
    fading[5:, :, 0] *= 1e-3
    assert weights_after(ExcessMTL(0.5), fading)[0, 0] < weights_after(ExcessMTL(0.5), STEPS)[0, 0]


def test_a_task_that_is_away_keeps_its_share():
    balancer = ExcessMTL(0.5).start(1, 3)
    for jacobian in STEPS[:5, :, :3]:
        weights = balancer.balance(jacobian=jacobian).weights
    present = np.array([[False, True, True]])
    before = np.exp(balancer.state["log_weights"])
    for jacobian in STEPS[5:, :, :3]:
        balancer.balance(jacobian=jacobian, present=present)
    after = np.exp(balancer.state["log_weights"])
    np.testing.assert_allclose(after[0, 0] / after.sum(), before[0, 0] / before.sum())
    np.testing.assert_allclose(before[0, 0] / before.sum(), weights[0, 0] / 3)
    assert not np.allclose(after[0, 1:], before[0, 1:])


def test_a_light_task_stays_light_while_the_heavy_one_is_away():
    balancer = ExcessMTL().start(1, 2)
    jacobian = torch.eye(2)[None]
    balancer.balance(jacobian=jacobian)
    balancer.state["log_weights"] = np.log(np.array([[0.95, 0.05]]))
    balancer.balance(jacobian=jacobian, present=np.array([[False, True]]))
    weights = balancer.balance(jacobian=jacobian).weights
    np.testing.assert_allclose(weights, [[1.9, 0.1]], rtol=0.02)


def test_eta_must_be_positive():
    with pytest.raises(ValueError, match="'eta' parameter of ExcessMTL"):
        ExcessMTL(eta=0.0).start(1, 2)


@pytest.mark.parametrize("size", [1e-25, 1e20])
def test_single_precision_gradients_of_any_size_are_squared(size):
    balancer, gradients = ExcessMTL().start(1, 2), torch.eye(2)[None]
    plain = ExcessMTL().start(1, 2)
    for factors in ([1.0, 1.0], [3.0, 1.0], [1.0, 0.2]):
        step = gradients * torch.tensor(factors)[:, None]
        expected = plain.balance(jacobian=step).weights
        np.testing.assert_allclose(balancer.balance(jacobian=step * size).weights, expected, rtol=1e-5)
    assert abs(expected[0, 0] - 1) > 1e-3
