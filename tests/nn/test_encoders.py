"""Pretrained models of which a part is trained."""

import copy
import pickle

import numpy as np
import pytest
import torch

from skmtl.features import Backbone, Passage
from skmtl.nn import MLP, MemberEncoders, Network, Pace
from skmtl.nn._encoders import PretrainedEncoder, Tuning, layers_of
from skmtl.training._clipping import clip_gradients

PACE = Pace(1e-3, 0.5)
WAYS = {
    "lora": Tuning("lora", 4, None),
    "dora": Tuning("dora", 4, None),
    "last": Tuning(None, 8, 1),
    "all": Tuning(None, 8, None),
}
X = torch.tensor([[3.0, 6.0, 7.0, 9.0, 4.0], [3.0, 5.0, 4.0, 0.0, 0.0]])


def draws(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def members(folder, way, n_members=2, **passage):
    encoders = MemberEncoders(Backbone(folder), Passage(**passage), WAYS[way], PACE, draws(*range(n_members)))
    return encoders.eval()


def changed(encoders):
    """Move what is trained, as a step of a solver would."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for weight, _ in encoders.member_tensors():
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator))
    return encoders


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
@pytest.mark.parametrize("way", WAYS)
def test_training_starts_where_the_frozen_model_stands(pretrained_models, kind, way):
    backbone = Backbone(pretrained_models[kind])
    frozen = Passage(layers=2).represent(backbone.load(), X)
    expected = torch.cat([torch.nn.functional.layer_norm(layer, (16,)) for layer in frozen], 1)
    found = members(pretrained_models[kind], way, layers=2)(X)
    assert found.shape[2] == 32
    for member in found:
        torch.testing.assert_close(member, expected)


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        # Matrices a layer: query, key, value, output (16 × 16) and two of the dense layers (16 × 32); 2 layers.
        ("lora", 2 * (4 * 4 * (16 + 16) + 2 * 4 * (16 + 32))),
        ("last", 4 * (16 * 16 + 16) + (16 * 32 + 32) + (32 * 16 + 16) + 2 * 32),
    ],
)
def test_the_number_of_trained_weights_follows_from_what_is_trained(pretrained_models, way, expected):
    encoders = members(pretrained_models["bert"], way, n_members=1)
    assert sum(weight.numel() for weight, _ in encoders.member_tensors()) == expected


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_trained_shares_its_memory_and_stays(pretrained_models, way):
    backbone = Backbone(pretrained_models["bert"])
    before = {name: weight.clone() for name, weight in backbone.load().named_parameters()}
    encoders = changed(members(pretrained_models["bert"], way))
    own = {weight.data_ptr() for weight, _ in encoders.member_tensors()}
    shared = {weight.data_ptr() for weight in backbone.load().parameters()}
    for member in encoders.members:
        for weight in member.model.parameters():
            assert (weight.data_ptr() in own) == weight.requires_grad
            assert (weight.data_ptr() in shared) != weight.requires_grad
    for name, weight in backbone.load().named_parameters():
        assert torch.equal(weight, before[name])


def test_the_last_layers_end_with_what_stands_behind_them(pretrained_models):
    encoder = PretrainedEncoder(Backbone(pretrained_models["gpt2"]), Passage(), Tuning(None, 8, 1))
    assert {name.split(".")[0] for name in encoder.names} == {"h", "ln_f"}
    assert {name.split(".")[1] for name in encoder.names if name.startswith("h.")} == {"1"}
    assert len(layers_of(encoder.model)[1]) == 2
    with pytest.raises(ValueError, match="trainable=3 asks for more layers than the 2 of a GPT2Model"):
        PretrainedEncoder(Backbone(pretrained_models["gpt2"]), Passage(), Tuning(None, 8, 3))
    with pytest.raises(ValueError, match="A Linear has no list of layers"):
        layers_of(torch.nn.Linear(2, 2))


@pytest.mark.parametrize("way", WAYS)
def test_what_is_frozen_stays_in_evaluation_mode(pretrained_models, way):
    encoder = members(pretrained_models["bert"], way, n_members=1).train().members[0]
    training = {name for name, module in encoder.model.named_modules() if module.training}
    if way == "all":
        assert training == {name for name, _ in encoder.model.named_modules()}
    elif way == "last":
        assert training
        assert all(name.startswith("encoder.layer.1") for name in training)
    else:
        assert training
        assert all("lora" in name for name in training)
    encoder.eval()
    assert not any(module.training for module in encoder.model.modules())


def test_members_adapters_start_from_their_own_generators(pretrained_models):
    together = members(pretrained_models["bert"], "lora")
    alone = MemberEncoders(Backbone(pretrained_models["bert"]), Passage(), WAYS["lora"], PACE, draws(1))
    first, second = ([weight for weight, place in together.member_tensors() if place == m] for m in (0, 1))
    assert not all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    for ours, (theirs, _) in zip(second, alone.member_tensors(), strict=True):
        assert torch.equal(ours, theirs)


def test_building_leaves_random_numbers_alone(pretrained_models):
    state = torch.get_rng_state()
    members(pretrained_models["bert"], "lora")
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies_and_pickles_hold_what_was_trained_and_load_the_rest(pretrained_models, way, copied):
    encoders = changed(members(pretrained_models["bert"], way))
    again = copied(encoders)
    assert all(member.model is None for member in again.members)
    expected = encoders(X)
    assert torch.equal(again(X), expected)
    assert [weight.shape for weight in again.parameters()] == [weight.shape for weight in encoders.parameters()]
    changed(again)  # what is trained is what the model reads
    assert not torch.equal(again(X), expected)
    assert torch.equal(encoders(X), expected)


def test_a_pickle_is_as_large_as_its_adapters(pretrained_models):
    encoders = members(pretrained_models["bert"], "lora", n_members=1)
    trained = sum(weight.numel() for weight, _ in encoders.member_tensors())
    base = sum(weight.numel() for weight in Backbone(pretrained_models["bert"]).load().parameters())
    names = sum(map(len, encoders.members[0].names))
    assert len(pickle.dumps(encoders)) < 4 * trained + 12_000 + names  # some hundred bytes a tensor
    assert base > trained


def test_rows_of_each_member_are_read_by_its_own_model(pretrained_models):
    encoders = changed(members(pretrained_models["bert"], "lora"))
    both = encoders(X)
    apart = encoders(torch.stack([X, X.flip(0)]))
    torch.testing.assert_close(apart[0], both[0])
    torch.testing.assert_close(apart[1], both[1].flip(0), rtol=1e-5, atol=1e-5)


def test_gradients_are_those_of_finite_differences(pretrained_models):
    encoders = changed(members(pretrained_models["bert"], "lora", n_members=1))
    target = torch.randn(1, 2, 16, generator=torch.Generator().manual_seed(1))

    def loss():
        return (encoders(X) * target).sum()

    loss().backward()
    weight = encoders.members[0].trained[1]
    step = torch.zeros_like(weight).index_put_((torch.tensor(2), torch.tensor(1)), torch.tensor(1e-2))
    with torch.no_grad():
        weight.add_(step)
        above = loss()
        weight.sub_(2 * step)
        below = loss()
        weight.add_(step)
    np.testing.assert_allclose(weight.grad[2, 1], (above - below) / 2e-2, rtol=0.05, atol=1e-3)  # float32


def test_a_network_trains_the_part_and_clips_it_by_member(pretrained_models):
    encoders = members(pretrained_models["bert"], "lora")
    network = Network(MLP(16, [8], "relu", 0.0, draws(0, 1)), torch.zeros(2, 2), embedding=encoders)
    torch.nn.init.normal_(network.head.weight, generator=torch.Generator().manual_seed(5))
    assert not network.closed_form
    assert network.draws_globally
    ((pace, own),) = network.paces
    assert pace == PACE
    assert len(own) == len(encoders.member_tensors())
    gradient = torch.randn(2, 2, 2, generator=torch.Generator().manual_seed(1))
    network.forward_training(X).backward(gradient)
    found = {name: weight.grad.clone() for name, weight in network.named_parameters() if weight.requires_grad}
    network.zero_grad()
    (network(X) * gradient).sum().backward()
    for name, weight in network.named_parameters():
        assert (weight.grad is not None) == weight.requires_grad
        if weight.requires_grad:
            torch.testing.assert_close(found[name], weight.grad)
    clip_gradients(network, 0.1)
    norms = torch.zeros(2)
    for tensor, owner in network.member_tensors():
        if owner is not None:
            norms[owner] += tensor.grad.square().sum()
        else:
            norms += tensor.grad.flatten(1).square().sum(1)
    torch.testing.assert_close(norms.sqrt(), torch.full((2,), 0.1))


def test_each_tasks_gradient_of_adapters_is_its_own(pretrained_models):
    encoders = members(pretrained_models["bert"], "lora", checkpointing=True, chunk_size=1)
    network = Network(MLP(16, [8], "relu", 0.0, draws(0, 1)), torch.zeros(2, 2), embedding=encoders)
    torch.nn.init.normal_(network.head.weight, generator=torch.Generator().manual_seed(5))
    gradient = torch.ones(2, 2, 2)
    passed = network.forward_training(X)
    jacobian = passed.jacobian(gradient)
    for task in range(2):
        own = torch.zeros_like(gradient)
        own[:, :, task] = 1
        passed = network.forward_training(X)
        passed.backward(own)
        for member in range(2):
            adapters = torch.cat([w.grad.flatten() for w, place in encoders.member_tensors() if place == member])
            torch.testing.assert_close(jacobian[member, task, -len(adapters) :], adapters, rtol=1e-4, atol=1e-5)
