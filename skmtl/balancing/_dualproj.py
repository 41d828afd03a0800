"""DualProj: the mean gradient, freed of conflict with all tasks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._base import GradientBalancing
from ._nnls import nonnegative_minimum
from ._step import Step


class DualProj(GradientBalancing):
    """Projection on the dual cone, as in gradient episodic memory: the mean gradient, moved until it harms no task.

        min_d ‖d − g_0‖²   subject to g_t · d ≥ 0 for all t

    with `g_0` the mean gradient. Weights are `1/T + μ_t`, where `μ_t > 0` only for tasks that stand still. Where the
    mean harms none, it is the direction. At a point where no direction is good for all tasks, the direction is zero.
    All gradients times a number: the same weights. Task weights multiply the losses first.

    In the paper tasks come one after the other: the newest one's gradient is projected, and those before set bounds.

    Parameters
    ----------
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to, see `GradientBalancing`.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Lopez-Paz, D., and Ranzato, M. (2017). Gradient episodic memory for continual learning. NeurIPS.

    Examples
    --------
    >>> from skmtl.balancing import DualProj
    >>> DualProj().weights([[1.0, -2.0], [-2.0, 8.0]])
    array([1. , 0.5])
    """

    sees_task_weights = True

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights of the projection; see `Balancing.solve`."""
        del state
        cosines, norms = step.cosines, step.norms
        n_tasks = norms.shape[1]
        longest = norms.max(1, keepdims=True)
        mean = np.matmul(cosines, (norms / longest)[..., None])[..., 0] / n_tasks
        moved = nonnegative_minimum(cosines, -mean) * (longest / norms)
        weights: np.ndarray = 1 / n_tasks + moved
        return weights
