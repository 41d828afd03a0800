"""Soft sharing: steps that draw the tasks' weights to each other."""

import pytest
import torch

from skmtl.nn import Soft
from skmtl.nn._soft import _shrunk
from tests.nn.networks import N_TASKS, built, network_of, targets, train


@pytest.mark.parametrize("penalty", ["l2", "trace"])
def test_soft_sharing_without_bound_is_weights_in_common(penalty):
    sharing = Soft(penalty, strength=20.0 if penalty == "l2" else 200.0)  # times the rate of .05, 1 and above
    trunk = train(network_of(sharing), targets()).trunk
    weights = [parameter for name, parameter in trunk.named_parameters() if name.endswith("weight")]
    assert weights
    for weight in weights:
        flat = weight.detach().view(2, N_TASKS, -1)
        spread = (flat - flat.mean(1, keepdim=True)).abs().max()
        assert spread < 1e-12


# Found by use


def test_the_trace_norm_shrinks_by_the_amount_and_no_more():
    weights = torch.diag(torch.tensor([10.0, 1.0, 1e-3, 5e-5], dtype=torch.float64))[None]
    shrunk = torch.linalg.svdvals(_shrunk(weights, 1e-9)[0])
    torch.testing.assert_close(shrunk, torch.linalg.svdvals(weights[0]) - 1e-9, rtol=1e-6, atol=0)
    torch.testing.assert_close(_shrunk(weights, 2.0)[0], torch.diag(torch.tensor([8.0, 0, 0, 0], dtype=torch.float64)))


def test_a_member_that_diverged_does_not_stop_the_others():
    weights = torch.ones(2, 3, 4)
    weights[0, 1, 2] = torch.nan
    shrunk = _shrunk(weights, 0.1)
    torch.testing.assert_close(shrunk[0], weights[0], equal_nan=True)
    assert shrunk[1].isfinite().all()
    assert (shrunk[1] < 1).all()


@pytest.mark.parametrize("penalty", ["l2", "trace"])
def test_soft_sharing_leaves_frozen_weights_alone(penalty):
    trunk = built(Soft(penalty, strength=1.0))
    first = next(iter(trunk.parameters())).requires_grad_(False)
    with torch.no_grad():
        first += torch.randn_like(first)
    before = first.clone()
    trunk.after_step(0.5)
    assert torch.equal(first, before)
