"""PLE and CGC: experts of each task's own beside shared ones, level by level."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, cast

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from ._draws import check_draws, distinct_draws
from ._gate import Gate, mix, mix_own
from ._sharing import SharedTrunk, Sharing, fold, run, unfold
from ._trunk import Trunk, n_outputs_of


class CGC(Sharing):
    """Customised gate control: each task mixes experts of its own with experts that all share.

    `h_t = g_t(x) · [f_t1 …, f_c1 …]` with `E_s` own and `E_c` shared experts, which are trunks, and gates `g_t =
    softmax(x W_t + b_t)` that read the features. Gates start equal; tasks' own experts start from one draw for all
    tasks. Parameters beyond the heads: `T · E_s + E_c` trunks, and `T · (E_s + E_c) · (F + 1)` for `F` features.
    Without own experts this is MMoE, with one own and no shared expert it is no sharing. Serves every trunk. Gradients
    are compared with respect to the shared experts' outputs.

    Parameters
    ----------
    n_specific : int, default=1
        `E_s`, experts of each task's own.
    n_shared : int, default=1
        `E_c`, shared experts; not both may be 0.

    References
    ----------
    Tang, H., Liu, J., Zhao, M., and Gong, X. (2020). Progressive layered extraction (PLE): a novel multi-task learning
    (MTL) model for personalized recommendations. RecSys.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import CGC, MLPTrunk
    >>> CGC().build(MLPTrunk((8,)), 5, 3, [torch.Generator()])(torch.ones(4, 5)).shape
    torch.Size([1, 3, 4, 8])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_specific": [Interval(Integral, 0, None, closed="left")],
        "n_shared": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(self, n_specific: int = 1, n_shared: int = 1) -> None:
        self.n_specific = n_specific
        self.n_shared = n_shared

    def check(self) -> None:
        """Check the parameters; see `Sharing.check`.

        Raises
        ------
        ValueError
            If one is out of range, or there is no expert.
        """
        super().check()
        if self.n_specific + self.n_shared < 1:
            raise ValueError(f"{type(self).__name__} needs an expert: n_specific and n_shared are both 0.")

    def _draws(self, trunk: Trunk, n_tasks: int, generators: Sequence[torch.Generator]) -> list[torch.Generator]:
        """Return a generator an expert, once parameters and trunk are known to be fit."""
        self.check()
        check_draws(trunk, max(self.n_specific, self.n_shared), type(self).__name__)
        return expert_draws(generators, n_tasks, self.n_specific, self.n_shared)

    @property
    def reads_rows(self) -> bool:
        """Whether gates read the rows themselves: they do."""
        return True

    def build(self, trunk: Trunk, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return one level of experts and gates; see `Sharing.build`."""
        draws = self._draws(trunk, n_tasks, generators)
        layers = [[trunk.build(n_features, draws)]]
        return ProgressiveLevels(layers, n_features, n_tasks, self.n_specific, self.n_shared, len(generators))


class PLE(CGC):
    """Progressive layered extraction: CGC level upon level, with a path of its own for what is shared.

    At each level, a task's experts and gate read the task's own output of the level before, shared experts and their
    gate that of the shared path, whose gate mixes the experts of all tasks. The first level reads the features; the
    last has no shared gate. The trunk's layers are dealt out to the levels, in order. Gates start equal; tasks' own
    experts start from one draw for all tasks.

    Parameters beyond the heads: `Σ (T · E_s + E_c)` layers, and `Σ T · (E_s + E_c) · (F_l + 1)` for gates that read
    `F_l` numbers, and `(T · E_s + E_c) · (F_l + 1)` for the shared gate of each level but the last, if there are shared
    experts. With one level it is CGC. Serves trunks that yield their layers. Gradients are compared with respect to the
    parameters that tasks share.

    Parameters
    ----------
    n_specific : int, default=1
        `E_s`, experts of each task's own at each level.
    n_shared : int, default=1
        `E_c`, shared experts at each level; not both may be 0.
    n_levels : int, default=2
        Number of levels; the trunk must have as many layers.

    References
    ----------
    Tang, H., Liu, J., Zhao, M., and Gong, X. (2020). Progressive layered extraction (PLE): a novel multi-task learning
    (MTL) model for personalized recommendations. RecSys.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import PLE, MLPTrunk
    >>> PLE().build(MLPTrunk((8, 6)), 5, 3, [torch.Generator()])(torch.ones(4, 5)).shape
    torch.Size([1, 3, 4, 6])
    """

    needs_layers = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CGC._parameter_constraints,
        "n_levels": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, n_specific: int = 1, n_shared: int = 1, *, n_levels: int = 2) -> None:
        super().__init__(n_specific, n_shared)
        self.n_levels = n_levels

    def build(self, trunk: Trunk, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return levels of experts and gates; see `Sharing.build`.

        Raises
        ------
        ValueError
            If the trunk has fewer layers than there are levels.
        """
        draws = self._draws(trunk, n_tasks, generators)
        levels = dealt_out(trunk.build_layers(n_features, draws), self.n_levels)
        return ProgressiveLevels(levels, n_features, n_tasks, self.n_specific, self.n_shared, len(generators))


class ProgressiveLevels(SharedTrunk):
    """Levels of experts, those of each task and shared ones, mixed by gates.

    Parameters
    ----------
    levels : sequence of sequence of nn.Module
        Layers of each level, each with `T · E_s + E_c` copies a member: the tasks' own, then the shared ones.
    n_features, n_tasks, n_specific, n_shared, n_members : int

    Notes
    -----
    Shape: `(B, F)` or `(M, B, F)` → `(M, T, B, H)`.
    """

    def __init__(
        self,
        levels: Sequence[Sequence[nn.Module]],
        n_features: int,
        n_tasks: int,
        n_specific: int,
        n_shared: int,
        n_members: int,
    ) -> None:
        super().__init__(n_members, n_tasks, n_outputs_of(levels[-1][-1]))
        self.n_specific, self.n_shared = n_specific, n_shared
        self.n_own = n_tasks * n_specific
        self.n_copies = max(n_tasks, self.n_own + n_shared)
        self.levels = nn.ModuleList(nn.ModuleList(layers) for layers in levels)
        inputs = [n_features, *(n_outputs_of(layers[-1]) for layers in levels[:-1])]
        self.task_gates = nn.ModuleList(
            Gate(n_members, width, n_tasks, n_specific + n_shared, own_inputs=level > 0)
            for level, width in enumerate(inputs)
        )
        self.shared_gates = nn.ModuleList(
            Gate(n_members, width, 1, self.n_own + n_shared) for width in inputs[:-1] if n_shared
        )

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Map `(B, F)` or `(M, B, F)` to `(M, T, B, H)`."""
        return self._run(x, rows)[0]

    def _run(self, x: Tensor, rows: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        tasks = shared = x
        n_experts, seen = self.n_own + self.n_shared, []
        for place, layers in enumerate(self.levels):
            outputs = fold(x, n_experts) if place == 0 else self._inputs(tasks, shared)
            experts = run_level(layers, outputs, rows, n_experts)  # (M, N, B, H)
            gates = self.task_gates[place](tasks)  # (M, T, B, E_s + E_c)
            seen.append(gates)
            if place < len(self.shared_gates):
                mixed = mix(self.shared_gates[place](shared), experts).squeeze(1)  # (M, B, H)
            tasks = self._mix(gates, experts)
            shared = mixed if place < len(self.shared_gates) else shared
        if self.training and len(self.levels) == 1 and self.n_shared:
            self.mixing = seen[0][..., self.n_specific :].detach()
        return tasks, seen

    def _inputs(self, tasks: Tensor, shared: Tensor) -> Tensor:
        """Hand each expert what it reads, `(M · N, B, H)`."""
        own = tasks.repeat_interleave(self.n_specific, 1)  # (M, T · E_s, B, H)
        if not self.n_shared:
            return own.flatten(0, 1)
        common = shared.unsqueeze(1).expand(-1, self.n_shared, -1, -1)
        return torch.cat([own, common], 1).flatten(0, 1)

    def _mix(self, gates: Tensor, experts: Tensor) -> Tensor:
        """Mix each task's own experts and the shared ones, `(M, T, B, H)`."""
        if not self.n_shared:
            return mix_own(gates, experts)
        if not self.n_specific:
            return mix(gates, experts)
        own_gates, shared_gates = torch.split(gates, [self.n_specific, self.n_shared], 3)
        own, shared = torch.split(experts, [self.n_own, self.n_shared], 1)
        return mix_own(own_gates, own) + mix(shared_gates, shared)

    def task_parameters(self) -> list[nn.Parameter]:
        """Return the gates' of the last level, below which all paths lead to all tasks; all, if nothing is shared.

        A task's own experts stand in one tensor with shared ones, and count as shared.
        """
        return list(self.task_gates[-1].parameters() if self.n_shared else self.parameters())

    @torch.no_grad()
    def gates(self, x: Tensor) -> list[Tensor]:
        """Return which task uses which expert, `(M, T, B, T · E_s + E_c)` a level; see `SharedTrunk.gates`."""
        result = []
        for gates in self._run(x, None)[1]:
            own, shared = gates[..., : self.n_specific], gates[..., self.n_specific :]
            whole = own.new_zeros(*own.shape[:3], self.n_tasks, self.n_specific)
            for task in range(self.n_tasks):
                whole[:, task, :, task] = own[:, task]
            result.append(torch.cat([whole.flatten(3), shared], 3))
        return result

    def expert_owners(self) -> list[list[int | None]]:
        """Return the task that owns each expert; see `SharedTrunk.expert_owners`."""
        own: list[int | None] = [task for task in range(self.n_tasks) for _ in range(self.n_specific)]
        return [own + [None] * self.n_shared for _ in self.levels]


def expert_draws(
    generators: Sequence[torch.Generator], n_tasks: int, n_specific: int, n_shared: int
) -> list[torch.Generator]:
    """Return a generator an expert: tasks' own experts draw alike for all tasks, and every other expert something else.

    Parameters
    ----------
    generators : sequence of torch.Generator
        One a member.
    n_tasks, n_specific, n_shared : int
    """
    count = n_specific + n_shared
    distinct = distinct_draws(generators, count)
    result: list[torch.Generator] = []
    for member in range(len(generators)):
        own = distinct[member * count : member * count + n_specific]
        states = [generator.get_state() for generator in own]
        result += own
        result += [torch.Generator().set_state(state) for _ in range(n_tasks - 1) for state in states]
        result += distinct[member * count + n_specific : (member + 1) * count]
    return result


def run_level(layers: nn.Module, x: Tensor, rows: Tensor | None, n_experts: int) -> Tensor:
    """Run all experts of a level, one layer after the other; return their outputs, `(M, N, B, H)`.

    Parameters
    ----------
    layers : nn.ModuleList
        Each with `N` copies a member.
    x : Tensor of shape (B, F) or (M · N, B, F)
    rows : Tensor of shape (M, B) or None
    n_experts : int
        `N`.
    """
    for layer in cast(nn.ModuleList, layers):
        x = run(layer, x, rows, n_experts)
    return unfold(x, n_experts)


def dealt_out(layers: list[nn.Module], n_levels: int) -> list[list[nn.Module]]:
    """Deal layers out to levels, in order and as evenly as it goes; the first levels get one more.

    Parameters
    ----------
    layers : list of nn.Module
    n_levels : int

    Raises
    ------
    ValueError
        If there are fewer layers than levels.
    """
    if len(layers) < n_levels:
        raise ValueError(
            f"n_levels={n_levels} needs a trunk of as many layers, but it has {len(layers)}: set "
            f"n_levels={len(layers)}, or give the trunk more layers."
        )
    base, more = divmod(len(layers), n_levels)
    result, first = [], 0
    for level in range(n_levels):
        last = first + base + (level < more)
        result.append(layers[first:last])
        first = last
    return result
