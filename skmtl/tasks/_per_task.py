"""Parameters with a value per task: one value for all, a sequence in column order, or a dict by task name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from numbers import Real
from typing import Any

import numpy as np

from ..losses import Loss


def resolve_task_names(task_names: Sequence[str] | None, from_y: list[str] | None, n_tasks: int) -> list[str]:
    """Return the names of all tasks: the user's, those of y's columns, or `y0, y1, …`.

    Raises
    ------
    ValueError
        If the number of names differs from the number of tasks, or a name is repeated.
    """
    if task_names is None:
        return from_y if from_y is not None else [f"y{position}" for position in range(n_tasks)]
    names = [str(name) for name in task_names]
    if len(names) != n_tasks:
        raise ValueError(f"task_names has {len(names)} names {names}, but y has {n_tasks} tasks.")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"task_names must be unique; repeated: {repeated}.")
    return names


def _by_task(value: Any, names: Sequence[str], default: Any, parameter: str) -> list[Any]:
    if isinstance(value, Mapping):
        _refuse_unknown_tasks(value, names, parameter)
        return [value.get(name, default) for name in names]
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim):
        values = list(value)
        if len(values) != len(names):
            raise ValueError(
                f"{parameter} has {len(values)} entries, but y has {len(names)} tasks: {', '.join(map(repr, names))}."
            )
        return values
    return [default if value is None else value] * len(names)


def _refuse_unknown_tasks(given: Mapping[Any, Any], names: Sequence[str], parameter: str) -> None:
    for name in given:
        if name not in names:
            near = get_close_matches(str(name), names, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"{parameter} names an unknown task {name!r}.{hint} Known tasks: {', '.join(map(repr, names))}."
            )


def task_weights_by_task(task_weights: Any, names: Sequence[str]) -> np.ndarray:
    """Return the weight of each task, `(n_tasks,)`.

    Raises
    ------
    ValueError
        If a task is unknown, or a weight is negative, not finite or not a number, or all are 0.
    """
    values = _by_task(task_weights, names, 1.0, "task_weights")
    for name, weight in zip(names, values, strict=True):
        if not isinstance(weight, Real) or not 0 <= float(weight) < np.inf:
            raise ValueError(f"task_weights must be finite numbers >= 0; that of task {name!r} is {weight!r}.")
    weights = np.array(values, dtype=float)
    if not weights.any():
        raise ValueError(f"All task_weights are 0 ({weights.tolist()}): give at least one task a positive weight.")
    return weights


def losses_by_task(loss: Any, names: Sequence[str], known: Mapping[str, type[Loss]], default: str) -> list[Loss]:
    """Return the loss of each task.

    Raises
    ------
    ValueError
        If a task or a loss is unknown.
    """
    return [
        _as_loss(value, name, known) for name, value in zip(names, _by_task(loss, names, default, "loss"), strict=True)
    ]


def _as_loss(value: Any, name: str, known: Mapping[str, type[Loss]]) -> Loss:
    if isinstance(value, Loss) and type(value) in known.values():
        return value
    if isinstance(value, str) and value in known:
        return known[value]()
    near = get_close_matches(str(value), known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"Unknown loss {value!r} of task {name!r}.{hint} Known losses: {', '.join(map(repr, known))}.")


def class_weights_by_task(
    class_weight: Any, names: Sequence[str], classes: Sequence[np.ndarray], counts: Callable[[int], np.ndarray]
) -> list[np.ndarray | None]:
    """Return the weight of each class of each task, None for a task without class weights.

    Parameters
    ----------
    class_weight : None, "balanced", dict or sequence
        A dict with numbers as values is by class, for every task that has those classes; with dicts, strings or None
        as values it is by task.
    names : sequence of str
    classes : sequence of ndarray
        The classes of each task.
    counts : callable
        From a task's position to the weighted number of labels of each of its classes, for `"balanced"`.

    Raises
    ------
    ValueError
        If a task or class is unknown, or a weight is negative or not a number.
    """
    if isinstance(class_weight, Mapping) and all(isinstance(value, Real) for value in class_weight.values()):
        for label in class_weight:
            if not any(label in of_task.tolist() for of_task in classes):
                raise ValueError(
                    f"class_weight names {label!r}, which is a class of no task; classes are "
                    + "; ".join(f"{name!r}: {of_task.tolist()}" for name, of_task in zip(names, classes, strict=True))
                    + "."
                )
        by_task: list[Any] = [
            {label: weight for label, weight in class_weight.items() if label in of_task.tolist()}
            for of_task in classes
        ]
    else:
        by_task = _by_task(class_weight, names, None, "class_weight")
    return [
        _weights_of_classes(value, name, classes[task], counts, task)
        for task, (name, value) in enumerate(zip(names, by_task, strict=True))
    ]


def _weights_of_classes(
    value: Any, name: str, classes: np.ndarray, counts: Callable[[int], np.ndarray], task: int
) -> np.ndarray | None:
    if value is None:
        return None
    if isinstance(value, str) and value == "balanced":
        count = counts(task)
        return np.asarray(count.sum() / (np.count_nonzero(count) * np.where(count > 0, count, 1.0)))
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
