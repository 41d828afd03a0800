"""The backward pass of a step under a balancing."""

import numpy as np
import pytest
import torch

from skmtl.training._balancing import weighted_sum


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_counts_for_nothing_if_its_weight_is_zero(value):
    jacobian = torch.tensor([[[1.0, 2.0], [value, 3.0]]])
    torch.testing.assert_close(weighted_sum(np.array([[2.0, 0.0]]), jacobian), torch.tensor([[2.0, 4.0]]))


def test_gradients_are_weighted_for_each_member():
    jacobian = torch.tensor([[[1.0], [10.0]], [[2.0], [20.0]]])
    weights = np.array([[1.0, 0.5], [3.0, -1.0]])
    torch.testing.assert_close(weighted_sum(weights, jacobian), torch.tensor([[6.0], [-14.0]]))
