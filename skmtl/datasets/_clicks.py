"""Made-up clicks and conversions, whose common cause makes clicked rows unlike the others."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval, validate_params

# Spread of what enters a hidden unit, as in the other made-up tasks.
HIDDEN_SCALE = 3.0
# Points at which what is unseen is averaged out.
N_NODES = 31
# Rates are reached by a constant in this range.
LARGEST_CONSTANT = 60.0


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "click_rate": [Interval(Real, 0, 1, closed="neither")],
        "conversion_rate": [Interval(Real, 0, 1, closed="neither")],
        "selection": [Interval(Real, 0, 1, closed="both")],
        "visible": [Interval(Real, 0, 1, closed="both")],
        "signal": [Interval(Real, 0, None, closed="left")],
        "n_hidden": [Interval(Integral, 1, None, closed="left"), None],
        "missing": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_clicks(
    n_samples: int = 1000,
    n_features: int = 10,
    *,
    click_rate: float = 0.1,
    conversion_rate: float = 0.2,
    selection: float = 0.9,
    visible: float = 0.8,
    signal: float = 3.0,
    n_hidden: int | None = 4,
    missing: bool = False,
    random_state: Any = None,
) -> Bunch:
    r"""Make impressions, some of which are clicked, and some of these followed by a conversion.

    Features are standard normal. An intent :math:`u` of variance 1, of which features show a part, raises both the odds
    of a click and those of a conversion after it: with a signal :math:`o` of features of each task's own, the logits
    are :math:`\text{signal} \cdot (\sqrt{s}\, u + \sqrt{1 - s}\, o)` and a constant, `s` being `selection`. So clicked
    rows are those of people who convert anyway, and what is learned from them alone is too high for all others.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows, impressions.
    n_features : int, default=10
        Number of columns of X.
    click_rate : float, default=0.1
        Mean probability of a click, over the rows drawn.
    conversion_rate : float, default=0.2
        Conversions a click, in the mean: `click_rate * conversion_rate` is the mean probability of a conversion.
    selection : float, default=0.9
        Part of the common cause in the variance of both scores, in [0, 1]. At 0, clicks and conversions have nothing in
        common.
    visible : float, default=0.8
        Part of the intent's variance that features show, in [0, 1].
    signal : float, default=3.0
        Standard deviation of the logits. More makes both tasks more predictable, and clicked rows more unlike others.
    n_hidden : int or None, default=4
        Signals are sums of so many tanh units of the features, the same ones for both tasks; None: they are linear.
    missing : bool, default=False
        Whether the conversion is missing (NaN) where nothing was clicked, instead of 0.
    random_state : int, RandomState instance or None, default=None
        Source of all draws.

    Returns
    -------
    data : Bunch
        With the attributes

        X : ndarray of shape (n_samples, n_features)
            Features.
        y : ndarray of shape (n_samples, 2)
            Whether there was a click, and whether there was a conversion: 0 or 1; integers, or floats if `missing`.
        probabilities : ndarray of shape (n_samples, 2)
            The true probabilities of both, given the features: no model can do better.
        conversion_given_click : ndarray of shape (n_samples,)
            Their ratio, the true conversion rate of rows with these features that are clicked.
        target_names : list of str
            `["click", "conversion"]`.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    See Also
    --------
    skmtl.tasks.EntireSpaceChain : Learns both from all rows.
    make_multitask_classification : Classification tasks of planted relatedness.

    Examples
    --------
    >>> from skmtl.datasets import make_clicks
    >>> data = make_clicks(20000, random_state=0)
    >>> data.y.mean(axis=0).round(2)
    array([0.1 , 0.02])
    >>> clicked = data.y[:, 0] == 1
    >>> rates = data.conversion_given_click
    >>> bool(rates[clicked].mean() > 2 * rates[~clicked].mean())
    True
    """
    rng = check_random_state(random_state)
    X = rng.standard_normal((n_samples, n_features))
    units = X
    if n_hidden is not None:
        weights = rng.standard_normal((n_features, n_hidden))
        units = np.tanh(X @ (HIDDEN_SCALE * weights / np.linalg.norm(weights, axis=0)))
    intent, *own = (_standardised(units @ rng.standard_normal(units.shape[1])) for _ in range(3))
    shown = [signal * (np.sqrt(selection * visible) * intent + np.sqrt(1 - selection) * one) for one in own]
    unseen = signal * np.sqrt(selection * (1 - visible))
    nodes, shares = np.polynomial.hermite_e.hermegauss(N_NODES)
    nodes, shares = unseen * nodes, shares / shares.sum()

    def click(constant: float) -> np.ndarray:  # (n_samples, N_NODES)
        return expit(shown[0][:, None] + constant + nodes)

    first = _constant(lambda constant: float((click(constant) @ shares).mean()), click_rate)
    clicks = click(first)

    def conversion(constant: float) -> np.ndarray:  # (n_samples,)
        both: np.ndarray = (clicks * expit(shown[1][:, None] + constant + nodes)) @ shares
        return both

    second = _constant(lambda constant: float(conversion(constant).mean()), click_rate * conversion_rate)
    probabilities = np.column_stack([clicks @ shares, conversion(second)])
    hidden = unseen * rng.standard_normal(n_samples)
    clicked = rng.random_sample(n_samples) < expit(shown[0] + first + hidden)
    converted = clicked & (rng.random_sample(n_samples) < expit(shown[1] + second + hidden))
    y = np.column_stack([clicked, converted]).astype(np.int64)
    return Bunch(
        X=X,
        y=np.where([[False, True]] & ~clicked[:, None], np.nan, y) if missing else y,
        probabilities=probabilities,
        conversion_given_click=probabilities[:, 1] / probabilities[:, 0],
        target_names=["click", "conversion"],
    )


def _standardised(values: np.ndarray) -> np.ndarray:
    spread = values.std()
    result: np.ndarray = (values - values.mean()) / (spread if spread > 0 else 1.0)
    return result


def _constant(rate: Callable[[float], float], asked: float) -> float:
    """Return the constant at which an increasing rate is the one asked for."""
    return float(brentq(lambda constant: rate(constant) - asked, -LARGEST_CONSTANT, LARGEST_CONSTANT))
