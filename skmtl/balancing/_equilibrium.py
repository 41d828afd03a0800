"""Weights in equilibrium with what they do to each task: Newton's method for `G w = w^(−1/α)`."""

from __future__ import annotations

import numpy as np

MOST_STEPS = 500
EXACT = 1e-12
RIDGE = 1e-13
# Of what is raised to a power, so that nothing overflows.
MOST_LOG = 600.0
# A step never goes further towards a weight of zero than this share of the way.
FURTHEST = 0.95


def equilibrium_weights(cosines: np.ndarray, norms: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """Return `w > 0` with `(G w)^α = 1 / w` for many Gramians `G`.

    With `v = w n` and the Gramian `Ĝ` of gradients of length 1, this is the minimum of a strictly convex function whose
    derivative is `Ĝ v − c v^(−1/α)`, `c = n^(1/α − 1)`. Its Newton steps are cut so that weights stay positive and are
    judged component by component, so that weights of any size are exact. A solution exists if no convex combination of
    the gradients is zero; else weights grow without bound, and those of the last step are returned. So they are for a
    small `α` and gradients of very different lengths, where some gains would be smaller than rounding.

    Parameters
    ----------
    cosines : ndarray of shape (M, T, T)
    norms : ndarray of shape (M, T)
    alpha : float, default=1.0

    Returns
    -------
    ndarray of shape (M, T)

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing._equilibrium import equilibrium_weights
    >>> equilibrium_weights(np.eye(2)[None], np.array([[1.0, 2.0]]))
    array([[1. , 0.5]])
    """
    power = 1 / alpha
    logs = np.log(norms)
    middle = logs.mean(1, keepdims=True)
    # In units of the geometric mean length, which only multiplies the weights: see the return.
    strength = (power - 1) * (logs - middle)  # the logarithm of c
    v = np.exp(strength / (1 + power))
    place = np.arange(norms.shape[1])
    for _ in range(MOST_STEPS):
        pull = np.exp(np.minimum(np.maximum(strength - power * np.log(v), -MOST_LOG), MOST_LOG))
        gap = np.matmul(cosines, v[..., None])[..., 0] - pull
        if (np.abs(gap) <= EXACT * pull).all():
            break
        curvature = cosines.copy()
        # The ridge only keeps a system solvable that has no solution; the fixed point does not depend on it.
        curvature[:, place, place] += power * pull / v + RIDGE
        try:
            step = -np.linalg.solve(curvature, gap[..., None])[..., 0]
        except np.linalg.LinAlgError:  # gradients that are opposite up to rounding
            break
        relative = np.abs(step / v).max(1, keepdims=True)
        if relative.max() <= 0.5:  # near the end, steps need no cut
            v = v + step
            continue
        length = np.where(relative > 0.5, 1 / (1 + relative), 1.0)
        down = np.where(step < 0, -v / np.where(step < 0, step, -1), np.inf).min(1, keepdims=True)
        moved = v + np.minimum(length, FURTHEST * down) * step
        fine = np.isfinite(moved).all(1, keepdims=True)
        v = np.where(fine, moved, v)
    weights: np.ndarray = v / np.exp(logs - middle) * np.exp(-middle * 2 / (1 + power))
    return weights
