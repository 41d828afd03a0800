"""Metrics and scorers of several tasks, blind to missing labels.

`multitask` turns any metric of one target into one of several; `r2_score`, `accuracy_score`, `log_loss` and others are
ready, under scikit-learn's names. `get_scorer`, `make_scorer` and `task_scorers` make what `scoring=` takes.
`task_report` is the table of all tasks of a fitted estimator, `delta_m` the gain over models of one task.

>>> import numpy as np
>>> from skmtl.metrics import r2_score
>>> y_true = np.array([[1.0, 10.0], [2.0, np.nan], [3.0, 30.0]])
>>> y_pred = np.array([[1.0, 12.0], [2.0, 99.0], [3.0, 30.0]])
>>> r2_score(y_true, y_pred)
0.99
"""

from ._delta import delta_m
from ._errors import subset_accuracy_score
from ._multitask import MultiTaskMetric, multitask
from ._named import (
    METRICS,
    Metric,
    accuracy_score,
    average_precision_score,
    average_relative_rmse,
    balanced_accuracy_score,
    brier_score_loss,
    cohen_kappa_score,
    d2_absolute_error_score,
    d2_log_loss_score,
    f1_score,
    hamming_loss,
    jaccard_score,
    log_loss,
    matthews_corrcoef,
    mean_absolute_error,
    mean_poisson_deviance,
    mean_squared_error,
    median_absolute_error,
    precision_score,
    r2_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)
from ._report import TaskReport, task_report
from ._scorer import Scorer
from ._scorers import get_scorer, get_scorer_names, make_scorer, task_scorers
from ._tasks import TaskColumn, task_columns

__all__ = [
    "METRICS",
    "Metric",
    "MultiTaskMetric",
    "Scorer",
    "TaskColumn",
    "TaskReport",
    "accuracy_score",
    "average_precision_score",
    "average_relative_rmse",
    "balanced_accuracy_score",
    "brier_score_loss",
    "cohen_kappa_score",
    "d2_absolute_error_score",
    "d2_log_loss_score",
    "delta_m",
    "f1_score",
    "get_scorer",
    "get_scorer_names",
    "hamming_loss",
    "jaccard_score",
    "log_loss",
    "make_scorer",
    "matthews_corrcoef",
    "mean_absolute_error",
    "mean_poisson_deviance",
    "mean_squared_error",
    "median_absolute_error",
    "multitask",
    "precision_score",
    "r2_score",
    "recall_score",
    "roc_auc_score",
    "root_mean_squared_error",
    "subset_accuracy_score",
    "task_columns",
    "task_report",
    "task_scorers",
]
