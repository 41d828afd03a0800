"""Stitches: linear mixtures of the tasks' units, by unit, by channel or in full."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Steps of a stitch are this many times those of other weights: it holds few numbers, and much depends on them.
RATE = 10.0


def fast(parameter: Tensor) -> Tensor:
    """Return a parameter times `RATE`, with the gradient of the parameter itself.

    So steps of every solver reach `RATE` times as far, while clipping and balancing see the true gradient.

    Parameters
    ----------
    parameter : Tensor
    """
    return parameter + (RATE - 1) * parameter.detach()


class Stitch(nn.Module):
    """Each task reads a mixture of all tasks' units, `x̃_t = Σ_s α_ts x_s`.

    Parameters
    ----------
    n_members, n_tasks, n_units : int
    mixing : {"scalar", "channel", "full"}
        Whether `α_ts` is a number, a number a unit, or a matrix over units.
    own : float
        `α_tt` at the start; the others share the rest, so that rows sum to 1.
    n_subspaces : int
        Parts of equal size into which units are cut, each a mixture of all parts of all tasks.

    Notes
    -----
    Shape: `(M, T, B, H)` → the same.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn._stitch import Stitch
    >>> x = torch.stack([torch.zeros(3, 4), torch.ones(3, 4)])[None]
    >>> Stitch(1, 2, 4, "scalar", 0.9, 1)(x)[0, :, 0, 0]  # one tenth of the other's
    tensor([0.1000, 0.9000], grad_fn=<SelectBackward0>)
    """

    decays = False
    start: Tensor

    def __init__(self, n_members: int, n_tasks: int, n_units: int, mixing: str, own: float, n_subspaces: int) -> None:
        super().__init__()
        self.mixing, self.n_subspaces, self.n_units = mixing, n_subspaces, n_units
        other = (1 - own) / max(n_tasks - 1, 1)
        start = torch.full((n_tasks, n_tasks), other)
        start.fill_diagonal_(own if n_tasks > 1 else 1.0)
        if n_subspaces > 1:  # each part mixes with the same part of the other tasks
            start = torch.kron(start, torch.eye(n_subspaces))
        if mixing == "full":
            start = torch.kron(start, torch.eye(n_units))  # (T · H, T · H)
        elif mixing == "channel":
            start = start.unsqueeze(2).expand(-1, -1, n_units // n_subspaces)
        self.register_buffer("start", start.contiguous(), persistent=False)
        self.shift = nn.Parameter(torch.zeros(n_members, *start.shape))

    def forward(self, x: Tensor) -> Tensor:
        """Mix `(M, T, B, H)`."""
        weights = self.start + fast(self.shift)
        if self.mixing == "full":
            n_tasks = x.shape[1]
            flat = x.transpose(1, 2).flatten(2)  # (M, B, T · H)
            mixed = torch.bmm(flat, weights.transpose(1, 2))
            return mixed.view(*mixed.shape[:2], n_tasks, -1).transpose(1, 2)
        parts = self._cut(x)  # (M, T · S, B, H / S)
        if self.mixing == "scalar":
            mixed = torch.bmm(weights, parts.flatten(2)).view_as(parts)
        else:
            mixed = torch.einsum("mtsh,msbh->mtbh", weights, parts)
        return self._joined(mixed, x.shape[1])

    @torch.no_grad()
    def shares(self) -> Tensor:
        """Return what each task takes of each other, in the mean over its units, `(M, T, T)`; it may be negative."""
        weights = self.start + fast(self.shift)
        if self.mixing == "channel":
            weights = weights.mean(3)
        pieces = self.n_units if self.mixing == "full" else self.n_subspaces
        cut = weights.unflatten(2, (-1, pieces)).unflatten(1, (-1, pieces))  # type: ignore[no-untyped-call]
        taken: Tensor = cut.sum(4).mean(2)  # of (M, T, pieces, T, pieces)
        return taken

    def _cut(self, x: Tensor) -> Tensor:
        if self.n_subspaces == 1:
            return x
        n_members, n_tasks, n_rows, n_units = x.shape
        parts = x.view(n_members, n_tasks, n_rows, self.n_subspaces, n_units // self.n_subspaces)
        return parts.transpose(2, 3).flatten(1, 2)

    def _joined(self, parts: Tensor, n_tasks: int) -> Tensor:
        if self.n_subspaces == 1:
            return parts
        by_task = parts.view(len(parts), n_tasks, self.n_subspaces, *parts.shape[2:])
        return by_task.transpose(2, 3).flatten(3)
