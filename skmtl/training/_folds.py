"""Which rows a member holds out: decided by what a row holds, not by where it stands.

Equal rows share a fold, so that no duplicate leaks into a holdout, and repeated rows equal integer weights. Keys are
64-bit hashes of a row's values (or of its group) and a seed.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from scipy.sparse import issparse

from ..features import Layout, row_chunks


def content_keys(X: Any, rows: np.ndarray | None, seed: int, layout: Layout | None = None) -> np.ndarray:
    """Return a key per row that follows from its values and from nothing else, -0 counted as 0.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n_samples, n_features)
    rows : ndarray of int or None
        The rows that count; None for all.
    seed : int
    layout : Layout or None, default=None
        What the columns mean: categories are told apart by their text, all holes are equal, padding does not count, and
        neither does how wide a part is for those behind it. None: numbers.

    Returns
    -------
    ndarray of uint64 of shape (n_rows,)
    """
    layout = Layout.of_numbers(X.shape[1]) if layout is None else layout
    if not layout.parts:
        return _mix(_sums(X, rows, layout, np.random.default_rng(seed)))
    X = X if rows is None else X[rows]
    sums, first = np.zeros(X.shape[0], np.uint64), 0
    beyond = Layout.of_numbers(X.shape[1] - sum(part.n_columns for part in layout.parts))
    for place, part in enumerate([*layout.parts, beyond]):
        own = X[:, first : first + part.n_columns]
        sums += _sums(own, None, part, np.random.default_rng([seed, place]))
        first += part.n_columns
    return _mix(sums)


def _sums(X: Any, rows: np.ndarray | None, layout: Layout, draws: np.random.Generator) -> np.ndarray:
    """Return a sum per row of its scrambled values, each times the factor of its column, in which padding is 0."""
    factors = draws.integers(2**63, size=X.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    # Counted from a row of nothing but padding, padding is 0, and a value of 0 is not.
    padding = (_mix(np.array([np.nan])) * factors).sum(dtype=np.uint64) if layout.padded else np.uint64(0)
    if issparse(X) and layout.categories:
        X = X.toarray()  # the first category of a column is not stored
    if issparse(X):
        matrix = X if rows is None else X[rows]
        values = matrix.data.astype(np.float64) + 0.0
        values[np.isnan(values)] = np.nan
        terms = _mix(values) * factors[matrix.indices]
        ends: np.ndarray = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])[matrix.indptr]
        return np.diff(ends) - padding
    sums = np.empty(len(X) if rows is None else len(rows), dtype=np.uint64)
    for place, chunk in row_chunks(X, rows):
        values = layout.hashable(chunk).astype(np.float64) + 0.0
        sums[place] = (_mix(values) * factors).sum(axis=1, dtype=np.uint64) - padding
    return sums


def _mix(values: np.ndarray) -> np.ndarray:
    """Scramble 64 bits so that each depends on all (the finalizer of MurmurHash3); zero stays zero."""
    bits = values.view(np.uint64) if values.dtype == np.float64 else values
    for factor in (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)):
        bits = (bits ^ (bits >> np.uint64(33))) * factor
    return bits ^ (bits >> np.uint64(33))


def group_keys(groups: np.ndarray, seed: int) -> np.ndarray:
    """Return a key per row that follows from its group's name.

    Parameters
    ----------
    groups : ndarray of shape (n_rows,)
    seed : int

    Returns
    -------
    ndarray of uint64 of shape (n_rows,)
    """
    names, place = np.unique([str(group) for group in groups], return_inverse=True)
    digests = [hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest() for name in names]
    return np.frombuffer(b"".join(digests), dtype=np.uint64)[place]


def deal_folds(keys: np.ndarray, n_members: int, validation_fraction: float) -> np.ndarray:
    """Return for each row the member that holds it out; numbers from `n_members` on mean none.

    Distinct keys, sorted, are dealt like cards into `max(n_members, 5)` folds; a single member holds out
    `validation_fraction` of them instead.

    Parameters
    ----------
    keys : ndarray of uint64 of shape (n_rows,)
    n_members : int
    validation_fraction : float

    Returns
    -------
    ndarray of int of shape (n_rows,)
    """
    distinct, rank = np.unique(keys, return_inverse=True)
    if n_members == 1:
        return (rank >= n_held_out(len(distinct), 1, validation_fraction)).astype(np.int64)
    return rank % n_folds(n_members)


def n_folds(n_members: int) -> int:
    """Return the number of folds of several members."""
    return max(n_members, 5)


def n_held_out(n_distinct: int, n_members: int, validation_fraction: float) -> int:
    """Return how many distinct rows the smallest holdout has."""
    return int(validation_fraction * n_distinct) if n_members == 1 else n_distinct // n_folds(n_members)
