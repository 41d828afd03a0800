"""Gates: how much each task, or the shared path, takes of each expert."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ._layers import MemberLinear


class Gate(nn.Module):
    """Softmax gates, `softmax(x W + b)`; weights start at zero, and all experts count alike.

    Parameters
    ----------
    n_members, n_inputs : int
    n_readers : int
        Who mixes experts: tasks, or the shared path.
    n_experts : int
        Experts of each reader.
    own_inputs : bool, default=False
        Whether readers read inputs of their own, `(M, R, B, F)`, and not the same ones.

    Notes
    -----
    Shape: `(B, F)`, `(M, B, F)` or, with `own_inputs`, `(M, R, B, F)` → `(M, R, B, E)`; the last dimension sums to 1.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn._gate import Gate
    >>> Gate(1, 5, 2, 4)(torch.ones(3, 5))[0, 0, 0].tolist()
    [0.25, 0.25, 0.25, 0.25]
    """

    def __init__(self, n_members: int, n_inputs: int, n_readers: int, n_experts: int, own_inputs: bool = False) -> None:
        super().__init__()
        self.n_readers, self.n_experts, self.own_inputs = n_readers, n_experts, own_inputs
        if own_inputs:
            self.logits = MemberLinear(n_members * n_readers, n_inputs, n_experts)
        else:
            self.logits = MemberLinear(n_members, n_inputs, n_readers * n_experts)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, F)`, `(M, B, F)` or `(M, R, B, F)` to `(M, R, B, E)`."""
        # Rows last in memory: a softmax over a short last dimension is ten times as slow.
        logits = self.logits(x.flatten(0, 1) if self.own_inputs else x).transpose(1, 2).contiguous()
        by_reader = logits.view(-1, self.n_readers, self.n_experts, logits.shape[-1])  # (M, R, E, B)
        return torch.softmax(by_reader, 2).transpose(2, 3)


def mix(gates: Tensor, experts: Tensor) -> Tensor:
    """Return weighted sums of experts' outputs, `(M, R, B, H)`.

    Parameters
    ----------
    gates : Tensor of shape (M, R, B, E)
    experts : Tensor of shape (M, E, B, H)
    """
    n_readers, n_experts = gates.shape[1], gates.shape[3]
    if n_experts == 1:
        return gates * experts
    if n_readers == 1:
        return (gates.transpose(1, 3) * experts).sum(1, keepdim=True)
    if gates.stride(2) == 0:  # the same for all rows
        return torch.bmm(gates[:, :, 0], experts.flatten(2)).view(*gates.shape[:3], -1)
    mixed: Tensor = _Mixture.apply(gates, experts)  # type: ignore[no-untyped-call]
    return mixed


def mix_own(gates: Tensor, experts: Tensor) -> Tensor:
    """Return weighted sums of each reader's own experts, `(M, R, B, H)`.

    Parameters
    ----------
    gates : Tensor of shape (M, R, B, S)
    experts : Tensor of shape (M, R · S, B, H)
        Those of the first reader, then those of the next.
    """
    n_own = gates.shape[3]
    if n_own == 1:
        return gates * experts
    by_reader = experts.unflatten(1, (-1, n_own))  # type: ignore[no-untyped-call]
    mixed: Tensor = (gates.transpose(2, 3).unsqueeze(4) * by_reader).sum(2)
    return mixed


class _Mixture(torch.autograd.Function):
    """Weighted sums row by row, with all that comes and goes laid out as products of small matrices are fast."""

    generate_vmap_rule = True

    @staticmethod
    def forward(gates: Tensor, experts: Tensor) -> Tensor:
        """Return `(M, R, B, H)`."""
        return torch.matmul(_by_row(gates), _by_row(experts)).transpose(1, 2).contiguous()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        """Keep what `backward` needs."""
        del output
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradients with respect to gates and experts."""
        gates, experts = ctx.saved_tensors
        gradient = _by_row(gradients[0])  # (M, B, R, H)
        to_gates = torch.matmul(_by_row(experts), gradient.transpose(2, 3))  # (M, B, E, R)
        to_experts = torch.matmul(_by_row(gates).transpose(2, 3), gradient)  # (M, B, E, H)
        return to_gates.permute(0, 3, 2, 1).contiguous().transpose(2, 3), to_experts.transpose(1, 2).contiguous()


def _by_row(block: Tensor) -> Tensor:
    """Bring rows forward, `(M, K, B, L)` → `(M, B, K, L)`."""
    return block.transpose(1, 2).contiguous()
