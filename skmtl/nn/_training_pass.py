"""A forward pass while training, and the gradients that can be had of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn

from ._chain import ALL
from ._heads import Heads


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
            set_gradient(parameter, gradient[:, first:last].reshape(parameter.shape))
        first_own = sum(sizes)
        places = [first_own] * n_members
        for parameter, owner in self.shared:
            if owner is not None:
                first, places[owner] = places[owner], places[owner] + parameter.numel()
                set_gradient(parameter, gradient[owner, first : places[owner]].view_as(parameter))


def set_gradient(parameter: nn.Parameter, gradient: Tensor) -> None:
    """Write a gradient where the solver looks for it: the memory of a flat one stays.

    Parameters
    ----------
    parameter : nn.Parameter
    gradient : Tensor of the same shape
    """
    if parameter.grad is None:
        parameter.grad = torch.empty_like(parameter)
    parameter.grad.copy_(gradient)
