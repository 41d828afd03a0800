"""What a way of sharing is: a specification that builds, of a trunk, the module in which tasks share it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import validate_parameter_constraints
from torch import Tensor, nn

from ._modules import MemberModules
from ._trunk import Trunk


class Sharing(BaseEstimator):
    """Base of sharing specifications: stores settings and builds the module from features to tasks' representations.

    A subclass stores its parameters in `__init__`, so that `clone`, `set_params` and a grid search over
    `sharing__<parameter>` work, and defines `build`.

    Attributes
    ----------
    needs_layers : bool
        Whether the trunk must yield its layers one by one (`Trunk.build_layers`); one opaque module does not.
    reads_rows : bool
        Whether gates read the rows themselves.

    Examples
    --------
    >>> from skmtl.nn import SHARINGS, Sharing
    >>> issubclass(SHARINGS["hard"], Sharing)
    True
    """

    needs_layers: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict[str, Any]] = {}

    @property
    def reads_rows(self) -> bool:
        """Whether gates read the rows themselves."""
        return False

    def check(self) -> None:
        """Check the parameters.

        Raises
        ------
        ValueError
            If one is out of range.
        """
        validate_parameter_constraints(
            self._parameter_constraints, self.get_params(deep=False), caller_name=type(self).__name__
        )

    def build(self, trunk: Trunk, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return the module: a `SharedTrunk`, or a trunk's own module, in which tasks have no path of their own.

        Parameters
        ----------
        trunk : Trunk
        n_features, n_tasks : int
        generators : sequence of torch.Generator
            One a member, on the CPU: the source of its start.

        Raises
        ------
        ValueError
            If a parameter is out of range, or the trunk cannot serve this way of sharing.
        """
        raise NotImplementedError


class SharedTrunk(nn.Module):
    """Base of the modules in which tasks share a trunk: `(B, F)` or `(M, B, F)` → `(M, T, B, H)`.

    Parameters
    ----------
    n_members, n_tasks, n_outputs : int
        `M`, `T` and `H`.

    Attributes
    ----------
    mixing : Tensor of shape (M, T, B, E) or None
        After a forward pass while training, where all tasks read the same tensors, `E` of them, last: the weights with
        which they do. None: there are no such tensors, and gradients are compared by the parameters.
    n_copies : int
        Copies of a layer that a row goes through, `T` unless experts are more.
    penalty : Tensor or None
        After a forward pass while training: what is added to the loss, a scalar, summed over members.
    """

    def __init__(self, n_members: int, n_tasks: int, n_outputs: int) -> None:
        super().__init__()
        self.n_members, self.n_tasks, self.n_outputs = n_members, n_tasks, n_outputs
        self.n_copies = n_tasks
        self.mixing: Tensor | None = None
        self.penalty: Tensor | None = None

    def mixture(self, x: Tensor, rows: Tensor | None = None) -> tuple[Tensor, Tensor] | None:
        """Return gates, `(M, T, B, E)`, and what they mix, `(M, E, B, H)`, where that is all of `forward`; else None.

        Parameters
        ----------
        x : Tensor of shape (B, F) or (M, B, F)
        rows : Tensor of shape (M, B) or None
            Which rows a member trains on.
        """
        del x, rows
        return None

    def task_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that belong to one task each: no other task's loss has a gradient there."""
        return []

    def after_step(self, learning_rate: float) -> None:
        """Do what follows a step of the solver; by default nothing.

        Parameters
        ----------
        learning_rate : float
        """
        del learning_rate

    def gates(self, x: Tensor) -> list[Tensor]:
        """Return how much each task takes of each expert, level by level, `(M, T, B, E)`. By default, none.

        A level's output is the sum of its experts' by these shares. They sum to 1, but for `AdaTT` of several experts,
        for `CrossStitch`, whose shares are means over units, and for `MTAN`, whose shares are factors of single units.

        Parameters
        ----------
        x : Tensor of shape (B, F) or (M, B, F)
        """
        del x
        return []

    def expert_owners(self) -> list[list[int | None]]:
        """Return the task that owns each expert, level by level; None: shared by all."""
        return []

    def __getstate__(self) -> dict[str, object]:
        """Leave out what belongs to a batch."""
        return {**self.__dict__, "mixing": None, "penalty": None}


def fold(x: Tensor, count: int) -> Tensor:
    """Repeat each member's rows for its tasks or experts: `(M, B, F)` → `(M · count, B, F)`; `(B, F)` stays.

    Parameters
    ----------
    x : Tensor of shape (B, F) or (M, B, F)
    count : int
    """
    return x if x.dim() == 2 else x.unsqueeze(1).expand(-1, count, -1, -1).flatten(0, 1)


def unfold(block: Tensor, count: int) -> Tensor:
    """Give tasks or experts a dimension of their own: `(M · count, …)` → `(M, count, …)`.

    Parameters
    ----------
    block : Tensor of shape (M · count, …)
    count : int
    """
    return block.reshape(-1, count, *block.shape[1:])


def run(module: nn.Module, x: Tensor, rows: Tensor | None, count: int = 1) -> Tensor:
    """Run a trunk, or one of its layers, that has `count` copies a member.

    Parameters
    ----------
    module : nn.Module
        `(B, F)` or `(M · count, B, F)` → `(M · count, B, H)`.
    x : Tensor of shape (B, F) or (M · count, B, F)
    rows : Tensor of shape (M, B) or None
        Which rows a member trains on; only modules that may mix rows are told.
    count : int, default=1
    """
    if rows is not None and isinstance(module, MemberModules):
        told: Tensor = module(x, rows.repeat_interleave(count, 0))
        return told
    result: Tensor = module(x)
    return result
