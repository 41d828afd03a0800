"""Rows with labels: what is left of the arguments of `fit` once missing labels and repetitions are settled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse

from ..features import Contents
from ..training import content_keys


@dataclass
class Labelled:
    """Rows with at least one label that counts.

    Attributes
    ----------
    X : ndarray or CSR array of shape (n_samples, n_features)
    kept : ndarray of int of shape (n_rows,) or None
        Which rows of X these are; None: all.
    place : slice or ndarray of int of shape (n_rows,)
        Which rows of the arguments of fit these are.
    numbers, weights : ndarray of shape (n_rows, n_tasks)
        Labels as numbers, NaN where hidden, and their weights, 0 where hidden; all tasks, in column order of y.
    contents : Contents or None
        What tells the rows of the arguments of fit apart; None where nobody asks any more, or will, as in chunks of
        `partial_fit`, which hold no row out.
    """

    X: Any
    kept: np.ndarray | None
    place: slice | np.ndarray
    numbers: np.ndarray
    weights: np.ndarray
    contents: Contents | None

    def keys(self, seed: int) -> np.ndarray:
        """Return a key per row, equal where rows of X are equal; none without contents.

        Parameters
        ----------
        seed : int
        """
        if self.contents is None:
            return np.empty(0, np.uint64)
        rows = None if isinstance(self.place, slice) else self.place
        return content_keys(self.contents.matrix, rows, seed, self.contents.layout)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.numbers)


def labelled_places(weights: np.ndarray, column_weights: np.ndarray) -> np.ndarray | None:
    """Return the rows with a label of positive weight among the columns of positive weight; None if all have one."""
    counts = (weights[:, column_weights > 0] > 0).any(axis=1)
    return None if counts.all() else np.flatnonzero(counts)


def labelled_rows(
    X: Any, numbers: np.ndarray, weights: np.ndarray, kept: np.ndarray | None, contents: Contents | None
) -> Labelled:
    """Drop the rows that do not count."""
    if kept is None:
        return Labelled(X, None, slice(None), numbers, weights, contents)
    if issparse(X):
        return Labelled(X[kept], None, kept, numbers[kept], weights[kept], contents)
    return Labelled(X, kept, kept, numbers[kept], weights[kept], contents)


@dataclass
class Validation:
    """Rows given as the holdout of all members (`X_val`, `y_val`).

    Attributes
    ----------
    X : ndarray or CSR array of shape (n_samples, n_features)
    numbers, weights : ndarray of shape (n_samples, n_tasks)
    contents : Contents
        What tells the rows apart.
    """

    X: Any
    numbers: np.ndarray
    weights: np.ndarray
    contents: Contents


@dataclass
class Keys:
    """Hashes of rows.

    Attributes
    ----------
    content, folds : ndarray of uint64 of shape (n_rows,)
        Equal where rows of X are equal; equal where rows share a holdout. Not there for chunks of `partial_fit`.
    """

    content: np.ndarray
    folds: np.ndarray


def merge_repeated(labelled: Labelled, keys: Keys) -> tuple[Labelled, Keys, np.ndarray]:
    """Merge rows that repeat features and labels, and put all in an order that they determine.

    A network trained for hundreds of steps magnifies rounding errors, so that repeated rows would equal integer
    weights, and permuted rows each other, only roughly; in one full batch, this makes them equal to the bit.

    Returns
    -------
    labelled : Labelled
    keys : Keys
    place : ndarray of int of shape (n_rows,)
        Where each row went.
    """
    hidden = labelled.weights <= 0
    cells = np.column_stack([np.where(hidden, 0.0, labelled.numbers), hidden])
    pairs = np.column_stack([keys.content, keys.folds, content_keys(cells, None, 0)])
    _, first, place = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    weights = np.zeros((len(first), labelled.weights.shape[1]))
    np.add.at(weights, place, labelled.weights)
    sources = first if labelled.kept is None else labelled.kept[first]
    rows = Labelled(labelled.X, sources, sources, labelled.numbers[first], weights / weights.max(), None)
    return rows, Keys(keys.content[first], keys.folds[first]), place
