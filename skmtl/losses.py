"""What a task's error is: one frozen dataclass a loss, each with its value and its derivative in closed form.

A loss sees scaled targets and raw network outputs. It returns the loss of each label and the derivative with respect
to the outputs, so that a training step needs no automatic differentiation behind the network, and so that every loss
can be held against finite differences.

>>> from skmtl.losses import Huber
>>> from skmtl import MultiTaskRegressor
>>> MultiTaskRegressor(loss=["squared_error", Huber(delta=2.0)]).get_params()["loss"]
['squared_error', Huber(delta=2.0)]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.special import xlogy
from torch import Tensor

__all__ = [
    "CLASSIFICATION_LOSSES",
    "REGRESSION_LOSSES",
    "AbsoluteError",
    "Gamma",
    "Huber",
    "LogLoss",
    "Loss",
    "Poisson",
    "SquaredError",
]

# exp() of a larger output is no longer a sensible mean; below, float32 keeps value and derivative finite.
LARGEST_LOG = 30.0


@dataclass(frozen=True)
class Loss:
    """Base of all losses: what the objective and the encoders of targets ask a loss for.

    Attributes
    ----------
    name : str
        The name under which estimators know the loss.
    scaling : {"standard", "mean", "classes"}
        How targets are scaled before the loss sees them: to mean 0 and variance 1; divided by their mean; or not at
        all, because they are class codes.

    Examples
    --------
    >>> import torch
    >>> from skmtl.losses import SquaredError
    >>> loss, derivative = SquaredError().loss_and_derivative(torch.tensor([3.0]), torch.tensor([1.0]))
    >>> loss.item(), derivative.item()
    (2.0, 2.0)
    """

    name: ClassVar[str]
    scaling: ClassVar[Literal["standard", "mean", "classes"]]

    def loss_and_derivative(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of each label and its derivative with respect to the outputs.

        Parameters
        ----------
        outputs : Tensor of shape (..., n_tasks) or, for several classes, (..., n_tasks, n_classes)
            Raw outputs of the network.
        targets : Tensor broadcastable to (..., n_tasks), with as many dimensions
            Scaled targets, or class codes.

        Returns
        -------
        loss : Tensor of shape (..., n_tasks)
        derivative : Tensor of the shape of `outputs`
        """
        raise NotImplementedError

    def inverse_link(self, outputs: Tensor) -> Tensor:
        """Map raw outputs to predictions in units of the scaled targets.

        Parameters
        ----------
        outputs : Tensor
            Raw outputs of the network.

        Returns
        -------
        Tensor of the same shape
        """
        return outputs

    def constant_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        """Return the weighted mean loss of the best constant prediction.

        Parameters
        ----------
        targets : ndarray of shape (n_labels,)
            Scaled targets of one task.
        weights : ndarray of shape (n_labels,)
            Their weights, all positive.

        Returns
        -------
        float
        """
        raise NotImplementedError

    def complaint(self, targets: np.ndarray) -> str | None:
        """Say what is wrong with a task's labels under this loss; None if nothing is.

        Parameters
        ----------
        targets : ndarray of shape (n_labels,)
            Labels of one task as the user gave them, none missing.

        Returns
        -------
        str or None
        """
        del targets
        return None


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
    scaling: ClassVar[Literal["standard"]] = "standard"

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
    scaling: ClassVar[Literal["standard"]] = "standard"

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
    scaling: ClassVar[Literal["standard"]] = "standard"

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
    scaling: ClassVar[Literal["mean"]] = "mean"

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
    scaling: ClassVar[Literal["mean"]] = "mean"

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


@dataclass(frozen=True)
class LogLoss(Loss):
    """Minus the log of the probability given to the true class: sigmoid for two classes, softmax for more.

    Examples
    --------
    >>> from skmtl.losses import LogLoss
    >>> LogLoss()
    LogLoss()
    """

    name: ClassVar[str] = "log_loss"
    scaling: ClassVar[Literal["classes"]] = "classes"

    def loss_and_derivative(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cross-entropy and `p - onehot(y)`; see `Loss.loss_and_derivative`."""
        if outputs.dim() == targets.dim():  # one logit a task: two classes
            probability = outputs.sigmoid()
            return torch.nn.functional.softplus(outputs, threshold=40) - outputs * targets, probability - targets
        codes = targets.long().expand(outputs.shape[:-1]).unsqueeze(-1)
        log_probability = outputs.log_softmax(-1)
        loss = -log_probability.gather(-1, codes).squeeze(-1)
        derivative = log_probability.exp()
        return loss, derivative.scatter_add_(-1, codes, -torch.ones_like(codes, dtype=derivative.dtype))

    def inverse_link(self, outputs: Tensor) -> Tensor:
        """Return probabilities of all classes, `(..., n_tasks, n_classes)`, of logits of that shape."""
        return outputs.softmax(-1)

    def constant_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        """Return the entropy of the class shares; see `Loss.constant_loss`."""
        shares = np.bincount(targets.astype(np.intp), weights=weights) / weights.sum()
        return float(-xlogy(shares, shares).sum())


REGRESSION_LOSSES: dict[str, type[Loss]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "poisson": Poisson,
    "gamma": Gamma,
}
CLASSIFICATION_LOSSES: dict[str, type[Loss]] = {"log_loss": LogLoss}
