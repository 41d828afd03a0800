"""UW-SO: the softmax of the inverse losses."""

import numpy as np

from skmtl.balancing._uw_so import SoftOptimalUncertainty

LOSSES = np.random.default_rng(0).uniform(0.1, 3, size=(50, 4))


def test_values_by_hand():
    # 1 / L = 2 and 1, so the weights are as e² to e
    np.testing.assert_allclose(SoftOptimalUncertainty().weights([0.5, 1.0]), np.array([np.e, 1]) / (1 + np.e))


def test_weights_sum_to_one_and_order_tasks_by_their_losses():
    weights = SoftOptimalUncertainty(tau=0.5).weights(LOSSES)
    np.testing.assert_allclose(weights.sum(1), 1)
    np.testing.assert_array_equal(weights.argsort(1), (-LOSSES).argsort(1))


def test_a_common_scale_of_losses_is_a_scale_of_the_temperature():
    np.testing.assert_allclose(
        SoftOptimalUncertainty(tau=2.0).weights(LOSSES), SoftOptimalUncertainty(tau=0.5).weights(4 * LOSSES), rtol=1e-10
    )


def test_tiny_losses_and_temperatures_take_all_weight_without_overflow():
    weights = SoftOptimalUncertainty(tau=1e-6, floor=1e-12).weights([1e-12, 1e-6, 0.5])
    np.testing.assert_array_equal(weights, [1, 0, 0])
    np.testing.assert_array_equal(SoftOptimalUncertainty(tau=1e-6).weights([0.0, -1.0]), [0.5, 0.5])
