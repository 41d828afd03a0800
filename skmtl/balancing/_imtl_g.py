"""IMTL-G: the direction with equal projections on all gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._base import GradientBalancing
from ._spectrum import pseudo_inverse_times
from ._step import Step


class IMTLGradient(GradientBalancing):
    """Impartial learning on gradients: the direction has the same projection on every task's gradient.

        g_t · d / ‖g_t‖ equal for all t,   Σ_t w_t = 1;    v = Ĝ⁻¹ 1,   w_t ∝ v_t / ‖g_t‖

    with `Ĝ` the cosines between gradients. No task's scale matters: a loss times `a` gets a weight divided by `a`, up
    to a common factor. Weights may be negative, and their sum is what is set to 1: where it would be negative, the
    paper's direction points uphill, so weights are divided by its absolute value instead; where it is zero to rounding,
    by the sum of their absolute values. Where gradients depend on each other, projections are as equal as least squares
    can make them; where those of length 1 sum to zero, `w_t ∝ 1 / ‖g_t‖`, and the direction is zero. Task weights
    multiply the weights afterwards.

    The paper takes differences to the first gradient and inverts a matrix that is singular for two parallel gradients;
    this form is the same where that exists.

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
    Liu, L., Li, Y., Kuang, Z., Xue, J.-H., Chen, Y., Yang, W., Liao, Q., and Zhang, W. (2021). Towards impartial
    multi-task learning. ICLR.

    Examples
    --------
    >>> from skmtl.balancing import IMTLGradient
    >>> IMTLGradient().weights([[1.0, 0.0], [0.0, 9.0]])
    array([0.75, 0.25])
    """

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights of equal projections; see `Balancing.solve`."""
        del state
        shortest = step.norms.min(1, keepdims=True)
        v = pseudo_inverse_times(step.cosines, np.ones_like(step.norms))
        # Gradients of length 1 that sum to zero: the direction with equal projections is that sum.
        weights = np.where(v.any(1, keepdims=True), v, 1) * (shortest / step.norms)
        total = np.abs(weights.sum(1, keepdims=True))
        size = np.abs(weights).sum(1, keepdims=True)
        # A sum that is zero to rounding says nothing: then the sum of the absolute values is set to 1.
        result: np.ndarray = weights / np.where(total > 1e-10 * size, total, size)
        return result
