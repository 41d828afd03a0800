"""What the kernel companion reads: numbers by their rank and by their clipped value, and how far rows are apart."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

# Values are clipped smoothly at this many standard deviations.
CLIP = 3.0
# Standard deviation of ranks between -1/2 and 1/2.
RANK_SPREAD = 12**-0.5
# Of more columns with many values, ranks would double what is too much already.
MOST_RANKED = 600
# Values of a column whose ranks are kept, evenly spread among all of them: a model must not grow with the rows.
MOST_KNOTS = 1024


class RankedColumns:
    """Columns as smoothly clipped values, and beside them their centred ranks; columns of two values only once.

    A value of the fit has the mean rank of its rows, weighted; between values ranks run on linearly, and beyond them
    they stay: no outlier is far from anything, and no shape of a distribution matters to the ranks. Columns of two
    values stay between these; constant ones are left out. Of more than 600 columns with more values, ranks are left
    out.

    Parameters
    ----------
    X : ndarray of shape (n, C)
        Standardised columns.
    weights : ndarray of shape (n,)
        Weights of the rows.

    Attributes
    ----------
    sources : ndarray of int of shape (K,)
        The column of X that each output is made of: clipped values, their ranks, and columns of two values.
    gaps : ndarray of shape (B,)
        The difference of both values, of columns of two values.

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
        total, many, two, lowest, highest = weights.sum(), [], [], [], []
        for place, column in enumerate(X.T):
            values, which = np.unique(column, return_inverse=True)
            if len(values) > 2:
                own = np.bincount(which, weights)
                ranks = (np.cumsum(own) - own / 2) / total  # from 0 to 1
                many.append(place)
                knots = np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_KNOTS)).round().astype(np.intp))
                self._values.append(values[knots])
                self._ranks.append((ranks[knots] - 0.5) / RANK_SPREAD)
            elif _clipped(values[-1]) > _clipped(values[0]):
                two.append(place)
                lowest.append(_clipped(values[0]))
                highest.append(_clipped(values[1]))
        self._many, self._two = np.array(many, dtype=np.intp), np.array(two, dtype=np.intp)
        if len(many) > MOST_RANKED:
            self._values, self._ranks = [], []
        self._lowest = np.array(lowest)
        self.gaps = np.array(highest) - self._lowest
        ranked = self._many if self._ranks else self._many[:0]
        self.sources = np.concatenate([self._many, ranked, self._two])

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return clipped values, their ranks, and how far columns of two values are above the lower one, `(n, K)`.

        Parameters
        ----------
        X : ndarray of shape (n, C)
        """
        result = np.empty((len(X), len(self.sources)))
        n_many, n_two = len(self._many), len(self._two)
        result[:, :n_many] = _clipped(X[:, self._many])
        for place, (values, ranks) in enumerate(zip(self._values, self._ranks, strict=True)):
            result[:, n_many + place] = np.interp(X[:, self._many[place]], values, ranks)
        result[:, len(self.sources) - n_two :] = np.clip(_clipped(X[:, self._two]) - self._lowest, 0, self.gaps)
        return result

    def distances(self, one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return `Σ_k w_k |x_k − x'_k|` between rows, `(n, m)`.

        Parameters
        ----------
        one : ndarray of shape (n, K)
        other : ndarray of shape (m, K)
            Rows of the fit: in columns of two values, they have these.
        weights : ndarray of shape (K,)
        """
        first = len(self.sources) - len(self.gaps)
        many, two = slice(0, first), slice(first, None)
        result: np.ndarray = cdist(one[:, many] * weights[many], other[:, many] * weights[many], "cityblock")
        if len(self.gaps):  # |a − b| = a + b − 2 a b / g for b of 0 or g and a between them: products of matrices
            own = weights[two]
            apart = (one[:, two] @ own)[:, None] + other[:, two] @ own
            apart -= (one[:, two] * (2 * own / self.gaps)) @ other[:, two].T
            result += np.maximum(apart, 0, out=apart)  # not below 0 by rounding
        return result


def _clipped(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        result: np.ndarray = values / np.sqrt(1 + (values / CLIP) ** 2)
    return result
