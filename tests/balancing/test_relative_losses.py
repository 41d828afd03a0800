"""Scale-invariant learning and the geometric mean: how weights follow the scales of losses."""

import numpy as np
import pytest

from skmtl.balancing._geometric import GeometricLoss
from skmtl.balancing._scale_invariant import ScaleInvariant

LOSSES = np.random.default_rng(0).uniform(0.1, 3, size=(50, 4))
SCALES = np.array([0.1, 1.0, 7.0, 30.0])


def test_values_by_hand():
    np.testing.assert_allclose(ScaleInvariant().weights([0.25, 4.0]), [4, 0.25])
    np.testing.assert_allclose(GeometricLoss().weights([0.25, 4.0]), [2, 0.125])  # the mean is 1


def test_a_loss_times_a_number_has_its_weight_divided_by_it():
    np.testing.assert_allclose(
        ScaleInvariant().weights(LOSSES * SCALES), ScaleInvariant().weights(LOSSES) / SCALES, rtol=1e-12
    )


def test_the_geometric_mean_scales_with_the_losses():
    scaled, plain = GeometricLoss().weights(LOSSES * SCALES), GeometricLoss().weights(LOSSES)
    np.testing.assert_allclose(scaled * SCALES, plain * np.exp(np.log(SCALES).mean()), rtol=1e-10)


def test_weighted_losses_are_equal_and_sum_to_the_geometric_mean():
    weighted = GeometricLoss().weights(LOSSES) * LOSSES
    np.testing.assert_allclose(weighted, np.exp(np.log(LOSSES).mean(1, keepdims=True)) / 4 * np.ones(4))


@pytest.mark.parametrize("method", [ScaleInvariant(scale="sum"), GeometricLoss(scale="sum")])
def test_both_have_the_same_direction(method):
    inverse = 1 / LOSSES
    np.testing.assert_allclose(method.weights(LOSSES), 4 * inverse / inverse.sum(1, keepdims=True), rtol=1e-10)


@pytest.mark.parametrize(("method", "weight"), [(ScaleInvariant(), 1e4), (GeometricLoss(), 0.01)])
def test_a_hundred_losses_of_zero_count_as_the_floor(method, weight):
    np.testing.assert_allclose(method.weights(np.zeros(100)), weight)  # the product of the losses would be 0
