"""The linear companion of texts, and of columns beside them: ridge regression by conjugate gradients."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from ._ridge import Cells, best_for_all

# Ridges that are tried, times the mean squared length of a row's tokens.
RIDGES = np.logspace(-1.5, 1, 6)
# Lengths of a row's columns that are tried, in those of a row's tokens: the longer, the less does the ridge hold down
# what is learned from columns. Many columns that say little need the first, few that say much the second.
SCALES = (0.5, 4.0)
# Parts of the rows, each of which is predicted by a fit to the others.
N_PARTS = 5
# Steps stop when what is left of each target is this share of it; ridges are not known better than that.
TOLERANCE, MOST_STEPS = 1e-3, 100
# Of a table for which the fit is still cheap.
MOST_ROWS, MOST_COLUMNS = 2**17, 2**20


class SparseLinearCompanion:
    """Ridge regression of all tasks at once, of many tokens most of whose weights are 0, and of columns beside them.

    All tasks have the same ridge, and of columns beside tokens the same length: those with the smallest mean, over
    tasks, of a task's error by its own best on a fifth of the rows. Each fifth is predicted by a fit to the others.
    Tasks are fitted to their own labels.

    Parameters
    ----------
    n_columns : int, default=0
        How many of the columns of X, the first ones, are no tokens.

    Attributes
    ----------
    coef_ : ndarray of shape (C, T)
    intercept_ : ndarray of shape (T,)
    ridge_ : float
        By the mean squared length of a row's tokens.
    scale_ : float
        Mean length of a row's columns, as the ridge sees it, by that of a row's tokens; 1 without columns.
    left_out_ : ndarray of shape (n, T)
        Predictions of rows by a fit without them.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import eye_array
    >>> from skmtl.companions import SparseLinearCompanion
    >>> X, y = eye_array(3, format="csr"), np.array([[1.0], [0.0], [-1.0]])
    >>> model = SparseLinearCompanion().fit(X, y, np.ones((3, 1)), np.ones(1))
    >>> model.predict(X).argmax(axis=0)
    array([0])
    """

    def __init__(self, n_columns: int = 0) -> None:
        self.n_columns = n_columns

    @staticmethod
    def affordable(n_rows: int, n_columns: int) -> bool:
        """Whether a table is small enough for a fit that is not asked for by name.

        Parameters
        ----------
        n_rows, n_columns : int
        """
        return n_rows <= MOST_ROWS and n_columns <= MOST_COLUMNS

    def fit(
        self,
        X: csr_array,
        y: np.ndarray,
        weights: np.ndarray,
        task_weights: np.ndarray,
        together: np.ndarray | None = None,
    ) -> SparseLinearCompanion:
        """Fit all tasks.

        Parameters
        ----------
        X : CSR array of shape (n, C)
        y : ndarray of shape (n, T)
            Targets whose weighted mean is 0 for each task; anything finite in cells without a label.
        weights : ndarray of shape (n, T)
            Weights of cells, 0 without a label; every row has one that is not.
        task_weights : ndarray of shape (T,)
            How much each task's error counts in the choice of the ridge.
        together : ndarray of int of shape (n,) or None, default=None
            Rows of equal number are left out together, and numbers say nothing about rows; None: each alone.
        """
        parts = _parts(np.arange(X.shape[0]) if together is None else together)
        cells, size = Cells(y, weights), _mean_square(X[:, self.n_columns :])
        like_tokens = np.sqrt(size / _mean_square(X[:, : self.n_columns]))
        scales = SCALES if self.n_columns else (1.0,)
        self.left_out_ = np.zeros_like(y)
        self.scale_, self.ridge_ = scales[-1], float(RIDGES[-1])
        if parts:
            out, kept = parts[0]
            tried = [
                _predicted(self._stretched(X, scale * like_tokens), y, weights, size * RIDGES, out, kept)
                for scale in scales
            ]
            held = Cells(cells.targets[out], cells.weights[out])
            errors = np.stack([held.errors(predicted) for block in tried for predicted in block])
            which, best = divmod(best_for_all(errors, task_weights), len(RIDGES))
            self.scale_, self.ridge_, self.left_out_[out] = scales[which], float(RIDGES[best]), tried[which][best]
        X, ridge = self._stretched(X, self.scale_ * like_tokens), np.array([size * self.ridge_])
        for out, kept in parts[1:]:
            self.left_out_[out] = _predicted(X, y, weights, ridge, out, kept)[0]
        coefficients, intercepts = solve_ridges(X, y, weights, ridge)
        self.coef_, self.intercept_ = coefficients[0], intercepts[0]
        self.coef_[: self.n_columns] *= self.scale_ * like_tokens
        return self

    def _stretched(self, X: csr_array, factor: float) -> csr_array:
        """Return X with its columns that are no tokens multiplied by a factor."""
        if not self.n_columns:
            return X
        values = np.where(X.indices < self.n_columns, factor * X.data, X.data)
        return csr_array((values, X.indices, X.indptr), shape=X.shape)

    def predict(self, X: csr_array) -> np.ndarray:
        """Return predictions, `(n, T)`.

        Parameters
        ----------
        X : CSR array of shape (n, C)
        """
        predicted: np.ndarray = X @ self.coef_ + self.intercept_
        return predicted


def _parts(numbers: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Deal rows in parts, equal numbers together; return the rows of each part and the others, where both are some."""
    part_of = numbers * N_PARTS // (numbers.max(initial=0) + 1)
    parts = [(np.flatnonzero(part_of == part), np.flatnonzero(part_of != part)) for part in range(N_PARTS)]
    return [(out, kept) for out, kept in parts if len(out) and len(kept)]


def _mean_square(X: csr_array) -> float:
    """Return the mean squared length of the rows that hold anything; 1 without such rows."""
    n_rows = int((np.diff(X.indptr) > 0).sum())
    return float((X.data**2).sum()) / max(1, n_rows) or 1.0


def _predicted(
    X: csr_array, y: np.ndarray, weights: np.ndarray, ridges: np.ndarray, out: np.ndarray, kept: np.ndarray
) -> np.ndarray:
    """Return what fits to some rows predict of others, one a ridge, `(R, rows, T)`."""
    coefficients, intercepts = solve_ridges(X[kept], y[kept], weights[kept], ridges)
    predicted: np.ndarray = np.stack([X[out] @ block for block in coefficients]) + intercepts[:, None]
    return predicted


def solve_ridges(
    X: csr_array, y: np.ndarray, weights: np.ndarray, ridges: np.ndarray, tolerance: float = TOLERANCE
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients `(R, C, T)` and intercepts `(R, T)` of weighted ridge regressions.

    Conjugate gradients on `(Xᵀ W X + λ) β = Xᵀ W y`, with columns centred by each task's weights `W`, whose mean over
    the task's labels is 1; all ridges and tasks side by side, so that each step reads the matrix once.

    Parameters
    ----------
    X : CSR array of shape (n, C)
    y, weights : ndarray of shape (n, T)
    ridges : ndarray of shape (R,)
    tolerance : float, default=TOLERANCE
        Share of the gradient at 0 that may be left.
    """
    n_tasks = y.shape[1]
    totals, counts = weights.sum(0), (weights > 0).sum(0)
    own = np.tile(weights * np.where(totals > 0, counts / np.where(totals > 0, totals, 1), 0), len(ridges))  # (n, R·T)
    shares = own / np.maximum(own.sum(0), np.finfo(float).tiny)
    penalty = np.repeat(ridges, n_tasks)
    transposed = X.T.tocsr()

    def curvature(direction: np.ndarray) -> np.ndarray:
        fitted = X @ direction
        fitted -= (shares * fitted).sum(0)
        fitted *= own
        curved: np.ndarray = transposed @ fitted + penalty * direction
        return curved

    means = (shares[:, :n_tasks] * y).sum(0)
    right = transposed @ (own[:, :n_tasks] * (y - means))
    rest = np.tile(right, len(ridges))  # (C, R·T)
    found, direction = np.zeros_like(rest), rest.copy()
    size = first = (rest**2).sum(0)
    for _ in range(MOST_STEPS):
        if (size <= tolerance**2 * first).all():
            break
        curved = curvature(direction)
        bend = (direction * curved).sum(0)
        step = size / np.where(bend > 0, bend, 1)
        found += step * direction
        rest -= step * curved
        size, before = (rest**2).sum(0), size
        direction *= size / np.where(before > 0, before, 1)
        direction += rest
    intercepts = np.tile(means, len(ridges)) - (shares * (X @ found)).sum(0)
    shape = len(ridges), n_tasks
    return found.reshape(-1, *shape).transpose(1, 0, 2), intercepts.reshape(shape)
