"""Soft targets as weighted rows: what a row is to be, each possibility a copy of its own."""

from __future__ import annotations

import numpy as np

from ..tasks import Columns
from ._teachers import SoftColumn

# Classes that are less probable than this are left out, and the others' probabilities scaled up: each class of a row is
# a row of its own for the student.
SMALLEST_SHARE = 1e-2


def options_of(column: SoftColumn, labels: Columns | None, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return what a column is to be for each row, and how much of each, both `(n, J)`, the weightiest first.

    Parameters
    ----------
    column : SoftColumn
    labels : Columns of one column or None
    share : float
        What labels count for.
    """
    if column.classes is not None:
        weights = (1 - share) * _kept(column.values)
        if labels is not None:
            weights = weights + share * _onehot(column, labels)
        values = np.broadcast_to(column.classes, weights.shape)
    elif labels is None:
        values, weights = column.values[:, None], np.full((len(column.values), 1), 1 - share)
    else:
        there = ~labels.missing[0]
        true = np.where(there, np.where(there, labels.values[0], 0).astype(float), column.values)
        values = np.stack([column.values, true], 1)
        weights = np.stack([np.full(len(true), 1 - share), share * there], 1)
    order = np.argsort(-weights, axis=1, kind="stable")
    return np.take_along_axis(values, order, 1), np.take_along_axis(weights, order, 1)


def _kept(probabilities: np.ndarray) -> np.ndarray:
    """Return probabilities without small ones; a row keeps its most probable class, and a class its surest row."""
    kept = probabilities >= SMALLEST_SHARE
    kept[np.arange(len(kept)), probabilities.argmax(1)] = True
    kept[probabilities.argmax(0), np.arange(probabilities.shape[1])] = True
    rest = np.where(kept, probabilities, 0.0)
    result: np.ndarray = rest / rest.sum(1, keepdims=True)
    return result


def _onehot(column: SoftColumn, labels: Columns) -> np.ndarray:
    """Return 1 where a row's label is a class, `(n, K)`; rows of 0 where it is missing."""
    assert column.classes is not None
    codes = {value: code for code, value in enumerate(column.classes.tolist())}
    result = np.zeros((labels.n_samples, len(codes)))
    for row, (value, missing) in enumerate(zip(labels.values[0].tolist(), labels.missing[0], strict=True)):
        if missing:
            continue
        if value not in codes:
            raise ValueError(
                f"y holds the label {value!r} of task {column.name!r}, which is none of its teacher's classes "
                f"{column.classes.tolist()}."
            )
        result[row, codes[value]] = 1
    return result


def unfolded(
    options: list[tuple[np.ndarray, np.ndarray]], weights: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Return rows, repeated, with a target for each column and the weights of these cells, `(N, n_columns)`.

    Copy j of a row has the j-th weightiest target of each column.
    """
    most = max(values.shape[1] for values, _ in options)
    rows, cells = [], []
    targets: list[list[np.ndarray]] = [[] for _ in options]
    for copy in range(most):
        shares = np.stack(
            [own[:, copy] if copy < own.shape[1] else np.zeros(len(own)) for _, own in options], 1
        )  # (n, n_columns)
        cell = shares * weights
        there = np.flatnonzero((cell > 0).any(1))
        rows.append(there)
        cells.append(cell[there])
        for own, (values, _) in zip(targets, options, strict=True):
            own.append(values[there, min(copy, values.shape[1] - 1)])
    return np.concatenate(rows), [np.concatenate(own) for own in targets], np.concatenate(cells)
