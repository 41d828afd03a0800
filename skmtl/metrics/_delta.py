"""What learning tasks together gains over learning each alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..tasks import unknown_task


def delta_m(
    scores: Mapping[str, float],
    single_task_scores: Mapping[str, float],
    greater_is_better: bool | Mapping[str, bool] = True,
) -> float:
    """Return the mean relative gain of a multi-task model over single-task models.

    `1/T · Σ_t ± (score_t - single_t) / |single_t|`, with minus where small values are good: a fraction, 0.05 for five
    per cent. Positive is a gain.

    Parameters
    ----------
    scores : dict
        Score or error of the multi-task model by task name.
    single_task_scores : dict
        The same of the models fitted to each task alone.
    greater_is_better : bool or dict, default=True
        Whether large values are good; a dict by task name if tasks differ (unnamed tasks: True). The values of scorers
        named `neg_…` are negative errors, of which large ones are good.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the tasks of the two differ, a value is not finite, or a single-task score is 0.

    Notes
    -----
    The papers have positive scores; the absolute value below the line lets negative ones, such as negated errors, mean
    the same.

    References
    ----------
    Maninis, K.-K., Radosavovic, I., & Kokkinos, I. (2019). Attentive single-tasking of multiple tasks. CVPR, 1851-1860.

    Vandenhende, S., et al. (2021). Multi-task learning for dense prediction tasks: a survey. IEEE Transactions on
    Pattern Analysis and Machine Intelligence 44(7), 3614-3633.

    Examples
    --------
    >>> from skmtl.metrics import delta_m
    >>> round(delta_m({"mood": 0.66, "rmse": 9.0}, {"mood": 0.6, "rmse": 10.0}, {"rmse": False}), 3)
    0.1
    """
    if not scores:
        raise ValueError("scores is empty; give a score for each task.")
    for name in (*scores, *single_task_scores):
        if name not in scores:
            raise ValueError(f"scores lacks task {name!r}, which single_task_scores has.")
        if name not in single_task_scores:
            raise ValueError(f"single_task_scores lacks task {name!r}, which scores has.")
    greater = greater_is_better if isinstance(greater_is_better, Mapping) else dict.fromkeys(scores, greater_is_better)
    for name in greater:
        if name not in scores:
            raise unknown_task("greater_is_better", name, scores)
    gains = []
    for name, score in scores.items():
        single = single_task_scores[name]
        if not np.isfinite(score) or not np.isfinite(single):
            raise ValueError(f"Task {name!r}: scores must be finite, got {score!r} and {single!r}.")
        if single == 0:
            raise ValueError(
                f"The single-task score of task {name!r} is 0, to which no gain is relative; leave the task out, or "
                "take another metric."
            )
        gain = (score - single) / abs(single)
        gains.append(gain if greater.get(name, True) else -gain)
    return float(np.mean(gains))
