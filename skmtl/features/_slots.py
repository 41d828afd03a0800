"""What becomes of categories: a slot each, or one for all rare ones; slots are columns of 0 and 1, or embedded."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ._chunks import row_chunks
from ._layout import Layout

# Tables start with what missing and unseen categories become; then comes the vocabulary.
SHIFT = 2
# Categories of more than this share of the rows are never rare, whatever min_frequency says.
RARE_SHARE = 1 / 20
# Embeddings grow with the fourth root of the number of categories, within these bounds.
EMBEDDING_FACTOR, SMALLEST_EMBEDDING, LARGEST_EMBEDDING = 2.0, 4, 32


@dataclass
class OneHot:
    """Columns of few categories, each a block of columns of 0 and 1.

    Attributes
    ----------
    columns : ndarray of int of shape (n_columns,)
        Their places in the matrix.
    offsets : ndarray of int of shape (n_columns,)
        Where the code 0 of each column stands in the tables.
    table : ndarray of int
        For each code, the slot that becomes 1.
    known : ndarray of float
        For each code 1, or 0 where no slot becomes 1: such a code counts as an average category.
    shares : ndarray of shape (n_slots,)
        Weighted share of the rows in each slot, which is subtracted.
    owner : ndarray of int of shape (n_slots,)
        Which of the columns a slot belongs to.
    """

    columns: np.ndarray
    offsets: np.ndarray
    table: np.ndarray
    known: np.ndarray
    shares: np.ndarray
    owner: np.ndarray

    def write(self, block: Tensor, rows: Tensor) -> None:
        """Write the slots of some rows of the matrix into a tensor of shape (n_rows, n_slots)."""
        places = _table_places(rows, self.columns, self.offsets)
        known = torch.from_numpy(self.known).to(block.dtype)[places]
        block[:] = torch.from_numpy(-self.shares).to(block.dtype)
        block.scatter_add_(1, torch.from_numpy(self.table)[places], known)
        if not known.all():
            block.masked_fill_((known == 0).index_select(1, torch.from_numpy(self.owner)), 0)


@dataclass
class Embedded:
    """Columns of many categories, each a row of one table of embeddings.

    Attributes
    ----------
    columns, offsets : ndarray of int of shape (n_columns,)
        As in `OneHot`.
    table : ndarray of int
        For each code, the row of the table of embeddings.
    sizes : list of int
        Rows of that table that belong to each column. The first is for codes that were not there at fit.
    """

    columns: np.ndarray
    offsets: np.ndarray
    table: np.ndarray
    sizes: list[int]

    def places(self, rows: Tensor) -> Tensor:
        """Return the rows of the table of embeddings for some rows of the matrix, `(n_rows, n_columns)`."""
        return torch.from_numpy(self.table)[_table_places(rows, self.columns, self.offsets)]


def _table_places(rows: Tensor, columns: np.ndarray, offsets: np.ndarray) -> Tensor:
    """Return where the codes of some columns stand in their tables, `(n_rows, n_columns)`."""
    codes = rows.index_select(1, torch.from_numpy(columns))
    return codes.nan_to_num_(nan=-float(SHIFT)).long().add_(torch.from_numpy(offsets))


def plan_slots(
    X: np.ndarray,
    rows: np.ndarray | None,
    weights: np.ndarray,
    keys: np.ndarray | None,
    layout: Layout,
    max_one_hot: int,
    min_frequency: int,
) -> tuple[OneHot, Embedded]:
    """Count the categories of each column, and decide how it is coded; one with a single slot says nothing.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
    rows : ndarray of int or None
        The rows that count; None for all.
    weights : ndarray of shape (n_rows,)
    keys : ndarray of uint64 of shape (n_rows,) or None
        Equal where rows are equal: those count once for rarity. None: every row counts.
    layout : Layout
    max_one_hot, min_frequency : int
    """
    counts, sums, n_distinct = _count(X, rows, weights, keys, layout)
    floor = min(min_frequency, max(1, int(RARE_SHARE * n_distinct)))
    one_hot, embedded = _Tables(), _Tables()
    known, shares = [np.empty(0)], [np.empty(0)]
    for column, count, weight in zip(layout.categorical.tolist(), counts, sums, strict=True):
        slots, n_slots = _slots_of(count, floor)
        if n_slots > max(max_one_hot, 1):
            embedded.add(column, slots + 1, n_slots + 1)  # -1, no slot, becomes 0
        elif n_slots > 1:
            taken = slots >= 0
            one_hot.add(column, np.maximum(slots, 0), n_slots)
            known.append(taken.astype(np.float64))
            shares.append(np.bincount(slots[taken], weights=weight[taken], minlength=n_slots) / weights.sum())
    owner = np.repeat(np.arange(len(one_hot.sizes)), one_hot.sizes)
    few = OneHot(*one_hot.arrays(), np.concatenate(known), np.concatenate(shares), owner)
    return few, Embedded(*embedded.arrays(), embedded.sizes)


@dataclass
class _Tables:
    """Tables of several columns, joined."""

    columns: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    tables: list[np.ndarray] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def add(self, column: int, table: np.ndarray, size: int) -> None:
        """Add the table of a column, whose values are below `size`."""
        self.columns.append(column)
        self.offsets.append(sum(map(len, self.tables)) + SHIFT)
        self.tables.append(table + sum(self.sizes))
        self.sizes.append(size)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return columns, offsets, and one table for all."""
        table = np.concatenate([np.empty(0, np.int64), *self.tables])
        return np.array(self.columns, np.int64), np.array(self.offsets, np.int64), table


def _count(
    X: np.ndarray, rows: np.ndarray | None, weights: np.ndarray, keys: np.ndarray | None, layout: Layout
) -> tuple[list[np.ndarray], list[np.ndarray], int]:
    """Return per column the distinct rows and the weight of each code, and how many rows are distinct."""
    sizes = [len(layout.categories[column]) + SHIFT for column in layout.categorical]
    ends = np.cumsum(sizes)
    first = None
    if keys is not None:
        first = np.zeros(len(weights))
        first[np.unique(keys, return_index=True)[1]] = 1
    counts, sums = np.zeros(ends[-1]), np.zeros(ends[-1])
    for place, chunk in row_chunks(X, rows):
        codes = chunk[:, layout.categorical]
        codes = np.where(np.isnan(codes), -float(SHIFT), codes).astype(np.int64) + (ends - sizes + SHIFT)
        repeated = np.repeat(weights[place], len(sizes))
        sums += np.bincount(codes.ravel(), weights=repeated, minlength=len(sums))
        once = None if first is None else np.repeat(first[place], len(sizes))
        counts += np.bincount(codes.ravel(), weights=once, minlength=len(counts))
    n_distinct = len(weights) if first is None else int(first.sum())
    return np.split(counts, ends[:-1]), np.split(sums, ends[:-1]), n_distinct


def _slots_of(counts: np.ndarray, floor: int) -> tuple[np.ndarray, int]:
    """Return the slot of each code, -1 for none, and the number of slots.

    Frequent categories come first, then one slot for all rare ones, then one for missing values. A category of no row
    that counts is as good as unseen.
    """
    slots = np.full(len(counts), -1)
    frequent = SHIFT + np.flatnonzero(counts[SHIFT:] >= floor)
    slots[frequent] = np.arange(len(frequent))
    n_slots = len(frequent)
    if ((counts[SHIFT:] > 0) & (counts[SHIFT:] < floor)).any():
        rest = slots < 0
        rest[0] = False
        slots[rest] = n_slots
        n_slots += 1
    if counts[0] > 0:
        slots[0] = n_slots
        n_slots += 1
    return slots, n_slots


def automatic_size(n_rows: int) -> int:
    """Return the length of embeddings for a column of `n_rows` categories."""
    return int(np.clip(np.rint(EMBEDDING_FACTOR * n_rows**0.25), SMALLEST_EMBEDDING, LARGEST_EMBEDDING))
