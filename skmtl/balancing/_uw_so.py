"""UW-SO: the softmax of the inverse losses."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import LossBalancing
from ._floor import FLOOR, FLOOR_CONSTRAINT, floored, softmax
from ._step import Step


class SoftOptimalUncertainty(LossBalancing):
    """Soft optimal uncertainty weighting: `w = softmax(1 / (τ L))`.

    The optimum of uncertainty weighting, in closed form and softened by a temperature. Weights sum to 1; the smallest
    loss has the largest weight. Not free of scale: `τ` must fit the losses, and for small losses all weight goes to one
    task. No state. Task weights multiply the weights.

    Parameters
    ----------
    tau : float, default=1.0
        Temperature `τ`, above 0. Larger is nearer to equal weights. The authors search a grid for each data set.
    floor : float, default=1e-4
        Smaller losses, zero or negative ones too, count as this. While training, losses are in units of the best
        constant prediction's.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Kirchdorfer, L., Elich, C., Kutsche, S., Stuckenschmidt, H., Schott, L., and Köhler, J. M. (2024). Analytical
    uncertainty-based loss weighting in multi-task learning. GCPR.

    Examples
    --------
    >>> from skmtl.balancing import SoftOptimalUncertainty
    >>> SoftOptimalUncertainty().weights([0.5, 1.0]).round(3)
    array([0.731, 0.269])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **LossBalancing._parameter_constraints,
        **FLOOR_CONSTRAINT,
        "tau": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, tau: float = 1.0, *, floor: float = FLOOR, scale: str = "published") -> None:
        super().__init__(scale=scale)
        self.tau = tau
        self.floor = floor

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the softmax of the inverse losses; see `Balancing.solve`."""
        del state
        return softmax(1 / (self.tau * floored(step.losses, self.floor)))
