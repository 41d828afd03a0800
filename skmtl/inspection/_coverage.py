"""How often prediction intervals hold, and how wide they are, a panel a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from ..metrics import TaskColumn, task_columns
from ._panels import BASELINE, MAIN, chosen, label_panels, panel_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
WIDTH = "tab:orange"


class CoverageDisplay:
    """Of each task of numbers: the share of labels in the intervals against the share that was asked for, and widths.

    On the diagonal, intervals hold as often as they say; below it, they are too narrow. Use :meth:`from_estimator` to
    make one, with rows that the estimator was not fitted to.

    Parameters
    ----------
    coverages : array-like of shape (n_coverages,)
        Shares that were asked for.
    found : dict of ndarray of shape (n_coverages,)
        By column, the share of labels that lie inside.
    widths : dict of ndarray of shape (n_coverages,)
        By column, the mean width, in the units of y.

    Attributes
    ----------
    coverages : ndarray of shape (n_coverages,)
    found, widths : dict of ndarray
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
    width_axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        Their scales of widths, on the right.

    See Also
    --------
    skmtl.MultiTaskRegressor.predict_interval : The intervals.

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.datasets import load_energy
    >>> from skmtl.inspection import CoverageDisplay
    >>> X, y = load_energy(return_X_y=True, as_frame=True)
    >>> X, X_new, y, y_new = train_test_split(X, y, random_state=0)
    >>> model = MultiTaskRegressor(max_iter=5, random_state=0).fit(X, y)
    >>> display = CoverageDisplay.from_estimator(model, X_new, y_new, coverages=(0.5, 0.9))
    >>> list(display.found), display.coverages
    (['heating_load', 'cooling_load'], array([0.5, 0.9]))
    """

    def __init__(
        self, coverages: Sequence[float] | np.ndarray, found: dict[str, np.ndarray], widths: dict[str, np.ndarray]
    ) -> None:
        self.coverages = np.asarray(coverages, dtype=float)
        self.found, self.widths = found, widths

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        coverages: Sequence[float] = COVERAGES,
        tasks: Sequence[str] | str | None = None,
        sample_weight: Any = None,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw how often the intervals of a fitted estimator hold.

        Parameters
        ----------
        estimator : object
            A fitted estimator with `predict_interval`.
        X : array-like of shape (n_samples, n_features)
        y : array-like or DataFrame of shape (n_samples,) or (n_samples, n_columns)
            Labels, missing where NaN, None or pandas.NA.
        coverages : sequence of float, default=(0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
            Shares to ask for, between 0 and 1.
        tasks : sequence of str or str, default=None
            Tasks to draw; None: all of type regression or count.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_columns), default=None
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one a panel. None makes a figure.

        Returns
        -------
        CoverageDisplay

        Raises
        ------
        AttributeError
            If the estimator has no `predict_interval`.
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no such task, a coverage is not between 0 and 1, or `ax` does not suit.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        everything = task_columns(estimator, X, y, sample_weight=sample_weight, methods=())
        drawable = [column for column in everything if not column.is_classification and len(column.rows)]
        columns = chosen(drawable, tasks, "tasks of numbers")
        if not hasattr(estimator, "predict_interval"):
            raise AttributeError(
                f"{type(estimator).__name__} has no predict_interval. Of a pipeline or a search, pass the estimator "
                "inside it, and X as that one reads it."
            )
        found: dict[str, list[float]] = {column.name: [] for column in columns}
        widths: dict[str, list[float]] = {column.name: [] for column in columns}
        for coverage in coverages:
            intervals = estimator.predict_interval(X, coverage)
            for column in columns:
                inside, width = _measured(column, _ends_of(estimator, intervals, column, everything))
                found[column.name].append(inside)
                widths[column.name].append(width)
        tables = [{name: np.array(values) for name, values in table.items()} for table in (found, widths)]
        return cls(coverages, *tables).plot(ax=ax)

    def plot(self, *, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            As in :meth:`from_estimator`.

        Returns
        -------
        CoverageDisplay
            This object.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `ax` does not suit.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        self.figure_, self.axes_ = panel_grid(list(self.found), ax)
        self.width_axes_ = np.array([panel.twinx() for panel in self.axes_], dtype=object)
        for name, panel, right in zip(self.found, self.axes_, self.width_axes_, strict=True):
            _draw(panel, right, self.coverages, self.found[name], self.widths[name])
        label_panels(self.figure_, self.axes_, "coverage asked for", "coverage found", own=ax is None)
        self.width_axes_[-1].set_ylabel("mean width", color=WIDTH, fontsize="small")
        return self


def _ends_of(estimator: Any, intervals: Any, column: TaskColumn, everything: Sequence[TaskColumn]) -> np.ndarray:
    """Return the intervals of one column, `(n_samples, 2)`; y may have other names or another order than at fit."""
    names = list(estimator.task_names_)
    given = list(dict.fromkeys(one.task for one in everything))
    task = column.task if column.task in names else names[given.index(column.task)]
    if isinstance(intervals, Mapping):
        return np.asarray(intervals[task])
    return np.asarray(intervals if intervals.ndim == 2 else intervals[:, names.index(task)])


def _measured(column: TaskColumn, ends: np.ndarray) -> tuple[float, float]:
    """Return the share of labels inside, and the mean width; NaN for a task without intervals."""
    rows = column.rows
    truth, weights = column.truth[rows].astype(float), column.weights[rows]
    low, high = ends[rows].T
    inside = np.where(np.isnan(low), np.nan, (low <= truth) & (truth <= high))
    return float(np.average(inside, weights=weights)), float(np.average(high - low, weights=weights))


def _draw(panel: Axes, right: Axes, coverages: np.ndarray, found: np.ndarray, widths: np.ndarray) -> None:
    order = np.argsort(coverages)
    asked, found, widths = coverages[order], found[order], widths[order]
    lowest = min(asked[0], *found[np.isfinite(found)], 1)
    panel.plot([0, 1], [0, 1], color=BASELINE, linewidth=1, linestyle="--", zorder=0)
    panel.plot(asked, found, color=MAIN, marker="o", markersize=4)
    panel.set(xlim=(asked[0] - 0.05, 1), ylim=(lowest - 0.05, 1.02))
    right.plot(asked, np.where(np.isfinite(widths), widths, np.nan), color=WIDTH, linestyle=":")
    right.set_ylim(bottom=0)
    right.tick_params(colors=WIDTH)
    for one in (panel, right):
        one.locator_params(nbins=4)
        one.tick_params(labelsize="small")
