"""GradNorm: weights learned so that tasks train at similar rates."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import GradientBalancing
from ._step import Array, Step

# Weights stay at least this share of their mean: no task is lost to rounding.
SMALLEST = 1e-12


class GradNorm(GradientBalancing):
    """Gradient normalisation: weighted gradients are brought to lengths that grow with how far a task lags behind.

    With lengths `Γ_t = w_t ‖g_t‖` and relative inverse training rates `r_t = (L_t / L_t⁰) / mean`, the weights descend
    `Σ_t |Γ_t − mean(Γ) r_t^α|`, the aim taken as constant, and are rescaled to sum to the number of tasks. So no task's
    scale matters. State: the weights, and each task's first loss `L_t⁰`, from the first step that has labels of it.
    Task weights multiply the weights afterwards.

    It is the weights' logarithms that descend, with `Γ` in units of their mean: in the paper weights do, and a weight
    that is to be small, as that of a long gradient is, jumps to and fro. First losses are noisy for small batches; they
    are means over a task's first epoch, in which its weight does not learn. Where some tasks are absent, the weights of
    the others are returned as parts of their own number.

    Parameters
    ----------
    alpha : float, default=1.5
        `α`: how strongly tasks that lag behind are favoured. 0: all lengths equal.
    learning_rate : float, default=0.025
        Of the weights' logarithms, above 0.
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to, see `GradientBalancing`.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Chen, Z., Badrinarayanan, V., Lee, C.-Y., and Rabinovich, A. (2018). GradNorm: gradient normalization for adaptive
    loss balancing in deep multitask networks. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing import GradNorm
    >>> balancer = GradNorm().start(n_members=1, n_tasks=2)
    >>> for epoch in range(40):
    ...     step = {"losses": np.ones((1, 2)), "gramian": np.diag([1.0, 9.0])[None]}
    ...     weights = balancer.balance(**step, epoch=epoch).weights
    >>> weights.round(1)  # the lengths 1 and 3, weighted, are equal
    array([[1.5, 0.5]])
    """

    reads_losses = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GradientBalancing._parameter_constraints,
        "alpha": [Interval(Real, 0, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        alpha: float = 1.5,
        *,
        learning_rate: float = 0.025,
        gradients: str = "auto",
        every: int = 1,
        scale: str = "published",
    ) -> None:
        super().__init__(gradients=gradients, every=every, scale=scale)
        self.alpha = alpha
        self.learning_rate = learning_rate

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return weights of 1, and sums and numbers of first losses; see `Balancing.initial_state`."""
        zeros = np.zeros((n_members, n_tasks))
        return {"weights": zeros + 1, "sums": zeros.copy(), "steps": zeros.copy(), "first_epoch": zeros - 1}

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights before this step's lesson, and learn; see `Balancing.solve`."""
        first = np.where(state["first_epoch"] < 0, step.epoch, state["first_epoch"])
        begins = first == step.epoch
        state["first_epoch"] = first
        state["sums"] = state["sums"] + np.where(begins, step.losses, 0)
        state["steps"] = state["steps"] + begins
        weights: Array = state["weights"]
        n_tasks = weights.shape[1]
        total = weights.sum(1, keepdims=True)
        scaled: Array = weights * (n_tasks / total)
        if begins.all():
            return scaled
        start = state["sums"] / state["steps"]
        progress = np.maximum(step.losses, 0) / np.maximum(np.abs(start), np.finfo(float).tiny)
        mean = progress.mean(1, keepdims=True)
        rate = np.where(mean > 0, progress / np.where(mean > 0, mean, 1), 1)
        longest = step.norms.max(1, keepdims=True)
        lengths = weights * (step.norms / longest)
        lengths = lengths / lengths.mean(1, keepdims=True)
        slope = np.sign(lengths - rate**self.alpha) * lengths
        moved = np.maximum(weights * np.exp(-self.learning_rate * slope), SMALLEST * total / n_tasks)
        learns = ~begins
        before, after = (np.where(learns, sums, 0).sum(1, keepdims=True) for sums in (weights, moved))
        state["weights"] = np.where(learns, moved * before / np.where(after > 0, after, 1), weights)
        return scaled
