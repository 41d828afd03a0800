"""The tasks of a fitted estimator: labels, predictions and weights of every column of y, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor

from ..tasks import MOST_CLASSES, NUMBER_TYPES, Columns, label_weights, split_columns
from ._cells import Response

# Where scikit-learn's meta-estimators keep what they fitted.
_INNER = ("best_estimator_", "regressor_", "estimator_")


@dataclass(frozen=True)
class TaskColumn:
    """One column of y beside what an estimator says of it.

    Attributes
    ----------
    task : str
        Name of the task; the columns of a multilabel group share it.
    name : str
        Name of the column.
    type : str
        "regression", "count", "classification", "ordinal" or "multilabel".
    truth : ndarray of shape (n_samples,)
        Labels; what stands in a missing cell means nothing.
    weights : ndarray of shape (n_samples,)
        0 where the label is missing.
    classes : ndarray of shape (n_classes,) or None
        Sorted classes that the estimator knows, or those that occur in labels and predictions; None for numbers.
    prediction : ndarray of shape (n_samples,) or None
        None if it was not asked for.
    probabilities : ndarray of shape (n_samples, n_classes) or None
        None if they were not asked for, or the task has none.
    decision : ndarray of shape (n_samples,) or (n_samples, n_classes) or None
        Result of `decision_function`, if it was asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.metrics import TaskColumn
    >>> TaskColumn("mood", "mood", "ordinal", np.array([1, 2, 3]), np.array([1.0, 0.0, 1.0])).rows
    array([0, 2])
    """

    task: str
    name: str
    type: str
    truth: np.ndarray
    weights: np.ndarray
    classes: np.ndarray | None = None
    prediction: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    decision: np.ndarray | None = None

    @property
    def is_classification(self) -> bool:
        """Whether its labels are classes."""
        return self.type not in NUMBER_TYPES

    @property
    def rows(self) -> np.ndarray:
        """Rows with a label of positive weight, `(n_rows,)`."""
        return np.flatnonzero(self.weights > 0)

    def response(self, method: str) -> Response:
        """Return what a metric compares the labels with, and the rows where there is nothing.

        Parameters
        ----------
        method : {"predict", "predict_proba", "decision_function"}
            Of two classes, the last two give the numbers of the greater one, `(n_samples,)`.
        """
        fields = {"predict": self.prediction, "predict_proba": self.probabilities, "decision_function": self.decision}
        values = fields[method]
        if values is None:
            return np.zeros(len(self.truth)), np.ones(len(self.truth), dtype=bool)
        if values.ndim == 1:
            return values, ~_predicted(values)
        nothing = np.isnan(values).any(axis=1)
        return (values[:, 1] if values.shape[1] == 2 else values), nothing


def task_columns(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    methods: Sequence[str] = ("predict",),
    call: Callable[[str], Any] | None = None,
) -> list[TaskColumn]:
    """Return every column of y beside the estimator's response to X.

    Tasks and their types are what the estimator, or one fitted inside it (the last step of a pipeline, the best one of
    a search, …), says in `task_types_`. Of others, the tasks are y's columns; classifiers and regressors have one type,
    and for all else the labels decide.

    Parameters
    ----------
    estimator : object
        A fitted estimator of scikit-learn's face.
    X : array-like of shape (n_samples, n_features)
    y : array-like or DataFrame of shape (n_samples,) or (n_samples, n_columns)
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_columns), default=None
    methods : sequence of str, default=("predict",)
        Which of "predict", "predict_proba" and "decision_function" to call.
    call : callable, default=None
        `call(method)` returns the estimator's response, perhaps from a cache. None calls the estimator.

    Returns
    -------
    list of TaskColumn
        In the order of y's columns.

    Raises
    ------
    ValueError
        If y does not fit the estimator.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skmtl.metrics import task_columns
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> [(column.task, column.type, column.classes.tolist()) for column in task_columns(model, X, y)]
    [('y0', 'classification', [0, 1, 2])]
    """
    columns = split_columns(y)
    layout = _layout(estimator, columns)
    weights = label_weights(sample_weight, columns, [one.name for one in layout])
    parts = [
        TaskColumn(one.task, one.name, one.type, columns.values[place], weights[:, place])
        for place, one in enumerate(layout)
    ]
    responses = {method: (call or (lambda name: getattr(estimator, name)(X)))(method) for method in methods}
    if "predict" in responses:
        parts = _with_predictions(parts, layout, responses["predict"])
    for method, field in (("predict_proba", "probabilities"), ("decision_function", "decision")):
        if method in responses:
            tables = _tables(responses[method], layout)
            for part, table in zip(parts, tables, strict=True):
                _check_rows(part, table)
            keywords: list[dict[str, Any]] = [{field: table} for table in tables]
            parts = [replace(part, **keyword) for part, keyword in zip(parts, keywords, strict=True)]
    known = _known_classes(estimator, layout)
    return [_finished(part, classes) for part, classes in zip(parts, known, strict=True)]


@dataclass(frozen=True)
class _Column:
    """A column of y: its task, name and type, what they were called at fit, and its place then and in its task."""

    task: str
    name: str
    type: str
    fitted_task: str
    fitted_name: str
    fitted_place: int
    place_in_task: int
    alone: bool


def _described(estimator: Any) -> Any:
    """Return the estimator that knows its tasks: this one, or the one fitted inside it."""
    for _ in range(10):  # wrappers around wrappers
        if hasattr(estimator, "task_names_"):
            return estimator
        if hasattr(estimator, "steps"):
            inner = estimator.steps[-1][1]
        elif hasattr(estimator, "estimators_"):  # an ensemble, whose `estimator_` is a template that is not fitted
            inner = None
        else:
            inner = next((getattr(estimator, name) for name in _INNER if hasattr(estimator, name)), None)
        if inner is None:
            return None
        estimator = inner
    return None


def _layout(estimator: Any, columns: Columns) -> list[_Column]:
    """Return what y's columns are, in their order."""
    n_columns = len(columns.values)
    default = [f"y{place}" for place in range(n_columns)]
    given = columns.names
    inner = _described(estimator)
    covered = {} if inner is None else _covered(inner)
    fitted = [name for of_task in covered.values() for name in of_task]
    if inner is not None and len(fitted) != n_columns:
        raise ValueError(
            f"y has {n_columns} columns, but the estimator was fitted on {len(fitted)}: {', '.join(map(repr, fitted))}."
        )
    if not covered:
        covered = {name: [name] for name in given or default}
        fitted = list(covered)
    in_pieces = len(covered) < n_columns  # groups may have torn the order of y's columns apart
    at_fit = _order_at_fit(inner, fitted, default) if in_pieces else fitted
    # Wrappers strip names, and columns without names are called by their place.
    order = given if given is not None and set(given) == set(fitted) else at_fit
    shown = given if given is not None and set(fitted) == set(default) else order
    task_of = {name: (task, place) for task, names in covered.items() for place, name in enumerate(names)}
    types = _types(estimator, inner, columns, [task_of[name][0] for name in order])
    result = []
    for place, name in enumerate(order):
        task, place_in_task = task_of[name]
        alone = len(covered[task]) == 1
        result.append(
            _Column(
                shown[place] if alone and task == name else task,
                shown[place],
                types[place],
                task,
                name,
                at_fit.index(name),
                place_in_task,
                alone and types[place] != "multilabel",
            )
        )
    return result


def _order_at_fit(inner: Any, fitted: list[str], default: list[str]) -> list[str]:
    """Return the names of y's columns in their order at fit, as far as it can be known."""
    for order in (default, getattr(inner, "task_names", None)):
        if order is not None and set(map(str, order)) == set(fitted):
            return [str(name) for name in order]
    return fitted


def _covered(inner: Any) -> dict[str, list[str]]:
    """Return the columns of y by the task that covers them."""
    by_task = getattr(inner, "task_columns_", None) or {}
    return {name: [str(column) for column in by_task.get(name, [name])] for name in inner.task_names_}


def _types(estimator: Any, inner: Any, columns: Columns, tasks: Sequence[str]) -> list[str]:
    said = getattr(inner, "task_types_", None)
    if isinstance(said, Mapping):
        return [str(said[task]) for task in tasks]
    kind = _kind(estimator) or _kind(inner)
    return [
        kind or _type_of_labels(values[~missing])
        for values, missing in zip(columns.values, columns.missing, strict=True)
    ]


def _kind(estimator: Any) -> str | None:
    try:
        if is_classifier(estimator):
            return "classification"
        return "regression" if is_regressor(estimator) else None
    except AttributeError:  # an object without scikit-learn's tags
        return None


def _type_of_labels(labels: np.ndarray) -> str:
    if labels.dtype.kind not in "iuf":
        return "classification"
    whole = bool((labels == np.floor(labels)).all())
    return "classification" if whole and len(np.unique(labels)) <= MOST_CLASSES else "regression"


def _with_predictions(parts: list[TaskColumn], layout: Sequence[_Column], predicted: Any) -> list[TaskColumn]:
    columns = split_columns(predicted, "the prediction")
    if len(columns.values) != len(parts):
        raise ValueError(
            f"The estimator predicts {len(columns.values)} columns, but y has {len(parts)}: "
            f"{', '.join(repr(part.name) for part in parts)}."
        )
    fitted = {one.fitted_name for one in layout}
    by_name = columns.names if columns.names is not None and set(columns.names) == fitted else None
    result = []
    for part, one in zip(parts, layout, strict=True):
        place = by_name.index(one.fitted_name) if by_name else one.fitted_place
        values, missing = columns.values[place], columns.missing[place]
        if missing.any():
            values = np.where(missing, np.array(np.nan if values.dtype.kind in "biuf" else None), values)
        _check_rows(part, values)
        result.append(replace(part, prediction=values))
    return result


def _check_rows(part: TaskColumn, values: np.ndarray | None) -> None:
    if values is not None and len(values) != len(part.truth):
        raise ValueError(f"y has {len(part.truth)} rows, but the estimator's response to X {len(values)}.")


def _tables(response: Any, layout: Sequence[_Column]) -> list[np.ndarray | None]:
    """Return probabilities or distances column by column; None for a column without."""
    if isinstance(response, Mapping):
        return [_from_dict(response.get(one.fitted_task), one) for one in layout]
    n_columns = len(layout)
    if isinstance(response, (list, tuple)) or np.ndim(response) == 3:
        if len(response) == n_columns:
            return [np.asarray(response[one.fitted_place]) for one in layout]
    else:
        table: np.ndarray = np.asarray(response)
        if n_columns == 1:
            return [table[:, 0] if table.ndim == 2 and table.shape[1] == 1 and not layout[0].alone else table]
        if table.ndim == 2 and table.shape[1] == n_columns:
            return [table[:, one.fitted_place] for one in layout]
    raise ValueError(
        f"The estimator's response, {_size(response)}, fits no y of {n_columns} columns: "
        f"{', '.join(repr(one.name) for one in layout)}."
    )


def _size(response: Any) -> str:
    if isinstance(response, (list, tuple)):
        return f"a list of {len(response)}"
    return f"an array of shape {np.shape(response)}"


def _from_dict(table: Any, column: _Column) -> np.ndarray | None:
    if table is None:
        return None
    array = np.asarray(table)
    return array if column.alone else array[:, column.place_in_task]


def _known_classes(estimator: Any, layout: Sequence[_Column]) -> list[np.ndarray | None]:
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        classes = getattr(_described(estimator), "classes_", None)
    if isinstance(classes, Mapping):
        return [np.asarray(classes[one.fitted_task]) if one.fitted_task in classes else None for one in layout]
    if isinstance(classes, (list, tuple)) and len(classes) == len(layout):
        return [np.asarray(classes[one.fitted_place]) for one in layout]
    if isinstance(classes, np.ndarray) and len(layout) == 1 and classes.ndim == 1 and layout[0].alone:
        return [classes]
    return [None] * len(layout)


def _finished(part: TaskColumn, classes: np.ndarray | None) -> TaskColumn:
    """Return the column with its classes, and probabilities of both where only those of the greater one were given."""
    if not part.is_classification:
        return part
    if classes is None:
        classes = _occurring(part)
    probabilities = part.probabilities
    if probabilities is not None and probabilities.ndim == 1:
        probabilities = np.stack([1 - probabilities, probabilities], axis=1)
    return replace(part, classes=classes, probabilities=probabilities)


def _occurring(part: TaskColumn) -> np.ndarray:
    labels = part.truth[part.rows]
    if part.prediction is not None:
        labels = np.concatenate([labels, part.prediction[_predicted(part.prediction)]])
    try:
        found = np.unique(labels)
    except TypeError as error:
        raise ValueError(f"Task {part.task!r}: labels of kinds that cannot be compared: {error}.") from error
    # A group of labels may hold zeros alone in a fold.
    if len(found) < 2 and set(found.tolist()) <= {0, 1}:
        return np.array([0, 1]).astype(labels.dtype if labels.dtype.kind in "biuf" else int)
    return found


def _predicted(values: np.ndarray) -> np.ndarray:
    """Return where there is a prediction."""
    if values.dtype == object:
        return np.array([value is not None for value in values], dtype=bool)
    return ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), dtype=bool)
