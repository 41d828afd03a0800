"""Means of the losses over epochs, each task's over the batches in which it has labels."""

from __future__ import annotations

from typing import Any

import numpy as np


def epoch_means(n_members: int, n_tasks: int) -> dict[str, Any]:
    """Return the state that `follow_epochs` keeps: nothing known yet.

    Parameters
    ----------
    n_members, n_tasks : int

    Returns
    -------
    dict
        `last` and `before`, `(M, T)`: means of the last two epochs in which a task had labels, NaN before; `n_means`,
        how many there were; and what belongs to the epoch that is under way.
    """
    shape = (n_members, n_tasks)
    nothing, zeros = np.full(shape, np.nan), np.zeros(shape)
    return {
        "last": nothing,
        "before": nothing.copy(),
        "n_means": zeros,
        "epoch": np.full(shape, -1.0),
        "sums": zeros.copy(),
        "steps": zeros.copy(),
    }


def follow_epochs(losses: np.ndarray, epoch: int, state: dict[str, Any]) -> bool:
    """Add a step to the means; a new epoch closes that of the one before. Return whether it is a new epoch.

    Parameters
    ----------
    losses : ndarray of shape (M, T)
    epoch : int
    state : dict
        Of `epoch_means`.
    """
    if (state["epoch"] == epoch).all():  # nearly always
        state["sums"] += losses
        state["steps"] += 1
        return False
    over = (state["epoch"] != epoch) & (state["steps"] > 0)
    means = state["sums"] / np.maximum(state["steps"], 1)
    state["before"] = np.where(over, state["last"], state["before"])
    state["last"] = np.where(over, means, state["last"])
    state["n_means"] = state["n_means"] + over
    state["sums"] = np.where(over, 0, state["sums"]) + losses
    state["steps"] = np.where(over, 0, state["steps"]) + 1
    state["epoch"] = np.full_like(state["epoch"], epoch)
    return True
