"""Which task uses which expert."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from ._panels import panel_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Cells of larger tables are too small for a number.
MOST_WRITTEN = 12
# Names of more experts would run into each other.
MOST_NAMED = 32


class GatesDisplay:
    """How much each task takes of each expert, a panel a level.

    Use :meth:`from_estimator` to make one, for `sharing="mmoe"`, "cgc", "ple", "dselect_k", "adatt", "cross_stitch", or
    "mtan", whose experts are the single units that tasks share. A cell is the mean share over rows, of one member:
    experts of different members are different ones.

    Parameters
    ----------
    gates : list of ndarray of shape (n_tasks, n_experts)
        One a level; rows sum to 1, but for several experts a task of "adatt", of which some may also be negative, for
        "cross_stitch", and for "mtan", where they are factors from 0 to 2.
    task_names : sequence of str
    expert_names : list of list of str
        One list a level.

    Attributes
    ----------
    gates : list of ndarray of shape (n_tasks, n_experts)
    task_names : list of str
    expert_names : list of list of str
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes of shape (n_levels,)

    Examples
    --------
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.datasets import load_energy
    >>> from skmtl.inspection import GatesDisplay
    >>> X, y = load_energy(return_X_y=True)
    >>> model = MultiTaskRegressor(sharing="cgc", max_iter=4, n_estimators=1, random_state=0).fit(X, y)
    >>> display = GatesDisplay.from_estimator(model, X)
    >>> display.expert_names[0]
    ['y0', 'y1', 'shared']
    >>> display.gates[0].sum(axis=1).round(6)
    array([1., 1.])
    """

    def __init__(
        self, gates: Sequence[np.ndarray], task_names: Sequence[str], expert_names: Sequence[Sequence[str]]
    ) -> None:
        self.gates = [np.asarray(level, dtype=float) for level in gates]
        self.task_names = list(task_names)
        self.expert_names = [list(level) for level in expert_names]

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, member: int = 0, ax: Axes | Sequence[Axes] | None = None, cmap: Any = "Blues"
    ) -> Self:
        """Draw the gates of a fitted estimator.

        Parameters
        ----------
        estimator : MultiTaskClassifier, MultiTaskRegressor or MultiTaskEstimator
            Fitted with a way of sharing that has gates.
        X : array-like of shape (n_samples, n_features)
            Rows over which gates are averaged.
        member : int, default=0
            Which member.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one a level. None makes a figure.
        cmap : str or matplotlib Colormap, default="Blues"

        Returns
        -------
        GatesDisplay

        Raises
        ------
        ValueError
            If the way of sharing has no gates, or there is no such member.
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(estimator)
        names = estimator.history_.task_names
        gates, owners = estimator.gates(X)
        if not 0 <= member < estimator.n_estimators_:
            raise ValueError(f"member must be in 0 … {estimator.n_estimators_ - 1}, got {member!r}.")
        experts = [_expert_names(level, names) for level in owners]
        return cls([level[member].mean(axis=1) for level in gates], names, experts).plot(ax=ax, cmap=cmap)

    def plot(self, *, ax: Axes | Sequence[Axes] | None = None, cmap: Any = "Blues") -> Self:
        """Draw again.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one a level. None makes a figure.
        cmap : str or matplotlib Colormap, default="Blues"

        Returns
        -------
        GatesDisplay
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        titles = [f"level {level + 1}" if len(self.gates) > 1 else "gates" for level in range(len(self.gates))]
        self.figure_, self.axes_ = panel_grid(titles, ax, size=3.6)
        for place, (panel, level, experts) in enumerate(zip(self.axes_, self.gates, self.expert_names, strict=True)):
            panel.imshow(level, cmap=cmap, vmin=min(level.min(), 0), vmax=max(level.max(), 1), aspect="auto")
            named = len(experts) <= MOST_NAMED
            if named:
                panel.set_xticks(range(len(experts)), experts, rotation=60, ha="right", fontsize="small")
            panel.set_yticks(range(len(self.task_names)), self.task_names if place == 0 else [], fontsize="small")
            panel.set_xlabel("expert" if named else "shared unit")
            if max(level.shape) <= MOST_WRITTEN:
                for (task, expert), share in np.ndenumerate(level):
                    colour = "white" if share > 0.5 else "0.2"
                    panel.text(expert, task, f"{share:.2f}", ha="center", va="center", color=colour, fontsize="small")
        return self


def _expert_names(owners: Sequence[int | None], task_names: Sequence[str]) -> list[str]:
    """Return a name for each expert: its task's, or that it is shared, numbered where there are several."""
    plain = ["shared" if owner is None else task_names[owner] for owner in owners]
    counts = {name: plain.count(name) for name in plain}
    seen: dict[str, int] = {}
    names = []
    for name in plain:
        seen[name] = seen.get(name, 0) + 1
        names.append(f"{name} {seen[name]}" if counts[name] > 1 else name)
    return names
