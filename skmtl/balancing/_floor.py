"""Losses of zero or below, where a method divides by them or takes logarithms."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import LossBalancing
from ._step import Array

# While training, losses are in units of the best constant prediction's: a task starts near 1.
FLOOR = 1e-4
FLOOR_CONSTRAINT: dict[str, Any] = {"floor": [Interval(Real, 0, None, closed="neither")]}


def floored(losses: Array, floor: float) -> Array:
    """Return losses of at least `floor`.

    Parameters
    ----------
    losses : ndarray
    floor : float
    """
    result: Array = np.maximum(losses, floor)
    return result


def softmax(logits: Array) -> Array:
    """Return shares that sum to 1 over the last dimension, whatever the size of the logits.

    Parameters
    ----------
    logits : ndarray of shape (M, T)
    """
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    shares: Array = powers / powers.sum(-1, keepdims=True)
    return shares


class FlooredLossBalancing(LossBalancing):
    """Base of methods whose only parameters are those of all methods on losses, and a floor.

    Parameters
    ----------
    floor : float, default=1e-4
        Smaller losses, zero or negative ones too, count as this. While training, losses are in units of the best
        constant prediction's.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {**LossBalancing._parameter_constraints, **FLOOR_CONSTRAINT}

    def __init__(self, *, floor: float = FLOOR, scale: str = "published") -> None:
        super().__init__(scale=scale)
        self.floor = floor
