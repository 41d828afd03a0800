"""A forward pass while training, and the gradients that can be had of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn

from ._chain import ALL
from ._embedding import MemberEmbedding
from ._heads import Heads
from ._mixing import Mixing
from ._mlp import MLP, Record
from ._sharing import SharedTrunk
from ._text import BagEmbedding


class TrainingPass:
    """A forward pass while training: outputs, and on demand the gradients of all tasks together or of each.

    Heads are linear, so their part of every gradient is in closed form, whatever the trunk is.

    Parameters
    ----------
    heads : Heads
    representation : Tensor of shape (M, B, H) or (M, T, B, H)
        What heads read, detached.
    shared : list of (nn.Parameter, int or None)
        Parameters that no task has for itself, each with the member it belongs to; None: members are its first axis.

    Attributes
    ----------
    outputs : Tensor of shape (M, B, O)
    """

    def __init__(self, heads: Heads, representation: Tensor, shared: Sequence[tuple[nn.Parameter, int | None]]) -> None:
        self.heads, self.representation, self.shared = heads, representation, list(shared)
        with torch.no_grad():
            self._link(heads(representation))

    def _link(self, raw: Tensor) -> None:
        self.links = self.heads.links(raw)
        self.outputs = raw if self.links is None else self.links.outputs

    # What a kind of trunk decides ------------------------------------------------------------------------------------

    @property
    def mixing(self) -> Tensor | None:
        """Weights with which each task reads the last tensors that all read, `(M, T, B, E)`; None: all read all."""
        return None

    @property
    def has_common(self) -> bool:
        """Whether there are tensors that all tasks read."""
        return self.representation.dim() == 3 or self.mixing is not None

    def backward_trunk(self, gradient: Tensor) -> None:
        """Set the gradients of all parameters but the heads'.

        Parameters
        ----------
        gradient : Tensor of shape (M, B, H) or (M, T, B, H)
            Gradient with respect to the representation.
        """
        raise NotImplementedError

    def jacobian(self, gradient: Tensor, rows: slice = ALL) -> Tensor:
        """Return each task's gradient with respect to the shared parameters, `(M, T, P)`.

        Parameters
        ----------
        gradient : Tensor of shape (M, R, O)
            Gradient with respect to the outputs of some rows.
        rows : slice, default=slice(None)
            Which these are; the gradient of the others is 0.
        """
        raise NotImplementedError

    # What follows from it --------------------------------------------------------------------------------------------

    @torch.no_grad()
    def backward(self, gradient: Tensor, shared_gradient: Tensor | None = None) -> None:
        """Set the gradients of all parameters.

        Parameters
        ----------
        gradient : Tensor of shape (M, B, O)
            Gradient with respect to the outputs.
        shared_gradient : Tensor of shape (M, B, O) or None, default=None
            What stands in its place for the parameters that several tasks share; None: the same.
        """
        gradient = self._raw(gradient)
        self._backward_heads(gradient)
        if shared_gradient is None:
            return self.backward_trunk(self._below(gradient))
        return self._backward_apart(self._below(gradient), self._below(self._raw(shared_gradient)))

    @torch.no_grad()
    def backward_own(self, gradient: Tensor) -> None:
        """Set the gradients of what belongs to one task; those of what is shared are for `set_shared` to set.

        Parameters
        ----------
        gradient : Tensor of shape (M, B, O)
            Gradient with respect to the outputs.
        """
        self._backward_heads(self._raw(gradient))

    def _raw(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to what heads returned of that with respect to the outputs."""
        return gradient if self.links is None else self.links.combined(gradient)

    def task_gradients(self, gradient: Tensor, rows: slice = ALL) -> Tensor:
        """Return each task's gradient with respect to one representation of all, `(M, T, R, H)`.

        Parameters
        ----------
        gradient : Tensor of shape (M, R, O)
            Of these `rows`.
        """
        if self.links is None:
            return self.heads.task_gradients(gradient)
        return torch.matmul(self.links.apart(gradient, rows), self.heads.masked_weight().transpose(1, 2).unsqueeze(1))

    @torch.no_grad()
    def pulls(self, gradient: Tensor, signs: Tensor) -> Tensor:
        """Return each task's gradient with respect to the representation, times signs, summed over rows."""
        own = None if self.links is None else self.task_gradients(gradient) * signs[:, None]  # (M, T, B, H)
        return self.heads.pulls(gradient, signs) if own is None else own.sum(2)

    @torch.no_grad()
    def backward_pulled(self, gradient: Tensor, shared_gradient: Tensor, signs: Tensor, shares: Tensor) -> None:
        """Set the gradients of all parameters, the trunk's of what passes of each task's pulls; see `Heads.pulled`."""
        self._backward_heads(self._raw(gradient))
        if self.links is None:
            self.backward_trunk(self.heads.pulled(shared_gradient, signs, shares))
        else:
            pulls = self.task_gradients(shared_gradient) * signs[:, None]  # (M, T, B, H)
            up, down = shares.unsqueeze(3).unbind(2)  # (M, T, 1, H)
            self.backward_trunk((torch.where(pulls > 0, up, down) * pulls).sum(1) * signs)

    def _backward_heads(self, gradient: Tensor) -> None:
        self.heads.backward(self.representation, gradient)

    def _below(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to the representation of that with respect to the outputs."""
        return (self.heads.task_gradients if self.representation.dim() == 4 else self.heads.input_gradient)(gradient)

    def _backward_apart(self, own: Tensor, shared: Tensor) -> None:
        """Set the gradients of what belongs to one task, below its head, and of what is shared."""
        del own
        self.backward_trunk(shared)

    @torch.no_grad()
    def gramian(self, gradient: Tensor) -> Tensor:
        """Return inner products of the tasks' gradients with respect to the last tensors that all read, `(M, T, T)`.

        Parameters
        ----------
        gradient : Tensor of shape (M, B, O)
            Gradient with respect to the outputs.
        """
        if self.links is not None:
            return self.links.gramian(self.links.apart(gradient), self.heads.masked_weight(), self.mixing)
        if self.representation.dim() == 3:
            return self.heads.gramian(gradient)
        assert self.mixing is not None
        own = self.heads.task_gradients(gradient).double().transpose(1, 2)  # (M, B, T, H)
        mixing = self.mixing.double().transpose(1, 2)  # (M, B, T, E)
        products = torch.matmul(own, own.transpose(2, 3)) * torch.matmul(mixing, mixing.transpose(2, 3))
        return products.sum(1)

    @torch.no_grad()
    def set_shared(self, gradient: Tensor) -> None:
        """Set the gradients of the shared parameters, in the order of `jacobian`.

        Parameters
        ----------
        gradient : Tensor of shape (M, P)
        """
        n_members = len(gradient)
        batched = [parameter for parameter, owner in self.shared if owner is None]
        sizes = [parameter.numel() // n_members for parameter in batched]
        for parameter, (first, last) in zip(batched, pairwise(accumulate(sizes, initial=0)), strict=True):
            _set_gradient(parameter, gradient[:, first:last].reshape(parameter.shape))
        first_own = sum(sizes)
        places = [first_own] * n_members
        for parameter, owner in self.shared:
            if owner is not None:
                first, places[owner] = places[owner], places[owner] + parameter.numel()
                _set_gradient(parameter, gradient[owner, first : places[owner]].view_as(parameter))


class ClosedPass(TrainingPass):
    """A pass through the built-in trunk, all of whose gradients are in closed form.

    Parameters
    ----------
    heads : Heads
    trunk : MLP
    embedding : MemberEmbedding, BagEmbedding or None
    x : Tensor of shape (B, F)
    mixing : Mixing or None, default=None
        How rows are mixed before the trunk reads them.
    """

    def __init__(
        self,
        heads: Heads,
        trunk: MLP,
        embedding: MemberEmbedding | BagEmbedding | None,
        x: Tensor,
        mixing: Mixing | None = None,
    ) -> None:
        self.trunk, self.embedding, self.x, self.mixed_by = trunk, embedding, x, mixing
        self.records: list[Record]
        with torch.no_grad():
            read = x if embedding is None else embedding(x)
            representation, self.records = trunk.forward_recorded(read if mixing is None else mixing.mixed(read))
        tensors = [*trunk.parameters(), *([] if embedding is None else embedding.parameters())]
        super().__init__(heads, representation, [(tensor, None) for tensor in tensors])

    def backward_trunk(self, gradient: Tensor) -> None:
        """Set the gradients of all parameters but the heads'; see `TrainingPass.backward_trunk`."""
        if not self.records and self.embedding is None:
            return
        gradient = self.trunk.backward(self.records, gradient)
        if self.embedding is not None:
            self._backward_embedding(self.embedding, self.records, gradient)

    def _backward_embedding(
        self, embedding: MemberEmbedding | BagEmbedding, records: list[Record], gradient: Tensor, rows: slice = ALL
    ) -> None:
        """Set the gradient of the table, from that with respect to the first layer's units of some rows."""
        vectors = self.trunk.input_gradient(records, gradient)[..., -embedding.n_outputs :]
        if self.mixed_by is not None:  # each row of the trunk is made of two of the table
            mixed = vectors.new_zeros(len(vectors), len(self.x), vectors.shape[2])
            mixed[:, rows] = vectors
            vectors, rows = self.mixed_by.unmixed(mixed), ALL
        embedding.backward(self.x, vectors, rows)

    @torch.no_grad()
    def jacobian(self, gradient: Tensor, rows: slice = ALL) -> Tensor:
        """Return each task's gradient with respect to the shared parameters; see `TrainingPass.jacobian`."""
        own = self.task_gradients(gradient, rows)  # (M, T, R, H)
        records = self.records if rows == ALL else [record.part(rows) for record in self.records]
        shapes = [(*own.shape[:2], *parameter.shape[1:]) for parameter, _ in self.shared]
        sizes = [parameter.numel() // len(own) for parameter, _ in self.shared]
        result = own.new_empty(*own.shape[:2], sum(sizes))
        parts = [part.view(shape) for part, shape in zip(torch.split(result, sizes, 2), shapes, strict=True)]
        own = self.trunk.jacobian(records, own, parts)
        if self.embedding is not None:
            for task in range(own.shape[1]):
                self._backward_embedding(self.embedding, records, own[:, task], rows)
                assert self.embedding.weight.grad is not None
                parts[-1][:, task] = self.embedding.weight.grad
        return result


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
            _set_gradient(parameter, gradient)

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


def _set_gradient(parameter: nn.Parameter, gradient: Tensor) -> None:
    """Write a gradient where the solver looks for it: the memory of a flat one stays."""
    if parameter.grad is None:
        parameter.grad = torch.empty_like(parameter)
    parameter.grad.copy_(gradient)
