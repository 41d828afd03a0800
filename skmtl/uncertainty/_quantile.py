"""How large a score may be: quantiles with room for the row that comes."""

from __future__ import annotations

import numpy as np

# Shares of weight are compared with this slack: 0.9 · 20 is 18, whatever rounding makes of it.
SLACK = 1e-9


def rows_needed(coverage: float) -> int:
    """Return the smallest number of rows that bounds anything: with fewer, intervals are infinite.

    Parameters
    ----------
    coverage : float
        Between 0 and 1.

    Examples
    --------
    >>> from skmtl.uncertainty import rows_needed
    >>> rows_needed(0.9), rows_needed(0.99)
    (9, 99)
    """
    return int(np.ceil(coverage / (1 - coverage) - SLACK))


def needed_share(n_rows: int, coverage: float) -> float:
    """Return the share of the weight that must lie at or below the quantile; more than 1 if it has none.

    A new row counts like the mean of the `n_rows` that are there, so that of `n + 1` rows of equal weight
    `⌈coverage · (n + 1)⌉` are needed.

    Parameters
    ----------
    n_rows : int
    coverage : float
    """
    return coverage * (1 + 1 / n_rows) - SLACK if n_rows else np.inf


def smallest_reaching(rising: np.ndarray, cumulated: np.ndarray, share: float) -> float:
    """Return the smallest value that has this share of the weight at or below it.

    Parameters
    ----------
    rising : ndarray of shape (n,)
        Values in rising order, at least one.
    cumulated : ndarray of shape (n,)
        Sums of their weights.
    share : float
        At most 1.
    """
    place = int(np.searchsorted(cumulated, share * cumulated[-1]))
    return float(rising[min(place, len(rising) - 1)])


def conformal_quantile(scores: np.ndarray, coverage: float, weights: np.ndarray | None = None) -> float:
    r"""Return the quantile of scores that a new one does not exceed with probability `coverage`.

    The `⌈coverage · (n + 1)⌉`-th smallest of `n` scores, which holds if the new score and the old ones are
    exchangeable (Vovk et al. 2005); infinite if there are fewer than that. With weights, the smallest score `q` with
    `Σ_{s_i ≤ q} w_i ≥ coverage · (1 + 1/n) · Σ w_i`: the new row is taken to weigh as much as the mean row (Tibshirani
    et al. 2019 have a weight of its own, which nobody knows here). A common factor of all weights changes nothing.

    Parameters
    ----------
    scores : ndarray of shape (n,)
    coverage : float
        Between 0 and 1.
    weights : ndarray of shape (n,), default=None
        Positive; None: all 1.

    Returns
    -------
    float

    References
    ----------
    Vovk, V., Gammerman, A., & Shafer, G. (2005). Algorithmic learning in a random world. Springer.

    Tibshirani, R. J., Barber, R. F., Candès, E. J., & Ramdas, A. (2019). Conformal prediction under covariate shift.
    NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.uncertainty import conformal_quantile
    >>> conformal_quantile(np.array([3.0, 1.0, 2.0]), coverage=0.5)
    2.0
    >>> conformal_quantile(np.array([3.0, 1.0, 2.0]), coverage=0.9)
    inf
    """
    share = needed_share(len(scores), coverage)
    if share > 1:
        return np.inf
    order = np.argsort(scores, kind="stable")
    cumulated = np.cumsum(np.ones(len(scores)) if weights is None else weights[order])
    return smallest_reaching(scores[order], cumulated, share)
