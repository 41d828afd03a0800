"""Pooled embeddings of lists of identifiers."""

import copy

import numpy as np
import pytest
import torch

from skmtl.nn import MLP, BagTrunk, Network
from skmtl.nn._bag import BAG_POOLINGS, AttentionBag, MeanBag


def draws(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def bag(kind, dropout=0.0, n_members=2):
    module = kind(7, 3, dropout, draws(*range(n_members))).double()
    if isinstance(module, AttentionBag):
        torch.nn.init.normal_(module.score.weight, generator=torch.Generator().manual_seed(9))
    return module


X = torch.tensor(
    [[2.0, 5.0, 6.0, 0.5, 2.0, 1.0], [6.0, 0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
).double()
GRADIENT = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_attention_is_a_softmax_of_scores_and_weights():
    embedding = bag(AttentionBag)
    found = embedding(X)
    for member, table in enumerate(embedding.weight):
        vectors = table[[2, 5, 6]]
        units = torch.tanh(vectors @ embedding.hidden.weight[member] + embedding.hidden.bias[member])
        logits = (units @ embedding.score.weight[member])[:, 0] + torch.tensor([0.5, 2, 1]).double().log()
        torch.testing.assert_close(found[member, 0], logits.softmax(0) @ vectors)
        torch.testing.assert_close(found[member, 1], table[6])


def test_attention_starts_as_the_mean_by_weights():
    attention, mean = AttentionBag(7, 3, 0.0, draws(0)).double(), MeanBag(7, 3, 0.0, draws(0)).double()
    torch.testing.assert_close(attention(X), mean(X))
    table = mean.weight[0]
    torch.testing.assert_close(mean(X)[0, 0], (0.5 * table[2] + 2 * table[5] + table[6]) / 3.5)


@pytest.mark.parametrize("kind", BAG_POOLINGS.values())
def test_padding_and_neighbours_change_nothing_and_an_empty_list_is_zero(kind):
    embedding = bag(kind)
    found = embedding(X)
    padded = torch.zeros(3, 12).double()
    padded[:, [0, 2, 5]], padded[:, [6, 8, 11]] = X[:, :3], X[:, 3:]
    padded[:, 1] = 4  # a place whose weight is 0
    torch.testing.assert_close(embedding(padded), found)
    torch.testing.assert_close(embedding(X[:1]), found[:, :1])
    assert not found[:, 2].any()
    assert not embedding(X[2:]).any()
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("kind", BAG_POOLINGS.values())
def test_rows_of_each_member_are_read_by_its_own_table(kind):
    embedding = bag(kind)
    found = embedding(torch.stack([X, X.flip(0)]))
    torch.testing.assert_close(found[0], embedding(X)[0])
    torch.testing.assert_close(found[1], embedding(X.flip(0))[1])


def test_large_scores_do_not_overflow():
    embedding = bag(AttentionBag)
    with torch.no_grad():
        embedding.score.weight.mul_(1e6)
    assert torch.isfinite(embedding(X)).all()


def network(kind):
    trunk = MLP(3, [4], "tanh", 0.0, draws(0, 1))
    whole = Network(trunk, torch.zeros(2, 2), embedding=bag(kind)).double()
    torch.nn.init.normal_(whole.head.weight, generator=torch.Generator().manual_seed(5))
    return whole


@pytest.mark.parametrize("kind", BAG_POOLINGS.values())
def test_a_training_pass_has_the_gradients_of_automatic_differentiation(kind):
    whole = network(kind)
    whole.forward_training(X).backward(GRADIENT)
    found = {name: parameter.grad.clone() for name, parameter in whole.named_parameters()}
    whole.zero_grad()
    (whole(X) * GRADIENT).sum().backward()
    for name, parameter in whole.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad)
        assert parameter.grad.any() or name == "embedding.score.bias"  # it is the same for all


@pytest.mark.parametrize("kind", BAG_POOLINGS.values())
def test_the_jacobian_holds_each_tasks_gradient(kind):
    whole = network(kind)
    jacobian = whole.forward_training(X).jacobian(torch.ones(2, 3, 2).double())
    for task in range(2):
        own = torch.zeros(2, 3, 2).double()
        own[:, :, task] = 1
        whole.forward_training(X).backward(own)
        expected = torch.cat([parameter.grad.flatten(1) for parameter, _ in whole._shared], 1)
        torch.testing.assert_close(jacobian[:, task], expected)


def test_all_that_is_learned_belongs_to_a_member():
    tensors = {id(tensor) for tensor, owner in network(AttentionBag).member_tensors() if owner is None}
    whole = network(AttentionBag)
    assert len(tensors) == len(list(whole.parameters()))
    assert not whole.closed_form and network(MeanBag).closed_form


def test_members_start_from_their_own_generators():
    alone = AttentionBag(7, 3, 0.0, draws(1)).double()
    both = AttentionBag(7, 3, 0.0, draws(0, 1)).double()
    for ours, theirs in zip(both.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(ours[1:], theirs)
    assert torch.equal(copy.deepcopy(both)(X), both(X))


def test_the_trunk_says_how_lists_are_pooled():
    embedding = BagTrunk(5, dropout=0.25, pooling="mean").embedding(9, draws(0))
    assert type(embedding).__name__ == "MeanBag"
    assert embedding.weight.shape == (1, 9, 5)
    assert embedding.dropout.rate == 0.25
    assert type(BagTrunk().embedding(9, draws(0))).__name__ == "AttentionBag"
    with pytest.raises(ValueError, match=r"pooling must be one of \['attention', 'mean', 'sum'\], got 'max'"):
        BagTrunk(pooling="max").embedding(9, draws(0))
    with pytest.raises(ValueError, match="embedding_size must be a positive integer, got 0"):
        BagTrunk(0).embedding(9, draws(0))


def test_work_is_counted():
    assert bag(AttentionBag).n_products > bag(MeanBag).n_products == bag(BAG_POOLINGS["sum"]).n_products
    assert np.isfinite(network(AttentionBag).n_products)
