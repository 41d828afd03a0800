"""Attributions as pictures, a panel a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from ._attributed import Attributions
from ._attribution_panels import draw_bars, draw_heat, draw_waterfall, draw_words, importances
from ._attributions import attributions
from ._panels import PANEL, panel_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class AttributionsDisplay:
    """What columns, words or pixels add to predictions, a panel a task.

    Use :meth:`from_estimator` to make one. Over all rows: of a table, the mean of each column's absolute attributions;
    of texts, what each word adds, by the number of texts; of pictures and sequences, the mean of absolute values at
    each place. Of one row: of a table, a waterfall from the baseline to the prediction; of a text, its words, coloured;
    of a picture, heat over it. Red adds, blue takes.

    Parameters
    ----------
    found : sequence of Attributions
        One a task, of the same rows.
    samples : ndarray of shape (n_samples, *sample), default=None
        Pictures or sequences to draw below the heat.

    Attributes
    ----------
    found : list of Attributions
    samples : ndarray or None
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes of shape (n_tasks,)

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.inspection import AttributionsDisplay
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> model = MultiTaskRegressor((), companions=None, max_iter=50, random_state=0).fit(X, y)
    >>> display = AttributionsDisplay.from_estimator(model, X)
    >>> [ax.get_title() for ax in display.axes_]
    ['Weight', 'Waist', 'Pulse']
    >>> _ = display.plot(row=0)
    """

    def __init__(self, found: Sequence[Attributions], samples: np.ndarray | None = None) -> None:
        self.found = list(found)
        self.samples = samples

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        tasks: Sequence[str] | str | None = None,
        row: int | None = None,
        max_features: int = 15,
        ax: Axes | Sequence[Axes] | None = None,
        **settings: Any,
    ) -> Self:
        """Compute and draw the attributions of a fitted estimator.

        Parameters
        ----------
        estimator : MultiTaskClassifier, MultiTaskRegressor or MultiTaskEstimator
        X : {array-like, sparse matrix, data frame}
            Rows to explain.
        tasks : sequence of str or str, default=None
            Which tasks, or columns of groups. None: all that are learned.
        row : int, default=None
            The row to draw. None: all of them.
        max_features : int, default=15
            Columns or words to draw, those that matter most.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one a task. None makes a figure.
        **settings
            Keywords of :func:`attributions`.

        Returns
        -------
        AttributionsDisplay

        Raises
        ------
        ValueError
            As :func:`attributions`, or if there is no such row.
        ImportError
            If matplotlib is not installed, or captum is needed and not installed.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if tasks is None:
            model = estimator._model
            tasks = [model.structure.columns[column] for column in sorted(model.tasks.tolist())]
        names = [tasks] if isinstance(tasks, str) else list(tasks)
        found = [attributions(estimator, X, task=name, **settings) for name in names]
        samples = np.asarray(X) if getattr(X, "ndim", 1) in (3, 4) else None
        return cls(found, samples).plot(row=row, max_features=max_features, ax=ax)

    def plot(self, *, row: int | None = None, max_features: int = 15, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw again, perhaps another row.

        Parameters
        ----------
        row : int, default=None
            The row to draw. None: all of them.
        max_features : int, default=15
            Columns or words to draw, those that matter most.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one a task. None makes a figure.

        Returns
        -------
        AttributionsDisplay
            This object.

        Raises
        ------
        ValueError
            If there is no such row.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        n_rows = len(self.found[0].values)
        if row is not None and not 0 <= row < n_rows:
            raise ValueError(f"row must be in 0 … {n_rows - 1}, got {row!r}.")
        arrays = self.found[0].words is None and self.found[0].feature_names is None
        names = [] if arrays else self._shown(max_features)
        size = PANEL if arrays else max(3.4, 0.8 + 0.24 * len(names))
        self.figure_, self.axes_ = panel_grid([self._title(found, row) for found in self.found], ax, size=size)
        for place, (found, panel) in enumerate(zip(self.found, self.axes_, strict=True)):
            if arrays:
                sample = None if row is None or self.samples is None else self.samples[row]
                heat = draw_heat(panel, found, row, sample)
                self.figure_.colorbar(heat, ax=panel, shrink=0.7)
            elif row is None:
                draw_bars(panel, importances(found), names, signed=found.words is not None)
                panel.set_xlabel(_unit(found, mean=found.words is None), fontsize="small")
                if place and len(self.found) <= 4:
                    panel.set_yticklabels([])
            elif found.words is None:
                draw_waterfall(panel, found, row, max_features)
                panel.set_xlabel("prediction" if found.target is None else "prediction, log-odds", fontsize="small")
            else:
                draw_words(panel, found, row)
        return self

    def _shown(self, max_features: int) -> list[str]:
        """Return the columns or words that matter most, of a task as a share of that task's largest."""
        best: dict[str, float] = {}
        for found in self.found:
            own = importances(found)
            largest = max((abs(value) for value in own.values()), default=0.0) or 1.0
            for name, value in own.items():
                best[name] = max(best.get(name, 0.0), abs(value) / largest)
        chosen = sorted(best, key=lambda name: -best[name])[:max_features]
        if self.found[0].words is None:
            return chosen
        first = importances(self.found[0])  # words that add on top, those that take below
        return sorted(chosen, key=lambda word: -first.get(word, 0.0))

    @staticmethod
    def _title(found: Attributions, row: int | None) -> str:
        if found.target is None:
            return found.task if row is None else f"{found.task}: {found.predicted[row]:.3g}"
        classes = np.unique(found.target)
        if row is None:
            return f"{found.task}: {classes[0]}" if len(classes) == 1 else found.task
        share = 1 / (1 + np.exp(-found.predicted[row]))
        return f"{found.task}: {found.target[row]}, p = {share:.2f}"


def _unit(found: Attributions, *, mean: bool) -> str:
    """Return what an axis of attributions is called; without a word on units, it has those of the task."""
    name = "mean |attribution|" if mean else "attribution"
    return name if found.target is None else f"{name}, log-odds"
