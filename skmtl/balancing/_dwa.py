"""Dynamic weight average: tasks whose loss falls slowly get more weight."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import LossBalancing
from ._epochs import epoch_means, follow_epochs
from ._floor import softmax
from ._step import Array, Step


class DynamicWeightAverage(LossBalancing):
    """Tasks are weighed by how fast their loss fell from one epoch to the next: `w = T softmax(r / τ)`.

    `r_t` is the mean loss of the last epoch by that of the one before; the first two epochs are uniform. Weights sum to
    the number of tasks. No task's scale is undone: losses times a number, the same weights. State: the means of two
    epochs. Task weights multiply the weights.

    Parameters
    ----------
    temperature : float, default=2.0
        `τ`, above 0. Larger is nearer to equal weights.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Liu, S., Johns, E., and Davison, A. J. (2019). End-to-end multi-task learning with attention. CVPR.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing import DynamicWeightAverage
    >>> balancer = DynamicWeightAverage().start(n_members=1, n_tasks=2)
    >>> for epoch, losses in enumerate([[1.0, 1.0], [0.9, 0.5], [0.8, 0.2]]):
    ...     weights = balancer.balance(losses=np.array([losses]), epoch=epoch).weights
    >>> weights.round(2)  # the first task falls behind: softmax of .9 / 2 and .5 / 2, times 2
    array([[1.1, 0.9]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **LossBalancing._parameter_constraints,
        "temperature": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, temperature: float = 2.0, *, scale: str = "published") -> None:
        super().__init__(scale=scale)
        self.temperature = temperature

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return means of epochs, none known yet, and equal rates; see `Balancing.initial_state`."""
        return {**epoch_means(n_members, n_tasks), "rates": np.ones((n_members, n_tasks))}

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the softmax of the rates; see `Balancing.solve`."""
        if follow_epochs(step.losses, step.epoch, state):
            known = np.isfinite(state["before"]) & (state["before"] > 0)
            state["rates"] = np.where(known, state["last"] / np.where(known, state["before"], 1), 1)
        rates: Array = state["rates"]
        weights: np.ndarray = softmax(rates / self.temperature) * rates.shape[1]
        return weights
