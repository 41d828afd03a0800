"""Made-up tasks that are related as much as asked for, with some of their labels hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

MISSINGNESS = ("completely_at_random", "by_task", "by_value")
# Spread of what enters a hidden unit: at 3, the straight part of tanh explains about four fifths of it.
HIDDEN_SCALE = 3.0

_CONSTRAINTS: dict[str, list[Any]] = {
    "n_samples": [Interval(Integral, 1, None, closed="left")],
    "n_features": [Interval(Integral, 1, None, closed="left")],
    "n_tasks": [Interval(Integral, 1, None, closed="left")],
    "n_informative": [Interval(Integral, 1, None, closed="left")],
    "relatedness": [Interval(Real, 0, 1, closed="both"), "array-like"],
    "noise": [Interval(Real, 0, None, closed="left"), "array-like"],
    "n_hidden": [Interval(Integral, 1, None, closed="left"), None],
    "missing": [Interval(Real, 0, 1, closed="left")],
    "missingness": [StrOptions(set(MISSINGNESS))],
    "shuffle": ["boolean"],
    "coef": ["boolean"],
    "random_state": ["random_state"],
}


@validate_params(_CONSTRAINTS, prefer_skip_nested_validation=True)
def make_multitask_regression(
    n_samples: int = 100,
    n_features: int = 20,
    n_tasks: int = 3,
    *,
    n_informative: int = 10,
    relatedness: Any = 0.8,
    noise: Any = 0.1,
    n_hidden: int | None = None,
    missing: float = 0.0,
    missingness: str = "completely_at_random",
    shuffle: bool = True,
    coef: bool = False,
    random_state: Any = None,
) -> tuple[Any, ...]:
    r"""Make regression tasks of planted relatedness.

    Features are standard normal. Every task reads the same informative ones, by coefficients that it shares in part:
    :math:`b_t = \sqrt{\rho}\, c + \sqrt{1 - \rho}\, o_t`, scaled to length 1, with normal draws `c` (common) and
    :math:`o_t` (the task's own). The signal of each task then has variance 1, and no model can have a larger expected
    R² than :math:`1 / (1 + \text{noise}^2)`.

    Parameters
    ----------
    n_samples : int, default=100
        Number of rows.
    n_features : int, default=20
        Number of columns of X.
    n_tasks : int, default=3
        Number of columns of y.
    n_informative : int, default=10
        Number of features that the tasks depend on; at most `n_features` are.
    relatedness : float or array-like of shape (n_tasks, n_tasks), default=0.8
        Correlation ρ of the coefficients of any two tasks, in the mean of many draws, in [0, 1]: at 0 tasks have only
        the informative features in common, at 1 their coefficients are equal. A correlation matrix says it for each
        pair, and may hold negative values.
    noise : float or array-like of shape (n_tasks,), default=0.1
        Standard deviation of the noise on the labels, one for all tasks or one a task.
    n_hidden : int, default=None
        If given, what tasks share is a hidden layer of so many tanh units between features and coefficients, which a
        linear model cannot express. Signals are then scaled to variance 1 over the rows drawn.
    missing : float, default=0.0
        Share of the labels that is hidden (NaN), in [0, 1). Every task keeps at least one label.
    missingness : {"completely_at_random", "by_task", "by_value"}, default="completely_at_random"
        Which labels are hidden. "completely_at_random": any, the same number in each task. "by_task": any, but fewer in
        the first tasks than in the last; task `t` (from 0) loses the share
        `missing + min(missing, 1 - missing) * ((2 * t + 1) / n_tasks - 1)`, in the mean `missing`. "by_value": the same
        number in each task, rather large ones: the odds that a label is the next to be hidden grow by a factor e with
        each standard deviation of its value.
    shuffle : bool, default=True
        Whether the informative features stand anywhere among the others; False puts them first.
    coef : bool, default=False
        If True, the true coefficients are returned too.
    random_state : int, RandomState instance or None, default=None
        Source of all draws. With an int, X and the labels that are left do not depend on which ones are hidden.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples, n_tasks)
        Labels, NaN where hidden; two-dimensional for a single task too.
    coef : ndarray of shape (n_features, n_tasks) or tuple
        The true coefficients, only if `coef` is True: without noise, `y = X @ coef`. With `n_hidden`, two arrays
        `(hidden, coef)` of shapes `(n_features, n_hidden)` and `(n_hidden, n_tasks)`: `y = tanh(X @ hidden) @ coef`.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or has not one value a task.

    See Also
    --------
    make_multitask_classification : The same for classes.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.datasets import make_multitask_regression
    >>> X, y, coef = make_multitask_regression(300, missing=0.5, missingness="by_task", coef=True, random_state=0)
    >>> X.shape, y.shape, coef.shape
    ((300, 20), (300, 3), (20, 3))
    >>> np.isnan(y).mean(axis=0).round(2)
    array([0.17, 0.5 , 0.83])
    """
    rng = check_random_state(random_state)
    relatedness, levels = _checked_relatedness(relatedness, n_tasks), _noise_levels(noise, n_tasks)
    X = rng.standard_normal((n_samples, n_features))
    units = _units(X, n_informative, n_hidden, shuffle, rng)
    own, signals = _signals(units, relatedness, n_tasks, rng)
    y = signals + levels * rng.standard_normal(signals.shape)
    if missing:
        y = _hide(y, missing, missingness, rng)
    return (X, y, units.with_weights(own)) if coef else (X, y)


@validate_params(
    {**_CONSTRAINTS, "n_classes": [Interval(Integral, 2, None, closed="left"), "array-like"]},
    prefer_skip_nested_validation=True,
)
def make_multitask_classification(
    n_samples: int = 100,
    n_features: int = 20,
    n_tasks: int = 3,
    *,
    n_classes: int | Sequence[int] = 2,
    n_informative: int = 10,
    relatedness: Any = 0.8,
    noise: Any = 0.1,
    n_hidden: int | None = None,
    missing: float = 0.0,
    missingness: str = "completely_at_random",
    shuffle: bool = True,
    coef: bool = False,
    random_state: Any = None,
) -> tuple[Any, ...]:
    r"""Make classification tasks of planted relatedness.

    Each class of a task has a score, made as the signal of a task of :func:`make_multitask_regression` is: class `k` of
    one task has coefficients that correlate with those of class `k` of another. Given the features, class `k` has the
    probability :math:`\operatorname{softmax}(s / \text{noise})_k` of the scores `s`.

    Parameters
    ----------
    n_samples : int, default=100
        Number of rows.
    n_features : int, default=20
        Number of columns of X.
    n_tasks : int, default=3
        Number of columns of y.
    n_classes : int or sequence of int, default=2
        Number of classes, one for all tasks or one a task.
    n_informative : int, default=10
        Number of features that the tasks depend on; at most `n_features` are.
    relatedness : float or array-like of shape (n_tasks, n_tasks), default=0.8
        Correlation of the coefficients of any two tasks, in the mean of many draws, in [0, 1]: at 0 tasks have only
        the informative features in common, at 1 the coefficients of equal classes are equal. A correlation matrix says
        it for each pair, and may hold negative values.
    noise : float or array-like of shape (n_tasks,), default=0.1
        How uncertain the classes are, one for all tasks or one a task: 0 always draws the class of the largest score;
        with two linear classes, 0.1 draws the other one in 4 % of the rows, and 1 in 28 %.
    n_hidden : int, default=None
        If given, what tasks share is a hidden layer of so many tanh units between features and coefficients, which a
        linear model cannot express. Scores are then scaled to variance 1 over the rows drawn.
    missing : float, default=0.0
        Share of the labels that is hidden (NaN), in [0, 1). Every task keeps at least one label.
    missingness : {"completely_at_random", "by_task", "by_value"}, default="completely_at_random"
        Which labels are hidden. "completely_at_random": any, the same number in each task. "by_task": any, but fewer in
        the first tasks than in the last; task `t` (from 0) loses the share
        `missing + min(missing, 1 - missing) * ((2 * t + 1) / n_tasks - 1)`, in the mean `missing`. "by_value": the same
        number in each task, rather large ones: the odds that a label is the next to be hidden grow by a factor e with
        each standard deviation of its value.
    shuffle : bool, default=True
        Whether the informative features stand anywhere among the others; False puts them first.
    coef : bool, default=False
        If True, the true coefficients are returned too.
    random_state : int, RandomState instance or None, default=None
        Source of all draws. With an int, X and the labels that are left do not depend on which ones are hidden.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples, n_tasks)
        Classes 0, 1, …: integers, or floats with NaN where hidden if `missing` is above 0. Two-dimensional for a
        single task too. A class that is rare may be absent.
    coef : list of ndarray of shape (n_features, n_classes) or tuple
        The true coefficients of each task's scores, only if `coef` is True: `X @ coef[t]`. With `n_hidden`, a pair
        `(hidden, coef)`, where `hidden` has shape `(n_features, n_hidden)`: the scores are
        `tanh(X @ hidden) @ coef[t]`.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or has not one value a task.

    See Also
    --------
    make_multitask_regression : The same for numbers.

    Examples
    --------
    >>> from skmtl.datasets import make_multitask_classification
    >>> X, y, coef = make_multitask_classification(n_classes=[2, 2, 4], noise=0, coef=True, random_state=0)
    >>> y.max(axis=0).tolist(), [scores.shape for scores in coef]
    ([1, 1, 3], [(20, 2), (20, 2), (20, 4)])
    >>> bool(((X @ coef[2]).argmax(axis=1) == y[:, 2]).all())
    True
    """
    rng = check_random_state(random_state)
    relatedness, levels = _checked_relatedness(relatedness, n_tasks), _noise_levels(noise, n_tasks)
    counts = _class_counts(n_classes, n_tasks)
    X = rng.standard_normal((n_samples, n_features))
    units = _units(X, n_informative, n_hidden, shuffle, rng)
    classes = [_signals(units, relatedness, n_tasks, rng) for _ in range(counts.max())]
    own = np.stack([one for one, _ in classes], axis=2)  # (n_units, n_tasks, n_classes)
    scores = np.stack([score for _, score in classes], axis=2)  # (n_samples, n_tasks, n_classes)
    scores += levels[:, np.newaxis] * rng.gumbel(size=scores.shape)  # the largest is then drawn from the softmax
    scores[:, np.arange(counts.max()) >= counts[:, np.newaxis]] = -np.inf
    y = scores.argmax(axis=2)
    if missing:
        y = _hide(y.astype(np.float64), missing, missingness, rng)
    return (X, y, units.with_weights([own[:, t, :count] for t, count in enumerate(counts)])) if coef else (X, y)


@dataclass(frozen=True)
class _Units:
    """What tasks put their coefficients on: the features, or a hidden layer of them.

    Attributes
    ----------
    values : ndarray of shape (n_samples, n_units)
    informative : ndarray of int
        The units that have coefficients.
    hidden : ndarray of shape (n_features, n_units) or None
        Weights of the hidden layer.
    """

    values: np.ndarray
    informative: np.ndarray
    hidden: np.ndarray | None

    def with_weights(self, coef: Any) -> Any:
        """Return the true coefficients, those of the hidden layer before them."""
        return coef if self.hidden is None else (self.hidden, coef)


def _units(
    X: np.ndarray, n_informative: int, n_hidden: int | None, shuffle: bool, rng: np.random.RandomState
) -> _Units:
    n_features = X.shape[1]
    order = rng.permutation(n_features) if shuffle else np.arange(n_features)
    informative = order[:n_informative]
    if n_hidden is None:
        return _Units(X, informative, None)
    hidden = np.zeros((n_features, n_hidden))
    hidden[informative] = _unit_columns(rng.standard_normal((len(informative), n_hidden))) * HIDDEN_SCALE
    return _Units(np.tanh(X @ hidden), np.arange(n_hidden), hidden)


def _signals(units: _Units, relatedness: float | np.ndarray, n_tasks: int, rng: np.random.RandomState) -> Any:
    """Return coefficients `(n_units, n_tasks)` and signals of variance 1 `(n_samples, n_tasks)`."""
    coef = np.zeros((units.values.shape[1], n_tasks))
    coef[units.informative] = _unit_columns(_related_columns(len(units.informative), relatedness, n_tasks, rng))
    signals = units.values @ coef
    if units.hidden is not None:  # hidden units depend on each other: only the rows tell the variance
        scales = signals.std(axis=0)
        scales[scales == 0] = 1.0
        coef, signals = coef / scales, signals / scales
    return coef, signals


def _related_columns(
    n_rows: int, relatedness: float | np.ndarray, n_tasks: int, rng: np.random.RandomState
) -> np.ndarray:
    """Return normal columns of the given correlations."""
    own = rng.standard_normal((n_rows, n_tasks))
    if isinstance(relatedness, float):
        common = rng.standard_normal((n_rows, 1))
        return np.sqrt(relatedness) * common + np.sqrt(1 - relatedness) * own
    values, vectors = np.linalg.eigh(relatedness)
    return own @ (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


def _unit_columns(columns: np.ndarray) -> np.ndarray:
    return columns / np.linalg.norm(columns, axis=0)


def _checked_relatedness(relatedness: Any, n_tasks: int) -> float | np.ndarray:
    if isinstance(relatedness, Real):
        return float(relatedness)
    matrix = np.asarray(relatedness, dtype=np.float64)
    if matrix.shape != (n_tasks, n_tasks):
        raise ValueError(
            f"relatedness has the shape {matrix.shape}; give a number in [0, 1] or a matrix of shape "
            f"{(n_tasks, n_tasks)}, a row and a column for each of the n_tasks={n_tasks} tasks."
        )
    if not (np.allclose(matrix, matrix.T) and np.allclose(np.diag(matrix), 1)):
        raise ValueError("relatedness is no correlation matrix: it must be symmetric, with ones on the diagonal.")
    if (smallest := float(np.linalg.eigvalsh(matrix)[0])) < -1e-8:  # a singular matrix may round to just below 0
        raise ValueError(
            f"relatedness is no correlation matrix: its smallest eigenvalue is {smallest:.3g}, and none may be below "
            "0. Tasks cannot all be that different from each other; draw the values nearer to 0."
        )
    return matrix


def _noise_levels(noise: Any, n_tasks: int) -> np.ndarray:
    levels = np.asarray(noise, dtype=np.float64)
    if levels.shape not in ((), (n_tasks,)) or not (np.isfinite(levels) & (levels >= 0)).all():
        raise ValueError(f"noise={noise!r} must be a number from 0 on, or n_tasks={n_tasks} of them, one a task.")
    return np.broadcast_to(levels, n_tasks)


def _class_counts(n_classes: Any, n_tasks: int) -> np.ndarray:
    counts = np.asarray(n_classes)
    if counts.shape not in ((), (n_tasks,)) or counts.dtype.kind not in "iu" or (counts < 2).any():
        raise ValueError(
            f"n_classes={n_classes!r} must be an integer from 2 on, or n_tasks={n_tasks} of them, one a task."
        )
    return np.broadcast_to(counts, n_tasks)


def _hide(y: np.ndarray, missing: float, missingness: str, rng: np.random.RandomState) -> np.ndarray:
    """Return y with NaN in place of some labels of each task, at least one of which is left."""
    n_samples, n_tasks = y.shape
    shares = np.full(n_tasks, missing, dtype=np.float64)
    if missingness == "by_task":  # the middles of n_tasks equal parts of the widest range around `missing`
        shares += min(missing, 1 - missing) * ((2 * np.arange(n_tasks) + 1) / n_tasks - 1)
    keys = rng.gumbel(size=y.shape)
    if missingness == "by_value":
        # The largest of Gumbel draws plus z are a sample drawn one by one with odds exp(z).
        spread = y.std(axis=0)
        keys += (y - y.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    ranks = np.argsort(np.argsort(-keys, axis=0), axis=0)
    counts = np.minimum(np.rint(shares * n_samples), n_samples - 1)
    return np.where(ranks < counts, np.nan, y)
