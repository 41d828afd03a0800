"""Solvers and learning rates by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

# "alpha" is decoupled weight decay in AdamW and an L2 penalty in the others, as their papers have it.
SOLVERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": lambda groups, **settings: torch.optim.SGD(groups, momentum=0.9, nesterov=True, **settings),
}

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda progress: 1.0,  # noqa: ARG005
    "cosine": lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
}

_NO_DECAY = (nn.Embedding, nn.EmbeddingBag, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.modules.batchnorm._NormBase)


def make_optimizer(module: nn.Module, solver: str, learning_rate: float, alpha: float) -> torch.optim.Optimizer:
    """Return the solver of a module: weights decay, biases, norms and embeddings do not.

    Parameters
    ----------
    module : nn.Module
    solver : str
        A name of `SOLVERS`.
    learning_rate : float
    alpha : float
        Weight decay.
    """
    decayed: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for part in module.modules():
        for name, parameter in part.named_parameters(recurse=False):
            if parameter.requires_grad:
                keeps = isinstance(part, _NO_DECAY) or "bias" in name or parameter.dim() < 2
                (others if keeps else decayed).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": parameters, "weight_decay": decay}
        for parameters, decay in ((decayed, alpha), (others, 0.0))
        if parameters
    ]
    fused = all(parameter.device.type in ("cpu", "cuda", "mps") for parameter in (*decayed, *others))
    return SOLVERS[solver](groups, lr=learning_rate, fused=fused)
