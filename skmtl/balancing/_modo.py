"""MoDo: the weights of MGDA, learned from two independent batches a step."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from ._arrays import column_blocks
from ._base import JacobianBalancing
from ._simplex import on_simplex, shares_of
from ._step import Step


class MoDo(JacobianBalancing):
    """Multi-objective gradient with double sampling: `λ ← Π(λ − γ (J₁ J₂ᵀ λ + ρ λ))`, `d = Jᵀ λ`.

    `J₁` and `J₂` are gradients of two independent halves of the batch, so that their noise does not add to the lengths
    of the gradients, as it does in MGDA; `Π` projects on weights that are not negative and sum to 1; the step is taken
    on the whole batch, where the paper takes a third one. A task that is away keeps its share. State: the weights `λ`,
    equal at first. Task weights multiply the weights.

    `J₁ J₂ᵀ` is divided by the mean product of the lengths, so that `γ` does not depend on how large gradients are.
    These lengths hold the noise of the batch, so a small part of MGDA's bias stays.

    Parameters
    ----------
    gamma : float, default=0.1
        `γ`, above 0: learning rate of the weights.
    rho : float, default=0.1
        `ρ`, at least 0: draws the weights to be equal.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Chen, L., Fernando, H., Ying, Y., and Chen, T. (2023). Three-way trade-off in multi-objective learning:
    optimization, generalization and conflict-avoidance. NeurIPS.

    Examples
    --------
    >>> import torch
    >>> from skmtl.balancing import MoDo
    >>> balancer = MoDo(rho=0.0).start(n_members=1, n_tasks=2)
    >>> half = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> for _ in range(500):
    ...     weights = balancer.balance(jacobian=torch.stack([half, half])[None]).weights
    >>> weights.round(2)  # those of MGDA
    array([[0.8, 0.2]])
    """

    wants_halves = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **JacobianBalancing._parameter_constraints,
        "gamma": [Interval(Real, 0, None, closed="neither")],
        "rho": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, *, gamma: float = 0.1, rho: float = 0.1, scale: str = "published") -> None:
        super().__init__(scale=scale)
        self.gamma = gamma
        self.rho = rho

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return equal weights; see `Balancing.initial_state`."""
        return {"weights": np.full((n_members, n_tasks), 1 / n_tasks)}

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights after this step's lesson; see `Balancing.solve`."""
        n_members, n_tasks = step.losses.shape
        products, squares = np.zeros((n_members, n_tasks, n_tasks)), np.zeros((2, n_members, n_tasks))
        for first, second in column_blocks(*step.jacobian.unbind(1)):
            products += torch.bmm(first, second.transpose(1, 2)).cpu().numpy()
            squares += torch.stack([first.square().sum(2), second.square().sum(2)]).cpu().numpy()
        size = np.sqrt(squares).prod(0).mean(1)[:, None, None]
        shares, total = shares_of(state["weights"])
        slope = np.matmul(products / np.where(size > 0, size, 1), shares[..., None])[..., 0] + self.rho * shares
        weights = on_simplex(shares - self.gamma * slope)
        state["weights"] = weights * total
        return weights
