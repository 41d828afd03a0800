"""What a column of X holds: numbers, categories, dates, …, told from its values."""

from __future__ import annotations

import datetime
from collections.abc import Hashable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Any, NoReturn, cast

import numpy as np

from ._dates import Moments, durations_of_objects, moments_of_objects, times_of_objects


class Kind(StrEnum):
    """What a column holds, in the words of messages."""

    NUMBER = "numbers"
    CATEGORY = "categories"
    NAIVE = "dates without a time zone"
    AWARE = "dates with a time zone"
    TIME = "times of day"
    DURATION = "durations"
    EMPTY = "missing values only"


@dataclass
class Coded:
    """Categories as places in a list, -1 where missing.

    Attributes
    ----------
    codes : ndarray of int of shape (n_rows,)
    entries : list
    """

    codes: np.ndarray
    entries: list[Any]


@dataclass
class Column:
    """A column of X.

    Attributes
    ----------
    where : str
        What messages call it: "column 'age'".
    kind : Kind
    values : ndarray, Coded or Moments
        Numbers and times of day (in seconds): an array of numbers, NaN where missing. Categories: an array of objects,
        or Coded. Dates: Moments. Durations: an array of timedelta64.
    dtype : dtype
        The dtype of numbers: float64, unless they came in a narrower one.
    """

    where: str
    kind: Kind
    values: Any
    dtype: np.dtype = np.dtype(np.float64)  # noqa: RUF009 - dtypes are immutable

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values.codes if isinstance(self.values, Coded) else self.values)

    def take(self, rows: np.ndarray | None) -> Column:
        """Return the same column with some of its rows; None: with all."""
        values = self.values
        if rows is None:
            return self
        taken = Coded(values.codes[rows], values.entries) if isinstance(values, Coded) else values[rows]
        return Column(self.where, self.kind, taken, self.dtype)

    def is_empty(self) -> bool:
        """Tell whether every value is missing."""
        values = self.values
        if self.kind is Kind.EMPTY:
            return True
        if self.kind is Kind.CATEGORY:
            return bool((values.codes < 0).all()) if isinstance(values, Coded) else all(map(is_missing, values))
        if isinstance(values, Moments):
            values = values.local
        missing = np.isnat(values) if values.dtype.kind in "mM" else values != values
        return bool(missing.all())


# What the type of a value says about it.
MISSING, COMPLEX, TEXT, BYTES, MOMENT, OTHER = "missing", "complex numbers", "strings", "bytes", "dates", "other"
_FAMILIES: list[tuple[tuple[type, ...], str]] = [  # the first that fits: NumPy counts durations among its integers
    ((complex, np.complexfloating), COMPLEX),
    ((datetime.timedelta, np.timedelta64), Kind.DURATION),
    ((bool, int, float, np.bool_, np.number, Decimal, Fraction), Kind.NUMBER),
    ((str,), TEXT),
    ((bytes,), BYTES),
    ((datetime.date, np.datetime64), MOMENT),  # Python's datetime is a date
    ((datetime.time,), Kind.TIME),
]


def family_of(kind: type) -> str:
    """Return what the type of a value says about it.

    Parameters
    ----------
    kind : type
    """
    return _cached_family(cast(Hashable, kind))


@lru_cache(maxsize=1024)
def _cached_family(kind: Any) -> str:
    if kind is type(None) or kind.__name__ in ("NAType", "NaTType"):  # those of pandas, which need not be there
        return MISSING
    return next((family for types, family in _FAMILIES if issubclass(kind, types)), OTHER)


def is_missing(value: Any) -> bool:
    """Tell None, NaN, NaT and pandas' NA.

    Parameters
    ----------
    value : Any
    """
    family = family_of(type(value))
    return family == MISSING or (family in (Kind.NUMBER, MOMENT, Kind.DURATION) and bool(value != value))


def as_text(value: str | bytes) -> str:
    """Return a string without halves of characters, which not all can read; bytes are those of UTF-8.

    Parameters
    ----------
    value : str or bytes
    """
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value.encode("utf-8", "replace").decode()


def column_of_values(values: np.ndarray, where: str) -> Column:
    """Return a column from an array of one dimension and any dtype.

    Raises
    ------
    ValueError
        If values are complex, or of several kinds.
    TypeError
        If a value is a list, an array, a dict or some other object.
    """
    kind = values.dtype.kind
    if kind in "biuf":
        return number_column(values, where, values.dtype)
    if kind in "US":
        return Column(where, Kind.CATEGORY, values.astype(object))
    if kind == "M":
        return Column(where, Kind.NAIVE, Moments.without_zone(values))
    if kind == "m":
        return Column(where, Kind.DURATION, values)
    if kind == "c":
        raise ValueError(f"Complex data not supported: {where} holds complex numbers.")
    if kind != "O":
        raise TypeError(
            f"Cannot encode {where}: its dtype is {values.dtype}, but every argument must be a string, a number, a "
            "boolean, a date or a missing value."
        )
    return _column_of_objects(values, where)


def number_column(values: np.ndarray, where: str, dtype: np.dtype) -> Column:
    """Return a column of numbers; booleans count as float64, since arrays that hold both are arrays of objects."""
    return Column(where, Kind.NUMBER, values, np.dtype(np.float64) if dtype.kind == "b" else dtype)


def _column_of_objects(values: np.ndarray, where: str) -> Column:
    types = set(map(type, values.tolist()))
    families = {family_of(one) for one in types} - {MISSING}
    if OTHER in families:
        _refuse_object(values, where)
    if len(families) > 1 and Kind.NUMBER in families and _only_nan(values):
        families.remove(Kind.NUMBER)
    if COMPLEX in families:
        raise ValueError(f"Complex data not supported: {where} holds complex numbers.")
    if len(families) > 1:
        _refuse_mixture(values, where, families)
    if not families:
        return Column(where, Kind.EMPTY, np.full(len(values), np.nan))
    family = families.pop()
    if family in (TEXT, BYTES):
        return Column(where, Kind.CATEGORY, values)
    plain = all(family_of(one) != MISSING for one in types)
    holes = None if plain else np.fromiter(map(is_missing, values), bool, len(values))
    if family == Kind.NUMBER:
        return Column(where, Kind.NUMBER, _numbers_of_objects(values, holes, where))
    if holes is None:
        holes = np.fromiter(map(is_missing, values), bool, len(values))
    if family == Kind.TIME:
        return Column(where, Kind.TIME, times_of_objects(values, holes))
    if family == Kind.DURATION:
        return Column(where, Kind.DURATION, durations_of_objects(values, holes))
    moments, aware = moments_of_objects(values, holes, where)
    return Column(where, Kind.AWARE if aware else Kind.NAIVE, moments)


def _numbers_of_objects(values: np.ndarray, holes: np.ndarray | None, where: str) -> np.ndarray:
    try:
        return (values if holes is None else np.where(holes, np.nan, values)).astype(np.float64)
    except OverflowError as error:
        raise ValueError(f"A number in {where} is too large for a 64-bit float. Rescale or clip the column.") from error


def _only_nan(values: np.ndarray) -> bool:
    """Tell whether all numbers are NaN: the way in which pandas marks holes beside strings and dates."""
    return all(value != value for value in values if family_of(type(value)) == Kind.NUMBER)


def _refuse_mixture(values: np.ndarray, where: str, families: set[str]) -> NoReturn:
    first: dict[str, str] = {}
    for row, value in enumerate(values):
        family = family_of(type(value))
        if family in families and not is_missing(value):
            first.setdefault(family, f"{family} (row {row}: {value!r})")
    examples = " and ".join(list(first.values())[:2])
    raise ValueError(
        f"Cannot encode {where}: it mixes {examples}. Give it one kind, for example strings, which are encoded as "
        "categories: astype(str)."
    )


def _refuse_object(values: np.ndarray, where: str) -> NoReturn:
    row = next(row for row, value in enumerate(values) if family_of(type(value)) == OTHER)
    what = f"in row {row} it holds the {type(values[row]).__name__} {shortened(values[row])}"
    if any(family_of(one) in (TEXT, BYTES) for one in set(map(type, values))):
        what += ", where others hold strings. Turn it into a string, or into None."
        raise TypeError(f"Cannot encode {where}: {what}")
    refuse_type(where, what, nested=hasattr(values[row], "__len__"))


def refuse_type(where: str, what: str, nested: bool) -> NoReturn:
    """Refuse a column of lists, arrays, dicts or other objects."""
    advice = (
        "Lists of identifiers, images and sequences are read in a data frame with encoder='auto', if a row of fit "
        "holds any, or as an X or a part of a MultiModal of their own. Spread vectors and dicts over columns, or give "
        "encoder= a ColumnTransformer that turns them into numbers."
        if nested
        else "Turn the column into strings, which are encoded as categories: astype(str)."
    )
    raise TypeError(
        f"Cannot encode {where}: {what}, but every argument must be a string, a number, a boolean, a date or a missing "
        f"value. {advice}"
    )


def shortened(value: Any) -> str:
    """Return what a value looks like, in at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
