"""Weights that are not negative and sum to 1."""

from __future__ import annotations

import numpy as np


def on_simplex(values: np.ndarray) -> np.ndarray:
    """Project on the simplex, exactly, by sorting.

    Parameters
    ----------
    values : ndarray of shape (M, T)

    Returns
    -------
    ndarray of shape (M, T)

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing._simplex import on_simplex
    >>> on_simplex(np.array([[0.9, 0.5, -3.0]]))
    array([[0.7, 0.3, 0. ]])
    """
    values = values - values.max(1, keepdims=True)  # changes nothing, but beside a large number the 1 would be lost
    ordered = -np.sort(-values, axis=1)
    excess = (np.cumsum(ordered, 1) - 1) / np.arange(1, values.shape[1] + 1)
    last = np.sum(ordered > excess, axis=1) - 1
    projected: np.ndarray = np.maximum(values - excess[np.arange(len(values)), last][:, None], 0)
    return projected


def shares_of(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights divided by their sum, and the sum; shares of nothing are equal.

    Tasks that are away keep their weights, so those of the others sum to less than 1 in the meantime.

    Parameters
    ----------
    weights : ndarray of shape (M, T)

    Returns
    -------
    shares : ndarray of shape (M, T)
    total : ndarray of shape (M, 1)

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing._simplex import shares_of
    >>> shares_of(np.array([[0.3, 0.1], [0.0, 0.0]]))
    (array([[0.75, 0.25],
           [0.5 , 0.5 ]]), array([[0.4],
           [0. ]]))
    """
    total = weights.sum(1, keepdims=True)
    shares: np.ndarray = np.where(total > 0, weights / np.where(total > 0, total, 1), 1 / weights.shape[1])
    return shares, total
