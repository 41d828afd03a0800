"""Quantiles of a target, several levels at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from torch import Tensor

from ._base import Loss, Scaling
from ._gaps import gaps_so_far, inverse_softplus, sums_from_here

SMALLEST_GAP = 1e-2  # of the start, in standard deviations: a softplus nearer to 0 would hardly learn


@dataclass(frozen=True)
class Quantile(Loss):
    """Pinball loss of several quantiles at once, which never cross (Koenker and Bassett 1978).

    The first output is the lowest quantile; each further one is the one before plus the softplus of an output of its
    own (as in Park et al. 2022). The loss is the mean over levels of `max(q r, (q - 1) r)`, `r` being the label less
    the prediction.

    Parameters
    ----------
    levels : float or sequence of float, default=(0.1, 0.5, 0.9)
        Probabilities of the quantiles, between 0 and 1, increasing. `predict` gives the quantile whose level is
        nearest to 0.5 (the mean of two, if two are), `predict_quantiles` gives all.

    Raises
    ------
    ValueError
        If levels are not between 0 and 1, not increasing, or none.

    References
    ----------
    Koenker, R., & Bassett, G. (1978). Regression quantiles. Econometrica 46(1), 33-50.

    Park, Y., Maddix, D., Aubet, F.-X., Kan, K., Gasthaus, J., & Wang, Y. (2022). Learning quantile functions without
    quantile crossing for distribution-free time series forecasting. AISTATS.

    Examples
    --------
    >>> from skmtl.losses import Quantile
    >>> Quantile(levels=[0.05, 0.5, 0.95])
    Quantile(levels=(0.05, 0.5, 0.95))
    """

    levels: float | Sequence[float] = (0.1, 0.5, 0.9)
    name: ClassVar[str] = "quantile"
    scaling: ClassVar[Scaling] = "standard"

    def __post_init__(self) -> None:
        """Keep the levels as a tuple; refuse those that are no increasing probabilities."""
        levels = tuple(np.atleast_1d(np.asarray(self.levels, dtype=float)).tolist())
        rising = all(low < high for low, high in pairwise(levels))
        if not levels or not rising or not all(0 < level < 1 for level in levels):
            raise ValueError(f"levels of quantiles must increase strictly between 0 and 1, got {self.levels!r}.")
        object.__setattr__(self, "levels", levels)

    @property
    def _levels(self) -> tuple[float, ...]:
        levels: tuple[float, ...] = self.levels  # type: ignore[assignment]  # a tuple since __post_init__
        return levels

    def width(self, n_classes: int) -> int:
        """Return the number of levels; see `Loss.width`."""
        del n_classes
        return len(self._levels)

    def loss_and_derivative(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean pinball loss over levels and its derivative; see `Loss.loss_and_derivative`."""
        single = outputs.dim() == targets.dim()
        raw = outputs.unsqueeze(-1) if single else outputs  # (..., T, Q)
        levels = raw.new_tensor(self._levels)
        residual = targets.unsqueeze(-1) - _increasing(raw)
        below = (residual < 0).to(raw.dtype)
        slope = (below - levels) / len(levels)
        later = sums_from_here(slope)
        derivative = later * raw.sigmoid()
        derivative[..., 0] = later[..., 0]
        return -(slope * residual).sum(-1), derivative.squeeze(-1) if single else derivative

    def inverse_link(self, outputs: Tensor) -> Tensor:
        """Return the quantiles, of the shape of `outputs`; see `Loss.inverse_link`."""
        return _increasing(outputs) if len(self._levels) > 1 else outputs

    def point(self, predicted: Tensor) -> Tensor:
        """Return the quantile whose level is nearest to 0.5; see `Loss.point`."""
        if len(self._levels) == 1:
            return predicted
        distance = np.abs(np.array(self._levels) - 0.5)
        nearest = np.flatnonzero(np.isclose(distance, distance.min(), rtol=0, atol=1e-12))
        return predicted[..., nearest.tolist()].mean(-1)

    def start(self, targets: np.ndarray, weights: np.ndarray, n_classes: int) -> np.ndarray:
        """Return the outputs of the targets' own quantiles; see `Loss.start`."""
        del n_classes
        quantiles = _quantiles(targets, weights, self._levels)
        gaps = np.maximum(np.diff(quantiles), SMALLEST_GAP)
        outputs: np.ndarray = np.concatenate([quantiles[:1], inverse_softplus(gaps)])
        return outputs

    def constant_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        """Return the mean pinball loss of the targets' own quantiles; see `Loss.constant_loss`."""
        levels = np.array(self._levels)
        residual = targets[:, None] - _quantiles(targets, weights, self._levels)
        losses = np.where(residual >= 0, levels * residual, (levels - 1) * residual).mean(axis=1)
        return float(np.average(losses, weights=weights))


def _increasing(raw: Tensor) -> Tensor:
    """Return the quantiles: the first output plus the gaps up to each level."""
    return raw[..., :1] + gaps_so_far(raw)


def _quantiles(targets: np.ndarray, weights: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Return the weighted quantiles: the smallest target with at least that share of the weight at or below it."""
    order = np.argsort(targets)
    below = np.cumsum(weights[order])
    places = np.searchsorted(below, np.array(levels) * below[-1] * (1 - 1e-12))
    quantiles: np.ndarray = targets[order][np.minimum(places, len(targets) - 1)]
    return quantiles
