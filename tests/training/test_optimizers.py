"""Solvers and learning rates."""

import numpy as np
import pytest
import torch
from torch import nn

from skmtl.training import SCHEDULES, SOLVERS
from skmtl.training._optimizers import make_optimizer


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
    optimizer = make_optimizer(module, solver, 0.1, 0.5)
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    found = {name: decays.get(id(p)) for name, p in module.named_parameters()}
    assert found == {
        "linear.weight": 0.5,
        "linear.bias": 0.0,
        "norm.weight": 0.0,
        "norm.bias": 0.0,
        "batch_norm.weight": 0.0,
        "batch_norm.bias": 0.0,
        "embedding.weight": 0.0,
        "scale": 0.0,
        "frozen": None,
    }


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
