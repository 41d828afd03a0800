"""Penalty-based boundary intersection: along a ray of preferred losses, with a penalty for leaving it."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import LossBalancing
from ._step import Step


class PBI(LossBalancing):
    """The losses' way along the ray of equal losses is made short, with a penalty on the distance from it.

        d₁ + θ d₂,   d₁ = L · û,   d₂ = ‖L − d₁ û‖,   û = 1 / √T

    Weights are the derivative, `û + θ (L − d₁ û) / d₂`; at equal losses the second term is 0. They may be negative. No
    state. Task weights multiply the weights.

    Parameters
    ----------
    theta : float, default=5.0
        `θ`, at least 0. Larger holds the losses nearer to each other.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Zhang, Q., and Li, H. (2007). MOEA/D: a multiobjective evolutionary algorithm based on decomposition. IEEE
    Transactions on Evolutionary Computation 11, 712-731.

    Examples
    --------
    >>> from skmtl.balancing import PBI
    >>> PBI(theta=0.0).weights([3.0, 1.0, 1.0, 1.0])
    array([0.5, 0.5, 0.5, 0.5])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **LossBalancing._parameter_constraints,
        "theta": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, theta: float = 5.0, *, scale: str = "published") -> None:
        super().__init__(scale=scale)
        self.theta = theta

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the derivative of the scalarised loss; see `Balancing.solve`."""
        del state
        losses, n_tasks = step.losses, step.losses.shape[1]
        away = losses - losses.sum(1, keepdims=True) / n_tasks
        distance = np.sqrt((away * away).sum(1, keepdims=True))
        there = distance > 1e-12 * np.abs(losses).max(1, keepdims=True)  # else the direction is rounding's
        weights: np.ndarray = self.theta / np.where(there, distance, np.inf) * away + 1 / math.sqrt(n_tasks)
        return weights
