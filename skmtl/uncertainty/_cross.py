"""Intervals from cross-validated predictions: every held-out row speaks for the member that held it out."""

from __future__ import annotations

import numpy as np

from ._quantile import needed_share, smallest_reaching

# The search for a quantile halves the gap between members' own quantiles this often: to 1e-12 of it.
HALVINGS = 40
# A member with held-out rows: its place, its scores in rising order, and the sums of their weights.
Part = tuple[int, np.ndarray, np.ndarray]


def cross_interval(
    lower: np.ndarray,
    upper: np.ndarray,
    scores: np.ndarray,
    member: np.ndarray,
    weights: np.ndarray,
    coverage: float,
) -> np.ndarray:
    r"""Return CV+ intervals of one task (Barber et al. 2021), around single predictions or bands.

    Let `k(i)` be the member that held row i out, `s_i` its score, and `[l_k(x), u_k(x)]` what member k predicts of a
    new row. The interval reaches from the `⌊(1 − coverage)(n + 1)⌋`-th smallest of `l_k(i)(x) − s_i` to the
    `⌈coverage · (n + 1)⌉`-th smallest of `u_k(i)(x) + s_i`. With weights these are weighted quantiles, as in
    `conformal_quantile`. A single member is split conformal prediction; bands of quantiles are conformalised quantile
    regression (Romano et al. 2019), there for one member.

    The table of all `n_scores · n_rows` sums is never made: the quantile lies between those that each member's rows
    give alone, and is found there by halving.

    Parameters
    ----------
    lower, upper : ndarray of shape (n_members, n_rows)
        What each member predicts of the new rows; the same for single predictions.
    scores : ndarray of shape (n_scores,)
        How far labels of held-out rows lie outside of what was predicted; negative inside of a band.
    member : ndarray of int of shape (n_scores,)
        Who held the row out.
    weights : ndarray of shape (n_scores,)
        Positive.
    coverage : float
        Between 0 and 1.

    Returns
    -------
    ndarray of shape (n_rows, 2)
        Lower and upper ends, infinite where there are too few scores. Ends that would cross, where bands shrink to
        less than nothing, meet in the middle.

    References
    ----------
    Barber, R. F., Candès, E. J., Ramdas, A., & Tibshirani, R. J. (2021). Predictive inference with the jackknife+.
    Annals of Statistics 49(1), 486-507.

    Romano, Y., Patterson, E., & Candès, E. J. (2019). Conformalized quantile regression. NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.uncertainty import cross_interval
    >>> predicted = np.array([[10.0], [12.0]])  # of one new row, by two members
    >>> scores, member = np.array([1.0, 2.0, 1.0]), np.array([0, 0, 1])
    >>> cross_interval(predicted, predicted, scores, member, np.ones(3), coverage=0.75)
    array([[ 8., 13.]])
    """
    share = needed_share(len(scores), coverage)
    if share > 1:
        return np.tile([-np.inf, np.inf], (lower.shape[1], 1))
    parts = [_part(place, scores, member == place, weights) for place in np.unique(member).tolist()]
    # The lower end is the upper one of the mirror image.
    low, high = np.split(_quantile(np.concatenate([-lower, upper], axis=1), parts, share), 2)
    ends: np.ndarray = np.stack([-low, high], 1)  # (n_rows, 2)
    crossed = ends[:, 0] > ends[:, 1]
    ends[crossed] = ends[crossed].mean(1, keepdims=True)
    return ends


def _part(place: int, scores: np.ndarray, own: np.ndarray, weights: np.ndarray) -> Part:
    rows = np.flatnonzero(own)
    rows = rows[np.argsort(scores[rows], kind="stable")]
    return place, scores[rows], np.cumsum(weights[rows])


def _quantile(predicted: np.ndarray, parts: list[Part], share: float) -> np.ndarray:
    """Return, for each new row, the smallest sum of prediction and score that has this share at or below it."""
    alone = np.stack([predicted[place] + smallest_reaching(rising, sums, share) for place, rising, sums in parts])
    low: np.ndarray = alone.min(0)
    high: np.ndarray = alone.max(0)
    if len(parts) == 1:
        return high
    needed = share * sum(sums[-1] for _, _, sums in parts)
    steps = [np.concatenate([[0.0], sums]) for _, _, sums in parts]
    for _ in range(HALVINGS):
        middle = low / 2 + high / 2
        reached = np.zeros(len(middle))
        for (place, rising, _), step in zip(parts, steps, strict=True):
            reached += step[np.searchsorted(rising, middle - predicted[place], side="right")]
        enough = reached >= needed
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high
