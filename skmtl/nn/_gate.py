"""Gates: how much each task, or the shared path, takes of each expert."""

from __future__ import annotations

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
        if self.own_inputs:
            n_members = len(x)
            logits = self.logits(x.flatten(0, 1)).view(n_members, self.n_readers, -1, self.n_experts)
        else:
            flat = self.logits(x)  # (M, B, R · E)
            logits = flat.view(*flat.shape[:2], self.n_readers, self.n_experts).transpose(1, 2)
        return torch.softmax(logits, -1)


def mix(gates: Tensor, experts: Tensor) -> Tensor:
    """Return weighted sums of experts' outputs, `(M, R, B, H)`.

    Parameters
    ----------
    gates : Tensor of shape (M, R, B, E)
    experts : Tensor of shape (M, E, B, H)
    """
    return torch.einsum("mrbe,mebh->mrbh", gates, experts)
