"""Deviances with a log link: Poisson for counts, gamma for positive amounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from scipy.special import xlogy
from torch import Tensor

from ._base import Loss, Scaling

# exp() of a larger output is no longer a sensible mean; below, float32 keeps value and derivative finite.
LARGEST_LOG = 30.0


@dataclass(frozen=True)
class Poisson(Loss):
    """Half the Poisson deviance with a log link, for counts: `y log(y/μ) - y + μ`, `μ = exp(output)`.

    Examples
    --------
    >>> from skmtl.losses import Poisson
    >>> Poisson()
    Poisson()
    """

    name: ClassVar[str] = "poisson"
    scaling: ClassVar[Scaling] = "mean"

    def loss_and_derivative(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return half the deviance and `μ - y`; see `Loss.loss_and_derivative`."""
        outputs = outputs.clamp(max=LARGEST_LOG)
        mean = outputs.exp()
        derivative = mean - targets
        return torch.xlogy(targets, targets) - targets * outputs + derivative, derivative

    def inverse_link(self, outputs: Tensor) -> Tensor:
        """Return the mean, `exp(output)`; see `Loss.inverse_link`."""
        return outputs.clamp(max=LARGEST_LOG).exp()

    def constant_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        """Return half the mean deviance from the mean; see `Loss.constant_loss`."""
        mean = np.average(targets, weights=weights)
        return float(np.average(xlogy(targets, targets / mean), weights=weights)) if mean > 0 else 0.0

    def complaint(self, targets: np.ndarray) -> str | None:
        """Refuse negative labels; see `Loss.complaint`."""
        if (lowest := targets.min(initial=0.0)) < 0:
            return f"loss 'poisson' needs labels >= 0, and the smallest is {lowest:g}"
        return None


@dataclass(frozen=True)
class Gamma(Loss):
    """Half the gamma deviance with a log link, for positive, skewed amounts: `log(μ/y) + y/μ - 1`, `μ = exp(output)`.

    Examples
    --------
    >>> from skmtl.losses import Gamma
    >>> Gamma()
    Gamma()
    """

    name: ClassVar[str] = "gamma"
    scaling: ClassVar[Scaling] = "mean"

    def loss_and_derivative(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return half the deviance and `1 - y/μ`; see `Loss.loss_and_derivative`."""
        outputs = outputs.clamp(min=-LARGEST_LOG)
        derivative = 1 - targets * torch.exp(-outputs)
        return outputs - targets.log() - derivative, derivative

    def inverse_link(self, outputs: Tensor) -> Tensor:
        """Return the mean, `exp(output)`; see `Loss.inverse_link`."""
        return outputs.clamp(max=LARGEST_LOG).exp()

    def constant_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        """Return half the mean deviance from the mean; see `Loss.constant_loss`."""
        mean = np.average(targets, weights=weights)
        return float(np.average(np.log(mean / targets), weights=weights))

    def complaint(self, targets: np.ndarray) -> str | None:
        """Refuse labels that are not positive; see `Loss.complaint`."""
        if (lowest := targets.min(initial=1.0)) <= 0:
            return f"loss 'gamma' needs labels > 0, and the smallest is {lowest:g}"
        return None
