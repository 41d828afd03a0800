"""The report of all tasks as a picture: each task's score beside that of a constant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from ..metrics import TaskReport, task_report
from ._panels import BASELINE, MAIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A score far below that of a constant would flatten all the rest.
LOWEST_SCORE = -0.5


class TaskReportDisplay:
    """How well every task is predicted, beside a constant prediction: a dot each, and the lift as a line between them.

    Use :meth:`from_estimator` to make one. Scores are R² for tasks of numbers and the accuracy for tasks of classes.

    Parameters
    ----------
    report : TaskReport
        From :func:`skmtl.metrics.task_report`.

    Attributes
    ----------
    report : TaskReport
    figure_ : matplotlib Figure
    ax_ : matplotlib Axes

    See Also
    --------
    skmtl.metrics.task_report : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn.linear_model import Ridge
    >>> from skmtl.inspection import TaskReportDisplay
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> display = TaskReportDisplay.from_estimator(Ridge().fit(X, y), X, y)
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['Weight (regression)', 'Waist (regression)', 'Pulse (regression)']
    """

    def __init__(self, report: TaskReport) -> None:
        self.report = report

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, sample_weight: Any = None, ax: Axes | None = None
    ) -> Self:
        """Draw the report of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted estimator, of this package or of scikit-learn.
        X : array-like of shape (n_samples, n_features)
        y : array-like or DataFrame of shape (n_samples,) or (n_samples, n_columns)
            Labels, missing where NaN, None or pandas.NA.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_columns), default=None
        ax : matplotlib Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        TaskReportDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no label, or y does not fit the estimator.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        report: Any = task_report(estimator, X, y, sample_weight=sample_weight)
        return cls(report).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> Self:
        """Draw the report.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        TaskReportDisplay
            This object.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        rows = self.report.rows
        if ax is None:
            _, ax = plt.subplots(figsize=(6.4, 1.4 + 0.36 * len(rows)), layout="constrained")
        self.ax_, self.figure_ = ax, ax.get_figure()
        places = np.arange(len(rows))
        scores, baselines = (np.array([row[key] for row in rows], dtype=float) for key in ("score", "baseline"))
        shown = np.maximum(scores, LOWEST_SCORE)  # NaN stays NaN
        ax.hlines(places, baselines, shown, color=MAIN, linewidth=1.5, alpha=0.6, zorder=1)
        ax.scatter(baselines, places, color=BASELINE, s=28, zorder=2, label="constant")
        ax.scatter(shown, places, color=MAIN, s=36, zorder=3, label="estimator")
        for place, score, where in zip(places, scores, shown, strict=True):
            text = "no label" if np.isnan(score) else f"{score:.2f}"
            x = 0.0 if np.isnan(score) else where
            ax.annotate(
                text, (x, place), (0, 6), textcoords="offset points", ha="center", va="bottom", fontsize="small"
            )
        ax.set_yticks(places, [f"{row['task']} ({row['type']})" for row in rows])
        ax.set_ylim(len(rows) - 0.4, -0.8)
        ax.set_xlim(min(-0.05, np.nanmin([*shown, 0.0]) - 0.05), 1.05)
        ax.set_xlabel("R² of numbers, accuracy of classes")
        ax.grid(axis="x", color="0.92")
        ax.set_axisbelow(True)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize="small")
        return self
