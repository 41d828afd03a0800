"""Labels and weights as the engine has them: learned columns only, like ones side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..tasks import MemberStatistics, Targets, TaskGroup, group_tasks, member_statistics
from ._labelled import Labelled, Validation
from ._model import Model
from ._parameters import Resolved


def engine_order(
    targets: Targets, column_weights: np.ndarray, chains: Sequence[Sequence[int]] = ()
) -> tuple[np.ndarray, list[TaskGroup]]:
    """Return the columns that the network learns, like ones side by side, and their groups.

    Parameters
    ----------
    targets : Targets
    column_weights : ndarray of shape (n_columns,)
        Weight of the loss of each column of y.
    chains : sequence of sequence of int, default=()
        Columns that are the steps of a chain; all are learned.
    """
    learned = np.flatnonzero((column_weights > 0) & targets.learnable)
    order, groups = group_tasks(
        [targets.losses[task] for task in learned],
        [targets.n_classes[task] for task in learned],
        [np.searchsorted(learned, chain).tolist() for chain in chains],
    )
    return learned[order], groups


def engine_labels(
    targets: Targets, tasks: np.ndarray, numbers: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return encoded labels and weights in the order of the engine; hidden cells hold what any loss can take.

    Parameters
    ----------
    targets : Targets
    tasks : ndarray of int of shape (T,)
        Position in y of each column of the engine.
    numbers, weights : ndarray of shape (n_rows, n_columns)
    """
    encoded = targets.encode(numbers)
    if not np.array_equal(tasks, np.arange(numbers.shape[1])):
        encoded, weights = encoded[:, tasks], weights[:, tasks]
    hidden = weights <= 0
    return np.where(hidden, targets.neutral()[tasks], encoded) if hidden.any() else encoded, weights


def weighted_labels(
    model: Model, rows: Labelled | Validation, class_weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and weights as training sees them, those of classes included.

    Parameters
    ----------
    model : Model
    rows : Labelled or Validation
    class_weights : ndarray of shape (T, K) or None
    """
    labels, weights = engine_labels(model.targets, model.tasks, rows.numbers, rows.weights)
    return labels, class_weighted(labels, weights, class_weights)


def class_weighted(labels: np.ndarray, weights: np.ndarray, class_weights: np.ndarray | None) -> np.ndarray:
    """Multiply the weights of labels by those of their classes.

    Parameters
    ----------
    labels, weights : ndarray of shape (n_rows, T)
    class_weights : ndarray of shape (T, K) or None
    """
    if class_weights is None:
        return weights
    codes = np.clip(labels.astype(np.intp), 0, class_weights.shape[1] - 1)
    weighted: np.ndarray = weights * class_weights[np.arange(labels.shape[1]), codes]
    return weighted


def engine_statistics(
    labels: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray | None,
    held_out: np.ndarray | None,
    resolved: Resolved,
    groups: list[TaskGroup],
    previous: Model | None,
    incremental: bool,
) -> tuple[MemberStatistics, tuple[np.ndarray, int]]:
    """Measure the labels; a model that is continued keeps its scales, so that its weights keep their meaning.

    Parameters
    ----------
    labels, weights : ndarray of shape (n_rows, T)
    class_weights : ndarray of shape (T, K) or None
    held_out : ndarray of int of shape (n_rows,) or None
        The member that holds each row out.
    resolved : Resolved
    groups : list of TaskGroup
    previous : Model or None
    incremental : bool

    Returns
    -------
    statistics : MemberStatistics
    seen : tuple of ndarray of shape (T,) and int
        Sum of the label weights and number of rows so far.
    """
    weights = class_weighted(labels, weights, class_weights)
    statistics = member_statistics(labels, weights, held_out, resolved.n_estimators, groups)
    seen = (weights.sum(axis=0), len(weights))
    if previous is None:
        return statistics, seen
    if incremental:
        seen = (seen[0] + previous.seen[0], seen[1] + previous.seen[1])
        mean_weight = np.broadcast_to(seen[0] / max(seen[1], 1), statistics.mean_weight.shape)
    else:
        mean_weight = statistics.mean_weight
    return replace(previous.statistics.updated(statistics, groups), mean_weight=mean_weight), seen
