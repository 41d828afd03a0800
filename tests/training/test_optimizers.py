"""Solvers and learning rates."""

import numpy as np
import pytest
import torch
from torch import nn

from skmtl.training import SCHEDULES, SOLVERS
from skmtl.training._optimizers import make_optimizer, unflatten


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
