"""Making scorers: by name, of any metric, and one for each task."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from inspect import Parameter, signature
from typing import Any

from sklearn.metrics._scorer import _BaseScorer

from .._spelling import likely_and_known
from ._multitask import CLASS_AVERAGES, MultiTaskMetric, check_average, name_of
from ._named import KINDS, METRICS, Metric
from ._probabilities import SUBSTITUTES
from ._scorer import Scorer


def get_scorer(scoring: str | Metric | Callable[..., float], tasks: str | Iterable[str] | None = None) -> Any:
    """Return a scorer of several tasks.

    Parameters
    ----------
    scoring : str, Metric or scorer
        A name of :func:`get_scorer_names`: scikit-learn's, as far as the metric is there; or a metric of
        `METRICS`; or a scorer. scikit-learn's scorer objects become ours, other callables are returned as they are.
    tasks : str or iterable of str, default=None
        Tasks that count. None: all tasks that the metric is for. Regression metrics are for regression and count tasks;
        classification metrics for classification and ordinal tasks and multilabel groups, whose value is the mean over
        their columns. Other tasks are ignored.

    Returns
    -------
    Scorer
        `scorer(estimator, X, y, sample_weight=None)`, for any `scoring=` of scikit-learn.

    Raises
    ------
    ValueError
        If there is no such scorer, or another callable is to be narrowed to tasks.

    See Also
    --------
    make_scorer : Make a scorer of any metric.
    task_scorers : A scorer for each task.

    Notes
    -----
    Of a task of two classes, the greater one is the positive class. "roc_auc" and "average_precision" of several
    classes are macro means of one class against the rest; as scikit-learn's, they read `decision_function` of a
    classifier of one target that has it, otherwise `predict_proba`. Tasks for which a metric is undefined,
    such as the ROC AUC where all labels are of one class or "f1" of three classes, are left out with a warning; a task
    without labels is left out without. A class that the estimator does not know has probability 0.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn.linear_model import Ridge
    >>> from skmtl.metrics import get_scorer
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> model = Ridge().fit(X, y)
    >>> round(get_scorer("r2")(model, X, y), 3)
    0.297
    >>> round(get_scorer("r2", tasks="Waist")(model, X, y), 3)
    0.548
    """
    narrowed = _as_tasks(tasks)
    if isinstance(scoring, str):
        if scoring not in METRICS:
            raise ValueError(f"Unknown scorer {scoring!r}.{likely_and_known(scoring, get_scorer_names(), 'scorers')}")
        return Scorer(METRICS[scoring], narrowed)
    if isinstance(scoring, Metric):
        return Scorer(scoring, narrowed)
    if isinstance(scoring, Scorer):
        return scoring if narrowed is None else Scorer(scoring.metric, narrowed, scoring.average)
    if isinstance(scoring, _BaseScorer):
        keywords = {key: value for key, value in scoring._kwargs.items() if key != "average"}
        return make_scorer(
            scoring._score_func,
            response_method=scoring._response_method,
            greater_is_better=scoring._sign > 0,
            tasks=narrowed,
            average=scoring._kwargs.get("average", "mean"),
            **keywords,
        )
    if not callable(scoring):
        raise ValueError(f"scoring must be a name, a Metric or a scorer, got {scoring!r}.")
    if narrowed is not None:
        raise ValueError(
            f"{scoring!r} cannot be narrowed to tasks {narrowed}: make a scorer of its metric, "
            f"make_scorer(metric, tasks={narrowed})."
        )
    return scoring


def _as_tasks(tasks: str | Iterable[str] | None) -> list[str] | None:
    if tasks is None:
        return None
    names = [tasks] if isinstance(tasks, str) else [str(name) for name in tasks]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"tasks must be names of different tasks, got {names}.")
    return names


def make_scorer(
    metric: Callable[..., Any],
    *,
    response_method: str | Sequence[str] = "predict",
    greater_is_better: bool = True,
    tasks: str | Iterable[str] | None = None,
    average: Any = "mean",
    kind: str | None = "auto",
    **kwargs: Any,
) -> Scorer:
    """Make a scorer of several tasks of any metric of one target.

    Parameters
    ----------
    metric : callable
        A metric of one target, of scikit-learn or your own: `metric(y_true, y_pred, sample_weight=…, **kwargs)`; or
        what :func:`multitask` returned.
    response_method : str or sequence of str, default="predict"
        "predict", "predict_proba" or "decision_function"; of several, the first that the estimator has. Of two classes
        the metric gets the column of the greater one, `(n_samples,)`, of more an array `(n_samples, n_classes)`, and
        the classes as `labels` if it takes them.
    greater_is_better : bool, default=True
        If False, the scorer gives the metric's negative.
    tasks : str or iterable of str, default=None
        Tasks that count; None: all that the metric is for.
    average : {"mean", "median"}, sequence of float or dict, default="mean"
        How the values of the tasks are joined; numbers are the weights of a mean, in the order of the tasks that the
        metric is for, or by task name (unnamed tasks: 1). The words "binary", "macro", "micro" and "weighted" are
        scikit-learn's averages over classes: they are passed to the metric, and tasks are joined by their mean.
    kind : {"auto", "regression", "classification"} or None, default="auto"
        Which tasks the metric is for; None: all of them. "auto" knows scikit-learn's metrics; one of your own is for
        all tasks, or for those of classification if it reads probabilities.
    **kwargs : dict
        Further keywords of the metric.

    Returns
    -------
    Scorer

    Raises
    ------
    ValueError
        If `average`, `kind` or `tasks` are none of the above.

    Examples
    --------
    >>> from sklearn.metrics import fbeta_score
    >>> from skmtl.metrics import make_scorer
    >>> make_scorer(fbeta_score, beta=2, tasks=["churn"])
    make_scorer(fbeta_score, response_method='predict', tasks=['churn'], beta=2)
    """
    if isinstance(metric, MultiTaskMetric):
        if isinstance(average, str) and average == "mean":
            average = metric.average
        metric = metric.metric
    if isinstance(average, str) and average in CLASS_AVERAGES:
        kwargs, average = {"average": average, **kwargs}, "mean"
    check_average(average)
    if isinstance(average, str) and average == "none":
        raise ValueError("average='none' gives a dict, and a scorer a number; task_scorers makes one for each task.")
    if kind not in ("auto", *KINDS):
        raise ValueError(f"kind must be 'auto', 'regression', 'classification' or None, got {kind!r}.")
    response = response_method if isinstance(response_method, str) else tuple(response_method)
    described = _described(metric, response, greater_is_better, kwargs)
    return Scorer(described if kind == "auto" else replace(described, kind=kind), _as_tasks(tasks), average)


def _described(
    metric: Callable[..., Any], response: str | tuple[str, ...], greater_is_better: bool, kwargs: dict[str, Any]
) -> Metric:
    """Return what can be known of a metric from its function."""
    function = SUBSTITUTES.get(metric, metric)
    twin = next((one for one in METRICS.values() if one.function is function), None)
    inner, bound = (metric.func, dict(metric.keywords)) if isinstance(metric, partial) else (metric, {})
    parameters = _parameters(inner)
    labels = response != "predict" and "labels" in _parameters(function) and "labels" not in bound
    average = {**bound, **kwargs}.get("average", getattr(parameters.get("average"), "default", None))
    of_one_class = average == "binary" and "pos_label" in parameters and "pos_label" not in bound
    return Metric(
        name_of(metric),
        function,
        twin.kind if twin else _kind(inner, response),
        response,
        greater_is_better,
        several_classes=not of_one_class,
        whole_rows=bool(twin and twin.whole_rows),
        takes_classes=twin.takes_classes if twin else labels,
        kwargs=kwargs,
    )


def _parameters(function: Callable[..., Any]) -> Mapping[str, Parameter]:
    try:
        return signature(function).parameters
    except ValueError:  # of some built-in functions nothing is known
        return {}


def _kind(function: Callable[..., Any], response: str | tuple[str, ...]) -> str | None:
    module = str(getattr(function, "__module__", ""))
    if module == "sklearn.metrics._regression":
        return "regression"
    return "classification" if module.startswith("sklearn.metrics.") or response != "predict" else None


def task_scorers(scoring: Any, tasks: Iterable[str]) -> dict[str, Any]:
    """Return a scorer for each task, for a `scoring=` with a column per task in its results.

    Parameters
    ----------
    scoring : str, Metric or scorer
        As in :func:`get_scorer`.
    tasks : iterable of str
        Names of the tasks; `y0, y1, …` of arrays.

    Returns
    -------
    dict
        From task name to scorer.

    Raises
    ------
    ValueError
        If there is no such scorer, or a name is repeated.

    Examples
    --------
    >>> from skmtl.metrics import task_scorers
    >>> task_scorers("f1_macro", ["mood", "source"])
    {'mood': get_scorer('f1_macro', tasks=['mood']), 'source': get_scorer('f1_macro', tasks=['source'])}
    """
    return {task: get_scorer(scoring, [task]) for task in _as_tasks(tasks) or []}


def get_scorer_names() -> list[str]:
    """Return the names of all scorers, sorted.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from skmtl.metrics import get_scorer_names
    >>> get_scorer_names()[:3]
    ['accuracy', 'average_precision', 'balanced_accuracy']
    """
    return sorted(METRICS)
