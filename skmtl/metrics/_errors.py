"""Metrics that scikit-learn has not: relative error, and rows that are right as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from ..tasks import label_weights, split_columns
from ._cells import Response, names_of, responses_of


def relative_rmse(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Return the RMSE of one target over that of the mean of its labels: `sqrt(1 - R²)`.

    As with R², constant labels count as 0 if all are met, else as 1; of a single label it is NaN.
    """
    truth, predicted = (column_or_1d(part).astype(float) for part in (y_true, y_pred))
    check_consistent_length(truth, predicted)
    if not np.isfinite(truth).all() or not np.isfinite(predicted).all():
        raise ValueError("y_true or y_pred contains NaN or infinity.")
    if len(truth) < 2:
        return np.nan
    mean = np.average(truth, weights=sample_weight)
    error = np.average((truth - predicted) ** 2, weights=sample_weight)
    spread = np.average((truth - mean) ** 2, weights=sample_weight)
    if spread == 0:
        return float(error > 0)
    return float(np.sqrt(error / spread))


def subset_accuracy_score(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Return the share of rows all of whose present labels are right.

    Parameters
    ----------
    y_true : array-like or DataFrame of shape (n_samples,) or (n_samples, n_tasks)
        Labels; NaN, None or pd.NA where missing. Rows without any label are left out.
    y_pred : array-like or DataFrame of the shape of y_true
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
        A cell of weight 0 is a missing label. A row weighs the mean of its present cells.

    Returns
    -------
    float
        Between 0 and 1; larger is better. For 1-D y_true, the accuracy.

    Raises
    ------
    ValueError
        If shapes differ, a label has no prediction, or there is no label.

    See Also
    --------
    hamming_loss : The share of wrong labels.

    Examples
    --------
    >>> from skmtl.metrics import subset_accuracy_score
    >>> subset_accuracy_score([[1, "a"], [1, None], [0, "b"]], [[1, "a"], [1, "a"], [0, "a"]])
    0.6666666666666666
    """
    columns = split_columns(y_true, "y_true")
    names = names_of(columns, y_pred)
    responses = responses_of(y_pred, names, columns.n_samples)
    return rows_right(columns.values, responses, label_weights(sample_weight, columns, names), names)


def rows_right(
    truth: Sequence[np.ndarray], responses: Sequence[Response], weights: np.ndarray, names: Sequence[str]
) -> float:
    """Return the share of rows all of whose labels of positive weight are right."""
    wrong = np.zeros(len(weights), dtype=bool)
    present = weights > 0
    for task, (labels, (predicted, unpredicted)) in enumerate(zip(truth, responses, strict=True)):
        if (unpredicted & present[:, task]).any():
            raise ValueError(
                f"Task {names[task]!r} has labels without a prediction (NaN), first in row "
                f"{np.flatnonzero(unpredicted & present[:, task])[0]}; mark these labels as missing too."
            )
        wrong |= present[:, task] & (np.asarray(labels, dtype=object) != np.asarray(predicted, dtype=object))
    rows = present.any(axis=1)
    if not rows.any():
        raise ValueError(f"No task is left to score; without labels: {', '.join(map(repr, names))}.")
    return float(np.average(~wrong[rows], weights=weights[rows].sum(axis=1) / present[rows].sum(axis=1)))
