"""Dates, times of day and durations as numbers: a trend, and where a moment stands in the year, week and day."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

DAY = 86_400
WEEK = 7 * DAY
# The first of January 1970 was a Thursday; weeks start on Monday.
THURSDAY = 3 * DAY
# Ticks of a second in the units of NumPy that are finer than one.
TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

YEAR_AND_WEEK = ("year sin", "year cos", "week sin", "week cos")
CLOCK = ("day sin", "day cos")


@dataclass
class Moments:
    """Points in time, NaT where missing.

    Attributes
    ----------
    local : ndarray of datetime64 of shape (n_rows,)
        What a clock on the spot shows.
    utc : ndarray of datetime64 of shape (n_rows,)
        The same moment in UTC; the same array where no zone is known.
    nanoseconds : ndarray of int of shape (n_rows,) or int
        What the dtype has no room for.
    """

    local: np.ndarray
    utc: np.ndarray
    nanoseconds: np.ndarray | int = 0

    @classmethod
    def without_zone(cls, values: np.ndarray) -> Moments:
        """Return moments of which no zone is known."""
        if np.datetime_data(values.dtype)[0] in ("ps", "fs", "as"):
            values = values.astype("M8[ns]")  # finer units have no room for a year's end
        return cls(values, values)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.local)

    def __getitem__(self, rows: np.ndarray) -> Moments:
        """Return some of the rows."""
        extra = self.nanoseconds if isinstance(self.nanoseconds, int) else self.nanoseconds[rows]
        return Moments(self.local[rows], self.utc[rows], extra)

    def show_time(self) -> bool:
        """Tell whether a moment is not midnight, so that the time of day is worth a look."""
        return bool((np.mod(seconds(self.local, self.nanoseconds), DAY) > 0).any())


def moment_parts(moments: Moments, clock: bool) -> list[np.ndarray]:
    """Return the trend and the cyclic parts of each moment, NaN where it is missing.

    Parameters
    ----------
    moments : Moments
    clock : bool
        Whether the time of day is among the parts.

    Returns
    -------
    list of ndarray of shape (n_rows,)
        Seconds since 1970 in UTC; sine and cosine of the local place in the year, in the week and in the day.
    """
    local = seconds(moments.local, moments.nanoseconds)
    trend = local if moments.utc is moments.local else seconds(moments.utc, moments.nanoseconds)
    years = moments.local.astype("M8[Y]")
    start, end = (year.astype("M8[s]").view(np.int64) for year in (years, years + np.timedelta64(1, "Y")))
    with np.errstate(invalid="ignore", divide="ignore"):
        of_year = (local - start) / (end - start)
    parts = [trend, *_cycle(of_year), *_cycle(np.mod(local + THURSDAY, WEEK) / WEEK)]
    return [*parts, *clock_parts(local)] if clock else parts


def clock_parts(since_midnight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sine and cosine of the place in the day."""
    return _cycle(np.mod(since_midnight, DAY) / DAY)


def _cycle(share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    angle = 2 * np.pi * share
    return np.sin(angle), np.cos(angle)


def seconds(values: np.ndarray, nanoseconds: np.ndarray | int = 0) -> np.ndarray:
    """Return moments (since 1970) or durations in seconds, NaN where missing: the same float in whatever unit."""
    unit, step = np.datetime_data(values.dtype)
    if unit not in TICKS or step != 1:
        unit = "ns" if unit in ("ps", "fs", "as") else unit if unit in TICKS else "s"
        values = values.astype(f"{values.dtype.kind}8[{unit}]")
    ticks = values.view(np.int64) if values.flags.c_contiguous else np.ascontiguousarray(values).view(np.int64)
    if TICKS[unit] == 1 and isinstance(nanoseconds, int):
        result = ticks.astype(np.float64)
    else:
        # Whole seconds and fraction apart: nanoseconds since 1970 have more digits than a float.
        whole, rest = np.divmod(ticks, TICKS[unit])
        result = whole + (rest * (10**9 // TICKS[unit]) + nanoseconds) / 10**9
    result[np.isnat(values)] = np.nan
    return result


def moments_of_objects(values: np.ndarray, holes: np.ndarray, where: str) -> tuple[Moments, bool]:
    """Return moments from dates, datetimes, timestamps and datetime64 objects, and whether they have a time zone.

    Raises
    ------
    ValueError
        If some have a time zone and others have none.
    """
    local = np.full(len(values), np.datetime64("NaT"), dtype="M8[us]")
    present = np.flatnonzero(~holes)
    zones = [getattr(values[row], "tzinfo", None) is not None for row in present]
    if any(zones) and not all(zones):
        aware, naive = (int(present[zones.index(answer)]) for answer in (True, False))
        raise ValueError(
            f"Cannot encode {where}: it mixes dates with a time zone (row {aware}: {values[aware]}) and without "
            f"(row {naive}: {values[naive]}). Give all of them a zone (tz_localize), or none (tz_localize(None))."
        )
    local[present] = [_without_zone(values[row]) for row in present]
    nanoseconds: np.ndarray | int = 0
    extra = [getattr(values[row], "nanosecond", 0) for row in present]
    if any(extra):
        nanoseconds = np.zeros(len(values), np.int64)
        nanoseconds[present] = extra
    if not any(zones):
        return Moments(local, local, nanoseconds), False
    offsets = np.zeros(len(values), "m8[us]")
    offsets[present] = [values[row].utcoffset() for row in present]
    return Moments(local, local - offsets, nanoseconds), True


def _without_zone(value: Any) -> Any:
    if not isinstance(value, datetime.datetime):
        return value
    # Built anew: timestamps of pandas would warn of the nanoseconds that they lose.
    return datetime.datetime(
        value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond
    )


def times_of_objects(values: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Return times of day as seconds since midnight, NaN where missing."""
    return np.array(
        [
            np.nan if hole else 3600 * value.hour + 60 * value.minute + value.second + value.microsecond / 10**6
            for value, hole in zip(values, holes, strict=True)
        ],
        dtype=np.float64,
    )


def durations_of_objects(values: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Return durations as timedelta64, NaT where missing."""
    present: Sequence[Any] = values[~holes]
    unit = "ns" if any(getattr(value, "nanoseconds", 0) for value in present) else "us"
    durations = np.full(len(values), np.timedelta64("NaT"), dtype=f"m8[{unit}]")
    durations[~holes] = [value.to_timedelta64() if hasattr(value, "to_timedelta64") else value for value in present]
    return durations
