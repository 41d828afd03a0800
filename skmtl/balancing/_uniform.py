"""Fixed weights, the method that all others are measured against."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._base import LossBalancing
from ._step import Step


class Uniform(LossBalancing):
    """Linear scalarisation: the losses, times their task weights, are summed.

    `w_t = 1`. Tuned task weights under it are a strong rival of every other method (Kurin et al. 2022; Xin et al.
    2022).

    Parameters
    ----------
    scale : {"published", "sum"}, default="published"
        Makes no difference here.

    References
    ----------
    Kurin, V., De Palma, A., Kostrikov, I., Whiteson, S., and Kumar, M. P. (2022). In defense of the unitary
    scalarization for deep multi-task learning. NeurIPS.

    Xin, D., Ghorbani, B., Garg, A., Firat, O., and Gilmer, J. (2022). Do current multi-task optimization methods in
    deep learning even help? NeurIPS.

    Examples
    --------
    >>> from skmtl.balancing import Uniform
    >>> Uniform().weights([0.3, 2.0])
    array([1., 1.])
    """

    needs = "nothing"
    sees_task_weights = True
    reads_losses = False

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return ones, `(M, T)`; see `Balancing.solve`."""
        del state
        return np.ones_like(step.losses)
