"""Temperatures: one number a task that makes its probabilities more or less sure, and leaves their order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import softmax

# A probability is never read as less than this: one row cannot decide alone.
SMALLEST = 1e-12
# From fewer rows than this, nothing is learned about how sure a task should be.
FEWEST_ROWS = 20
# The belief that probabilities are right as they are is worth this many rows.
PRIOR_ROWS = 320.0
# Temperatures are at most this, and at least its inverse.
FARTHEST = 20.0
# Newton's method needs some six steps; bisection, where it leaves the bracket, some fifty.
MOST_STEPS = 100
CHUNK_VALUES = 2**20


def fit_temperatures(
    probabilities: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    n_rows: np.ndarray,
    *,
    factors: np.ndarray | None = None,
    prior: float = PRIOR_ROWS,
) -> np.ndarray:
    r"""Return the temperature of each task with the smallest log loss, drawn towards 1 where rows are few.

    With :math:`z = \log p` and :math:`\beta = 1 / T`, it minimises

    .. math:: \sum_i w_i \, \mathrm{CE}\big((1 - \lambda) y_i + \lambda p_i,\ \operatorname{softmax}(\beta z_i)\big),
              \quad \lambda = \frac{\text{prior}}{n + \text{prior}},

    as if `prior` rows had come whose labels are distributed as predicted. This is convex in β, and so is each of its
    two parts; the second is smallest at β = 1, and hence the log loss of the rows never rises.

    Parameters
    ----------
    probabilities : ndarray of shape (n, T, K)
        Predictions of rows that were not fitted to; NaN where there are none.
    labels : ndarray of shape (n, T)
        Codes of classes; anything where the weight is 0.
    weights : ndarray of shape (n, T)
        What each label counts for; 0 where it is missing.
    n_rows : ndarray of shape (T,)
        How many different rows the labels of each task are worth.
    factors : ndarray of shape (T,), default=None
        From :func:`averaging_factors`, if `probabilities` are those of one member each and the temperature is for the
        average of several. None: 1.
    prior : float, default=320
        Rows that the belief in a temperature of 1 is worth. 0 is maximum likelihood.

    Returns
    -------
    ndarray of shape (T,)
        1 for a task of fewer than 20 rows, or whose labels are all of one class.

    References
    ----------
    Guo, C., Pleiss, G., Sun, Y. and Weinberger, K. Q. (2017). On calibration of modern neural networks. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.uncertainty import fit_temperatures
    >>> p = np.tile([[[0.1, 0.9]]], (1000, 1, 1))
    >>> labels = np.arange(1000)[:, None] % 5 != 0
    >>> fit_temperatures(p, labels, np.ones((1000, 1)), np.array([1000]), prior=0).round(4)  # log 9 / log 4
    array([1.585])
    """
    there = (weights > 0) & ~np.isnan(probabilities).any(axis=2)
    counted = np.where(there, weights, 0.0)
    totals = counted.sum(0)
    counted = counted / np.where(totals > 0, totals, 1)
    codes = np.where(there, labels, 0).astype(np.intp)
    # A power of the single member's probabilities is as sure as the average of several.
    logits = _logits(np.where(there[:, :, None], probabilities, 1.0))
    if factors is not None:
        logits /= factors[:, None]
    own = (counted * np.take_along_axis(logits, codes[:, :, None], 2)[:, :, 0]).sum(0)
    share = prior / (n_rows + prior) if prior else np.zeros(len(n_rows))
    believed, _ = _moments(logits, counted, np.ones(len(own)))
    inverse = _minimise(logits, counted, (1 - share) * own + share * believed)
    n_classes = np.array([len(np.unique(codes[there[:, task], task])) for task in range(codes.shape[1])])
    fitted: np.ndarray = np.where((n_rows >= FEWEST_ROWS) & (n_classes > 1), 1 / inverse, 1.0)
    return fitted


def averaging_factors(members: np.ndarray, weights: np.ndarray) -> np.ndarray:
    r"""Return how many times surer the average of members should be made than a member alone, for each task.

    Averaging makes probabilities less sure where members disagree, and is right to: what a member alone is too sure of
    is in part its own noise. So a temperature fitted to single members is too high for their average. How much so can
    be seen without labels: each member's probabilities are taken as the truth, and the inverse temperature that brings
    the average of the others nearest to them is compared with that which brings one other member nearest.

    Parameters
    ----------
    members : ndarray of shape (M, n, T, K)
        Probabilities that each member gives to the same rows.
    weights : ndarray of shape (n, T)
        What each row counts for.

    Returns
    -------
    ndarray of shape (T,)
        Geometric means over members; 1 for a single member, and for members that are equal.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.uncertainty import averaging_factors
    >>> rng = np.random.default_rng(0)
    >>> logits = rng.normal(size=(500, 1)) + rng.normal(size=(8, 500, 1))  # a signal, and noise of each member's own
    >>> second = 1 / (1 + np.exp(-logits))
    >>> averaging_factors(np.stack([1 - second, second], axis=3), np.ones((500, 1))).round(1)
    array([2.2])
    """
    n_members = len(members)
    totals = weights.sum(0)
    counted = weights / np.where(totals > 0, totals, 1)
    found, total = np.zeros(members.shape[2]), members.sum(0)
    for member, own in enumerate(members):
        for sign, others in ((1, (total - own) / max(n_members - 1, 1)), (-1, members[member - 1])):
            if n_members > 1:
                logits = _logits(others)
                found += sign * np.log(_minimise(logits, counted, (counted[:, :, None] * own * logits).sum((0, 2))))
    factors: np.ndarray = np.exp(found / n_members)
    return factors


def tempered(probabilities: np.ndarray, temperatures: np.ndarray) -> np.ndarray:
    """Return probabilities proportional to `p ** (1 / T)`.

    Parameters
    ----------
    probabilities : ndarray of shape (n, T, K)
        NaN stays NaN.
    temperatures : ndarray of shape (T,)
        Above 1, probabilities become more equal. Those of a task at exactly 1 stay as they are, to the bit.

    Returns
    -------
    ndarray of shape (n, T, K)

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.uncertainty import tempered
    >>> tempered(np.array([[[0.2, 0.8], [0.2, 0.8]]]), np.array([1.0, 2.0])).round(3)
    array([[[0.2  , 0.8  ],
            [0.333, 0.667]]])
    """
    if (temperatures == 1).all():
        return probabilities
    raw = _logits(probabilities) / temperatures[:, None]
    result: np.ndarray = np.where(temperatures[:, None] == 1, probabilities, softmax(raw, axis=2))
    return result


def _logits(probabilities: np.ndarray) -> np.ndarray:
    """Return logarithms, the largest of a cell 0."""
    logs: np.ndarray = np.log(np.clip(probabilities, SMALLEST, None))
    logs -= logs.max(axis=2, keepdims=True)
    return logs


def _chunks(logits: np.ndarray) -> Iterator[slice]:
    """Yield some rows at a time, a bounded number of values."""
    step = max(1, CHUNK_VALUES // max(1, logits[:1].size))
    for first in range(0, len(logits), step):
        yield slice(first, first + step)


def _moments(logits: np.ndarray, weights: np.ndarray, inverse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weighted means over rows of the mean and variance of logits under `softmax(β z)`, both `(T,)`."""
    mean, variance = np.zeros(logits.shape[1]), np.zeros(logits.shape[1])
    for rows in _chunks(logits):
        own = logits[rows]  # (n, T, K)
        p = softmax(inverse[:, None] * own, axis=2)
        expected = (p * own).sum(2)
        mean += (weights[rows] * expected).sum(0)
        variance += (weights[rows] * (p * (own - expected[:, :, None]) ** 2).sum(2)).sum(0)
    return mean, variance


def _minimise(logits: np.ndarray, weights: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the β `(T,)` at which the mean of logits under `softmax(β z)` is `target`, by Newton in a bracket.

    This is where the cross-entropy with targets of that mean has no slope; its curvature is the variance.
    """
    inverse = np.ones(len(target))
    low, high = np.full(len(target), 1 / FARTHEST), np.full(len(target), FARTHEST)
    for _ in range(MOST_STEPS):
        mean, curvature = _moments(logits, weights, inverse)
        slope = mean - target
        low, high = np.where(slope < 0, inverse, low), np.where(slope > 0, inverse, high)
        step = inverse - slope / np.where(curvature > 0, curvature, 1)
        inside = (step >= low) & (step <= high) & (curvature > 0)
        # Logits that are all 0 have no slope anywhere, and any β will do.
        following = np.where(slope == 0, inverse, np.where(inside, step, np.sqrt(low * high)))
        done = np.abs(following - inverse) <= 1e-13 * inverse
        inverse = following
        if done.all():
            break
    return inverse
