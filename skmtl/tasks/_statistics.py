"""What a member knows of the labels before training: scale, prior, loss of the best constant, share of labels.

Everything is computed from the rows that the member trains on, so that its holdout stays unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..losses import Loss
from ._chains import chain_start
from ._groups import TaskGroup

# No task's loss is scaled up more than tenfold: a nearly constant task has little to say, and would say it loudest.
SMALLEST_CONSTANT_LOSS = 0.1


@dataclass(frozen=True)
class MemberStatistics:
    """Statistics of the training labels; `M` members, `T` tasks, `O` outputs.

    Attributes
    ----------
    shift, scale : ndarray of shape (M, T)
        The loss sees `(encoded label - shift) / scale`.
    start : ndarray of shape (M, O)
        What heads say before training: the outputs of a constant prediction, as the loss has it; in a chain, logits of
        the conditional probabilities that it is made of.
    constant_loss : ndarray of shape (M, T)
        Loss of the best constant prediction, at least 0.1; NaN for a task without a training label.
    mean_weight : ndarray of shape (M, T)
        Mean weight of a row's label, rows without one counted as 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.losses import SquaredError
    >>> from skmtl.tasks import group_tasks, member_statistics
    >>> _, groups = group_tasks([SquaredError()], [1])
    >>> labels, holds_out = np.array([[0.0], [2.0], [9.0]]), np.array([1, 1, 0])
    >>> member_statistics(labels, np.ones((3, 1)), holds_out, 2, groups).shift.ravel()
    array([1., 9.])
    """

    shift: np.ndarray
    scale: np.ndarray
    start: np.ndarray
    constant_loss: np.ndarray
    mean_weight: np.ndarray

    @property
    def has_labels(self) -> np.ndarray:
        """Which member has a training label of which task, `(M, T)`."""
        return self.mean_weight > 0

    def updated(self, other: MemberStatistics, groups: Sequence[TaskGroup]) -> MemberStatistics:
        """Return these statistics, completed by `other`'s for tasks that had no label so far."""
        new = ~self.has_labels & other.has_labels
        outputs = np.zeros(self.start.shape, dtype=bool)
        for group in groups:
            outputs[:, group.outputs] = np.repeat(new[:, group.tasks], group.width, axis=1)
        return MemberStatistics(
            np.where(new, other.shift, self.shift),
            np.where(new, other.scale, self.scale),
            np.where(outputs, other.start, self.start),
            np.where(new, other.constant_loss, self.constant_loss),
            np.where(new, other.mean_weight, self.mean_weight),
        )


def member_statistics(
    labels: np.ndarray,
    weights: np.ndarray,
    held_out: np.ndarray | None,
    n_members: int,
    groups: Sequence[TaskGroup],
) -> MemberStatistics:
    """Measure the training labels of every member.

    Parameters
    ----------
    labels : ndarray of shape (n_rows, T)
        Encoded labels in the order of the groups; hidden cells hold anything finite.
    weights : ndarray of shape (n_rows, T)
        Weight of each label, 0 where hidden.
    held_out : ndarray of shape (n_rows,) or None
        The member that holds a row out, or another number; None if all train on all rows.
    n_members : int
    groups : sequence of TaskGroup

    Returns
    -------
    MemberStatistics
    """
    distinct = n_members if held_out is not None else 1
    n_tasks, n_outputs = labels.shape[1], groups[-1].outputs.stop if groups else 0
    shift, scale = np.zeros((distinct, n_tasks)), np.ones((distinct, n_tasks))
    constant_loss, mean_weight = np.full((distinct, n_tasks), np.nan), np.zeros((distinct, n_tasks))
    start = np.zeros((distinct, n_outputs))
    for member in range(distinct):
        trains = np.ones(len(labels), dtype=bool) if held_out is None else held_out != member
        for group in groups:
            for position, task in enumerate(range(group.tasks.start, group.tasks.stop)):
                # One task at a time: on many rows, a copy of all of them is large.
                weight = weights[trains, task]
                mean_weight[member, task] = weight.sum() / max(len(weight), 1)
                present = weight > 0
                if not present.any():
                    continue
                values, weight = labels[trains, task][present], weight[present]
                shift[member, task], scale[member, task] = scaling(values, weight, group.loss)
                scaled = (values - shift[member, task]) / scale[member, task]
                constant = group.loss.constant_loss(scaled, weight)
                constant_loss[member, task] = max(constant, SMALLEST_CONSTANT_LOSS)
                first = group.outputs.start + position * group.width
                start[member, first : first + group.width] = group.loss.start(scaled, weight, group.n_classes)
            if group.chained:
                known = mean_weight[member, group.tasks] > 0
                start[member, group.outputs] = chain_start(start[member, group.outputs], known)
    repeats = n_members // distinct
    return MemberStatistics(
        *(np.repeat(array, repeats, axis=0) for array in (shift, scale, start, constant_loss, mean_weight))
    )


def scaling(values: np.ndarray, weight: np.ndarray, loss: Loss) -> tuple[float, float]:
    """Return shift and scale under which a loss sees encoded labels of one task."""
    if loss.scaling == "classes":
        return 0.0, 1.0
    mean = float(np.average(values, weights=weight))
    if loss.scaling == "mean":
        return 0.0, mean if mean > 0 else 1.0
    spread = float(np.sqrt(np.average((values - mean) ** 2, weights=weight)))
    return mean, spread if spread > 1e-7 * max(1.0, abs(mean)) else 1.0
