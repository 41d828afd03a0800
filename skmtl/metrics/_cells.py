"""Labels, predictions and weights of several targets, taken apart into one array a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..tasks import Columns, split_columns

# What an estimator says of a column, and in which rows it says nothing.
Response = tuple[np.ndarray, np.ndarray]


def names_of(columns: Columns, y_pred: Any) -> list[str]:
    """Return the names of the tasks: those of the labels' columns, of the predictions, or `y0, y1, …`."""
    if columns.names is not None:
        return columns.names
    named = [str(name) for name in (y_pred if isinstance(y_pred, Mapping) else getattr(y_pred, "columns", ()))]
    n_tasks = len(columns.values)
    return named if len(named) == n_tasks else [f"y{position}" for position in range(n_tasks)]


def responses_of(y_pred: Any, names: Sequence[str], n_samples: int) -> list[Response]:
    """Return the prediction of each task, `(n_samples,)`, or its probabilities, `(n_samples, n_classes)`.

    Parameters
    ----------
    y_pred : array-like, DataFrame, list of arrays or dict
        A column a task, in the order of `names`, or by name if the columns are called like the tasks; or a list with
        an array of probabilities a task, or a dict of anything by task name.
    names : sequence of str
    n_samples : int

    Raises
    ------
    ValueError
        If the number of tasks or rows differs, or a task is unknown.
    """
    responses = _taken_apart(y_pred, names)
    if len(responses) != len(names):
        raise ValueError(
            f"y_pred holds {len(responses)} tasks, but y_true {len(names)}: {', '.join(map(repr, names))}."
        )
    for name, (values, _) in zip(names, responses, strict=True):
        if len(values) != n_samples:
            raise ValueError(f"y_pred of task {name!r} has {len(values)} rows, but y_true {n_samples}.")
    return responses


def _taken_apart(y_pred: Any, names: Sequence[str]) -> list[Response]:
    if isinstance(y_pred, Mapping):
        for name in names:
            if name not in y_pred:
                raise ValueError(
                    f"y_pred lacks task {name!r} of y_true; it has {', '.join(repr(str(key)) for key in y_pred)}."
                )
        return [_response(y_pred[name]) for name in names]
    if (isinstance(y_pred, (list, tuple)) and len(y_pred) and all(np.ndim(table) == 2 for table in y_pred)) or (
        isinstance(y_pred, np.ndarray) and y_pred.ndim == 3
    ):
        return [_response(table) for table in y_pred]
    if len(names) == 1 and np.ndim(y_pred) == 2 and np.shape(y_pred)[1] != 1:
        return [_response(y_pred)]
    columns = split_columns(y_pred, "y_pred")
    order = list(range(len(columns.values)))
    if columns.names is not None and not columns.one_dimensional:
        order = _order(columns.names, names)
    return [(columns.values[position], columns.missing[position]) for position in order]


def _order(given: list[str], names: Sequence[str]) -> list[int]:
    if set(names) <= set(given):
        return [given.index(name) for name in names]
    if len(given) == len(names) and not set(names) & set(given):
        return list(range(len(given)))
    lacking = next(name for name in names if name not in given)
    raise ValueError(
        f"y_pred has columns {', '.join(map(repr, given))}, but lacks task {lacking!r} of y_true. Columns are matched "
        "by name; give y_pred as an array to match them by position."
    )


def _response(values: Any) -> Response:
    """One task's predictions or probabilities, and the rows without."""
    if np.ndim(values) == 2:
        table = np.asarray(values)
        if table.dtype.kind not in "fiub":
            table = table.astype(float)
        return table, np.isnan(table).any(axis=1)
    columns = split_columns(values, "y_pred")
    return columns.values[0], columns.missing[0]
