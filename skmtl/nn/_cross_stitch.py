"""Cross-stitch networks, and with them NDDR and sluice networks: a trunk a task, joined after every layer."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, cast

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from ._draws import repeated_draws
from ._sharing import SharedTrunk, Sharing, fold, run, unfold
from ._stitch import Stitch, fast
from ._trunk import Trunk, n_outputs_of

# A full stitch of more units than this holds more numbers than the layers that it joins.
MOST_STITCHED = 4096


class CrossStitch(Sharing):
    """Cross-stitch units: each task has a trunk, and after every layer reads a learned mixture of all tasks' units.

    `x̃_t = Σ_s α_ts x_s` with `α_tt = own` at the start, and `(1 − own) / (T − 1)` elsewhere: rows sum to 1. All trunks
    start from one draw, so that this starts as hard sharing (not with `skip`); `own=1` starts without sharing.
    Parameters beyond the heads: `T` trunks and, a layer, `T²` numbers ("scalar"; `(T S)²` with `S` subspaces), `T² H`
    ("channel") or `T² H²` ("full"). Serves trunks that yield their layers. Gradients are compared with respect to the
    parameters.

    `mixing="full"` is NDDR (without the bias and the activation that it has there); `n_subspaces=2, skip=True` is a
    sluice network without its penalty. Stitches learn ten times as fast as other weights and do not decay; the paper
    has a hundred times and more, from trunks that were trained on single tasks.

    Parameters
    ----------
    mixing : {"scalar", "channel", "full"}, default="scalar"
        Whether `α_ts` is a number, a number a unit, or a matrix over units.
    own : float, default=0.9
        `α_tt` at the start, in [0, 1].
    n_subspaces : int, default=1
        Parts of equal size into which units are cut; not with `mixing="full"`, which mixes them anyway.
    skip : bool, default=False
        Whether a task reads a learned mixture of all layers, `Σ_l β_tl h_tl`, and not only the last, which starts at
        .9.

    References
    ----------
    Misra, I., Shrivastava, A., Gupta, A., and Hebert, M. (2016). Cross-stitch networks for multi-task learning. CVPR.

    Gao, Y., Ma, J., Zhao, M., Liu, W., and Yuille, A. L. (2019). NDDR-CNN: layerwise feature fusing in multi-task CNNs
    by neural discriminative dimensionality reduction. CVPR.

    Ruder, S., Bingel, J., Augenstein, I., and Søgaard, A. (2019). Latent multi-task architecture learning. AAAI.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import CrossStitch, MLPTrunk
    >>> CrossStitch().build(MLPTrunk((8, 8)), 5, 3, [torch.Generator()])(torch.ones(4, 5)).shape
    torch.Size([1, 3, 4, 8])
    """

    needs_layers = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "mixing": [StrOptions({"scalar", "channel", "full"})],
        "own": [Interval(Real, 0, 1, closed="both")],
        "n_subspaces": [Interval(Integral, 1, None, closed="left")],
        "skip": ["boolean"],
    }

    def __init__(self, mixing: str = "scalar", *, own: float = 0.9, n_subspaces: int = 1, skip: bool = False) -> None:
        self.mixing = mixing
        self.own = own
        self.n_subspaces = n_subspaces
        self.skip = skip

    def build(self, trunk: Trunk, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return a trunk a task and the stitches between them; see `Sharing.build`."""
        self.check()
        layers = trunk.build_layers(n_features, repeated_draws(generators, n_tasks))
        widths = [n_outputs_of(layer) for layer in layers]
        if self.mixing == "full" and self.n_subspaces > 1:
            raise ValueError(f"mixing='full' mixes all units: n_subspaces must be 1, got {self.n_subspaces}.")
        if self.mixing == "full" and n_tasks * max(widths) > MOST_STITCHED:
            raise ValueError(
                f"mixing='full' joins {n_tasks} tasks times {max(widths)} units by a matrix of "
                f"{(n_tasks * max(widths)) ** 2:,} numbers. Use mixing='channel', or a narrower trunk."
            )
        if any(width % self.n_subspaces for width in widths):
            raise ValueError(f"n_subspaces={self.n_subspaces} must divide the units of every layer, {widths}.")
        if self.skip and len(set(widths)) > 1:
            raise ValueError(f"skip=True adds layers up: they need the same number of units, but have {widths}.")
        return StitchedTrunks(self, layers, n_tasks, len(generators))


class StitchedTrunks(SharedTrunk):
    """A trunk a task, stitched together after every layer.

    Parameters
    ----------
    settings : CrossStitch
    layers : list of nn.Module
        With `T` copies a member.
    n_tasks, n_members : int

    Notes
    -----
    Shape: `(B, F)` or `(M, B, F)` → `(M, T, B, H)`.
    """

    decays = False
    skip_start: Tensor

    def __init__(self, settings: CrossStitch, layers: list[nn.Module], n_tasks: int, n_members: int) -> None:
        widths = [n_outputs_of(layer) for layer in layers]
        super().__init__(n_members, n_tasks, widths[-1])
        self.layers = nn.ModuleList(layers)
        self.stitches = nn.ModuleList(
            Stitch(n_members, n_tasks, width, settings.mixing, settings.own, settings.n_subspaces) for width in widths
        )
        self.skip_shift: nn.Parameter | None = None
        if settings.skip:
            n_layers = len(layers)
            start = torch.full((n_layers,), 0.1 / max(n_layers - 1, 1))
            start[-1] = 0.9 if n_layers > 1 else 1.0
            self.register_buffer("skip_start", start, persistent=False)
            self.skip_shift = nn.Parameter(torch.zeros(n_members, n_tasks, n_layers))

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Map `(B, F)` or `(M, B, F)` to `(M, T, B, H)`."""
        x = fold(x, self.n_tasks)
        seen: list[Tensor] = []
        for layer, stitch in zip(self.layers, self.stitches, strict=True):
            stitched = stitch(unfold(run(layer, x, rows, self.n_tasks), self.n_tasks))  # (M, T, B, H)
            seen.append(stitched)
            x = stitched.flatten(0, 1)
        if self.skip_shift is None:
            return seen[-1]
        return torch.einsum("mtl,mtbhl->mtbh", self.skip_start + fast(self.skip_shift), torch.stack(seen, -1))

    def gates(self, x: Tensor) -> list[Tensor]:
        """Return what each task reads of each task's layer, `(M, T, B, T)` a layer, alike for all rows.

        In the mean over units; it may be negative, and need not sum to 1. See `SharedTrunk.gates`.
        """
        n_rows = x.shape[-2]
        return [cast(Stitch, stitch).shares().unsqueeze(2).expand(-1, -1, n_rows, -1) for stitch in self.stitches]

    def expert_owners(self) -> list[list[int | None]]:
        """Return that each task owns one copy of a layer; see `SharedTrunk.expert_owners`."""
        return [list(range(self.n_tasks)) for _ in self.stitches]

    def task_parameters(self) -> list[nn.Parameter]:
        """Return what comes last: a row of the last stitch belongs to the task that reads it."""
        own = list(self.stitches[-1].parameters())
        return own if self.skip_shift is None else [*own, self.skip_shift]
