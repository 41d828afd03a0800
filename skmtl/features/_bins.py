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
# Bins of a column in which one value fills a bin, as most people's gains of capital are 0: those who have a gain may
# differ from one value to the next. One bin between each two values, or fewer where there are more values than that.
MOST_STEPS = 128
STEPS_OF_MANY = 64
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
        columns, low, inverse_width, center, inverse_scale = self._tensors(numbers.dtype, numbers.device)
        codes = numbers.index_select(1, columns)
        return codes.sub_(low).mul_(inverse_width).clamp_(0, 1).sub_(center).mul_(inverse_scale)

    def _tensors(self, dtype: torch.dtype, device: torch.device) -> list[Tensor]:
        """All attributes as tensors, kept between batches."""
        cached: tuple[torch.dtype, torch.device, list[Tensor]] | None = self.__dict__.get("_cache")
        if cached is None or cached[:2] != (dtype, device):
            parts = (self.low, self.inverse_width, self.center, self.inverse_scale)
            floats = [torch.from_numpy(part).to(device, dtype) for part in parts]
            cached = self.__dict__["_cache"] = (dtype, device, [torch.from_numpy(self.columns).to(device), *floats])
        return cached[2]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the tensors out of pickles and copies."""
        return {name: value for name, value in self.__dict__.items() if name != "_cache"}


def sample_places(keys: np.ndarray | None, n_rows: int) -> np.ndarray:
    """Return the places of distinct rows, at most `MOST_ROWS` of them."""
    if keys is None:
        return np.arange(min(n_rows, MOST_ROWS))
    return np.unique(keys, return_index=True)[1][:MOST_ROWS]


def plan_bins(numbers: np.ndarray, n_bins: int) -> Bins:
    """Cut each column into bins that hold like numbers of rows, or of distinct values where one value fills a bin.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows, n_numeric)
        Standardised numbers, NaN for a hole; constant columns are 0.
    n_bins : int
        Largest number of bins of a column; what `MOST_CODES` leaves over goes to columns where a value fills a bin.
    """
    columns, low, high, center, scale = [], [], [], [], []
    present = [np.unique(column[~np.isnan(column)], return_counts=True) for column in numbers.T]
    n_atoms = sum(has_atom(counts, n_bins) for _, counts in present)
    spare = (MOST_CODES - n_bins * len(present)) // max(n_atoms, 1)
    n_steps = min(n_bins + max(spare, 0), max(n_bins, len(numbers) // ROWS_PER_BIN), MOST_STEPS)
    for column, (distinct, counts) in enumerate(present):
        edges = bin_edges(distinct, counts, n_bins, n_steps)
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


def has_atom(counts: np.ndarray, n_bins: int) -> bool:
    """Whether one value alone fills a bin, so that bins of like numbers of rows would be fewer than asked for.

    Parameters
    ----------
    counts : ndarray of int of shape (n_distinct,)
        Rows of each value.
    n_bins : int
    """
    return len(counts) > n_bins + 1 and bool(counts.max() > counts.sum() / n_bins)


def bin_edges(distinct: np.ndarray, counts: np.ndarray, n_bins: int, n_steps: int) -> np.ndarray:
    """Return increasing edges of the bins of one column.

    They are quantiles of the rows; but where one value alone fills a bin, as in a column of mostly zeros, each value is
    an edge, or if there are too many, quantiles of the distinct values and the values that fill a bin are.

    Parameters
    ----------
    distinct : ndarray of shape (n_distinct,)
        The values, increasing, none missing.
    counts : ndarray of int of shape (n_distinct,)
        Rows of each.
    n_bins : int
        Largest number of bins.
    n_steps : int
        The same where a value fills a bin, at least `n_bins`.
    """
    atoms = has_atom(counts, n_bins)
    if len(distinct) <= (n_steps if atoms else n_bins) + 1:
        return distinct
    if not atoms:
        return np.unique(np.quantile(np.repeat(distinct, counts), np.linspace(0, 1, n_bins + 1), method="inverted_cdf"))
    heavy = distinct[counts > counts.sum() / n_bins]
    n_quantiles = max(min(n_steps, STEPS_OF_MANY) - len(heavy), 1)
    return np.union1d(heavy, np.quantile(distinct, np.linspace(0, 1, n_quantiles + 1), method="inverted_cdf"))
