"""Classification targets: labels of any kind to class codes, and probabilities back to labels of their own dtype."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import accuracy_score

from ..losses import Loss
from ._columns import Categories, Columns
from ._targets import Targets, scored_cells


class ClassificationTargets(Targets):
    """Labels of classification tasks as codes 0 … n_classes - 1, and back.

    Parameters
    ----------
    names : sequence of str
        Names of the tasks.
    losses : sequence of Loss
        Loss of each task.
    classes : list of ndarray
        Classes of each task, in order.

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
        self._classes = classes

    @property
    def classes(self) -> list[np.ndarray]:
        """Classes of each task, in order."""
        return self._classes

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
            place, found = _places(classes, labels)
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

    def continued(self, later: Targets) -> ClassificationTargets:
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

    def decode(self, predicted: np.ndarray, task: int) -> np.ndarray:
        """Return probabilities as they are."""
        del task
        return predicted

    def labels(self, predicted: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the most probable label of each task in the dtype the labels came in; NaN without a known class."""
        return [
            classes[p.argmax(axis=1)] if len(classes) else np.full(len(p), np.nan)
            for classes, p in zip(self.classes, predicted, strict=True)
        ]

    def constants(self, numbers: np.ndarray, weights: np.ndarray) -> list[np.ndarray]:
        """Return the class shares of each task; NaN without a label."""
        constants = []
        for task, n_classes in enumerate(self.n_classes):
            counts = class_counts(numbers[:, task], weights[:, task], n_classes)
            constants.append(counts / counts.sum() if counts.any() else np.full(len(counts), np.nan))
        return constants

    def scores(self, columns: Columns, predicted: Sequence[np.ndarray], weights: np.ndarray) -> dict[int, float]:
        """Return the accuracy of each task that has labels and predictions."""
        truth, scores = self.known_numbers(columns), {}
        for task, probabilities in enumerate(predicted):
            cells = scored_cells(weights[:, task], probabilities)
            if cells.any() and probabilities.shape[1]:
                guess = probabilities[cells].argmax(axis=1)
                scores[task] = float(accuracy_score(truth[cells, task], guess, sample_weight=weights[cells, task]))
        return scores


def class_counts(codes: np.ndarray, weights: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the weighted number of labels of each class of one task, `(n_classes,)`."""
    present = weights > 0
    return np.bincount(codes[present].astype(np.intp), weights=weights[present], minlength=n_classes)


def stack_labels(labels: Sequence[np.ndarray]) -> np.ndarray:
    """Return columns of labels side by side, `(n_samples, n_columns)`; of dtype object if their kinds differ."""
    if len({column.dtype.kind for column in labels}) == 1:
        return np.stack(labels, axis=1)
    table = np.empty((len(labels[0]), len(labels)), dtype=object)
    for position, column in enumerate(labels):
        table[:, position] = column
    return table


def _places(classes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each label its place among the classes, and whether it is one of them."""
    nowhere = np.zeros(len(labels), dtype=np.intp), np.zeros(len(labels), dtype=bool)
    if not len(classes):
        return nowhere
    order = np.argsort(classes, kind="stable")
    try:
        place = np.searchsorted(classes, labels, sorter=order)
    except TypeError:  # labels that cannot be compared with the classes are none of them
        return nowhere
    place = order[np.minimum(place, len(classes) - 1)]
    return place, np.asarray(classes[place] == labels, dtype=bool)


def find_classes(
    columns: Columns, names: Sequence[str], weights: np.ndarray, losses: Sequence[Loss]
) -> list[np.ndarray]:
    """Return the classes of each task among the labels that count: sorted, or in the order that its categories have.

    Parameters
    ----------
    columns : Columns
    names : sequence of str
    weights : ndarray of shape (n_samples, n_tasks)
        Label weights, 0 where hidden.
    losses : sequence of Loss
        Loss of each task; an ordinal one needs an order.

    Raises
    ------
    ValueError
        If the labels of a task are continuous, dates, or of kinds that cannot be compared; or if an ordinal task has
        labels whose order is unknown.
    """
    found = []
    for task, (name, loss) in enumerate(zip(names, losses, strict=True)):
        classes = sorted_classes(columns.values[task][weights[:, task] > 0], name)
        categories = columns.categories[task]
        if categories is not None and categories.ordered:
            classes = categories.values[np.isin(categories.values, classes)].astype(classes.dtype)
        elif loss.name == "ordinal" and len(classes) > 2 and classes.dtype.kind not in "biuf":
            raise ValueError(
                f"Task {name!r} is ordinal, but nothing says in which order its classes {classes.tolist()} come: give "
                "numbers, or an ordered category, such as pandas.Categorical(labels, categories=[...], ordered=True)."
            )
        found.append(classes)
    return found


def given_classes(labels: np.ndarray, name: str, categories: Categories | None) -> np.ndarray:
    """Return classes that the user lists: sorted, or in the order that the categories of the labels have.

    Raises
    ------
    ValueError
        If they are continuous, dates, or of kinds that cannot be compared.
    """
    classes = sorted_classes(labels, name)
    if categories is None or not categories.ordered or not np.isin(classes, categories.values).all():
        return classes
    return categories.values[np.isin(categories.values, classes)].astype(classes.dtype)


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
                "strings, booleans or whole numbers. Use MultiTaskRegressor (in MultiTaskEstimator, the task type "
                "'regression'), or cut the target into bins."
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
