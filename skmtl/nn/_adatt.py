"""AdaTT: tasks' own experts at each level, with gates over the experts of all tasks."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from ._draws import check_draws
from ._gate import Gate, mix
from ._ple import dealt_out, expert_draws, run_level
from ._sharing import SharedTrunk, Sharing, fold
from ._trunk import Trunk, n_outputs_of


class AdaTT(Sharing):
    """Adaptive task-to-task fusion: each task adds to its own experts a gated mixture of the experts of all tasks.

    At each level, `h_t ← ½ (Σ_e g_te f_e + Σ_{e ∈ t} v_te f_e)`: the gate `g_t = softmax(h_t W_t + b_t)` runs over the
    experts of all tasks, which read their own task's output of the level before. The second part is a residual path,
    with `v = 1` for one expert a task and learned weights from `1 / E_t` for several. The trunk's layers are dealt out
    to the levels, in order. Gates start equal; experts start from one draw for all tasks, so that with one
    expert a task this starts as hard sharing. Where gates choose only the task's own expert, this is no sharing.

    What a task takes of an expert, as the estimators' `gates` return it, holds both parts: `½ (g + v)` for an expert of
    its own, of which it has at least half if there is one, and `½ g` for one of another task's. Learned `v` have no
    bounds: with several experts, what a task takes may be negative, and sums to `½ (1 + Σ v)`.

    Parameters beyond the heads: `Σ T · E_t` layers, `Σ T · (T · E_t) · (F_l + 1)` for gates that read `F_l` numbers,
    and `Σ T · E_t` for several experts a task. Serves trunks that yield their layers. Gradients are compared with
    respect to the parameters that tasks share. The paper has no factor ½, with which outputs would double at every
    level; its shared experts are left out.

    Parameters
    ----------
    n_experts : int, default=1
        `E_t`, experts of each task at each level.
    n_levels : int or None, default=None
        Number of levels; None: one a layer of the trunk.

    References
    ----------
    Li, D., Zhang, Z., Yuan, S., Gao, M., Zhang, W., Yang, C., Liu, X., and Yang, J. (2023). AdaTT: adaptive
    task-to-task fusion network for multitask learning in recommendations. KDD.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import AdaTT, MLPTrunk
    >>> AdaTT().build(MLPTrunk((8, 6)), 5, 3, [torch.Generator()])(torch.ones(4, 5)).shape
    torch.Size([1, 3, 4, 6])
    """

    needs_layers = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_experts": [Interval(Integral, 1, None, closed="left")],
        "n_levels": [None, Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, n_experts: int = 1, *, n_levels: int | None = None) -> None:
        self.n_experts = n_experts
        self.n_levels = n_levels

    def build(self, trunk: Trunk, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return levels of experts and gates; see `Sharing.build`.

        Raises
        ------
        ValueError
            If the trunk has fewer layers than there are levels.
        """
        self.check()
        check_draws(trunk, self.n_experts, "AdaTT")
        layers = trunk.build_layers(n_features, expert_draws(generators, n_tasks, self.n_experts, 0))
        levels = dealt_out(layers, len(layers) if self.n_levels is None else self.n_levels)
        return FusedLevels(levels, n_features, n_tasks, self.n_experts, len(generators))


class FusedLevels(SharedTrunk):
    """Levels of tasks' own experts, fused by gates over all of them.

    Parameters
    ----------
    levels : sequence of sequence of nn.Module
        Layers of each level, each with `T · E_t` copies a member.
    n_features, n_tasks, n_experts, n_members : int

    Notes
    -----
    Shape: `(B, F)` or `(M, B, F)` → `(M, T, B, H)`.
    """

    decays = False  # the residual weights: only they are held here and not in a layer
    own: Tensor

    def __init__(
        self, levels: Sequence[Sequence[nn.Module]], n_features: int, n_tasks: int, n_experts: int, n_members: int
    ) -> None:
        super().__init__(n_members, n_tasks, n_outputs_of(levels[-1][-1]))
        self.n_experts = n_experts
        self.n_copies = n_tasks * n_experts
        self.levels = nn.ModuleList(nn.ModuleList(layers) for layers in levels)
        inputs = [n_features, *(n_outputs_of(layers[-1]) for layers in levels[:-1])]
        self.fusions = nn.ModuleList(
            Gate(n_members, width, n_tasks, n_tasks * n_experts, own_inputs=level > 0)
            for level, width in enumerate(inputs)
        )
        shape = (n_members, len(levels), n_tasks, n_experts)
        self.residuals = nn.Parameter(torch.full(shape, 1 / n_experts)) if n_experts > 1 else None
        own = torch.eye(n_tasks).repeat_interleave(n_experts, 1)  # (T, T · E_t)
        self.register_buffer("own", own, persistent=False)

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Map `(B, F)` or `(M, B, F)` to `(M, T, B, H)`."""
        return mix(*self.mixture(x, rows))

    def mixture(self, x: Tensor, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the last level's shares and its experts' outputs; see `SharedTrunk.mixture`."""
        shares, experts = self._run(x, rows)
        return shares[-1], experts

    def _run(self, x: Tensor, rows: Tensor | None) -> tuple[list[Tensor], Tensor]:
        """Return the shares of each level, and the last experts' outputs, `(M, T · E_t, B, H)`."""
        n_all = self.n_tasks * self.n_experts
        seen: list[Tensor] = []
        tasks, outputs = x, fold(x, n_all)
        for place, layers in enumerate(self.levels):
            experts = run_level(layers, outputs, rows, n_all)
            own = self.own  # v = 1
            if self.residuals is not None:
                own = own * self.residuals[:, place].flatten(1).unsqueeze(1)  # (M, T, T · E_t)
            gates: Tensor = self.fusions[place](tasks)  # (M, T, B, T · E_t)
            seen.append((gates + own.unsqueeze(-2)) / 2)
            if place + 1 < len(self.levels):
                tasks = mix(seen[-1], experts)
                outputs = tasks.repeat_interleave(self.n_experts, 1).flatten(0, 1)
        return seen, experts

    def task_parameters(self) -> list[nn.Parameter]:
        """Return the gates' of the last level: below it, all paths lead to all tasks."""
        return list(self.fusions[-1].parameters())

    @torch.no_grad()
    def gates(self, x: Tensor) -> list[Tensor]:
        """Return `½ (g + v)`, `(M, T, B, T · E_t)` a level, with `v` for a task's own experts; see `SharedTrunk.gates`.

        It sums to 1 where `v` does.
        """
        return self._run(x, None)[0]

    def expert_owners(self) -> list[list[int | None]]:
        """Return the task that owns each expert; see `SharedTrunk.expert_owners`."""
        own: list[int | None] = [task for task in range(self.n_tasks) for _ in range(self.n_experts)]
        return [own for _ in self.levels]
