"""MMoE: experts shared by all tasks, mixed by a gate a task."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from ._draws import check_draws, distinct_draws
from ._gate import Gate, mix
from ._sharing import SharedTrunk, Sharing, fold, run, unfold
from ._trunk import Trunk, n_outputs_of


class MMoE(Sharing):
    """Multi-gate mixture of experts: each task mixes the same experts in its own way, row by row.

    `h_t = Σ_e g_te(x) f_e(x)` with experts `f_e`, which are trunks, and gates `g_t = softmax(x W_t + b_t)` that read
    the features. Gates start equal, experts from distinct draws. Parameters beyond the heads: `E` trunks, and `T · E ·
    (F + 1)` for `F` features. With one expert, this is hard sharing. Serves every trunk. Gradients are compared with
    respect to the experts' outputs. The paper's gates have no bias.

    Parameters
    ----------
    n_experts : int, default=4
        `E`. The paper has 8.

    References
    ----------
    Ma, J., Zhao, Z., Yi, X., Chen, J., Hong, L., and Chi, E. H. (2018). Modeling task relationships in multi-task
    learning with multi-gate mixture-of-experts. KDD.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import MLPTrunk, MMoE
    >>> MMoE(n_experts=2).build(MLPTrunk((8,)), 5, 3, [torch.Generator()])(torch.ones(4, 5)).shape
    torch.Size([1, 3, 4, 8])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {"n_experts": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, n_experts: int = 4) -> None:
        self.n_experts = n_experts

    @property
    def reads_rows(self) -> bool:
        """Whether gates read the rows themselves: they do."""
        return True

    def build(self, trunk: Trunk, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return experts and gates; see `Sharing.build`."""
        self.check()
        check_draws(trunk, self.n_experts, "MMoE")
        gate = Gate(len(generators), n_features, n_tasks, self.n_experts)
        return SharedExperts(trunk, n_features, n_tasks, self.n_experts, gate, generators)


class SharedExperts(SharedTrunk):
    """Experts that all tasks share, mixed by a gate a task.

    Parameters
    ----------
    trunk : Trunk
    n_features, n_tasks, n_experts : int
    gate : nn.Module
        `(B, F)` or `(M, B, F)` → `(M, T, B, E)`; told which rows a member trains on if it has a true `mixes_rows`.
    generators : sequence of torch.Generator
        One a member.

    Notes
    -----
    Shape: `(B, F)` or `(M, B, F)` → `(M, T, B, H)`.
    """

    def __init__(
        self,
        trunk: Trunk,
        n_features: int,
        n_tasks: int,
        n_experts: int,
        gate: nn.Module,
        generators: Sequence[torch.Generator],
    ) -> None:
        experts = trunk.build(n_features, distinct_draws(generators, n_experts))
        super().__init__(len(generators), n_tasks, n_outputs_of(experts))
        self.experts = experts
        self.n_experts = n_experts
        self.n_copies = max(n_tasks, n_experts)
        self.gate = gate

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Map `(B, F)` or `(M, B, F)` to `(M, T, B, H)`."""
        return mix(*self.mixture(x, rows))

    def mixture(self, x: Tensor, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return gates and experts' outputs; see `SharedTrunk.mixture`."""
        outputs = unfold(run(self.experts, fold(x, self.n_experts), rows, self.n_experts), self.n_experts)
        gates = self.gate(x, rows) if getattr(self.gate, "mixes_rows", False) else self.gate(x)  # (M, T, B, E)
        if self.training:
            self.mixing = gates.detach()
            self.penalty = getattr(self.gate, "penalty", None)
        return gates, outputs

    def task_parameters(self) -> list[nn.Parameter]:
        """Return the gates'."""
        return list(self.gate.parameters())

    @torch.no_grad()
    def gates(self, x: Tensor) -> list[Tensor]:
        """Return which task uses which expert, one level, `(M, T, B, E)`; see `SharedTrunk.gates`."""
        return [self.gate(x)]

    def expert_owners(self) -> list[list[int | None]]:
        """Return that no expert belongs to a task; see `SharedTrunk.expert_owners`."""
        return [[None] * self.n_experts]
