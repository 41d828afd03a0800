"""The heads of all tasks: one linear layer a member, each task with columns of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ._chain import Links, chained_logits
from ._layers import MemberLinear

# Above this many outputs, products of outputs cost more than the tasks' gradients themselves.
MOST_PRODUCTS = 256


class Heads(MemberLinear):
    """Linear heads side by side, `h W + b`; they start at zero, so that no result depends on the order of tasks.

    Parameters
    ----------
    n_members, n_inputs : int
    owners : sequence of int
        The task that each output belongs to, `(O,)`; every task has at least one.
    bias_only : sequence of bool or None, default=None
        Which outputs are constants, without weights; None: none.
    chains : sequence of slice, default=()
        Outputs that stand for the steps of a chain: each is the logit of a conditional probability.

    Attributes
    ----------
    n_tasks : int

    Notes
    -----
    Shape: `(M, B, H)`, one representation for all tasks, or `(M, T, B, H)`, one a task → `(M, B, O)`.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import Heads
    >>> heads = Heads(2, 8, [0, 0, 1])
    >>> heads(torch.ones(2, 4, 8)).shape, heads(torch.ones(2, 2, 4, 8)).shape
    (torch.Size([2, 4, 3]), torch.Size([2, 4, 3]))
    """

    owners: Tensor
    slots: Tensor
    filled: Tensor
    place: Tensor

    def __init__(
        self,
        n_members: int,
        n_inputs: int,
        owners: Sequence[int],
        bias_only: Sequence[bool] | None = None,
        chains: Sequence[slice] = (),
    ) -> None:
        super().__init__(n_members, n_inputs, len(owners), bias_only=bias_only)
        self.chains = list(chains)
        own = np.asarray(owners, dtype=np.intp)
        widths = np.bincount(own)
        self.n_tasks = len(widths)
        filled = np.arange(widths.max(initial=0)) < widths[:, None]  # (T, W)
        order = np.argsort(own, kind="stable")
        slots, place = np.zeros(filled.shape, dtype=np.int64), np.empty(len(own), dtype=np.int64)
        slots[filled], place[order] = order, np.flatnonzero(filled)
        self._in_order = bool((np.diff(own) > 0).all())
        self._padded = not filled.all()
        self.register_buffer("owners", torch.as_tensor(own), persistent=False)
        self.register_buffer("slots", torch.as_tensor(slots), persistent=False)  # outputs of each task, padded
        self.register_buffer("filled", torch.as_tensor(filled), persistent=False)
        self.register_buffer("place", torch.as_tensor(place), persistent=False)  # (O,): each output among all slots

    def forward(self, x: Tensor) -> Tensor:
        """Map `(M, B, H)` or `(M, T, B, H)` to `(M, B, O)`."""
        if x.dim() == 3:
            return super().forward(x)
        # Rows last in memory: a product with one column is several times as slow as one with one row.
        weights = self._task_weights().transpose(2, 3).contiguous()  # (M, T, W, H)
        return self._packed(torch.matmul(weights, x.transpose(2, 3)).transpose(2, 3)) + self.bias

    def links(self, raw: Tensor) -> Links | None:
        """Return what chains make of the outputs, with the way back; None without chains.

        Parameters
        ----------
        raw : Tensor of shape (M, B, O)
            What `forward` returned.
        """
        return Links(raw, self.chains, self.owners, self.n_tasks) if self.chains else None

    def linked(self, raw: Tensor) -> Tensor:
        """Return the outputs that losses read: of the steps of a chain, logits of probabilities that are products.

        Parameters
        ----------
        raw : Tensor of shape (M, B, O)
            What `forward` returned.
        """
        if not self.chains:
            return raw
        outputs = raw.clone()
        for chain in self.chains:
            outputs[..., chain] = chained_logits(raw[..., chain])
        return outputs

    def masked_weight(self) -> Tensor:
        """Return the weights, `(M, H, O)`, 0 where an output is a constant."""
        return self.weight if self.mask is None else self.weight * self.mask

    def of_mixtures(self, gates: Tensor, experts: Tensor) -> Tensor:
        """Map what each task mixes of common experts to `(M, B, O)`.

        Heads are linear, so experts pass through them first: a task's few outputs are mixed, not its many units.

        Parameters
        ----------
        gates : Tensor of shape (M, T, B, E)
        experts : Tensor of shape (M, E, B, H)
        """
        n_experts, n_rows = experts.shape[1:3]
        weight = self.masked_weight()
        flat = torch.bmm(experts.flatten(1, 2), weight)  # (M, E · B, O)
        # Rows last in memory, as gates have them.
        by_expert = flat.view(-1, n_experts, n_rows, weight.shape[2]).permute(0, 3, 1, 2).contiguous()  # (M, O, E, B)
        by_output = gates.transpose(2, 3)
        if not (self._in_order and self.n_tasks == len(self.owners)):
            by_output = by_output[:, self.owners]
        return (by_output * by_expert).sum(2).transpose(1, 2) + self.bias

    def backward(self, x: Tensor, gradient: Tensor) -> None:
        """Set the gradients of weights and biases.

        Parameters
        ----------
        x : Tensor of shape (M, B, H) or (M, T, B, H)
            What `forward` was given.
        gradient : Tensor of shape (M, B, O)
            Gradient with respect to what it returned.
        """
        if x.dim() == 3:
            super().backward(x, gradient)
            return
        products = torch.matmul(self._by_task(gradient).transpose(2, 3), x).transpose(2, 3)  # (M, T, H, W)
        weight = self._packed(products)
        # In memory as the weights are: fused solvers read both in that order.
        self.weight.grad = (weight if self.mask is None else weight * self.mask).contiguous()
        self.bias.grad = gradient.sum(1, keepdim=True)

    def task_gradients(self, gradient: Tensor) -> Tensor:
        """Return each task's gradient with respect to what it reads, `(M, T, B, H)`.

        Parameters
        ----------
        gradient : Tensor of shape (M, B, O)
            Gradient with respect to the outputs.
        """
        errors, weights = self._by_task(gradient), self._task_weights().transpose(2, 3)
        return errors * weights if errors.shape[3] == 1 else torch.matmul(errors, weights)

    @torch.no_grad()
    def pulls(self, gradient: Tensor, signs: Tensor) -> Tensor:
        """Return each task's gradient with respect to one representation, times signs, summed over rows, `(M, T, H)`.

        Parameters
        ----------
        gradient : Tensor of shape (M, B, O)
            Gradient with respect to the outputs.
        signs : Tensor of shape (M, B, H)
        """
        sums = self._by_task(torch.bmm(signs.transpose(1, 2), gradient))  # (M, T, H, W)
        return (sums * self._task_weights()).sum(3)

    @torch.no_grad()
    def pulled(self, gradient: Tensor, signs: Tensor, shares: Tensor) -> Tensor:
        """Return the sum of what passes of each task's gradient with respect to one representation, `(M, B, H)`.

        Parameters
        ----------
        gradient : Tensor of shape (M, B, O)
            Gradient with respect to the outputs.
        signs : Tensor of shape (M, B, H)
            Times a gradient, it is a pull up or down.
        shares : Tensor of shape (M, T, 2, H)
            What passes of pulls up, and of pulls down.
        """
        errors, weights = self._by_task(gradient), self._task_weights().transpose(2, 3)  # (M, T, B, W), (M, T, W, H)
        up, down = shares.unbind(2)  # (M, T, H)
        if errors.shape[3] > 1:
            passed = torch.zeros_like(signs)
            for task in range(self.n_tasks):  # all at once, they would leave the processor's cache
                own = torch.bmm(errors[:, task], weights[:, task]).mul_(signs)
                passed.addcmul_(own.clamp(min=0), up[:, task, None]).addcmul_(own.clamp(max=0), down[:, task, None])
            return passed.mul_(signs)
        # The sign of a product follows from those of its two factors, so that sums over tasks are products of matrices.
        factors = errors.squeeze(3).transpose(1, 2)  # (M, B, T)
        factors = torch.cat([factors.clamp(min=0), factors.clamp(max=0)], 2)
        positive, negative = weights.squeeze(2).clamp(min=0), weights.squeeze(2).clamp(max=0)
        where_up = torch.cat([up * positive + down * negative, up * negative + down * positive], 1)  # (M, 2 T, H)
        where_down = torch.cat([down * positive + up * negative, down * negative + up * positive], 1)
        return torch.lerp(torch.bmm(factors, where_down), torch.bmm(factors, where_up), (signs + 1) / 2)

    @torch.no_grad()
    def gramian(self, gradient: Tensor) -> Tensor:
        """Return inner products of the tasks' gradients with respect to one representation, `(M, T, T)`, in float64.

        A task's gradient is a product of its outputs' part and its weights', so the tasks' gradients are not needed:
        products of outputs and of weights, `O × O`, are enough.

        Parameters
        ----------
        gradient : Tensor of shape (M, B, O)
            Gradient with respect to the outputs.
        """
        wide = gradient.dtype if gradient.device.type == "mps" else torch.float64  # MPS has no float64
        if self.weight.shape[2] > MOST_PRODUCTS:
            rows = self.task_gradients(gradient).flatten(2).to(wide)  # (M, T, B · H)
            return torch.bmm(rows, rows.transpose(1, 2))
        errors, weight = gradient.to(wide), self.weight.to(wide)
        if self.mask is not None:
            weight = weight * self.mask
        products = torch.bmm(errors.transpose(1, 2), errors).mul_(torch.bmm(weight.transpose(1, 2), weight))
        if self._in_order and self.n_tasks == products.shape[1]:
            return products
        n_members, n_outputs = products.shape[:2]
        rows = products.new_zeros(n_members, self.n_tasks, n_outputs).index_add_(1, self.owners, products)
        return products.new_zeros(n_members, self.n_tasks, self.n_tasks).index_add_(2, self.owners, rows)

    def _task_weights(self) -> Tensor:
        """Return the weights by task, `(M, T, H, W)`, 0 where a task has fewer outputs than the widest."""
        return self._by_task(self.masked_weight())

    def _by_task(self, block: Tensor) -> Tensor:
        """Sort outputs by task, `(M, B, O)` → `(M, T, B, W)`."""
        if self._in_order and self.n_tasks == block.shape[2]:
            return block.transpose(1, 2).contiguous().unsqueeze(3)
        sorted_block = block[..., self.slots]  # (M, B, T, W)
        return (sorted_block * self.filled if self._padded else sorted_block).transpose(1, 2)

    def _packed(self, by_task: Tensor) -> Tensor:
        """Turn `(M, T, B, W)` into an output block, `(M, B, O)`."""
        if self._in_order and self.n_tasks == len(self.owners):
            return by_task.squeeze(3).transpose(1, 2)
        return by_task.transpose(1, 2).flatten(2)[..., self.place]
