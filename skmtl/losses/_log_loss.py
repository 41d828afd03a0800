"""Losses of class probabilities: log loss, with label smoothing, and the same for groups of binary columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from scipy.special import xlogy
from torch import Tensor

from ._base import Loss, Scaling


@dataclass(frozen=True)
class LogLoss(Loss):
    """Minus the log of the probability given to the true class: sigmoid for two classes, softmax for more.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Share of the true class that is spread evenly over all classes, in [0, 1). More keeps probabilities away from
        0 and 1 (Szegedy et al. 2016).

    Raises
    ------
    ValueError
        If `label_smoothing` is not in [0, 1).

    References
    ----------
    Szegedy, C., Vanhoucke, V., Ioffe, S., Shlens, J., & Wojna, Z. (2016). Rethinking the Inception architecture for
    computer vision. CVPR.

    Examples
    --------
    >>> from skmtl.losses import LogLoss
    >>> LogLoss(label_smoothing=0.1)
    LogLoss(label_smoothing=0.1)
    """

    label_smoothing: float = 0.0
    name: ClassVar[str] = "log_loss"
    scaling: ClassVar[Scaling] = "classes"

    def __post_init__(self) -> None:
        """Refuse a share that is not in [0, 1)."""
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing must be in [0, 1), got {self.label_smoothing!r}.")

    def width(self, n_classes: int) -> int:
        """Return 1 for two classes, else their number; see `Loss.width`."""
        return n_logits(n_classes)

    def loss_and_derivative(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cross-entropy and `p - onehot(y)`, labels smoothed; see `Loss.loss_and_derivative`."""
        if outputs.dim() == targets.dim():  # one logit a task: two classes
            if self.label_smoothing:
                targets = targets * (1 - self.label_smoothing) + self.label_smoothing / 2
            probability = outputs.sigmoid()
            return torch.nn.functional.softplus(outputs, threshold=40) - outputs * targets, probability - targets
        codes = targets.long().expand(outputs.shape[:-1]).unsqueeze(-1)
        log_probability = outputs.log_softmax(-1)
        loss = -log_probability.gather(-1, codes).squeeze(-1)
        derivative = log_probability.exp()
        true_share = 1 - self.label_smoothing
        if self.label_smoothing:
            loss = true_share * loss - self.label_smoothing * log_probability.mean(-1)
            derivative -= self.label_smoothing / outputs.shape[-1]
        return loss, derivative.scatter_add_(-1, codes, torch.full_like(codes, -true_share, dtype=derivative.dtype))

    def inverse_link(self, outputs: Tensor) -> Tensor:
        """Return probabilities of all classes, `(..., n_tasks, n_classes)`, of logits; one logit means two classes."""
        return with_first_class(outputs).softmax(-1)

    def start(self, targets: np.ndarray, weights: np.ndarray, n_classes: int) -> np.ndarray:
        """Return the logits of the class shares; see `Loss.start`."""
        return logits_of(self._smoothed(class_shares(targets, weights, max(n_classes, 2), floor=True)))

    def constant_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        """Return the entropy of the class shares; see `Loss.constant_loss`."""
        return entropy(self._smoothed(class_shares(targets, weights, int(targets.max()) + 1)))

    def _smoothed(self, shares: np.ndarray) -> np.ndarray:
        smoothed: np.ndarray = shares * (1 - self.label_smoothing) + self.label_smoothing / len(shares)
        return smoothed


@dataclass(frozen=True)
class Multilabel(LogLoss):
    """Log loss of the columns of a multilabel group: the mean over its binary columns.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        As in `LogLoss`.
    balanced : bool, default=False
        Whether the two values of each column weigh the same, however rare one of them is.

    Examples
    --------
    >>> from skmtl.losses import Multilabel
    >>> Multilabel(balanced=True)
    Multilabel(label_smoothing=0.0, balanced=True)
    """

    balanced: bool = False
    name: ClassVar[str] = "multilabel"


def n_logits(n_classes: int) -> int:
    """Return the number of logits of a task: one for two classes."""
    return n_classes if n_classes > 2 else 1


def logits_of(probabilities: np.ndarray) -> np.ndarray:
    """Return the logits of positive probabilities, up to a common factor: one of two classes, else of mean 0."""
    logs = np.log(probabilities)
    logits: np.ndarray = logs[1:] - logs[:1] if len(logs) == 2 else logs - logs.mean()
    return logits


def entropy(shares: np.ndarray) -> float:
    """Return the log loss of class shares that are predicted everywhere."""
    return float(-xlogy(shares, shares).sum())


def with_first_class(outputs: Tensor) -> Tensor:
    """Return logits of all classes: a single one is that of the second class against the first."""
    return torch.cat([torch.zeros_like(outputs), outputs], -1) if outputs.shape[-1] == 1 else outputs


def class_shares(codes: np.ndarray, weights: np.ndarray, n_classes: int, floor: bool = False) -> np.ndarray:
    """Return the weighted share of each class, `(n_classes,)`.

    With `floor`, a class without a label gets half the share of the rarest other, at most 1 %: neither repeated rows
    nor a common factor of all weights change that. Shares then add up to a little more than 1.
    """
    shares: np.ndarray = np.bincount(codes.astype(np.intp), weights=weights, minlength=n_classes) / weights.sum()
    seen = shares > 0
    return np.where(seen, shares, min(0.5 * shares[seen].min(), 0.01)) if floor else shares
