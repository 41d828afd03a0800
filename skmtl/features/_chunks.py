"""The matrix of X: checked for values that no model can take, and read in pieces that fit the cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

CHUNK_BYTES = 2**21


def check_finite(X: Any, names: Sequence[str] | None, estimator: str, *, allow_nan: bool = False) -> None:
    """Refuse infinity, and NaN where it is not a hole, naming the column.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
    names : sequence of str or None
        Column names, if X has any.
    estimator : str
        Name of the estimator, for the message.
    allow_nan : bool, default=False
        Whether NaN marks a missing value. In sparse X it never does.

    Raises
    ------
    ValueError
        If a value is infinite, or is NaN and may not be.
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
        bad = np.isinf(chunk) if allow_nan else ~np.isfinite(chunk)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            _refuse(chunk[row, column], rows.start + int(row), int(column), names, estimator)


def _refuse(value: float, row: int, column: int, names: Sequence[str] | None, estimator: str) -> NoReturn:
    where = where_of(names, column)
    if np.isnan(value):
        raise ValueError(
            f"Input X contains NaN in {where}, row {row}. {estimator} does not accept missing values in X; put an "
            "imputer in front of it: make_pipeline(SimpleImputer(), ...)."
        )
    refuse_infinity(where, row)


def refuse_infinity(where: str, row: int) -> NoReturn:
    """Refuse an infinite value."""
    raise ValueError(f"Input X contains infinity in {where}, row {row}. Replace or clip such values.")


def where_of(names: Sequence[str] | None, column: int) -> str:
    """Return what messages call a column: by its name if it has one, else by its number."""
    return f"column {column}" if names is None else f"column {str(names[column])!r}"


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


def as_tensor(array: np.ndarray) -> Tensor:
    """Share an array's memory with a tensor, a read-only one (a memory map) included."""
    return torch.from_numpy(array) if array.flags.writeable else torch.from_dlpack(array)
