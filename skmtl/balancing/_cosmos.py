"""COSMOS: the weighted sum of the losses, with a bonus for staying near a preferred ray."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import LossBalancing
from ._step import Step


class COSMOS(LossBalancing):
    """Losses are summed, and drawn to be equal: `Σ_t L_t / T − λ cos(L, 1)`.

    Weights are the derivative, `1/T − λ (1 / (√T ‖L‖) − (Σ_s L_s) L_t / (√T ‖L‖³))`: losses above the ray of equal
    losses weigh more. They may be negative. Losses that are all zero have no direction: their weights are `1/T`. The
    paper draws rays at random and shows them to the network; here the ray is that of equal losses. No state. Task
    weights multiply the weights.

    Parameters
    ----------
    lam : float, default=1.0
        `λ`, at least 0. 0: the mean of the losses.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Ruchte, M., and Grabocka, J. (2021). Scalable Pareto front approximation for deep multi-objective learning. ICDM.

    Examples
    --------
    >>> from skmtl.balancing import COSMOS
    >>> COSMOS().weights([1.0, 1.0])
    array([0.5, 0.5])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **LossBalancing._parameter_constraints,
        "lam": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, lam: float = 1.0, *, scale: str = "published") -> None:
        super().__init__(scale=scale)
        self.lam = lam

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the derivative of the scalarised loss; see `Balancing.solve`."""
        del state
        losses = step.losses
        n_tasks = losses.shape[1]
        length = np.linalg.norm(losses, axis=1, keepdims=True)
        there = length > 0
        length = np.where(there, length, 1)
        unit = losses / length
        turned = (there - unit.sum(1, keepdims=True) * unit) / (np.sqrt(n_tasks) * length)
        weights: np.ndarray = 1 / n_tasks - self.lam * turned
        return weights
