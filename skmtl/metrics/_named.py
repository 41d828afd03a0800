"""Metrics by name: what each is, which tasks it is for, and what it needs of an estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sklearn import metrics

from ..tasks import NUMBER_TYPES, TASK_TYPES
from . import _probabilities as probabilities
from ._errors import relative_rmse, subset_accuracy_score
from ._multitask import multitask

# Types of tasks by the kind of metric that applies to them.
KINDS: dict[str | None, tuple[str, ...]] = {
    "regression": NUMBER_TYPES,
    "classification": tuple(kind for kind in TASK_TYPES if kind not in NUMBER_TYPES),
    None: TASK_TYPES,
}
PROBABILITIES = "predict_proba"
# As scikit-learn's scorers: distances from the boundary where there are some, else probabilities.
SCORES = ("decision_function", "predict_proba")


@dataclass(frozen=True)
class Metric:
    """What a scorer computes, and of which tasks.

    Parameters
    ----------
    name : str
        Its name in `scoring=`.
    function : callable
        `function(y_true, y_pred, sample_weight=…, **kwargs)` of one task.
    kind : {"regression", "classification"} or None, default="regression"
        Types of tasks that it is for: regression and count tasks; classification, ordinal and multilabel ones; all.
    response : str or tuple of str, default="predict"
        Method of the estimator whose result it reads: "predict", "predict_proba", "decision_function", or several of
        these, of which the first that exists counts.
    greater_is_better : bool, default=True
        If False, scorers give its negative.
    several_classes : bool, default=True
        Whether it is for tasks of more than two classes, too. If not, and it reads predictions, it is given 1 for the
        positive class and 0 for the rest.
    whole_rows : bool, default=False
        Whether it is one of all tasks of a row together; `function` is then one of several tasks.
    takes_classes : bool, default=False
        Whether `function` is given the classes of the task as `labels`.
    kwargs : dict, default={}
        Further keywords of `function`.

    Examples
    --------
    >>> from skmtl.metrics import METRICS
    >>> METRICS["neg_log_loss"].response, METRICS["neg_log_loss"].greater_is_better
    ('predict_proba', False)
    """

    name: str
    function: Callable[..., float]
    kind: str | None = "regression"
    response: str | tuple[str, ...] = "predict"
    greater_is_better: bool = True
    several_classes: bool = True
    whole_rows: bool = False
    takes_classes: bool = False
    kwargs: Mapping[str, Any] = field(default_factory=dict)


def _loss(name: str, function: Callable[..., float]) -> Metric:
    return Metric(name, function, greater_is_better=False)


def _labels(name: str, function: Callable[..., float], **kwargs: Any) -> Metric:
    return Metric(name, function, "classification", kwargs=kwargs)


def _averages(name: str, function: Callable[..., float]) -> tuple[Metric, ...]:
    """Return a metric of the positive class, and its averages over classes."""
    return (
        Metric(name, function, "classification", several_classes=False),
        *(_labels(f"{name}_{average}", function, average=average) for average in ("macro", "micro", "weighted")),
    )


def _coded(
    name: str, function: Callable[..., float], response: str | tuple[str, ...], loss: bool = False, **kwargs: Any
) -> Metric:
    """Return a metric that must know the classes of a task."""
    return Metric(
        name, function, "classification", response, greater_is_better=not loss, takes_classes=True, kwargs=kwargs
    )


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("r2", metrics.r2_score),
        Metric("explained_variance", metrics.explained_variance_score),
        Metric("d2_absolute_error_score", metrics.d2_absolute_error_score),
        _loss("neg_root_mean_squared_error", metrics.root_mean_squared_error),
        _loss("neg_mean_squared_error", metrics.mean_squared_error),
        _loss("neg_mean_absolute_error", metrics.mean_absolute_error),
        _loss("neg_median_absolute_error", metrics.median_absolute_error),
        _loss("neg_max_error", metrics.max_error),
        _loss("neg_mean_absolute_percentage_error", metrics.mean_absolute_percentage_error),
        _loss("neg_root_mean_squared_log_error", metrics.root_mean_squared_log_error),
        _loss("neg_mean_squared_log_error", metrics.mean_squared_log_error),
        _loss("neg_mean_poisson_deviance", metrics.mean_poisson_deviance),
        _loss("neg_mean_gamma_deviance", metrics.mean_gamma_deviance),
        _loss("neg_arrmse", relative_rmse),
        _labels("accuracy", metrics.accuracy_score),
        _labels("balanced_accuracy", metrics.balanced_accuracy_score),
        _labels("matthews_corrcoef", metrics.matthews_corrcoef),
        _coded("cohen_kappa", probabilities.cohen_kappa_score, "predict"),
        _coded("quadratic_kappa", probabilities.cohen_kappa_score, "predict", weights="quadratic"),
        Metric("neg_hamming_loss", metrics.hamming_loss, "classification", greater_is_better=False),
        Metric("subset_accuracy", subset_accuracy_score, "classification", whole_rows=True),
        *_averages("precision", metrics.precision_score),
        *_averages("recall", metrics.recall_score),
        *_averages("f1", metrics.f1_score),
        *_averages("jaccard", metrics.jaccard_score),
        _coded("neg_log_loss", probabilities.log_loss, PROBABILITIES, loss=True),
        _coded("neg_brier_score", probabilities.brier_score_loss, PROBABILITIES, loss=True),
        _coded("d2_log_loss_score", probabilities.d2_log_loss_score, PROBABILITIES),
        _coded("d2_brier_score", probabilities.d2_brier_score, PROBABILITIES),
        _coded("roc_auc", probabilities.roc_auc_score, SCORES),
        _coded("roc_auc_ovr", probabilities.roc_auc_score, PROBABILITIES, multi_class="ovr"),
        _coded(
            "roc_auc_ovr_weighted", probabilities.roc_auc_score, PROBABILITIES, multi_class="ovr", average="weighted"
        ),
        _coded("roc_auc_ovo", probabilities.roc_auc_score, PROBABILITIES, multi_class="ovo"),
        _coded(
            "roc_auc_ovo_weighted", probabilities.roc_auc_score, PROBABILITIES, multi_class="ovo", average="weighted"
        ),
        _coded("average_precision", probabilities.average_precision_score, SCORES),
    )
}

# Ready functions, under scikit-learn's names.
r2_score = multitask(metrics.r2_score)
root_mean_squared_error = multitask(metrics.root_mean_squared_error)
mean_absolute_error = multitask(metrics.mean_absolute_error)
mean_squared_error = multitask(metrics.mean_squared_error)
median_absolute_error = multitask(metrics.median_absolute_error)
d2_absolute_error_score = multitask(metrics.d2_absolute_error_score)
mean_poisson_deviance = multitask(metrics.mean_poisson_deviance)
average_relative_rmse = multitask(relative_rmse)
accuracy_score = multitask(metrics.accuracy_score)
balanced_accuracy_score = multitask(metrics.balanced_accuracy_score)
precision_score = multitask(metrics.precision_score)
recall_score = multitask(metrics.recall_score)
f1_score = multitask(metrics.f1_score)
jaccard_score = multitask(metrics.jaccard_score)
matthews_corrcoef = multitask(metrics.matthews_corrcoef)
cohen_kappa_score = multitask(metrics.cohen_kappa_score)
hamming_loss = multitask(metrics.hamming_loss)
log_loss = multitask(metrics.log_loss)
brier_score_loss = multitask(metrics.brier_score_loss)
d2_log_loss_score = multitask(metrics.d2_log_loss_score)
roc_auc_score = multitask(metrics.roc_auc_score)
average_precision_score = multitask(metrics.average_precision_score)
