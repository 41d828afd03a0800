"""Weights of classes: by class for all tasks, or by task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from ._classification import class_counts
from ._per_task import values_by_task
from ._structure import TaskStructure
from ._targets import Targets


def class_weight_table(
    class_weight: Any, structure: TaskStructure, targets: Targets, numbers: np.ndarray, weights: np.ndarray
) -> np.ndarray | None:
    """Return the weight of each class of each column, `(n_columns, K)`, 1 where there is none; None if all are 1.

    Parameters
    ----------
    class_weight : None, "balanced", dict or sequence
        As estimators take it.
    structure : TaskStructure
    targets : Targets
    numbers, weights : ndarray of shape (n_rows, n_columns)
        Labels as numbers, and their weights.

    Raises
    ------
    ValueError
        If a task or class is unknown, a weight is negative or not a number, or all weights of a task are 0.
    """

    def counts(column: int) -> np.ndarray:
        return class_counts(numbers[:, column], weights[:, column], len(targets.classes[column]))

    by_column = class_weights_by_column(class_weight, structure, targets.classes, counts)
    for column, loss in enumerate(targets.losses):
        if by_column[column] is None and getattr(loss, "balanced", False):
            by_column[column] = balanced_weights(counts(column))
    if all(of_column is None for of_column in by_column):
        return None
    table = np.ones((len(by_column), max(targets.n_classes)))
    for column, of_column in enumerate(by_column):
        if of_column is not None:
            if len(of_column) and not of_column.any():
                name, known = structure.names[structure.task_of_column[column]], targets.classes[column].tolist()
                raise ValueError(
                    f"class_weight is 0 for all classes of task {name!r}: {known}. To leave the task out, give it task "
                    f"weight 0: task_weights={{{name!r}: 0}}."
                )
            table[column, : len(of_column)] = of_column
    return table


def balanced_weights(counts: np.ndarray) -> np.ndarray:
    """Return weights under which all classes that occur weigh the same."""
    weights: np.ndarray = counts.sum() / (max(np.count_nonzero(counts), 1) * np.where(counts > 0, counts, 1.0))
    return weights


def class_weights_by_column(
    class_weight: Any,
    structure: TaskStructure,
    classes: Sequence[np.ndarray],
    counts: Callable[[int], np.ndarray],
) -> list[np.ndarray | None]:
    """Return the weight of each class of each column, None for a column without class weights.

    Parameters
    ----------
    class_weight : None, "balanced", dict or sequence
        A dict with numbers as values is by class, for every task that has those classes; with dicts, strings or None
        as values it is by task.
    structure : TaskStructure
    classes : sequence of ndarray
        The classes of each column; empty in regression.
    counts : callable
        From a column's position to the weighted number of labels of each of its classes, for `"balanced"`.

    Raises
    ------
    ValueError
        If a task or class is unknown, or a weight is negative or not a number.
    """
    owners = structure.task_of_column
    if isinstance(class_weight, Mapping) and all(isinstance(value, Real) for value in class_weight.values()):
        for label in class_weight:
            if not any(label in of_column.tolist() for of_column in classes):
                pairs = zip(structure.columns, classes, strict=True)
                known = "; ".join(f"{name!r}: {of_column.tolist()}" for name, of_column in pairs if len(of_column))
                raise ValueError(f"class_weight names {label!r}, which is a class of no task; classes are {known}.")
        by_column: list[Any] = [
            {label: weight for label, weight in class_weight.items() if label in of_column.tolist()}
            for of_column in classes
        ]
    else:
        by_task = values_by_task(class_weight, structure.names, None, "class_weight")
        by_column = [by_task[owner] for owner in owners]
    single = isinstance(class_weight, str)
    return [
        None
        if value is None or (not len(classes[column]) and (single or not value))
        else _weights_of_classes(value, structure.names[owners[column]], classes[column], counts, column)
        for column, value in enumerate(by_column)
    ]


def _weights_of_classes(
    value: Any, name: str, classes: np.ndarray, counts: Callable[[int], np.ndarray], column: int
) -> np.ndarray:
    if not len(classes):
        raise ValueError(f"class_weight of task {name!r} is {value!r}, but the task has no classes.")
    if isinstance(value, str) and value == "balanced":
        return balanced_weights(counts(column))
    if not isinstance(value, Mapping):
        raise ValueError(f"class_weight of task {name!r} must be 'balanced', None or a dict by class, got {value!r}.")
    weights = np.ones(len(classes))
    known = classes.tolist()
    for label, weight in value.items():
        if label not in known:
            raise ValueError(f"class_weight of task {name!r} names class {label!r}; its classes are {known}.")
        if not isinstance(weight, Real) or not 0 <= float(weight) < np.inf:
            raise ValueError(
                f"class_weight of task {name!r}, class {label!r}, must be a finite number >= 0, got {weight!r}."
            )
        weights[known.index(label)] = weight
    return weights
