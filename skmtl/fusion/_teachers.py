"""What fitted models say of rows, task by task: numbers, or probabilities of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..estimators._base import BaseMultiTask


@dataclass
class SoftColumn:
    """What is predicted of one column of y.

    Attributes
    ----------
    name : str
    task : str
        The task it belongs to: itself, but for a column of a group.
    kind : str
        The type of that task.
    values : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Numbers, or probabilities of classes.
    classes : ndarray of shape (n_classes,) or None
        None: a column of numbers.
    """

    name: str
    task: str
    kind: str
    values: np.ndarray
    classes: np.ndarray | None


def soft_columns(teachers: Mapping[str, Any] | Sequence[Any], X: Any, *, out_of_fold: bool) -> list[SoftColumn]:
    """Return what all teachers say of X.

    Parameters
    ----------
    teachers : sequence of estimators, or dict of them by task name
    X : Any
    out_of_fold : bool
        Whether X is what they were fitted to, and each row's prediction is to come from members that held it out.

    Raises
    ------
    ValueError
        If a teacher cannot be read, two of them are for the same task, or there are no predictions out of fold.
    """
    named = teachers.items() if isinstance(teachers, Mapping) else ((None, teacher) for teacher in teachers)
    found: list[SoftColumn] = []
    for name, teacher in named:
        check_is_fitted(teacher)
        own = _of_ours(teacher, X, out_of_fold) if isinstance(teacher, BaseMultiTask) else None
        if own is None:
            own = [_of_another(name, teacher, X, out_of_fold)]
        elif name is not None:
            if len(own) > 1:
                raise ValueError(f"The teacher of {name!r} has {len(own)} columns: give such teachers in a list.")
            own[0].name = own[0].task = name
        for column in own:
            if column.name in [other.name for other in found]:
                raise ValueError(
                    f"Two teachers are for the task {column.name!r}. Give them in a dict by the names that the "
                    "student's tasks shall have: {'price': …, 'kind': …}."
                )
        found += own
    return found


def _of_ours(teacher: BaseMultiTask, X: Any, out_of_fold: bool) -> list[SoftColumn]:
    """Return what an estimator of this package says, for each column of its y."""
    model = teacher._model
    structure, targets = model.structure, model.targets
    if wide := [name for name, loss in zip(targets.names, targets.losses, strict=True) if loss.name == "quantile"]:
        raise ValueError(
            f"Task {wide[0]!r} of a teacher has quantile loss. Its quantiles are of labels, and nothing that a student "
            "could learn from predictions: fit the student to labels."
        )
    said = _by_column(teacher, teacher._out_of_fold_shape(teacher._predict_values(X)))
    if out_of_fold:
        if not hasattr(teacher, "oof_prediction_"):
            raise ValueError("out_of_fold=True needs teachers with oof_prediction_: fitted with early stopping.")
        held_out = _by_column(teacher, teacher.oof_prediction_)
        if len(held_out[0]) != len(said[0]):
            raise ValueError(
                f"out_of_fold=True needs the rows that teachers were fitted to, but X has {len(said[0])} and a teacher "
                f"was fitted to {len(held_out[0])}."
            )
        # Rows that no member held out: those that had no label, of which nothing was learned.
        said = [np.where(np.isnan(one), other, one) for one, other in zip(held_out, said, strict=True)]
    return [
        SoftColumn(
            name,
            structure.names[structure.task_of_column[column]],
            structure.types[structure.task_of_column[column]],
            said[column],
            targets.classes[column] if len(targets.classes[column]) else None,
        )
        for column, name in enumerate(structure.columns)
    ]


def _by_column(teacher: BaseMultiTask, predicted: Any) -> list[np.ndarray]:
    """Return predictions in the shape that users see as one array a column: `(n,)`, or `(n, K)` of classes."""
    structure = teacher._model.structure
    if isinstance(predicted, list):
        return [np.asarray(one) for one in predicted]
    if isinstance(predicted, dict):
        result: list[np.ndarray] = [np.empty(0)] * len(structure.columns)
        for task, (name, kind) in enumerate(zip(structure.names, structure.types, strict=True)):
            columns = structure.columns_of(task).tolist()
            for place, column in enumerate(columns):
                own = predicted[name]
                result[column] = np.stack([1 - own[:, place], own[:, place]], 1) if kind == "multilabel" else own
        return result
    return [predicted] if len(structure.columns) == 1 else list(np.asarray(predicted).T)


def _of_another(name: str | None, teacher: Any, X: Any, out_of_fold: bool) -> SoftColumn:
    """Return what an estimator of one task from elsewhere says."""
    if name is None or out_of_fold:
        raise ValueError(
            f"{type(teacher).__name__} is no estimator of this package: give it in a dict by its task's name, "
            "{'price': …}, and with out_of_fold=False."
        )
    classes = getattr(teacher, "classes_", None)
    values = np.asarray(teacher.predict(X) if classes is None else teacher.predict_proba(X))
    if values.ndim != (1 if classes is None else 2):
        raise ValueError(
            f"The teacher of {name!r} predicts values of shape {values.shape}; one from elsewhere must have one task."
        )
    return SoftColumn(name, name, "regression" if classes is None else "classification", values, classes)
