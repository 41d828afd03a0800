"""MGDA: the direction along which all tasks improve, steepest for the one that improves least."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import StrOptions

from ._base import GradientBalancing
from ._min_norm import min_norm_on_units
from ._step import Step

# Losses below it are 0: their reciprocal would be near the largest number there is.
SMALLEST = 1e-150


class MGDA(GradientBalancing):
    """Multiple-gradient descent: the shortest convex combination of the tasks' gradients.

        min ‖Σ_t w_t g_t‖²   over w ≥ 0, Σ_t w_t = 1

    Along it, no task gets worse, and all that have a weight get better alike: `g_t · d = ‖d‖²`. So it favours the task
    with the shortest gradient; `normalize` changes what is compared. At a point where no direction is good for all
    tasks, the direction is zero. Multiplying all losses by a number leaves the weights as they are. Task weights
    multiply the weights afterwards.

    With `normalize`, the hull is that of `g_t / γ_t`, and the weights are `w_t = α_t / γ_t`, those of a common
    direction of descent; the authors' code applies `α_t` to the losses as they are, which gives none. Its solver gives
    weights of two tasks of .001 at least; this one is exact. Of losses, the absolute value counts, and a task with a
    loss of zero may have any weight: none of `α_t` is spent on it. If all losses are zero, they count as equal.

    Parameters
    ----------
    normalize : {"l2", "loss", "loss+"} or None, default=None
        `γ_t`: the gradient's length, the task's loss, or their product; None: 1.
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to, see `GradientBalancing`. With respect to the representation, this is
        MGDA-UB.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Désidéri, J.-A. (2012). Multiple-gradient descent algorithm (MGDA) for multiobjective optimization. Comptes Rendus
    Mathematique 350, 313-318.

    Sener, O., and Koltun, V. (2018). Multi-task learning as multi-objective optimization. NeurIPS.

    Examples
    --------
    >>> from skmtl.balancing import MGDA
    >>> MGDA().weights([[1.0, 0.0], [0.0, 4.0]])
    array([0.8, 0.2])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GradientBalancing._parameter_constraints,
        "normalize": [None, StrOptions({"l2", "loss", "loss+"})],
    }

    def __init__(
        self, normalize: str | None = None, *, gradients: str = "auto", every: int = 1, scale: str = "published"
    ) -> None:
        super().__init__(gradients=gradients, every=every, scale=scale)
        self.normalize = normalize

    @property
    def reads_losses(self) -> bool:  # type: ignore[override]
        """Whether gradients are compared in units of the losses."""
        return self.normalize in ("loss", "loss+")

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights of the shortest combination; see `Balancing.solve`."""
        del state
        units, norms = self._units(step), step.norms
        row = units / norms
        x = min_norm_on_units(step.cosines, row / row.max(1, keepdims=True))
        weights: np.ndarray = x / norms
        weights /= (weights * units).sum(1, keepdims=True)
        return weights

    def _units(self, step: Step) -> np.ndarray:
        """Return `γ`, `(M, T)`, none negative and one at least positive."""
        units = step.norms if self.normalize in ("l2", "loss+") else np.ones_like(step.norms)
        if not self.reads_losses:
            return units
        # Nothing is divided by a single loss, so one may be 0; if all are, they are equal.
        losses = np.abs(step.losses)
        return units * np.where(losses.max(1, keepdims=True) > SMALLEST, losses, 1)
