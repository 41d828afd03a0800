"""What every encoder of labels can do: labels to floats for the engine, and predictions back to what users see."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from ..losses import Loss
from ._columns import Columns


class Targets(ABC):
    """Base of the encoders of labels; one entry per column of `y` throughout.

    Attributes
    ----------
    names : list of str
        Names of the columns.
    losses : list of Loss
        Loss of each column.

    Examples
    --------
    >>> from skmtl.tasks import ClassificationTargets, RegressionTargets
    >>> from skmtl.tasks import Targets
    >>> issubclass(ClassificationTargets, Targets) and issubclass(RegressionTargets, Targets)
    True
    """

    names: list[str]
    losses: list[Loss]

    @property
    @abstractmethod
    def classes(self) -> list[np.ndarray]:
        """Classes of each column, in order; empty in regression."""

    @property
    @abstractmethod
    def n_classes(self) -> list[int]:
        """Number of classes of each column; 1 in regression."""

    @property
    @abstractmethod
    def learnable(self) -> np.ndarray:
        """Which columns there is something to learn for."""

    @abstractmethod
    def numbers(self, columns: Columns) -> np.ndarray:
        """Return the labels as floats, `(n_samples, n_columns)`, NaN where missing.

        Raises
        ------
        ValueError
            If a label is none that its column can have.
        """

    @abstractmethod
    def known_numbers(self, columns: Columns) -> np.ndarray:
        """Return the labels as floats to score against; a class that was not seen at fit is -1."""

    @abstractmethod
    def fit(self, numbers: np.ndarray, weights: np.ndarray) -> Targets:
        """Choose the units of every column that has none yet, from labels of positive weight."""

    @abstractmethod
    def encode(self, numbers: np.ndarray) -> np.ndarray:
        """Return labels in the units of training."""

    @abstractmethod
    def decode(self, predicted: np.ndarray, task: int) -> np.ndarray:
        """Return what was predicted for one column in the units of `y`: `(n,)`, `(n, n_levels)` or `(n, n_classes)`."""

    @abstractmethod
    def labels(self, predicted: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the labels that users see, `(n,)` a column, of decoded predictions."""

    @abstractmethod
    def constants(self, numbers: np.ndarray, weights: np.ndarray) -> list[np.ndarray]:
        """Return the decoded prediction of each column that needs no features; NaN without a label."""

    @abstractmethod
    def scores(self, columns: Columns, predicted: Sequence[np.ndarray], weights: np.ndarray) -> dict[int, float]:
        """Return the score of each column with a label of positive weight and a prediction, by its position."""

    @abstractmethod
    def neutral(self) -> np.ndarray:
        """Return a value per column that any loss can take, to stand in hidden cells."""

    @abstractmethod
    def continued(self, later: Targets) -> Targets:
        """Return the encoder of a model that is trained further on labels that `later` encodes.

        Raises
        ------
        ValueError
            If labels mean something else now.
        """


def scored_cells(weights: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return which rows of one column have a label of positive weight and a prediction."""
    cells: np.ndarray = (weights > 0) & ~np.isnan(predicted if predicted.ndim == 1 else predicted.sum(axis=1))
    return cells
