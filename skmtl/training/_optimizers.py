"""Solvers and learning rates by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from ..nn import MemberEmbedding, Network

# "alpha" is decoupled weight decay in AdamW and an L2 penalty in the others, as their papers have it.
SOLVERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": lambda parameters, **settings: torch.optim.SGD(parameters, momentum=0.9, nesterov=True, **settings),
}

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda progress: 1.0,  # noqa: ARG005
    "cosine": lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
}

_NO_DECAY = (
    MemberEmbedding,
    nn.Embedding,
    nn.EmbeddingBag,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.modules.batchnorm._NormBase,
)


def make_optimizer(
    module: nn.Module, solver: str, learning_rate: float, alpha: float, flat: bool = False
) -> torch.optim.Optimizer:
    """Return the solver of a module: weights decay, biases, norms and embeddings do not.

    Parameters with a pace of their own are a group of their own, see `set_learning_rates`. Decay is a hook of the
    solver's step rather than a second group of parameters, which would double the overhead of a small step.

    Parameters
    ----------
    module : nn.Module
    solver : str
        A name of `SOLVERS`.
    learning_rate : float
    alpha : float
        Weight decay.
    flat : bool
        Whether the solver sees all parameters as one vector; `unflatten` ends this.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if flat:
        parameters = [_flatten(parameters)]
    fused = all(parameter.device.type in ("cpu", "cuda", "mps") for parameter in parameters)
    paces = module.paces if isinstance(module, Network) else []
    apart = {id(parameter) for _, own in paces for parameter in own}
    common = [parameter for parameter in parameters if id(parameter) not in apart]
    groups = [{"params": common, "full_rate": learning_rate, "warm_up": 0.0}]
    groups += [{"params": own, "full_rate": pace.learning_rate, "warm_up": pace.warm_up} for pace, own in paces]
    optimizer = SOLVERS[solver](groups, lr=learning_rate, weight_decay=0.0, fused=fused)
    for group in optimizer.param_groups:
        group["lr"] = group["full_rate"]
    decaying = decaying_weights(module)
    weights = [[weight for weight in decaying if id(weight) not in apart]]
    for _, own in paces:
        places = {id(parameter) for parameter in own}
        weights.append([weight for weight in decaying if id(weight) in places])
    if alpha > 0 and decaying:
        optimizer.register_step_pre_hook(_decoupled_decay(weights, alpha) if solver == "adamw" else _l2(weights, alpha))
    return optimizer


def set_learning_rates(optimizer: torch.optim.Optimizer, factor: float, epochs: float) -> None:
    """Set the learning rate of each group of parameters for a step.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        From `make_optimizer`.
    factor : float
        What the schedule makes of a full rate.
    epochs : float
        Since training began, this step included.
    """
    for group in optimizer.param_groups:
        risen = min(1.0, epochs / group["warm_up"]) if group["warm_up"] else 1.0
        group["lr"] = group["full_rate"] * factor * risen


def _flatten(parameters: list[nn.Parameter]) -> nn.Parameter:
    """Move parameters and their gradients into one vector each, and return it: a solver's step costs by the tensor."""
    flat = nn.Parameter(torch.cat([parameter.detach().flatten() for parameter in parameters]))
    flat.grad = torch.zeros_like(flat)
    first = 0
    for parameter in parameters:
        place = slice(first, first + parameter.numel())
        parameter.data = flat.data[place].view_as(parameter)
        parameter.grad = flat.grad[place].view_as(parameter)
        first = place.stop
    return flat


def unflatten(module: nn.Module) -> None:
    """Give each parameter memory of its own again, so that copies and pickles hold it once, and drop gradients."""
    for parameter in module.parameters():
        if parameter.requires_grad:  # what was not trained may share its memory
            parameter.data = parameter.data.clone()
        parameter.grad = None


def decaying_weights(module: nn.Module) -> list[Tensor]:
    """Return the parameters that decay: all but biases, vectors, norms, embeddings and those that say so."""
    return [
        parameter
        for part in module.modules()
        if not isinstance(part, _NO_DECAY) and getattr(part, "decays", True)
        for name, parameter in part.named_parameters(recurse=False)
        if parameter.requires_grad and "bias" not in name and parameter.dim() > 1
    ]


def _decoupled_decay(weights: list[list[Tensor]], alpha: float) -> Callable[..., None]:
    """Shrink the weights of each group by its learning rate times alpha (Loshchilov and Hutter 2019)."""

    def decay(optimizer: torch.optim.Optimizer, *arguments: Any) -> None:
        del arguments
        with torch.no_grad():
            for own, group in zip(weights, optimizer.param_groups, strict=True):
                if own:
                    torch._foreach_mul_(own, 1 - group["lr"] * alpha)

    return decay


def _l2(weights: list[list[Tensor]], alpha: float) -> Callable[..., None]:
    """Add the gradient of `alpha / 2 * ||w||²`."""

    def decay(optimizer: torch.optim.Optimizer, *arguments: Any) -> None:
        del optimizer, arguments
        with torch.no_grad():
            for weight in chain.from_iterable(weights):
                if weight.grad is not None:
                    weight.grad.add_(weight, alpha=alpha)

    return decay
