"""Smooth Tchebycheff: both forms are derivatives, and task weights count in both."""

import numpy as np
import pytest
import torch

from skmtl.balancing._stch import SmoothTchebycheff

LOSSES = np.random.default_rng(0).uniform(0.1, 3, size=(50, 4))


def warmed_up(losses, nadir, task_weights=None, mu=0.7):
    """Weights of the first step after the measured epoch, whose mean losses are `nadir`."""
    balancer = SmoothTchebycheff(mu=mu, warmup_epochs=0).start(len(losses), losses.shape[1], task_weights)
    balancer.balance(losses=np.broadcast_to(nadir, losses.shape), epoch=0)
    return balancer.balance(losses=losses, epoch=1).weights


def test_values_by_hand():
    # ½ softmax(L / (2 μ)), where the first is larger by log 3
    np.testing.assert_allclose(SmoothTchebycheff(mu=0.5).weights([1 + np.log(3), 1.0]), [3 / 8, 1 / 8])
    # T softmax(log(L / L̄) / μ) / L, with L / L̄ as 3 to 1
    np.testing.assert_allclose(warmed_up(np.array([[3.0, 2.0]]), [1.0, 2.0], mu=1.0), [[2 * 0.75 / 3, 2 * 0.25 / 2]])


def test_the_published_form_is_the_derivative_of_its_scalar_loss():
    nadir = np.array([0.5, 1.0, 2.0, 1.5])
    losses = torch.tensor(LOSSES, requires_grad=True)
    scalar = 4 * 0.7 * torch.logsumexp((losses / torch.from_numpy(nadir)).log() / 0.7, 1)
    scalar.sum().backward()
    np.testing.assert_allclose(warmed_up(LOSSES, nadir), losses.grad.numpy(), rtol=1e-10)


def test_the_published_form_does_not_feel_the_scale_of_a_loss():
    nadir, scales = np.array([0.5, 1.0, 2.0, 1.5]), np.array([0.1, 1.0, 7.0, 30.0])
    scaled = warmed_up(LOSSES * scales, nadir * scales)
    np.testing.assert_allclose(scaled * scales, warmed_up(LOSSES, nadir), rtol=1e-10)


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_task_weights_count_in_every_phase_of_the_published_form(epoch):
    method, even = SmoothTchebycheff(mu=1.0, warmup_epochs=1), np.ones((1, 2))
    plain, preferring = method.start(1, 2), method.start(1, 2, [4.0, 1.0])
    for past in range(epoch + 1):
        weights, preferred = (b.balance(losses=even, epoch=past).weights for b in (plain, preferring))
    np.testing.assert_allclose(preferred, weights * [4.0, 1.0])


def test_a_warm_up_that_is_searched_changes_what_task_weights_multiply():
    method = SmoothTchebycheff()
    assert method.sees_task_weights
    assert not method.set_params(warmup_epochs=4).sees_task_weights


def test_only_the_worst_task_is_trained_as_the_smoothing_vanishes():
    weights = SmoothTchebycheff(mu=1e-9).weights(LOSSES)
    np.testing.assert_array_equal(weights, (LOSSES.max(1, keepdims=True) == LOSSES) / 4)
    np.testing.assert_allclose(SmoothTchebycheff(mu=1e9).weights(LOSSES), 1 / 16, rtol=1e-6)


def test_a_common_shift_of_losses_changes_nothing():
    np.testing.assert_allclose(SmoothTchebycheff().weights(LOSSES - 5), SmoothTchebycheff().weights(LOSSES), rtol=1e-10)
