"""The kernel companion of fingerprints: bits that are mostly absent."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from ._ridge import Cells, best_for_all, blocks_of

# From so many columns of two values on, of which one is so rare, shared absences say nothing.
FEWEST_BITS, LARGEST_SHARE = 64, 0.25
# Powers of the similarity: the higher, the more do only the nearest rows count.
POWERS = (1, 2, 3)
RIDGES = (0.1, 0.3, 1.0, 3.0, 10.0)
# Rows on which power and ridge are found; on fewer, powers come out too low for many.
SEARCHED_ROWS = 2400
# Rows that are fitted to at all: their similarities take half a gigabyte.
MOST_ROWS = 2**13
# Similarities that are held at a time while predicting.
CHUNK_VALUES = 2**22


def are_fingerprints(X: np.ndarray) -> bool:
    """Whether columns are bits that are mostly absent.

    Parameters
    ----------
    X : ndarray of shape (n, C)
    """
    if not X.size:
        return False
    lowest, highest = X.min(0), X.max(0)
    if np.count_nonzero(highest > lowest) < FEWEST_BITS:
        return False
    high = highest == X
    if not (high | (lowest == X)).all():
        return False
    shares = high[:, highest > lowest].mean(0)
    return bool(np.minimum(shares, 1 - shares).mean() <= LARGEST_SHARE)


class TanimotoCompanion:
    """Ridge regression on a power of the Tanimoto similarity of two rows: bits in both, by bits in either.

    A bit is present where a column has the rarer of its two values. All tasks have the same power and ridge: those with
    the smallest mean, over tasks, of a task's leave-one-out error by its own best, on at most 2,400 rows. Rows beyond
    8,192 are predicted, not fitted to.

    Attributes
    ----------
    power_ : int
    ridge_ : float
    left_out_ : ndarray of shape (n, T)
        Predictions of rows by a fit without them.

    References
    ----------
    Ralaivola, L., Swamidass, S. J., Saigo, H., and Baldi, P. (2005). Graph kernels for chemical informatics. Neural
    Networks.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.companions import TanimotoCompanion
    >>> X = (np.random.default_rng(0).random((300, 100)) < 0.1).astype(float)
    >>> y = X[:, :10].sum(1, keepdims=True) - 1
    >>> model = TanimotoCompanion().fit(X, y, np.ones((300, 1)), np.ones(1))
    >>> bool(np.corrcoef(model.left_out_[:, 0], y[:, 0])[0, 1] > 0.5)
    True
    """

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray,
        task_weights: np.ndarray,
        together: np.ndarray | None = None,
    ) -> TanimotoCompanion:
        """Fit all tasks.

        Parameters
        ----------
        X : ndarray of shape (n, C)
            Columns of two values; rows in an order that says nothing, if there are many.
        y : ndarray of shape (n, T)
            Targets of mean 0 for each task; anything finite in cells without a label.
        weights : ndarray of shape (n, T)
            Weights of cells, 0 without a label; every row has one that is not.
        task_weights : ndarray of shape (T,)
            How much each task's error counts in the choice of power and ridge.
        together : ndarray of int of shape (n,) or None, default=None
            Rows of equal number are left out together; None: each alone.
        """
        together = np.arange(len(X)) if together is None else together
        lowest, highest = X.min(0), X.max(0)
        self._used = np.flatnonzero(highest > lowest)
        self._middle = (lowest / 2 + highest / 2)[self._used]
        self._rare_above = (X[:, self._used] > self._middle).mean(0) <= 0.5
        some, fitted = slice(0, SEARCHED_ROWS), slice(0, MOST_ROWS)
        bits = self._present(X[fitted])
        self._packed = np.packbits(bits > 0, axis=1)
        cells = Cells(y[some], weights[some])
        similarity = _similarity(bits[some], bits[some])
        options = list(product(POWERS, RIDGES))
        errors = np.stack(
            [cells.errors(_fit(similarity**power, cells, ridge, together[some])[1]) for power, ridge in options]
        )
        self.power_, self.ridge_ = options[best_for_all(errors, task_weights)]
        if len(X) > SEARCHED_ROWS:
            cells, similarity = Cells(y[fitted], weights[fitted]), _similarity(bits, bits)
        similarity **= self.power_
        self._coefficients, left_out = _fit(similarity, cells, self.ridge_, together[fitted])
        self.left_out_ = np.concatenate([left_out, self.predict(X[len(left_out) :])])
        return self

    def column_weights(self, n_columns: int) -> np.ndarray:
        """Return how much each column of X counts in the similarity, `(C,)`: all with two values alike.

        Parameters
        ----------
        n_columns : int
        """
        counts: np.ndarray = np.bincount(self._used, minlength=n_columns).astype(float)
        return counts

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return predictions, `(n, T)`.

        Parameters
        ----------
        X : ndarray of shape (n, C)
        """
        result = np.zeros((len(X), self._coefficients.shape[1]))
        bits = np.unpackbits(self._packed, axis=1, count=len(self._used)).astype(np.float32)
        step = max(1, CHUNK_VALUES // len(bits))
        for first in range(0, len(X), step):
            chunk = slice(first, first + step)
            similarity = _similarity(self._present(X[chunk]), bits)
            similarity **= self.power_
            result[chunk] = similarity @ self._coefficients
        return result

    def _present(self, X: np.ndarray) -> np.ndarray:
        """Return where columns have the rarer value, `(n, K)`; single precision counts bits exactly."""
        present: np.ndarray = (X[:, self._used] > self._middle) == self._rare_above
        return present.astype(np.float32)


def _similarity(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return bits in both rows by bits in either, `(n, m)`; 1 for two rows without bits."""
    both: np.ndarray = (one @ other.T).astype(np.float64)
    either = one.sum(1, dtype=np.float64)[:, None] + other.sum(1, dtype=np.float64) - both
    empty = either == 0
    both[empty], either[empty] = 1, 1
    both /= either
    return both


def _fit(kernel: np.ndarray, cells: Cells, ridge: float, together: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients and predictions of rows left out, both `(n, T)`; cells without a label are at the mean.

    With `C = (K + ridge / weights)⁻¹`, the coefficients are `C y`, and a row's error, left out, is its coefficient by
    its cell on the diagonal of `C`.
    """
    penalised = kernel.copy()
    penalised[np.diag_indices(len(kernel))] += ridge / cells.rows
    factor = cho_factor(penalised, lower=True, overwrite_a=True, check_finite=False)
    inverse = cho_solve(factor, np.eye(len(kernel)), overwrite_b=True, check_finite=False)
    targets = cells.targets * cells.shares
    coefficients = inverse @ targets
    errors = coefficients / np.diagonal(inverse)[:, None]
    for block in blocks_of(together):
        errors[block] = np.linalg.solve(inverse[np.ix_(block, block)], coefficients[block])
    return coefficients, targets - errors
