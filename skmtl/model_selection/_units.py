"""What is dealt: rows with equal labels count as copies of one unit, a group is a unit of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from ._strata import Strata


@dataclass(frozen=True)
class Units:
    """Things to deal into parts, and the strata of their rows.

    Attributes
    ----------
    counts : CSR array of shape (n_units, n_strata)
        How many rows of each stratum one copy of a unit has.
    copies : ndarray of int of shape (n_units,)
    of_row : ndarray of int of shape (n_samples,)
        The unit of each row.
    """

    counts: csr_array
    copies: np.ndarray
    of_row: np.ndarray


def equal_rows(strata: Strata) -> Units:
    """Return a unit for each combination of strata that occurs, in the order of first rows."""
    codes = strata.codes
    n_samples, n_tasks = codes.shape
    # One number a row instead of a sort of whole rows; 64 random bits a stratum do not collide in practice.
    keys = np.random.default_rng(0).integers(2**64, size=strata.n_strata, dtype=np.uint64)
    hashes = np.zeros(n_samples, dtype=np.uint64)
    for task in range(n_tasks):
        hashes += keys[codes[:, task]]
    _, first, place, copies = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    units = codes[first[order]]
    counts = csr_array(
        (np.ones(units.size), units.ravel(), np.arange(0, units.size + 1, n_tasks)), shape=(len(units), strata.n_strata)
    )
    return Units(counts, copies[order], rank[place])


def whole_groups(strata: Strata, groups: np.ndarray) -> Units:
    """Return a unit for each group, of which every row has the number.

    There is one stratum more, the last, that all rows are in: it keeps the sizes of parts equal.
    """
    n_samples, n_tasks = strata.codes.shape
    n_groups = int(groups.max()) + 1
    codes = np.column_stack([strata.codes, np.full(n_samples, strata.n_strata)])
    counts = csr_array(
        (np.ones(codes.size), (np.repeat(groups, n_tasks + 1), codes.ravel())), shape=(n_groups, strata.n_strata + 1)
    )
    counts.sum_duplicates()
    return Units(counts, np.ones(n_groups, dtype=np.intp), groups)
