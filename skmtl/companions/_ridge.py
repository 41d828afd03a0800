"""Ridge regression of many tasks at once, with every row left out once in closed form."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

# Rounds in which cells without labels are filled by the fit itself. At the fixed point, each task is solved on its own
# cells; a few rounds are near it, at the cost of one decomposition for all tasks.
FILLING_ROUNDS = 5
# Directions whose squared length is below this share of the largest are rounding.
SMALLEST = 1e-12
# Rows whose leverage is found at a time.
CHUNK_ROWS = 4096
# A row that holds itself up keeps at least this share of its residual: left out, its error is large but finite.
SMALLEST_REST = 1e-8


@dataclass
class Cells:
    """Targets and weights of cells.

    Attributes
    ----------
    targets : ndarray of shape (n, T)
        In units in which 0 is a task's mean; 0 in cells without a label.
    weights : ndarray of shape (n, T)
        Weights of the cells, 0 without a label.
    """

    targets: np.ndarray
    weights: np.ndarray

    def __post_init__(self) -> None:
        rows = self.weights.max(1)
        self.rows = rows / rows.mean()  # weight of each row, (n,)
        # Share of a row's weight that a cell has: 1 for a row whose labels all count alike.
        self.shares = self.weights / np.where(rows > 0, rows, 1)[:, None]
        self.full = bool((self.shares == 1).all())
        self.totals = self.weights.sum(0)

    @property
    def coverage(self) -> np.ndarray:
        """Share of the rows' weight that each task has labels in, `(T,)`: fewer cells hold each other up more."""
        if self.full:
            return np.ones(self.targets.shape[1])
        share = (self.rows[:, None] * self.shares).sum(0) / self.rows.sum()
        return np.where(share > 0, share, 1)

    def of(self, tasks: list[int]) -> Cells:
        """Return the cells of some tasks; rows keep their weights."""
        part = replace(self, targets=self.targets[:, tasks], weights=self.weights[:, tasks])
        part.rows, part.shares = self.rows, self.shares[:, tasks]
        part.full = bool((part.shares == 1).all())
        return part

    def errors(self, predicted: np.ndarray) -> np.ndarray:
        """Return the weighted mean squared error of each task, `(T,)`."""
        result: np.ndarray = (self.weights * (self.targets - predicted) ** 2).sum(0) / np.where(
            self.totals > 0, self.totals, 1
        )
        return result


class Smoother:
    """A linear smoother by its spectrum: fitted values are `S⁻¹ U f(e) Uᵀ S y`, with `S` the roots of row weights.

    Parameters
    ----------
    vectors : ndarray of shape (n, K)
        `U`, orthonormal columns.
    values : ndarray of shape (K,)
        `e`, at least 0; a ridge `λ` keeps `f = e / (e + λ)` of each direction.
    cells : Cells
    intercept : bool
        Whether targets were centred by the rows' weights, which holds up every row a little.
    together : ndarray of int of shape (n,) or None, default=None
        Rows of equal number are left out together; None: each alone.
    """

    def __init__(
        self,
        vectors: np.ndarray,
        values: np.ndarray,
        cells: Cells,
        intercept: bool,
        together: np.ndarray | None = None,
    ) -> None:
        self.vectors, self.values, self.cells = vectors, np.maximum(values, 0), cells
        self.roots = np.sqrt(cells.rows)[:, None]  # (n, 1)
        self.base = cells.rows / cells.rows.sum() if intercept else np.zeros(len(vectors))
        self.blocks = [] if together is None else blocks_of(together)

    def solve(self, ridge: float) -> tuple[np.ndarray, np.ndarray]:
        """Return what the targets are to each direction, and the predictions of rows left out.

        Parameters
        ----------
        ridge : float

        Returns
        -------
        loads : ndarray of shape (K, T)
            `Uᵀ S y`, with cells without labels filled.
        left_out : ndarray of shape (n, T)
        """
        cells, kept = self.cells, self.values / (self.values + ridge)
        filled = cells.targets * cells.shares
        loads = self.vectors.T @ (self.roots * filled)
        fitted = self._fitted(loads, kept)
        for _ in range(0 if cells.full else FILLING_ROUNDS):
            filled = cells.targets * cells.shares + (1 - cells.shares) * fitted
            loads = self.vectors.T @ (self.roots * filled)
            fitted = self._fitted(loads, kept)
        return loads, self._left_out(filled, fitted, kept)

    def _left_out(self, filled: np.ndarray, fitted: np.ndarray, kept: np.ndarray) -> np.ndarray:
        gap = filled - fitted
        rest = np.maximum(1 - self._leverage(kept) - self.base, SMALLEST_REST)
        errors = gap / rest[:, None]
        for block in self.blocks:
            # Both sides in units in which rows count alike: (I − H) e = r, with the block's part of the hat matrix.
            directions = np.hstack([self.vectors[block] * np.sqrt(kept), np.sqrt(self.base[block])[:, None]])
            errors[block] = _released(directions, self.roots[block] * gap[block]) / self.roots[block]
        # A row that is held up by m rows, itself among them, has a leverage of 1 / m; of a task with labels in a share
        # s of the rows, by 1 + s (m − 1). With that, (1 − h) becomes (1 − h) / (1 + h (1 − s) / s).
        share = self.cells.coverage
        left_out: np.ndarray = filled - errors - (1 - share) / share * (errors - gap)
        return left_out

    def _fitted(self, loads: np.ndarray, kept: np.ndarray) -> np.ndarray:
        fitted: np.ndarray = self.vectors @ (kept[:, None] * loads) / self.roots
        return fitted

    def _leverage(self, kept: np.ndarray) -> np.ndarray:
        """Return how much of each row's fitted value is its own target, `(n,)`."""
        n_rows = len(self.vectors)
        chunks = [self.vectors[first : first + CHUNK_ROWS] ** 2 @ kept for first in range(0, n_rows, CHUNK_ROWS)]
        return np.concatenate(chunks)


def best_for_all(errors: np.ndarray, task_weights: np.ndarray) -> int:
    """Return the option with the least mean, over tasks, of a task's error by its own best.

    So a task with little to learn does not decide for the others, as it would in a sum of errors.

    Parameters
    ----------
    errors : ndarray of shape (R, T)
        Of each option.
    task_weights : ndarray of shape (T,)
    """
    best = errors.min(0)
    relative = np.where(best > 0, errors / np.where(best > 0, best, 1), 1) @ task_weights
    return int(np.argmin(relative))


def thin_vectors(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the singular vectors and values of a matrix, `(n, K)`, `(K,)` and `(C, K)`, by its smaller Gramian.

    Parameters
    ----------
    matrix : ndarray of shape (n, C)
    """
    n_rows, n_columns = matrix.shape
    wide = n_columns > n_rows
    squares, vectors = np.linalg.eigh(matrix @ matrix.T if wide else matrix.T @ matrix)
    there = squares > SMALLEST * max(squares[-1], np.finfo(float).tiny) if len(squares) else squares > 0
    lengths, vectors = np.sqrt(squares[there]), vectors[:, there]
    if wide:
        return vectors, lengths, matrix.T @ vectors / lengths
    left = matrix @ vectors
    left /= lengths  # in place: there may be many rows
    return left, lengths, vectors


def blocks_of(together: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each number that several rows have.

    Parameters
    ----------
    together : ndarray of int of shape (n,)
    """
    _, which, counts = np.unique(together, return_inverse=True, return_counts=True)
    parts = np.split(np.argsort(which, kind="stable"), np.cumsum(counts)[:-1])
    return [part for part in parts if len(part) > 1]


def _released(directions: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    """Return `(I − D Dᵀ)⁻¹ r`, by the smaller of both products of `D`."""
    n_rows, n_directions = directions.shape
    if n_rows <= n_directions:
        matrix = (1 + SMALLEST_REST) * np.eye(n_rows) - directions @ directions.T
        return np.linalg.solve(matrix, residuals)
    inner = (1 + SMALLEST_REST) * np.eye(n_directions) - directions.T @ directions
    released: np.ndarray = residuals + directions @ np.linalg.solve(inner, directions.T @ residuals)
    return released
