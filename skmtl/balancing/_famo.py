"""FAMO: all losses are made to fall at the same relative rate, without a look at gradients."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import LossBalancing
from ._floor import FLOOR, FLOOR_CONSTRAINT, floored, softmax
from ._step import Step

# Of Adam (Kingma and Ba 2015).
BETAS = (0.9, 0.999)
EPSILON = 1e-8


class FAMO(LossBalancing):
    """Fast adaptive multitask optimisation: weights learn from how much each step changed the losses of its batch.

        w_t = c z_t / L_t,   z = softmax(ξ),   1 / c = Σ_t z_t / L_t
        ξ ← Adam(ξ, (diag z − z zᵀ) δ),   δ_t = log L_t − log L_t⁺

    where `L⁺` are the losses after the step: the task that fell most loses weight, so all fall alike, as in MGDA on the
    logarithms of losses, at the cost of a second forward pass. Weights sum to 1. No task's scale matters. State: the
    logits `ξ` and what Adam keeps. Task weights multiply the weights.

    The second pass has the dropout of the first, else the logits would learn its noise. Tasks that are not in a batch
    keep their logits. The authors also clip the length of the direction to 1, which `max_grad_norm` of the estimator
    does.

    Parameters
    ----------
    learning_rate : float, default=0.025
        Of the logits, above 0.
    decay : float, default=1e-3
        Decay `γ` of the logits, at least 0. The authors use .00001, .001 and .01 in different places.
    floor : float, default=1e-4
        Smaller losses, zero or negative ones too, count as this. While training, losses are in units of the best
        constant prediction's.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Liu, B., Feng, Y., Stone, P., and Liu, Q. (2023). FAMO: fast adaptive multitask optimization. NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing import FAMO
    >>> balancer = FAMO().start(n_members=1, n_tasks=2)
    >>> losses = np.array([[1.0, 1.0]])
    >>> for _ in range(10):
    ...     weights = balancer.balance(losses=losses).weights
    ...     balancer.follow_up(losses, np.array([[1.0, 0.9]]), losses > 0)
    >>> weights.round(2)  # only the second task gains: the first gets more weight
    array([[0.61, 0.39]])
    """

    follows_up = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **LossBalancing._parameter_constraints,
        **FLOOR_CONSTRAINT,
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "decay": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        learning_rate: float = 0.025,
        decay: float = 1e-3,
        floor: float = FLOOR,
        scale: str = "published",
    ) -> None:
        super().__init__(scale=scale)
        self.learning_rate = learning_rate
        self.decay = decay
        self.floor = floor

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return logits of 0 and Adam's running means, `(M, T)`; see `Balancing.initial_state`."""
        zeros = np.zeros((n_members, n_tasks))
        return {name: zeros.copy() for name in ("logits", "first", "second", "steps")}

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights of the logits; see `Balancing.solve`."""
        weights: np.ndarray = softmax(state["logits"]) / floored(step.losses, self.floor)
        weights /= weights.sum(1, keepdims=True)
        return weights

    def follow_up(self, before: np.ndarray, after: np.ndarray, state: dict[str, Any]) -> None:
        """Move the logits away from the tasks that fell most; see `Balancing.follow_up`."""
        after = np.where(np.isfinite(after), after, before)
        fallen = np.log(floored(before, self.floor)) - np.log(floored(after, self.floor))
        shares = softmax(state["logits"])
        slope = shares * (fallen - (shares * fallen).sum(1, keepdims=True)) + self.decay * state["logits"]
        state["steps"] = state["steps"] + 1
        state["first"] = BETAS[0] * state["first"] + (1 - BETAS[0]) * slope
        state["second"] = BETAS[1] * state["second"] + (1 - BETAS[1]) * slope**2
        mean = state["first"] / (1 - BETAS[0] ** state["steps"])
        spread = np.sqrt(state["second"] / (1 - BETAS[1] ** state["steps"]))
        state["logits"] = state["logits"] - self.learning_rate * mean / (spread + EPSILON)
