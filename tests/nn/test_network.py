import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from skmtl.losses import Gamma, Huber, LogLoss, Poisson, SquaredError
from skmtl.nn import ACTIVATIONS, MLP, MemberModules, MLPTrunk, ModuleTrunk, Network
from skmtl.tasks import Objective, group_tasks, member_statistics


def draws(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def network_of(start, sizes=(6, 4), dropout=0.0, n_features=3):
    return Network(MLP(n_features, sizes, "tanh", dropout, draws(*range(len(start)))), start)


def foreign(start, n_features=3):
    return Network(ModuleTrunk(nn.Linear, out_features=4).build(n_features, draws(*range(len(start)))), start)


@pytest.mark.parametrize("make", [network_of, foreign])
def test_a_network_starts_at_the_prior_whatever_X_is(make):
    start = torch.tensor([[0.0, 1.5, -2.0], [3.0, 0.0, 0.5]])
    network = make(start)
    x = torch.randn(5, 3, generator=draws(0)[0])
    assert torch.equal(network(x), start[:, None].expand(2, 5, 3))
    assert torch.equal(network(1e6 * x), start[:, None].expand(2, 5, 3))


@settings(max_examples=30, deadline=None)
@given(
    members=st.integers(1, 4),
    sizes=st.lists(st.integers(1, 6), max_size=2),
    outputs=st.integers(1, 5),
    own=st.booleans(),
)
def test_a_batched_member_is_the_same_network_alone(members, sizes, outputs, own):
    together = Network(MLP(3, sizes, "gelu", 0.0, draws(*range(members))), torch.zeros(members, outputs)).double()
    with torch.no_grad():
        for parameter in together.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draws(1)[0], dtype=torch.float64))
    x = torch.randn(*([members] if own else []), 7, 3, generator=draws(2)[0], dtype=torch.float64)
    block = together(x)
    assert block.shape == (members, 7, outputs)
    for member in range(members):
        alone = Network(MLP(3, sizes, "gelu", 0.0, draws(0)), torch.zeros(1, outputs)).double()
        with torch.no_grad():
            for mine, all_members in zip(alone.parameters(), together.parameters(), strict=True):
                mine.copy_(all_members[member : member + 1])
        # Sums of a few terms, in an order that may depend on the number of members.
        torch.testing.assert_close(block[member], alone(x[member] if own else x)[0], rtol=1e-12, atol=1e-12)


def test_outputs_are_the_head_on_the_representation():
    network = network_of(torch.randn(2, 3, generator=draws(0)[0]))
    with torch.no_grad():
        network.head.weight.normal_(generator=draws(1)[0])
    x = torch.randn(5, 3, generator=draws(2)[0])
    assert network.represent(x).shape == (2, 5, 4)
    assert torch.equal(network(x), network.head(network.represent(x)))


def test_only_trunks_that_may_mix_rows_are_told_the_rows():
    start = torch.zeros(2, 1)
    assert not network_of(start).mixes_rows
    network = foreign(start)
    assert network.mixes_rows
    with torch.no_grad():
        network.head.weight.fill_(1)
    x, rows = torch.randn(5, 3, generator=draws(0)[0]), torch.tensor([[1.0, 0, 1, 1, 0], [0, 1, 1, 1, 1]])
    block = network(x, rows)
    assert torch.equal(block, network.head(network.trunk(x, rows)))
    assert (block[0, [1, 4]] == 0).all()


def test_some_outputs_of_some_members_start_anew():
    network = network_of(torch.arange(8.0).reshape(2, 4))
    chosen = torch.tensor([[True, False], [False, True]])
    network.restart_outputs(slice(1, 3), chosen, np.array([[10.0, 20.0], [30.0, 40.0]]))
    assert network.head.bias[:, 0].tolist() == [[0, 10, 2, 3], [4, 5, 40, 7]]


def test_all_dropout_layers_draw_from_one_generator():
    network = network_of(torch.zeros(2, 1), dropout=0.5)
    generator = draws(0)[0]
    network.draw_from(generator)
    assert network.trunk.dropout.generator is generator
    network.draw_from(None)
    assert network.trunk.dropout.generator is None


def test_counts():
    network = network_of(torch.zeros(3, 5), sizes=(6, 4))
    assert network.n_members == 3
    assert network.widest == 6
    assert network_of(torch.zeros(1, 9), sizes=()).widest == 9
    assert network.widest_of(100.0) == 6  # its layers are as wide as they are, whatever the length of a row


@pytest.mark.parametrize("make", [network_of, foreign])
def test_member_tensors_are_all_parameters_and_buffers_with_their_member(make):
    network = make(torch.zeros(2, 1))
    tensors = network.member_tensors()
    everything = {id(tensor) for tensor in (*network.parameters(), *network.trunk.buffers())}
    assert {id(tensor) for tensor, _ in tensors} == everything
    assert len(tensors) == len(everything)
    for tensor, member in tensors:
        if member is None:
            assert len(tensor) == 2
        else:
            assert any(tensor is parameter for parameter in network.trunk.members[member].parameters())


def test_buffers_of_a_users_module_belong_to_their_member():
    members = MemberModules([nn.BatchNorm1d(3), nn.BatchNorm1d(3)], 3)
    network = Network(members, torch.zeros(2, 1))
    owners = [member for tensor, member in network.member_tensors() if tensor is members.members[1].running_mean]
    assert owners == [1]


def test_a_copy_shares_nothing():
    network = network_of(torch.zeros(2, 1), dropout=0.5)
    network.draw_from(draws(0)[0])
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.head.bias.fill_(1)
    assert (network.head.bias == 0).all()
    assert other.trunk.dropout.generator is None


# Devices


def test_the_watch_over_devices_sees_a_stray_tensor(only_on):
    with pytest.raises(AssertionError, match="made a tensor on cpu"), only_on("meta"):
        torch.zeros(2)


TASKS = [
    (SquaredError(), 1),
    (LogLoss(), 2),
    (Huber(), 1),
    (LogLoss(), 3),
    (Poisson(), 1),
    (LogLoss(), 3),
    (Gamma(), 1),
]


@pytest.mark.parametrize("trunk", [MLPTrunk((6, 4), dropout=0.5), MLPTrunk(()), ModuleTrunk(nn.Linear, out_features=4)])
@pytest.mark.parametrize("class_weighted", [False, True])
def test_a_step_on_the_meta_device_makes_no_tensor_elsewhere(trunk, class_weighted, only_on):
    rng = np.random.default_rng(0)
    _, groups = group_tasks(*zip(*TASKS, strict=True))
    labels = rng.integers(1, 3, size=(16, len(TASKS))).astype(float)  # counts, amounts and class codes at once
    for group in groups:
        if group.loss == LogLoss():
            labels[:, group.tasks] -= 1
    statistics = member_statistics(labels, np.ones(labels.shape), None, 2, groups)
    objective = Objective(groups, statistics, np.ones(len(TASKS)), np.ones((len(TASKS), 3)) if class_weighted else None)
    network = Network(trunk.build(5, draws(0, 1)), torch.from_numpy(statistics.start))
    network, objective = (
        network.to(device="meta", dtype=torch.float32),
        objective.to(device="meta", dtype=torch.float32),
    )
    x, y = torch.empty(16, 5, device="meta"), torch.empty(16, len(TASKS), device="meta")
    weights, rows = torch.empty_like(y), torch.empty(2, 16, device="meta")
    with only_on("meta") as watch:
        outputs = network(x)  # without rows: a user's module finds its own by value, which this device does not have
        with torch.no_grad():
            measured = objective(outputs.detach(), y, weights, rows)
            losses, derivative = measured.losses, measured.derivative(objective.task_weights)
            objective.holdout_losses(outputs.detach(), y[None], weights[None])
            objective.label_errors(outputs.detach(), y)
        outputs.backward(derivative)
    assert watch.n_tensors > 20
    assert losses.shape == (2, len(TASKS))
    assert all(parameter.grad.device.type == "meta" for parameter in network.parameters())


def test_networks_can_be_built_on_the_meta_device():
    with torch.device("meta"):
        network = Network(MLP(3, [4], "relu", 0.0, draws(0)), torch.zeros(1, 2))
    assert {parameter.device.type for parameter in network.parameters()} == {"meta"}


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize(("sizes", "dropout"), [((), 0.0), ((4,), 0.0), ((4, 6), 0.3)])
def test_closed_form_gradients_equal_those_of_automatic_differentiation(activation, sizes, dropout):
    draws = [torch.Generator().manual_seed(member) for member in range(2)]
    network = Network(MLP(3, sizes, activation, dropout, draws), torch.zeros(2, 5)).double()
    torch.nn.init.normal_(network.head.weight, generator=torch.Generator().manual_seed(5))
    x = torch.randn(7, 3, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    gradient = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    network.draw_from(torch.Generator().manual_seed(8))
    outputs = network(x)
    outputs.backward(gradient)
    expected = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    network.draw_from(torch.Generator().manual_seed(8))
    passed = network.forward_training(x)
    passed.backward(gradient)
    torch.testing.assert_close(passed.outputs, outputs.detach())
    for parameter, theirs in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, theirs)


def test_frozen_parameters_get_no_gradient_in_closed_form():
    network = Network(MLP(3, (4,), "relu", 0.0, [torch.Generator().manual_seed(0)]), torch.zeros(1, 2))
    network.trunk.layers[0].weight.requires_grad_(False)
    network.head.bias.requires_grad_(False)
    network.forward_training(torch.ones(5, 3)).backward(torch.ones(1, 5, 2))
    assert network.trunk.layers[0].weight.grad is None
    assert network.head.bias.grad is None
    assert network.head.weight.grad.abs().sum() > 0
