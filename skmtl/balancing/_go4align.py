"""GO4Align: tasks are grouped by their progress, and each group gets one weight."""

from __future__ import annotations

from functools import cache
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
        # Only differences between tasks count: the mean of the changes is taken out, so that shares neither grow nor
        # vanish, and tasks in the batch do not move as a whole against those that are not.
        state["log_shares"] = logs = state["log_shares"] - self.eta * (losses - losses.mean(1, keepdims=True))
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
    if n_groups == n_values:
        return values.copy()
    if n_groups == 1:
        return np.repeat(values.mean(1, keepdims=True), n_values, axis=1)
    if n_groups == 2:  # plain numbers: of so few, a single call on an array takes longer than all of this
        return np.array([_two_means(row) for row in values.tolist()])
    members = np.arange(n_members)[:, None]
    order = values.argsort(1)
    ordered = values[members, order]
    first = _first_places(ordered, n_groups)
    lengths = np.append(first[1:], values.size) - first
    # Each group is summed by itself: differences of sums over all values would lose small values beside large ones.
    means = np.repeat(np.add.reduceat(ordered.ravel(), first) / lengths, lengths)
    result = np.empty_like(values)
    result[members, order] = means.reshape(values.shape)
    return result


def _two_means(values: list[float]) -> list[float]:
    """Return the mean of each value's group, of two."""
    ordered, n_values = sorted(values), len(values)
    largest = max(abs(ordered[0]), abs(ordered[-1])) or 1.0
    scaled = [value / largest for value in ordered]  # whose squares do not overflow
    mean = sum(scaled) / n_values
    below, best, cut = 0.0, -1.0, 1
    for place in range(1, n_values):
        below += scaled[place - 1] - mean
        gain = below * below / (place * (n_values - place))
        if gain > best:
            best, cut = gain, place
    # Each group is summed by itself: differences of sums over all values would lose small values beside large ones.
    low, high = sum(ordered[:cut]) / cut, sum(ordered[cut:]) / (n_values - cut)
    return [low if value < ordered[cut] else high for value in values]


@cache
def _groups(n_values: int) -> tuple[np.ndarray, np.ndarray]:
    """Return one by the length of the group from its first value, a row, up to a column, and -inf if there is none."""
    places = np.arange(n_values + 1)
    length = places - places[:, None]
    return np.where(length > 0, 1 / np.maximum(length, 1), 0), np.where(length > 0, 0, -np.inf)


def _first_places(ordered: np.ndarray, n_groups: int) -> np.ndarray:
    """Return where the groups of sorted values begin, in the flattened array, `(M · n_groups,)`."""
    n_members, n_values = ordered.shape
    largest = np.abs(ordered).max(1, keepdims=True)
    scaled = ordered / np.where(largest > 0, largest, 1)  # whose squares do not overflow
    sums = np.zeros((n_members, n_values + 1))
    np.cumsum(scaled - scaled.mean(1, keepdims=True), axis=1, out=sums[:, 1:])
    # The sum of squares within groups is smallest where that of the groups' sums, by their lengths, is largest.
    inverse, barred = _groups(n_values)
    gain = (sums[:, None] - sums[:, :, None]) ** 2 * inverse + barred
    best, cuts = gain[:, 0], []  # (M, T + 1): of the values before a place, in one group
    for _ in range(n_groups - 1):
        through = best[:, :, None] + gain
        cuts.append(through.argmax(1))
        best = through.max(1)
    first = np.empty((n_members, n_groups), dtype=np.intp)
    first[:, 0] = 0
    stop, members = np.full(n_members, n_values), np.arange(n_members)
    for group in range(n_groups - 1, 0, -1):
        first[:, group] = stop = cuts[group - 1][members, stop]
    flat: np.ndarray = (first + n_values * members[:, None]).ravel()
    return flat
