"""Scale-invariant learning: the sum of the logarithms of the losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._floor import FlooredLossBalancing, floored
from ._step import Step


class ScaleInvariant(FlooredLossBalancing):
    """Each task counts by the relative change of its loss: `Σ_t log L_t`, weights `1 / L_t`.

    No task's scale matters: a loss times `a` gets a weight divided by `a`. The better a task is fitted already, the
    more it weighs; where batches are small, its noise does too. Uncertainty weighting with each uncertainty at its
    optimum is the same (UW-O of Kirchdorfer et al.). No state. Task weights multiply the weights.

    Parameters
    ----------
    floor : float, default=1e-4
        Smaller losses, zero or negative ones too, count as this. While training, losses are in units of the best
        constant prediction's.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Navon, A., Shamsian, A., Achituve, I., Maron, H., Kawaguchi, K., Chechik, G., and Fetaya, E. (2022). Multi-task
    learning as a bargaining game. ICML. (There a baseline.)

    Examples
    --------
    >>> from skmtl.balancing import ScaleInvariant
    >>> ScaleInvariant().weights([0.5, 2.0])
    array([2. , 0.5])
    """

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return `1 / L`; see `Balancing.solve`."""
        del state
        return 1 / floored(step.losses, self.floor)
