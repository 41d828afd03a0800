"""A grid of panels, one a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL = 2.7  # inches, width and height of a panel
# A colour for what is shown, and one for what it is compared with.
MAIN, BASELINE = "tab:blue", "0.55"


def panel_grid(
    titles: Sequence[str], ax: Axes | Sequence[Axes] | None, size: float = PANEL
) -> tuple[Figure, np.ndarray]:
    """Return one Axes for each title, in a grid of a figure of their own or as given.

    Parameters
    ----------
    titles : sequence of str
    ax : Axes, sequence of Axes or None
        As many as titles; None makes a figure.
    size : float, default=2.7
        Width and height of a panel in inches.

    Returns
    -------
    figure : Figure
    axes : ndarray of Axes of shape (n_titles,)

    Raises
    ------
    ValueError
        If there are not as many Axes as titles.
    """
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if ax is not None:
        axes = np.ravel(np.asarray(ax, dtype=object))
        if len(axes) != len(titles) or not all(isinstance(one, Axes) for one in axes):
            raise ValueError(f"ax must be one matplotlib Axes for each of {', '.join(map(repr, titles))}, got {ax!r}.")
        figure: Any = axes[0].get_figure()
    else:
        n_columns = min(len(titles), 4) if len(titles) <= 8 else int(np.ceil(np.sqrt(len(titles))))
        n_rows = int(np.ceil(len(titles) / n_columns))
        shape = (max(size * n_columns, 3.2), max(size * n_rows, 3.0))
        figure, grid = plt.subplots(n_rows, n_columns, figsize=shape, squeeze=False, layout="constrained")
        for unused in grid.ravel()[len(titles) :]:
            unused.remove()
        axes = grid.ravel()[: len(titles)]
    for one, title in zip(axes, titles, strict=True):
        one.set_title(title, fontsize="medium" if len(titles) <= 8 else "small")
    return figure, axes


def label_panels(figure: Figure, axes: np.ndarray, xlabel: str, ylabel: str, *, own: bool) -> None:
    """Name the two directions: once for a figure of our own, else on each of the Axes that were given."""
    if own:
        figure.supxlabel(xlabel, fontsize="medium")
        figure.supylabel(ylabel, fontsize="medium")
        return
    for panel in axes:
        panel.set(xlabel=xlabel, ylabel=ylabel)


def chosen(columns: Sequence[Any], tasks: Sequence[str] | str | None, kind: str) -> list[Any]:
    """Return the columns to draw.

    Parameters
    ----------
    columns : sequence of TaskColumn
        Those of the right kind.
    tasks : sequence of str, str or None
        Their tasks; None: all.
    kind : str
        What the right kind is called in a message.

    Raises
    ------
    ValueError
        If there is none, or a task is unknown or of another kind.
    """
    known = list(dict.fromkeys(column.task for column in columns))
    names = known if tasks is None else [tasks] if isinstance(tasks, str) else list(tasks)
    if not names or any(name not in known for name in names):
        there = f"They are {', '.join(map(repr, known))}." if known else "There is none."
        asked = "" if tasks is None else f" tasks={tasks!r} must name them."
        raise ValueError(f"Only {kind} with labels can be drawn.{asked} {there}")
    return [column for name in names for column in columns if column.task == name]


def title_of(column: Any) -> str:
    """Return the name of a column, that of its group before it."""
    return column.name if column.name == column.task else f"{column.task}: {column.name}"
