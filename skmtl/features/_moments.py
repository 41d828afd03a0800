"""Weighted means and spreads of columns, in float64 and chunk by chunk; holes are left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._chunks import row_chunks


def dense_moments(
    X: np.ndarray, rows: np.ndarray | None, weights: np.ndarray, columns: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Return weighted means and standard deviations, merged chunk by chunk (Chan, Golub and LeVeque 1983).

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
    rows : ndarray of int or None
        The rows that count; None for all.
    weights : ndarray of shape (n_rows,)
    columns : ndarray of int or None
        The columns to measure; None for all.

    Returns
    -------
    mean, scale : ndarray of shape (n_measured,)
        Of the values that are not NaN. The scale is 0 where they are equal, or there are none.
    missing : ndarray of shape (n_measured,)
        Weighted share of NaN.
    span : tuple of two ndarrays of shape (n_measured,)
        The least and the greatest of the values that are not NaN; 0 where there are none.
    """
    low, high, any_holes = _range(X, rows, columns)
    peak = np.maximum(np.abs(low), np.abs(high))
    unit = _power_of_two(peak)
    total, mean, square, all_weights = np.zeros_like(unit), np.zeros_like(unit), np.zeros_like(unit), 0.0
    for place, chunk in _chunks(X, rows, columns):
        weight = weights[place]
        all_weights += weight.sum()
        scaled = chunk / unit
        added = np.full_like(unit, weight.sum())
        if any_holes:
            holes = np.isnan(scaled)
            scaled[holes] = 0
            added = _present_weight(weight, holes)
        divisor = np.where(added > 0, added, 1.0)
        chunk_mean = _weighted_sum(weight, scaled) / divisor
        scaled -= chunk_mean
        np.square(scaled, out=scaled)
        if any_holes:
            scaled[holes] = 0
        step = np.where(added > 0, chunk_mean - mean, 0.0)
        joint = np.where(total + added > 0, total + added, 1.0)
        square += _weighted_sum(weight, scaled) + step**2 * (total * added / joint)
        total += added
        mean += step * (added / joint)
    spread = np.sqrt(square / np.where(total > 0, total, 1.0))
    # The spread cannot tell: in a million equal numbers, rounding errors of the mean add up to thousands of eps.
    constant = high / unit - low / unit <= 16 * np.finfo(float).eps * peak / unit
    return mean * unit, np.where(constant, 0.0, spread * unit), 1 - total / all_weights, (low, high)


def _chunks(X: np.ndarray, rows: np.ndarray | None, columns: np.ndarray | None) -> Iterator[tuple[slice, np.ndarray]]:
    for place, chunk in row_chunks(X, rows):
        yield place, chunk if columns is None else chunk[:, columns]


def _range(X: np.ndarray, rows: np.ndarray | None, columns: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return the least and the greatest value of each column, 0 where all are missing, and whether any is missing."""
    n_columns = X.shape[1] if columns is None else len(columns)
    low, high, any_holes = np.full(n_columns, np.inf), np.full(n_columns, -np.inf), False
    for _, chunk in _chunks(X, rows, columns):
        least, most = chunk.min(axis=0), chunk.max(axis=0)
        if np.isnan(least).any():
            any_holes = True
            least, most = np.fmin.reduce(chunk, axis=0), np.fmax.reduce(chunk, axis=0)
        np.fmin(low, least, out=low)
        np.fmax(high, most, out=high)
    empty = low > high
    return np.where(empty, 0.0, low), np.where(empty, 0.0, high), any_holes


def _present_weight(weights: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Return the weight of the present values of each column; the very sum of weights in columns without holes."""
    present = np.full(holes.shape[1], weights.sum())
    affected = np.flatnonzero(holes.any(axis=0))
    present[affected] = _weighted_sum(weights, (~holes[:, affected]).astype(np.float64))
    return present


def _weighted_sum(weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return `weights @ rows` without BLAS, whose threads wait for each other beside a busy neighbour."""
    sums: np.ndarray = np.einsum("i,ij->j", weights, rows)
    return sums


def sparse_scale(X: Any, weights: np.ndarray) -> np.ndarray:
    """Return the weighted root mean square of what is not zero in each column of a sparse array.

    Zeros do not count: a rare bit or word would be scaled up by as much as it is rare, and be learned by heart. Bits
    stay 0 and 1, as codes of categories do.
    """
    entries = X.tocoo()
    there = entries.data != 0
    columns, values, weights = entries.col[there], entries.data[there], weights[entries.row[there]]
    peak = np.zeros(X.shape[1])
    np.maximum.at(peak, columns, np.abs(values))
    unit = _power_of_two(peak)
    squares = np.bincount(columns, weights * (values / unit[columns]) ** 2, minlength=X.shape[1])
    totals = np.bincount(columns, weights, minlength=X.shape[1])
    scale: np.ndarray = unit * np.sqrt(squares / np.where(totals > 0, totals, 1))
    return scale


def _power_of_two(peak: np.ndarray) -> np.ndarray:
    """The power of two next to each peak: dividing by it is exact, and squares neither overflow nor vanish."""
    power: np.ndarray = np.ldexp(1.0, np.minimum(np.frexp(peak)[1], np.finfo(float).maxexp - 1))
    return power
