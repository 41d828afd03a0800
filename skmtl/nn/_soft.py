"""Soft sharing: a trunk a task, whose weights are drawn to each other."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from ._independent import IndependentTrunks
from ._modules import MemberModules
from ._sharing import Sharing
from ._trunk import Trunk


class Soft(Sharing):
    """Soft sharing: each task has a trunk, and after every step their weights move towards each other.

    `penalty="l2"`: `W_t ← W_t − η λ (W_t − W̄)` with the learning rate `η` and the mean `W̄` over tasks, which is the
    step of the penalty `λ/2 Σ_t ‖W_t − W̄‖²`. `penalty="trace"`: the singular values of each layer's weights, written
    as one row a task, shrink by `η λ`, which is the proximal step of `λ` times their sum; it makes tasks share a few
    directions. As with weight decay, steps are apart from the solver's: an adaptive solver would undo their scale.
    Weights of layers are meant, not biases.

    All trunks start from one draw. `strength=0` is no sharing; a large one makes weights equal ("l2": hard sharing, but
    for the biases) or zero ("trace"). Parameters beyond the heads: `T` trunks. Serves every trunk. Gradients meet
    nowhere, so methods that balance them have nothing to do.

    Parameters
    ----------
    penalty : {"l2", "trace"}, default="l2"
        What draws weights to each other.
    strength : float, default=0.1
        `λ`, at least 0, a rate per unit of learning rate and step.

    References
    ----------
    Duong, L., Cohn, T., Bird, S., and Cook, P. (2015). Low resource dependency parsing: cross-lingual parameter sharing
    in a neural network parser. ACL.

    Yang, Y., and Hospedales, T. M. (2017). Trace norm regularised deep multi-task learning. ICLR Workshop.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import MLPTrunk, Soft
    >>> Soft().build(MLPTrunk((8,)), 5, 3, [torch.Generator()])(torch.ones(4, 5)).shape
    torch.Size([1, 3, 4, 8])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "penalty": [StrOptions({"l2", "trace"})],
        "strength": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, penalty: str = "l2", *, strength: float = 0.1) -> None:
        self.penalty = penalty
        self.strength = strength

    def build(self, trunk: Trunk, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return a trunk a task; see `Sharing.build`."""
        self.check()
        return SoftTrunks(self, trunk, n_features, n_tasks, generators)


class SoftTrunks(IndependentTrunks):
    """One trunk a member and task, drawn to each other after every step.

    Parameters
    ----------
    settings : Soft
    trunk : Trunk
    n_features, n_tasks : int
    generators : sequence of torch.Generator
        One a member.

    Notes
    -----
    Shape: `(B, F)` or `(M, B, F)` → `(M, T, B, H)`.
    """

    def __init__(
        self,
        settings: Soft,
        trunk: Trunk,
        n_features: int,
        n_tasks: int,
        generators: Sequence[torch.Generator],
    ) -> None:
        super().__init__(trunk, n_features, n_tasks, generators)
        self.kind, self.strength = settings.penalty, settings.strength

    @torch.no_grad()
    def after_step(self, learning_rate: float) -> None:
        """Draw the tasks' weights to each other.

        Parameters
        ----------
        learning_rate : float
        """
        amount = learning_rate * self.strength
        if amount == 0 or self.n_tasks == 1:
            return
        draw = _towards_mean if self.kind == "l2" else _shrunk
        if isinstance(self.trunks, MemberModules):
            for copies in self._copies(self.trunks):
                together = torch.stack(copies)
                moved = draw(together.view(self.n_members, self.n_tasks, -1), amount).view_as(together)
                for copy, new in zip(copies, moved, strict=True):
                    copy.copy_(new)
            return
        for name, parameter in self.trunks.named_parameters():
            if parameter.dim() > 2 and "bias" not in name and parameter.requires_grad:
                weights = parameter.view(self.n_members, self.n_tasks, -1)  # (M, T, P)
                weights.copy_(draw(weights, amount))

    @staticmethod
    def _copies(trunks: MemberModules) -> list[list[Tensor]]:
        """Return the weights of each layer, a list of `M · T` copies."""
        named = [dict(module.named_parameters()) for module in trunks.members]
        return [
            [parameters[name] for parameters in named]
            for name, first in named[0].items()
            if first.dim() > 1 and "bias" not in name and first.requires_grad
        ]


def _towards_mean(weights: Tensor, amount: float) -> Tensor:
    """Move `(M, T, P)` towards the mean over tasks; all the way for an amount of 1 and above."""
    return torch.lerp(weights, weights.mean(1, keepdim=True), min(amount, 1.0))


def _shrunk(weights: Tensor, amount: float) -> Tensor:
    """Shrink the singular values of `(M, T, P)`, found from their products over tasks, `(M, T, T)`.

    A member whose weights are not finite stays as it is: it has diverged, and will be set back.
    """
    finite = weights.isfinite().all(2, keepdim=True).all(1, keepdim=True)
    wide = torch.where(finite, weights, 0).double()
    squares, rotation = torch.linalg.eigh(torch.bmm(wide, wide.transpose(1, 2)))
    values = squares.clamp(min=torch.finfo(torch.float64).tiny).sqrt()
    kept = (1 - amount / values).clamp(min=0)
    change = torch.bmm(rotation * kept.unsqueeze(1), rotation.transpose(1, 2))
    return torch.where(finite, torch.bmm(change, wide).to(weights.dtype), weights)
