"""Permutation importances as a table of dots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from ._permutation import PermutationImportances, permutation_importance

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class PermutationImportancesDisplay:
    """Permutation importances of all features for all tasks, as a table of dots.

    Use :meth:`from_estimator` to make one. The area of a dot is the mean drop of the task's score; features stand in
    the order of their largest one.

    Parameters
    ----------
    importances : PermutationImportances

    Attributes
    ----------
    importances : PermutationImportances
    figure_ : matplotlib Figure
    ax_ : matplotlib Axes

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn.linear_model import Ridge
    >>> from skmtl.inspection import PermutationImportancesDisplay
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> display = PermutationImportancesDisplay.from_estimator(Ridge().fit(X, y), X, y, random_state=0)
    >>> [label.get_text() for label in display.ax_.get_xticklabels()]
    ['Weight', 'Waist', 'Pulse']
    """

    def __init__(self, importances: PermutationImportances) -> None:
        self.importances = importances

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, max_features: int = 20, ax: Axes | None = None, **settings: Any
    ) -> Self:
        """Measure and draw the importances of a fitted estimator.

        Parameters
        ----------
        estimator : object
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        y : array-like or DataFrame of shape (n_samples,) or (n_samples, n_columns)
        max_features : int, default=20
            Features to draw, the most important ones.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a figure.
        **settings
            Keywords of :func:`permutation_importance`.

        Returns
        -------
        PermutationImportancesDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            As :func:`permutation_importance`.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        return cls(permutation_importance(estimator, X, y, **settings)).plot(max_features=max_features, ax=ax)

    def plot(self, *, max_features: int = 20, ax: Axes | None = None) -> Self:
        """Draw the table.

        Parameters
        ----------
        max_features : int, default=20
            Features to draw, the most important ones.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        PermutationImportancesDisplay
            This object.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        found = self.importances
        mean = found.importances_mean
        order = np.argsort(-mean.max(axis=1), kind="stable")[:max_features]
        n_tasks = len(found.task_names)
        if ax is None:
            shape = (2.6 + 0.7 * n_tasks, 1.6 + 0.3 * len(order))
            _, ax = plt.subplots(figsize=shape, layout="constrained")
        self.ax_, self.figure_ = ax, ax.get_figure()
        rows, places = np.meshgrid(np.arange(len(order)), np.arange(n_tasks), indexing="ij")
        shown = np.maximum(mean[order], 0)
        largest = shown.max() if shown.size and shown.max() > 0 else 1.0
        dots = ax.scatter(places, rows, s=300 * shown / largest, c=mean[order], cmap="viridis_r", vmin=0, vmax=largest)
        ax.set_yticks(np.arange(len(order)), [found.feature_names[feature] for feature in order])
        tilted = n_tasks > 4 or max(map(len, found.task_names)) > 10
        ax.set_xticks(
            np.arange(n_tasks), found.task_names, rotation=35 if tilted else 0, ha="right" if tilted else "center"
        )
        ax.set_xlim(-0.6, n_tasks - 0.4)
        ax.set_ylim(len(order) - 0.4, -0.6)
        ax.grid(color="0.93")
        ax.set_axisbelow(True)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        figure: Any = self.figure_
        figure.colorbar(dots, ax=ax, label="drop of the task's score", shrink=0.8)
        return self
