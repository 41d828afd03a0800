"""Scores of each task, blind to missing labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def scores_by_task(
    metric: Callable[..., float],
    truth: np.ndarray,
    predicted: np.ndarray,
    weights: np.ndarray,
    names: Sequence[str],
) -> dict[str, float]:
    """Return the score of each task over the cells with a label of positive weight and a prediction.

    Parameters
    ----------
    metric : callable
        `metric(truth, predicted, sample_weight=weights)` of one task.
    truth, predicted, weights : ndarray of shape (n_samples, n_tasks)
    names : sequence of str

    Returns
    -------
    dict
        By task name; tasks without such a cell are left out.
    """
    scores = {}
    for task, name in enumerate(names):
        cells = (weights[:, task] > 0) & ~np.isnan(predicted[:, task])
        if cells.any():
            scores[name] = float(metric(truth[cells, task], predicted[cells, task], sample_weight=weights[cells, task]))
    return scores
