"""Regression targets: labels to float columns near mean 0 and variance 1, and predictions back to their units."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from sklearn.metrics import r2_score

from ..losses import Loss
from ._columns import Columns
from ._statistics import scaling
from ._targets import Targets, scored_cells


class RegressionTargets(Targets):
    """Labels of regression tasks in units in which float32 loses nothing, and back.

    The units serve arithmetic alone. What a member learns from is scaled once more by statistics of its own training
    labels (`member_statistics`), so that its holdout stays unseen.

    Parameters
    ----------
    names : sequence of str
        Names of the tasks.
    losses : sequence of Loss
        Loss of each task, which decides how it is scaled.

    Attributes
    ----------
    center_, unit_ : ndarray of shape (n_tasks,)
        A label `y` is encoded as `(y - center_) / unit_`. NaN until a task's first label is seen.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.losses import SquaredError
    >>> from skmtl.tasks import RegressionTargets
    >>> prices = np.array([[1.0], [3.0]])
    >>> targets = RegressionTargets(["price"], [SquaredError()]).fit(prices, np.ones((2, 1)))
    >>> targets.encode(prices).ravel()
    array([-1.,  1.])
    """

    def __init__(self, names: Sequence[str], losses: Sequence[Loss]) -> None:
        self.names = list(names)
        self.losses = list(losses)
        self.center_ = np.full(len(self.names), np.nan)
        self.unit_ = np.full(len(self.names), np.nan)

    @property
    def classes(self) -> list[np.ndarray]:
        """Classes of each task: none."""
        return [np.empty(0)] * len(self.names)

    @property
    def n_classes(self) -> list[int]:
        """Stands for "no classes": 1."""
        return [1] * len(self.names)

    @property
    def learnable(self) -> np.ndarray:
        """Which tasks there is something to learn for: all."""
        return np.ones(len(self.names), dtype=bool)

    def numbers(self, columns: Columns) -> np.ndarray:
        """Return the labels as floats, `(n_samples, n_tasks)`, NaN where missing.

        Raises
        ------
        ValueError
            If a task holds something that is no number, an infinite value, or labels that its loss refuses.
        """
        numbers = np.empty((columns.n_samples, len(self.names)))
        for task, name in enumerate(self.names):
            values, missing = columns.values[task], columns.missing[task]
            if values.dtype.kind in "mM":
                raise ValueError(f"Task {name!r} holds labels that are not numbers but {values.dtype}.")
            try:
                numbers[:, task] = values if not missing.any() else np.where(missing, 0, values)
            except (TypeError, ValueError) as error:
                raise ValueError(f"Task {name!r} holds labels that are not numbers: {error}") from error
            if not np.isfinite(numbers[:, task]).all():
                row = int(np.argmin(np.isfinite(numbers[:, task])))
                raise ValueError(
                    f"Task {name!r} contains infinity or a value too large for float64 (first in row {row}). Mark a "
                    "missing label as NaN; clip or transform the others."
                )
            if complaint := self.losses[task].complaint(numbers[~missing, task]):
                raise ValueError(f"Task {name!r}: {complaint}.")
            numbers[missing, task] = np.nan
        return numbers

    def fit(self, numbers: np.ndarray, weights: np.ndarray) -> RegressionTargets:
        """Choose the units of every task that has none yet, from labels of positive weight."""
        for task, loss in enumerate(self.losses):
            present = weights[:, task] > 0
            if not np.isnan(self.unit_[task]) or not present.any():
                continue
            labels, weight = numbers[present, task], weights[present, task]
            mean = np.average(labels, weights=weight)
            if loss.scaling == "mean":
                self.center_[task], self.unit_[task] = 0.0, mean if mean > 0 else 1.0
            else:
                self.center_[task], self.unit_[task] = mean, _spread(labels - mean, weight, abs(mean))
        return self

    def encode(self, numbers: np.ndarray) -> np.ndarray:
        """Return labels in the units of training, NaN where missing."""
        return np.asarray((numbers - self.center_) / self.unit_)

    def decode(self, predicted: np.ndarray, task: int) -> np.ndarray:
        """Return predictions of one task, in units of training, in the units of y."""
        return np.asarray(predicted * self.unit_[task] + self.center_[task])

    def labels(self, predicted: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the number that each task's loss predicts: the mean, or one of several quantiles."""
        return [
            np.asarray(loss.point(torch.from_numpy(values)))
            for loss, values in zip(self.losses, predicted, strict=True)
        ]

    def constants(self, numbers: np.ndarray, weights: np.ndarray) -> list[np.ndarray]:
        """Return the mean of each task's labels, or their quantiles; NaN without a label."""
        constants, encoded = [], self.encode(numbers)
        for task, loss in enumerate(self.losses):
            present = weights[:, task] > 0
            if not present.any():
                constants.append(np.full(loss.width(1), np.nan).squeeze())
                continue
            values, weight = encoded[present, task], weights[present, task]
            shift, scale = scaling(values, weight, loss)
            start = torch.from_numpy(loss.start((values - shift) / scale, weight, 1))
            predicted = loss.inverse_link(start).numpy() * scale + shift
            constants.append(self.decode(predicted, task).squeeze())
        return constants

    def known_numbers(self, columns: Columns) -> np.ndarray:
        """Return the labels as floats; see `numbers`."""
        return self.numbers(columns)

    def scores(self, columns: Columns, predicted: Sequence[np.ndarray], weights: np.ndarray) -> dict[int, float]:
        """Return the R² of each task that has labels and predictions."""
        # R² knows no units, and in these ones no square overflows.
        truth = self.encode(self.numbers(columns))
        guess = self.encode(np.column_stack(self.labels(predicted)))
        scores = {}
        for task, values in enumerate(predicted):
            cells = scored_cells(weights[:, task], values)
            if cells.any():
                scores[task] = float(
                    r2_score(truth[cells, task], guess[cells, task], sample_weight=weights[cells, task])
                )
        return scores

    def continued(self, later: Targets) -> RegressionTargets:
        """Return a copy that keeps its units, for a model that is trained further."""
        del later
        return copy.deepcopy(self)

    def neutral(self) -> np.ndarray:
        """Return a value per task that any loss can take, to stand in hidden cells."""
        return np.array([1.0 if loss.scaling == "mean" else 0.0 for loss in self.losses])


def _spread(deviation: np.ndarray, weight: np.ndarray, magnitude: float) -> float:
    """Weighted standard deviation that neither overflows nor takes rounding errors for variance."""
    peak = np.abs(deviation).max()
    if peak <= 16 * np.finfo(float).eps * magnitude or peak == 0:
        return 1.0
    return float(peak * np.sqrt(np.average((deviation / peak) ** 2, weights=weight)))
