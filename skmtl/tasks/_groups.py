"""Like tasks side by side: tasks of one loss and one number of classes share one vectorised expression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..losses import Loss


@dataclass(frozen=True)
class TaskGroup:
    """Tasks of one loss and one number of classes: neighbours among the tasks and among the outputs.

    Attributes
    ----------
    loss : Loss
    tasks : slice
        Where the group's tasks stand in the order of the engine.
    outputs : slice
        Where their outputs stand in the network's output block.
    width : int
        Outputs of each task, as its loss has it.
    n_classes : int
        Number of classes of each task, 1 for regression.
    chained : bool
        Whether the tasks are the steps of a chain, in their order. What is fitted to one of them alone, a companion or
        a temperature, would undo that no step is likelier than the one before.

    Examples
    --------
    >>> from skmtl.losses import Huber, SquaredError
    >>> from skmtl.tasks import group_tasks
    >>> order, groups = group_tasks([SquaredError(), Huber(), SquaredError()], [1, 1, 1])
    >>> order, groups[0].tasks
    (array([0, 2, 1]), slice(0, 2, None))
    """

    loss: Loss
    tasks: slice
    outputs: slice
    width: int
    n_classes: int
    chained: bool = False

    @property
    def bias_only(self) -> list[bool]:
        """Which of the group's outputs do not depend on the features."""
        return self.loss.bias_only(self.width) * len(range(self.tasks.start, self.tasks.stop))


def group_tasks(
    losses: Sequence[Loss], n_classes: Sequence[int], chains: Sequence[Sequence[int]] = ()
) -> tuple[np.ndarray, list[TaskGroup]]:
    """Return the order in which the engine holds the tasks, and the groups in that order.

    Parameters
    ----------
    losses : sequence of Loss
    n_classes : sequence of int
        Number of classes of each task, 1 for regression.
    chains : sequence of sequence of int, default=()
        Tasks that are the steps of a chain, each a group of its own.

    Returns
    -------
    order : ndarray of shape (n_tasks,)
        Position in y of the engine's first, second, … task.
    groups : list of TaskGroup
    """
    chain_of = {task: place for place, chain in enumerate(chains) for task in chain}
    members: dict[tuple[Loss, int, int | None], list[int]] = {}
    for task, (loss, count) in enumerate(zip(losses, n_classes, strict=True)):
        members.setdefault((loss, count, chain_of.get(task)), []).append(task)
    order: list[int] = []
    groups = []
    first_output = 0
    for (loss, count, chain), found in members.items():
        tasks = found if chain is None else list(chains[chain])
        width = loss.width(count)
        last_output = first_output + width * len(tasks)
        places = slice(len(order), len(order) + len(tasks))
        groups.append(TaskGroup(loss, places, slice(first_output, last_output), width, count, chain is not None))
        order += tasks
        first_output = last_output
    return np.array(order, dtype=np.intp), groups
