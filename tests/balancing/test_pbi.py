"""PBI: a way along the ray of equal losses, and a distance from it."""

import numpy as np
import pytest

from skmtl.balancing._pbi import PBI

LOSSES = np.random.default_rng(0).uniform(0.1, 3, size=(50, 4))


def test_values_by_hand():
    # L = (3, 1): L − mean = (1, −1), d₂ = √2
    np.testing.assert_allclose(PBI(theta=1.0).weights([3.0, 1.0]), [np.sqrt(2), 0], atol=1e-12)


def test_weighted_losses_sum_to_way_and_distance():
    weights = PBI(theta=3.0).weights(LOSSES)  # both grow as the losses do
    distance = np.linalg.norm(LOSSES - LOSSES.mean(1, keepdims=True), axis=1)
    np.testing.assert_allclose((weights * LOSSES).sum(1), LOSSES.sum(1) / 2 + 3 * distance)


def test_a_common_scale_or_shift_of_losses_changes_nothing():
    np.testing.assert_allclose(PBI().weights(7 * LOSSES), PBI().weights(LOSSES), rtol=1e-8)
    np.testing.assert_allclose(PBI().weights(LOSSES + 2), PBI().weights(LOSSES), rtol=1e-8)


@pytest.mark.parametrize("losses", [[0.0, 0.0, 0.0], [0.1, 0.1, 0.1], [1e-30, 1e-30, 1e-30], [-2.0, -2.0, -2.0]])
def test_equal_losses_have_no_second_term(losses):
    np.testing.assert_allclose(PBI(theta=100.0).weights(losses), 1 / np.sqrt(3))


def test_a_single_task_has_weight_one():
    np.testing.assert_allclose(PBI().weights([[0.3], [0.0]]), 1)
