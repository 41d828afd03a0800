"""MoCo: the shortest combination of running means of the gradients."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from ._base import JacobianBalancing
from ._simplex import on_simplex, shares_of
from ._step import Step


class MoCo(JacobianBalancing):
    """Multi-objective gradient correction: MGDA without the bias that the noise of batches gives it.

        Y ← Y − β_k (Y − J),   λ ← Π(λ − γ_k (Y Yᵀ + ρ I) λ),   d = Yᵀ λ

    with the gradients `J` of step `k`, the projection `Π` on weights that are not negative and sum to 1, `β_k = β / √k`
    and `γ_k = γ / √k`. For `β_k`, each task counts the steps in which it was there; `γ_k` is the same for all, or
    weights would end elsewhere. A task that is away keeps its share. State: the running means `Y`, as many numbers as
    tasks times shared parameters, and the weights `λ`, equal at first. Task weights multiply the weights.

    The Gramian `Y Yᵀ` is divided by its mean diagonal, so that `γ` does not depend on how large gradients are. `Y`
    starts at the first gradients.

    Parameters
    ----------
    beta : float, default=0.5
        `β`, in (0, 1]: how fast the means follow.
    gamma : float, default=0.1
        `γ`, above 0: learning rate of the weights.
    rho : float, default=0.0
        `ρ`, at least 0: draws the weights to be equal.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Fernando, H., Shen, H., Liu, M., Chaudhury, S., Murugesan, K., and Chen, T. (2023). Mitigating gradient bias in
    multi-objective learning: a provably convergent approach. ICLR.

    Examples
    --------
    >>> import torch
    >>> from skmtl.balancing import MoCo
    >>> balancer = MoCo().start(n_members=1, n_tasks=2)
    >>> for _ in range(500):
    ...     weights = balancer.balance(jacobian=torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])).weights
    >>> weights.round(2)  # those of MGDA
    array([[0.8, 0.2]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **JacobianBalancing._parameter_constraints,
        "beta": [Interval(Real, 0, 1, closed="right")],
        "gamma": [Interval(Real, 0, None, closed="neither")],
        "rho": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, *, beta: float = 0.5, gamma: float = 0.1, rho: float = 0.0, scale: str = "published") -> None:
        super().__init__(scale=scale)
        self.beta = beta
        self.gamma = gamma
        self.rho = rho

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return equal weights, and numbers of steps; see `Balancing.initial_state`."""
        shape = (n_members, n_tasks)
        return {"weights": np.full(shape, 1 / n_tasks), "steps": np.zeros(shape)}

    def replace(self, step: Step, state: dict[str, Any]) -> tuple[np.ndarray, Tensor | None]:
        """Return the weights, and the running means that they multiply; see `Balancing.replace`."""
        steps = state["steps"] + 1
        means = running_means(step.jacobian, state, self.beta / np.sqrt(steps))
        state["steps"] = steps
        wide = means.double()
        gramian = torch.bmm(wide, wide.transpose(1, 2)).cpu().numpy()
        size = np.diagonal(gramian, axis1=1, axis2=2).mean(1)[:, None, None]
        gramian = gramian / np.where(size > 0, size, 1)
        shares, total = shares_of(state["weights"])
        slope = np.matmul(gramian, shares[..., None])[..., 0] + self.rho * shares
        weights = on_simplex(shares - self.gamma / np.sqrt(steps.max(1, keepdims=True)) * slope)
        state["weights"] = weights * total
        return weights, means


def running_means(jacobian: Tensor, state: dict[str, Any], share: np.ndarray) -> Tensor:
    """Return running means of gradients, `(M, T, P)`, kept in the state; a task's first gradient is its first mean.

    Parameters
    ----------
    jacobian : Tensor of shape (M, T, P)
    state : dict
        `steps`, `(M, T)`: the steps of a task before this one; `means` is added.
    share : ndarray of shape (M, T)
        What this step counts for.
    """
    before = state.get("means")
    if before is None:
        state["means"] = jacobian.clone()
    else:
        new = jacobian.new_tensor(np.where(state["steps"] > 0, share, 1.0))[..., None]
        before.lerp_(jacobian, new)  # in place: memory for another copy costs more than the arithmetic
    means: Tensor = state["means"]
    return means
