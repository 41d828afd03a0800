"""Panels of attributions: bars over all rows, a waterfall of one, coloured words, heat over a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._attributed import Attributions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# What adds to a prediction, and what takes from it.
MORE, LESS = "tab:red", "tab:blue"
HEAT = "RdBu_r"
# Characters in a line of coloured words, and the lines that are drawn at most.
LINE, MOST_LINES = 34, 12


def importances(found: Attributions) -> dict[str, float]:
    """Return how much each column or word adds over all rows.

    Of a column, the mean of the absolute values. Of a word, the sum over texts by their number, with its sign: a word
    that is rare matters little. Capitals make no difference.

    Parameters
    ----------
    found : Attributions
        Of a table or of texts.
    """
    if found.words is None:
        assert found.feature_names is not None
        means = np.abs(found.values).mean(axis=0)
        return dict(zip(found.feature_names, (float(mean) for mean in means), strict=True))
    sums: dict[str, float] = {}
    for words, values in zip(found.words, found.values, strict=True):
        for word, value in zip(words, values, strict=True):
            sums[word.casefold()] = sums.get(word.casefold(), 0.0) + float(value)
    return {word: value / len(found.values) for word, value in sums.items()}


def draw_bars(ax: Axes, values: dict[str, float], names: list[str], *, signed: bool) -> None:
    """Draw a bar for each name, the first on top.

    Parameters
    ----------
    ax : Axes
    values : dict
    names : list of str
        Which of them; one that a task does not have is 0.
    signed : bool
        Whether colours say what adds and what takes.
    """
    lengths = np.array([values.get(name, 0.0) for name in names])
    colours = np.where(lengths < 0, LESS, MORE).tolist() if signed else LESS
    ax.barh(np.arange(len(names)), lengths, color=colours)
    ax.set_yticks(np.arange(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.axvline(0, color="0.6", linewidth=0.8)


def draw_waterfall(ax: Axes, found: Attributions, row: int, max_features: int) -> None:
    """Draw how one row's prediction comes about: from the baseline on top, by the columns, to the prediction.

    Parameters
    ----------
    ax : Axes
    found : Attributions
        Of a table.
    row : int
    max_features : int
        Columns that have a bar of their own; the others share one.
    """
    pairs = sorted(found.of_row(row), key=lambda pair: -abs(pair[1]))
    shown = pairs if len(pairs) <= max_features else pairs[: max_features - 1]
    names, steps = [name for name, _ in shown], [value for _, value in shown]
    if len(pairs) > len(shown):
        names.append(f"{len(pairs) - len(shown)} others")
        steps.append(sum(value for _, value in pairs[len(shown) :]))
    ends = found.baseline[row] + np.concatenate([[0.0], np.cumsum(steps)])
    for place, step in enumerate(steps):
        ax.barh(place, step, left=ends[place], color=MORE if step > 0 else LESS)
        ax.plot([ends[place + 1]] * 2, [place - 0.4, place + 1.4], color="0.5", linewidth=0.8)
    for end, label, where in ((ends[0], "baseline", -0.9), (ends[-1], "predicted", len(steps) - 0.1)):
        ax.annotate(f"{label} {end:.3g}", (end, where), ha="center", va="center", fontsize="small")
    ax.set_yticks(np.arange(len(names)), names)
    ax.set_ylim(len(names) + 0.3, -1.3)
    span = np.ptp(ends) or 1.0
    ax.set_xlim(ends.min() - 0.35 * span, ends.max() + 0.35 * span)


def draw_words(ax: Axes, found: Attributions, row: int) -> None:
    """Draw the words of one text, each on the colour of what it adds.

    Parameters
    ----------
    ax : Axes
    found : Attributions
        Of texts.
    row : int
    """
    from matplotlib import colormaps

    pairs = found.of_row(row)
    largest = max((abs(value) for _, value in pairs), default=0.0) or 1.0
    place, line = 0, 0
    for word, value in pairs:
        short = word if len(word) <= LINE else f"{word[: LINE - 1]}…"
        if place and place + len(short) > LINE:
            place, line = 0, line + 1
        if line == MOST_LINES:
            ax.text(0, line, "…", family="monospace", va="center")
            break
        colour = colormaps[HEAT](0.5 + 0.3 * value / largest)  # its ends are too dark to read on
        box = {"facecolor": colour, "edgecolor": "none", "boxstyle": "square,pad=0.15"}
        # A dollar sign would begin a formula.
        ax.text(place, line, short.replace("$", r"\$"), family="monospace", va="center", fontsize=9, bbox=box)
        place += len(short) + 1
    ax.set_xlim(-1, LINE + 1)
    ax.set_ylim(max(line, 3) + 1, -1)
    ax.set_axis_off()


def draw_heat(ax: Axes, found: Attributions, row: int | None, sample: np.ndarray | None) -> Any:
    """Draw what each value of a picture or sequence adds, the picture below it in grey; return the heat's mappable.

    Parameters
    ----------
    ax : Axes
    found : Attributions
        Of pictures or sequences.
    row : int or None
        None: the mean of absolute values.
    sample : ndarray of shape (channels, height, width) or (time, features), or None
        The picture; None: nothing.
    """
    values = np.abs(found.values).mean(axis=0) if row is None else found.values[row]
    values = values.sum(axis=0) if values.ndim == 3 else values.T  # of channels, the sum; time runs to the right
    if sample is not None:
        grey = sample.mean(axis=0) if sample.ndim == 3 else sample.T
        ax.imshow(grey, cmap="Greys", aspect="auto" if sample.ndim == 2 else "equal", alpha=0.5)
    largest = float(np.abs(values).max()) or 1.0
    shown = np.abs(values) / largest
    heat = ax.imshow(
        values,
        cmap=HEAT if row is not None else "Reds",
        vmin=-largest if row is not None else 0,
        vmax=largest,
        alpha=np.clip(1.2 * shown, 0.05, 0.9) if sample is not None else None,
        aspect="auto" if found.values.ndim == 3 else "equal",
    )
    ax.set_xticks([])
    ax.set_yticks([])
    if found.values.ndim == 3:
        ax.set_xlabel("time")
        ax.set_ylabel("feature")
    return heat
