import copy

import numpy as np
import pytest
import torch
from torch import nn

from skmtl.nn import MLP, MemberEmbedding, MemberLinear, ModuleTrunk, Network
from skmtl.training._optimizers import decaying_weights


def draws(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def embedding(n_members=2, rows=(3, 4), size=2):
    return MemberEmbedding(rows, size, draws(*range(n_members)))


def features(*leading, seed=0):
    """Two numbers, and a row of each column of `embedding`'s table."""
    generator = draws(seed)[0]
    numbers = torch.randn(*leading, 2, generator=generator)
    first = torch.randint(0, 3, (*leading, 1), generator=generator)
    second = torch.randint(3, 7, (*leading, 1), generator=generator)
    return torch.cat([numbers, first, second], -1)


def test_places_give_way_to_their_vectors():
    layer = embedding()
    x = torch.tensor([[0.5, -1.0, 2.0, 3.0]])
    out = layer(x)
    for member in range(2):
        expected = torch.cat([x[0, :2], layer.weight[member, 2], layer.weight[member, 3]])
        assert torch.equal(out[member, 0], expected)


def test_rows_of_each_members_own_are_read_from_its_own_table():
    layer, x = embedding(), features(2, 5)
    out = layer(x)
    for member in range(2):
        assert torch.equal(out[member], layer(x[member])[member])


def test_vectors_of_categories_that_were_not_there_start_at_zero():
    weight = embedding().weight
    assert (weight[:, [0, 3]] == 0).all()
    assert (weight[:, [1, 2, 4, 5, 6]] != 0).all()


def test_a_member_among_others_starts_as_it_does_alone():
    assert torch.equal(embedding(3).weight[:2], embedding(2).weight)


@pytest.mark.parametrize("leading", [(6,), (2, 6)])
def test_backward_is_the_gradient_of_automatic_differentiation(leading):
    layer, x = embedding().double(), features(*leading).double()
    gradient = torch.randn(2, 6, 4, generator=draws(1)[0], dtype=torch.float64)
    layer(x)[..., 2:].backward(gradient)
    expected = layer.weight.grad.clone()
    layer.weight.grad = torch.full_like(expected, 7.0)  # what was there does not count
    layer.backward(x, gradient)
    torch.testing.assert_close(layer.weight.grad, expected)


def closed(sizes):
    trunk = MLP(2 + 4, sizes, "tanh", 0.0, draws(0, 1))
    return Network(trunk, torch.zeros(2, 3), None, embedding()).double()


@pytest.mark.parametrize("sizes", [(), (5,), (5, 4)])
def test_a_network_with_an_embedding_has_the_gradients_of_automatic_differentiation(sizes):
    network, x = closed(sizes), features(6).double()
    with torch.no_grad():
        network.head.weight.normal_(generator=draws(3)[0])
    passed = network.forward_training(x)
    gradient = torch.randn(passed.outputs.shape, generator=draws(4)[0], dtype=torch.float64)
    passed.backward(gradient)
    found = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    network(x).backward(gradient)
    for mine, parameter in zip(found, network.parameters(), strict=True):
        torch.testing.assert_close(mine, parameter.grad)


def test_a_foreign_trunk_trains_the_table_too():
    trunk = ModuleTrunk(nn.Linear, out_features=3).build(6, draws(0, 1))
    network = Network(trunk, torch.zeros(2, 1), None, embedding())
    with torch.no_grad():
        network.head.weight.fill_(1.0)
    passed = network.forward_training(features(6))
    passed.backward(torch.ones_like(passed.outputs))
    assert network.embedding.weight.grad.abs().sum() > 0
    assert network.represent(features(6)).shape == (2, 6, 3)


def test_the_table_is_part_of_a_members_state_and_does_not_decay():
    network = closed((5,))
    tensors = [tensor for tensor, owner in network.member_tensors() if owner is None]
    assert any(tensor is network.embedding.weight for tensor in tensors)
    assert not any(weight is network.embedding.weight for weight in decaying_weights(network))


# Outputs that do not depend on the features


@pytest.mark.parametrize("closed_form", [True, False])
def test_outputs_of_bias_only_stay_constant(closed_form):
    layer = MemberLinear(2, 3, 4, bias_only=[False, True, True, False])
    x = torch.randn(5, 3, generator=draws(0)[0])
    gradient = torch.randn(2, 5, 4, generator=draws(1)[0])
    solver = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(3):
        if closed_form:
            layer.backward(x, gradient)
        else:
            solver.zero_grad()
            layer(x).backward(gradient)
        solver.step()
    out = layer(x)
    assert torch.equal(out[..., 1:3], out[:, :1, 1:3].expand(2, 5, 2))
    assert (out[:, 0, 1:3] != 0).all()
    assert (out[:, 0, [0, 3]] != out[:, 1, [0, 3]]).all()
    assert torch.equal(copy.deepcopy(layer)(x), out)


def test_without_bias_only_there_is_no_mask():
    assert MemberLinear(1, 2, 3).mask is None
    assert MemberLinear(1, 2, 3, bias_only=[False] * 3).mask is None
    np.testing.assert_array_equal(MemberLinear(1, 2, 2, bias_only=[False, True]).mask, [True, False])
