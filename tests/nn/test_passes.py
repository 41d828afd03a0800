"""Forward passes while training, and the gradients that can be had of them."""

import pytest
import torch
from torch import nn

from skmtl.nn import MLP, SHARINGS, Hard, MemberEmbedding, MemberModules, MLPTrunk, Network, SharedTrunk

OWNERS = [0, 1, 1, 2]


def draws(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


class Mixed(SharedTrunk):
    """Two experts, mixed by weights of each task's own: what all tasks read last are the experts' outputs."""

    def __init__(self, n_members):
        super().__init__(n_members, 3, 4)
        self.experts = MLP(5, [4], "tanh", 0.0, draws(*range(2 * n_members)))
        self.gate = nn.Parameter(torch.randn(n_members, 3, 2, generator=draws(5)[0]))

    def forward(self, x, rows=None):
        experts = self.experts(x).reshape(self.n_members, 2, -1, 4)
        gates = self.gate.softmax(-1)
        self.mixing = gates.detach().unsqueeze(2).expand(-1, -1, experts.shape[2], -1)
        return torch.einsum("mte,mebh->mtbh", gates, experts)

    def task_parameters(self):
        return [self.gate]


def network_of(kind, n_members=2):
    embedding = None
    if kind == "foreign":
        trunk = MemberModules([nn.Sequential(nn.Linear(5, 4), nn.Tanh()) for _ in range(n_members)], 5)
    elif kind == "mixed":
        trunk = Mixed(n_members)
    elif kind == "embedded":
        embedding = MemberEmbedding([6], 2, draws(*range(n_members)))
        trunk = Hard().build(MLPTrunk((4,)), 6, 3, draws(*range(n_members)))
    else:
        trunk = SHARINGS[kind]().build(MLPTrunk((4, 3), activation="tanh"), 5, 3, draws(*range(n_members)))
    network = Network(trunk, torch.zeros(n_members, 4), None, embedding, OWNERS).double()
    generator = draws(7)[0]
    with torch.no_grad():
        network.head.weight.normal_(generator=generator)
        for parameter in trunk.parameters() if kind in SHARINGS else ():
            parameter.normal_(0, 0.5, generator=generator)  # gates, stitches and deltas are not at rest
    return network


def features():
    x = torch.randn(6, 5, generator=draws(1)[0], dtype=torch.float64)
    x[:, 4] = torch.arange(6)  # rows of the table, where there is one
    return x


def derivative(seed=3):
    return torch.randn(2, 6, 4, generator=draws(seed)[0], dtype=torch.float64)


def of_task(gradient, task):
    return gradient * torch.tensor([owner == task for owner in OWNERS])


KINDS = ["embedded", "foreign", "mixed", *SHARINGS]


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_automatic_differentiation(kind):
    network, gradient = network_of(kind), derivative()
    network(features()).backward(gradient)
    expected = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    passed = network.forward_training(features())
    passed.backward(gradient)
    for parameter, theirs in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_shared_may_have_a_gradient_of_its_own(kind):
    network = network_of(kind)
    passed = network.forward_training(features())
    shared = {id(parameter) for parameter, _ in passed.shared}
    passed.backward(derivative(3), derivative(4))
    found = [parameter.grad.clone() for parameter in network.parameters()]
    for seed, is_shared in ((3, False), (4, True)):
        passed = network.forward_training(features())
        passed.backward(derivative(seed))
        for theirs, parameter in zip(found, network.parameters(), strict=True):
            if (id(parameter) in shared) == is_shared:
                torch.testing.assert_close(theirs, parameter.grad)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("independent", "soft")])  # nothing is shared
def test_the_jacobian_holds_the_gradients_of_each_task(kind):
    network, gradient = network_of(kind), derivative()
    passed = network.forward_training(features())
    jacobian = passed.jacobian(gradient)
    assert jacobian.shape[:2] == (2, 3)
    for task in range(3):
        network.zero_grad()
        network(features()).backward(of_task(gradient, task))
        expected = [parameter.grad.clone() for parameter, _ in passed.shared]
        network.zero_grad()
        passed.set_shared(jacobian[:, task])
        for (parameter, _), theirs in zip(passed.shared, expected, strict=True):
            torch.testing.assert_close(parameter.grad, theirs)


@pytest.mark.parametrize("kind", ["hard", "embedded", "mixed"])
def test_jacobians_of_some_rows_are_those_in_which_the_others_have_no_gradient(kind):
    passed, gradient, rows = network_of(kind).forward_training(features()), derivative(), slice(1, None, 2)
    expected = torch.zeros_like(gradient)
    expected[:, rows] = gradient[:, rows]
    torch.testing.assert_close(passed.jacobian(gradient[:, rows], rows), passed.jacobian(expected))


def test_jacobians_know_which_units_were_dropped():
    trunk = MLP(5, [4, 3], "gelu", 0.5, draws(0, 1))
    trunk.dropout.generator = draws(2)[0]
    network, gradient = Network(trunk, torch.zeros(2, 4), None, None, OWNERS).double(), derivative()
    with torch.no_grad():
        network.head.weight.normal_(generator=draws(7)[0])
    passed = network.forward_training(features())
    jacobian = passed.jacobian(gradient)
    passed.backward(gradient)
    whole = torch.cat([parameter.grad.flatten(1) for parameter in trunk.parameters()], 1)
    torch.testing.assert_close(jacobian.sum(1), whole)


@pytest.mark.parametrize("kind", ["hard", "mixed"])
def test_jacobians_of_members_are_those_of_each_alone(kind):
    both = network_of(kind).forward_training(features()).jacobian(derivative())
    norms = both.norm(dim=2)
    assert (norms > 0).all()
    assert not torch.allclose(norms[0], norms[1])


def test_where_batching_fails_each_task_has_a_pass_of_its_own(monkeypatch):
    network = network_of("mixed")
    expected = network.forward_training(features()).jacobian(derivative())
    plain = torch.autograd.grad

    def refuse(*arguments, is_grads_batched=False, **settings):
        if is_grads_batched:
            raise RuntimeError("no batching rule")
        return plain(*arguments, **settings)

    monkeypatch.setattr(torch.autograd, "grad", refuse)
    torch.testing.assert_close(network.forward_training(features()).jacobian(derivative()), expected)


@pytest.mark.parametrize("kind", ["mixed", "mmoe", "dselect_k", "cgc"])
def test_the_gramian_is_that_of_the_last_tensors_that_all_tasks_read(kind):
    network, gradient = network_of(kind), derivative()
    passed = network.forward_training(features())
    # Of the experts of CGC, one copy of a module each, the last is shared.
    module, first = (network.trunk.levels[0][0], 3) if kind == "cgc" else (network.trunk.experts, 0)
    outputs, rows = [], []
    module.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    result = network(features())
    for task in range(3):
        slopes = torch.autograd.grad(result, outputs, of_task(gradient, task), retain_graph=True)[0]
        rows.append(slopes.unflatten(0, (2, -1))[:, first:].flatten(1))
    jacobian = torch.stack(rows, 1)
    torch.testing.assert_close(passed.gramian(gradient), jacobian @ jacobian.transpose(1, 2))


@pytest.mark.parametrize(
    ("kind", "common", "shares"),
    [("hard", True, True), ("foreign", True, True), ("mixed", True, True), ("independent", False, False)],
)
def test_a_pass_knows_what_tasks_have_in_common(kind, common, shares):
    network = network_of(kind)
    assert network.forward_training(features()).has_common is common
    assert network.shares is shares


def test_a_linear_network_shares_nothing():
    trunk = Hard().build(MLPTrunk(()), 5, 3, draws(0))
    assert not Network(trunk, torch.zeros(1, 3)).shares


def test_a_penalty_is_part_of_the_loss():
    network = network_of("mixed")
    passed = network.forward_training(features())
    passed.penalty = network.trunk.gate.square().sum()
    passed.backward(torch.zeros(2, 6, 4, dtype=torch.float64))
    torch.testing.assert_close(network.trunk.gate.grad, 2 * network.trunk.gate.detach())
