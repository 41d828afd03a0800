"""What network and companions bring to each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from ._panels import panel_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MIX = "mix"
COLOURS = {"network": "tab:blue", "linear": "tab:orange", "kernel": "tab:green", "trees": "tab:brown", MIX: "black"}


class PartsDisplay:
    """What each part of a model scores alone, and how much of it is in the mix.

    Use :meth:`from_estimator` to make one. On the left, each task's score out of fold, of the parts alone and of the
    mix; on the right, the parts' weights in the mix.

    Parameters
    ----------
    scores : dict of dict
        For "mix" and each part, scores by task.
    weights : dict of dict
        For each task, the weight of each part.

    Attributes
    ----------
    scores, weights : dict of dict
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes of shape (2,)

    Examples
    --------
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.datasets import load_energy
    >>> from skmtl.inspection import PartsDisplay
    >>> X, y = load_energy(return_X_y=True)
    >>> model = MultiTaskRegressor(max_iter=3, random_state=0).fit(X[:200], y[:200])
    >>> PartsDisplay.from_estimator(model).parts
    ['network', 'linear', 'kernel', 'trees']
    """

    def __init__(self, scores: Mapping[str, Mapping[str, float]], weights: Mapping[str, Mapping[str, float]]) -> None:
        self.scores = {part: dict(own) for part, own in scores.items()}
        self.weights = {task: dict(own) for task, own in weights.items()}

    @property
    def parts(self) -> list[str]:
        """Names of the parts, without the mix."""
        return [part for part in self.scores if part != MIX]

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Sequence[Axes] | None = None) -> Self:
        """Draw the parts of a fitted estimator.

        Parameters
        ----------
        estimator : MultiTaskClassifier, MultiTaskRegressor or MultiTaskEstimator
            Fitted with companions, and with members that hold rows out.
        ax : sequence of two matplotlib Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        PartsDisplay

        Raises
        ------
        ValueError
            If there are no companions, or no out-of-fold scores of the parts.
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "oof_part_scores_"):
            reason = "holdouts were given as X_val" if hasattr(estimator, "mix_") else "there are no companions"
            raise ValueError(
                f"No out-of-fold scores of parts: {reason}. Fit with companions='auto', and without X_val."
            )
        return cls({MIX: estimator.oof_task_scores_, **estimator.oof_part_scores_}, estimator.mix_).plot(ax=ax)

    def plot(self, *, ax: Sequence[Axes] | None = None) -> Self:
        """Draw again.

        Parameters
        ----------
        ax : sequence of two matplotlib Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        PartsDisplay
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        tasks = list(self.scores[MIX])
        self.figure_, self.axes_ = panel_grid(
            ["score out of fold", "weight in the mix"], ax, size=max(3.2, 0.28 * len(tasks))
        )
        places = np.arange(len(tasks))
        for part in [*self.parts, MIX]:
            values = [self.scores[part].get(task, np.nan) for task in tasks]
            marker = {"marker": "|", "markersize": 14, "markeredgewidth": 2} if part == MIX else {"marker": "o"}
            self.axes_[0].plot(values, places, linestyle="", color=COLOURS.get(part), label=part, **marker)
        ends = np.zeros(len(tasks))
        for part in self.parts:
            weights = np.array([self.weights.get(task, {}).get(part, 0.0) for task in tasks])
            self.axes_[1].barh(places, weights, left=ends, color=COLOURS.get(part), label=part)
            ends += weights
        for panel in self.axes_:
            panel.set_ylim(len(tasks) - 0.5, -0.5)
        self.axes_[0].set_yticks(places, tasks)
        self.axes_[0].grid(axis="y", alpha=0.3)
        self.axes_[1].set_yticks([])
        self.axes_[0].legend(fontsize="small")
        return self
