"""The kernel companion: a recursive feature machine for several tasks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from ._columns import RankedColumns
from ._ridge import Cells, Smoother

SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)  # times the median distance
RIDGES = np.logspace(-4, 3, 8)
N_ROUNDS = 3
# Feature weights stay at least this share of their mean: a column that seems useless may still be needed.
SMALLEST_WEIGHT = 0.05
# Rows at which slopes are measured.
SLOPE_ROWS = 400
# Rows that the kernel is fitted to; of more, the first so many.
MOST_ROWS = 1200
# Values of distances that are held at a time while predicting.
CHUNK_VALUES = 2**22


class _Choice(NamedTuple):
    """What is best for a task so far: its error, where it was found, and the fit itself."""

    error: float
    round: int
    scale: float
    coefficients: np.ndarray  # (n,)
    left_out: np.ndarray  # (n,)


class KernelCompanion:
    """Ridge regression on `exp(-‖w ∘ (x − x')‖₁ / s)`, whose feature weights `w` are learned for all tasks together.

    `w` starts at 1 and is renewed twice: the root of the fit's mean squared slope along each column, summed over tasks
    by their weights, scaled to mean 1. Scale, ridge and round are chosen for each task by leave-one-out error.

    Attributes
    ----------
    feature_weights_ : ndarray of shape (N_ROUNDS, K)
        Of each round, a column of `RankedColumns` each.
    left_out_ : ndarray of shape (n, T)
        Predictions of rows by a fit without them.

    References
    ----------
    Radhakrishnan, A., Beaglehole, D., Pandit, P., and Belkin, M. (2024). Mechanism for feature learning in neural
    networks and backpropagation-free machine learning models. Science.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.companions import KernelCompanion
    >>> X = np.random.default_rng(0).uniform(-1, 1, size=(200, 3))
    >>> y = np.abs(X[:, :1]) - np.abs(X[:, :1]).mean()
    >>> model = KernelCompanion().fit(X, y, np.ones((200, 1)), np.ones(1))
    >>> bool(np.argmax(model.feature_weights_[-1]) in (0, 3))  # the first column, or its rank
    True
    """

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray,
        task_weights: np.ndarray,
        generator: np.random.Generator | None = None,
    ) -> KernelCompanion:
        """Fit all tasks.

        Parameters
        ----------
        X : ndarray of shape (n, C)
            Standardised columns. Rows beyond the first 1,200 are predicted, not fitted to: they are to be in an order
            that says nothing.
        y : ndarray of shape (n, T)
            Targets of mean 0 and variance 1 for each task; anything finite in cells without a label.
        weights : ndarray of shape (n, T)
            Weights of cells, 0 without a label; every row has one that is not.
        task_weights : ndarray of shape (T,)
            How much each task's slopes count in the feature weights.
        generator : numpy.random.Generator or None, default=None
            Draws the rows at which slopes are measured, if there are many; None: `default_rng(0)`.
        """
        self.columns_ = RankedColumns(X, weights.max(1))
        cells = Cells(y[:MOST_ROWS], weights[:MOST_ROWS])
        self._rows = self.columns_.transform(X[:MOST_ROWS])
        n_rows, n_columns = self._rows.shape
        generator = generator or np.random.default_rng(0)
        slope_rows = np.sort(generator.permutation(n_rows)[:SLOPE_ROWS])
        best: list[_Choice | None] = [None] * y.shape[1]
        feature_weights, scales = np.ones(n_columns), SCALES
        kept = []
        for turn in range(N_ROUNDS):
            kept.append(feature_weights)
            distances = cdist(self._rows * feature_weights, self._rows * feature_weights, "cityblock")
            median = _median(distances)
            found = _search(distances, [scale * median for scale in scales], cells, turn)
            best = [new if old is None or new.error < old.error else old for old, new in zip(best, found, strict=True)]
            if turn < N_ROUNDS - 1:
                slopes = _slopes(distances, self._rows, feature_weights, found, slope_rows)  # (K, T)
                feature_weights = np.sqrt(slopes @ task_weights)
                mean = feature_weights.mean()
                if not mean > 0:  # nothing was learned, and nothing will be
                    break
                feature_weights = np.maximum(feature_weights / mean, SMALLEST_WEIGHT)
        self.feature_weights_ = np.stack(kept)
        self._choices = [choice for choice in best if choice is not None]
        left_out = np.stack([choice.left_out for choice in self._choices], 1)
        self.left_out_ = np.concatenate([left_out, self.predict(X[MOST_ROWS:])])
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return predictions, `(n, T)`.

        Parameters
        ----------
        X : ndarray of shape (n, C)
        """
        result = np.zeros((len(X), len(self._choices)))
        step = max(1, CHUNK_VALUES // len(self._rows))
        kinds = sorted({(choice.round, choice.scale) for choice in self._choices})
        for first in range(0, len(X), step):
            rows = self.columns_.transform(X[first : first + step])
            for turn, scale in kinds:
                tasks = [t for t, c in enumerate(self._choices) if (c.round, c.scale) == (turn, scale)]
                weights = self.feature_weights_[turn]
                kernel = np.exp(-cdist(rows * weights, self._rows * weights, "cityblock") / scale)
                result[first : first + step, tasks] = kernel @ np.stack(
                    [self._choices[task].coefficients for task in tasks], 1
                )
        return result


def _median(distances: np.ndarray) -> float:
    """Return the median distance of different rows; 1 if all are equal."""
    above = distances[np.triu_indices(len(distances), 1)]
    median = float(np.median(above)) if len(above) else 0.0
    return median if median > 0 else float(above.mean()) if above.any() else 1.0


def _search(distances: np.ndarray, scales: list[float], cells: Cells, turn: int) -> list[_Choice]:
    """Return the best scale and ridge of each task."""
    best: list[_Choice | None] = [None] * cells.targets.shape[1]
    for scale in scales:
        kernel = np.exp(-distances / scale)
        roots = np.sqrt(cells.rows)
        values, vectors = np.linalg.eigh(roots[:, None] * kernel * roots)
        smoother = Smoother(vectors, values, cells, intercept=False)
        for ridge in RIDGES:
            loads, left_out = smoother.solve(ridge)
            errors = cells.errors(left_out)
            better = [task for task, choice in enumerate(best) if choice is None or errors[task] < choice.error]
            if better:
                inverse = loads[:, better] / (smoother.values + ridge)[:, None]
                coefficients = roots[:, None] * (vectors @ inverse)
                for place, task in enumerate(better):
                    best[task] = _Choice(float(errors[task]), turn, scale, coefficients[:, place], left_out[:, task])
    return [choice for choice in best if choice is not None]


def _slopes(
    distances: np.ndarray, rows: np.ndarray, weights: np.ndarray, choices: list[_Choice], places: np.ndarray
) -> np.ndarray:
    """Return the mean squared slope of each task's fit along each column, `(K, T)`."""
    slopes = np.zeros((rows.shape[1], len(choices)))
    for scale in sorted({choice.scale for choice in choices}):
        tasks = [task for task, choice in enumerate(choices) if choice.scale == scale]
        coefficients = np.stack([choices[task].coefficients for task in tasks], 1)
        kernel = np.exp(-distances[places] / scale)
        for column in range(rows.shape[1]):
            values = rows[:, column]
            signs = np.sign(values[places, None] - values)
            slope = (kernel * signs) @ coefficients * (weights[column] / scale)
            slopes[column, tasks] = (slope**2).mean(0)
    return slopes
