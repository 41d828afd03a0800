"""Classification targets: labels of any kind to class codes, and probabilities back to labels of their own dtype."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..losses import Loss
from ._columns import Columns


class ClassificationTargets:
    """Labels of classification tasks as codes 0 … n_classes - 1, and back.

    Parameters
    ----------
    names : sequence of str
        Names of the tasks.
    losses : sequence of Loss
        Loss of each task.
    classes : list of ndarray
        Sorted classes of each task.

    Attributes
    ----------
    classes : list of ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.losses import LogLoss
    >>> from skmtl.tasks import ClassificationTargets, split_columns
    >>> targets = ClassificationTargets(["size"], [LogLoss()], [np.array(["large", "small"])])
    >>> targets.numbers(split_columns(["small", None, "large"])).ravel()
    array([ 1., nan,  0.])
    """

    def __init__(self, names: Sequence[str], losses: Sequence[Loss], classes: list[np.ndarray]) -> None:
        self.names = list(names)
        self.losses = list(losses)
        self.classes = classes

    @property
    def n_classes(self) -> list[int]:
        """Number of classes of each task."""
        return [len(classes) for classes in self.classes]

    @property
    def learnable(self) -> np.ndarray:
        """Which tasks there is something to learn for: those with two classes or more."""
        return np.array(self.n_classes) > 1

    def numbers(self, columns: Columns) -> np.ndarray:
        """Return the labels as class codes, `(n_samples, n_tasks)` floats, NaN where missing.

        Raises
        ------
        ValueError
            If a label is not among the classes of its task.
        """
        return self._codes(columns, strict=True)

    def known_numbers(self, columns: Columns) -> np.ndarray:
        """Return class codes, -1 for a label that is not among the classes (no prediction can equal it)."""
        return self._codes(columns, strict=False)

    def _codes(self, columns: Columns, strict: bool) -> np.ndarray:
        codes = np.full((columns.n_samples, len(self.names)), np.nan)
        for task, (name, classes) in enumerate(zip(self.names, self.classes, strict=True)):
            present = ~columns.missing[task]
            labels = columns.values[task][present]
            try:
                place = np.searchsorted(classes, labels) if len(classes) else np.zeros(len(labels), dtype=np.intp)
            except TypeError:  # labels that cannot be compared with the classes are none of them
                place = np.zeros(len(labels), dtype=np.intp)
            place = np.minimum(place, max(len(classes) - 1, 0))
            found = (
                np.asarray(classes[place] == labels, dtype=bool) if len(classes) else np.zeros(len(labels), dtype=bool)
            )
            if strict and not found.all():
                raise ValueError(
                    f"Task {name!r} holds the label {labels[~found].tolist()[0]!r}, which is not among its classes "
                    f"{classes.tolist()}."
                )
            codes[present, task] = np.where(found, place, -1)
        return codes

    def fit(self, numbers: np.ndarray, weights: np.ndarray) -> ClassificationTargets:
        """Do nothing: class codes need no units."""
        del numbers, weights
        return self

    def encode(self, numbers: np.ndarray) -> np.ndarray:
        """Return the codes as they are."""
        return numbers

    def continued(self, later: ClassificationTargets) -> ClassificationTargets:
        """Return the encoder of a model that is trained further.

        Raises
        ------
        ValueError
            If the classes of a task have changed.
        """
        for name, before, now in zip(self.names, self.classes, later.classes, strict=True):
            if not np.array_equal(before, now):
                raise ValueError(
                    f"The classes of task {name!r} were {before.tolist()} and are {now.tolist()} now; a model that is "
                    "trained further needs the same ones. Set warm_start=False to start anew."
                )
        return self

    def neutral(self) -> np.ndarray:
        """Return the code that stands in hidden cells: 0."""
        return np.zeros(len(self.names))

    def decode(self, probabilities: Sequence[np.ndarray]) -> np.ndarray:
        """Return the most probable label of each task, `(n_samples, n_tasks)`, in the dtype the labels came in.

        Columns of different kinds make an array of dtype object. A task without a known class predicts NaN.
        """
        columns: list[np.ndarray] = [
            classes[p.argmax(axis=1)] if len(classes) else np.full(len(p), np.nan)
            for classes, p in zip(self.classes, probabilities, strict=True)
        ]
        if len({column.dtype.kind for column in columns}) == 1:
            return np.stack(columns, axis=1)
        table = np.empty((len(columns[0]), len(columns)), dtype=object)
        for task, column in enumerate(columns):
            table[:, task] = column
        return table


def find_classes(columns: Columns, names: Sequence[str], labelled: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the sorted classes of each task among the labels that count.

    Parameters
    ----------
    columns : Columns
    names : sequence of str
    labelled : sequence of ndarray of bool of shape (n_samples,)
        For each task, which rows have a label of positive weight.

    Raises
    ------
    ValueError
        If the labels of a task are continuous, dates, or of kinds that cannot be compared.
    """
    return [sorted_classes(columns.values[task][labelled[task]], name) for task, name in enumerate(names)]


def sorted_classes(labels: np.ndarray, name: str) -> np.ndarray:
    """Return the sorted distinct labels of one task.

    Raises
    ------
    ValueError
        If the labels are continuous, dates, or of kinds that cannot be compared.
    """
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all():
            raise ValueError(f"Task {name!r} contains infinity; mark a missing label as NaN.")
        fractional = labels != np.floor(labels)
        if fractional.any():
            raise ValueError(
                f"Unknown label type: continuous. Task {name!r} holds {labels[fractional].tolist()[0]!r}; classes are "
                "strings, booleans or whole numbers. Use MultiTaskRegressor, or cut the target into bins."
            )
    if labels.dtype.kind not in "biufUSO":
        raise ValueError(
            f"Unknown label type: {labels.dtype} in task {name!r}; use strings, booleans or whole numbers."
        )
    try:
        return np.unique(labels)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in labels})
        raise ValueError(
            f"Task {name!r} mixes labels of types {kinds}, which cannot be compared; use one type."
        ) from error
