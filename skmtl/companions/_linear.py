"""The linear companion: ridge regression of all tasks, with one regularisation found by leaving rows out."""

from __future__ import annotations

import numpy as np

from ._ridge import Cells, Smoother, best_for_all, thin_vectors

# Ridges that are tried, times the number of rows: from next to none to next to nothing left.
RIDGES = np.logspace(-4, 4, 25)
# Of a table for which the fit is still cheap: values, and rows or columns, whichever are fewer.
MOST_VALUES, MOST_DIRECTIONS = 2**25, 2**12


class LinearCompanion:
    """Ridge regression of all tasks at once, in closed form.

    All tasks have the same regularisation: that with the smallest mean, over tasks, of a task's leave-one-out error by
    its own best. So a task with little to learn does not decide for the others, as it would in a sum of errors.

    Attributes
    ----------
    coef_ : ndarray of shape (C, T)
    ridge_ : float
    left_out_ : ndarray of shape (n, T)
        Predictions of rows by a fit without them.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.companions import LinearCompanion
    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> model = LinearCompanion().fit(X, 2 * X, np.ones((50, 1)), np.ones(1))
    >>> model.predict(X)[:1].round(2)
    array([[-2.]])
    """

    @staticmethod
    def affordable(n_rows: int, n_columns: int) -> bool:
        """Whether a table is small enough for a fit that is not asked for by name.

        Parameters
        ----------
        n_rows, n_columns : int
        """
        return n_rows * n_columns <= MOST_VALUES and min(n_rows, n_columns) <= MOST_DIRECTIONS

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray,
        task_weights: np.ndarray,
        together: np.ndarray | None = None,
    ) -> LinearCompanion:
        """Fit all tasks.

        Parameters
        ----------
        X : ndarray of shape (n, C)
            Columns of like scale.
        y : ndarray of shape (n, T)
            Targets whose weighted mean is 0 for each task; anything finite in cells without a label.
        weights : ndarray of shape (n, T)
            Weights of cells, 0 without a label; every row has one that is not.
        task_weights : ndarray of shape (T,)
            How much each task's error counts in the choice of the regularisation.
        together : ndarray of int of shape (n,) or None, default=None
            Rows of equal number are left out together; None: each alone.
        """
        cells = Cells(y, weights)
        self.mean_ = np.average(X, axis=0, weights=cells.rows)
        centred = (X - self.mean_) * np.sqrt(cells.rows)[:, None]
        vectors, lengths, right = thin_vectors(centred)
        smoother = Smoother(vectors, lengths**2, cells, True, together)
        ridges = RIDGES * len(X)
        errors = np.stack([cells.errors(smoother.solve(ridge)[1]) for ridge in ridges])  # (R, T)
        self.ridge_ = float(ridges[best_for_all(errors, task_weights)])
        loads, self.left_out_ = smoother.solve(self.ridge_)  # again: predictions for all ridges may be too much to keep
        self.coef_ = right @ ((lengths / (lengths**2 + self.ridge_))[:, None] * loads)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return predictions, `(n, T)`.

        Parameters
        ----------
        X : ndarray of shape (n, C)
        """
        predicted: np.ndarray = (X - self.mean_) @ self.coef_
        return predicted
