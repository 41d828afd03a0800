"""Bags of embeddings."""

import copy
import pickle

import pytest
import torch

from skmtl.nn import MLP, BagEmbedding, Network, TextTrunk, bag_of


def draws(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def bag(dropout=0.0, n_members=2):
    return BagEmbedding(7, 3, dropout, draws(*range(n_members))).double()


X = torch.tensor(
    [[2.0, 5.0, 0.0, 0.5, 2.0, 0.0], [6.0, 0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
).double()


def test_a_bag_is_the_weighted_sum_of_its_vectors():
    embedding = bag()
    found = embedding(X)
    for member, table in enumerate(embedding.weight):
        torch.testing.assert_close(found[member, 0], 0.5 * table[2] + 2 * table[5])
        torch.testing.assert_close(found[member, 1], table[6])
        assert not found[member, 2].any()


def test_rows_of_each_member_are_read_by_its_own_table():
    embedding = bag()
    own = torch.stack([X, X.flip(0)])
    found = embedding(own)
    torch.testing.assert_close(found[0], embedding(X)[0])
    torch.testing.assert_close(found[1], embedding(X.flip(0))[1])


@pytest.mark.parametrize("rows", [slice(None), slice(0, 2)])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_closed_gradient_is_that_of_automatic_differentiation(rows, dropout):
    embedding = bag(dropout)
    embedding.dropout.generator = torch.Generator().manual_seed(3)
    gradient = torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)[:, rows]
    (embedding(X)[:, rows] * gradient).sum().backward()
    expected = embedding.weight.grad.clone()
    embedding.backward(X, gradient, rows)
    torch.testing.assert_close(embedding.weight.grad, expected)
    assert expected.any()


def test_a_closed_pass_has_the_gradients_of_automatic_differentiation():
    trunk = MLP(3, [4], "tanh", 0.0, draws(0, 1))
    network = Network(trunk, torch.zeros(2, 2), embedding=bag()).double()
    torch.nn.init.normal_(network.head.weight, generator=torch.Generator().manual_seed(5))
    gradient = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    network.forward_training(X).backward(gradient)
    found = {name: parameter.grad.clone() for name, parameter in network.named_parameters()}
    network.zero_grad()
    (network(X) * gradient).sum().backward()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad)


def test_the_jacobian_holds_each_tasks_gradient_of_the_table():
    trunk = MLP(3, [4], "tanh", 0.0, draws(0, 1))
    network = Network(trunk, torch.zeros(2, 2), embedding=bag()).double()
    torch.nn.init.normal_(network.head.weight, generator=torch.Generator().manual_seed(5))
    gradient = torch.ones(2, 3, 2, dtype=torch.float64)
    jacobian = network.forward_training(X).jacobian(gradient)
    for task in range(2):
        own = torch.zeros_like(gradient)
        own[:, :, task] = 1
        network.forward_training(X).backward(own)
        torch.testing.assert_close(jacobian[:, task, -21:], network.embedding.weight.grad.flatten(1))


def test_members_start_from_their_own_generators():
    torch.testing.assert_close(bag().weight[1:], BagEmbedding(7, 3, 0.0, draws(1)).double().weight)


def test_masks_belong_to_no_copy():
    embedding = bag(0.5)
    embedding(X)
    for copied in (copy.deepcopy(embedding), pickle.loads(pickle.dumps(embedding))):
        assert copied._mask is None
    assert torch.equal(embedding.eval()(X), embedding(X))


def test_embeddings_are_as_long_as_the_trunk_says():
    assert bag_of(TextTrunk(embedding_size=5, dropout=0.25), 9, draws(0)).weight.shape == (1, 9, 5)
    assert bag_of(TextTrunk(dropout=0.25), 9, draws(0)).dropout.rate == 0.25
    with pytest.raises(ValueError, match="embedding_size must be a positive integer, got 0"):
        bag_of(TextTrunk(embedding_size=0), 9, draws(0))
