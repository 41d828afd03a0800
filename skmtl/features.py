"""X of any accepted kind: checked, measured once, and handed out as standardised batches.

Dense columns are standardised to mean 0 and variance 1, sparse ones only divided by their root mean square, so that
they stay sparse. Statistics are weighted, taken in float64, and read in chunks: a memory-mapped X is never copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

CHUNK_BYTES = 2**21


def check_finite(X: Any, names: Sequence[str] | None, estimator: str) -> None:
    """Refuse NaN and infinity, naming the column.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
    names : sequence of str or None
        Column names, if X has any.
    estimator : str
        Name of the estimator, for the message.

    Raises
    ------
    ValueError
        If a value is NaN or infinite.
    """
    if issparse(X):
        if np.isfinite(X.data).all():
            return
        entry = int(np.argmin(np.isfinite(X.data)))
        coordinates = X.tocoo()
        _refuse(coordinates.data[entry], int(coordinates.row[entry]), int(coordinates.col[entry]), names, estimator)
    for rows, chunk in row_chunks(X):
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(chunk.sum()):
                continue
        finite = np.isfinite(chunk)
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            _refuse(chunk[row, column], rows.start + int(row), int(column), names, estimator)


def _refuse(value: float, row: int, column: int, names: Sequence[str] | None, estimator: str) -> None:
    where = f"column {names[column]!r}" if names is not None else f"column {column}"
    if np.isnan(value):
        raise ValueError(
            f"Input X contains NaN in {where}, row {row}. {estimator} does not accept missing values in X; put an "
            "imputer in front of it: make_pipeline(SimpleImputer(), ...)."
        )
    raise ValueError(f"Input X contains infinity in {where}, row {row}. Replace or clip such values.")


def row_chunks(X: np.ndarray, rows: np.ndarray | None = None) -> Iterator[tuple[slice, np.ndarray]]:
    """Walk through X, or through some of its rows, a piece at a time that fits the cache.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    rows : ndarray of int or None
        The rows to visit, in this order; None for all.

    Yields
    ------
    place : slice
        Where the chunk stands among the rows visited.
    chunk : ndarray
        The rows themselves.
    """
    n_rows = len(X) if rows is None else len(rows)
    step = max(1, CHUNK_BYTES // max(1, 8 * X.shape[1]))
    for first in range(0, n_rows, step):
        place = slice(first, min(first + step, n_rows))
        yield place, X[place] if rows is None else X[rows[place]]


class Standardizer:
    """Column statistics of X, and the map from rows of X to standardised tensors.

    Parameters
    ----------
    n_features : int

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Column means; 0 for sparse X.
    inverse_scale_ : ndarray of shape (n_features,)
        1 / column standard deviations (root mean squares for sparse X). 0 for a column that has been constant so
        far: nothing can be learned from it, and whatever it holds at predict is ignored.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmtl.features import Standardizer
    >>> X = np.array([[1.0, 7.0], [3.0, 7.0]])
    >>> Standardizer(2).update(X, None, np.ones(2)).tensor(X, torch.float32, "cpu")
    tensor([[-1.,  0.],
            [ 1.,  0.]])
    """

    def __init__(self, n_features: int) -> None:
        self.mean_ = np.zeros(n_features)
        self.inverse_scale_ = np.zeros(n_features)

    def update(self, X: Any, rows: np.ndarray | None, weights: np.ndarray) -> Standardizer:
        """Measure the columns that have no scale yet.

        Parameters
        ----------
        X : ndarray or CSR array of shape (n_samples, n_features)
        rows : ndarray of int or None
            The rows that count; None for all.
        weights : ndarray of shape (n_rows,)
            How much each of these rows counts.
        """
        if issparse(X):
            mean, scale = np.zeros(X.shape[1]), _sparse_scale(X if rows is None else X[rows], weights)
        else:
            mean, scale = _dense_moments(X, rows, weights)
        new = self.inverse_scale_ == 0
        self.mean_ = np.where(new, mean, self.mean_)
        self.inverse_scale_[new & (scale > 0)] = 1 / np.maximum(scale[new & (scale > 0)], np.finfo(float).tiny)
        self.__dict__.pop("_cache", None)
        return self

    def tensor(self, rows: Any, dtype: torch.dtype, device: torch.device | str) -> Tensor:
        """Return rows of X as a standardised tensor, `(n_rows, n_features)`.

        Parameters
        ----------
        rows : ndarray, Tensor or sparse array of shape (..., n_features)
            The rows; a tensor is used up.
        dtype : torch.dtype
        device : torch.device or str
        """
        if issparse(rows):
            rows = torch.from_numpy(rows.toarray())
        elif not isinstance(rows, Tensor):
            rows = as_tensor(rows).clone()
        mean, inverse_scale = self._tensors(rows.dtype)
        if mean is not None:
            rows = rows.sub_(mean)
        return rows.mul_(inverse_scale).to(dtype).to(device)

    def _tensors(self, dtype: torch.dtype) -> tuple[Tensor | None, Tensor]:
        """Mean and inverse scale in the dtype of X, kept between batches."""
        cached = self.__dict__.get("_cache")
        if cached is None or cached[0] != dtype:
            # In a column that is ignored nothing may overflow.
            used = np.where(self.inverse_scale_ > 0, self.mean_, 0.0)
            mean = torch.from_numpy(used).to(dtype) if used.any() else None
            inverse_scale = torch.from_numpy(self.inverse_scale_).clamp(max=torch.finfo(dtype).max).to(dtype)
            cached = self.__dict__["_cache"] = (dtype, mean, inverse_scale)
        return cached[1], cached[2]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the tensors out of pickles and copies."""
        return {name: value for name, value in self.__dict__.items() if name != "_cache"}


def as_tensor(array: np.ndarray) -> Tensor:
    """Share an array's memory with a tensor, a read-only one (a memory map) included."""
    return torch.from_numpy(array) if array.flags.writeable else torch.from_dlpack(array)


def _dense_moments(X: np.ndarray, rows: np.ndarray | None, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted column means and standard deviations, merged chunk by chunk (Chan, Golub and LeVeque 1983)."""
    low, high = np.full(X.shape[1], np.inf), np.full(X.shape[1], -np.inf)
    for _, chunk in row_chunks(X, rows):
        np.minimum(low, chunk.min(axis=0), out=low)
        np.maximum(high, chunk.max(axis=0), out=high)
    peak = np.maximum(np.abs(low), np.abs(high))
    unit = _power_of_two(peak)
    total, mean, square = 0.0, np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for place, chunk in row_chunks(X, rows):
        weight = weights[place]
        added = weight.sum()
        scaled = chunk / unit
        chunk_mean = _weighted_sum(weight, scaled) / added
        scaled -= chunk_mean
        np.square(scaled, out=scaled)
        step = chunk_mean - mean
        square += _weighted_sum(weight, scaled) + step**2 * (total * added / (total + added))
        total += added
        mean += step * (added / total)
    spread = np.sqrt(square / total)
    # The spread cannot tell: in a million equal numbers, rounding errors of the mean add up to thousands of eps.
    constant = high / unit - low / unit <= 16 * np.finfo(float).eps * peak / unit
    return mean * unit, np.where(constant, 0.0, spread * unit)


def _weighted_sum(weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return `weights @ rows` without BLAS, whose threads wait for each other beside a busy neighbour."""
    return np.einsum("i,ij->j", weights, rows)


def _sparse_scale(X: Any, weights: np.ndarray) -> np.ndarray:
    """Weighted root mean square of each column."""
    entries = X.tocoo()
    peak = np.zeros(X.shape[1])
    np.maximum.at(peak, entries.col, np.abs(entries.data))
    unit = _power_of_two(peak)
    squares = weights[entries.row] * (entries.data / unit[entries.col]) ** 2
    return unit * np.sqrt(np.bincount(entries.col, weights=squares, minlength=X.shape[1]) / weights.sum())


def _power_of_two(peak: np.ndarray) -> np.ndarray:
    """The power of two next to each peak: dividing by it is exact, and squares neither overflow nor vanish."""
    return np.ldexp(1.0, np.minimum(np.frexp(peak)[1], np.finfo(float).maxexp - 1))
