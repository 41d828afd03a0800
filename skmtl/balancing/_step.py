"""What a method may look at in a step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Step:
    """What a method may look at in a step, for `M` members at once. Every task has labels there: others are left out.

    Attributes
    ----------
    epoch : int
        Epochs before this one.
    losses : ndarray of shape (M, T)
        Loss per label, in units of the best constant prediction's; NaN where it is not known.
    gramian : ndarray of shape (M, T, T) or None
        Inner products of the tasks' gradients, none of which is zero.
    jacobian : Tensor of shape (M, T, P) or None
        The gradients themselves.
    units : Tensor of shape (M, P) or None
        What the gradients belong to, where that is the shared representation of a batch and not parameters.
    draws : ndarray of shape (M, T) or (M, T, T) or None
        What the method's `draw` returned for each member.
    """

    epoch: int
    losses: np.ndarray
    gramian: np.ndarray | None = None
    jacobian: Tensor | None = None
    units: Tensor | None = None
    draws: np.ndarray | None = None

    @cached_property
    def norms(self) -> np.ndarray:
        """Lengths of the gradients, `(M, T)`."""
        assert self.gramian is not None
        norms: np.ndarray = np.sqrt(np.diagonal(self.gramian, axis1=1, axis2=2))
        return norms

    @cached_property
    def cosines(self) -> np.ndarray:
        """Gramian of the gradients at length 1, `(M, T, T)`: in it, nothing is lost beside a gradient 1e12 as long."""
        assert self.gramian is not None
        cosines: np.ndarray = self.gramian / self.norms[:, :, None] / self.norms[:, None, :]
        place = np.arange(cosines.shape[1])
        cosines[:, place, place] = 1.0
        return cosines

    def part(self, members: np.ndarray, tasks: np.ndarray) -> Step:
        """Return what some members see of some tasks."""

        def part(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else cut(values, members, tasks, values.ndim == 3)

        losses = part(self.losses)
        assert losses is not None
        return replace(
            self,
            losses=losses,
            gramian=part(self.gramian),
            jacobian=None if self.jacobian is None else self.jacobian[members][..., tasks, :],
            units=None if self.units is None else self.units[members],
            draws=part(self.draws),
        )


def cut(values: Any, members: np.ndarray, tasks: np.ndarray, pairwise: bool) -> Any:
    """Return the part of an array or tensor `(M,)`, `(M, T, …)` or, pairwise, `(M, T, T)`, as a copy."""
    if pairwise:
        return values[np.ix_(members, tasks, tasks)]
    return values[members] if values.ndim == 1 else values[places(members, tasks)]


def places(members: np.ndarray, tasks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of some members' values of some tasks."""
    return members[:, None], tasks[None, :]
