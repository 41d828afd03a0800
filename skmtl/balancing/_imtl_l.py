"""IMTL-L: learned factors that bring all losses to the same scale."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import LossBalancing
from ._learned import descended
from ._step import Step


class IMTLLoss(LossBalancing):
    """Impartial learning on losses: `Σ_t e^(s_t) L_t − s_t`, with a learned `s_t`.

    Weights are `e^(s_t)`. At its optimum `s_t = −log L_t`, every weighted loss is 1: the same as uncertainty weighting,
    up to a factor, without its assumption of a distribution. State: `s`, from 0. Task weights multiply the weights.

    `s` descends its own gradient, with its own learning rate, instead of being one more parameter of the network.

    Parameters
    ----------
    learning_rate : float, default=0.025
        Of `s`, above 0. Near its optimum, `s` closes that share of the gap in a step.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Liu, L., Li, Y., Kuang, Z., Xue, J.-H., Chen, Y., Yang, W., Liao, Q., and Zhang, W. (2021). Towards impartial
    multi-task learning. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing import IMTLLoss
    >>> balancer = IMTLLoss().start(n_members=1, n_tasks=2)
    >>> for _ in range(400):
    ...     weights = balancer.balance(losses=np.array([[0.25, 1.0]])).weights
    >>> weights.round(2)
    array([[4., 1.]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **LossBalancing._parameter_constraints,
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, *, learning_rate: float = 0.025, scale: str = "published") -> None:
        super().__init__(scale=scale)
        self.learning_rate = learning_rate

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return `s = 0`, `(M, T)`; see `Balancing.initial_state`."""
        return {"log_factor": np.zeros((n_members, n_tasks))}

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return `e^s`, and let `s` descend; see `Balancing.solve`."""
        weights: np.ndarray = np.exp(state["log_factor"])
        state["log_factor"] = descended(state["log_factor"], weights * step.losses - 1, self.learning_rate)
        return weights
