"""Whether probabilities mean what they say: observed shares against predicted ones, a panel a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from ..metrics import TaskColumn, task_columns
from ._panels import BASELINE, MAIN, chosen, label_panels, panel_grid, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The histogram at the foot of a panel: its bars, and the height of the largest.
N_BARS, TALLEST = 20, 0.25


@dataclass(frozen=True)
class CalibrationCurve:
    """What was predicted and what was observed, in bins of equally many rows.

    Attributes
    ----------
    predicted, observed : ndarray of shape (n_bins,)
        Mean probability in each bin, and share of its rows in which the event occurred: the second of two classes, or
        of more, that the most probable one is right.
    counts : ndarray of int of shape (n_bins,)
        Rows of each bin.
    probabilities : ndarray of shape (n_rows,)
        Those that were binned.
    error : float
        Expected calibration error: the mean over rows of the distance between the two in their bin.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.inspection import CalibrationCurve
    >>> curve = CalibrationCurve.of(np.array([0.1, 0.3, 0.6, 0.8]), np.array([False, False, True, True]), 2)
    >>> curve.predicted, curve.observed, round(curve.error, 3)
    (array([0.2, 0.7]), array([0., 1.]), 0.25)
    """

    predicted: np.ndarray
    observed: np.ndarray
    counts: np.ndarray
    probabilities: np.ndarray
    error: float

    @classmethod
    def of(cls, probabilities: np.ndarray, occurred: np.ndarray, n_bins: int) -> Self:
        """Return the curve of one event.

        Parameters
        ----------
        probabilities : ndarray of shape (n_rows,)
        occurred : ndarray of bool of shape (n_rows,)
        n_bins : int
            Bins; fewer are left where probabilities repeat, for equal ones share a bin.
        """
        edges = np.quantile(probabilities, np.linspace(0, 1, n_bins + 1)[1:-1])
        bins = np.searchsorted(edges, probabilities)
        _, place, counts = np.unique(bins, return_inverse=True, return_counts=True)
        predicted, observed = (np.bincount(place, weights=values) / counts for values in (probabilities, occurred))
        error = float(np.average(np.abs(predicted - observed), weights=counts))
        return cls(predicted, observed, counts, probabilities, error)


class CalibrationDisplay:
    """Reliability curve of every task that has classes; missing labels are left out.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one. Of two classes, it shows how often the second
    one occurs where it has some probability; of more, how often the most probable one is right. A calibrated task is on
    the diagonal, one that is too sure is flatter. Bars at the foot show how many rows have which probability. Each
    column of a multilabel group has a panel.

    Parameters
    ----------
    columns : list of TaskColumn
        Labels beside probabilities, of tasks of classes.
    n_bins : int, default=10
        Bins of equally many rows.

    Attributes
    ----------
    columns : list of TaskColumn
    curves : dict of CalibrationCurve
        By column name.
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)

    Raises
    ------
    ValueError
        If `n_bins` is less than 1.

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : The same for one target of two classes.

    References
    ----------
    Guo, C., Pleiss, G., Sun, Y. and Weinberger, K. Q. (2017). On calibration of modern neural networks. ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skmtl.inspection import CalibrationDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> display = CalibrationDisplay.from_estimator(GaussianNB().fit(X[::2], y[::2]), X[1::2], y[1::2], n_bins=3)
    >>> display.curves["y0"].counts
    array([25, 25, 25])
    >>> round(display.curves["y0"].error, 2)
    0.02
    """

    def __init__(self, columns: Sequence[TaskColumn], *, n_bins: int = 10) -> None:
        if n_bins < 1:
            raise ValueError(f"n_bins must be 1 or more, got {n_bins!r}.")
        self.columns = list(columns)
        self.n_bins = n_bins
        self.curves = {column.name: CalibrationCurve.of(*_event(column), n_bins) for column in self.columns}

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        n_bins: int = 10,
        tasks: Sequence[str] | str | None = None,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw how well the probabilities of a fitted estimator are calibrated.

        Parameters
        ----------
        estimator : object
            A fitted estimator with `predict_proba`, of this package or of scikit-learn.
        X : array-like of shape (n_samples, n_features)
            Rows that it was not fitted to.
        y : array-like or DataFrame of shape (n_samples,) or (n_samples, n_columns)
            Labels, missing where NaN, None or pandas.NA.
        n_bins : int, default=10
            Bins of equally many rows.
        tasks : sequence of str or str, default=None
            Tasks to draw; None: all that have classes.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one a panel. None makes a figure.

        Returns
        -------
        CalibrationDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no such task, `n_bins` is less than 1, or `ax` does not suit.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        return cls._drawn(task_columns(estimator, X, y, methods=("predict_proba",)), n_bins, tasks, ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_prob: Any,
        *,
        classes: Any = None,
        n_bins: int = 10,
        tasks: Sequence[str] | str | None = None,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw how well probabilities are calibrated, such as `oof_prediction_`.

        Parameters
        ----------
        y_true : array-like or DataFrame of shape (n_samples,) or (n_samples, n_columns)
            Labels, missing where NaN, None or pandas.NA.
        y_prob : array-like, list or dict
            Probabilities as `predict_proba` returns them: `(n_samples, n_classes)` for 1-D y, or an array per column,
            in a list or by name. Rows of NaN are left out.
        classes : array-like, list or dict, default=None
            Classes, as in `classes_`. None: those that occur in y_true.
        n_bins : int, default=10
            Bins of equally many rows.
        tasks : sequence of str or str, default=None
            Tasks to draw; None: all that have classes.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one a panel. None makes a figure.

        Returns
        -------
        CalibrationDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If probabilities do not belong to the labels, there is no such task, `n_bins` is less than 1, or `ax` does
            not suit.
        """
        check_matplotlib_support(f"{cls.__name__}.from_predictions")
        known = SimpleNamespace(classes_=classes)
        columns = task_columns(known, None, y_true, methods=("predict_proba",), call=lambda _: y_prob)
        return cls._drawn(columns, n_bins, tasks, ax)

    @classmethod
    def _drawn(cls, columns: list[TaskColumn], n_bins: int, tasks: Any, ax: Any) -> Self:
        drawable = [
            column
            for column in columns
            if column.is_classification and column.probabilities is not None and len(_rows(column))
        ]
        return cls(chosen(drawable, tasks, "tasks of classes"), n_bins=n_bins).plot(ax=ax)

    def plot(self, *, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            As in :meth:`from_estimator`.

        Returns
        -------
        CalibrationDisplay
            This object.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `ax` does not suit.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        titles = [title_of(column) + ("" if _is_binary(column) else " (top class)") for column in self.columns]
        self.figure_, self.axes_ = panel_grid(titles, ax)
        for panel, column in zip(self.axes_, self.columns, strict=True):
            _draw(panel, self.curves[column.name])
        label_panels(self.figure_, self.axes_, "predicted probability", "observed share", own=ax is None)
        return self


def _is_binary(column: TaskColumn) -> bool:
    return column.probabilities is not None and column.probabilities.shape[1] == 2


def _rows(column: TaskColumn) -> np.ndarray:
    """Return the rows with a label and a prediction."""
    table: Any = column.probabilities
    rows: np.ndarray = column.rows[~np.isnan(table[column.rows]).any(axis=1)]
    return rows


def _event(column: TaskColumn) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of the event that a panel shows, and whether it occurred."""
    table: Any = column.probabilities
    classes: Any = column.classes
    if len(classes) != table.shape[1]:
        raise ValueError(
            f"Task {column.task!r} has probabilities of {table.shape[1]} classes, but {len(classes)} are known, "
            f"{classes.tolist()}: give all of them as classes=."
        )
    rows = _rows(column)
    own = table[rows]
    place = np.ones(len(rows), dtype=np.intp) if _is_binary(column) else own.argmax(axis=1)
    return own[np.arange(len(rows)), place], column.truth[rows] == classes[place]


def _draw(panel: Axes, curve: CalibrationCurve) -> None:
    bars, edges = np.histogram(curve.probabilities, bins=N_BARS, range=(0, 1))
    panel.bar(edges[:-1], TALLEST * bars / bars.max(), 1 / N_BARS, align="edge", color=BASELINE, alpha=0.4, linewidth=0)
    panel.plot([0, 1], [0, 1], "--", color=BASELINE, linewidth=1)
    (line,) = panel.plot(curve.predicted, curve.observed, "o-", color=MAIN, markersize=3.5, linewidth=1.2)
    text = f"ECE {curve.error:.3f}\n{curve.counts.sum()} rows"
    panel.legend([line], [text], loc="upper left", fontsize="small", frameon=False)
    panel.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
