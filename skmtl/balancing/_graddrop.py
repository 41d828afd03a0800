"""GradDrop: where tasks disagree about a sign, one sign is drawn and the other is dropped."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from ._base import JacobianBalancing
from ._step import Step

LARGEST_SEED = 2**31


class GradDrop(JacobianBalancing):
    """Gradient sign dropout: each unit follows only the tasks that pull it in one, randomly drawn, direction.

    For each unit of the shared representation, the share of positive pull is `P = ½ (1 + Σ_t s_t / Σ_t |s_t|)`, where
    `s_t` is task `t`'s gradient times the sign of the unit, summed over the rows of the batch. With `U` uniform in (0,
    1), positive parts are kept where `P > U`, negative ones where `P < U`. All weights are 1: what changes is the
    gradients. No state but the random numbers. Gradients times a number: the same choice. Task weights multiply the
    losses first.

    Where tasks have no representation in common, the same is done for each shared parameter by itself.

    Parameters
    ----------
    leak : float, default=0.0
        In [0, 1]: share of the gradient that always passes. 1: uniform.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Chen, Z., Ngiam, J., Huang, Y., Luong, T., Kretzschmar, H., Chai, Y., and Anguelov, D. (2020). Just pick a sign:
    optimizing deep multitask models with gradient sign dropout. NeurIPS.

    Examples
    --------
    >>> import torch
    >>> from skmtl.balancing import GradDrop
    >>> balancer = GradDrop().start(n_members=1, n_tasks=2)
    >>> balancer.balance(jacobian=torch.tensor([[[1.0, 2.0], [3.0, 1.0]]])).jacobian  # no conflict: as they were
    tensor([[[1., 2.],
             [3., 1.]]])
    """

    wants_pulls = True
    sees_task_weights = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **JacobianBalancing._parameter_constraints,
        "leak": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, leak: float = 0.0, *, scale: str = "published") -> None:
        super().__init__(scale=scale)
        self.leak = leak

    def draw(self, n_tasks: int, generator: np.random.Generator) -> np.ndarray:
        """Draw one seed, repeated for each task; see `Balancing.draw`."""
        return np.full(n_tasks, float(generator.integers(LARGEST_SEED)))

    def replace(self, step: Step, state: dict[str, Any]) -> tuple[np.ndarray, Tensor | None]:
        """Return ones, and what is left of the gradients, or shares of pulls; see `Balancing.replace`."""
        del state
        gradients = step.jacobian.detach()  # (M, T, P)
        total = gradients.abs().sum(1)
        positive = 0.5 * (1 + gradients.sum(1) / torch.where(total > 0, total, 1))  # (M, P)
        drawn = torch.stack(
            [
                torch.rand(positive.shape[1], generator=torch.Generator().manual_seed(int(seed)))
                for seed in step.draws[:, 0]
            ]
        ).to(positive)
        up = (positive > drawn).to(positive)
        shares = torch.lerp(torch.stack([up, 1 - up], 1), torch.ones_like(up).unsqueeze(1), self.leak)  # (M, 2, P)
        passed = shares.unsqueeze(1).expand(-1, gradients.shape[1], -1, -1)  # (M, T, 2, P)
        if not step.pulls:
            passed = gradients.clamp(min=0) * passed[:, :, 0] + gradients.clamp(max=0) * passed[:, :, 1]
        return np.ones(gradients.shape[:2]), passed
