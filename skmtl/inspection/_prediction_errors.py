"""Predicted numbers against true ones, a panel a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils import check_random_state
from sklearn.utils._optional_dependencies import check_matplotlib_support

from ..metrics import TaskColumn, task_columns
from ._panels import BASELINE, MAIN, chosen, label_panels, panel_grid, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = ("actual_vs_predicted", "residual_vs_predicted")


class PredictionErrorDisplay:
    """Predicted against true numbers of every task that is regressed or counted; missing labels are left out.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    columns : list of TaskColumn
        Labels beside predictions, of tasks of numbers.

    Attributes
    ----------
    columns : list of TaskColumn
    r2 : dict
        R² of each column, by its name; NaN for a single label.
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)

    See Also
    --------
    sklearn.metrics.PredictionErrorDisplay : The same for one target.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn.linear_model import Ridge
    >>> from skmtl.inspection import PredictionErrorDisplay
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> display = PredictionErrorDisplay.from_estimator(Ridge().fit(X, y), X, y)
    >>> {task: round(r2, 2) for task, r2 in display.r2.items()}
    {'Weight': 0.27, 'Waist': 0.55, 'Pulse': 0.07}
    """

    def __init__(self, columns: Sequence[TaskColumn]) -> None:
        self.columns = list(columns)
        self.r2 = {column.name: _r2(column) for column in self.columns}

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        kind: Literal["actual_vs_predicted", "residual_vs_predicted"] = "actual_vs_predicted",
        tasks: Sequence[str] | str | None = None,
        subsample: int | None = 1000,
        random_state: Any = None,
        ax: Axes | Sequence[Axes] | None = None,
        scatter_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the predictions of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted estimator, of this package or of scikit-learn.
        X : array-like of shape (n_samples, n_features)
        y : array-like or DataFrame of shape (n_samples,) or (n_samples, n_columns)
            Labels, missing where NaN, None or pandas.NA.
        kind : {"actual_vs_predicted", "residual_vs_predicted"}, default="actual_vs_predicted"
            What is on the vertical axis: labels, or labels less predictions.
        tasks : sequence of str or str, default=None
            Tasks to draw; None: all of type regression or count.
        subsample : int, default=1000
            Largest number of points in a panel; None: all.
        random_state : int, RandomState instance or None, default=None
            Which points are drawn.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one a panel. None makes a figure.
        scatter_kw : dict, default=None
            Keywords of `matplotlib.axes.Axes.scatter`.

        Returns
        -------
        PredictionErrorDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no such task, `kind` is unknown, or `ax` does not suit.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        columns = [
            column for column in task_columns(estimator, X, y) if not column.is_classification and len(column.rows)
        ]
        display = cls(chosen(columns, tasks, "tasks of numbers"))
        return display.plot(kind=kind, subsample=subsample, random_state=random_state, ax=ax, scatter_kw=scatter_kw)

    def plot(
        self,
        *,
        kind: Literal["actual_vs_predicted", "residual_vs_predicted"] = "actual_vs_predicted",
        subsample: int | None = 1000,
        random_state: Any = None,
        ax: Axes | Sequence[Axes] | None = None,
        scatter_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the panels.

        Parameters
        ----------
        kind : {"actual_vs_predicted", "residual_vs_predicted"}, default="actual_vs_predicted"
            As in :meth:`from_estimator`.
        subsample : int, default=1000
            As in :meth:`from_estimator`.
        random_state : int, RandomState instance or None, default=None
            As in :meth:`from_estimator`.
        ax : matplotlib Axes or sequence of Axes, default=None
            As in :meth:`from_estimator`.
        scatter_kw : dict, default=None
            As in :meth:`from_estimator`.

        Returns
        -------
        PredictionErrorDisplay
            This object.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `kind` is unknown, or `ax` does not suit.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}, got {kind!r}.")
        titles = [f"{title_of(column)}, R² = {self.r2[column.name]:.2f}" for column in self.columns]
        self.figure_, self.axes_ = panel_grid(titles, ax)
        draws = check_random_state(random_state)
        for panel, column in zip(self.axes_, self.columns, strict=True):
            _draw(panel, column, kind, subsample, draws, scatter_kw or {})
        vertical = "true value" if kind == KINDS[0] else "true value − prediction"
        label_panels(self.figure_, self.axes_, "prediction", vertical, own=ax is None)
        return self


def _r2(column: TaskColumn) -> float:
    truth, predicted, weights = _numbers(column)
    return float(r2_score(truth, predicted, sample_weight=weights)) if len(truth) > 1 else np.nan


def _numbers(column: TaskColumn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = column.rows
    assigned: Any = column.prediction
    return column.truth[rows].astype(float), np.asarray(assigned)[rows].astype(float), column.weights[rows]


def _draw(
    panel: Axes, column: TaskColumn, kind: str, subsample: int | None, draws: Any, scatter_kw: dict[str, Any]
) -> None:
    truth, predicted, _ = _numbers(column)
    low, high = min(truth.min(), predicted.min()), max(truth.max(), predicted.max())
    if kind == KINDS[0]:
        panel.plot([low, high], [low, high], color=BASELINE, linewidth=1, linestyle="--", zorder=0)
    else:
        panel.axhline(0, color=BASELINE, linewidth=1, linestyle="--", zorder=0)
        truth = truth - predicted
    if subsample is not None and len(truth) > subsample:
        shown = draws.choice(len(truth), subsample, replace=False)
        truth, predicted = truth[shown], predicted[shown]
    panel.scatter(predicted, truth, **{"s": 9, "alpha": 0.5, "linewidth": 0, "color": MAIN, **scatter_kw})
    panel.locator_params(nbins=4)
    panel.tick_params(labelsize="small")
