"""Logarithms of weights that methods on losses learn, each by a step of gradient descent of its own."""

from __future__ import annotations

import numpy as np

from ._step import Array

# Beyond, a weight is 0 or infinite for all that training can tell.
LARGEST = 20.0
# Of the slope, so that one outlier of a loss does not move a logarithm by more than a few learning rates.
STEEPEST = 10.0


def descended(logs: Array, slope: Array, learning_rate: float) -> Array:
    """Return logarithms after a step against their slope, both within bounds.

    Parameters
    ----------
    logs, slope : ndarray of shape (M, T)
    learning_rate : float
    """
    bounded = np.minimum(np.maximum(slope, -STEEPEST), STEEPEST)
    result: Array = np.clip(logs - learning_rate * bounded, -LARGEST, LARGEST)
    return result
