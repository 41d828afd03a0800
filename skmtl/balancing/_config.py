"""ConFIG: equal cosines with all gradients, and a length that is the sum of what they ask for."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._base import GradientBalancing
from ._spectrum import pseudo_inverse_times
from ._step import Step


class ConFIG(GradientBalancing):
    """Conflict-free inverse gradients: the direction has the same cosine with every task's gradient.

        v = Ĝ⁺ 1,   d ∝ Σ_t v_t g_t / ‖g_t‖,   ‖d‖ = Σ_t g_t · d / ‖d‖

    with `Ĝ⁺` the pseudo-inverse of the cosines between gradients. Where these have full rank, or `1` is in their range,
    the common cosine is positive: no task gets worse, and all improve at the same rate for their gradient's length.
    Else cosines are as equal as least squares can make them, and some may be negative, or most, where the longest
    gradients ask for it; where gradients of length 1 sum to zero, so is the direction. It does not depend on any task's
    scale, its length does: gradients times a number, and the weights stay as they are. Weights may be negative. Task
    weights multiply the weights afterwards.

    Parameters
    ----------
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to, see `GradientBalancing`.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Liu, Q., Chu, M., and Thuerey, N. (2025). ConFIG: towards conflict-free training of physics informed neural
    networks. ICLR.

    Examples
    --------
    >>> from skmtl.balancing import ConFIG
    >>> ConFIG().weights([[1.0, 0.0], [0.0, 9.0]])
    array([2.        , 0.66666667])
    """

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights of equal cosines; see `Balancing.solve`."""
        del state
        longest = step.norms.max(1, keepdims=True)
        v = pseudo_inverse_times(step.cosines, np.ones_like(step.norms))
        gained = np.matmul(step.cosines, v[..., None])[..., 0]  # cosines with the direction, times its length
        length = (v * gained).sum(1, keepdims=True)  # squared
        asked = (step.norms / longest * gained).sum(1, keepdims=True)
        weights: np.ndarray = (
            v * (longest / step.norms) * np.where(length > 0, asked / np.where(length > 0, length, 1), 0)
        )
        return weights
