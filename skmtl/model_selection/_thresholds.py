"""From which probability on the second of two classes is predicted, task by task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._spelling import likely_and_known
from ..metrics import TaskColumn, task_columns

# True and false positives, labels of the second and of the first class; all but the labels grow with the positives.
Counts = tuple[np.ndarray, np.ndarray, float, float]


def tune_thresholds(estimator: Any, y: Any, *, metric: Any = "f1", sample_weight: Any = None) -> Any:
    """Give each task of two classes the threshold that is best for a metric, on rows that were held out.

    Nothing is fitted again: the out-of-fold probabilities of the fit decide, and those of all rows that have them.
    `predict` and `score` then follow `estimator.thresholds_`; probabilities stay as they are, and so do `oof_score_`
    and the like, which fit found. Fitting again forgets the thresholds.

    Parameters
    ----------
    estimator : MultiTaskClassifier or MultiTaskEstimator
        A fitted estimator that has `oof_prediction_`; of a pipeline, the last step.
    y : array-like or DataFrame of shape (n_samples,) or (n_samples, n_columns)
        The labels of fit, which the estimator does not keep; missing ones are left out.
    metric : {"f1", "balanced_accuracy", "accuracy", "mcc"} or callable, default="f1"
        What is to be as large as can be; "f1" is that of the second class. A callable gets true and predicted labels,
        `metric(y_true, y_pred)`, once for every distinct probability, and the keyword `sample_weight` if there is one.
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_columns), default=None
        Weight of each row or of each label.

    Returns
    -------
    object
        The estimator, with `thresholds_`: by column of y with classes, the least probability of the second class at
        which it is predicted; midway between two neighbouring out-of-fold probabilities. Of thresholds that are equally
        good, it is the one nearest to 0.5. Tasks of more classes, or labels of one class only, have 0.5.

    Raises
    ------
    ValueError
        If the estimator has no out-of-fold probabilities, y does not belong to them, or the metric is unknown or
        returns no number.

    See Also
    --------
    sklearn.model_selection.TunedThresholdClassifierCV : The same for one target, with fits of its own.

    Notes
    -----
    A held-out row is predicted by one member, and new rows by the average of all. Where both are calibrated, as they
    are by default, a threshold means the same to them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import f1_score
    >>> from skmtl import MultiTaskClassifier
    >>> from skmtl.datasets import make_multitask_classification
    >>> from skmtl.model_selection import tune_thresholds
    >>> X, y = make_multitask_classification(400, n_tasks=2, n_classes=4, noise=1.0, random_state=0)
    >>> rare = y == 3  # a quarter of the rows
    >>> model = MultiTaskClassifier((16,), max_iter=20, random_state=0).fit(X[:200], rare[:200])
    >>> before = f1_score(rare[200:], model.predict(X[200:]), average="macro")
    >>> model = tune_thresholds(model, rare[:200])
    >>> all(threshold < 0.5 for threshold in model.thresholds_.values())
    True
    >>> bool(f1_score(rare[200:], model.predict(X[200:]), average="macro") > before)
    True
    """
    if not callable(metric) and metric not in METRICS:
        hint = likely_and_known(metric, METRICS, "metrics")
        raise ValueError(f"metric must be a callable or one of {', '.join(map(repr, METRICS))}, got {metric!r}.{hint}")
    if not hasattr(estimator, "oof_prediction_"):
        raise ValueError(
            f"{type(estimator).__name__} has no oof_prediction_ to choose thresholds by: fit it first, with early "
            "stopping and without X_val."
        )
    columns = task_columns(
        estimator,
        None,
        y,
        sample_weight=sample_weight,
        methods=("predict_proba",),
        call=lambda _: estimator.oof_prediction_,
    )
    known = {name for names in estimator.task_columns_.values() for name in names}
    classed = [(place, column) for place, column in enumerate(columns) if column.is_classification]
    if not classed:
        raise ValueError(f"None of the tasks {', '.join(map(repr, estimator.task_names_))} has classes.")
    estimator.thresholds_ = {
        # An estimator that was fitted to an array calls columns by their place.
        column.name if column.name in known else f"y{place}": _best(column, metric, sample_weight is not None)
        for place, column in classed
    }
    return estimator


def _best(column: TaskColumn, metric: str | Callable[..., float], weighted: bool) -> float:
    """Return the best threshold of a column."""
    classes, table = column.classes, column.probabilities
    if classes is None or table is None or table.shape[1] != 2 or len(classes) != 2:
        return 0.5
    rows = column.rows[~np.isnan(table[column.rows, 1])]
    second, weights, probabilities = column.truth[rows] == classes[1], column.weights[rows], table[rows, 1]
    if second.all() or not second.any():
        return 0.5
    thresholds = _candidates(probabilities)
    if callable(metric):
        keyword = {"sample_weight": weights} if weighted else {}
        predicted = (classes[(probabilities >= threshold).astype(np.intp)] for threshold in thresholds)
        scores = np.array([metric(column.truth[rows], labels, **keyword) for labels in predicted], dtype=float)
        if np.isnan(scores).any():
            raise ValueError(f"metric={metric!r} is NaN for task {column.task!r}; it must return a number.")
    else:
        scores = METRICS[metric](*_counts(second, weights, probabilities, thresholds))
    # Sums of weights round; scores that differ by no more are equal.
    best = thresholds[scores >= scores.max() - 1e-12 * max(1.0, abs(scores.max()))]
    return float(best[np.argmin(np.abs(best - 0.5))])


def _candidates(probabilities: np.ndarray) -> np.ndarray:
    """Return one threshold for every way to cut the rows in two, in increasing order.

    Below all of them, between neighbours, above all of them; above a probability of 1 there is no other number midway.
    """
    levels = np.unique(probabilities)
    lower, upper = np.concatenate([[0.0], levels]), np.concatenate([levels, [np.nextafter(1, 2)]])
    middle = (lower + upper) / 2
    # Between neighbouring floats there is none: the upper one parts them too.
    middle[1:] = np.where(middle[1:] > lower[1:], middle[1:], upper[1:])
    return middle


def _counts(second: np.ndarray, weights: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray) -> Counts:
    """Return true and false positives at every threshold, and the labels of the second and the first class."""
    order = np.argsort(probabilities)
    first_positive = np.searchsorted(probabilities[order], thresholds)
    sums = [np.concatenate([[0.0], np.cumsum(np.where(chosen, weights, 0)[order])]) for chosen in (second, ~second)]
    true, false = (total[-1] - total[first_positive] for total in sums)
    return true, false, float(sums[0][-1]), float(sums[1][-1])


def _f1(true: np.ndarray, false: np.ndarray, n_second: float, n_first: float) -> np.ndarray:
    del n_first
    scores: np.ndarray = 2 * true / (true + false + n_second)
    return scores


def _accuracy(true: np.ndarray, false: np.ndarray, n_second: float, n_first: float) -> np.ndarray:
    scores: np.ndarray = (true + n_first - false) / (n_first + n_second)
    return scores


def _balanced_accuracy(true: np.ndarray, false: np.ndarray, n_second: float, n_first: float) -> np.ndarray:
    scores: np.ndarray = (true / n_second + 1 - false / n_first) / 2
    return scores


def _mcc(true: np.ndarray, false: np.ndarray, n_second: float, n_first: float) -> np.ndarray:
    positives, negatives = true + false, n_second + n_first - true - false
    # TP · TN − FP · FN, and 0 where all rows are given one class.
    covariance = true * n_first - false * n_second
    both = (positives > 0) & (negatives > 0)
    scale = np.sqrt(np.where(both, positives * negatives, 1) * n_second * n_first)
    return np.where(both, covariance / scale, 0.0)


METRICS: dict[str, Callable[..., np.ndarray]] = {
    "f1": _f1,
    "balanced_accuracy": _balanced_accuracy,
    "accuracy": _accuracy,
    "mcc": _mcc,
}
