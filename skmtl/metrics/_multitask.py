"""Metrics of one target made metrics of several, blind to missing labels."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import Parameter, signature
from numbers import Real
from typing import Any

import numpy as np
from sklearn import metrics

from ..tasks import label_weights, split_columns, unknown_task
from ._cells import Response, names_of, responses_of
from ._probabilities import SUBSTITUTES

AVERAGES: dict[str, Callable[..., Any]] = {"mean": np.mean, "median": np.median}
# scikit-learn's own averages over classes, which are often mixed up with those over tasks.
CLASS_AVERAGES = ("binary", "macro", "micro", "samples", "weighted")
# Metrics of scikit-learn that are NaN for a single label, and warn about it.
NEED_TWO_LABELS = (
    metrics.r2_score,
    metrics.d2_absolute_error_score,
    metrics.d2_pinball_score,
    metrics.d2_tweedie_score,
)


class MultiTaskMetric:
    """A metric of several targets; :func:`multitask` makes one.

    Parameters
    ----------
    metric : callable
        A metric of one target.
    average : {"mean", "median", "none"}, sequence of float or dict, default="mean"
        How the values of the tasks are joined.

    Attributes
    ----------
    metric : callable
    average : str, sequence of float or dict

    Examples
    --------
    >>> from skmtl.metrics import accuracy_score
    >>> accuracy_score
    multitask(accuracy_score)
    >>> accuracy_score([["a", 1], ["b", None]], [["a", 2], ["b", 2]])
    0.5
    """

    def __init__(self, metric: Callable[..., Any], average: Any = "mean") -> None:
        self.metric = metric
        self.average = average
        self.__name__ = name_of(metric)

    def __call__(
        self, y_true: Any, y_pred: Any, *, sample_weight: Any = None, **kwargs: Any
    ) -> float | dict[str, float]:
        """Return the average over tasks, or with `average="none"` the value of each task.

        Parameters
        ----------
        y_true : array-like or DataFrame of shape (n_samples,) or (n_samples, n_tasks)
            Labels; NaN, None or pd.NA where missing.
        y_pred : array-like or DataFrame of the shape of y_true, list of arrays or dict of arrays
            What the metric compares the labels with: predictions, or for metrics of probabilities a list with an array
            `(n_samples, n_classes)` a task, or a dict of such arrays by task name. An array of shape
            `(n_samples, n_tasks)` holds the probabilities of each task's greater class. Columns of a DataFrame are
            matched by name.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            A cell of weight 0 is a missing label.
        **kwargs : dict
            Passed to the metric. A dict by task name gives each task its own value; so does a list of arrays as
            `labels`, as in `labels=classifier.classes_`.

        Returns
        -------
        float or dict
            Tasks without labels are left out.

        Raises
        ------
        ValueError
            If shapes differ, a label has no prediction, the metric refuses a task, or no task is left.

        Warns
        -----
        UserWarning
            If the metric of a task is undefined, such as the ROC AUC of a task whose labels are all of one class: the
            task is left out.
        """
        columns = split_columns(y_true, "y_true")
        names = names_of(columns, y_pred)
        responses = responses_of(y_pred, names, columns.n_samples)
        weights = label_weights(sample_weight, columns, names)
        values, left_out = {}, {}
        for task, name in enumerate(names):
            if not weights[:, task].any():
                continue
            value = value_of_task(
                self.metric,
                name,
                columns.values[task],
                responses[task],
                weights[:, task],
                weighted=sample_weight is not None,
                kwargs=_own(kwargs, name, names),
            )
            if isinstance(value, str):
                left_out[name] = value
            else:
                values[name] = value
        return join(values, left_out, self.average, names, self.__name__)

    def __repr__(self) -> str:
        """Return the call that makes this metric."""
        own = "" if isinstance(self.average, str) and self.average == "mean" else f", average={self.average!r}"
        return f"multitask({self.__name__}{own})"


def multitask(metric: Callable[..., Any], average: Any = "mean") -> MultiTaskMetric:
    """Turn a metric of one target into a metric of several targets that is blind to missing labels.

    Parameters
    ----------
    metric : callable
        A metric of one target, of scikit-learn or your own: `metric(y_true, y_pred, sample_weight=…, **kwargs)`. One
        without `sample_weight` is refused weights other than 0 and 1. In the place of scikit-learn's metrics of
        probabilities come ones that give the same numbers, and know classes that do not occur: see Notes.
    average : {"mean", "median", "none"}, sequence of float or dict, default="mean"
        How the values of the tasks are joined. Numbers, in task order or by task name (unnamed tasks: 1), are the
        weights of a mean; "none" gives a dict by task name.

    Returns
    -------
    MultiTaskMetric
        A function of `(y_true, y_pred, *, sample_weight=None, **kwargs)`. For a y_true of one dimension it equals the
        metric itself. It can be pickled if the metric can.

    Raises
    ------
    ValueError
        If `average` is none of these.

    See Also
    --------
    make_scorer : Make a scorer of any metric.

    Notes
    -----
    Probabilities (log loss, Brier score, D², ROC AUC, average precision): the columns of a task's array are the sorted
    classes given by `labels`, or those that occur. A label that is none of them has probability 0 everywhere. Classes
    that do not occur in the scored rows are left out of means over classes. The ROC AUC of several classes is by
    default the macro mean of one class against the rest; so is their average precision.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import max_error
    >>> from skmtl.metrics import multitask
    >>> y_true = np.array([[1.0, 10.0], [2.0, np.nan], [3.0, 30.0]])
    >>> y_pred = np.array([[1.5, 10.0], [2.0, 20.0], [3.0, 33.0]])
    >>> multitask(max_error)(y_true, y_pred)
    1.75
    >>> multitask(max_error, average="none")(y_true, y_pred)
    {'y0': 0.5, 'y1': 3.0}
    """
    check_average(average)
    return MultiTaskMetric(SUBSTITUTES.get(metric, metric), average)


def check_average(average: Any) -> None:
    """Refuse what is no way to join tasks.

    Raises
    ------
    ValueError
        If it is a number or another word; that it may be meant for classes is said.
    """
    if isinstance(average, str) and average not in (*AVERAGES, "none"):
        hint = (
            f" {average!r} joins classes, not tasks: pass it when the metric is called, as average={average!r}."
            if average in CLASS_AVERAGES
            else ""
        )
        raise ValueError(f"average must be 'mean', 'median', 'none', or weights by task, got {average!r}.{hint}")
    if average is None or isinstance(average, Real):
        raise ValueError(f"average must be 'mean', 'median', 'none', or weights by task, got {average!r}.")


def value_of_task(
    metric: Callable[..., Any],
    name: str,
    truth: np.ndarray,
    response: Response,
    weights: np.ndarray,
    *,
    weighted: bool,
    kwargs: Mapping[str, Any],
) -> float | str:
    """Return the metric of one task over its labels of positive weight, or why it is undefined.

    Raises
    ------
    ValueError
        If some of these labels have no prediction, or the metric refuses them.
    """
    rows = np.flatnonzero(weights > 0)
    truth, predicted = truth[rows], response[0][rows]
    unpredicted = response[1][rows]
    if unpredicted.all():
        return "no prediction"
    if unpredicted.any():
        raise ValueError(
            f"Task {name!r} has labels without a prediction (NaN) in {np.count_nonzero(unpredicted)} of {len(rows)} "
            f"rows, first in row {rows[unpredicted][0]}; mark these labels as missing too."
        )
    if metric in NEED_TWO_LABELS and len(rows) < 2:
        return "a single label"
    if weighted:
        kwargs = {**kwargs, **_weights(metric, name, weights[rows])}
    try:
        value = metric(truth, predicted, **kwargs)
    except ValueError as error:
        raise ValueError(f"Task {name!r}: {error}") from error
    if np.ndim(value):
        raise ValueError(
            f"{name_of(metric)} gives {np.size(value)} values for task {name!r}, and must give one; choose an average "
            "over classes."
        )
    if not np.isnan(value):
        return float(value)
    return f"all labels are {_plain(truth[0])!r}" if (truth == truth[0]).all() else "undefined"


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label


def _weights(metric: Callable[..., Any], name: str, weights: np.ndarray) -> dict[str, np.ndarray]:
    if _accepts_weights(metric):
        return {"sample_weight": weights}
    if (weights != 1).any():
        raise ValueError(
            f"{name_of(metric)} takes no sample_weight: only 0 and 1 are allowed, but a weight of task {name!r} is "
            f"{weights[weights != 1][0]:g}."
        )
    return {}


def _accepts_weights(metric: Callable[..., Any]) -> bool:
    try:
        parameters = signature(metric).parameters
    except ValueError:  # of some built-in functions nothing is known
        return False
    return "sample_weight" in parameters or any(one.kind is Parameter.VAR_KEYWORD for one in parameters.values())


def name_of(metric: Callable[..., Any]) -> str:
    """Return what to call a function."""
    if isinstance(metric, partial):
        keywords = "".join(f", {key}={value!r}" for key, value in metric.keywords.items())
        return f"partial({name_of(metric.func)}{keywords})"
    return str(getattr(metric, "__name__", None) or repr(metric))


def _own(kwargs: Mapping[str, Any], name: str, names: Sequence[str]) -> dict[str, Any]:
    """Return the keywords of one task."""
    own = {}
    for key, value in kwargs.items():
        if isinstance(value, Mapping) and any(one in names for one in value):
            for one in value:
                if one not in names:
                    raise unknown_task(key, one, names)
            if name in value:
                own[key] = value[name]
        elif key == "labels" and isinstance(value, (list, tuple)) and len(value) and all(map(np.ndim, value)):
            if len(value) != len(names):
                raise ValueError(f"labels holds the classes of {len(value)} tasks, but y has {len(names)}.")
            own[key] = value[names.index(name)]
        else:
            own[key] = value
    return own


def join(
    values: Mapping[str, float],
    left_out: Mapping[str, str],
    average: Any,
    names: Sequence[str],
    metric: str,
    known: Sequence[str] | None = None,
) -> float | dict[str, float]:
    """Return the average of the values of the tasks that have one, and warn of those that should.

    Parameters
    ----------
    values, left_out : dict
        By task name: the value, or why there is none. Tasks without labels are in neither.
    average : str, sequence of float or dict
    names : sequence of str
        All tasks that the metric applies to.
    metric : str
        What it is called in messages.
    known : sequence of str, default=None
        All tasks that a dict of weights may name.

    Raises
    ------
    ValueError
        If no task has a value, or weights do not fit.
    """
    why = ", ".join(f"{name!r} ({reason})" for name, reason in left_out.items())
    if not values:
        unlabelled = [name for name in names if name not in left_out]
        parts = [f"without labels: {', '.join(map(repr, unlabelled))}"] if unlabelled else []
        parts += [f"undefined: {why}"] if why else []
        raise ValueError(f"{metric}: no task is left to score; {'; '.join(parts)}.")
    if left_out:
        warnings.warn(f"{metric} leaves out the tasks {why}.", UserWarning, stacklevel=3)
    if isinstance(average, str):
        return dict(values) if average == "none" else float(AVERAGES[average](list(values.values())))
    weights = _task_weights(average, names, known or names)
    own = [weights[name] for name in values]
    if not sum(own) > 0:
        raise ValueError(f"{metric}: the tasks that have labels, {', '.join(map(repr, values))}, all have weight 0.")
    return float(np.average(list(values.values()), weights=own))


def _task_weights(average: Any, names: Sequence[str], known: Sequence[str]) -> dict[str, float]:
    if isinstance(average, Mapping):
        for name in average:
            if name not in known:
                raise unknown_task("average", name, known)
        weights = {name: average.get(name, 1.0) for name in names}
    else:
        given = list(average)
        if len(given) != len(names):
            raise ValueError(
                f"average has {len(given)} weights, but there are {len(names)} tasks: {', '.join(map(repr, names))}."
            )
        weights = dict(zip(names, given, strict=True))
    for name, weight in weights.items():
        if not isinstance(weight, Real) or not 0 <= float(weight) < np.inf:
            raise ValueError(f"average: weights must be finite numbers >= 0; that of task {name!r} is {weight!r}.")
    return {name: float(weight) for name, weight in weights.items()}
