"""DB-MTL: logarithms of losses, and gradients of equal length."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval
from torch import Tensor

from ._base import JacobianBalancing
from ._floor import FLOOR, FLOOR_CONSTRAINT, floored
from ._moco import running_means
from ._step import Step


class DBMTL(JacobianBalancing):
    """Dual-balancing: losses are balanced by their logarithms, gradients by being made as long as the longest.

        Ĵ ← β Ĵ + (1 − β) ∇ log L,   d = Σ_t (max_s ‖Ĵ_s‖ / ‖Ĵ_t‖) Ĵ_t

    No task's scale matters. State: the running means `Ĵ`, as many numbers as tasks times shared parameters. Task
    weights multiply the weights.

    `Ĵ` starts at the first gradients. With `beta=0` nothing is kept.

    Parameters
    ----------
    beta : float, default=0.9
        `β`, in [0, 1): share that is kept of the running means. The paper also lets it fall with the steps.
    floor : float, default=1e-4
        Smaller losses, zero or negative ones too, count as this. While training, losses are in units of the best
        constant prediction's.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Lin, B., Jiang, W., Ye, F., Zhang, Y., Chen, P., Chen, Y.-C., Liu, S., and Kwok, J. T. (2023). Dual-balancing for
    multi-task learning. arXiv:2308.12029.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmtl.balancing import DBMTL
    >>> balancer = DBMTL().start(n_members=1, n_tasks=2)
    >>> gradients = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    >>> balancer.balance(losses=np.ones((1, 2)), jacobian=gradients).weights
    array([[2., 1.]])
    """

    reads_losses = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **JacobianBalancing._parameter_constraints,
        **FLOOR_CONSTRAINT,
        "beta": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(self, beta: float = 0.9, *, floor: float = FLOOR, scale: str = "published") -> None:
        super().__init__(scale=scale)
        self.beta = beta
        self.floor = floor

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return numbers of steps; see `Balancing.initial_state`."""
        return {"steps": np.zeros((n_members, n_tasks))}

    def replace(self, step: Step, state: dict[str, Any]) -> tuple[np.ndarray, Tensor | None]:
        """Return the weights, and the running means in units of the losses' gradients; see `Balancing.replace`."""
        losses = floored(step.losses, self.floor)
        units = step.jacobian.new_tensor(losses)[..., None]
        logarithmic = step.jacobian / units
        if self.beta > 0:
            logarithmic = running_means(logarithmic, state, np.full_like(losses, 1 - self.beta))
            state["steps"] = state["steps"] + 1
        lengths = logarithmic.double().norm(dim=2).cpu().numpy()
        lengths = np.where(lengths > 0, lengths, np.inf)  # a mean of exactly zero has no direction to be made longer
        longest = np.where(np.isinf(lengths), 0, lengths).max(1, keepdims=True)
        weights: np.ndarray = longest / lengths / losses
        return weights, logarithmic * units if self.beta > 0 else None
