"""Forward passes while training whose gradients come of automatic differentiation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ._chain import ALL
from ._heads import Heads
from ._sharing import SharedTrunk
from ._training_pass import TrainingPass, set_gradient


class AutogradPass(TrainingPass):
    """A pass through any trunk, by automatic differentiation.

    Parameters
    ----------
    heads : Heads
    trunk : nn.Module
    representation : Tensor of shape (M, B, H) or (M, T, B, H)
        What the trunk returned, with its graph.
    shared : list of (nn.Parameter, int or None)
    has_own : bool
        Whether other parameters of the trunk belong to one task each.
    """

    def __init__(
        self,
        heads: Heads,
        trunk: nn.Module,
        representation: Tensor,
        shared: Sequence[tuple[nn.Parameter, int | None]],
        has_own: bool,
    ) -> None:
        self.graph = representation
        self.has_own = has_own
        self.penalty = trunk.penalty if isinstance(trunk, SharedTrunk) else None
        self._mixing = trunk.mixing if isinstance(trunk, SharedTrunk) else None
        super().__init__(heads, representation.detach(), shared)

    @property
    def mixing(self) -> Tensor | None:
        """Weights with which each task reads the last tensors that all read, `(M, T, B, E)`."""
        return self._mixing

    def backward_trunk(self, gradient: Tensor) -> None:
        """Set the gradients of all parameters but the heads'; see `TrainingPass.backward_trunk`."""
        if not self.graph.requires_grad:
            return
        roots, gradients = [self.graph], [gradient]
        if self.penalty is not None:
            roots.append(self.penalty)
            gradients.append(torch.ones_like(self.penalty))
        torch.autograd.backward(roots, gradients)

    def _backward_apart(self, own: Tensor, shared: Tensor) -> None:
        if not (self.has_own and self.shared):
            self.backward_trunk(own if self.has_own else shared)
            return
        parameters = [parameter for parameter, _ in self.shared]
        found = torch.autograd.grad(self.graph, parameters, shared, retain_graph=True, materialize_grads=True)
        self.backward_trunk(own)
        for parameter, gradient in zip(parameters, found, strict=True):
            set_gradient(parameter, gradient)

    def backward_own(self, gradient: Tensor) -> None:
        """Set the gradients of what belongs to one task; see `TrainingPass.backward_own`."""
        super().backward_own(gradient)
        if self.has_own:
            self.backward_trunk(self._below(gradient))

    @torch.no_grad()
    def jacobian(self, gradient: Tensor, rows: slice = ALL) -> Tensor:
        """Return each task's gradient with respect to the shared parameters; see `TrainingPass.jacobian`."""
        whole = gradient
        if rows != ALL:
            whole = torch.zeros_like(self.outputs)
            whole[:, rows] = gradient
        n_members = len(self.outputs)
        parts = self._trunk_jacobian(self._of_tasks(whole))
        batched = [
            part.reshape(len(part), n_members, -1).transpose(0, 1)  # (M, T, p)
            for part, (_, owner) in zip(parts, self.shared, strict=True)
            if owner is None
        ]
        own: list[list[Tensor]] = [[] for _ in range(n_members)]
        for part, (_, owner) in zip(parts, self.shared, strict=True):
            if owner is not None:
                own[owner].append(part.flatten(1))
        if any(own):
            batched.append(torch.stack([torch.cat(columns, 1) for columns in own]))
        return torch.cat(batched, 2)

    def _of_tasks(self, gradient: Tensor) -> Tensor:
        """Return each task's gradient with respect to what the graph ends in, `(T, M, …)`."""
        if self.links is not None and self.graph.dim() == 4:
            return torch.stack([self.heads.task_gradients(own) for own in self.links.apart(gradient).unbind(1)])
        gradients = self.task_gradients(gradient)  # (M, T, B, H)
        tasks = gradients.transpose(0, 1)  # (T, M, B, H)
        if self.graph.dim() == 4:
            one = torch.eye(len(tasks), dtype=gradients.dtype, device=gradients.device)
            tasks = one[:, None, :, None, None] * gradients  # (T, M, T, B, H): each task's loss reads its own only
        return tasks

    def _trunk_jacobian(self, tasks: Tensor) -> list[Tensor]:
        """Return gradients of the shared parameters, `(T, *shape)` each, from those of `_of_tasks`."""
        parameters = [parameter for parameter, _ in self.shared]
        try:
            found = torch.autograd.grad(
                self.graph, parameters, tasks, retain_graph=True, is_grads_batched=True, allow_unused=True
            )
        except RuntimeError:  # some kernels have no batching rule
            rows = [
                torch.autograd.grad(
                    self.graph, parameters, task, retain_graph=True, allow_unused=True, materialize_grads=True
                )
                for task in tasks
            ]
            return [torch.stack(column) for column in zip(*rows, strict=True)]
        return [
            parameter.new_zeros(len(tasks), *parameter.shape) if part is None else part
            for parameter, part in zip(parameters, found, strict=True)
        ]


class MixturePass(AutogradPass):
    """A pass through experts that every task mixes in its own way, heads included.

    Parameters
    ----------
    heads : Heads
    trunk : SharedTrunk
    gates : Tensor of shape (M, T, B, E)
        With its graph.
    experts : Tensor of shape (M, E, B, H)
        With its graph.
    shared : list of (nn.Parameter, int or None)
    """

    def __init__(
        self,
        heads: Heads,
        trunk: SharedTrunk,
        gates: Tensor,
        experts: Tensor,
        shared: Sequence[tuple[nn.Parameter, int | None]],
    ) -> None:
        self.heads, self.representation, self.shared = heads, experts.detach(), list(shared)
        self.has_own = True  # the heads, which here belong to the graph
        self.penalty, self._mixing = trunk.penalty, trunk.mixing
        self.graph = heads.of_mixtures(gates, experts)
        self._link(self.graph.detach())

    def _backward_heads(self, gradient: Tensor) -> None:
        """Do nothing: they belong to the graph."""

    def _below(self, gradient: Tensor) -> Tensor:
        return gradient

    def _of_tasks(self, gradient: Tensor) -> Tensor:
        if self.links is not None:
            return self.links.apart(gradient).transpose(0, 1)  # (T, M, B, O)
        tasks = torch.arange(self.heads.n_tasks, device=gradient.device)
        return gradient * (self.heads.owners == tasks[:, None])[:, None, None]
