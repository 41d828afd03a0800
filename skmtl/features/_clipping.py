"""How far standardised numbers may lie from what was fitted, and the map of numbers to standardised ones."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

ABSURD = 2.0**20


class Scaling:
    """Mean, inverse scale and bounds of columns, as tensors of one dtype.

    Numbers that lie beyond all that was fitted by more than its whole span are taken for the farthest that do not. A
    column whose inverse scale is 0 is 0 whatever it holds.

    Parameters
    ----------
    mean, inverse_scale : ndarray of shape (n_columns,)
    low, high : ndarray of shape (n_columns,)
        The least and the greatest number that was fitted. From -inf to inf: nothing is too far. From inf to -inf: none
        was fitted.
    dtype : torch.dtype

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmtl.features._clipping import Scaling
    >>> of_one_column = (np.array([each]) for each in (1.0, 0.5, -1.0, 3.0))
    >>> Scaling(*of_one_column, torch.float64).apply(torch.tensor([[3.0], [1e9]], dtype=torch.float64)).round()
    tensor([[1.],
            [3.]], dtype=torch.float64)
    """

    def __init__(
        self, mean: np.ndarray, inverse_scale: np.ndarray, low: np.ndarray, high: np.ndarray, dtype: torch.dtype
    ) -> None:
        self.dtype = dtype
        # In a column that is ignored nothing may overflow.
        used = np.where(inverse_scale > 0, mean, 0.0)
        self._mean = torch.from_numpy(used).to(dtype) if used.any() else None
        self._inverse_scale = torch.from_numpy(inverse_scale).clamp(max=torch.finfo(dtype).max).to(dtype)
        bounded = low > -np.inf
        used = bounded & (low <= high) & (inverse_scale > 0)
        least, most = (np.where(used, (np.where(used, end, 0) - mean) * inverse_scale, 0) for end in (low, high))
        reach = (1 + 1e-6) * (most - least)  # rounding of one dtype or another reaches no row that was fitted
        ends = np.where(bounded, least - reach, -np.inf), np.where(bounded, most + reach, np.inf)
        self._bounds = tuple(torch.from_numpy(end).to(dtype) for end in ends) if bounded.any() else None

    def apply(self, numbers: Tensor) -> Tensor:
        """Standardise numbers `(..., n_columns)` in place; NaN stays.

        Parameters
        ----------
        numbers : Tensor of shape (..., n_columns)
        """
        if self._mean is not None:
            numbers = numbers.sub_(self._mean)
        numbers = numbers.mul_(self._inverse_scale)
        return numbers if self._bounds is None else numbers.clamp_(*self._bounds)


def ordinary_limit(peaks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return how far from 0 values may lie: a million times as far as the farthest of the median sample.

    What lies beyond is a mark for missing data or a slip, and is no measure of the others.

    Parameters
    ----------
    peaks : ndarray of shape (n_samples, n_features)
        The greatest magnitude in each sample. Samples where it is 0 or NaN do not count.
    weights : ndarray of shape (n_samples,)

    Returns
    -------
    ndarray of shape (n_features,)
        Infinite where there is no value but 0.
    """
    limits = np.full(peaks.shape[1], np.inf)
    for feature, own in enumerate(peaks.T):
        order = np.argsort(own)
        order = order[own[order] > 0]
        if len(order):
            reached = np.cumsum(weights[order])
            median = own[order[np.searchsorted(reached, reached[-1] / 2)]]
            limits[feature] = ABSURD * min(median, np.finfo(float).max / ABSURD)
    return limits
