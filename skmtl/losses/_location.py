"""Losses of real targets that predict a mean or a median: squared, absolute, Huber's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.optimize import brentq
from torch import Tensor

from ._base import Loss, Scaling


@dataclass(frozen=True)
class SquaredError(Loss):
    """Half the squared error, `½ (prediction - target)²`: predicts the mean.

    Examples
    --------
    >>> from skmtl.losses import SquaredError
    >>> SquaredError()
    SquaredError()
    """

    name: ClassVar[str] = "squared_error"
    scaling: ClassVar[Scaling] = "standard"

    def loss_and_derivative(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return `½ r²` and `r`, where `r` is the residual; see `Loss.loss_and_derivative`."""
        residual = outputs - targets
        return residual.square().mul_(0.5), residual

    def constant_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        """Return ½, half the variance of a standardised target; see `Loss.constant_loss`."""
        del targets, weights
        return 0.5


@dataclass(frozen=True)
class AbsoluteError(Loss):
    """The absolute error, `|prediction - target|`: predicts the median, hardly moved by outliers.

    Examples
    --------
    >>> from skmtl.losses import AbsoluteError
    >>> AbsoluteError()
    AbsoluteError()
    """

    name: ClassVar[str] = "absolute_error"
    scaling: ClassVar[Scaling] = "standard"

    def loss_and_derivative(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return `|r|` and `sign(r)`, where `r` is the residual; see `Loss.loss_and_derivative`."""
        residual = outputs - targets
        return residual.abs(), residual.sign()

    def constant_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        """Return the mean distance from the weighted median; see `Loss.constant_loss`."""
        order = np.argsort(targets)
        below = np.cumsum(weights[order])
        median = targets[order][np.searchsorted(below, below[-1] / 2)]
        return float(np.average(np.abs(targets - median), weights=weights))


@dataclass(frozen=True)
class Huber(Loss):
    """Squared for small errors, absolute for large ones (Huber 1964).

    `½ r²` where `|r| <= delta`, `delta (|r| - ½ delta)` beyond; `r` in units of the target's standard deviation.

    Parameters
    ----------
    delta : float, default=1.35
        Where the square ends, in standard deviations of the target. Larger is nearer to the squared error; 1.35
        loses 5 % of efficiency on normal errors.

    Raises
    ------
    ValueError
        If `delta` is not a positive number.

    References
    ----------
    Huber, P. J. (1964). Robust estimation of a location parameter. Annals of Mathematical Statistics 35(1), 73-101.

    Examples
    --------
    >>> from skmtl.losses import Huber
    >>> Huber(delta=2.0)
    Huber(delta=2.0)
    """

    delta: float = 1.35
    name: ClassVar[str] = "huber"
    scaling: ClassVar[Scaling] = "standard"

    def __post_init__(self) -> None:
        """Refuse a delta that is not a positive number."""
        if not 0 < self.delta < np.inf:
            raise ValueError(f"Huber's delta must be a positive number, got {self.delta!r}.")

    def loss_and_derivative(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return Huber's loss and the residual clipped to ±delta; see `Loss.loss_and_derivative`."""
        residual = outputs - targets
        clipped = residual.clamp(-self.delta, self.delta)
        return clipped * (residual - 0.5 * clipped), clipped

    def constant_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        """Return the mean loss at Huber's location estimate; see `Loss.constant_loss`."""

        def pull(center: float) -> float:
            return float(np.dot(weights, np.clip(targets - center, -self.delta, self.delta)))

        low, high = float(targets.min()), float(targets.max())
        center = brentq(pull, low, high) if pull(low) > 0 > pull(high) else low
        distance = np.abs(targets - center)
        loss = np.where(distance <= self.delta, 0.5 * distance**2, self.delta * (distance - 0.5 * self.delta))
        return float(np.average(loss, weights=weights))
