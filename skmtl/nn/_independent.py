"""No sharing: a trunk for each task."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ._draws import repeated_draws
from ._sharing import SharedTrunk, Sharing, fold, run, unfold
from ._trunk import Trunk, n_outputs_of


class Independent(Sharing):
    """No sharing: each task has a trunk of its own; what every other way of sharing is to be measured against.

    `h_t = trunk_t(x)`. All trunks start from one draw, as hard sharing would. Parameters beyond the heads: `T` trunks.
    Serves every trunk. Tasks still share the batches, the vectors of columns with many categories, the bound on the
    length of gradients (`max_grad_norm`), and each member the moment at which it stops.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import Independent, MLPTrunk
    >>> trunks = Independent().build(MLPTrunk((8,)), 5, 3, [torch.Generator()])
    >>> trunks(torch.ones(4, 5)).shape
    torch.Size([1, 3, 4, 8])
    """

    def build(self, trunk: Trunk, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return a trunk a task; see `Sharing.build`."""
        return IndependentTrunks(trunk, n_features, n_tasks, generators)


class IndependentTrunks(SharedTrunk):
    """One trunk a member and task.

    Parameters
    ----------
    trunk : Trunk
    n_features, n_tasks : int
    generators : sequence of torch.Generator
        One a member.

    Notes
    -----
    Shape: `(B, F)` or `(M, B, F)` → `(M, T, B, H)`.
    """

    def __init__(self, trunk: Trunk, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]) -> None:
        trunks = trunk.build(n_features, repeated_draws(generators, n_tasks))
        super().__init__(len(generators), n_tasks, n_outputs_of(trunks))
        self.trunks = trunks

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Map `(B, F)` or `(M, B, F)` to `(M, T, B, H)`."""
        return unfold(run(self.trunks, fold(x, self.n_tasks), rows, self.n_tasks), self.n_tasks)

    def task_parameters(self) -> list[nn.Parameter]:
        """Return all parameters: nothing is shared."""
        return list(self.parameters())
