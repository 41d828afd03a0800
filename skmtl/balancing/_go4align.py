"""GO4Align: tasks are grouped by their progress, and each group gets one weight."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import LossBalancing
from ._floor import FLOOR, FLOOR_CONSTRAINT, floored
from ._step import Step


class GO4Align(LossBalancing):
    """Group optimisation for alignment: the risks of tasks are scaled alike, and tasks at like stages share a weight.

    A share of each task follows its past losses, `p ← p exp(−η L)`, normalised; `ω_t = p_t Σ_s L_s / L_t`; tasks are
    cut into groups by `ω`, and a group's weight is the mean of its `ω`. State: `p`, equal at first. Task weights
    multiply the weights.

    Groups are those of the smallest squares, found exactly by dynamic programming over the sorted values; the authors'
    k-means starts at random. Their command line has one group, which gives all tasks the same weight.

    Parameters
    ----------
    n_groups : int, default=2
        Number of groups; as many as tasks: no groups.
    eta : float, default=1e-4
        `η`, at least 0: how fast shares follow the losses.
    floor : float, default=1e-4
        Smaller losses, zero or negative ones too, count as this. While training, losses are in units of the best
        constant prediction's.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Shen, J., Wang, Q., Xiao, Z., Van Noord, N., and Worring, M. (2024). GO4Align: group optimization for multi-task
    alignment. NeurIPS.

    Examples
    --------
    >>> from skmtl.balancing import GO4Align
    >>> GO4Align(n_groups=2, eta=0.0).weights([1.0, 1.0, 4.0])
    array([2. , 2. , 0.5])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **LossBalancing._parameter_constraints,
        **FLOOR_CONSTRAINT,
        "n_groups": [Interval(Integral, 1, None, closed="left")],
        "eta": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, n_groups: int = 2, *, eta: float = 1e-4, floor: float = FLOOR, scale: str = "published") -> None:
        super().__init__(scale=scale)
        self.n_groups = n_groups
        self.eta = eta
        self.floor = floor

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return logarithms of equal shares, `(M, T)`; see `Balancing.initial_state`."""
        return {"log_shares": np.zeros((n_members, n_tasks))}

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the means of the groups; see `Balancing.solve`."""
        losses = floored(step.losses, self.floor)
        logs = state["log_shares"] - self.eta * losses
        # Only differences between tasks count: the mean is taken out, so that shares neither grow nor vanish.
        state["log_shares"] = logs - logs.mean(1, keepdims=True)
        powers = np.exp(logs - logs.max(1, keepdims=True))
        shares = powers / powers.sum(1, keepdims=True)
        return group_means(shares * losses.sum(1, keepdims=True) / losses, self.n_groups)


def group_means(values: np.ndarray, n_groups: int) -> np.ndarray:
    """Return the mean of each value's group, in the cut into groups with the smallest sum of squares, `(M, T)`.

    Parameters
    ----------
    values : ndarray of shape (M, T)
    n_groups : int
        At most; as many as values if that is fewer.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing._go4align import group_means
    >>> group_means(np.array([[5.0, 0.0, 7.0, 1.0]]), 2)
    array([[6. , 0.5, 6. , 0.5]])
    """
    n_members, n_values = values.shape
    n_groups = min(n_groups, n_values)
    order = np.argsort(values, axis=1)
    ordered = np.take_along_axis(values, order, 1)
    shifted = ordered - ordered.mean(1, keepdims=True)
    sums = np.concatenate([np.zeros((n_members, 1)), np.cumsum(shifted, 1)], 1)
    squares = np.concatenate([np.zeros((n_members, 1)), np.cumsum(shifted**2, 1)], 1)
    counts = np.arange(n_values + 1)
    length = counts[None, :] - counts[:, None]  # of the group from its first value, a row, up to a column
    total = sums[:, None, :] - sums[:, :, None]
    cost = squares[:, None, :] - squares[:, :, None] - total**2 / np.maximum(length, 1)
    cost = np.where(length > 0, np.maximum(cost, 0), np.inf)  # (M, T + 1, T + 1)
    best, cuts = cost[:, 0].copy(), []
    for _ in range(n_groups - 1):
        through = best[:, :, None] + cost
        cuts.append(through.argmin(1))
        best = through.min(1)
    labels = np.zeros((n_members, n_values), dtype=np.intp)
    stop, members = np.full(n_members, n_values), np.arange(n_members)
    for group, cut in zip(range(n_groups - 1, 0, -1), reversed(cuts), strict=True):
        start = cut[members, stop]
        place = counts[None, :-1]
        labels[(place >= start[:, None]) & (place < stop[:, None])] = group
        stop = start
    member = labels[:, :, None] == labels[:, None, :]
    means = (member * ordered[:, None, :]).sum(2) / member.sum(2)
    result = np.empty_like(values)
    np.put_along_axis(result, order, means, 1)
    return result
