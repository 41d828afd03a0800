"""Piecewise-linear codes of numeric columns: how far a number is through each of a few bins.

A network of few layers is slow to bend: beside the number itself, it is given for each bin of the column 0 below the
bin, 1 above, and in between the share of the bin that the number has passed (Gorishniy et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Quantiles of more rows than this are no better; those of the smallest keys are taken, a random sample of the distinct
# rows that does not depend on their order.
MOST_ROWS = 100_000
# Codes of all columns together: they widen the first layer, and many columns bend enough together (with 298 columns and
# 403 rows, codes cost a tenth of the accuracy).
MOST_CODES = 512
# Fewer bins than this are not worth their cost.
FEWEST_BINS = 4
# Distinct rows that a bin should hold: on 100 rows, 16 bins cost accuracy and time.
ROWS_PER_BIN = 20


@dataclass
class Bins:
    """The bins of all columns, one after the other.

    Attributes
    ----------
    columns : ndarray of int of shape (n_bins,)
        The numeric column that a bin belongs to.
    low, inverse_width : ndarray of shape (n_bins,)
        Its lower edge and 1 / its width, in units of standardised numbers.
    center, inverse_scale : ndarray of shape (n_bins,)
        Mean of the code, and 1 / its standard deviation.
    """

    columns: np.ndarray
    low: np.ndarray
    inverse_width: np.ndarray
    center: np.ndarray
    inverse_scale: np.ndarray

    def __len__(self) -> int:
        """Return the number of bins of all columns."""
        return len(self.columns)

    def codes(self, numbers: Tensor) -> Tensor:
        """Return the codes of standardised numbers, `(n_rows, n_numeric)` → `(n_rows, n_bins)`."""
        columns, low, inverse_width, center, inverse_scale = self._tensors(numbers.dtype)
        codes = numbers.index_select(1, columns)
        return codes.sub_(low).mul_(inverse_width).clamp_(0, 1).sub_(center).mul_(inverse_scale)

    def _tensors(self, dtype: torch.dtype) -> list[Tensor]:
        """All attributes as tensors, kept between batches."""
        cached: tuple[torch.dtype, list[Tensor]] | None = self.__dict__.get("_cache")
        if cached is None or cached[0] != dtype:
            parts = (self.low, self.inverse_width, self.center, self.inverse_scale)
            floats = [torch.from_numpy(part).to(dtype) for part in parts]
            cached = self.__dict__["_cache"] = (dtype, [torch.from_numpy(self.columns), *floats])
        return cached[1]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the tensors out of pickles and copies."""
        return {name: value for name, value in self.__dict__.items() if name != "_cache"}


def sample_places(keys: np.ndarray | None, n_rows: int) -> np.ndarray:
    """Return the places of distinct rows, at most `MOST_ROWS` of them."""
    if keys is None:
        return np.arange(min(n_rows, MOST_ROWS))
    return np.unique(keys, return_index=True)[1][:MOST_ROWS]


def plan_bins(numbers: np.ndarray, n_bins: int) -> Bins:
    """Cut each column into bins that hold like numbers of rows.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows, n_numeric)
        Standardised numbers, NaN for a hole; constant columns are 0.
    n_bins : int
        Largest number of bins of a column.
    """
    columns, low, high, center, scale = [], [], [], [], []
    for column in range(numbers.shape[1]):
        values = np.sort(numbers[:, column])
        values = values[: np.searchsorted(values, np.nan)] if len(values) and np.isnan(values[-1]) else values
        edges = bin_edges(values, n_bins)
        if len(edges) < 3:  # a single bin says no more than the number itself
            continue
        filled = np.where(np.isnan(numbers[:, column]), 0.0, numbers[:, column])
        for lower, upper in pairwise(edges):
            code = np.clip((filled - lower) / (upper - lower), 0, 1)
            columns.append(column)
            low.append(lower)
            high.append(upper)
            center.append(code.mean())
            scale.append(code.std())
    width = np.array(high) - np.array(low)
    return Bins(
        np.array(columns, dtype=np.int64),
        np.array(low, dtype=float),
        1 / width,
        np.array(center, dtype=float),
        1 / np.maximum(np.array(scale, dtype=float), 1e-2),
    )


def affordable_bins(n_bins: int, n_numeric: int, n_rows: int) -> int:
    """Return the number of bins of each column.

    Parameters
    ----------
    n_bins : int
        How many there may be.
    n_numeric : int
        Numeric columns: `MOST_CODES` leaves room for so many bins each, or for none.
    n_rows : int
        Distinct rows: each bin should hold `ROWS_PER_BIN` of them, but two bins are always allowed.
    """
    affordable = min(n_bins, MOST_CODES // max(n_numeric, 1))
    if affordable < min(FEWEST_BINS, n_bins):
        return 0
    return min(affordable, max(2, n_rows // ROWS_PER_BIN))


def bin_edges(values: np.ndarray, n_bins: int) -> np.ndarray:
    """Return increasing edges of at most `n_bins` bins of one column.

    A value that alone fills a bin becomes an edge, and the other bins are shared out among the other values: of 90 %
    zeros, one edge remains.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Sorted, none missing.
    n_bins : int
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= n_bins + 1:
        return distinct
    heavy = np.zeros(len(distinct), dtype=bool)
    while True:
        left = n_bins - int(heavy.sum())
        new = ~heavy & (counts > counts[~heavy].sum() / max(left, 1))
        if not new.any() or left <= 1:
            break
        heavy |= new
    rest = np.repeat(distinct[~heavy], counts[~heavy])
    quantiles = np.quantile(rest, np.linspace(0, 1, max(left, 1) + 1), method="inverted_cdf")
    return np.unique(np.concatenate([distinct[heavy], quantiles]))
