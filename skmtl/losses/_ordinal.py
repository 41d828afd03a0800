"""Ordered classes: the cumulative link model with logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ._base import Loss, Scaling
from ._gaps import gaps_so_far, inverse_softplus, sums_from_here
from ._log_loss import class_shares, entropy


@dataclass(frozen=True)
class Ordinal(Loss):
    """Ordered classes by a cumulative link: the proportional odds model (McCullagh 1980).

    `P(y > k) = sigmoid(f(x) - θ_k)` with thresholds `θ_0 < θ_1 < …` that the task learns and that do not depend on
    the features. The first output is `f(x) - θ_0`; the others are constants whose softplus is the gap between
    neighbouring thresholds, so that these stay in order and no probability is negative.

    References
    ----------
    McCullagh, P. (1980). Regression models for ordinal data. Journal of the Royal Statistical Society B 42(2), 109-142.

    Examples
    --------
    >>> import torch
    >>> from skmtl.losses import Ordinal
    >>> Ordinal().inverse_link(torch.tensor([0.0, 1.0])).sum().item()
    1.0
    """

    name: ClassVar[str] = "ordinal"
    scaling: ClassVar[Scaling] = "classes"

    def width(self, n_classes: int) -> int:
        """Return the number of thresholds; see `Loss.width`."""
        return max(n_classes - 1, 1)

    def bias_only(self, width: int) -> list[bool]:
        """Say that gaps between thresholds do not depend on the features; see `Loss.bias_only`."""
        return [False] + [True] * (width - 1)

    def loss_and_derivative(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return minus the log of the probability of the true class; see `Loss.loss_and_derivative`.

        The probability of a class between two thresholds is `σ(c_{k-1}) σ(-c_k) σ(r_k)`, where `c` are the logits of
        `P(y > k)` and `r` the raw gaps: no difference of nearly equal numbers is taken.
        """
        single = outputs.dim() == targets.dim()
        raw = outputs.unsqueeze(-1) if single else outputs  # (..., T, K - 1)
        cumulative = _cumulative(raw)
        place = torch.arange(raw.shape[-1], device=raw.device)
        code = targets.long().expand(raw.shape[:-1]).unsqueeze(-1)
        passed, stopped, gap = place == code - 1, place == code, (place == code) & (place > 0)
        zero = raw.new_zeros(())
        loss = -torch.where(passed, logsigmoid(cumulative), zero)
        loss -= torch.where(stopped, logsigmoid(-cumulative), zero)
        loss -= torch.where(gap, logsigmoid(raw), zero)
        slope = torch.where(stopped, cumulative.sigmoid(), zero) - torch.where(passed, (-cumulative).sigmoid(), zero)
        later = sums_from_here(slope)
        derivative = -raw.sigmoid() * later - torch.where(gap, (-raw).sigmoid(), zero)
        derivative[..., 0] = later[..., 0]
        return loss.sum(-1), derivative.squeeze(-1) if single else derivative

    def inverse_link(self, outputs: Tensor) -> Tensor:
        """Return probabilities of all classes, `(..., n_tasks, n_classes)`; see `Loss.inverse_link`."""
        cumulative = _cumulative(outputs)
        above = cumulative[..., :-1].sigmoid() * (-cumulative[..., 1:]).sigmoid() * outputs[..., 1:].sigmoid()
        return torch.cat([(-cumulative[..., :1]).sigmoid(), above, cumulative[..., -1:].sigmoid()], -1)

    def start(self, targets: np.ndarray, weights: np.ndarray, n_classes: int) -> np.ndarray:
        """Return the thresholds of the class shares; see `Loss.start`."""
        shares = class_shares(targets, weights, max(n_classes, 2), floor=True)
        above = np.cumsum(shares[::-1])[::-1][1:] / shares.sum()
        cumulative = np.log(above) - np.log1p(-above)
        outputs: np.ndarray = np.concatenate([cumulative[:1], inverse_softplus(-np.diff(cumulative))])
        return outputs

    def constant_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        """Return the entropy of the class shares; see `Loss.constant_loss`."""
        return entropy(class_shares(targets, weights, int(targets.max()) + 1))


def _cumulative(raw: Tensor) -> Tensor:
    """Return the logits of `P(y > k)`: the first, less the gaps up to k."""
    return raw[..., :1] - gaps_so_far(raw)
