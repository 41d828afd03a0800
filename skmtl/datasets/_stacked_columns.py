"""Columns of several sets, joined by name: what a set lacks is missing, and dtypes are kept where they can be."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from numbers import Number
from typing import Any

import narwhals.stable.v2 as nw  # the main namespace drops the categories of a categorical column
import numpy as np
from narwhals.stable.v2 import dependencies

# What the values of a column of objects may be, the first type that fits: Python's booleans are numbers too.
_KINDS: list[tuple[tuple[type, ...], str]] = [
    ((bool, np.bool_), "booleans"),
    ((Number,), "numbers"),
    ((str,), "strings"),
    ((datetime.date,), "dates"),
    ((datetime.timedelta,), "durations"),
]


def library_of(part: Any, what: str) -> str:
    """Return "pandas" or "polars" for a frame or Series of theirs, "" for what is neither.

    Raises
    ------
    ValueError
        If `part` is lazy, or a frame of another library.
    """
    if dependencies.is_pandas_dataframe(part) or dependencies.is_pandas_series(part):
        return "pandas"
    if dependencies.is_polars_dataframe(part) or dependencies.is_polars_series(part):
        return "polars"
    if dependencies.is_polars_lazyframe(part):
        raise ValueError(f"{what} is a lazy {type(part).__name__}. Read it first: collect().")
    if dependencies.is_into_dataframe(part) or dependencies.is_into_series(part):
        raise ValueError(
            f"{what} is a {type(part).__name__} of {type(part).__module__.split('.')[0]}; give a data frame of pandas "
            "or polars."
        )
    return ""


def is_frame(part: Any) -> bool:
    """Tell a data frame from a Series and an array."""
    return hasattr(part, "columns")


def frame_columns(frame: Any, what: str) -> dict[Any, Any]:
    """Return the columns of a frame by name.

    Raises
    ------
    ValueError
        If there is none, or two have the same name.
    """
    names = list(frame.columns)
    if not names:
        raise ValueError(f"{what} has no columns.")
    if len(set(names)) < len(names):
        repeated = sorted({str(name) for name in names if names.count(name) > 1})
        raise ValueError(
            f"{what} has several columns of the same name: {', '.join(map(repr, repeated))}. Rename or drop all but "
            "one of each."
        )
    return {name: frame[name] for name in names}


def stack_columns(
    tables: Sequence[dict[Any, Any]], sets: Sequence[str], lengths: Sequence[int], library: str, role: str
) -> Any:
    """Return a frame with a row for each row of each set, and a column for each name, in order of first appearance.

    Parameters
    ----------
    tables : sequence of dict
        Columns of each set by name, Series of the library.
    sets : sequence of str
        Names of the sets.
    lengths : sequence of int
        Their numbers of rows.
    library : {"pandas", "polars"}
    role : {"Column", "Task"}
        What messages call a column. In tasks, integers beside missing labels stay integers: there they mean classes.

    Raises
    ------
    ValueError
        If a column holds different kinds of values in two sets, or ordered categories that differ.
    """
    names = list(dict.fromkeys(name for table in tables for name in table))
    columns = []
    for name in names:
        parts = [table.get(name) for table in tables]
        kinds = [None if part is None else _kind(nw.from_native(part, series_only=True)) for part in parts]
        _check_kinds(kinds, sets, f"{role} {name!r}")
        if any(kinds):  # where a set has no value of a column, its dtype means nothing
            parts = [part if kind else None for part, kind in zip(parts, kinds, strict=True)]
        else:
            first = next(place for place, part in enumerate(parts) if part is not None)
            parts = [part if place == first else None for place, part in enumerate(parts)]
        _check_orders(parts, sets, f"{role} {name!r}")
        columns.append(
            _join_polars(parts, lengths) if library == "polars" else _join_pandas(parts, lengths, role == "Task")
        )
    if library == "polars":
        import polars as pl

        return pl.DataFrame([column.alias(name) for name, column in zip(names, columns, strict=True)])
    import pandas as pd

    frame = pd.concat(columns, axis=1)
    frame.columns = pd.Index(names, tupleize_cols=False)
    return frame


# What a column holds


def _kind(series: nw.Series[Any]) -> str | None:
    """Return what the values of a column are, in the words of messages; None if all are missing."""
    dtype = series.dtype
    missing = series.is_null() | series.is_nan() if dtype.is_float() else series.is_null()  # polars tells them apart
    if missing.all():
        return None
    if isinstance(dtype, (nw.Categorical, nw.Enum)):
        return _kind(series.cat.get_categories())
    if isinstance(dtype, nw.Datetime):
        return f"dates of the time zone {dtype.time_zone}" if dtype.time_zone else "dates"
    if dtype == nw.Object:
        return _kind_of_objects(series.drop_nulls().to_list())
    kinds = {nw.Boolean: "booleans", nw.String: "strings", nw.Date: "dates", nw.Duration: "durations"}
    native: Any = series.to_native().dtype
    if dtype.is_numeric() or hasattr(native, "fill_value"):  # sparse columns of pandas have no dtype of their own here
        return "numbers"
    return kinds.get(type(dtype), str(native))


def _kind_of_objects(values: list[Any]) -> str:
    found = {
        next((kind for types, kind in _KINDS if isinstance(value, types)), type(value).__name__) for value in values
    }
    return " and ".join(sorted(found))


def _check_kinds(kinds: Sequence[str | None], sets: Sequence[str], where: str) -> None:
    found: dict[str, str] = {}
    for kind, name in zip(kinds, sets, strict=True):
        if kind is not None:
            found.setdefault(kind, name)
    if len(found) > 1:
        (kind, name), (other, second) = list(found.items())[:2]
        raise ValueError(
            f"{where} holds {kind} in set {name!r} and {other} in set {second!r}. Give it one kind in all sets, or "
            "another name where it means something else."
        )


def _check_orders(parts: Sequence[Any], sets: Sequence[str], where: str) -> None:
    """Refuse ordered categories beside other ones or plain values: no order follows from both."""
    found: dict[tuple[Any, ...], str] = {}
    for name, part in zip(sets, parts, strict=True):
        if part is not None:
            found.setdefault(_categories(nw.from_native(part, series_only=True)), name)
    if len(found) > 1 and any(ordered for ordered, _ in found):
        (form, name), (other, second) = list(found.items())[:2]
        raise ValueError(
            f"{where} has {_described(form)} in set {name!r} and {_described(other)} in set {second!r}. Give it the "
            "same ordered categories in all sets."
        )


def _categories(series: nw.Series[Any]) -> tuple[Any, ...]:
    """Return whether a column has ordered categories, and its categories, if it has any."""
    if not isinstance(series.dtype, (nw.Categorical, nw.Enum)):
        return False, None
    return bool(nw.is_ordered_categorical(series)), tuple(series.cat.get_categories().to_list())


def _described(form: tuple[Any, ...]) -> str:
    ordered, categories = form
    if categories is None:
        return "plain values"
    return f"the {'ordered ' if ordered else ''}categories {', '.join(map(repr, categories))}"


# One column of all sets


def _join_pandas(parts: Sequence[Any], lengths: Sequence[int], task: bool) -> Any:
    """Return one Series; a part that is None is missing in all its rows."""
    import pandas as pd

    present = _one_categorical_dtype([part for part in parts if part is not None])
    joined = pd.concat(present, ignore_index=True)
    if len(present) == len(parts):
        return joined
    if joined.dtype.kind == "b" and isinstance(joined.dtype, np.dtype):
        joined = joined.astype("boolean")
    elif task and joined.dtype.kind in "iu" and isinstance(joined.dtype, np.dtype):
        joined = joined.astype(f"{'UInt' if joined.dtype.kind == 'u' else 'Int'}{8 * joined.dtype.itemsize}")
    places, start = [], 0
    for part, length in zip(parts, lengths, strict=True):
        places.append(np.full(length, -1) if part is None else np.arange(start, start + length))
        start += 0 if part is None else length
    return joined.reindex(np.concatenate(places)).reset_index(drop=True)


def _one_categorical_dtype(parts: list[Any]) -> list[Any]:
    """Unite the categories of all parts; if some are not categorical, make plain values of the others."""
    import pandas as pd

    categorical = [isinstance(part.dtype, pd.CategoricalDtype) for part in parts]
    if not any(categorical):
        return parts
    if all(categorical):
        united = list(dict.fromkeys(value for part in parts for value in part.cat.categories))
        dtype = pd.CategoricalDtype(united, ordered=parts[0].cat.ordered)
        return [part.astype(dtype) for part in parts]
    return [
        pd.Series(part.cat.categories).reindex(part.cat.codes) if coded else part
        for part, coded in zip(parts, categorical, strict=True)
    ]


def _join_polars(parts: Sequence[Any], lengths: Sequence[int]) -> Any:
    """Return one Series; a part that is None is missing in all its rows."""
    import polars as pl

    coded = [isinstance(part.dtype, (pl.Categorical, pl.Enum)) for part in parts if part is not None]
    dtypes = {part.dtype for part in parts if part is not None}
    # Categories of different columns are numbered differently: they meet as text.
    as_text = any(coded) and not (len(dtypes) == 1 and isinstance(next(iter(dtypes)), pl.Enum))
    like = next(part for part in parts if part is not None)
    filled = [like.clear(length) if part is None else part for part, length in zip(parts, lengths, strict=True)]
    frames = [(part.cast(pl.String) if as_text else part).alias("").to_frame() for part in filled]
    joined = pl.concat(frames, how="vertical_relaxed").to_series()
    return joined.cast(pl.Categorical) if as_text and all(coded) else joined
