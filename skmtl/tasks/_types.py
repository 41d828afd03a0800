"""What kind of task a column is: said by the user, or guessed from its labels."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._spelling import likely_and_known
from ._columns import Columns
from ._per_task import LOSSES_BY_TYPE
from ._structure import TaskStructure

TASK_TYPES = tuple(LOSSES_BY_TYPE)
# Those whose labels are numbers; all others have classes.
NUMBER_TYPES = ("regression", "count")
# Whole numbers with at most this many distinct values are taken for classes.
MOST_CLASSES = 20
# Between these numbers of distinct values the guess may well be wrong, and is worth a word.
DOUBTFUL = (11, 50)


def resolve_task_types(task_types: Any, columns: Columns, names: Sequence[str]) -> TaskStructure:
    """Return the tasks over the columns of `y`.

    Parameters
    ----------
    task_types : None, str, sequence of str or dict
        As `MultiTaskEstimator` takes it.
    columns : Columns
    names : sequence of str
        Names of the columns.

    Raises
    ------
    ValueError
        If a type or column is unknown, or a column is in two groups.

    Warns
    -----
    UserWarning
        If guesses are doubtful.
    """
    known: list[str | None] = [None] * len(names)
    group: list[str | None] = [None] * len(names)
    for name, value in _requests(task_types, names):
        if isinstance(value, str):
            position = _position(name, names)
            _refuse_second_type(group[position], name)
            known[position] = _checked_type(value, name)
            continue
        for column in value:
            position = _position(column, names)
            if group[position] is not None:
                raise ValueError(
                    f"task_types puts the column {column!r} into the groups {group[position]!r} and {name!r}."
                )
            if known[position] is not None:
                _refuse_second_type(name, column)
            known[position], group[position] = "multilabel", name
    guesses = _guess(columns, names, [position for position, kind in enumerate(known) if kind is None])
    types = [guesses[position] if kind is None else kind for position, kind in enumerate(known)]
    for position, kind in enumerate(types):
        if kind == "multilabel":
            group[position] = group[position] or "multilabel"
    return _structure(list(names), types, group)


def _refuse_second_type(group: str | None, column: str) -> None:
    if group is not None:
        raise ValueError(
            f"task_types puts the column {column!r} into the group {group!r} and gives it a type of its own."
        )


def _requests(task_types: Any, names: Sequence[str]) -> list[tuple[str, Any]]:
    """Return pairs of a column and its type, or of a group and its columns."""
    if task_types is None:
        return []
    if isinstance(task_types, str):
        return [(name, task_types) for name in names]
    if isinstance(task_types, Mapping):
        return [
            (str(name), value if isinstance(value, str) else _group_columns(name, value))
            for name, value in task_types.items()
        ]
    listed = list(task_types)
    if len(listed) != len(names):
        raise ValueError(
            f"task_types has {len(listed)} entries, but y has {len(names)} columns: {', '.join(map(repr, names))}."
        )
    return [(name, _checked_type(value, name)) for name, value in zip(names, listed, strict=True)]


def _group_columns(name: Any, value: Any) -> list[str]:
    if not isinstance(value, (list, tuple, np.ndarray)) or not len(value):
        raise ValueError(
            f"task_types of {name!r} must be a type, one of {', '.join(map(repr, TASK_TYPES))}, or a list of the "
            f"columns of a multilabel group; got {value!r}."
        )
    return [str(column) for column in value]


def _position(name: str, names: Sequence[str]) -> int:
    if name in names:
        return names.index(name)
    raise ValueError(f"task_types names an unknown column {name!r}.{likely_and_known(name, names, 'columns')}")


def _checked_type(kind: Any, name: str) -> str:
    if kind in TASK_TYPES:
        return str(kind)
    likely = likely_and_known(kind, TASK_TYPES, "types")
    raise ValueError(f"Unknown type {kind!r} of task {name!r} in task_types.{likely}")


def _guess(columns: Columns, names: Sequence[str], positions: Sequence[int]) -> dict[int, str]:
    """Guess the types of some columns, and warn once if a guess is doubtful."""
    guesses: dict[int, str] = {}
    doubts: list[str] = []
    example = ""
    for position in positions:
        present = columns.values[position][~columns.missing[position]]
        guesses[position], doubt = _guess_one(
            present, columns.categories[position] is not None, bool(columns.missing[position].any())
        )
        if doubt:
            doubts.append(f"{names[position]!r} ({doubt}) is taken for {guesses[position]}")
            example = example or names[position]
    if doubts:
        warnings.warn(
            f"Task types were guessed from the labels: {'; '.join(doubts)}. To be sure, name them, for example "
            f"task_types={{{example!r}: 'regression'}} or 'classification'.",
            UserWarning,
            stacklevel=_level_of_the_user(),
        )
    return guesses


def _level_of_the_user() -> int:
    """Return the `stacklevel` at which a warning of the caller points out of this package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith("skmtl."):
        frame, level = frame.f_back, level + 1
    return level


def _guess_one(labels: np.ndarray, categorical: bool, holes: bool) -> tuple[str, str]:
    """Return the type of a column, and what makes it doubtful ("" if nothing does)."""
    if categorical or labels.dtype.kind not in "iuf":
        return "classification", ""
    if labels.dtype.kind == "f":
        # Whole numbers beside a hole are floats for NumPy and pandas, whatever the user meant.
        whole = holes and len(labels) > 0 and bool((labels == np.floor(labels)).all())
        n_distinct = len(np.unique(labels)) if whole else 0
        return "regression", f"{n_distinct} distinct whole numbers, as floats" if 0 < n_distinct <= MOST_CLASSES else ""
    n_distinct = len(np.unique(labels))
    doubt = f"{n_distinct} distinct whole numbers" if DOUBTFUL[0] <= n_distinct <= DOUBTFUL[1] else ""
    return ("classification" if n_distinct <= MOST_CLASSES else "regression"), doubt


def _structure(columns: list[str], types: list[str], group: list[str | None]) -> TaskStructure:
    """Gather the columns of groups; a group stands where its first column does."""
    names: list[str] = []
    kinds: list[str] = []
    task_of_column = np.empty(len(columns), dtype=np.intp)
    groups = {name for name in group if name is not None}
    if clash := sorted(groups & {name for name, own in zip(columns, group, strict=True) if own is None}):
        raise ValueError(f"task_types gives a group the name of a column that is not in it: {clash[0]!r}.")
    for position, (column, kind, own) in enumerate(zip(columns, types, group, strict=True)):
        name = own if own is not None else column
        if own is None or name not in names:
            names.append(name)
            kinds.append(kind)
        task_of_column[position] = names.index(name)
    return TaskStructure(columns, names, kinds, task_of_column)
