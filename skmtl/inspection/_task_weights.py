"""The weights that balancing gave to tasks, and the conflicts between their gradients, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from ._panels import BASELINE, MAIN, label_panels, panel_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class TaskWeightsDisplay:
    """Weights of the tasks over the epochs, as balancing left them.

    Use :meth:`from_estimator` to make one. A line a task: the mean over members and over the steps of an epoch in which
    the task had labels, task weights included. Under uniform balancing, lines are flat.

    Parameters
    ----------
    weights : ndarray of shape (n_epochs, n_tasks)
    task_names : sequence of str
    balancing : str, default=""
        What made them, for the title.

    Attributes
    ----------
    weights : ndarray of shape (n_epochs, n_tasks)
    task_names : list of str
    figure_ : matplotlib Figure
    ax_ : matplotlib Axes

    Examples
    --------
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.datasets import load_energy
    >>> from skmtl.inspection import TaskWeightsDisplay
    >>> X, y = load_energy(return_X_y=True)
    >>> model = MultiTaskRegressor(balancing="dwa", max_iter=4, random_state=0).fit(X, y)
    >>> TaskWeightsDisplay.from_estimator(model).weights.sum(axis=1).round(6)
    array([2., 2., 2., 2.])
    """

    def __init__(self, weights: np.ndarray, task_names: Sequence[str], balancing: str = "") -> None:
        self.weights = np.asarray(weights, dtype=float)
        self.task_names = list(task_names)
        self.balancing = balancing

    @classmethod
    def from_estimator(cls, estimator: Any, *, relative: bool = False, ax: Axes | None = None, **line_kw: Any) -> Self:
        """Draw the weights of a fitted estimator.

        Parameters
        ----------
        estimator : MultiTaskClassifier, MultiTaskRegressor or MultiTaskEstimator
            Fitted.
        relative : bool, default=False
            Whether to show each task's share of the weights of an epoch, times the number of tasks.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **line_kw
            Passed to `Axes.plot`.

        Returns
        -------
        TaskWeightsDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(estimator)
        history = estimator.history_
        weights = history["task_weight"]
        if relative:
            weights = weights * (weights.shape[1] / np.nansum(np.abs(weights), axis=1, keepdims=True))
        return cls(weights, history.task_names, _name_of(estimator)).plot(ax=ax, **line_kw)

    def plot(self, *, ax: Axes | None = None, **line_kw: Any) -> Self:
        """Draw again.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **line_kw
            Passed to `Axes.plot`.

        Returns
        -------
        TaskWeightsDisplay
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        epochs = np.arange(1, len(self.weights) + 1)
        for task, name in enumerate(self.task_names):
            ax.plot(epochs, self.weights[:, task], **{"label": name, **line_kw})
        ax.set(xlabel="epoch", ylabel="weight of the task", title=self.balancing)
        if len(self.task_names) <= 12:
            ax.legend(fontsize="small")
        self.ax_, self.figure_ = ax, ax.get_figure()
        return self


class GradientConflictDisplay:
    """Cosines between the tasks' gradients over the epochs: below zero, two tasks pull in opposite directions.

    Use :meth:`from_estimator` to make one. A panel a task, with a line for each other task: the mean over members and
    over the steps in which both had labels. Only methods on gradients measure them.

    Parameters
    ----------
    cosines : ndarray of shape (n_epochs, n_tasks, n_tasks)
    task_names : sequence of str

    Attributes
    ----------
    cosines : ndarray of shape (n_epochs, n_tasks, n_tasks)
    task_names : list of str
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes of shape (n_tasks,)

    Examples
    --------
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.datasets import load_energy
    >>> from skmtl.inspection import GradientConflictDisplay
    >>> X, y = load_energy(return_X_y=True)
    >>> model = MultiTaskRegressor(balancing="pcgrad", max_iter=4, random_state=0).fit(X, y)
    >>> GradientConflictDisplay.from_estimator(model).cosines.shape
    (4, 2, 2)
    """

    def __init__(self, cosines: np.ndarray, task_names: Sequence[str]) -> None:
        self.cosines = np.asarray(cosines, dtype=float)
        self.task_names = list(task_names)

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw the cosines of a fitted estimator.

        Parameters
        ----------
        estimator : MultiTaskClassifier, MultiTaskRegressor or MultiTaskEstimator
            Fitted with a balancing on gradients.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one a task. None makes a figure.

        Returns
        -------
        GradientConflictDisplay

        Raises
        ------
        ValueError
            If its balancing did not compare gradients.
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(estimator)
        history = estimator.history_
        if np.isnan(history.cosines).all():
            raise ValueError(
                f"balancing={estimator.balancing!r} did not compare the gradients of {history.task_names}. Fit with a "
                "method on gradients, such as balancing='mgda'; several tasks must share parameters."
            )
        return cls(history.cosines, history.task_names).plot(ax=ax)

    def plot(self, *, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw again.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one a task. None makes a figure.

        Returns
        -------
        GradientConflictDisplay
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        self.figure_, self.axes_ = panel_grid(self.task_names, ax)
        epochs = np.arange(1, len(self.cosines) + 1)
        few = len(self.task_names) <= 6
        for task, panel in enumerate(self.axes_):
            panel.axhline(0, color=BASELINE, linewidth=0.8)
            for other, name in enumerate(self.task_names):
                if other != task:
                    colour = f"C{other}" if few else MAIN
                    panel.plot(epochs, self.cosines[:, task, other], color=colour, label=name, linewidth=1)
            panel.set_ylim(-1.05, 1.05)
            if few:
                panel.legend(title="with", fontsize="small", title_fontsize="small")
        label_panels(self.figure_, self.axes_, "epoch", "cosine of the gradients", own=ax is None)
        return self


def _name_of(estimator: Any) -> str:
    """Return what an estimator's balancing is called."""
    given = estimator.balancing
    return given if isinstance(given, str) and given != "auto" else type(estimator.balancing_).__name__
