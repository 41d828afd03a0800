"""Learning curves: loss and score of every task per epoch, and where each member was best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..training import History

# More tasks in one panel are a tangle of lines.
LARGEST_OVERLAY = 6
# Losses that span less read well on a linear axis.
SMALLEST_LOG_RANGE = 10.0
# A score far below that of a constant (0 for R²) would flatten all the rest.
LOWEST_SCORE = -0.5

LOSS_LABEL = "loss / loss of the best constant"
CURVES: dict[str, dict[str, Any]] = {
    "train": {"label": "training", "linestyle": (0, (4, 1.5)), "linewidth": 1.2},
    "valid": {"label": "holdout", "linestyle": "-", "linewidth": 1.6},
}
MEMBERS: dict[str, Any] = {"color": "0.35", "linestyle": "", "marker": "^", "markersize": 4, "alpha": 0.6}
MEDIAN: dict[str, Any] = {"color": "0.35", "linestyle": ":", "linewidth": 1.0}


class LearningCurvesDisplay:
    """Loss and score of every task per epoch, in training and on the holdouts.

    Use :meth:`from_estimator` to make one. Curves are means over members: dashed in training, solid on the holdouts.
    A triangle at the foot of a panel marks the epoch whose state a member kept; a dotted vertical line marks their
    median. Losses are in units of the best constant prediction's, so 1 means that nothing is learned; scores are R²
    or accuracy. Members that have stopped train on until the last one stops, and the curves go on with them.

    Parameters
    ----------
    history : History
        The `history_` of a fitted estimator.
    score_name : str, default="score"
        What the score is called on its axis.

    Attributes
    ----------
    history : History
        Losses and scores per epoch and task.
    best_epochs : ndarray of int of shape (n_members,) or None
        Epoch, from 1, of each member's best state; 0 if it has none. None without early stopping.
    score_name : str
    figure_ : matplotlib Figure
        The figure that was drawn into.
    axes_ : ndarray of matplotlib Axes of shape (1, 2) or (n_tasks, 2)
        Panels of loss (first column) and score: one row that all tasks share, or a row per task.

    See Also
    --------
    skmtl.MultiTaskRegressor : Its `history_` holds the numbers.
    sklearn.model_selection.LearningCurveDisplay : Scores against the number of training rows.

    Examples
    --------
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.datasets import load_energy
    >>> from skmtl.inspection import LearningCurvesDisplay
    >>> X, y = load_energy(return_X_y=True)
    >>> model = MultiTaskRegressor(n_estimators=2, max_iter=5, task_names=["heating", "cooling"], random_state=0)
    >>> display = LearningCurvesDisplay.from_estimator(model.fit(X, y))
    >>> display.axes_.shape, display.best_epochs.shape
    ((1, 2), (2,))
    >>> display.figure_.savefig("learning_curves.png")  # doctest: +SKIP
    """

    def __init__(self, history: History, *, score_name: str = "score") -> None:
        self.history = history
        self.best_epochs = history.best_epochs
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        ax: Axes | Sequence[Axes] | None = None,
        tasks: Sequence[str] | None = None,
        overlay: bool | Literal["auto"] = "auto",
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the learning curves of a fitted estimator.

        Parameters
        ----------
        estimator : MultiTaskRegressor or MultiTaskClassifier
            A fitted estimator. Of a pipeline, pass its last step.
        ax : matplotlib Axes or sequence of two Axes, default=None
            Where to draw: Axes for the loss and for the score, or one whose place the two share. None makes a figure.
        tasks : sequence of str, default=None
            Tasks to draw; None draws all that were learned.
        overlay : bool or "auto", default="auto"
            Whether the tasks share one pair of panels, a colour each, instead of having a pair each. "auto" shares up
            to six tasks, and always with `ax`.
        line_kw : dict, default=None
            Keywords of `matplotlib.axes.Axes.plot` for all curves.

        Returns
        -------
        LearningCurvesDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If it has no `history_`, nothing was learned, a task is unknown, or `ax` does not suit.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        display = cls(_history(estimator), score_name=_score_name(estimator))
        return display.plot(ax=ax, tasks=tasks, overlay=overlay, line_kw=line_kw)

    def plot(
        self,
        *,
        ax: Axes | Sequence[Axes] | None = None,
        tasks: Sequence[str] | None = None,
        overlay: bool | Literal["auto"] = "auto",
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of two Axes, default=None
            As in :meth:`from_estimator`.
        tasks : sequence of str, default=None
            As in :meth:`from_estimator`.
        overlay : bool or "auto", default="auto"
            As in :meth:`from_estimator`.
        line_kw : dict, default=None
            As in :meth:`from_estimator`.

        Returns
        -------
        LearningCurvesDisplay
            This object.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If nothing was learned, a task is unknown, or `ax` does not suit.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        places = _places(self.history, tasks)
        if overlay == "auto":
            overlay = ax is not None or len(places) <= LARGEST_OVERLAY
        if ax is not None and not overlay:
            raise ValueError("overlay=False makes a figure of its own with panels for every task: leave out ax.")
        if overlay:
            self.figure_, self.axes_ = _one_pair(ax, len(places))
            self._draw_row(self.axes_[0], places, line_kw)
            self._label_pair(places)
        else:
            names = [self.history.task_names[place] for place in places]
            self.figure_, self.axes_ = _pair_per_task(names, (LOSS_LABEL, self.score_name))
            for row, place in zip(self.axes_, places, strict=True):
                self._draw_row(row, [place], line_kw)
            handles = self._legend_handles([])
            self.figure_.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)
        scale = "log" if _span(self.history, places) > SMALLEST_LOG_RANGE else "linear"
        for loss_ax, score_ax in self.axes_:
            loss_ax.set_yscale(scale)
            score_ax.set_ylim(*_score_limits(self.history, places))
        return self

    def _draw_row(self, row: np.ndarray, places: list[int], line_kw: dict[str, Any] | None) -> None:
        """Draw the curves of some tasks into a pair of panels, and mark the best epochs."""
        from matplotlib.ticker import MaxNLocator

        n_epochs = len(self.history)
        for ax, quantity, constant in zip(row, ("loss", "score"), (1, 0), strict=True):
            ax.axhline(constant, color="0.8", linewidth=0.8, zorder=0)
            for kind, style in CURVES.items():
                values = self.history[f"{kind}_{quantity}"]
                for number, place in enumerate(places):
                    if not np.isnan(values[:, place]).all():
                        point = {"marker": "o"} if n_epochs == 1 else {}
                        keywords = {"color": _colour(number, len(places)), **style, **point, **(line_kw or {})}
                        ax.plot(np.arange(1, n_epochs + 1), values[:, place], **keywords)
            self._mark_best_epochs(ax)
            ax.set_xlim(0, n_epochs + 1)
            ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))

    def _kept_epochs(self) -> np.ndarray:
        """Epochs whose state a member kept."""
        best = np.empty(0) if self.best_epochs is None else self.best_epochs
        return best[best > 0]

    def _mark_best_epochs(self, ax: Axes) -> None:
        kept = self._kept_epochs()
        if len(kept):
            ax.axvline(float(np.median(kept)), zorder=0, **MEDIAN)
        if len(kept) > 1:
            ax.plot(kept, np.full(len(kept), 0.03), transform=ax.get_xaxis_transform(), **MEMBERS)

    def _label_pair(self, places: list[int]) -> None:
        names = [self.history.task_names[place] for place in places]
        for ax, label in zip(self.axes_[0], (LOSS_LABEL, self.score_name), strict=True):
            ax.set_xlabel("epoch")
            ax.set_ylabel(label)
            if len(names) == 1:
                ax.set_title(names[0])
        handles = self._legend_handles(names if len(names) > 1 else [])
        self.axes_[0, 1].legend(handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1), borderaxespad=0)

    def _legend_handles(self, names: list[str]) -> list[Any]:
        """Return a colour patch per task, and every kind of line and mark that was drawn."""
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        handles: list[Any] = [Patch(color=_colour(i, len(names)), label=name) for i, name in enumerate(names)]
        colour = "0.2" if names else _colour(0, 1)
        for kind, style in CURVES.items():
            if not np.isnan(self.history[f"{kind}_loss"]).all():
                handles.append(Line2D([], [], color=colour, **style))
        kept = self._kept_epochs()
        if len(kept) > 1:
            handles.append(Line2D([], [], label="best epoch of a member", **MEMBERS))
        if len(kept):
            label = "median best epoch" if len(kept) > 1 else "best epoch"
            handles.append(Line2D([], [], label=label, **MEDIAN))
        return handles


def _history(estimator: Any) -> History:
    """Return the history of a fitted estimator."""
    history = getattr(estimator, "history_", None)
    if history is None or not hasattr(history, "best_epochs"):
        check_is_fitted(estimator)
        raise ValueError(
            f"{type(estimator).__name__} has no history_ of losses and scores per task. Give a fitted estimator of "
            "skmtl; of a pipeline its last step (pipeline[-1]), of a search search.best_estimator_."
        )
    return history


def _score_name(estimator: Any) -> str:
    if is_classifier(estimator):
        return "accuracy"
    return "R²" if is_regressor(estimator) else "score"


def _places(history: History, tasks: Sequence[str] | None) -> list[int]:
    """Return the positions of the tasks to draw in the history."""
    known = history.task_names
    if not len(history) or not known:
        raise ValueError(f"There is nothing to draw: {len(history)} epochs of the tasks {known} were learned.")
    names = known if tasks is None else list(tasks)
    if not names or any(name not in known for name in names):
        raise ValueError(f"tasks={tasks!r} must name tasks that were learned: {known}.")
    return [known.index(name) for name in names]


def _span(history: History, places: list[int]) -> float:
    """Return the ratio of the largest to the smallest loss; 1 if one of them is not positive."""
    losses = np.concatenate([history["train_loss"][:, places], history["valid_loss"][:, places]])
    losses = losses[~np.isnan(losses)]
    return float(losses.max() / losses.min()) if len(losses) and losses.min() > 0 else 1.0


def _score_limits(history: History, places: list[int]) -> tuple[float, float]:
    """Return the range of the scores with a margin; the worst start does not decide about it."""
    scores = np.concatenate([history["train_score"][:, places], history["valid_score"][:, places]])
    scores = scores[np.isfinite(scores)]
    if not len(scores):
        return 0.0, 1.0
    low, high = max(float(scores.min()), LOWEST_SCORE), max(float(scores.max()), LOWEST_SCORE)
    margin = 0.05 * max(high - low, 0.1)
    return low - margin, high + margin


def _colour(number: int, n_tasks: int) -> Any:
    from matplotlib import colormaps

    return colormaps["tab10" if n_tasks <= 10 else "tab20"](number % (10 if n_tasks <= 10 else 20))


def _one_pair(ax: Axes | Sequence[Axes] | None, n_tasks: int) -> tuple[Any, np.ndarray]:
    """Return Axes for loss and score, `(1, 2)`: new ones, the given two, or two in the place of the given one."""
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if ax is None:
        height = max(4.0, 1.5 + 0.25 * n_tasks)  # inches; room for a legend with a line per task
        figure, axes = plt.subplots(1, 2, squeeze=False, figsize=(11, height), layout="constrained")
        return figure, axes
    if isinstance(ax, Axes):
        ax.set_axis_off()
        pair = [ax.inset_axes((left, 0, 0.42, 1)) for left in (0.0, 0.58)]
    else:
        pair = list(np.ravel(np.asarray(ax, dtype=object)))
    if len(pair) != 2 or not all(isinstance(one, Axes) for one in pair):
        raise ValueError(f"ax must be one matplotlib Axes or two of them (loss, score), got {ax!r}.")
    return pair[0].get_figure(), np.array([pair], dtype=object)


def _pair_per_task(names: list[str], titles: Sequence[str]) -> tuple[Figure, np.ndarray]:
    """Return Axes of loss and score for every task, `(n_tasks, 2)`: a block of small panels each, with equal axes."""
    import matplotlib.pyplot as plt

    n_columns = int(np.ceil(np.sqrt(len(names))))
    n_rows = int(np.ceil(len(names) / n_columns))
    figure = plt.figure(figsize=(2 * (0.7 + 1.5 * n_columns), 1.2 + 1.5 * n_rows), layout="constrained")
    halves: Any = figure.subfigures(1, 2)
    blocks = []
    for block, title in zip(halves, titles, strict=True):
        panels = block.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
        block.supylabel(title, fontsize="medium")
        block.supxlabel("epoch", fontsize="medium")
        for ax, name in zip(panels, names, strict=False):
            ax.set_title(name, fontsize="small")
        for number in range(len(names), len(panels)):
            panels[number].remove()
            panels[number - n_columns].tick_params(labelbottom=True)
        blocks.append(panels[: len(names)])
    return figure, np.stack(blocks, axis=1)
