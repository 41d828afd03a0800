"""y of any accepted kind → one integer a cell: the stratum of a task that the row belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..tasks import MOST_CLASSES, Columns


@dataclass(frozen=True)
class Strata:
    """The labels of all tasks as strata, numbered through over the tasks.

    Attributes
    ----------
    codes : ndarray of int of shape (n_samples, n_tasks)
        The stratum of a cell; no two tasks share one.
    n_strata : int
        Over all tasks.
    """

    codes: np.ndarray
    n_strata: int


def label_strata(columns: Columns, n_bins: int, largest_share: float) -> Strata:
    """Return the strata of every column: its classes, bins of its numbers, and the missing labels.

    Parameters
    ----------
    columns : Columns
    n_bins : int
        Most bins of a column of numbers.
    largest_share : float
        The number of rows over that of the smallest part: a bin of fewer rows could not be in every part.

    Returns
    -------
    Strata
    """
    codes = np.empty((columns.n_samples, len(columns.values)), dtype=np.intp)
    start = 0
    for task, (values, missing) in enumerate(zip(columns.values, columns.missing, strict=True)):
        present = ~missing
        bins = max(1, min(n_bins, int(present.sum() // largest_share)))
        own = _column_codes(values[present], bins)
        n_own = int(own.max(initial=-1)) + 1
        codes[present, task] = start + own
        codes[missing, task] = start + n_own
        start += n_own + int(missing.any())
    return Strata(codes, start)


def _column_codes(labels: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the stratum of each label, counted from 0 without gaps."""
    if not len(labels):
        return np.empty(0, dtype=np.intp)
    if labels.dtype.kind not in "biufmM":
        return object_codes(labels)
    distinct, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    whole = distinct.dtype.kind in "biu" or (
        distinct.dtype.kind == "f" and bool((distinct == np.floor(distinct)).all())
    )
    if whole and len(distinct) <= MOST_CLASSES:
        return place
    # By the middle of a value's ranks: ties stay together, and a value of many rows has a bin of its own.
    middle = np.cumsum(counts) - counts / 2
    bins = np.minimum((middle * n_bins / len(labels)).astype(np.intp), n_bins - 1)
    return np.unique(bins, return_inverse=True)[1][place]


def object_codes(labels: np.ndarray) -> np.ndarray:
    """Return the place of each label among the sorted distinct ones.

    A table is faster than sorting Python's objects.
    """
    listed = labels.tolist()
    # By text where kinds are mixed; sorted at all, so that the order of rows does not number the classes.
    distinct = sorted(set(listed), key=lambda value: (type(value).__name__, str(value)))
    number = {value: place for place, value in enumerate(distinct)}
    return np.fromiter((number[value] for value in listed), dtype=np.intp, count=len(listed))
