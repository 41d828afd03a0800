"""Gradient clipping, each member by its own norm."""

from __future__ import annotations

import torch

from ..nn import Network


@torch.no_grad()
def clip_gradients(network: Network, max_norm: float) -> None:
    """Scale each member's gradient down to a Euclidean norm of at most `max_norm`.

    Parameters
    ----------
    network : Network
        Its parameters hold gradients.
    max_norm : float
    """
    owned = [(tensor.grad, owner) for tensor, owner in network.member_tensors() if tensor.grad is not None]
    batched = [gradient.reshape(network.n_members, -1) for gradient, owner in owned if owner is None]
    squares = torch.linalg.vector_norm(torch.cat(batched, 1), dim=1).square()  # (M,)
    for gradient, owner in owned:
        if owner is not None:
            squares[owner] += gradient.square().sum()
    factors = (max_norm / squares.sqrt().clamp(min=torch.finfo(squares.dtype).tiny)).clamp(max=1)
    for gradient, owner in owned:
        if owner is not None:
            gradient.mul_(factors[owner])
        else:  # members are the first axis, each perhaps with several copies
            own = factors.repeat_interleave(len(gradient) // len(factors))
            gradient.mul_(own.view(-1, *[1] * (gradient.dim() - 1)))
