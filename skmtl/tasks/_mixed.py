"""Targets of several kinds side by side: each column is encoded by the encoder of its kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..losses import Loss
from ._columns import Columns
from ._targets import Targets


class MixedTargets(Targets):
    """Encoders of several kinds, each for some of the columns.

    Parameters
    ----------
    names : sequence of str
        Names of all columns.
    parts : list of tuple of ndarray of int and Targets
        Positions of the columns that an encoder serves, and the encoder.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.losses import LogLoss, SquaredError
    >>> from skmtl.tasks import ClassificationTargets, MixedTargets, RegressionTargets, split_columns
    >>> size = ClassificationTargets(["size"], [LogLoss()], [np.array(["large", "small"])])
    >>> price = RegressionTargets(["price"], [SquaredError()])
    >>> targets = MixedTargets(["price", "size"], [(np.array([0]), price), (np.array([1]), size)])
    >>> targets.numbers(split_columns([[3.0, "small"], [4.0, None]]))
    array([[ 3.,  1.],
           [ 4., nan]])
    """

    def __init__(self, names: Sequence[str], parts: list[tuple[np.ndarray, Targets]]) -> None:
        self.names = list(names)
        self.parts = [(positions, targets) for positions, targets in parts if len(positions)]
        self.losses: list[Loss] = self._gather(lambda targets: targets.losses)

    def _gather(self, read: Callable[[Targets], Sequence[Any]]) -> list[Any]:
        """Return one entry a column of what each encoder has for its own."""
        entries: list[Any] = [None] * len(self.names)
        for positions, targets in self.parts:
            for position, entry in zip(positions, read(targets), strict=True):
                entries[position] = entry
        return entries

    def _table(self, values: Callable[[np.ndarray, Targets], np.ndarray], n_rows: int) -> np.ndarray:
        table = np.empty((n_rows, len(self.names)))
        for positions, targets in self.parts:
            table[:, positions] = values(positions, targets)
        return table

    @property
    def classes(self) -> list[np.ndarray]:
        """Classes of each column, in order; empty in regression."""
        return self._gather(lambda targets: targets.classes)

    @property
    def n_classes(self) -> list[int]:
        """Number of classes of each column; 1 in regression."""
        return self._gather(lambda targets: targets.n_classes)

    @property
    def learnable(self) -> np.ndarray:
        """Which columns there is something to learn for."""
        return np.array(self._gather(lambda targets: targets.learnable.tolist()), dtype=bool)

    def numbers(self, columns: Columns) -> np.ndarray:
        """Return the labels as floats; see `Targets.numbers`."""
        return self._table(lambda own, targets: targets.numbers(columns.select(own)), columns.n_samples)

    def known_numbers(self, columns: Columns) -> np.ndarray:
        """Return the labels as floats to score against; see `Targets.known_numbers`."""
        return self._table(lambda own, targets: targets.known_numbers(columns.select(own)), columns.n_samples)

    def fit(self, numbers: np.ndarray, weights: np.ndarray) -> MixedTargets:
        """Let each encoder choose its units; see `Targets.fit`."""
        for own, targets in self.parts:
            targets.fit(numbers[:, own], weights[:, own])
        return self

    def encode(self, numbers: np.ndarray) -> np.ndarray:
        """Return labels in the units of training; see `Targets.encode`."""
        return self._table(lambda own, targets: targets.encode(numbers[:, own]), len(numbers))

    def decode(self, predicted: np.ndarray, task: int) -> np.ndarray:
        """Return what was predicted for one column in the units of `y`; see `Targets.decode`."""
        for own, targets in self.parts:
            if task in own:
                return targets.decode(predicted, int(np.flatnonzero(own == task)[0]))
        raise IndexError(f"There is no column {task} among {len(self.names)}.")

    def labels(self, predicted: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the labels that users see; see `Targets.labels`."""
        columns: list[Any] = [None] * len(self.names)
        for own, targets in self.parts:
            for position, values in zip(own, targets.labels([predicted[place] for place in own]), strict=True):
                columns[position] = values
        return columns

    def constants(self, numbers: np.ndarray, weights: np.ndarray) -> list[np.ndarray]:
        """Return the decoded prediction of each column that needs no features; see `Targets.constants`."""
        columns: list[Any] = [None] * len(self.names)
        for own, targets in self.parts:
            for position, value in zip(own, targets.constants(numbers[:, own], weights[:, own]), strict=True):
                columns[position] = value
        return columns

    def scores(self, columns: Columns, predicted: Sequence[np.ndarray], weights: np.ndarray) -> dict[int, float]:
        """Return the score of each column, by its position; see `Targets.scores`."""
        scores = {}
        for own, targets in self.parts:
            part = targets.scores(columns.select(own), [predicted[place] for place in own], weights[:, own])
            scores.update({int(own[position]): score for position, score in part.items()})
        return dict(sorted(scores.items()))

    def neutral(self) -> np.ndarray:
        """Return a value per column that any loss can take; see `Targets.neutral`."""
        return np.array(self._gather(lambda targets: targets.neutral().tolist()))

    def continued(self, later: Targets) -> MixedTargets:
        """Return the encoder of a model that is trained further; see `Targets.continued`."""
        parts = later.parts if isinstance(later, MixedTargets) else []
        pairs = zip(self.parts, parts, strict=True)
        return MixedTargets(self.names, [(own, targets.continued(new)) for (own, targets), (_, new) in pairs])
