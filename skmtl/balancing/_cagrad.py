"""CAGrad: the best direction for the worst task, near the mean gradient."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import GradientBalancing
from ._min_norm import min_norm_on_units
from ._nnls import TOLERANCE, nonnegative_minimum, solve_masked
from ._step import Step

# Supports that are tried before the level is bracketed, and steps of the bracket.
MOST_GUESSES = 8
MOST_ROUNDS = 120
# Radii below this share of the longest gradient are rounding.
EXACT = 1e-10
# Hulls nearer to the origin than the root of this, in units of the shortest gradient, hold it.
HOLDS_ORIGIN = 1e-13


class CAGrad(GradientBalancing):
    """Conflict-averse gradient descent: of all directions near the mean gradient, the best for the worst task.

        max_d min_t g_t · d   subject to ‖d − g_0‖ ≤ c ‖g_0‖

    with `g_0` the mean gradient. The solution is `d = g_0 + c ‖g_0‖ g_w / ‖g_w‖`, where `g_w` is a convex combination
    of the gradients; so weights are `1/T + c ‖g_0‖ w_t / ‖g_w‖`. Tasks may still get worse; with `c ≥ 1` none does, and
    the method ends anywhere on the Pareto front, like MGDA. A single task has weight `1 + c`. All gradients times a
    number: the same weights. Task weights multiply the weights afterwards.

    Solved exactly, in closed form once it is known which tasks have a weight. Where some combination of gradients
    vanishes, no direction is good for all tasks; if the ball holds directions that harm none, the one nearest to the
    mean is taken, which is that of `DualProj` and the limit from points nearby; then `‖d − g_0‖` is smaller than
    `c ‖g_0‖`. The authors' code divides by `1 + c²`, which matters to solvers that feel scale; this one does not.

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
        cosines, norms = step.cosines, step.norms
        n_tasks = norms.shape[1]
        longest = norms.max(1, keepdims=True)
        with_mean = np.matmul(cosines, (norms / longest)[..., None])[..., 0] / n_tasks  # g_t · g_0 / (n_t n_max)
        square = (with_mean * norms / longest).mean(1)
        radius = self.c * np.sqrt(np.maximum(square, 0))  # c ‖g_0‖ / n_max
        added = np.zeros_like(norms)
        work = np.flatnonzero(radius > EXACT)  # else the mean is zero to rounding, and so is the ball around it
        if len(work):
            row = norms.min(1, keepdims=True) / norms
            whole = len(work) == len(norms)
            problem = Problem(cosines, row, with_mean, radius)
            added[work] = _added(problem if whole else problem.part(work))
        weights: np.ndarray = 1 / n_tasks + added * (longest / norms)
        return weights


class Problem(NamedTuple):
    """The task: of all `x ≥ 0` with `√(xᵀ Ĝ x) = k`, that for which the least `(Ĝ x + b)_t / q_t` is largest.

    `x_t` is what is added to a task's weight, times its gradient's length. For a number `τ`, the minimum of
    `½ xᵀ (Ĝ + q qᵀ) x − (τ q − b)ᵀ x` has that property for a `k` of its own, which grows with `τ`; and its supports
    are never singular.

    Attributes
    ----------
    cosines : ndarray of shape (N, T, T)
        `Ĝ`.
    row : ndarray of shape (N, T)
        `q_t`, the shortest length by the task's.
    with_mean : ndarray of shape (N, T)
        `b_t`, product of the task's gradient at length 1 and the mean gradient.
    radius : ndarray of shape (N,)
        `k`.
    """

    cosines: np.ndarray
    row: np.ndarray
    with_mean: np.ndarray
    radius: np.ndarray

    def part(self, which: np.ndarray) -> Problem:
        """Return some of the problems."""
        return Problem(*(values[which] for values in self))

    def matrix(self) -> np.ndarray:
        """Return `Ĝ + q qᵀ`."""
        whole: np.ndarray = self.cosines + self.row[:, :, None] * self.row[:, None, :]
        return whole

    def length(self, x: np.ndarray) -> np.ndarray:
        """Return `√(xᵀ Ĝ x)`."""
        length: np.ndarray = np.sqrt(np.maximum((x * np.matmul(self.cosines, x[..., None])[..., 0]).sum(1), 0))
        return length


def _added(problem: Problem) -> np.ndarray:
    """Return `x`, `(N, T)`."""
    x, solved = np.zeros_like(problem.row), np.zeros(len(problem.row), dtype=bool)
    work, part, matrix = np.arange(len(x)), problem, problem.matrix()
    support = np.ones(x.shape, dtype=bool)
    for _ in range(MOST_GUESSES):
        tau, guess, wrong, right = _on_support(part, matrix, support)
        x[work[right]], solved[work[right]] = guess[right], True
        going = ~right & np.isfinite(tau) & wrong.any(1)
        if not going.any():
            break
        support = (support ^ wrong)[going]
        work, part, matrix = work[going], part.part(going), matrix[going]
    if not solved.all():
        left = np.flatnonzero(~solved)
        x[left] = _bracketed(problem.part(left))
    return x


def _on_support(
    problem: Problem, matrix: np.ndarray, support: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Solve the problem as if it were known which tasks have a weight.

    Returns
    -------
    tau : ndarray of shape (N,)
        NaN if there is no solution on the support.
    x : ndarray of shape (N, T)
    wrong : ndarray of bool of shape (N, T)
        Which tasks belong to the other side of the support.
    solved : ndarray of bool of shape (N,)
        Whether this is the solution.
    """
    row, with_mean, radius = problem.row, problem.with_mean, problem.radius
    right = np.where(support[..., None], np.stack([row, with_mean], 2), 0)
    # x = τ p − s. Its square, xᵀ Ĝ x = xᵀ (q τ − b) − (qᵀ x)² on the support, is quadratic in τ.
    p, s = np.moveaxis(solve_masked(matrix, right, support), 2, 0)
    a, e, f = (row * p).sum(1), (row * s).sum(1), (with_mean * s).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        rest = a * (1 - a)
        half = e * (1 - a)  # xᵀ Ĝ x = rest τ² − 2 half τ + f − e²
        under = half**2 - rest * (f - e**2 - radius**2)
        # Where all that the support allows is too long, the shortest of it shows which tasks are to go.
        tau = np.where(1 - a > HOLDS_ORIGIN, (half + np.sqrt(np.maximum(under, 0))) / rest, np.nan)
        x = tau[:, None] * p - s
        gradient = tau[:, None] * row - with_mean - np.matmul(matrix, x[..., None])[..., 0]
        slack = TOLERANCE * (np.abs(tau)[:, None] * row + np.abs(with_mean) + np.abs(x).max(1, keepdims=True))
        wrong = np.where(support, x <= 0, gradient > slack)
        sound = ((np.abs(gradient) <= slack) | ~support).all(1)
        solved = sound & ~wrong.any(1) & (np.abs(problem.length(x) - radius) <= 1e-8 * radius)
    return tau, x, wrong, solved


def _bracketed(problem: Problem) -> np.ndarray:
    """Find `τ` by its bracket; where nothing is to be gained, take the nearest direction that harms no task."""
    nearest = nonnegative_minimum(problem.cosines, -problem.with_mean)  # as in DualProj
    shortest = min_norm_on_units(problem.cosines, problem.row)
    holds_origin = 1 - (problem.row * shortest).sum(1) <= HOLDS_ORIGIN
    x = nearest.copy()
    # If the ball reaches that direction, no other gains more: what is gained is 0 there, and cannot be more.
    work = np.flatnonzero(~(holds_origin & (problem.length(nearest) <= problem.radius)))
    part, matrix = problem.part(work), problem.matrix()[work]
    # In y = asinh τ, as lengths may be 1e12 apart; above, τ would belong to a hull that holds the origin.
    y, low, high = np.zeros(len(work)), np.full(len(work), -80.0), np.full(len(work), 36.0)
    for _ in range(MOST_ROUNDS):
        if not len(work):
            break
        found = nonnegative_minimum(matrix, np.sinh(y)[:, None] * part.row - part.with_mean)
        tau, guess, _, right = _on_support(part, matrix, found > 0)
        long = part.length(found) > part.radius
        low, high = np.where(long, low, y), np.where(long, y, high)
        x[work] = np.where(right[:, None], guess, np.where(y[:, None] > 35.9, nearest[work], found))
        going = ~right & (high - low > 1e-14 * np.maximum(np.abs(y), 1))
        aim = np.arcsinh(tau)
        inside = (aim > low) & (aim < high)
        y = np.where(inside, aim, (low + high) / 2)[going]
        work, part, matrix, low, high = work[going], part.part(going), matrix[going], low[going], high[going]
    return x
