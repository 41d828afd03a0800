"""Rows mixed in pairs."""

import pytest
import torch
from torch import nn

from skmtl.nn import MLP, SHARINGS, BagEmbedding, MemberEmbedding, MemberModules, Mixing, MLPTrunk, Network

# Not a permutation: partners drawn by their labels may be partners of several.
MIXING = Mixing(torch.tensor([3, 2, 0, 3, 5, 3]), 0.7)


def draws(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def network_of(kind):
    embedding, trunk = None, MLP(5, [4, 3], "gelu", 0.0, draws(0, 1))
    if kind == "foreign":
        trunk = MemberModules([nn.Sequential(nn.Linear(5, 4), nn.Tanh()) for _ in range(2)], 5)
    elif kind == "embedded":
        embedding, trunk = MemberEmbedding([6], 2, draws(2, 3)), MLP(6, [4], "tanh", 0.0, draws(0, 1))
    elif kind == "embedded and linear":
        embedding, trunk = MemberEmbedding([6], 2, draws(2, 3)), MLP(6, [], "tanh", 0.0, draws(0, 1))
    elif kind == "texts":
        embedding, trunk = BagEmbedding(6, 3, 0.0, draws(2, 3)), MLP(3, [4], "tanh", 0.0, draws(0, 1))
    elif kind in SHARINGS:
        trunk = SHARINGS[kind]().build(MLPTrunk((4, 3), activation="tanh"), 5, 3, draws(0, 1))
    network = Network(trunk, torch.zeros(2, 3), None, embedding).double()
    with torch.no_grad():
        network.head.weight.normal_(generator=draws(7)[0])
    return network


def features(kind):
    generator = draws(1)[0]
    if kind == "texts":
        return torch.cat(
            [torch.randint(0, 6, (6, 2), generator=generator), torch.rand(6, 2, generator=generator)], 1
        ).double()
    x = torch.randn(6, 5, generator=generator, dtype=torch.float64)
    x[:, 4] = torch.arange(6)
    return x


def read_by_hand(network, x):
    """Return what the trunk reads, mixed row by row."""
    read = x if network.embedding is None else network.embedding(x)
    rows = [0.7 * read[..., row, :] + 0.3 * read[..., int(MIXING.partners[row]), :] for row in range(6)]
    return torch.stack(rows, -2)


KINDS = ["built-in", "embedded", "embedded and linear", "texts", "foreign", "mmoe", "cross_stitch"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_trunk_reads_is_mixed_behind_embeddings(kind):
    network, x = network_of(kind), features(kind)
    expected = network.head(network.trunk(read_by_hand(network, x)))
    torch.testing.assert_close(network(x, None, MIXING), expected)
    torch.testing.assert_close(network.forward_training(x, None, MIXING).outputs, expected.detach())


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_automatic_differentiation(kind):
    network, x = network_of(kind), features(kind)
    gradient = torch.randn(2, 6, 3, generator=draws(3)[0], dtype=torch.float64)
    network.head(network.trunk(read_by_hand(network, x))).backward(gradient)
    expected = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    network.forward_training(x, None, MIXING).backward(gradient)
    for parameter, theirs in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, theirs)


@pytest.mark.parametrize("kind", ["embedded", "texts", "mmoe"])
@pytest.mark.parametrize("rows", [slice(None), slice(1, None, 2)], ids=["all", "some"])
def test_the_jacobian_holds_the_gradients_of_each_task(kind, rows):
    network, x = network_of(kind), features(kind)
    gradient = torch.zeros(2, 6, 3, dtype=torch.float64)
    gradient[:, rows] = torch.randn(2, 6, 3, generator=draws(3)[0], dtype=torch.float64)[:, rows]
    passed = network.forward_training(x, None, MIXING)
    jacobian = passed.jacobian(gradient[:, rows], rows)
    for task in range(3):
        network.zero_grad()
        own = torch.zeros_like(gradient)
        own[..., task] = gradient[..., task]
        network.head(network.trunk(read_by_hand(network, x))).backward(own)
        expected = [parameter.grad.clone() for parameter, _ in passed.shared]
        network.zero_grad()
        passed.set_shared(jacobian[:, task])
        for (parameter, _), theirs in zip(passed.shared, expected, strict=True):
            torch.testing.assert_close(parameter.grad, theirs)


def test_a_share_of_one_and_a_row_that_is_its_own_partner_change_nothing():
    for x in (torch.randn(6, 5), torch.randn(2, 6, 5)):
        assert Mixing(MIXING.partners, 1.0).mixed(x).equal(x)
        assert MIXING.mixed(x)[..., 3, :].equal(x[..., 3, :])
