"""SDMGrad: MGDA, drawn towards a preferred direction."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import GradientBalancing
from ._min_norm import min_norm_weights
from ._step import Step


class SDMGrad(GradientBalancing):
    """Direction-oriented multi-objective descent: the shortest combination of gradients beside their mean.

        min ‖Σ_t w_t g_t + λ g_0‖²   over w ≥ 0, Σ_t w_t = 1,    weights (w + λ/T) / (1 + λ)

    with `g_0` the mean gradient. `λ = 0` is MGDA, `λ → ∞` the mean. All gradients times a number: the same weights.
    Task weights multiply the weights afterwards.

    Solved exactly for the gradients of one batch. The authors take a few steps of a solver on the gradients of two
    batches, as their analysis asks for; in their code, the batches are one.

    Parameters
    ----------
    lam : float, default=0.3
        `λ`, at least 0. Larger is nearer to the mean.
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to, see `GradientBalancing`.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Xiao, P., Ban, H., and Ji, K. (2023). Direction-oriented multi-objective learning: simple and provable stochastic
    algorithms. NeurIPS.

    Examples
    --------
    >>> from skmtl.balancing import SDMGrad
    >>> SDMGrad(lam=0.0).weights([[1.0, 0.0], [0.0, 4.0]])
    array([0.8, 0.2])
    >>> SDMGrad(lam=1.0).weights([[1.0, 0.0], [0.0, 4.0]])
    array([0.75, 0.25])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GradientBalancing._parameter_constraints,
        "lam": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, lam: float = 0.3, *, gradients: str = "auto", every: int = 1, scale: str = "published") -> None:
        super().__init__(gradients=gradients, every=every, scale=scale)
        self.lam = lam

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights of the shortest combination beside the mean; see `Balancing.solve`."""
        del state
        weights = min_norm_weights(beside_mean(step.gramian, np.full((len(step.gramian), 1), self.lam)))
        mixed: np.ndarray = (weights + self.lam / weights.shape[1]) / (1 + self.lam)
        return mixed


def beside_mean(gramian: np.ndarray, lam: np.ndarray) -> np.ndarray:
    """Return the Gramian of the points `g_t + λ g_0`.

    Parameters
    ----------
    gramian : ndarray of shape (M, T, T)
    lam : ndarray of shape (M, 1)

    Returns
    -------
    ndarray of shape (M, T, T)
    """
    with_mean = gramian.mean(2)  # (M, T)
    mean = with_mean.mean(1)[:, None, None]
    moved: np.ndarray = (
        gramian + lam[..., None] * (with_mean[:, :, None] + with_mean[:, None, :]) + lam[..., None] ** 2 * mean
    )
    return moved
