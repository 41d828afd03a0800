"""FairGrad: α-fair shares of what the tasks gain."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import GradientBalancing
from ._equilibrium import equilibrium_weights
from ._step import Step


class FairGrad(GradientBalancing):
    """The direction whose gains `g_t · d` are α-fair: from the largest sum to the largest minimum.

        max_d Σ_t (g_t · d)^(1−α) / (1−α)   over a ball;   equivalently   (G w)^α = 1 / w,  w > 0,  d = Σ_t w_t g_t

    `α → 0` is uniform, `α = 1` the Nash bargaining solution (proportional fairness), `α = 2` the largest harmonic mean,
    `α → ∞` max-min. Gradients times `s`: the direction times `s^((1−α)/(1+α))`, so for `α > 1` steps grow as gradients
    vanish: use a falling learning rate, clipping, or `scale="sum"`. Where no direction is good for all tasks there is
    no solution, and large finite weights are returned. Task weights multiply the weights afterwards.

    Solved exactly by a few Newton steps; the authors use a general solver for least squares and clip the direction.
    Some implementations weigh the tasks' heads too, which here keep their task weights. With lengths that differ a
    hundredfold, an `α` below .2 lets some gains fall below rounding; weights are approximate there.

    Parameters
    ----------
    alpha : float, default=1.0
        Fairness `α`, from .01 to 100. The authors use 1 and 2.
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to, see `GradientBalancing`.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Ban, H., and Ji, K. (2024). Fair resource allocation in multi-task learning. ICML.

    Examples
    --------
    >>> from skmtl.balancing import FairGrad
    >>> FairGrad(alpha=1.0).weights([[1.0, 0.0], [0.0, 4.0]])
    array([1. , 0.5])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GradientBalancing._parameter_constraints,
        "alpha": [Interval(Real, 0.01, 100, closed="both")],
    }

    def __init__(
        self, alpha: float = 1.0, *, gradients: str = "auto", every: int = 1, scale: str = "published"
    ) -> None:
        super().__init__(gradients=gradients, every=every, scale=scale)
        self.alpha = alpha

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights of the fair direction; see `Balancing.solve`."""
        del state
        return equilibrium_weights(step.cosines, step.norms, self.alpha)
