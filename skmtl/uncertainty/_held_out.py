"""What a fitted model keeps of its held-out rows: bounded, and the same whatever the order of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ._joint import joint_scores
from ._residuals import Residuals

# Rows that are kept for a task. That many miss the coverage by half a percent (one standard deviation at 0.9).
MOST_ROWS = 4096


@dataclass(frozen=True)
class HeldOut:
    """Residuals of each task, and of all tasks together.

    Attributes
    ----------
    columns : dict of Residuals
        By the place of a column of y.
    together : Residuals
        Of rows with a label in all these columns, their outputs side by side.
    averaged : bool
        Whether the rows were held out by all members together, so that their average is what was measured.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.uncertainty import hold_out
    >>> labels = np.array([[1.0, 5.0], [2.0, np.nan]])
    >>> predicted = {0: np.array([1.5, 1.5]), 1: np.array([4.0, 4.0])}
    >>> keys, member = np.array([7, 3], dtype=np.uint64), np.array([0, 1])
    >>> kept = hold_out(labels, 1.0 * ~np.isnan(labels), predicted, keys, member, averaged=False)
    >>> kept.columns[0].values.ravel(), len(kept.columns[1]), len(kept.together)
    (array([ 0.5, -0.5]), 1, 1)
    """

    columns: dict[int, Residuals]
    together: Residuals
    averaged: bool

    def joint(self, bands: Mapping[int, tuple[int, int]]) -> dict[int, np.ndarray]:
        """Return the scores of the rows in `together` that cover all columns at once, `(n_rows,)` each.

        Parameters
        ----------
        bands : dict of tuple of int
            Places of the lower and the upper output of each column.
        """
        first, scores = 0, []
        for column, residuals in self.columns.items():
            low, high = bands[column]
            scores.append(self.together.scores(first + low, first + high))
            first += residuals.values.shape[1]
        scaled = joint_scores(np.stack(scores, 1), self.together.member, self.together.weights)
        return dict(zip(self.columns, scaled.T, strict=True))


def hold_out(
    labels: np.ndarray,
    weights: np.ndarray,
    predicted: Mapping[int, np.ndarray],
    keys: np.ndarray,
    member: np.ndarray,
    *,
    averaged: bool,
) -> HeldOut:
    """Measure what predictions miss of held-out rows.

    Rows of equal key are one row whose weights are summed: repeated rows equal integer weights, and say no more about
    rare errors than one of them. Of more than `MOST_ROWS` rows, those with the smallest keys are kept.

    Parameters
    ----------
    labels, weights : ndarray of shape (n_rows, n_columns)
        Labels in the units of y, and their weights, 0 where missing.
    predicted : dict of ndarray of shape (n_rows,) or (n_rows, n_outputs)
        By column, in the units of y; NaN for rows that nobody held out.
    keys : ndarray of uint64 of shape (n_rows,)
        Hashes, equal where features and labels are.
    member : ndarray of int of shape (n_rows,)
        Who held the row out.
    averaged : bool
        See `HeldOut`.

    Returns
    -------
    HeldOut
    """
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    outputs = {column: values[:, None] if values.ndim == 1 else values for column, values in predicted.items()}

    def kept(counts: np.ndarray, weight: np.ndarray, of: Sequence[int]) -> Residuals:
        """Return the first rows that count, in the order of their keys."""
        rows = np.flatnonzero(counts)[:MOST_ROWS]
        own = first[rows]
        tables = [labels[own, column, None] - outputs[column][own] for column in of]
        return Residuals(np.hstack(tables), member[own].astype(np.int16), weight[rows])

    columns = {}
    # A row's weight for all tasks at once is the mean of those of its labels.
    everywhere, mean = np.ones(len(first), dtype=bool), np.zeros(len(first))
    for column, table in outputs.items():
        weight = np.bincount(place, weights[:, column])
        counts = ~np.isnan(table[first]).any(axis=1) & (weight > 0)
        columns[column] = kept(counts, weight, [column])
        everywhere &= counts
        mean += weight / len(outputs)
    return HeldOut(columns, kept(everywhere, mean, list(outputs)), averaged)
