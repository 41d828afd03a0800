"""ExcessMTL: tasks far from their own optimum get more weight, and noisy ones do not."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from ._arrays import column_blocks, widened
from ._base import JacobianBalancing
from ._floor import softmax
from ._learned import LARGEST
from ._step import Step


class ExcessMTL(JacobianBalancing):
    """Robust multi-task learning by excess risks: `w_t ∝ w_t exp(η e_t / e_t⁰)`.

    The excess risk `e_t = Σ_p J_tp² / √S_tp` estimates how far a task is above the best that it can reach, from its
    gradients `J` and the sums `S` of their squares so far; so label noise, which raises a loss but not its excess,
    earns no weight. `e⁰` is that of a task's first step, in which weights stay equal; in the paper's appendix, a mean
    over three epochs. Weights sum to the number of tasks; one that is away keeps its share. State: the sums `S`, as
    many numbers as tasks times shared parameters, the weights and `e⁰`. Task weights multiply the weights.

    Parameters
    ----------
    eta : float, default=0.01
        `η`, above 0: learning rate of the weights. The authors use .01 and 1 in different places.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    He, Y., Zhou, S., Zhang, G., Yun, H., Xu, Y., Zeng, B., Chilimbi, T., and Zhao, H. (2024). Robust multi-task
    learning with excess risks. ICML.

    Examples
    --------
    >>> import torch
    >>> from skmtl.balancing import ExcessMTL
    >>> balancer = ExcessMTL(eta=1.0).start(n_members=1, n_tasks=2)
    >>> _ = balancer.balance(jacobian=torch.tensor([[[3.0, 0.0], [0.0, 3.0]]]))
    >>> balancer.balance(jacobian=torch.tensor([[[4.0, 0.0], [0.0, 0.1]]])).weights.round(2)
    array([[1.49, 0.51]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **JacobianBalancing._parameter_constraints,
        "eta": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, eta: float = 0.01, *, scale: str = "published") -> None:
        super().__init__(scale=scale)
        self.eta = eta

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return equal weights, and no first excess; see `Balancing.initial_state`."""
        shape = (n_members, n_tasks)
        return {"log_weights": np.zeros(shape), "first": np.full(shape, np.nan)}

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights after this step's lesson; see `Balancing.solve`."""
        excess = excess_risks(step.jacobian, state)
        first = np.isnan(state["first"]) & (excess > 0)
        relative = np.where(np.isnan(state["first"]), 0, excess / np.where(np.isnan(state["first"]), 1, state["first"]))
        state["first"] = np.where(first, excess, state["first"])
        before = state["log_weights"]
        logs = before + self.eta * relative
        logs = np.maximum(logs, logs.max(1, keepdims=True) - LARGEST)
        # The sum stays what it was, so that tasks that are away neither gain nor lose.
        state["log_weights"] = logs - (log_sum(logs) - log_sum(before))
        weights: np.ndarray = softmax(logs) * logs.shape[1]
        return weights


def excess_risks(jacobian: Tensor, state: dict[str, Any]) -> np.ndarray:
    """Return `e`, `(M, T)`, and add the squares of the gradients to the sums in the state.

    Parameters
    ----------
    jacobian : Tensor of shape (M, T, P)
    state : dict
        `squares`, `(M, T, P)`, is made at the first step.
    """
    if "squares" not in state:
        state["squares"] = torch.zeros_like(widened(jacobian))
    excess = np.zeros(jacobian.shape[:2])
    for gradients, sums in column_blocks(jacobian, state["squares"]):
        squares = gradients.square()
        sums.add_(squares)  # in the state: it is wide already
        excess += squares.div_(sums.sqrt().clamp_(min=torch.finfo(sums.dtype).tiny)).sum(2).double().cpu().numpy()
    return excess


def log_sum(logs: np.ndarray) -> np.ndarray:
    """Return the logarithm of the sum of the powers, `(M, 1)`."""
    total: np.ndarray = np.logaddexp.reduce(logs, axis=1, keepdims=True)
    return total
