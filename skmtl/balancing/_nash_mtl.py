"""Nash-MTL: the bargaining solution, in which each task gains alike relative to its gradient's length."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._base import GradientBalancing
from ._equilibrium import equilibrium_weights
from ._step import Step


class NashMTL(GradientBalancing):
    """The Nash bargaining solution: the direction with the largest product of what the tasks gain.

        max_d Σ_t log(g_t · d)   over ‖d‖ ≤ √T;   equivalently   G w = 1 / w,  w > 0,  d = Σ_t w_t g_t

    No task's scale matters: a loss times `a` gets a weight divided by `a`. The direction always has length `√T`, so
    steps do not shrink as gradients do: use a falling learning rate, gradient clipping, or `scale="sum"`. Where no
    direction is good for all tasks there is no solution, and large finite weights are returned. A single task has
    weight `1 / ‖g‖`. Task weights multiply the weights afterwards.

    Solved exactly by a few Newton steps. The authors approximate by 20 convex programs, clip the direction to length 1,
    and weigh the tasks' heads too. Here heads keep their task weights, and `max_grad_norm` of the estimator limits the
    gradient of all parameters.

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
    Navon, A., Shamsian, A., Achituve, I., Maron, H., Kawaguchi, K., Chechik, G., and Fetaya, E. (2022). Multi-task
    learning as a bargaining game. ICML.

    Examples
    --------
    >>> from skmtl.balancing import NashMTL
    >>> NashMTL().weights([[1.0, 0.0], [0.0, 4.0]])
    array([1. , 0.5])
    """

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights of the bargaining solution; see `Balancing.solve`."""
        del state
        return equilibrium_weights(step.cosines, step.norms)
