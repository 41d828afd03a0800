"""Quadratic problems with non-negative unknowns: an active-set method for many small ones at once."""

from __future__ import annotations

import numpy as np

# A variable enters if its gradient is above rounding: this many times the largest of the terms it is made of.
TOLERANCE = 1e-11
# A pivot below this share of its diagonal: the start with all variables would solve a singular system.
SINGULAR = 1e-10


def nonnegative_minimum(matrix: np.ndarray, linear: np.ndarray, start_full: bool = False) -> np.ndarray:
    """Return `argmin_{x ≥ 0} ½ xᵀ A x − qᵀ x` for each of many problems (Lawson and Hanson 1974).

    Exact and finite. A problem costs one linear system per variable that enters or leaves.

    Parameters
    ----------
    matrix : ndarray of shape (N, T, T)
        `A`, positive semi-definite with ones, or numbers near 1, on its diagonal.
    linear : ndarray of shape (N, T)
        `q`, in the range of `A`.
    start_full : bool, default=False
        Whether to try all variables first: for problems in which most of them are expected to be positive.

    Returns
    -------
    ndarray of shape (N, T)

    References
    ----------
    Lawson, C. L., and Hanson, R. J. (1974). Solving Least Squares Problems. Prentice-Hall.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing._nnls import nonnegative_minimum
    >>> nonnegative_minimum(np.eye(2)[None], np.array([[2.0, -1.0]]))
    array([[2., 0.]])
    """
    n_problems, n_variables = linear.shape
    result = np.zeros_like(linear)
    support = np.zeros(linear.shape, dtype=bool)
    if start_full:
        support |= _regular(matrix)[:, None]
        if support.all():
            solution = np.linalg.solve(matrix, linear[..., None])[..., 0]
            if (solution > 0).all():
                return solution
    else:
        idle = (linear <= TOLERANCE * np.abs(linear).max(1, keepdims=True, initial=0.0)).all(1)
        if idle.all():
            return result
    work = np.arange(n_problems)
    x = np.zeros_like(linear)
    banned = np.zeros(linear.shape, dtype=bool)
    entered = np.full(n_problems, -1)
    for _ in range(10 * n_variables + 10):
        solution = _solve_on(matrix, linear, support)
        blocked = np.logical_and(support, solution <= 0)
        stuck = np.any(blocked, axis=1)
        if stuck.any():
            _step_back(x, solution, support, blocked, stuck, banned, entered)
            if stuck.all():
                continue
            solution = np.where(stuck[:, None], x, solution)
        banned[np.any(solution != x, axis=1) & ~stuck] = False
        x = solution
        gradient = linear - np.matmul(matrix, x[..., None])[..., 0]
        size = np.abs(linear).max(1) + np.abs(x).max(1)
        gradient[support | banned | (gradient <= TOLERANCE * size[:, None])] = -np.inf
        choice = gradient.argmax(1)
        going = np.isfinite(gradient.max(1)) & ~stuck
        support[going, choice[going]] = True
        entered[going] = choice[going]
        finished = ~(going | stuck)
        if finished.any():
            result[work[finished]] = x[finished]
            left = ~finished
            if not left.any():
                break
            work, matrix, linear, support = work[left], matrix[left], linear[left], support[left]
            x, banned, entered = x[left], banned[left], entered[left]
    else:
        result[work] = x
    return result


def _regular(matrix: np.ndarray) -> np.ndarray:
    """Which of the matrices are safely invertible, `(N,)`."""
    try:
        factors = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return np.zeros(len(matrix), dtype=bool)
    pivots = np.diagonal(factors, axis1=1, axis2=2) ** 2
    regular: np.ndarray = np.all(pivots > SINGULAR * np.diagonal(matrix, axis1=1, axis2=2), axis=1)
    return regular


def _solve_on(matrix: np.ndarray, linear: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Solve `A x = q` on the supports; 0 elsewhere."""
    return solve_masked(matrix, np.where(support, linear, 0)[..., None], support)[..., 0]


def solve_masked(matrix: np.ndarray, right: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Solve linear systems on parts of their variables; where a part is singular, in the least-squares sense.

    Parameters
    ----------
    matrix : ndarray of shape (N, T, T)
    right : ndarray of shape (N, T, K)
        0 outside of the supports.
    support : ndarray of bool of shape (N, T)

    Returns
    -------
    ndarray of shape (N, T, K)
        0 outside of the supports.
    """
    part = np.where(support[:, :, None] & support[:, None, :], matrix, 0)
    place = np.arange(matrix.shape[1])
    part[:, place, place] += ~support
    try:
        solution: np.ndarray = np.linalg.solve(part, right)
    except np.linalg.LinAlgError:
        solution = np.linalg.pinv(part, hermitian=True) @ right
    return solution


def _step_back(
    x: np.ndarray,
    solution: np.ndarray,
    support: np.ndarray,
    blocked: np.ndarray,
    stuck: np.ndarray,
    banned: np.ndarray,
    entered: np.ndarray,
) -> None:
    """Go towards the solution until the first variable is 0, and take it out, in place."""
    moving = blocked & (x > 0)
    way = np.where(moving, x / np.where(moving, x - solution, 1), np.where(blocked, 0, np.inf))
    step = np.where(stuck, way.min(1, initial=np.inf), 0)
    out = blocked & (way <= step[:, None])
    moved = x + np.where(stuck, step, 0)[:, None] * np.where(support, solution - x, 0)
    x[stuck] = np.where(out, 0, moved)[stuck]
    support &= ~out
    # A variable that leaves as it enters came in by rounding: it must not try again before anything else has changed.
    rows = np.flatnonzero(stuck & (entered >= 0) & (step == 0))
    banned[rows, entered[rows]] |= out[rows, entered[rows]]
