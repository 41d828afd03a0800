"""Scores of several tasks as one, so that all of them are covered at once."""

from __future__ import annotations

import numpy as np


def joint_scores(scores: np.ndarray, member: np.ndarray, weights: np.ndarray) -> np.ndarray:
    r"""Return each row's largest score over tasks, `s_i = max_t s_it / σ_t`, in the units of each: `σ_t · s_i`.

    Intervals made from column t of the result hold for all tasks at once: a label of any task lies outside only if the
    new row's largest score is greater than enough of the `s_i`. This costs far less width than intervals that share the
    risk out among tasks, whose errors go together.

    `σ_t` is the root mean square of the task's scores, taken over rows that *other* members held out: it is then part
    of what was learned without the row. A single member has no such rows, and takes its own.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_tasks)
        Of rows with a label of every task.
    member : ndarray of int of shape (n_rows,)
        Who held the row out.
    weights : ndarray of shape (n_rows,)
        Positive.

    Returns
    -------
    ndarray of shape (n_rows, n_tasks)

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.uncertainty import joint_scores
    >>> joint_scores(np.array([[3.0, 10.0], [3.0, 20.0], [3.0, 20.0]]), np.array([0, 1, 1]), np.ones(3))
    array([[ 3., 20.],
           [ 6., 20.],
           [ 6., 20.]])
    """
    squares = weights[:, None] * scores**2
    total = squares.sum(0) / weights.sum()
    scale: np.ndarray = np.empty_like(scores)
    for place in np.unique(member):
        own, others = member == place, member != place
        mean = squares[others].sum(0) / weights[others].sum() if others.any() else total
        # A task that is missed in one member's rows alone has no scale but theirs.
        scale[own] = np.sqrt(np.where(mean > 0, mean, total))
    largest = (scores / np.where(scale > 0, scale, 1)).max(1, keepdims=True)  # without a scale, all scores are 0
    scaled: np.ndarray = scale * largest
    return scaled
