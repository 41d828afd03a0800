"""What a method may look at in a step."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]
NOTHING: Array = np.empty(0)
NO_JACOBIAN = torch.empty(0)


@dataclass(frozen=True)
class Step:
    """What a method may look at in a step, for `M` members at once. Every task has labels there: others are left out.

    Attributes
    ----------
    epoch : int
        Epochs before this one.
    losses : ndarray of shape (M, T)
        Loss per label, in units of the best constant prediction's; NaN where it is not known.
    gramian : ndarray of shape (M, T, T)
        Inner products of the tasks' gradients, none of which is zero; for methods that need it.
    jacobian : Tensor of shape (M, T, P)
        The gradients themselves; for methods that need them.
    pulls : bool
        Whether the Jacobian holds pulls on units of the representation, `(M, T, H)`; see `Balancing`.
    draws : ndarray of shape (M, T) or (M, T, T)
        What the method's `draw` returned for each member; empty if it draws nothing.
    """

    epoch: int
    losses: Array
    gramian: Array
    jacobian: Tensor
    pulls: bool = False
    draws: Array = field(default_factory=lambda: NOTHING)

    @cached_property
    def norms(self) -> Array:
        """Lengths of the gradients, `(M, T)`."""
        norms: Array = np.sqrt(np.diagonal(self.gramian, axis1=1, axis2=2))
        return norms

    @cached_property
    def cosines(self) -> Array:
        """Gramian of the gradients at length 1, `(M, T, T)`: in it, nothing is lost beside a gradient 1e12 as long."""
        cosines: Array = (self.gramian / self.norms[:, :, None] / self.norms[:, None, :]).clip(-1, 1)
        place = np.arange(cosines.shape[1])
        cosines[:, place, place] = 1.0
        return cosines

    def part(self, members: np.ndarray, tasks: np.ndarray) -> Step:
        """Return what some members see of some tasks."""

        def part(values: Array, pairwise: bool = False) -> Array:
            taken: Array = values if not values.size else cut(values, members, tasks, pairwise)
            return taken

        return replace(
            self,
            losses=part(self.losses),
            gramian=part(self.gramian, pairwise=True),
            jacobian=self.jacobian[members][..., tasks, :] if self.jacobian.numel() else self.jacobian,
            draws=part(self.draws, self.draws.ndim == 3),
        )


def cut(values: Any, members: np.ndarray, tasks: np.ndarray, pairwise: bool) -> Any:
    """Return the part of an array or tensor `(M,)`, `(M, T, …)` or, pairwise, `(M, T, T)`, as a copy."""
    if pairwise:
        return values[np.ix_(members, tasks, tasks)]
    return values[members] if values.ndim == 1 else values[places(members, tasks)]


def places(members: np.ndarray, tasks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of some members' values of some tasks."""
    return members[:, None], tasks[None, :]
