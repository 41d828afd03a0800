"""Weights of another method, smoothed over the steps."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods, Interval

from ._base import Balancing, GradientBalancing
from ._step import Step


class SmoothedWeights(GradientBalancing):
    """Correlation-reduced multi-objective gradients: `w ← α w + (1 − α) w_new`, with the weights of another method.

    The weights of a method that looks at one batch depend on that batch's noise, and so do not fit its gradients
    without bias; smoothed weights do so less. State: that of the method, and the weights, which start at those of a
    task's first step. `gradients`, `every` and `scale` are those given here; the method's own are not looked at. Task
    weights multiply what they multiply under the method.

    Parameters
    ----------
    balancing : GradientBalancing
        The method, for example `MGDA()`; its parameters are searched as `balancing__balancing__…`.
    alpha : float, default=0.9
        `α`, in [0, 1): share that is kept.
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to, see `GradientBalancing`.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Zhou, S., Zhang, W., Jiang, J., Zhong, W., Gu, J., and Zhu, W. (2022). On the convergence of stochastic
    multi-objective gradient manipulation and beyond. NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing import MGDA, SmoothedWeights
    >>> balancer = SmoothedWeights(MGDA(), alpha=0.5).start(n_members=1, n_tasks=2)
    >>> for gramian in (np.diag([1.0, 1.0]), np.diag([1.0, 4.0])):
    ...     weights = balancer.balance(gramian=gramian[None]).weights
    >>> weights  # between (.5, .5) and (.8, .2)
    array([[0.65, 0.35]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GradientBalancing._parameter_constraints,
        "balancing": [HasMethods(["solve", "initial_state"])],
        "alpha": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        balancing: GradientBalancing,
        alpha: float = 0.9,
        *,
        gradients: str = "auto",
        every: int = 1,
        scale: str = "published",
    ) -> None:
        super().__init__(gradients=gradients, every=every, scale=scale)
        self.balancing = balancing
        self.alpha = alpha

    @property
    def sees_task_weights(self) -> bool:  # type: ignore[override]
        """As the method has it."""
        return self.balancing.sees_task_weights

    @property
    def reads_losses(self) -> bool:  # type: ignore[override]
        """As the method has it."""
        return self.balancing.reads_losses

    @property
    def pairwise(self) -> tuple[str, ...]:  # type: ignore[override]
        """As the method has it."""
        return self.balancing.pairwise

    def check(self) -> None:
        """Check the parameters, the method's too; see `Balancing.check`.

        Raises
        ------
        ValueError
            If one is out of range, or the method does not look at Gramians.
        """
        if not isinstance(self.balancing, GradientBalancing):
            raise ValueError(
                f"SmoothedWeights smooths methods on gradients, such as MGDA(), but got {self.balancing!r}."
            )
        super().check()
        self.balancing.check()

    def among(self, task_names: Sequence[str], learned: Sequence[str]) -> Balancing:
        """Return the same with the method for these tasks; see `Balancing.among`."""
        method = self.balancing.among(task_names, learned)
        return self if method is self.balancing else clone(self).set_params(balancing=method)

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return the method's state, and no weights yet; see `Balancing.initial_state`."""
        return {
            **self.balancing.initial_state(n_members, n_tasks),
            "smoothed_weights": np.full((n_members, n_tasks), np.nan),
        }

    def draw(self, n_tasks: int, generator: np.random.Generator) -> np.ndarray | None:
        """Draw what the method draws; see `Balancing.draw`."""
        return self.balancing.draw(n_tasks, generator)

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the smoothed weights; see `Balancing.solve`."""
        new, before = self.balancing.solve(step, state), state["smoothed_weights"]
        known = ~np.isnan(before)
        weights: np.ndarray = np.where(known, self.alpha * np.where(known, before, 0) + (1 - self.alpha) * new, new)
        state["smoothed_weights"] = weights.copy()
        return weights
