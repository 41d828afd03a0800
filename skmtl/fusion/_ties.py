"""TIES: what trunks learned, trimmed, and averaged where they agree on the direction."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from ._merging import Merging


class Ties(Merging):
    """Trim, elect signs, and average those that agree.

    Of each trunk's `τ_i = θ_i − θ_0`, the largest entries by size are kept, over all weights of a member together, and
    the others set to 0. Each weight's sign is that of `Σ τ_i`, and its mean is taken over the entries of that sign that
    were kept. The merged weights are `θ_0 + λ · mean`; one that no trunk has kept stays as it was.

    Parameters
    ----------
    density : float, default=0.2
        Share of the entries that is kept, in (0, 1].
    scale : float, default=1.0
        `λ`.

    References
    ----------
    Yadav, P., Tam, D., Choshen, L., Raffel, C., and Bansal, M. (2023). TIES-Merging: resolving interference when
    merging models. NeurIPS.

    Examples
    --------
    >>> import torch
    >>> from skmtl.fusion import Ties
    >>> ends = torch.tensor([[[3.0, 1.0, 0.1]], [[1.0, -4.0, 0.1]]])
    >>> Ties(density=0.7).merged(ends, torch.zeros(1, 3))
    tensor([[ 2., -4.,  0.]])
    """

    needs_start = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "density": [Interval(Real, 0, 1, closed="right")],
        "scale": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, density: float = 0.2, *, scale: float = 1.0) -> None:
        self.density = density
        self.scale = scale

    def merged(self, ends: Tensor, start: Tensor | None = None) -> Tensor:
        """Return the merged weights; see `Merging.merged`."""
        assert start is not None
        steps = ends - start  # (N, M, P)
        n_kept = max(1, math.floor(self.density * steps.shape[2] + 1e-9))
        places = steps.abs().topk(n_kept, dim=2).indices
        kept = torch.zeros_like(steps).scatter_(2, places, steps.gather(2, places))
        signs = kept.sum(0).sign()
        agree = (kept.sign() == signs) & (kept != 0)
        count = agree.sum(0).clamp(min=1)
        return start + self.scale * torch.where(agree, kept, 0).sum(0) / count
