"""UPGrad: each task's gradient is freed of conflict with all tasks, then the mean is taken."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._base import GradientBalancing
from ._nnls import TOLERANCE, nonnegative_minimum
from ._step import Step


class UPGrad(GradientBalancing):
    """Unconflicting projection of gradients: each gradient is projected on the directions that harm no task.

        d = 1/T Σ_t P(g_t),   P(g) the point nearest to g of {d : g_s · d ≥ 0 for all s}

    No task gets worse, and where none conflict, this is the mean gradient. A long gradient counts more than a short
    one. At a point where no direction is good for all tasks, the direction is zero. All gradients times a number: the
    same weights. Task weights multiply the losses first.

    Each projection is `T` small problems that are solved exactly, only for tasks in conflict.

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
    Quinton, P., and Rey, V. (2024). Jacobian descent for multi-objective optimization. arXiv:2406.16232.

    Examples
    --------
    >>> from skmtl.balancing import UPGrad
    >>> UPGrad().weights([[1.0, -0.5], [-0.5, 1.0]])
    array([0.75, 0.75])
    """

    sees_task_weights = True

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights of the mean of the projections; see `Balancing.solve`."""
        del state
        cosines, norms = step.cosines, step.norms
        n_members, n_tasks = norms.shape
        added = np.zeros((n_members, n_tasks))  # in units of 1 / norms
        members, tasks = np.nonzero((cosines < -TOLERANCE).any(1))
        if len(members):
            # Row t of the problem: minimise ½ xᵀ Ĝ x + (Ĝ e_t) x for a gradient of length 1, then scale.
            x = nonnegative_minimum(cosines[members], -cosines[members, :, tasks])
            np.add.at(added, members, x * norms[members, tasks, None])
        weights: np.ndarray = (1 + added / norms) / n_tasks
        return weights
