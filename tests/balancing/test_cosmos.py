"""COSMOS: the mean of the losses, less a bonus for equal ones."""

import numpy as np
import pytest

from skmtl.balancing._cosmos import COSMOS

LOSSES = np.random.default_rng(0).uniform(0.1, 3, size=(50, 4))


def test_values_by_hand():
    # L = (3, 4): ‖L‖ = 5, so the cosine's derivative is (1 − 7/25 (3, 4)) / (5 √2) = (.16, −.12) / (5 √2)
    np.testing.assert_allclose(COSMOS(lam=5 * np.sqrt(2)).weights([3.0, 4.0]), [0.5 - 0.16, 0.5 + 0.12])


def test_without_a_bonus_it_is_the_mean():
    np.testing.assert_array_equal(COSMOS(lam=0.0).weights(LOSSES), np.full(LOSSES.shape, 0.25))


def test_the_bonus_does_not_change_the_weighted_sum_of_the_losses():
    weights = COSMOS(lam=3.0).weights(LOSSES)  # a cosine is the same for all lengths
    np.testing.assert_allclose((weights * LOSSES).sum(1), LOSSES.mean(1))


def test_losses_above_the_ray_weigh_more():
    order = np.argsort(LOSSES, 1)
    assert (np.diff(np.take_along_axis(COSMOS().weights(LOSSES), order, 1)) > 0).all()


@pytest.mark.parametrize("n_tasks", [1, 2, 5])
def test_losses_of_zero_have_no_direction_and_get_the_mean(n_tasks):
    np.testing.assert_array_equal(COSMOS().weights(np.zeros(n_tasks)), np.full(n_tasks, 1 / n_tasks))


def test_a_single_task_has_weight_one():
    np.testing.assert_allclose(COSMOS().weights([[0.3], [1e-12]]), 1)
