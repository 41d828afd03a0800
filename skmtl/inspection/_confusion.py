"""Predicted classes against true ones, a panel a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.metrics import confusion_matrix
from sklearn.utils._optional_dependencies import check_matplotlib_support

from ..metrics import TaskColumn, task_columns
from ._panels import chosen, label_panels, panel_grid, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NORMALIZE = (None, "true", "pred", "all")
# Cells of larger matrices are too small for a number, and their axes for all labels.
LARGEST_WRITTEN = 8
LONGEST_LABEL = 14


class ConfusionMatrixDisplay:
    """Confusion matrix of every task that has classes; missing labels are left out.

    Use :meth:`from_estimator` to make one. Each column of a multilabel group has a panel.

    Parameters
    ----------
    columns : list of TaskColumn
        Labels beside predictions, of tasks of classes.
    normalize : {"true", "pred", "all"}, default=None
        What cells are shares of: true classes (rows), predicted ones (columns), or all. None counts.

    Attributes
    ----------
    columns : list of TaskColumn
    confusion_matrices : dict of ndarray of shape (n_classes, n_classes)
        By column name; true classes are rows.
    display_labels : dict of ndarray of shape (n_classes,)
        The classes, by column name.
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)

    See Also
    --------
    sklearn.metrics.ConfusionMatrixDisplay : The same for one target.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skmtl.inspection import ConfusionMatrixDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> display = ConfusionMatrixDisplay.from_estimator(LogisticRegression(max_iter=1000).fit(X, y), X, y)
    >>> display.confusion_matrices["y0"]
    array([[50,  0,  0],
           [ 0, 47,  3],
           [ 0,  1, 49]])
    """

    def __init__(
        self, columns: Sequence[TaskColumn], *, normalize: Literal["true", "pred", "all"] | None = None
    ) -> None:
        if normalize not in NORMALIZE:
            raise ValueError(f"normalize must be one of {', '.join(map(repr, NORMALIZE))}, got {normalize!r}.")
        self.columns = list(columns)
        self.normalize = normalize
        self.confusion_matrices: dict[str, np.ndarray] = {}
        self.display_labels: dict[str, np.ndarray] = {}
        for column in self.columns:
            self.display_labels[column.name], self.confusion_matrices[column.name] = _confusion(column, normalize)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        normalize: Literal["true", "pred", "all"] | None = None,
        tasks: Sequence[str] | str | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        cmap: Any = "Blues",
    ) -> Self:
        """Draw the confusion matrices of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted estimator, of this package or of scikit-learn.
        X : array-like of shape (n_samples, n_features)
        y : array-like or DataFrame of shape (n_samples,) or (n_samples, n_columns)
            Labels, missing where NaN, None or pandas.NA.
        normalize : {"true", "pred", "all"}, default=None
            What cells are shares of: true classes (rows), predicted ones (columns), or all. None counts.
        tasks : sequence of str or str, default=None
            Tasks to draw; None: all that have classes.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one a panel. None makes a figure.
        cmap : str or matplotlib Colormap, default="Blues"

        Returns
        -------
        ConfusionMatrixDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no such task, `normalize` is unknown, or `ax` does not suit.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        columns = [column for column in task_columns(estimator, X, y) if column.is_classification and len(column.rows)]
        display = cls(chosen(columns, tasks, "tasks of classes"), normalize=normalize)
        return display.plot(ax=ax, cmap=cmap)

    def plot(self, *, ax: Axes | Sequence[Axes] | None = None, cmap: Any = "Blues") -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            As in :meth:`from_estimator`.
        cmap : str or matplotlib Colormap, default="Blues"

        Returns
        -------
        ConfusionMatrixDisplay
            This object.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `ax` does not suit.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        largest = max(map(len, self.display_labels.values()))
        size = 2.7 if largest <= 3 else min(2.0 + 0.3 * largest, 5.0)
        self.figure_, self.axes_ = panel_grid([title_of(column) for column in self.columns], ax, size)
        for panel, column in zip(self.axes_, self.columns, strict=True):
            _draw(panel, self.confusion_matrices[column.name], self.display_labels[column.name], cmap)
        label_panels(self.figure_, self.axes_, "predicted class", "true class", own=ax is None)
        return self


def _confusion(column: TaskColumn, normalize: str | None) -> tuple[np.ndarray, np.ndarray]:
    rows = column.rows
    assigned: Any = column.prediction
    truth, predicted = column.truth[rows], np.asarray(assigned)[rows]
    classes = np.array([] if column.classes is None else column.classes.tolist(), dtype=object).tolist()
    classes += [label for label in np.unique(truth).tolist() if label not in classes]  # unseen at fit
    codes = {label: code for code, label in enumerate(classes)}
    pair = [np.array([codes[label] for label in labels.tolist()]) for labels in (truth, predicted)]
    matrix = confusion_matrix(*pair, labels=np.arange(len(classes)), normalize=normalize)
    return np.array(classes, dtype=object), matrix


def _draw(panel: Axes, matrix: np.ndarray, labels: np.ndarray, cmap: Any) -> None:
    image = panel.imshow(matrix, cmap=cmap, vmin=0)
    if len(labels) <= LARGEST_WRITTEN:
        middle = matrix.max() / 2
        for (row, place), value in np.ndenumerate(matrix):
            text = f"{value:.2f}" if matrix.dtype.kind == "f" else f"{value:d}"
            colour = image.cmap(0.0 if value > middle else 1.0)
            panel.text(place, row, text, ha="center", va="center", color=colour, fontsize="small")
        ticks = np.arange(len(labels))
    else:
        ticks = np.arange(0, len(labels), int(np.ceil(len(labels) / 12)))
    names = [_shortened(labels[tick]) for tick in ticks]
    long = sum(map(len, names)) > 14
    panel.set_xticks(ticks, names, fontsize="small", rotation=45 if long else 0, ha="right" if long else "center")
    panel.set_yticks(ticks, names, fontsize="small")
    panel.tick_params(length=2)


def _shortened(label: Any) -> str:
    text = str(label)
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"
