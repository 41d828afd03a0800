"""Outputs in order: a first one, and gaps that a softplus keeps positive."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus


def gaps_so_far(raw: Tensor) -> Tensor:
    """Return the sum of the gaps up to each output, 0 for the first: of the shape of `raw`, `(..., width)`."""
    gaps = softplus(raw[..., 1:], threshold=40)
    return torch.cat([torch.zeros_like(raw[..., :1]), gaps.cumsum(-1)], -1)


def sums_from_here(slope: Tensor) -> Tensor:
    """Return for each output the sum over itself and all later ones: what a shift of all of them changes."""
    return slope.flip(-1).cumsum(-1).flip(-1)


def inverse_softplus(gaps: np.ndarray) -> np.ndarray:
    """Return the raw outputs whose softplus is `gaps`, which are positive."""
    raw: np.ndarray = gaps + np.log(-np.expm1(-gaps))
    return raw
