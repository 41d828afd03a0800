"""A task report as text and as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDEST = 99
# Headings of the columns beside the common ones and the metrics in them, by the main metric of a kind of task.
FURTHER = {
    "r2": {"RMSE": "rmse", "MAE": "mae"},
    "accuracy": {"balanced": "balanced_accuracy", "ROC AUC": "roc_auc", "log loss": "log_loss"},
}
MAIN = {"r2": "R²", "accuracy": "accuracy"}
N_TEXT_COLUMNS = 2


def _sections(rows: Sequence[Mapping[str, Any]], total: Mapping[str, Any]) -> list[list[list[str]]]:
    """Return the table cell by cell: for each kind of task a heading and a line a task, then the line of the total."""
    sections = []
    for main, further in FURTHER.items():
        own = [row for row in rows if main in row]
        heading = ["task", "type", "labels", "missing", MAIN[main], "baseline", "lift", *further]
        lines = [
            [row["task"], _type(row), *_common(row), *(_number(row[name], ".4g") for name in further.values())]
            for row in own
        ]
        if own:
            sections.append([heading, *lines])
    sections.append([["total", f"{len(rows)} task{'s' * (len(rows) != 1)}", *_common(total)]])
    width = max(len(line) for section in sections for line in section)
    return [[line + [""] * (width - len(line)) for line in section] for section in sections]


def _type(row: Mapping[str, Any]) -> str:
    if row["type"] == "multilabel":
        return f"{row['n_columns']} labels"
    if row["type"] == "ordinal":
        return f"{row['n_classes']} ordered"
    return f"{row['n_classes']} classes" if row["type"] == "classification" else str(row["type"])


def _common(row: Mapping[str, Any]) -> list[str]:
    return [
        f"{row['n_labels']}",
        f"{100 * row['missing']:.1f} %",
        _number(row["score"], ".4f"),
        _number(row["baseline"], ".4f"),
        _number(row["lift"], "+.4f"),
    ]


def _number(value: float, form: str) -> str:
    return "–" if value != value else format(value, form)


def as_text(rows: Sequence[Mapping[str, Any]], total: Mapping[str, Any]) -> str:
    """Return the table as aligned lines; task names that make it too wide are shortened."""
    sections = _sections(rows, total)
    columns = range(len(sections[0][0]))
    widths = [max(len(line[column]) for section in sections for line in section) for column in columns]
    widths[0] = min(widths[0], max(8, WIDEST - sum(widths[1:]) - len(widths)))
    return "\n\n".join("\n".join(_aligned(line, widths) for line in section) for section in sections)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    name = line[0]
    if len(name) > widths[0]:  # names often differ at their ends
        name = f"{name[: widths[0] // 2]}…{name[len(name) - (widths[0] - widths[0] // 2 - 1) :]}"
    cells = [
        cell.ljust(width) if column < N_TEXT_COLUMNS else cell.rjust(width)
        for column, (cell, width) in enumerate(zip([name, *line[1:]], widths, strict=True))
    ]
    return " ".join(cells).rstrip()


def as_html(rows: Sequence[Mapping[str, Any]], total: Mapping[str, Any]) -> str:
    """Return the table as an HTML element, names escaped."""
    sections = _sections(rows, total)
    text = ["<table>"]
    for place, section in enumerate(sections):
        text.append("<tbody>")
        for number, line in enumerate(section):
            heads = number == 0 and place < len(sections) - 1
            cells = "".join(_html_cell(cell, column, heads) for column, cell in enumerate(line))
            text.append(f"<tr>{cells}</tr>")
        text.append("</tbody>")
    return "\n".join([*text, "</table>"])


def _html_cell(cell: str, column: int, head: bool) -> str:
    tag = "th" if head else "td"
    side = "left" if column < N_TEXT_COLUMNS else "right"
    return f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>'
