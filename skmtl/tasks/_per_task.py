"""Parameters with a value per task: one value for all, a sequence in column order, or a dict by task name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from .._spelling import likely_and_known
from ..losses import CLASSIFICATION_LOSSES, MULTILABEL_LOSSES, REGRESSION_LOSSES, Loss
from ._structure import TaskStructure

# What each type of task may be learned with, and what it is learned with by default.
LOSSES_BY_TYPE: dict[str, tuple[dict[str, type[Loss]], str]] = {
    "regression": (REGRESSION_LOSSES, "squared_error"),
    "count": (REGRESSION_LOSSES, "poisson"),
    "classification": (CLASSIFICATION_LOSSES, "log_loss"),
    "ordinal": (CLASSIFICATION_LOSSES, "ordinal"),
    "multilabel": (MULTILABEL_LOSSES, "multilabel"),
}


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


def values_by_task(value: Any, names: Sequence[str], default: Any, parameter: str) -> list[Any]:
    """Return the value of each task: one for all, a sequence in order, or a dict by name."""
    if isinstance(value, Mapping):
        for name in value:
            if name not in names:
                raise unknown_task(parameter, name, names)
        return [value.get(name, default) for name in names]
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim):
        values = list(value)
        if len(values) != len(names):
            raise ValueError(
                f"{parameter} has {len(values)} entries, but y has {len(names)} tasks: {', '.join(map(repr, names))}."
            )
        return values
    return [default if value is None else value] * len(names)


def unknown_task(parameter: str, name: Any, known: Iterable[str]) -> ValueError:
    """Return the error of a task that does not exist: it lists the known ones and proposes the likely one."""
    return ValueError(f"{parameter} names an unknown task {name!r}.{likely_and_known(name, known, 'tasks')}")


def task_weights_by_task(task_weights: Any, names: Sequence[str]) -> np.ndarray:
    """Return the weight of each task, `(n_tasks,)`.

    Raises
    ------
    ValueError
        If a task is unknown, or a weight is negative, not finite or not a number, or all are 0.
    """
    values = values_by_task(task_weights, names, 1.0, "task_weights")
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
        _as_loss(value, name, known)
        for name, value in zip(names, values_by_task(loss, names, default, "loss"), strict=True)
    ]


def losses_by_type(loss: Any, structure: TaskStructure) -> list[Loss]:
    """Return the loss of each column, tasks being of several types.

    Parameters
    ----------
    loss : None, str, Loss, sequence or dict
        None is each type's own loss; a single loss serves the tasks whose type it suits, and the others have their own.
    structure : TaskStructure

    Raises
    ------
    ValueError
        If a task or a loss is unknown, or suits no task.
    """
    values = values_by_task(loss, structure.names, None, "loss")
    single = isinstance(loss, (str, Loss))
    suits = [_suits(loss, LOSSES_BY_TYPE[kind][0]) for kind in structure.types]
    if single and not any(suits):
        raise ValueError(
            f"loss={loss!r} suits none of the tasks: "
            + "; ".join(
                f"{name!r} ({kind}) takes {', '.join(map(repr, LOSSES_BY_TYPE[kind][0]))}"
                for name, kind in zip(structure.names, structure.types, strict=True)
            )
            + "."
        )
    losses = []
    for value, name, kind, suitable in zip(values, structure.names, structure.types, suits, strict=True):
        known, default = LOSSES_BY_TYPE[kind]
        losses.append(_as_loss(default if value is None or (single and not suitable) else value, name, known))
    return [losses[task] for task in structure.task_of_column]


def _suits(loss: Any, known: Mapping[str, type[Loss]]) -> bool:
    return type(loss) in known.values() if isinstance(loss, Loss) else loss in known if isinstance(loss, str) else False


def _as_loss(value: Any, name: str, known: Mapping[str, type[Loss]]) -> Loss:
    if isinstance(value, Loss) and type(value) in known.values():
        return value
    if isinstance(value, str) and value in known:
        return known[value]()
    raise ValueError(f"Unknown loss {value!r} of task {name!r}.{likely_and_known(value, known, 'losses')}")
