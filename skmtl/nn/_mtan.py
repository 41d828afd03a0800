"""MTAN: one trunk, from whose layers each task picks units by soft masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ._draws import repeated_draws
from ._layers import MemberLinear
from ._sharing import SharedTrunk, Sharing, run
from ._trunk import Trunk, n_outputs_of


class MTAN(Sharing):
    """Multi-task attention network: at each pair of layers, a task masks the units of the shared trunk.

    A block gives `u` (its first layer) and `p` (its second). A task's mask is `a = 2 σ(W² relu(norm(W¹ [u; f(r)])))`,
    where `r = a ∘ p` is what the task has of the block before and `f` a layer that tasks share; the first block has no
    `r`. With an odd number of layers, the first block has one, and `u` are the features. `W²` starts at zero, so masks
    start at 1 and this starts as hard sharing; `W¹` starts from one draw for all tasks.

    `f` ends with a relu, and `norm` has no scale or shift of its own.

    Parameters beyond the heads, for `n` blocks of two layers of width `H`: a trunk, `T (2 H² + 2 H)`, and `(n − 1) [T
    (3 H² + 2 H) + H² + H]`. Serves trunks that yield their layers. Gradients are compared with respect to the
    parameters that tasks share. The paper is for images: convolutions, batch norm after each of them, and masks between
    0 and 1.

    References
    ----------
    Liu, S., Johns, E., and Davison, A. J. (2019). End-to-end multi-task learning with attention. CVPR.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import MTAN, MLPTrunk
    >>> MTAN().build(MLPTrunk((8, 8)), 5, 3, [torch.Generator()])(torch.ones(4, 5)).shape
    torch.Size([1, 3, 4, 8])
    """

    needs_layers = True

    def build(self, trunk: Trunk, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return shared layers with masks a task; see `Sharing.build`."""
        return MaskedTrunk(trunk.build_layers(n_features, generators), n_features, n_tasks, generators)


class MaskedTrunk(SharedTrunk):
    """Layers that all tasks share, whose units each task masks.

    Parameters
    ----------
    layers : list of nn.Module
    n_features, n_tasks : int
    generators : sequence of torch.Generator
        One a member.

    Notes
    -----
    Shape: `(B, F)` or `(M, B, F)` → `(M, T, B, H)`.
    """

    def __init__(
        self, layers: list[nn.Module], n_features: int, n_tasks: int, generators: Sequence[torch.Generator]
    ) -> None:
        widths = [n_features, *(n_outputs_of(layer) for layer in layers)]
        n_members = len(generators)
        super().__init__(n_members, n_tasks, widths[-1])
        self.layers = nn.ModuleList(layers)
        # The layer whose units are masked, and before it the one whose units masks are made of.
        self.masked = list(range(len(layers) % 2 == 0, len(layers), 2))
        self.carries, self.readings, self.masks = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        before = 0
        for place in self.masked:
            read, width = widths[place], widths[place + 1]
            if before:
                self.carries.append(MemberLinear(n_members, before, read, generators))
            n_inputs = 2 * read if before else read
            draws = repeated_draws(generators, n_tasks)
            self.readings.append(MemberLinear(n_members * n_tasks, n_inputs, width, draws))
            self.masks.append(MemberLinear(n_members * n_tasks, width, width))
            before = width

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Map `(B, F)` or `(M, B, F)` to `(M, T, B, H)`."""
        *_, (mask, units) = self._blocks(x, rows)
        return mask * units

    def gates(self, x: Tensor) -> list[Tensor]:
        """Return the masks, `(M, T, B, H)` a block: the factor of each shared unit, from 0 to 2."""
        return [mask for mask, _ in self._blocks(x, None)]

    def expert_owners(self) -> list[list[int | None]]:
        """Return that all units that are masked are shared; see `SharedTrunk.expert_owners`."""
        return [[None] * n_outputs_of(self.layers[place]) for place in self.masked]

    def _blocks(self, x: Tensor, rows: Tensor | None) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield each block's masks, `(M, T, B, H)`, and the shared units that they are of, `(M, 1, B, H)`."""
        shared = [x.expand(self.n_members, -1, -1)]
        for layer in self.layers:
            shared.append(run(layer, shared[-1] if len(shared) > 1 else x, rows))
        task: Tensor | None = None
        for block, place in enumerate(self.masked):
            read = shared[place].unsqueeze(1).expand(-1, self.n_tasks, -1, -1)  # (M, T, B, H)
            if task is not None:
                carried = torch.relu(self.carries[block - 1](task.flatten(1, 2))).view(*task.shape[:3], -1)
                read = torch.cat([read, carried], 3)
            units = self.readings[block](read.flatten(0, 1))  # (M · T, B, H)
            units = torch.relu(nn.functional.layer_norm(units, units.shape[-1:]))
            mask = 2 * torch.sigmoid(self.masks[block](units)).view(self.n_members, self.n_tasks, *units.shape[1:])
            common = shared[place + 1].unsqueeze(1)
            yield mask, common
            task = mask * common

    def task_parameters(self) -> list[nn.Parameter]:
        """Return what makes the masks."""
        return [*self.readings.parameters(), *self.masks.parameters()]
