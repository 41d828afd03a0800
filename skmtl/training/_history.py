"""What happened while training: losses and scores per epoch and task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("train_loss", "valid_loss", "train_score", "valid_score", "task_weight")


class History:
    """Losses and scores per epoch and task, means over members.

    Losses are in units of the best constant prediction's: a task starts near 1. Scores are R² or accuracy. The column
    `task_weight` holds the weights that balancing gave to tasks, times the task weights, a mean over the steps in which
    a task had labels. What was not measured is NaN: the columns `valid_…` without holdouts.

    Parameters
    ----------
    task_names : sequence of str
        Tasks that take part in training, in column order of y.
    task_weights : ndarray of shape (n_tasks,)
        Their weights.

    Attributes
    ----------
    task_names : list of str
    best_epochs : ndarray of int of shape (n_members,) or None
        Epoch, from 1, of each member's best state; None without early stopping.

    Examples
    --------
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.datasets import load_energy
    >>> X, y = load_energy(return_X_y=True)
    >>> history = MultiTaskRegressor(max_iter=3, early_stopping=False).fit(X, y).history_
    >>> len(history), history["train_loss"].shape, history.total("train_loss").shape
    (3, (3, 2), (3,))
    """

    def __init__(self, task_names: Sequence[str], task_weights: np.ndarray) -> None:
        self.task_names = list(task_names)
        self.task_weights = np.asarray(task_weights, dtype=float)
        self.best_epochs: np.ndarray | None = None
        self._records: dict[str, list[np.ndarray]] = {column: [] for column in COLUMNS}
        self._cosines: list[np.ndarray] = []

    def __len__(self) -> int:
        """Return the number of epochs."""
        return len(self._records["train_loss"])

    def __getitem__(self, column: str) -> np.ndarray:
        """Return a column, `(n_epochs, n_tasks)`: train_loss, valid_loss, train_score, valid_score or task_weight."""
        if column not in self._records:
            raise KeyError(f"{column!r} is none of {', '.join(COLUMNS)}.")
        return np.array(self._records[column]).reshape(len(self), len(self.task_names))

    def total(self, column: str) -> np.ndarray:
        """Return one column over all tasks, `(n_epochs,)`.

        Parameters
        ----------
        column : str
            A loss is summed with the task weights, a score is averaged over tasks; what is NaN is left out.

        Returns
        -------
        ndarray of shape (n_epochs,)
        """
        values = self[column]
        measured = ~np.isnan(values)
        weights = self.task_weights if column.endswith("loss") else np.ones(len(self.task_weights))
        total = np.where(measured, values, 0) @ weights
        if not column.endswith("loss"):
            total = total / np.maximum(measured.sum(axis=1), 1)
        return np.where(measured.any(axis=1), total, np.nan)

    @property
    def cosines(self) -> np.ndarray:
        """Cosines between the tasks' gradients, `(n_epochs, n_tasks, n_tasks)`; NaN where no method compared them."""
        n_tasks = len(self.task_names)
        return np.array(self._cosines, dtype=float).reshape(len(self), n_tasks, n_tasks)

    def learned_weights(self, names: Sequence[str]) -> dict[str, float]:
        """Return the mean weight of each task over the second half of the epochs, as a dict for `task_weights`.

        Weights sum to the number of the tasks that were learned. None is below a thousandth, because a task of weight 0
        is not learned; tasks that were not learned have 0.

        Parameters
        ----------
        names : sequence of str
            All tasks.
        """
        weights = dict.fromkeys(names, 0.0)
        later = self["task_weight"][len(self) // 2 :]
        measured = ~np.isnan(later)
        if measured.any():
            means = np.where(measured, later, 0).sum(0) / np.maximum(measured.sum(0), 1)
            shares = means / max(np.abs(means).sum(), np.finfo(float).tiny) * len(means)
            weights |= dict(zip(self.task_names, np.maximum(shares, 1e-3).tolist(), strict=True))
        return weights

    def record(self, cosines: np.ndarray | None = None, **columns: np.ndarray) -> None:
        """Append an epoch.

        Parameters
        ----------
        cosines : ndarray of shape (n_tasks, n_tasks) or None, default=None
        **columns : ndarray of shape (n_tasks,)
            Columns that were measured; the others become NaN.
        """
        for column, records in self._records.items():
            records.append(np.asarray(columns.get(column, np.full(len(self.task_names), np.nan)), dtype=float))
        self._cosines.append(self._nowhere() if cosines is None else cosines)

    def _nowhere(self) -> np.ndarray:
        return np.full((len(self.task_names), len(self.task_names)), np.nan)

    def extend(self, earlier: History) -> None:
        """Put the epochs of an earlier history before these; tasks that it does not know are NaN there."""
        place = [earlier.task_names.index(name) if name in earlier.task_names else -1 for name in self.task_names]
        for column, records in self._records.items():
            before = [np.where(np.array(place) < 0, np.nan, record[place]) for record in earlier._records[column]]
            self._records[column] = before + records
        known = np.array(place) >= 0
        both = np.ix_(known, known)
        for cosines in reversed(earlier._cosines):
            widened = self._nowhere()
            widened[both] = cosines[np.ix_(np.array(place)[known], np.array(place)[known])]
            self._cosines.insert(0, widened)

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per epoch and task, and per epoch a row `(all)` for the total.

        Returns
        -------
        pandas.DataFrame
            Columns `epoch` (from 1), `task`, `train_loss`, `valid_loss`, `train_score`, `valid_score`, `task_weight`.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        n_epochs, names = len(self), [*self.task_names, "(all)"]
        table: dict[str, object] = {
            "epoch": np.repeat(np.arange(1, n_epochs + 1), len(names)),
            "task": names * n_epochs,
        }
        for column in COLUMNS:
            table[column] = np.column_stack([self[column], self.total(column)]).ravel()
        return pd.DataFrame(table)

    def __repr__(self) -> str:
        """Summarise the last epoch."""
        if not len(self):
            return f"History(0 epochs, tasks {self.task_names})"
        last = ", ".join(
            f"{column} {self.total(column)[-1]:.4g}" for column in COLUMNS if not np.isnan(self.total(column)[-1])
        )
        return f"History({len(self)} epochs, tasks {self.task_names}; last: {last})"


def member_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the members that know the task, `(M, T)` → `(T,)`; NaN if none does."""
    known = ~np.isnan(values)
    return np.where(known.any(0), np.where(known, values, 0).sum(0) / np.maximum(known.sum(0), 1), np.nan)
