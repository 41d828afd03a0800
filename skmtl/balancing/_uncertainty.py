"""Uncertainty weighting: each task's noise is learned, and divides its loss."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import LossBalancing
from ._learned import descended
from ._step import Step


class UncertaintyWeighting(LossBalancing):
    """Losses are weighed by the noise of their task: `Σ_t e^(−s_t) L_t + s_t / 2`, with a learned `s_t = log σ_t²`.

    Weights are `e^(−s_t)`. At its optimum `s_t = log 2 L_t`, the weight is `1 / (2 L_t)`: what is fitted better weighs
    more, and no task's scale matters. State: `s`, from 0. Task weights multiply the weights.

    The formula is for squared errors with a factor of ½, as here, and for classification; with squared errors without
    it, the paper's has a further ½. `s` descends its own gradient, with its own learning rate, instead of being one
    more parameter of the network: weight decay would draw it to 0, and the network's rate is too small for it.

    Parameters
    ----------
    learning_rate : float, default=0.05
        Of `s`, above 0. Near its optimum, `s` closes half of `learning_rate` of the gap in a step.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Kendall, A., Gal, Y., and Cipolla, R. (2018). Multi-task learning using uncertainty to weigh losses for scene
    geometry and semantics. CVPR.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing import UncertaintyWeighting
    >>> balancer = UncertaintyWeighting().start(n_members=1, n_tasks=2)
    >>> for _ in range(400):
    ...     weights = balancer.balance(losses=np.array([[0.25, 1.0]])).weights
    >>> weights.round(2)
    array([[2. , 0.5]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **LossBalancing._parameter_constraints,
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, *, learning_rate: float = 0.05, scale: str = "published") -> None:
        super().__init__(scale=scale)
        self.learning_rate = learning_rate

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return `s = 0`, `(M, T)`; see `Balancing.initial_state`."""
        return {"log_variance": np.zeros((n_members, n_tasks))}

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return `e^(−s)`, and let `s` descend; see `Balancing.solve`."""
        weights: np.ndarray = np.exp(-state["log_variance"])
        state["log_variance"] = descended(state["log_variance"], 0.5 - weights * step.losses, self.learning_rate)
        return weights
