"""Solvers and learning rates."""

import numpy as np
import pytest
import torch
from torch import nn

from skmtl.nn import MLP, MemberEncoders, Network, Pace
from skmtl.training import SCHEDULES, SOLVERS
from skmtl.training._optimizers import make_optimizer, set_learning_rates, unflatten


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.norm = nn.LayerNorm((2, 2))
        self.batch_norm = nn.BatchNorm1d(2)
        self.embedding = nn.Embedding(4, 2)
        self.scale = nn.Parameter(torch.ones(2))
        self.frozen = nn.Parameter(torch.ones(2, 2), requires_grad=False)


@pytest.mark.parametrize("solver", SOLVERS)
def test_weights_decay_and_biases_norms_and_embeddings_do_not(solver):
    module = Mixed()
    before = {name: parameter.detach().clone() for name, parameter in module.named_parameters()}
    optimizer = make_optimizer(module, solver, 0.1, 0.5)
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    optimizer.step()
    changed = {name for name, parameter in module.named_parameters() if not torch.equal(parameter, before[name])}
    assert changed == {"linear.weight"}


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_flat_solver_steps_like_one_that_sees_every_parameter(solver):
    plain, flat = nn.Linear(3, 2), nn.Linear(3, 2)
    flat.load_state_dict(plain.state_dict())
    for module, is_flat in ((plain, False), (flat, True)):
        optimizer = make_optimizer(module, solver, 0.05, 0.3, flat=is_flat)
        for step in range(3):
            module.weight.grad = torch.full((2, 3), 0.5 * step)
            module.bias.grad = torch.full((2,), -1.0)
            if is_flat:
                (vector,) = optimizer.param_groups[0]["params"]
                vector.grad[:6], vector.grad[6:] = 0.5 * step, -1.0
                module.weight.grad = vector.grad[:6].view(2, 3)
            optimizer.step()
    unflatten(flat)
    torch.testing.assert_close(flat.weight, plain.weight)
    torch.testing.assert_close(flat.bias, plain.bias)
    assert flat.weight.grad is None
    # Pickled tensors carry all the memory that they are a part of.
    assert flat.weight.untyped_storage().nbytes() == 6 * 4


def reference(solver, parameters):
    return {
        "adamw": lambda: torch.optim.AdamW(parameters, lr=0.05, weight_decay=0.3),
        "adam": lambda: torch.optim.Adam(parameters, lr=0.05, weight_decay=0.3),
        "sgd": lambda: torch.optim.SGD(parameters, lr=0.05, weight_decay=0.3, momentum=0.9, nesterov=True),
    }[solver]()


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_is_torchs_own(solver):
    torch_linear, ours = nn.Linear(3, 2, bias=False), nn.Linear(3, 2, bias=False)
    ours.load_state_dict(torch_linear.state_dict())
    x = torch.ones(4, 3)
    for module, optimizer in (
        (torch_linear, reference(solver, torch_linear.parameters())),
        (ours, make_optimizer(ours, solver, 0.05, 0.3)),
    ):
        for _ in range(5):
            optimizer.zero_grad()
            module(x).square().sum().backward()
            optimizer.step()
    # The fused kernels add up in another order than the plain ones.
    torch.testing.assert_close(ours.weight, torch_linear.weight, rtol=1e-5, atol=1e-6)


def test_cosine_falls_from_one_to_zero_along_a_half_wave():
    cosine = SCHEDULES["cosine"]
    np.testing.assert_allclose([cosine(p) for p in (0, 1 / 3, 0.5, 1)], [1, 0.75, 0.5, 0], atol=1e-15)


def test_constant_stays():
    assert {SCHEDULES["constant"](p) for p in (0, 0.5, 1)} == {1.0}


class PacedEncoders(MemberEncoders):
    """Encoders without a pretrained model: one matrix a member."""

    def __init__(self, pace):
        torch.nn.Module.__init__(self)
        self.pace, self.n_outputs = pace, 2
        self.weight = torch.nn.Parameter(torch.ones(2, 2))

    def forward(self, x):
        return (x @ self.weight).unsqueeze(0)

    def member_tensors(self):
        return [(self.weight, 0)]


def paced_network(pace):
    trunk = MLP(2, [3], "tanh", 0.0, [torch.Generator().manual_seed(0)])
    return Network(trunk, torch.zeros(1, 1), embedding=PacedEncoders(pace))


def test_a_pace_is_a_group_with_a_rate_of_its_own_that_rises():
    optimizer = make_optimizer(paced_network(Pace(0.5, warm_up=2.0)), "adamw", 0.1, 0.0)
    rates = []
    for epochs in (0.5, 1.0, 2.0, 3.0):
        set_learning_rates(optimizer, 0.5, epochs)
        rates.append([group["lr"] for group in optimizer.param_groups])
    assert rates == [[0.05, 0.0625], [0.05, 0.125], [0.05, 0.25], [0.05, 0.25]]


def test_each_group_decays_at_its_own_rate():
    network = paced_network(Pace(0.5, warm_up=0.0))
    optimizer = make_optimizer(network, "adamw", 0.1, 0.2)
    (matrix,) = (weight.clone() for name, weight in network.named_parameters() if name == "trunk.layers.0.weight")
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    torch.testing.assert_close(network.embedding.weight, torch.full((2, 2), 1 - 0.5 * 0.2))
    torch.testing.assert_close(network.trunk.layers[0].weight, matrix * (1 - 0.1 * 0.2))


def test_what_is_not_trained_keeps_its_memory():
    module = torch.nn.Linear(2, 2)
    module.bias.requires_grad_(False)
    before = module.weight.data_ptr(), module.bias.data_ptr()
    unflatten(module)
    assert module.weight.data_ptr() != before[0]
    assert module.bias.data_ptr() == before[1]
