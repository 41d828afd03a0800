"""The kernel companion: a recursive feature machine for several tasks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from ._columns import RankedColumns
from ._ridge import Cells, Smoother, thin_vectors

SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)  # times the median distance
RIDGES = np.logspace(-4, 3, 8)
N_ROUNDS = 3
# Feature weights stay at least this share of their mean: a column that seems useless may still be needed.
SMALLEST_WEIGHT = 0.05
# Rows at which slopes are measured: at most, and so many that they look at this many values.
SLOPE_ROWS, SLOPE_VALUES = 400, 2**28
# Parts of the rows, each of which is predicted by feature weights that were learned without it: the fewer rows there
# are, the more parts, at least and at most these numbers.
PARTED_ROWS, FEWEST_PARTS, MOST_PARTS = 3000, 5, 20
# Rows on which feature weights and scales are found, by the exact kernel.
EXACT_ROWS = 1200
# Of more rows, these are landmarks: what is fitted to all rows is a sum over them.
LANDMARKS = 1000
# Rows that are fitted to at all.
MOST_ROWS = 2**15
# Of a table for which the fit is still cheap: values, and values that are subtracted for the distances of all rows.
MOST_VALUES, MOST_DIFFERENCES = 2**25, 2**32
# Values of distances that are held at a time while predicting.
CHUNK_VALUES = 2**22


@dataclass
class _Choice:
    """What is best for a task so far.

    Attributes
    ----------
    error : float
    round : int
        Whose feature weights it uses.
    relative_scale, scale, ridge : float
        The scale is relative to the median distance, and absolute.
    coefficients : ndarray of shape (R,)
        Of the rows that the kernel compares with.
    left_out : ndarray of shape (n,)
    slopes : ndarray of shape (C,) or None
        Of the columns themselves, beside the kernel.
    """

    error: float
    round: int
    relative_scale: float
    scale: float
    ridge: float
    coefficients: np.ndarray
    left_out: np.ndarray
    slopes: np.ndarray | None = None


class KernelCompanion:
    """Ridge regression on `exp(-‖w ∘ (x − x')‖₁ / s)`, whose feature weights `w` are learned for all tasks together.

    `w` starts at 1 and is renewed twice: the root of the fit's mean squared slope along each column, summed over tasks
    by their weights, scaled to mean 1. Scale and ridge are chosen for each task by leave-one-out error, the round by
    the error on parts of the rows of feature weights that were learned on the others: a row's own part in them would
    hide that useless columns were made much of.

    Of more than 1,200 rows, the first find feature weights and scales; then a sum over 1,000 landmarks, with the
    columns themselves beside it, is fitted to all rows (the Nyström method). Rows beyond 32,768 are predicted, not
    fitted to.

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

    @staticmethod
    def affordable(n_rows: int, n_columns: int) -> bool:
        """Whether a table is small enough for a fit that is not asked for by name.

        Parameters
        ----------
        n_rows, n_columns : int
        """
        return n_rows * n_columns <= MOST_VALUES and min(n_rows, EXACT_ROWS) ** 2 * n_columns <= MOST_DIFFERENCES

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray,
        task_weights: np.ndarray,
        together: np.ndarray | None = None,
        generator: np.random.Generator | None = None,
    ) -> KernelCompanion:
        """Fit all tasks.

        Parameters
        ----------
        X : ndarray of shape (n, C)
            Standardised columns; rows in an order that says nothing, if there are many.
        y : ndarray of shape (n, T)
            Targets of mean 0 and variance 1 for each task; anything finite in cells without a label.
        weights : ndarray of shape (n, T)
            Weights of cells, 0 without a label; every row has one that is not.
        task_weights : ndarray of shape (T,)
            How much each task's slopes count in the feature weights.
        together : ndarray of int of shape (n,) or None, default=None
            Rows of equal number are left out together; None: each alone.
        generator : numpy.random.Generator or None, default=None
            Draws the rows at which slopes are measured, if there are many; None: `default_rng(0)`.
        """
        self.columns_ = RankedColumns(X, weights.max(1))
        fitted = slice(0, MOST_ROWS)
        exact = slice(0, EXACT_ROWS)
        self._rows = self.columns_.transform(X[exact])
        self._order = _dense_ranks(X[exact])
        together = np.arange(len(X)) if together is None else together
        choices = self._search_rounds(Cells(y[exact], weights[exact]), task_weights, together[exact], generator)
        if len(X) > EXACT_ROWS:
            self._rows = self._rows[:LANDMARKS]
            choices = self._refit(choices, X[fitted], Cells(y[fitted], weights[fitted]), together[fitted])
        left_out = np.stack([choice.left_out for choice in choices], 1)
        self._choices = [replace(choice, left_out=np.empty(0)) for choice in choices]
        del self._order
        self.left_out_ = np.concatenate([left_out, self.predict(X[len(left_out) :])])
        return self

    def _search_rounds(
        self,
        cells: Cells,
        task_weights: np.ndarray,
        together: np.ndarray,
        generator: np.random.Generator | None,
    ) -> list[_Choice]:
        """Renew the feature weights, and return the best fit of each task in any round."""
        n_rows, n_columns = self._rows.shape
        generator = generator or np.random.default_rng(0)
        slope_rows = np.sort(generator.permutation(n_rows)[: self._n_slope_rows()])
        rounds: list[list[_Choice]] = []
        feature_weights, kept, scales = np.ones(n_columns), [], set(SCALES)
        for turn in range(N_ROUNDS):
            kept.append(feature_weights)
            distances = self.columns_.distances(self._rows, self._rows, feature_weights)
            rounds.append(_search(distances, scales, cells, together, turn))
            scales = {choice.relative_scale for choice in rounds[-1]}  # feature weights hardly change what is best
            if turn < N_ROUNDS - 1:
                slopes = _slopes(distances[slope_rows], self._order, slope_rows, rounds[-1])
                renewed = self._renewed(slopes, task_weights, feature_weights)
                if renewed is None:
                    break
                feature_weights = renewed
        self.feature_weights_ = np.stack(kept)
        if len(rounds) == 1:
            return rounds[0]
        n_parts = int(np.clip(PARTED_ROWS // n_rows, FEWEST_PARTS, MOST_PARTS))
        left_out = self._parts_left_out(rounds, cells, task_weights, together % n_parts)  # (N, n, T)
        errors = np.stack([cells.errors(predicted) for predicted in left_out])
        return [
            # A row's part in the feature weights is in its leave-one-out prediction, but for those of the first round.
            rounds[turn][task] if turn == 0 else replace(rounds[turn][task], left_out=left_out[turn, :, task])
            for task, turn in enumerate(errors.argmin(0))
        ]

    def _parts_left_out(
        self, rounds: list[list[_Choice]], cells: Cells, task_weights: np.ndarray, part: np.ndarray
    ) -> np.ndarray:
        """Return predictions of each round, `(N, n, T)`, by fits and feature weights that know nothing of a row's part.

        Scales and ridges are those of the fits to all rows.
        """
        result = np.zeros((len(rounds), *cells.targets.shape))
        for number in np.unique(part):
            out, rest = np.flatnonzero(part == number), np.flatnonzero(part != number)
            if not len(rest):
                continue
            known, feature_weights = self._rows[rest], np.ones(self._rows.shape[1])
            for turn, choices in enumerate(rounds):
                inner = self.columns_.distances(known, known, feature_weights)
                outer = self.columns_.distances(self._rows[out], known, feature_weights)
                refitted = _refitted(inner, rest, cells, choices)
                for scale, tasks in _alike(refitted, "scale"):
                    result[turn][out[:, None], tasks] = np.exp(-outer / scale) @ _coefficients(refitted, tasks)
                if turn == len(rounds) - 1:
                    break
                places = np.arange(min(len(rest), self._n_slope_rows()))
                slopes = _slopes(inner[places], self._order[:, rest], places, refitted)
                renewed = self._renewed(slopes, task_weights, feature_weights)
                if renewed is not None:
                    feature_weights = renewed
        return result

    def _n_slope_rows(self) -> int:
        return min(SLOPE_ROWS, max(1, SLOPE_VALUES // max(1, self._order.size)))

    def _renewed(self, slopes: np.ndarray, task_weights: np.ndarray, before: np.ndarray) -> np.ndarray | None:
        """Return feature weights from squared slopes along the columns of X, `(C, T)`; None if there are none."""
        along = np.sqrt(slopes @ task_weights)[self.columns_.sources] * before
        if not along.any():  # nothing was learned, and nothing will be
            return None
        renewed: np.ndarray = np.maximum(along / along.mean(), SMALLEST_WEIGHT)
        return renewed

    def _refit(self, choices: list[_Choice], X: np.ndarray, cells: Cells, together: np.ndarray) -> list[_Choice]:
        """Fit sums over landmarks, and over the columns, to all rows; scales and feature weights stay."""
        rows, roots = self.columns_.transform(X), np.sqrt(cells.rows)[:, None]
        step = max(1, CHUNK_VALUES // len(self._rows))
        result = list(choices)
        for (turn, scale), tasks in _alike(choices, "round", "scale"):
            values, vectors = np.linalg.eigh(self._kernel(self._rows, turn, scale))
            there = values > 1e-10 * values[-1]
            whitening = vectors[:, there] / np.sqrt(values[there])  # whose products with the kernel's rows give it back
            matrix = np.empty((len(X), whitening.shape[1] + X.shape[1]))
            for first in range(0, len(X), step):
                chunk = slice(first, first + step)
                matrix[chunk, : whitening.shape[1]] = self._kernel(rows[chunk], turn, scale) @ whitening
            matrix[:, whitening.shape[1] :] = X / np.sqrt(max(X.shape[1], 1))
            matrix *= roots
            left, lengths, right = thin_vectors(matrix)
            del matrix
            smoother = Smoother(left, lengths**2, cells.of(tasks), False, together)
            for ridge in RIDGES:
                loads, left_out = smoother.solve(ridge)
                errors = smoother.cells.errors(left_out)
                solution = right @ ((lengths / (lengths**2 + ridge))[:, None] * loads)
                for place, task in enumerate(tasks):
                    if result[task] is choices[task] or errors[place] < result[task].error:
                        coefficients = whitening @ solution[: whitening.shape[1], place]
                        slopes = solution[whitening.shape[1] :, place] / np.sqrt(max(X.shape[1], 1))
                        result[task] = replace(
                            choices[task],
                            error=float(errors[place]),
                            ridge=ridge,
                            coefficients=coefficients,
                            left_out=left_out[:, place],
                            slopes=slopes,
                        )
        return result

    def _kernel(self, rows: np.ndarray, turn: int, scale: float) -> np.ndarray:
        """Return how alike some rows and those that the fit compares with are, `(n, R)`."""
        result: np.ndarray = np.exp(-self.columns_.distances(rows, self._rows, self.feature_weights_[turn]) / scale)
        return result

    def column_weights(self, n_columns: int) -> np.ndarray:
        """Return how much each column of X counts in the distances, `(C,)`: a mean over tasks.

        Parameters
        ----------
        n_columns : int
        """
        used = np.mean([self.feature_weights_[choice.round] for choice in self._choices], axis=0)
        return np.bincount(self.columns_.sources, used, minlength=n_columns)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return predictions, `(n, T)`.

        Parameters
        ----------
        X : ndarray of shape (n, C)
        """
        result = np.zeros((len(X), len(self._choices)))
        step = max(1, CHUNK_VALUES // len(self._rows))
        for first in range(0, len(X), step):
            chunk = slice(first, first + step)
            rows = self.columns_.transform(X[chunk])
            for (turn, scale), tasks in _alike(self._choices, "round", "scale"):
                result[chunk, tasks] = self._kernel(rows, turn, scale) @ _coefficients(self._choices, tasks)
            for task, choice in enumerate(self._choices):
                if choice.slopes is not None:
                    result[chunk, task] += X[chunk] @ choice.slopes
        return result


def _alike(choices: list[_Choice], *names: str) -> list[tuple[Any, list[int]]]:
    """Return the values that an attribute, or several, have among the choices, in order, and the tasks of each."""
    kinds = [attrgetter(*names)(choice) for choice in choices]
    return [(kind, [task for task, own in enumerate(kinds) if own == kind]) for kind in sorted(set(kinds))]


def _coefficients(choices: list[_Choice], tasks: list[int]) -> np.ndarray:
    """Return the coefficients of some tasks side by side, `(R, T)`."""
    return np.stack([choices[task].coefficients for task in tasks], 1)


def _median(distances: np.ndarray) -> float:
    """Return the median distance of different rows; 1 if all are equal."""
    above = distances[np.triu_indices(len(distances), 1)]
    median = float(np.median(above)) if len(above) else 0.0
    return median if median > 0 else float(above.mean()) if above.any() else 1.0


def _search(distances: np.ndarray, scales: set[float], cells: Cells, together: np.ndarray, turn: int) -> list[_Choice]:
    """Return the best scale and ridge of each task."""
    best: list[_Choice | None] = [None] * cells.targets.shape[1]
    median = _median(distances)
    for relative in sorted(scales):
        scale = relative * median
        kernel = np.exp(-distances / scale)
        roots = np.sqrt(cells.rows)
        values, vectors = np.linalg.eigh(roots[:, None] * kernel * roots)
        smoother = Smoother(vectors, values, cells, False, together)
        for ridge in RIDGES:
            loads, left_out = smoother.solve(ridge)
            errors = cells.errors(left_out)
            better = [task for task, choice in enumerate(best) if choice is None or errors[task] < choice.error]
            if better:
                inverse = loads[:, better] / (smoother.values + ridge)[:, None]
                coefficients = roots[:, None] * (vectors @ inverse)
                for place, task in enumerate(better):
                    found = float(errors[task]), turn, relative, scale, ridge, coefficients[:, place], left_out[:, task]
                    best[task] = _Choice(*found)
    return [choice for choice in best if choice is not None]


def _refitted(distances: np.ndarray, rows: np.ndarray, cells: Cells, choices: list[_Choice]) -> list[_Choice]:
    """Fit all tasks to some rows, with the scales and ridges of their fits to all."""
    shares = cells.shares[rows]
    left_out = np.stack([choice.left_out[rows] for choice in choices], 1)
    filled = cells.targets[rows] * shares + (1 - shares) * left_out
    result = list(choices)
    for (scale, ridge), tasks in _alike(choices, "scale", "ridge"):
        kernel = np.exp(-distances / scale)
        kernel[np.diag_indices(len(rows))] += ridge / cells.rows[rows]
        coefficients = cho_solve(cho_factor(kernel, overwrite_a=True, check_finite=False), filled[:, tasks])
        for place, task in enumerate(tasks):
            result[task] = replace(choices[task], coefficients=coefficients[:, place])
    return result


def _slopes(distances: np.ndarray, order: np.ndarray, places: np.ndarray, choices: list[_Choice]) -> np.ndarray:
    """Return the mean squared slope of each task's fit along each column at some rows, `(C, T)`, but for its weight.

    A column and its ranks lie in one order, in which a row's slope is the sum over rows above it less that over rows
    below it.
    """
    scales, which = np.unique([choice.scale for choice in choices], return_inverse=True)
    kernels = [np.exp(-distances / scale) for scale in scales]
    coefficients = _coefficients(choices, list(range(len(choices)))) / scales[which]
    slopes = np.zeros((len(order), len(choices)))
    for place, row in enumerate(places):
        own = order[:, row, None]
        signs = (order > own).view(np.int8) - (order < own).view(np.int8)  # (C, n)
        added = np.stack([kernel[place] for kernel in kernels], 1)[:, which] * coefficients  # (n, T)
        slopes += (signs.astype(float) @ added) ** 2
    return slopes / len(places)


def _dense_ranks(X: np.ndarray) -> np.ndarray:
    """Return the place of each value among the different values of its column, `(C, n)`."""
    ranks = [np.unique(column, return_inverse=True)[1] for column in X.T]
    return np.array(ranks, dtype=np.int16).reshape(X.shape[1], len(X))
