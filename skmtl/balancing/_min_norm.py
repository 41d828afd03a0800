"""The point of a convex hull that is nearest to the origin."""

from __future__ import annotations

import numpy as np

from ._nnls import nonnegative_minimum

# Lengths below this share of the largest are taken for it: such a point is the origin, as far as the others can tell.
SHORTEST = 1e-150


def min_norm_weights(gramian: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """Return the weights of the shortest convex combination of points, `argmin wᵀ H w` over `w ≥ 0`, `Σ w = 1`.

    Points are scaled to length 1, and the constraint becomes a row of the problem: with `q_i = n_min / n_i` it is
    `min_{x ≥ 0} ½ xᵀ (Ĥ + q qᵀ) x − qᵀ x`, whose supports are never singular, and `w_i ∝ x_i / n_i`.

    Parameters
    ----------
    gramian : ndarray of shape (N, T, T)
        Inner products `H` of the points.
    start : ndarray of bool of shape (N, T) or None, default=None
        Which points to try first; None: all.

    Returns
    -------
    ndarray of shape (N, T)

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing._min_norm import min_norm_weights
    >>> min_norm_weights(np.diag([1.0, 4.0])[None])
    array([[0.8, 0.2]])
    """
    lengths = np.sqrt(np.maximum(np.diagonal(gramian, axis1=1, axis2=2), 0))
    longest = lengths.max(1, keepdims=True)
    lengths = np.maximum(lengths, np.where(longest > 0, SHORTEST * longest, 1))
    cosines = gramian / lengths[:, :, None] / lengths[:, None, :]
    place = np.arange(lengths.shape[1])
    cosines[:, place, place] = 1.0
    row = lengths.min(1, keepdims=True) / lengths
    weights: np.ndarray = min_norm_on_units(cosines, row, start) * row
    weights /= weights.sum(1, keepdims=True)
    return weights


def min_norm_on_units(cosines: np.ndarray, row: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """Return `x ≥ 0`, up to a factor, for which `xᵀ Ĥ x` is least while `rowᵀ x` is given.

    Parameters
    ----------
    cosines : ndarray of shape (N, T, T)
        `Ĥ`, inner products of points of length 1.
    row : ndarray of shape (N, T)
        Not negative, the largest 1.
    start : ndarray of bool of shape (N, T) or None, default=None
        Which points to try first; None: all.

    Returns
    -------
    ndarray of shape (N, T)
    """
    if start is None:
        start = np.ones(row.shape, dtype=bool)
    return nonnegative_minimum(cosines + row[:, :, None] * row[:, None, :], row, start)
