"""The arguments of `fit`, `predict` and `score`, checked and brought into the shapes that the other parts expect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_consistent_length, validate_data

from ..features import check_finite
from ..tasks import Columns, TaskStructure

_ACCEPTED: dict[str, Any] = {
    "accept_sparse": ("csr", "csc"),
    "dtype": [np.float64, np.float32],
    "order": "C",
    "ensure_all_finite": False,  # check_finite below names the column
}


def check_features(estimator: BaseEstimator, X: Any, *, reset: bool) -> Any:
    """Return X as a C-ordered float array or a CSR array, never copied without need.

    Raises
    ------
    ValueError
        If X has the wrong columns, is no table of numbers, or holds NaN or infinity.
    """
    X = validate_data(estimator, X, reset=reset, **_ACCEPTED)
    return _finite(estimator, X)


def _finite(estimator: BaseEstimator, X: Any) -> Any:
    check_finite(X, getattr(estimator, "feature_names_in_", None), type(estimator).__name__)
    if not issparse(X):
        return X
    X = X.tocsr()
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def label_weights(sample_weight: Any, columns: Columns, names: Sequence[str]) -> np.ndarray:
    """Return the weight of each label, `(n_samples, n_tasks)`: 0 where it is missing.

    Raises
    ------
    ValueError
        If `sample_weight` has another shape than `(n_samples,)` or `(n_samples, n_tasks)`, or holds a negative or
        non-finite weight.
    """
    present = ~np.stack(columns.missing, axis=1)
    if sample_weight is None:
        # The usual case of many rows: one number stands for all of them.
        return np.broadcast_to(1.0, present.shape) if present.all() else present.astype(float)
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=float, ensure_all_finite=False, input_name="sample_weight"
    )
    if weights.shape not in ((columns.n_samples,), present.shape):
        raise ValueError(
            f"sample_weight.shape == {weights.shape}, expected {(columns.n_samples,)} or {present.shape} "
            "(n_samples, n_tasks)!"
        )
    if not (np.isfinite(weights) & (weights >= 0)).all():
        place = tuple(int(i) for i in np.argwhere(~(np.isfinite(weights) & (weights >= 0)))[0])
        where = f"row {place[0]}" + (f", task {names[place[1]]!r}" if len(place) == 2 else "")
        raise ValueError(f"sample_weight must be finite and >= 0; in {where} it is {float(weights[place])!r}.")
    if weights.ndim == 1:
        weights = weights[:, None]
    return np.where(present, weights, 0.0)


def check_labelled(weights: np.ndarray, column_weights: np.ndarray, structure: TaskStructure) -> None:
    """Refuse a task that is to be learned and has no label of positive weight.

    Raises
    ------
    ValueError
        If there is such a task; it is named.
    """
    for place in np.flatnonzero(~(weights > 0).any(axis=0) & (column_weights > 0)).tolist():
        column, task = structure.columns[place], structure.names[structure.task_of_column[place]]
        where = f"Task {column!r}" if task == column else f"Column {column!r} of task {task!r}"
        raise ValueError(
            f"{where} has no label of positive weight: all {len(weights)} labels are missing or have sample_weight "
            f"zero. Drop the column, or give its task weight 0: task_weights={{{task!r}: 0}}."
        )


def check_task_order(columns: Columns, names: Sequence[str], parameter: str) -> None:
    """Refuse labels whose columns are the known tasks in another order.

    Raises
    ------
    ValueError
        If they are.
    """
    given = columns.names
    if given is not None and given != list(names) and sorted(given) == sorted(names):
        raise ValueError(f"The columns of {parameter} must be in the order of fit, {list(names)}, but are {given}.")


def check_same_length(**arguments: Any) -> None:
    """Refuse arguments with different numbers of rows, naming the numbers.

    Raises
    ------
    ValueError
        If lengths differ.
    """
    check_consistent_length(*(value for value in arguments.values() if value is not None))
