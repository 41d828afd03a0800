"""What the kernel companion reads: numbers by their rank and by their clipped value."""

from __future__ import annotations

import numpy as np

# Values are clipped smoothly at this many standard deviations.
CLIP = 3.0
# Standard deviation of ranks between -1/2 and 1/2.
RANK_SPREAD = 12**-0.5


class RankedColumns:
    """Columns as smoothly clipped values, and beside them their centred ranks; columns of two values only once.

    A value of the fit has the mean rank of its rows, weighted; between values ranks run on linearly, and beyond them
    they stay: no outlier is far from anything, and no shape of a distribution matters to the ranks.

    Parameters
    ----------
    X : ndarray of shape (n, C)
        Standardised columns.
    weights : ndarray of shape (n,)
        Weights of the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.companions import RankedColumns
    >>> columns = RankedColumns(np.array([[-1.0], [0.0], [1.0]]), np.ones(3))
    >>> columns.transform(np.array([[0.0], [100.0]])).round(2)
    array([[0.  , 0.  ],
           [3.  , 1.15]])
    """

    def __init__(self, X: np.ndarray, weights: np.ndarray) -> None:
        self._values: list[np.ndarray] = []
        self._ranks: list[np.ndarray] = []
        self._ranked: list[int] = []
        self._n_columns = X.shape[1]
        total = weights.sum()
        for place, column in enumerate(X.T):
            values, which = np.unique(column, return_inverse=True)
            if len(values) > 2:
                own = np.bincount(which, weights)
                ranks = (np.cumsum(own) - own / 2) / total  # from 0 to 1
                self._ranked.append(place)
                self._values.append(values)
                self._ranks.append((ranks - 0.5) / RANK_SPREAD)

    @property
    def n_outputs(self) -> int:
        """Columns beside the clipped ones."""
        return len(self._ranked)

    @property
    def sources(self) -> np.ndarray:
        """The column of X that each output is made of, `(C + R,)`."""
        return np.array([*range(self._n_columns), *self._ranked], dtype=np.intp)

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return clipped values, and the ranks of columns with more than two values, `(n, C + R)`.

        Parameters
        ----------
        X : ndarray of shape (n, C)
        """
        result = np.empty((len(X), X.shape[1] + self.n_outputs))
        with np.errstate(over="ignore"):
            result[:, : X.shape[1]] = X / np.sqrt(1 + (X / CLIP) ** 2)
        for place, (column, values, ranks) in enumerate(zip(self._ranked, self._values, self._ranks, strict=True)):
            result[:, X.shape[1] + place] = np.interp(X[:, column], values, ranks)
        return result
