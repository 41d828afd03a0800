"""Linear problems over shares: a dual simplex method for many small ones at once."""

from __future__ import annotations

import numpy as np

# What is below zero by less than this is zero; coefficients are of the order of 1.
TOLERANCE = 1e-11
# A coefficient must be this share of the largest of its row to be divided by.
PIVOT = 1e-9


def best_shares(
    gains: np.ndarray, row: np.ndarray, matrix: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return `argmax gainsᵀ x` over `x ≥ 0`, `rowᵀ x = 1`, `A x ≥ h` for each of many problems.

    Exact and finite. The start is the best `x` with one positive number, whatever the constraints; while one is broken,
    the most broken one is met, in the way that costs least (the dual simplex method, Lemke 1954). So problems with few
    constraints in the way take few steps, of one product of a column and a row each.

    Parameters
    ----------
    gains : ndarray of shape (N, T)
    row : ndarray of shape (N, T)
        Positive.
    matrix : ndarray of shape (N, K, T)
        `A`.
    bounds : ndarray of shape (N, K)
        `h`; −∞ where there is no constraint.

    Returns
    -------
    x : ndarray of shape (N, T)
        Up to a positive factor.
    solved : ndarray of bool of shape (N,)
        Not where constraints contradict each other.

    References
    ----------
    Lemke, C. E. (1954). The dual method of solving the linear programming problem. Naval Research Logistics Quarterly
    1, 36-47.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing._linear_program import best_shares
    >>> gains, row, matrix = np.array([[2.0, 1.0]]), np.ones((1, 2)), np.array([[[-1.0, 1.0]]])
    >>> x, solved = best_shares(gains, row, matrix, np.array([[-0.5]]))  # x_2 ≥ x_1 − ½
    >>> x, bool(solved[0])
    (array([[0.75, 0.25]]), True)
    """
    n_problems, n_variables = gains.shape
    first = (gains / row).argmax(1)
    problems = np.arange(n_problems)
    result, solved = np.zeros_like(gains), np.zeros(n_problems, dtype=bool)
    # x is counted in units of the first variable's value, which starts at 1; all coefficients become of the order of 1.
    share = row / row[problems, first][:, None]
    size = np.abs(matrix[problems, :, first]).max(1)[:, None]
    size[size == 0] = 1
    matrix, bounds = matrix / size[..., None], bounds * (row[problems, first][:, None] / size)
    units = np.maximum(share, np.abs(matrix).max(1))
    units[problems, first] = 1
    gains, share, matrix = gains / units, share / units, matrix / units[:, None]
    # Each row of the table writes a variable as a number and a sum over the columns' variables, which are 0: gains, the
    # first variable, and how far constraints are met. Column `first` stays empty.
    table = np.empty((n_problems, matrix.shape[1] + 2, n_variables + 1))
    start = matrix[problems, :, first]
    table[:, 0, :-1] = gains - share * gains[problems, first][:, None]
    table[:, 1, :-1] = -share
    table[:, 2:, :-1] = matrix - start[..., None] * share[:, None]
    table[problems, :, first] = 0
    table[:, :2, -1] = 1
    table[:, 2:, -1] = np.where(np.isneginf(bounds), 0, start - bounds)
    table[:, 2:][np.isneginf(bounds)] = 0
    # Which variable a row and a column stand for: from n_variables on, a constraint.
    of_rows = np.tile(n_variables + np.arange(-2, matrix.shape[1]), (n_problems, 1))
    of_rows[:, 1] = first
    of_columns = np.tile(np.arange(n_variables), (n_problems, 1))
    work = problems
    for _ in range(20 * (n_variables + matrix.shape[1])):
        leaving = table[:, 1:, -1].argmin(1) + 1
        places = np.arange(len(work))
        broken = table[places, leaving]  # (N, T + 1)
        done = broken[:, -1] >= -TOLERANCE
        if done.any():
            _read(result, table[done], of_rows[done], work[done])
            solved[work[done]] = True
            if done.all():
                return result / units, solved
        slopes = broken[:, :-1]
        usable = slopes > PIVOT * np.abs(slopes).max(1, keepdims=True)
        going = ~done & usable.any(1)
        if not going.all():
            work, table, of_rows, of_columns = work[going], table[going], of_rows[going], of_columns[going]
            if not len(work):
                return result / units, solved
            leaving, slopes, usable, places = leaving[going], slopes[going], usable[going], np.arange(len(work))
        costs = np.where(usable, np.maximum(-table[:, 0, :-1], 0) / np.where(usable, slopes, 1), np.inf)
        entering = costs.argmin(1)
        _exchange(table, places, leaving, entering)
        of_rows[places, leaving], of_columns[places, entering] = (
            of_columns[places, entering],
            of_rows[places, leaving],
        )
    return result / units, solved


def _exchange(table: np.ndarray, places: np.ndarray, leaving: np.ndarray, entering: np.ndarray) -> None:
    """Let the variables of a row and of a column change places, in place."""
    old = table[places, leaving]
    pivot = old[places, entering]
    new = -old / pivot[:, None]
    new[places, entering] = 1 / pivot
    column = table[places, :, entering]
    table[places, :, entering] = 0
    table += column[..., None] * new[:, None]
    table[places, leaving] = new


def _read(result: np.ndarray, table: np.ndarray, of_rows: np.ndarray, work: np.ndarray) -> None:
    """Write the values of the variables that stand for rows."""
    n_variables = result.shape[1]
    rows, places = np.nonzero((of_rows < n_variables) & (np.arange(of_rows.shape[1]) > 0))
    result[work[rows], of_rows[rows, places]] = np.maximum(table[rows, places, -1], 0)
