"""Quadratic problems with non-negative unknowns: an active-set method for many small ones at once."""

from __future__ import annotations

import numpy as np

# A variable enters if its gradient is above rounding: this many times the largest of the terms it is made of.
TOLERANCE = 1e-11
# Solutions this much larger than what is asked for come from systems that are nearly singular, and need care.
LARGE = 1e6
# Exchanges of many variables at once that bring no progress before one variable at a time is exchanged.
PATIENCE = 3
# Systems of at least so many variables are cut down to the supports, where these are small.
WORTH_CUTTING = 12


def nonnegative_minimum(matrix: np.ndarray, linear: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """Return `argmin_{x ≥ 0} ½ xᵀ A x − qᵀ x` for each of many problems.

    Exact and finite. All variables that are wrong are exchanged at once, which settles most problems in a few linear
    systems (Portugal, Júdice and Vicente 1994); where that does not end well, variables enter and leave one by one
    (Lawson and Hanson 1974), at one linear system each.

    Parameters
    ----------
    matrix : ndarray of shape (N, T, T)
        `A`, positive semi-definite with ones, or numbers near 1, on its diagonal.
    linear : ndarray of shape (N, T)
        `q`, in the range of `A`.
    start : ndarray of bool of shape (N, T) or None, default=None
        Which variables to try first; None: those of which `q` is positive.

    Returns
    -------
    ndarray of shape (N, T)

    References
    ----------
    Lawson, C. L., and Hanson, R. J. (1974). Solving Least Squares Problems. Prentice-Hall.

    Portugal, L. F., Júdice, J. J., and Vicente, L. N. (1994). A comparison of block pivoting and interior-point
    algorithms for linear least squares problems with nonnegative variables. Mathematics of Computation 63, 625-643.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing._nnls import nonnegative_minimum
    >>> nonnegative_minimum(np.eye(2)[None], np.array([[2.0, -1.0]]))
    array([[2., 0.]])
    """
    support = linear > 0 if start is None else start
    if not support.any():
        return np.zeros_like(linear)
    x, settled = _exchange_many(matrix, linear, support)
    if not settled.all():
        left = ~settled
        x[left] = _exchange_one_by_one(matrix[left], linear[left])
    return x


def _exchange_many(matrix: np.ndarray, linear: np.ndarray, support: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exchange all wrong variables at once; return solutions, and which of them are settled."""
    result, settled = np.zeros_like(linear), np.zeros(len(linear), dtype=bool)
    work, fewest = np.arange(len(linear)), np.full(len(linear), linear.shape[1] + 1)
    chances = np.full(len(linear), PATIENCE)
    while True:
        try:
            x = _solve_regular(matrix, np.where(support, linear, 0)[..., None], support)[..., 0]
        except np.linalg.LinAlgError:
            return result, settled
        gradient = linear - np.matmul(matrix, x[..., None])[..., 0]
        asked, largest = np.abs(linear), np.abs(x).max(1)
        slack = TOLERANCE * (asked + largest[:, None])
        wrong = np.where(support, x <= 0, gradient > slack)
        n_wrong = wrong.sum(1)
        sound = ((np.abs(gradient) <= slack) | ~support).all(1) & (largest <= LARGE * asked.max(1))
        good = (n_wrong == 0) & sound
        if good.all():
            result[work], settled[work] = x, True
            return result, settled
        result[work[good]], settled[work[good]] = x[good], True
        chances = np.where(n_wrong < fewest, PATIENCE, chances - 1)
        going = (n_wrong > 0) & (chances > 0)
        if not going.any():
            return result, settled
        support = support ^ wrong
        if not going.all():
            work, matrix, linear, support = work[going], matrix[going], linear[going], support[going]
            chances, fewest, n_wrong = chances[going], fewest[going], n_wrong[going]
        fewest = np.minimum(fewest, n_wrong)


def _exchange_one_by_one(matrix: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """Let variables enter and leave one by one, from none: finite whatever the matrix."""
    n_problems, n_variables = linear.shape
    result = np.zeros_like(linear)
    support = np.zeros(linear.shape, dtype=bool)
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
        slack = TOLERANCE * (np.abs(linear) + np.abs(x).max(1)[:, None])
        gradient[support | banned | (gradient <= slack)] = -np.inf
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
    try:
        return _solve_regular(matrix, right, support)
    except np.linalg.LinAlgError:
        solution: np.ndarray = np.linalg.pinv(_part(matrix, support), hermitian=True) @ right
    return solution


def _solve_regular(matrix: np.ndarray, right: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Solve linear systems on parts of their variables; raise `LinAlgError` if one is singular."""
    n_variables, solution = matrix.shape[1], np.zeros_like(right)
    largest = n_variables if n_variables < WORTH_CUTTING else int(support.sum(1).max())
    if largest > 0.8 * n_variables:
        whole: np.ndarray = np.linalg.solve(matrix if support.all() else _part(matrix, support), right)
        return whole
    # Variables of the support first; what fills up the smaller supports is cut off by the mask again.
    kept = np.argsort(~support, axis=1, kind="stable")[:, :largest]
    rows = np.arange(len(matrix))[:, None]
    cut = matrix[rows[..., None], kept[:, :, None], kept[:, None, :]]
    solution[rows, kept] = np.linalg.solve(_part(cut, support[rows, kept]), right[rows, kept])
    return solution


def _part(matrix: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Rows and columns of the identity outside of the supports."""
    part = np.where(support[:, :, None] & support[:, None, :], matrix, 0)
    place = np.arange(matrix.shape[1])
    part[:, place, place] += ~support
    return part


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
