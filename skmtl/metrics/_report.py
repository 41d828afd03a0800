"""The table of all tasks of a fitted estimator: how well each is predicted, and a constant beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._named import METRICS
from ._rendering import as_html, as_text
from ._scorer import value_of_column
from ._tasks import TaskColumn, task_columns

if TYPE_CHECKING:
    import pandas as pd

# Metrics by the kind of task, the main one first.
REGRESSION = {
    "r2": METRICS["r2"],
    "rmse": METRICS["neg_root_mean_squared_error"],
    "mae": METRICS["neg_mean_absolute_error"],
}
CLASSIFICATION = {
    "accuracy": METRICS["accuracy"],
    "balanced_accuracy": METRICS["balanced_accuracy"],
    "roc_auc": METRICS["roc_auc_ovr"],
    "log_loss": METRICS["neg_log_loss"],
}
_MEANS = ("score", "baseline", "lift")


class TaskReport:
    """How well each task is predicted; :func:`task_report` makes one.

    It prints as a table of fewer than 100 columns, and shows as one in a notebook.

    Parameters
    ----------
    rows : list of dict
        A row a task.

    Attributes
    ----------
    rows : list of dict
        By task: `task`, `type`, `n_columns`, `n_classes` (None for numbers and multilabel groups), `n_labels`,
        `n_cells`, `missing` (share of the cells), `score`, `baseline`, `lift`, and the metrics `r2`, `rmse`, `mae` or
        `accuracy`, `balanced_accuracy`, `roc_auc`, `log_loss`. What is undefined is NaN.
    total : dict
        Labels, cells and missing share of all tasks, and means over tasks of score, baseline and lift.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn.linear_model import Ridge
    >>> from skmtl.metrics import task_report
    >>> X, y = load_linnerud(return_X_y=True)
    >>> report = task_report(Ridge().fit(X, y), X, y)
    >>> report.rows[0]["type"], report.total["n_labels"]
    ('regression', 60)
    """

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        n_labels, n_cells = (sum(row[key] for row in rows) for key in ("n_labels", "n_cells"))
        scored = [row for row in rows if not np.isnan(row["score"])]
        self.total: dict[str, Any] = {
            "n_labels": n_labels,
            "n_cells": n_cells,
            "missing": 1 - n_labels / n_cells,
            **{key: float(np.mean([row[key] for row in scored])) if scored else np.nan for key in _MEANS},
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a data frame: a row a task, and a row "total".

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "A report as a data frame needs pandas; without it, its attribute `rows` holds the same numbers."
            ) from error
        return pd.DataFrame([*self.rows, {"task": "total", **self.total}]).set_index("task")

    def __repr__(self) -> str:
        """Return the table as text."""
        return as_text(self.rows, self.total)

    def _repr_html_(self) -> str:
        return as_html(self.rows, self.total)


def task_report(
    estimator: Any, X: Any, y: Any, *, sample_weight: Any = None, as_frame: bool = False
) -> TaskReport | pd.DataFrame:
    """Report how well a fitted estimator predicts each task.

    Parameters
    ----------
    estimator : object
        A fitted estimator: of this package, of scikit-learn, or one wrapped in a pipeline or a search.
    X : array-like of shape (n_samples, n_features)
    y : array-like or DataFrame of shape (n_samples,) or (n_samples, n_columns)
        Labels; NaN, None or pd.NA where missing.
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_columns), default=None
        A cell of weight 0 is a missing label.
    as_frame : bool, default=False
        Whether to return a pandas DataFrame.

    Returns
    -------
    TaskReport or DataFrame
        A row a task, and their total.

    Raises
    ------
    ImportError
        If a DataFrame is asked for, and pandas is not installed.
    ValueError
        If there is no label, or y does not fit the estimator.

    See Also
    --------
    get_scorer : One number for all tasks.

    Notes
    -----
    The score of a row is R² for regression and count tasks, the accuracy for all others; a multilabel group has the
    means over its columns. The baseline is the same score of the best constant prediction: the mean of the scored
    labels, or their most frequent class. The lift is the difference of the two. The total holds means over tasks, as
    the `score` of the estimators of this package does. The ROC AUC of several classes is the macro mean of one class
    against the rest.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn.linear_model import Ridge
    >>> from skmtl.metrics import task_report
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> task_report(Ridge().fit(X, y), X, y)
    task   type       labels missing     R² baseline    lift  RMSE   MAE
    Weight regression     20   0.0 % 0.2679   0.0000 +0.2679 20.59 15.25
    Waist  regression     20   0.0 % 0.5478   0.0000 +0.5478 2.099 1.541
    Pulse  regression     20   0.0 % 0.0749   0.0000 +0.0749  6.76 5.582
    <BLANKLINE>
    total  3 tasks        60   0.0 % 0.2969   0.0000 +0.2969
    """
    methods = ["predict"]
    if hasattr(estimator, "predict_proba"):
        methods.append("predict_proba")
    columns = task_columns(estimator, X, y, sample_weight=sample_weight, methods=methods)
    if not any(len(column.rows) for column in columns):
        told = ", ".join(repr(column.name) for column in columns)
        raise ValueError(f"task_report: no label to score; all are missing or of weight 0. Columns of y: {told}.")
    names = list(dict.fromkeys(column.task for column in columns))
    weighted = sample_weight is not None
    report = TaskReport([_row([column for column in columns if column.task == name], weighted) for name in names])
    return report.to_frame() if as_frame else report


def _row(columns: Sequence[TaskColumn], weighted: bool) -> dict[str, Any]:
    first = columns[0]
    n_labels = sum(len(column.rows) for column in columns)
    n_cells = sum(len(column.truth) for column in columns)
    row: dict[str, Any] = {
        "task": first.task,
        "type": first.type,
        "n_columns": len(columns),
        "n_classes": len(first.classes) if first.classes is not None and first.type != "multilabel" else None,
        "n_labels": n_labels,
        "n_cells": n_cells,
        "missing": 1 - n_labels / n_cells,
    }
    of_kind = CLASSIFICATION if first.is_classification else REGRESSION
    values = {name: _mean(columns, name, weighted) for name in of_kind}
    score = values[next(iter(of_kind))]
    baselines = [_baseline(column) for column in columns if len(column.rows)]
    baseline = float(np.mean(baselines)) if baselines else np.nan
    return {**row, "score": score, "baseline": baseline, "lift": score - baseline, **values}


def _mean(columns: Sequence[TaskColumn], name: str, weighted: bool) -> float:
    """Return a metric's mean over the columns of a task in which it is defined."""
    values = [_value(column, name, weighted) for column in columns if len(column.rows)]
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else np.nan


def _value(column: TaskColumn, name: str, weighted: bool) -> float:
    metric = (CLASSIFICATION if column.is_classification else REGRESSION)[name]
    kwargs: dict[str, Any] = {}
    if name == "balanced_accuracy":  # as mean recall it does not warn of predicted classes that do not occur
        metric = METRICS["recall_macro"]
        kwargs = {**metric.kwargs, "labels": np.unique(column.truth[column.rows]), "zero_division": 0}
    value = value_of_column(metric, column, str(metric.response), weighted, kwargs)
    return np.nan if isinstance(value, str) else value


def _baseline(column: TaskColumn) -> float:
    """Return the main score of the best constant prediction."""
    labels, weights = column.truth[column.rows], column.weights[column.rows]
    if column.is_classification:
        _, codes = np.unique(labels, return_inverse=True)
        return float(np.bincount(codes, weights=weights).max() / weights.sum())
    # The mean explains nothing, unless there is nothing to explain; of one label R² is undefined.
    if len(labels) < 2:
        return np.nan
    return float((labels == labels[0]).all())
