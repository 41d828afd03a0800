"""How much each task leans on each feature: what its score loses when the feature is shuffled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import _safe_indexing, check_random_state

from ..features import Form, MultiModal, form_of
from ..metrics import METRICS, TaskColumn, get_scorer, task_columns
from ..metrics._scorer import value_of_column

if TYPE_CHECKING:
    import pandas as pd


class PermutationImportances:
    """What :func:`permutation_importance` returns.

    Attributes
    ----------
    importances : ndarray of shape (n_features, n_tasks, n_repeats)
        What each task's score loses when a feature is shuffled; negative where it gains by chance.
    importances_mean, importances_std : ndarray of shape (n_features, n_tasks)
        Mean and standard deviation over repeats.
    baseline : ndarray of shape (n_tasks,)
        Scores with all features in place.
    feature_names : list of str
    task_names : list of str

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.inspection import PermutationImportances
    >>> PermutationImportances(np.array([[[0.2, 0.4]]]), np.array([0.9]), ["age"], ["price"]).importances_mean
    array([[0.3]])
    """

    def __init__(
        self, importances: np.ndarray, baseline: np.ndarray, feature_names: Sequence[str], task_names: Sequence[str]
    ) -> None:
        self.importances = importances
        self.importances_mean = importances.mean(axis=2)
        self.importances_std = importances.std(axis=2)
        self.baseline = baseline
        self.feature_names = list(feature_names)
        self.task_names = list(task_names)

    def to_frame(self) -> pd.DataFrame:
        """Return the means as a data frame: a row a feature, a column a task.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        return pd.DataFrame(self.importances_mean, index=self.feature_names, columns=self.task_names)


def permutation_importance(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    scoring: str | Mapping[str, str] | None = None,
    n_repeats: int = 5,
    sample_weight: Any = None,
    random_state: Any = None,
) -> PermutationImportances:
    """Measure how much the score of each task drops when a feature is shuffled (Breiman 2001).

    One prediction for each shuffled feature serves all tasks.

    Parameters
    ----------
    estimator : object
        A fitted estimator, of this package or of scikit-learn.
    X : array-like, data frame, sparse matrix or MultiModal of shape (n_samples, n_features)
        Better rows that were not learned from. Of a `MultiModal`, parts are shuffled, each as a whole.
    y : array-like or DataFrame of shape (n_samples,) or (n_samples, n_columns)
        Labels, missing where NaN, None or pandas.NA.
    scoring : str or dict of str, default=None
        A name of `skmtl.metrics.get_scorer_names` for all tasks that it suits (others are left out), or one by task
        name. None: R² of tasks of numbers, the accuracy of all others.
    n_repeats : int, default=5
        How often each feature is shuffled.
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_columns), default=None
    random_state : int, RandomState instance or None, default=None
        How features are shuffled.

    Returns
    -------
    PermutationImportances

    Raises
    ------
    ValueError
        If a scorer or task is unknown, no task has a score, `n_repeats` is not positive, or samples are texts, images,
        sequences or lists, which have no features that all share.

    See Also
    --------
    sklearn.inspection.permutation_importance : The same for one score; with an int as `random_state`, of one task,
        the numbers are equal.

    References
    ----------
    Breiman, L. (2001). Random forests. Machine Learning 45, 5-32.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn.linear_model import Ridge
    >>> from skmtl.inspection import permutation_importance
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> found = permutation_importance(Ridge().fit(X, y), X, y, random_state=0)
    >>> found.importances.shape, found.task_names
    ((3, 3, 5), ['Weight', 'Waist', 'Pulse'])
    """
    if not isinstance(n_repeats, Integral) or n_repeats < 1:
        raise ValueError(f"n_repeats must be a positive integer, got {n_repeats!r}.")
    methods = _methods(scoring)
    names = _names(X)

    def score(features: Any) -> dict[str, float]:
        columns = task_columns(estimator, features, y, sample_weight=sample_weight, methods=methods)
        return _scores(columns, scoring, weighted=sample_weight is not None)

    baseline = score(X)
    tasks = list(baseline)
    n_rows, n_features = X.shape[0] if hasattr(X, "shape") else len(X), len(names)
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max + 1)
    drops = np.empty((n_features, len(tasks), n_repeats))
    for feature in range(n_features):
        draws = check_random_state(seed)
        order = np.arange(n_rows)
        places = order.copy()
        for repeat in range(n_repeats):
            draws.shuffle(order)
            places = places[order]  # what is shuffled is shuffled again, as scikit-learn has it
            found = score(_shuffled(X, feature, places))
            drops[feature, :, repeat] = [baseline[task] - found[task] for task in tasks]
    return PermutationImportances(drops, np.array(list(baseline.values())), names, tasks)


def _names(X: Any) -> list[str]:
    """Return the names of the columns or parts of X.

    Raises
    ------
    ValueError
        If samples are texts, images, sequences or lists.
    """
    if isinstance(X, MultiModal):
        return list(X.parts)
    if (form := form_of(X)) is not Form.COLUMNS:
        raise ValueError(
            f"permutation_importance shuffles columns, or the parts of a MultiModal, and here a sample of X is {form}. "
            "What each of its words or values adds is said by skmtl.inspection.attributions."
        )
    if hasattr(X, "columns"):
        return [str(name) for name in X.columns]
    return [f"x{place}" for place in range(X.shape[1] if hasattr(X, "shape") else len(X[0]))]


def _methods(scoring: Any) -> list[str]:
    """Return what the estimator is to be asked for."""
    names = [] if scoring is None else [scoring] if isinstance(scoring, str) else list(scoring.values())
    asked = {"predict"}
    for name in names:
        response = get_scorer(name).metric.response
        asked.add(response if isinstance(response, str) else "predict_proba")
    return sorted(asked)


def _scores(columns: Sequence[TaskColumn], scoring: Any, weighted: bool) -> dict[str, float]:
    """Return the score of each task that has one."""
    tasks = list(dict.fromkeys(column.task for column in columns))
    if isinstance(scoring, Mapping) and (unknown := [name for name in scoring if name not in tasks]):
        raise ValueError(f"scoring names the unknown task {unknown[0]!r}. Known tasks: {', '.join(map(repr, tasks))}.")
    scores = {}
    for task in tasks:
        own = [column for column in columns if column.task == task and len(column.rows)]
        values = [_value(column, scoring, weighted) for column in own]
        defined = [value for value in values if value is not None]
        if defined:
            scores[task] = float(np.mean(defined))
    if not scores:
        raise ValueError(f"No task of {', '.join(map(repr, tasks))} has labels that scoring={scoring!r} can score.")
    return scores


def _value(column: TaskColumn, scoring: Any, weighted: bool) -> float | None:
    name = scoring.get(column.task) if isinstance(scoring, Mapping) else scoring
    metric = METRICS[name or ("accuracy" if column.is_classification else "r2")]
    if metric.kind is not None and (metric.kind == "classification") != column.is_classification:
        return None
    response = metric.response if isinstance(metric.response, str) else "predict_proba"
    value = value_of_column(metric, column, response, weighted, metric.kwargs)
    return None if isinstance(value, str) else (value if metric.greater_is_better else -value)


def _shuffled(X: Any, feature: int, order: np.ndarray) -> Any:
    """Return X with one column, or one part, in another order."""
    if isinstance(X, MultiModal):
        name = list(X.parts)[feature]
        return MultiModal({**X.parts, name: _safe_indexing(X.parts[name], order)})
    if issparse(X):
        columns = X.tolil(copy=True)
        columns[:, [feature]] = X.tocsc()[:, [feature]].tocsr()[order]
        return columns.tocsr()
    if hasattr(X, "iloc"):
        frame = X.copy()
        frame.isetitem(feature, X.iloc[order, feature].to_numpy())
        return frame
    if hasattr(X, "columns"):
        name = X.columns[feature]
        return X.with_columns(X[name].gather(order).alias(name))
    shuffled = np.array(X, dtype=object if not hasattr(X, "dtype") else None)
    shuffled[:, feature] = shuffled[order, feature]
    return shuffled
