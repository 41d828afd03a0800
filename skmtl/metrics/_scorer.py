"""The scorer: a callable for `scoring=` that knows task types and missing labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from sklearn.metrics._scorer import _BaseScorer
from sklearn.utils.validation import _check_response_method

from ..tasks import unknown_task
from ._errors import rows_right
from ._multitask import join, multitask, value_of_task
from ._named import KINDS, METRICS, Metric
from ._tasks import TaskColumn, task_columns


class Scorer(_BaseScorer):
    """A scorer of several tasks; :func:`get_scorer` and :func:`make_scorer` make one.

    `scorer(estimator, X, y, sample_weight=None)` returns the average of the metric over the tasks that it is for;
    greater is better.

    Parameters
    ----------
    metric : Metric
        What to compute.
    tasks : list of str or None, default=None
        Tasks that count; None: all that the metric is for.
    average : {"mean", "median"}, sequence of float or dict, default="mean"
        How tasks are joined.

    Attributes
    ----------
    metric : Metric
    tasks : list of str or None
    average : str, sequence of float or dict

    See Also
    --------
    task_scorers : A scorer for each task.

    Examples
    --------
    >>> from skmtl.metrics import METRICS, Scorer
    >>> Scorer(METRICS["roc_auc"], tasks=["churn"])
    get_scorer('roc_auc', tasks=['churn'])
    """

    def __init__(self, metric: Metric, tasks: list[str] | None = None, average: Any = "mean") -> None:
        self.metric = metric
        self.tasks = tasks
        self.average = average
        sign = 1 if metric.greater_is_better else -1
        super().__init__(multitask(metric.function, average), sign, dict(metric.kwargs), metric.response)

    def __call__(self, estimator: Any, X: Any, y_true: Any, sample_weight: Any = None, **kwargs: Any) -> float:
        """Return the score of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted estimator.
        X : array-like of shape (n_samples, n_features)
        y_true : array-like or DataFrame of shape (n_samples,) or (n_samples, n_columns)
            Labels; NaN, None or pd.NA where missing.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_columns), default=None
            A cell of weight 0 is a missing label.
        **kwargs : dict
            Further keywords of the metric.

        Returns
        -------
        float
            The average over tasks; negative if a small metric is good.

        Raises
        ------
        ValueError
            If a task of `tasks` does not exist or is not for this metric, or no task is left to score.

        Warns
        -----
        UserWarning
            If tasks are left out because the metric is undefined for them.
        """
        return self._score(None, estimator, X, y_true, sample_weight=sample_weight, **kwargs)

    def _score(
        self, method_caller: Any, estimator: Any, X: Any, y_true: Any, sample_weight: Any = None, **kwargs: Any
    ) -> float:
        self._warn_overlap("Keywords of this scorer are passed anew as metadata.", kwargs)
        caller = _Caller(method_caller, estimator, X)
        method = _method(estimator, self.metric)
        columns = task_columns(estimator, X, y_true, sample_weight=sample_weight, methods=[method], call=caller)
        chosen, several = self._chosen(columns)
        if self.metric.whole_rows:
            return self._sign * self._of_rows(chosen, method)
        values: dict[str, list[float]] = {}
        left_out = dict(several)
        for column in chosen:
            if column.task in several or not column.weights.any():
                continue
            value = value_of_column(self.metric, column, method, sample_weight is not None, {**self._kwargs, **kwargs})
            if isinstance(value, str):
                reason = value if column.name == column.task else f"column {column.name!r}: {value}"
                left_out[column.task] = "; ".join(filter(None, [left_out.get(column.task), reason]))
            else:
                values.setdefault(column.task, []).append(value)
        joined = join(
            {task: float(np.mean(of_columns)) for task, of_columns in values.items()},
            left_out,
            self.average,
            list(dict.fromkeys(column.task for column in chosen)),
            self.metric.name,
            known=list(dict.fromkeys(column.task for column in columns)),
        )
        return self._sign * cast(float, joined)  # only average="none" gives a dict

    def _of_rows(self, columns: Sequence[TaskColumn], method: str) -> float:
        weights = np.stack([column.weights for column in columns], axis=1)
        responses = [column.response(method) for column in columns]
        names = [column.name for column in columns]
        return rows_right([column.truth for column in columns], responses, weights, names)

    def _chosen(self, columns: Sequence[TaskColumn]) -> tuple[list[TaskColumn], dict[str, str]]:
        """Return the columns that count, and tasks among them that the metric cannot take."""
        types = {column.task: column.type for column in columns}
        for task in self.tasks or ():
            if task not in types:
                raise unknown_task(f"{self.metric.name}: tasks", task, types)
            if types[task] not in KINDS[self.metric.kind]:
                raise ValueError(
                    f"{self.metric.name} is a metric of {self.metric.kind}, but task {task!r} is of type "
                    f"{types[task]!r}."
                )
        suited = [column for column in columns if column.type in KINDS[self.metric.kind]]
        if not suited:
            told = ", ".join(f"{task!r} ({of_task})" for task, of_task in types.items())
            raise ValueError(f"{self.metric.name} is a metric of {self.metric.kind}, but the tasks are {told}.")
        chosen = [column for column in suited if self.tasks is None or column.task in self.tasks]
        if self.metric.several_classes:
            return chosen, {}
        several = {
            column.task: f"{len(column.classes)} classes"
            for column in chosen
            if column.classes is not None and len(column.classes) > 2
        }
        for task in self.tasks or ():
            if task in several:
                raise ValueError(
                    f"{self.metric.name} is for two classes, but task {task!r} has {several[task]}; use "
                    f"{self.metric.name + '_macro'!r} or another average over classes."
                )
        return chosen, several

    def _get_pos_label(self) -> Any:
        return None

    def __repr__(self) -> str:
        """Return the call that makes this scorer."""
        own = [] if self.tasks is None else [f"tasks={self.tasks!r}"]
        if not (isinstance(self.average, str) and self.average == "mean"):
            own.append(f"average={self.average!r}")
        if METRICS.get(self.metric.name) == self.metric:
            return f"get_scorer({', '.join([repr(self.metric.name), *own])})"
        sign = [] if self.metric.greater_is_better else ["greater_is_better=False"]
        keywords = [f"{key}={value!r}" for key, value in self.metric.kwargs.items()]
        parts = [self.metric.name, *sign, f"response_method={self.metric.response!r}", *own, *keywords]
        return f"make_scorer({', '.join(parts)})"


class _Caller:
    """Calls the methods of an estimator, each once if scikit-learn keeps a cache for all scorers of an evaluation."""

    def __init__(self, method_caller: Any, estimator: Any, X: Any) -> None:
        # scikit-learn's own caller would ask for the type of `classes_`, which may be a list or a dict here.
        cache = next(iter(getattr(method_caller, "args", ())), None)
        self.cache: dict[Any, Any] = cache if isinstance(cache, dict) else {}
        self.estimator = estimator
        self.X = X

    def __call__(self, method: str) -> Any:
        key = ("skmtl", method)
        if key not in self.cache:
            self.cache[key] = _check_response_method(self.estimator, method)(self.X)
        return self.cache[key]


def _method(estimator: Any, metric: Metric) -> str:
    """Return the method whose response the metric reads."""
    if isinstance(metric.response, str):
        return metric.response
    # Distances of several tasks come in too many shapes to be the first choice; of one task, they are scikit-learn's.
    of_one_task = isinstance(getattr(estimator, "classes_", None), np.ndarray)
    options = sorted(metric.response, key=lambda name: name == "decision_function" and not of_one_task)
    return next((name for name in options if hasattr(estimator, name)), options[0])


def value_of_column(
    metric: Metric, column: TaskColumn, method: str, weighted: bool, kwargs: Mapping[str, Any]
) -> float | str:
    """Return the metric of one column over its labels of positive weight, or why it is undefined."""
    truth, response, kwargs = column.truth, column.response(method), dict(kwargs)
    if metric.takes_classes:
        kwargs.setdefault("labels", column.classes)
        # A column of a group, all of whose labels are alike: nobody knows what the other one would be.
        if method != "predict" and len(kwargs["labels"]) == 1 == response[0].ndim:
            return f"all labels are {kwargs['labels'][0]!r}"
    if not metric.several_classes and method == "predict":
        positive = _positive(column, kwargs.pop("pos_label", None))
        truth = (truth == positive).astype(int)
        response = ((response[0] == positive).astype(int), response[1])
    return value_of_task(
        metric.function, column.name, truth, response, column.weights, weighted=weighted, kwargs=kwargs
    )


def _positive(column: TaskColumn, given: Any) -> Any:
    classes = cast(np.ndarray, column.classes).tolist()
    if given is None:
        return classes[-1]
    if given not in classes:
        raise ValueError(f"pos_label={given!r} is none of the classes of task {column.task!r}: {classes}.")
    return given
