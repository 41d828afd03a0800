"""Ways in which representations of several parts become one."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import Any

import torch
from torch import Tensor, nn

# Of attention, where the width can be divided by it.
MOST_HEADS = 4


class GatedFusion(nn.Module):
    """`Σ_k z_k ∘ tanh(W_k h_k)`, gates `z` a softmax over the parts that are there, unit by unit.

    Parameters
    ----------
    sizes : sequence of int
        Units of each part's representation.
    width : int
    """

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self.values = nn.ModuleList(nn.Linear(size, width) for size in sizes)
        self.gate = nn.Linear(sum(sizes), len(sizes) * width)
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def forward(self, units: Sequence[Tensor], there: Tensor) -> Tensor:
        """Map `(B, H_k)` of each part to `(B, H)`; 0 where no part is there."""
        values = torch.stack([torch.tanh(layer(own)) for layer, own in zip(self.values, units, strict=True)], 1)
        seen = torch.cat([own * there[:, place : place + 1] for place, own in enumerate(units)], 1)
        logits = self.gate(seen).view(values.shape)  # (B, K, H)
        lowest = torch.finfo(logits.dtype).min  # finite: a row without any part must not become NaN
        shares = logits.masked_fill(~there.unsqueeze(2), lowest).softmax(1) * there.unsqueeze(2)
        joined: Tensor = (shares * values).sum(1)
        return joined


class ConcatFusion(nn.Module):
    """A dense layer of all representations side by side, learned vectors in the place of parts that are not there.

    Parameters
    ----------
    sizes : sequence of int
    width : int
    """

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self.missing = nn.ParameterList(nn.Parameter(torch.zeros(size)) for size in sizes)
        self.layer = nn.Linear(sum(sizes) + len(sizes), width)

    def forward(self, units: Sequence[Tensor], there: Tensor) -> Tensor:
        """Map `(B, H_k)` of each part to `(B, H)`."""
        filled = [
            torch.where(there[:, place : place + 1], own, vector)
            for place, (own, vector) in enumerate(zip(units, self.missing, strict=True))
        ]
        return torch.relu(self.layer(torch.cat([*filled, there.to(units[0].dtype)], 1)))


class AttentionFusion(nn.Module):
    """Each part looks at those that are there, with a path around; the mean of those that are there.

    Parameters
    ----------
    sizes : sequence of int
    width : int
    """

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self.values = nn.ModuleList(nn.Linear(size, width) for size in sizes)
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, gcd(width, MOST_HEADS), batch_first=True)

    def forward(self, units: Sequence[Tensor], there: Tensor) -> Tensor:
        """Map `(B, H_k)` of each part to `(B, H)`; 0 where no part is there."""
        tokens = torch.stack([layer(own) for layer, own in zip(self.values, units, strict=True)], 1)  # (B, K, H)
        normed = self.norm(tokens)
        hidden = ~there & there.any(1, keepdim=True)  # of a row without any part, all are looked at, and none is used
        looked, _ = self.attention(normed, normed, normed, key_padding_mask=hidden, need_weights=False)
        kept = (tokens + looked) * there.unsqueeze(2)
        result: Tensor = kept.sum(1) / there.sum(1, keepdim=True).clamp(min=1)
        return result


FUSIONS: dict[str, Any] = {"gated": GatedFusion, "concat": ConcatFusion, "attention": AttentionFusion}
