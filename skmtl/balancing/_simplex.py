"""The nearest weights that are not negative and sum to 1."""

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
    ordered = -np.sort(-values, axis=1)
    excess = (np.cumsum(ordered, 1) - 1) / np.arange(1, values.shape[1] + 1)
    last = np.sum(ordered > excess, axis=1) - 1
    projected: np.ndarray = np.maximum(values - excess[np.arange(len(values)), last][:, None], 0)
    return projected
