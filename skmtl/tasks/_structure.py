"""Which tasks there are: their names, their types and the columns of `y` that they cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TaskStructure:
    """Tasks over the columns of `y`: one column a task, but for groups of binary columns.

    Attributes
    ----------
    columns : list of str
        Names of the columns of `y`.
    names : list of str
        Names of the tasks.
    types : list of str
        "regression", "count", "classification", "ordinal" or "multilabel", one a task.
    task_of_column : ndarray of int of shape (n_columns,)
        The task that a column belongs to.
    chains : tuple of tuple of int
        Columns that are the steps of a chain, in their order.

    Examples
    --------
    >>> from skmtl.tasks import TaskStructure
    >>> TaskStructure.of_columns(["price", "rooms"], "regression").column_values([1.0, 2.0])
    array([1., 2.])
    """

    columns: list[str]
    names: list[str]
    types: list[str]
    task_of_column: np.ndarray
    chains: tuple[tuple[int, ...], ...] = ()

    @classmethod
    def of_columns(cls, names: Sequence[str], types: str | Sequence[str]) -> TaskStructure:
        """Return the structure in which each column is a task.

        Parameters
        ----------
        names : sequence of str
        types : str or sequence of str
            One type for all, or one a task.
        """
        listed = [types] * len(names) if isinstance(types, str) else list(types)
        return cls(list(names), list(names), listed, np.arange(len(names)))

    def columns_of(self, task: int) -> np.ndarray:
        """Return the positions of a task's columns."""
        return np.flatnonzero(self.task_of_column == task)

    def column_values(self, values: Sequence[float] | np.ndarray) -> np.ndarray:
        """Spread a value per task evenly over its columns, `(n_columns,)`: those of a group share it."""
        sizes = np.bincount(self.task_of_column, minlength=len(self.names))
        shares: np.ndarray = (np.asarray(values, dtype=float) / sizes)[self.task_of_column]
        return shares

    def by_task(self, scores: dict[int, float]) -> dict[str, float]:
        """Return the mean over each task's columns, by task name; tasks without a column in `scores` are left out."""
        found = {
            name: [scores[column] for column in self.columns_of(task).tolist() if column in scores]
            for task, name in enumerate(self.names)
        }
        return {name: float(np.mean(values)) for name, values in found.items() if values}
