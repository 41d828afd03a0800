"""EPO: descent towards the point of the Pareto front at which preferences times losses are equal."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import GradientBalancing
from ._floor import FLOOR, FLOOR_CONSTRAINT, floored
from ._linear_program import best_shares
from ._min_norm import min_norm_on_units
from ._step import Array, Step


class EPO(GradientBalancing):
    """Exact Pareto optimal search: losses are made equal, then smaller along the ray of equal losses.

    With `l = L / Σ_t L_t` and their distance from equal ones, `μ = Σ_t l_t log(T l_t)`, the anchoring direction `a_t =
    log(T l_t) − μ` says which losses are too large. While `μ > tolerance`, weights solve

        max wᵀ G a   over w ≥ 0, Σ_t w_t = 1,   g_* · d ≥ 0,   g_t · d ≥ (G a)_t for all t with (G a)_t ≤ 0

    with `d = Σ_t w_t g_t` and `*` the task of the largest loss: a task may get worse, but only as far as evening out
    takes it. If evening out takes all tasks there, none may get worse. Near the ray, `Σ_t g_t · d` is made as large as
    can be while no task gets worse. These are linear problems: weights are on few tasks, often on one, and jump as
    losses do. They are solved exactly, by the dual simplex method. All losses times a number: the same weights.

    Task weights multiply the losses first, and so are the paper's preferences `r`: at the end `r_t L_t` is the same for
    all tasks, and the larger a task weight, the smaller the loss. The paper lets weights of the plain gradients sum to
    1, here it is those of the gradients times `r`. Near the ray, the authors' code also refuses what leads away from
    it, where that leaves anything; and it multiplies weights by the number of tasks.

    Parameters
    ----------
    tolerance : float, default=1e-4
        Of `μ`, at least 0: losses nearer to equal ones count as equal.
    floor : float, default=1e-4
        Smaller losses, zero or negative ones too, count as this. While training, losses are in units of the best
        constant prediction's.
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to, see `GradientBalancing`.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Mahapatra, D., and Rajan, V. (2020). Multi-task learning with user preferences: gradient descent with controlled
    ascent in Pareto optimization. ICML.

    Examples
    --------
    >>> from skmtl.balancing import EPO
    >>> gramian = [[1.0, -1.0], [-1.0, 4.0]]
    >>> EPO().weights(gramian, losses=[1.0, 3.0])  # the other task may get worse
    array([0., 1.])
    >>> EPO().weights(gramian, losses=[1.0, 1.0])  # none may
    array([0.5, 0.5])
    """

    sees_task_weights = True
    reads_losses = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GradientBalancing._parameter_constraints,
        **FLOOR_CONSTRAINT,
        "tolerance": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        tolerance: float = 1e-4,
        *,
        floor: float = FLOOR,
        gradients: str = "auto",
        every: int = 1,
        scale: str = "published",
    ) -> None:
        super().__init__(gradients=gradients, every=every, scale=scale)
        self.tolerance = tolerance
        self.floor = floor

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights of the linear problem; see `Balancing.solve`."""
        del state
        losses, cosines, norms = floored(step.losses, self.floor), step.cosines, step.norms
        relative = norms / norms.max(1, keepdims=True)
        anchoring, uneven = adjustments(losses)
        away = (uneven > self.tolerance)[:, None]
        # With x_t = w_t ‖g_t‖, gains and what constraints ask for are the same numbers, all of the order of 1.
        gains = np.matmul(cosines, (relative * np.where(away, anchoring, 1))[..., None])[..., 0]
        evens = away & (gains > 0)
        bounds = np.where(evens.any(1, keepdims=True), np.where(evens, -np.inf, gains), 0)
        bounds[losses == losses.max(1, keepdims=True)] = 0
        x, solved = best_shares(gains, 1 / relative, cosines, bounds)
        if not solved.all():  # by rounding only: the shortest combination meets all constraints
            shortest = min_norm_on_units(cosines, relative.min(1, keepdims=True) / relative)
            x = np.where(solved[:, None], x, shortest)
        weights: np.ndarray = x / relative
        weights /= weights.sum(1, keepdims=True)
        return weights


def adjustments(losses: Array) -> tuple[Array, Array]:
    """Return the anchoring direction `a`, `(M, T)`, and how far losses are from equal ones, `μ`, `(M,)`.

    Parameters
    ----------
    losses : ndarray of shape (M, T)
        Positive.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing._epo import adjustments
    >>> anchoring, uneven = adjustments(np.array([[1.0, 3.0]]))
    >>> anchoring.round(3), uneven.round(3)
    (array([[-0.824,  0.275]]), array([0.131]))
    """
    shares = losses / losses.sum(1, keepdims=True)
    logs = np.log(shares * losses.shape[1])
    uneven: Array = (shares * logs).sum(1)
    return logs - uneven[:, None], uneven
