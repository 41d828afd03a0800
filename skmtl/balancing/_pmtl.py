"""ParetoMTL: MGDA within a region of losses around the ray of equal ones."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import GradientBalancing
from ._min_norm import min_norm_weights
from ._step import Array, Step

# A constraint's gradient shorter than this share of the parts that it is made of is rounding.
DEPENDENT = 1e-7


class ParetoMTL(GradientBalancing):
    """Pareto multi-task learning: the shortest combination of gradients, and of those that lead back to the ray.

    Preferences are directions in the space of losses: `u_0`, that of equal losses, and one a task that leans towards
    it, `u_t ∝ (1 − s) u_0 + s e_t` of length 1. The region of `u_0` is where losses point more to it than to any other:

        (u_t − u_0) · L ≤ 0 for all t

    Where task `t` breaks this, as its loss is too large beside the others', `h_t = Σ_s (u_t − u_0)_s g_s` joins the
    gradients, and the direction is that of

        min ‖Σ_t λ_t g_t + Σ_t μ_t h_t‖²   over λ, μ ≥ 0, Σ_t (λ_t + μ_t) = 1

    along which no task gets worse and losses turn towards the region. Within the region this is MGDA. Weights are
    `λ_t + Σ_s μ_s (u_s − u_0)_t`, and may be negative. All losses times a number: the same weights. Task weights
    multiply the weights afterwards.

    The paper splits the trade-off between tasks by many preferences and trains a network for each; here there is one
    network, and the other preferences say how far it may stray. The paper's first phase, which looks for a point of the
    region by `h` alone, is left out: while training, losses are in units of the best constant prediction's, and start
    near equal. A constraint whose gradient is zero is left out, as a task is.

    Parameters
    ----------
    spread : float, default=0.5
        `s`, in (0, 1]: how far the other preferences are from equal losses. Smaller holds losses nearer to each other,
        and takes longer where many stray; at 1, task `t` is in the region while `L_t ≤ Σ_s L_s / √T`.
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to, see `GradientBalancing`.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Lin, X., Zhen, H.-L., Li, Z., Zhang, Q.-F., and Kwong, S. (2019). Pareto multi-task learning. NeurIPS.

    Examples
    --------
    >>> from skmtl.balancing import ParetoMTL
    >>> ParetoMTL().weights([[1.0, 0.0], [0.0, 4.0]], losses=[1.0, 1.0])  # as MGDA
    array([0.8, 0.2])
    >>> ParetoMTL().weights([[1.0, 0.0], [0.0, 4.0]], losses=[1.0, 3.0]).round(2)  # parts .1 and .3
    array([0.1 , 0.15])
    """

    reads_losses = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GradientBalancing._parameter_constraints,
        "spread": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(
        self, spread: float = 0.5, *, gradients: str = "auto", every: int = 1, scale: str = "published"
    ) -> None:
        super().__init__(gradients=gradients, every=every, scale=scale)
        self.spread = spread

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights of the shortest combination; see `Balancing.solve`."""
        del state
        n_tasks = step.losses.shape[1]
        towards = leanings(n_tasks, self.spread)
        scaled = step.gramian / (step.norms.max(1) ** 2)[:, None, None]
        broken = (step.losses @ towards.T > 0) & _there(scaled, towards)
        n_most = int(broken.sum(1).max())
        if not n_most:
            return min_norm_weights(scaled)
        chosen = np.argsort(~broken, axis=1, kind="stable")[:, :n_most]  # (M, K)
        # Where fewer are broken, the first gradient once more: it changes no hull.
        unit = np.eye(n_tasks)
        parts = np.where(np.take_along_axis(broken, chosen, 1)[..., None], towards[chosen], unit[0])  # (M, K, T)
        points = np.concatenate([np.broadcast_to(unit, scaled.shape), parts], 1)  # (M, T + K, T)
        start = np.broadcast_to(np.arange(n_tasks + n_most) < n_tasks, points.shape[:2])
        shares = min_norm_weights(points @ scaled @ np.swapaxes(points, 1, 2), start)
        weights: np.ndarray = np.matmul(shares[:, None], points)[:, 0]
        return weights


def _there(gramian: Array, towards: Array) -> np.ndarray:
    """Which constraints have a gradient that is more than the rounding of its parts, `(M, T)`."""
    lengths = np.sqrt(np.maximum(np.einsum("ks,mst,kt->mk", towards, gramian, towards), 0))
    parts = np.sqrt(np.diagonal(gramian, axis1=1, axis2=2)) @ np.abs(towards).T
    there: np.ndarray = lengths > DEPENDENT * parts
    return there


def leanings(n_tasks: int, spread: float) -> Array:
    """Return the way from the direction of equal losses to those that lean towards one task each, `(T, T)`.

    Parameters
    ----------
    n_tasks : int
    spread : float

    Examples
    --------
    >>> from skmtl.balancing._pmtl import leanings
    >>> leanings(2, 1.0).round(2)
    array([[ 0.29, -0.71],
           [-0.71,  0.29]])
    """
    even = 1 / math.sqrt(n_tasks)
    others = (1 - spread) * even + spread * np.eye(n_tasks)
    leaning: Array = others / np.linalg.norm(others, axis=1, keepdims=True) - even
    return leaning
