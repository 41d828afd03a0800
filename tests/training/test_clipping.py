"""Gradient clipping, each member by its own norm."""

import pytest
import torch
from torch import nn

from skmtl.nn import MLP, MemberModules, Network
from skmtl.training._clipping import clip_gradients


def batched(n_members):
    draws = [torch.Generator().manual_seed(member) for member in range(n_members)]
    return Network(MLP(4, [5], "relu", 0.0, draws), torch.zeros(n_members, 2))


def looped(n_members):
    return Network(MemberModules([nn.Linear(4, 5) for _ in range(n_members)], 4), torch.zeros(n_members, 2))


def draw_gradients(network, scales):
    generator = torch.Generator().manual_seed(0)
    for tensor, owner in network.member_tensors():
        scale = torch.tensor(scales).view(-1, *[1] * (tensor.dim() - 1)) if owner is None else scales[owner]
        tensor.grad = torch.randn(tensor.shape, generator=generator) * scale


def norms(network):
    squares = torch.zeros(network.n_members)
    for tensor, owner in network.member_tensors():
        if owner is None:
            squares += tensor.grad.flatten(1).square().sum(1)
        else:
            squares[owner] += tensor.grad.square().sum()
    return squares.sqrt()


@pytest.mark.parametrize("make", [batched, looped])
def test_a_members_norm_is_at_most_the_maximum_and_short_gradients_stay(make):
    network = make(3)
    draw_gradients(network, [10.0, 1e-3, 1e3])
    before = norms(network)
    clip_gradients(network, 2.0)
    torch.testing.assert_close(norms(network), torch.tensor([2.0, before[1], 2.0]))


@pytest.mark.parametrize("make", [batched, looped])
def test_one_member_is_clipped_as_torch_does(make):
    network, twin = make(1), make(1)
    for one in (network, twin):
        draw_gradients(one, [5.0])
    clip_gradients(network, 1.5)
    torch.nn.utils.clip_grad_norm_(twin.parameters(), 1.5)
    for ours, theirs in zip(network.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=0)  # torch adds 1e-6 to the norm


def test_a_zero_gradient_stays_zero():
    network = batched(2)
    draw_gradients(network, [0.0, 0.0])
    clip_gradients(network, 1.0)
    assert all((tensor.grad == 0).all() for tensor, _ in network.member_tensors())


def test_tensors_without_a_gradient_are_left_out():
    network = batched(2)
    draw_gradients(network, [9.0, 9.0])
    network.trunk.layers[0].bias.grad = None
    clip_gradients(network, 1.0)
    assert network.trunk.layers[0].bias.grad is None
