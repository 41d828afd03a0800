"""How much of each part goes into the answer, found on predictions of rows that the parts were not fitted to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import log_softmax, softmax

# Ridge on the intercepts of classes, in units of labels: keeps those of rare classes finite.
INTERCEPT_RIDGE = 1.0
# Likewise on how far the weights' sum is from 1: classes that can be told apart without error say that all is certain.
SUM_RIDGE = 10.0
# Likewise on how far a task's own weights are from those of all tasks.
OWN_RIDGE = 10.0


def least_squares_mix(
    parts: Sequence[np.ndarray], y: np.ndarray, weights: np.ndarray, towards: np.ndarray | None = None
) -> np.ndarray:
    """Return the non-negative weights `(P,)` of parts whose sum has the smallest squared error.

    Each task counts by the sum of its weights, in units of its best part's error, so that a task that can be predicted
    well counts as much as one that cannot.

    Parameters
    ----------
    parts : sequence of ndarray of shape (n, T)
    y : ndarray of shape (n, T)
    weights : ndarray of shape (n, T)
        0 where a label or a part's prediction is missing.
    towards : ndarray of shape (P,) or None, default=None
        Weights to which those that are found are drawn, the more the fewer cells there are.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.companions._mix import least_squares_mix
    >>> y = np.array([[1.0], [2.0], [-3.0]])
    >>> least_squares_mix([0.5 * y, -y], y, np.ones((3, 1))).round(6)
    array([2., 0.])
    """
    there = weights > 0
    totals = weights.sum(0)
    errors = [(np.where(there, weights, 0) * (np.where(there, part - y, 0)) ** 2).sum(0) for part in parts]
    best = np.min(errors, axis=0) / np.where(totals > 0, totals, 1)
    usable = (best > 0) & (totals > 0)
    if towards is not None and not there.any():
        return towards
    if not usable.any():  # a part that makes no error at all
        alone: np.ndarray = np.eye(len(parts))[int(np.argmin(np.sum(errors, axis=1)))]
        return alone
    scale = np.sqrt(np.where(there & usable, weights / np.where(usable, best, 1), 0))
    columns = np.stack([(np.where(there, part, 0) * scale).ravel() for part in parts], 1)
    # Products of columns are enough, whatever the number of rows.
    gram, right = columns.T @ columns, columns.T @ (np.where(there, y, 0) * scale).ravel()
    if towards is not None:
        ridge = OWN_RIDGE * weights[there].mean()
        gram, right = gram + ridge * np.eye(len(parts)), right + ridge * towards
    values, vectors = np.linalg.eigh(gram)
    roots = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    inverse = np.where(values > 1e-12 * max(values[-1], 1e-300), 1 / np.sqrt(np.maximum(values, 1e-300)), 0)
    found: np.ndarray = nnls(roots, inverse * (vectors.T @ right))[0]
    return found


def logistic_mix(
    parts: Sequence[np.ndarray], labels: np.ndarray, weights: np.ndarray, towards: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights `(P,)` of the parts' log-probabilities, not negative, and intercepts `(T, K)`.

    `p ∝ exp(Σ_i a_i log p_i + b)`: those with the smallest log loss, each task counting by the sum of its weights. A
    ridge draws `Σ_i a_i` towards 1, or `a` to what is given, and `b` towards 0: where labels are few, or classes apart,
    the loss would have them grow for ever.

    Parameters
    ----------
    parts : sequence of ndarray of shape (n, T, K)
        Probabilities.
    labels : ndarray of shape (n, T)
        Codes of classes; anything where the weight is 0.
    weights : ndarray of shape (n, T)
    towards : ndarray of shape (P,) or None, default=None
    """
    n_parts, (_, n_tasks, n_classes) = len(parts), parts[0].shape
    rows, tasks = np.nonzero(weights > 0)
    logs = np.stack([log_probabilities(part[rows, tasks]) for part in parts], 2)  # (N, K, P)
    own, weight = labels[rows, tasks].astype(np.intp), weights[rows, tasks]
    weight = weight * (len(weight) / weight.sum()) if len(weight) else weight
    onehot = np.eye(n_classes)[own]

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        shares, intercepts = values[:n_parts], values[n_parts:].reshape(n_tasks, n_classes)
        raw = logs @ shares + intercepts[tasks]
        per_row = -(weight * log_softmax(raw, axis=1)[np.arange(len(own)), own]).sum()
        residual = weight[:, None] * (softmax(raw, axis=1) - onehot)
        slope = np.einsum("nk,nkp->p", residual, logs)
        slopes = np.zeros((n_tasks, n_classes))
        np.add.at(slopes, tasks, residual)
        ridge, away = (SUM_RIDGE, shares.sum(keepdims=True) - 1) if towards is None else (OWN_RIDGE, shares - towards)
        penalty = 0.5 * (INTERCEPT_RIDGE * (intercepts**2).sum() + ridge * (away**2).sum())
        slopes += INTERCEPT_RIDGE * intercepts
        return per_row + penalty, np.concatenate([slope + ridge * away, slopes.ravel()])

    start = np.concatenate([np.full(n_parts, 1 / n_parts), np.zeros(n_tasks * n_classes)])
    bounds = [(0, None)] * n_parts + [(None, None)] * (n_tasks * n_classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500, "ftol": 1e-12})
    return found.x[:n_parts], found.x[n_parts:].reshape(n_tasks, n_classes)


def log_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Return logarithms of probabilities, none of which is 0."""
    logs: np.ndarray = np.log(np.clip(probabilities, 1e-12, None))
    return logs
