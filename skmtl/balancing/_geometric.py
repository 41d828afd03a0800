"""The geometric mean of the losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._floor import FlooredLossBalancing, floored
from ._step import Step


class GeometricLoss(FlooredLossBalancing):
    """Geometric loss strategy: the loss is the geometric mean, `(Π_t L_t)^(1/T)`, weights are its derivative.

        w_t = (Π_s L_s)^(1/T) / (T L_t)

    The direction is that of scale-invariant learning, its length falls as the losses do. No state. Task weights
    multiply the weights.

    Parameters
    ----------
    floor : float, default=1e-4
        Smaller losses, zero or negative ones too, count as this. While training, losses are in units of the best
        constant prediction's.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Chennupati, S., Sistu, G., Yogamani, S., and Rawashdeh, S. (2019). MultiNet++: multi-stream feature aggregation and
    geometric loss strategy for multi-task learning. CVPR Workshops.

    Examples
    --------
    >>> from skmtl.balancing import GeometricLoss
    >>> GeometricLoss().weights([0.5, 2.0])
    array([1.  , 0.25])
    """

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the derivative of the geometric mean; see `Balancing.solve`."""
        del state
        losses = floored(step.losses, self.floor)
        mean = np.exp(np.log(losses).mean(1, keepdims=True))  # a product of many small losses would be 0
        weights: np.ndarray = mean / (losses.shape[1] * losses)
        return weights
