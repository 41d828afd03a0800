"""What is kept of held-out rows, and how far each lies outside of what was predicted of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Residuals:
    """Labels less predictions, of rows that were held out.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_outputs)
        One output for each number that is predicted: one of a task, several quantiles, or those of several tasks.
    member : ndarray of int of shape (n_rows,)
        Who held the row out.
    weights : ndarray of shape (n_rows,)
        Positive.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.uncertainty import Residuals
    >>> residuals = Residuals(np.array([[3.0, -1.0], [-2.0, -4.0]]), np.zeros(2, int), np.ones(2))
    >>> residuals.scores(0, 1)  # below a band that reaches from output 0 to output 1: positive; in it: negative
    array([-1.,  2.])
    """

    values: np.ndarray
    member: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)

    def scores(self, low: int, high: int) -> np.ndarray:
        """Return how far labels lie outside of the band between two outputs, `(n_rows,)`; the same one: `|residual|`.

        Parameters
        ----------
        low, high : int
            Places of the outputs.
        """
        scores: np.ndarray = np.maximum(-self.values[:, low], self.values[:, high])
        return scores


def band_levels(levels: Sequence[float], coverage: float) -> tuple[int, int] | None:
    """Return the places of the quantiles nearest to `(1 ∓ coverage) / 2`, one on either side of the median.

    Parameters
    ----------
    levels : sequence of float
        Levels of the quantiles, increasing.
    coverage : float
        Between 0 and 1.

    Returns
    -------
    tuple of int or None
        None if the levels are all on one side.

    Examples
    --------
    >>> from skmtl.uncertainty import band_levels
    >>> band_levels((0.05, 0.1, 0.5, 0.9), coverage=0.9)
    (0, 3)
    """
    found = np.array(levels)
    below, above = np.flatnonzero(found < 0.5), np.flatnonzero(found > 0.5)
    if not len(below) or not len(above):
        return None
    low = below[np.abs(found[below] - (1 - coverage) / 2).argmin()]
    high = above[np.abs(found[above] - (1 + coverage) / 2).argmin()]
    return int(low), int(high)
