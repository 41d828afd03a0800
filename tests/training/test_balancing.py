"""The backward pass of a step under a balancing."""

import numpy as np
import pytest
import torch

from skmtl.balancing import GradDrop
from skmtl.balancing._graddrop import LARGEST_SEED
from skmtl.nn import Heads
from skmtl.training._balancing import weighted_sum


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_counts_for_nothing_if_its_weight_is_zero(value):
    jacobian = torch.tensor([[[1.0, 2.0], [value, 3.0]]])
    torch.testing.assert_close(weighted_sum(np.array([[2.0, 0.0]]), jacobian), torch.tensor([[2.0, 4.0]]))


def test_gradients_are_weighted_for_each_member():
    jacobian = torch.tensor([[[1.0], [10.0]], [[2.0], [20.0]]])
    weights = np.array([[1.0, 0.5], [3.0, -1.0]])
    torch.testing.assert_close(weighted_sum(weights, jacobian), torch.tensor([[6.0], [-14.0]]))


@pytest.mark.parametrize("widths", [(1, 1, 1), (2, 1, 3)])
def test_graddrop_keeps_the_tasks_that_pull_a_unit_one_way_in_all_rows(widths):
    owners = [task for task, width in enumerate(widths) for _ in range(width)]
    draws = torch.Generator().manual_seed(0)
    heads = Heads(2, 4, owners).double()
    units, derivative = (torch.randn(2, 6, size, generator=draws).double() for size in (4, len(owners)))
    with torch.no_grad():
        heads.weight.normal_(generator=draws)
    balancer = GradDrop().start(2, 3)
    shares = balancer.balance(jacobian=heads.pulls(derivative, units.sign()), pulls=True).jacobian
    found = heads.pulled(derivative, units.sign(), shares)

    # The paper's rule, unit by unit: the numbers drawn are those of the seeds that the balancer drew.
    own = heads.task_gradients(derivative).detach()  # (M, T, B, H)
    for member in range(2):
        seed = int(np.random.default_rng(member).integers(LARGEST_SEED))
        drawn = torch.rand(4, generator=torch.Generator().manual_seed(seed))
        for unit in range(4):
            signed = own[member, :, :, unit] * units[member, :, unit].sign()
            pull = signed.sum(1)
            up = 0.5 * (1 + pull.sum() / pull.abs().sum()) > drawn[unit]
            kept = torch.where((signed > 0) == up, own[member, :, :, unit], 0)
            torch.testing.assert_close(found[member, :, unit], kept.sum(0))
