"""CAGrad: the best direction for the worst task, near the mean gradient."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import GradientBalancing
from ._min_norm import min_norm_weights
from ._nnls import solve_masked
from ._sdmgrad import beside_mean
from ._step import Step

MOST_ROUNDS = 100
EXACT = 1e-10


class CAGrad(GradientBalancing):
    """Conflict-averse gradient descent: of all directions near the mean gradient, the best for the worst task.

        max_d min_t g_t · d   subject to ‖d − g_0‖ ≤ c ‖g_0‖

    with `g_0` the mean gradient. The solution is `d = g_0 + c ‖g_0‖ g_w / ‖g_w‖`, where `g_w` is a convex combination
    of the gradients; so weights are `1/T + c ‖g_0‖ w_t / ‖g_w‖`. Tasks may still get worse; with `c ≥ 1` none does, and
    the method ends anywhere on the Pareto front, like MGDA. A single task has weight `1 + c`. All gradients times a
    number: the same weights. Task weights multiply the weights afterwards.

    Solved exactly: it is SDMGrad's problem for `λ = ‖g_w‖ / (c ‖g_0‖)`, which is known in closed form once it is known
    which tasks have a weight. Where the mean gradient itself is the best direction, it is returned. The authors' code
    divides by `1 + c²`, which matters to solvers that feel scale; this one does not.

    Parameters
    ----------
    c : float, default=0.4
        Radius around the mean gradient, in units of its length; at least 0. 0 is the mean gradient.
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to, see `GradientBalancing`.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Liu, B., Liu, X., Jin, X., Stone, P., and Liu, Q. (2021). Conflict-averse gradient descent for multi-task learning.
    NeurIPS.

    Examples
    --------
    >>> from skmtl.balancing import CAGrad
    >>> CAGrad(c=0.5).weights([[1.0, 0.0], [0.0, 1.0]])
    array([0.75, 0.75])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GradientBalancing._parameter_constraints,
        "c": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, c: float = 0.4, *, gradients: str = "auto", every: int = 1, scale: str = "published") -> None:
        super().__init__(gradients=gradients, every=every, scale=scale)
        self.c = c

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights of the best direction for the worst task; see `Balancing.solve`."""
        del state
        largest = np.diagonal(step.gramian, axis1=1, axis2=2).max(1)
        gramian = step.gramian / largest[:, None, None]
        n_members, n_tasks = gramian.shape[:2]
        result = np.full((n_members, n_tasks), 1 / n_tasks)
        radius = self.c * np.sqrt(np.maximum(gramian.mean((1, 2)), 0))  # (M,): c ‖g_0‖
        work = np.flatnonzero(radius > EXACT)  # else the mean is zero to rounding, and so is the ball around it
        lam = np.full(len(work), 1 / self.c if self.c else 1.0)
        low, high = np.zeros(len(work)), np.full(len(work), np.inf)
        for _ in range(MOST_ROUNDS):
            if not len(work):
                break
            part, norms = gramian[work], step.norms[work] / np.sqrt(largest[work, None])
            weights = min_norm_weights(beside_mean(part, lam[:, None]))
            closed, added, solved = _closed_form(part, step.cosines[work], norms, weights > 0, radius[work])
            result[work] = 1 / n_tasks + added
            if solved.all():
                break
            length = np.sqrt(np.maximum(np.einsum("mt,mts,ms->m", weights, part, weights), 0))  # ‖g_w‖
            aimed = length / radius[work]
            low, high = np.where(aimed >= lam, lam, low), np.where(aimed <= lam, lam, high)
            settled = (np.abs(aimed - lam) <= EXACT * lam) | (high <= low * (1 + EXACT))
            lost = lam < EXACT  # ‖g_w‖ = 0: no direction is better for the worst task than the mean
            near = ~(solved | lost)
            result[work[near]] = 1 / n_tasks + (weights / lam[:, None])[near]
            going = near & ~settled
            if not going.any():
                break
            inside = (closed > low) & (closed < high)
            middle = np.where(np.isinf(high), 10 * lam, np.where(low > 0, np.sqrt(low * high), lam / 10))
            work, lam = work[going], np.where(inside, closed, middle)[going]
            low, high = low[going], high[going]
        return result


def _closed_form(
    gramian: np.ndarray, cosines: np.ndarray, norms: np.ndarray, support: np.ndarray, radius: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solve the problem as if the tasks with a weight were known.

    Returns
    -------
    lam : ndarray of shape (M,)
        `λ = ‖g_w‖ / (c ‖g_0‖)`; NaN if there is no solution on the support.
    added : ndarray of shape (M, T)
        What the weights are beside those of the mean, `w / λ`.
    solved : ndarray of bool of shape (M,)
        Whether this is the solution: weights are positive, and no other task would be worse off.
    """
    with_mean = gramian.mean(2)
    right = np.where(support[..., None], np.stack([np.ones_like(norms), with_mean], 2) / norms[..., None], 0)
    ones, means = np.moveaxis(solve_masked(cosines, right, support) / norms[..., None], 2, 0)  # (M, T) each
    total, share = ones.sum(1), means.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(share**2 - total * ((means * with_mean).sum(1) - radius**2))
        level = (share + root) / total  # what all tasks with a weight gain
        added = level[:, None] * ones - means
        moved = np.matmul(gramian, added[..., None])[..., 0]
        gained = with_mean + moved
        # Where gradients on the support depend on each other, the system has no solution, and this is not one.
        on_ball = np.abs((added * moved).sum(1) - radius**2) <= 1e-8 * radius**2
        slack = EXACT * (norms * norms.max(1, keepdims=True) * np.abs(added).max(1, keepdims=True) + np.abs(with_mean))
        solved = on_ball & np.all((added >= 0) & (gained >= level[:, None] - slack), axis=1)
        lam: np.ndarray = 1 / root
    return lam, np.where(solved[:, None], added, 0), solved
