"""FiLM: one trunk, whose units each task scales and shifts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ._sharing import SharedTrunk, Sharing, run
from ._trunk import Trunk, n_outputs_of


class FiLM(Sharing):
    """Feature-wise linear modulation: after each layer, a task scales and shifts the units, `(1 + γ_t) ∘ h + β_t`.

    `γ` and `β` start at 0, so that this starts as hard sharing, and do not decay. Parameters beyond the heads: a trunk
    and `2 T Σ_l H_l`. Serves trunks that yield their layers. Gradients are compared with respect to the parameters that
    tasks share. In the paper, a second network makes `γ` and `β` from a question; here each task has its own.

    References
    ----------
    Perez, E., Strub, F., De Vries, H., Dumoulin, V., and Courville, A. (2018). FiLM: visual reasoning with a general
    conditioning layer. AAAI.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import FiLM, MLPTrunk
    >>> FiLM().build(MLPTrunk((8,)), 5, 3, [torch.Generator()])(torch.ones(4, 5)).shape
    torch.Size([1, 3, 4, 8])
    """

    needs_layers = True

    def build(self, trunk: Trunk, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return shared layers with scales and shifts a task; see `Sharing.build`."""
        return ModulatedTrunk(trunk.build_layers(n_features, generators), n_tasks, len(generators))


class ModulatedTrunk(SharedTrunk):
    """Layers that all tasks share, whose units each task scales and shifts.

    Parameters
    ----------
    layers : list of nn.Module
    n_tasks, n_members : int

    Notes
    -----
    Shape: `(B, F)` or `(M, B, F)` → `(M, T, B, H)`.
    """

    def __init__(self, layers: list[nn.Module], n_tasks: int, n_members: int) -> None:
        widths = [n_outputs_of(layer) for layer in layers]
        super().__init__(n_members, n_tasks, widths[-1])
        self.layers = nn.ModuleList(layers)
        self.modulations = nn.ModuleList(Modulation(n_members, n_tasks, width) for width in widths)

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Map `(B, F)` or `(M, B, F)` to `(M, T, B, H)`."""
        units = x
        for place, (layer, modulation) in enumerate(zip(self.layers, self.modulations, strict=True)):
            if place == 0:
                common = run(layer, x, rows).unsqueeze(1)  # (M, 1, B, H)
            else:  # the rows of all tasks below each other
                n_rows = units.shape[2]
                told = None if rows is None else rows.repeat(1, self.n_tasks)
                flat = run(layer, units.flatten(1, 2), told)
                common = flat.view(self.n_members, self.n_tasks, n_rows, -1)
            units = modulation(common)
        return units

    def task_parameters(self) -> list[nn.Parameter]:
        """Return scales and shifts."""
        return list(self.modulations.parameters())


class Modulation(nn.Module):
    """A scale and a shift of each unit, for each task.

    Parameters
    ----------
    n_members, n_tasks, n_units : int

    Notes
    -----
    Shape: `(M, 1, B, H)` or `(M, T, B, H)` → `(M, T, B, H)`.
    """

    decays = False

    def __init__(self, n_members: int, n_tasks: int, n_units: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(n_members, n_tasks, 1, n_units))
        self.shift = nn.Parameter(torch.zeros(n_members, n_tasks, 1, n_units))

    def forward(self, x: Tensor) -> Tensor:
        """Map `(M, 1, B, H)` or `(M, T, B, H)` to `(M, T, B, H)`."""
        return torch.addcmul(self.shift, x, 1 + self.scale)
