import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmtl.features import TableEncoder

BERLIN = ZoneInfo("Europe/Berlin")


def encoded(values):
    """Return the matrix of one column, by the names of its parts."""
    array = np.empty((len(values), 1), dtype=object)
    array[:, 0] = list(values)
    reader = TableEncoder().build()
    matrix = reader.fit_matrix(array)
    return dict(zip([name.removeprefix("x0 ") for name in reader.layout.names], matrix.T, strict=True))


def place(share):
    return np.sin(2 * np.pi * share), np.cos(2 * np.pi * share)


# Worked by hand


def test_a_date_becomes_a_trend_and_its_place_in_year_and_week():
    parts = encoded([dt.date(1970, 1, 2), dt.date(2023, 7, 3)])
    assert list(parts) == ["(trend)", "(year sin)", "(year cos)", "(week sin)", "(week cos)"]
    assert parts["(trend)"].tolist() == [86_400, dt.datetime(2023, 7, 3, tzinfo=dt.UTC).timestamp()]
    for row, (year, week) in enumerate([(1 / 365, 4 / 7), (183 / 365, 0)]):  # a Friday; a Monday
        np.testing.assert_allclose((parts["(year sin)"][row], parts["(year cos)"][row]), place(year), atol=1e-12)
        np.testing.assert_allclose((parts["(week sin)"][row], parts["(week cos)"][row]), place(week), atol=1e-12)


def test_a_leap_year_is_a_day_longer():
    parts = encoded([dt.date(2024, 12, 31)])
    np.testing.assert_allclose(parts["(year sin)"], np.sin(2 * np.pi * 365 / 366), atol=1e-12)


def test_the_time_of_day_counts_where_there_is_any():
    parts = encoded([dt.datetime(2020, 1, 1, 6), dt.datetime(2020, 1, 1, 18, 30)])
    assert list(parts)[-2:] == ["(day sin)", "(day cos)"]
    np.testing.assert_allclose((parts["(day sin)"][1], parts["(day cos)"][1]), place(18.5 / 24), atol=1e-12)
    assert "(day sin)" not in encoded([dt.datetime(2020, 1, 1), None])


def test_the_trend_is_in_utc_and_the_rest_in_local_time():
    summer = dt.datetime(2020, 7, 1, 0, 30, tzinfo=BERLIN)
    parts = encoded([summer, dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC)])
    assert parts["(trend)"][0] == summer.timestamp()
    np.testing.assert_allclose((parts["(day sin)"][0], parts["(day cos)"][0]), place(0.5 / 24), atol=1e-12)
    np.testing.assert_allclose(parts["(day cos)"][1], -1, atol=1e-12)


def test_missing_dates_are_missing_in_all_parts():
    for part in encoded([dt.datetime(2020, 1, 1, 6), None, float("nan"), np.datetime64("NaT")]).values():
        assert np.isnan(part).tolist() == [False, True, True, True]


def test_times_of_day_become_their_place_in_it():
    parts = encoded([dt.time(6), None, dt.time(12, 0, 0, 1)])
    assert list(parts) == ["(day sin)", "(day cos)"]
    np.testing.assert_allclose(parts["(day sin)"][0], 1)
    assert np.isnan(parts["(day cos)"][1])
    expected = place((43_200 + 1e-6) / 86_400)
    np.testing.assert_allclose((parts["(day sin)"][2], parts["(day cos)"][2]), expected, atol=1e-15)


def test_durations_become_seconds():
    values = [dt.timedelta(days=1, microseconds=1), None, np.timedelta64(-1500, "ms")]
    assert list(encoded(values)) == ["x0"]
    np.testing.assert_array_equal(encoded(values)["x0"], [86_400.000001, np.nan, -1.5])


# Against Python's own


@settings(max_examples=60, deadline=None)
@given(value=st.datetimes(min_value=dt.datetime(1, 1, 1), max_value=dt.datetime(9998, 12, 31)))
def test_any_moment_of_the_calendar(value):
    parts = encoded([value, dt.datetime(2020, 1, 1, 1)])
    start, end = dt.datetime(value.year, 1, 1), dt.datetime(value.year + 1, 1, 1)
    day = (value - dt.datetime.combine(value.date(), dt.time())) / dt.timedelta(days=1)
    shares = {"year": (value - start) / (end - start), "week": (value.weekday() + day) / 7, "day": day}
    # Microseconds since 1970 have up to 18 digits, and a week has 604,800 seconds.
    for name, share in shares.items():
        found = parts[f"({name} sin)"][0], parts[f"({name} cos)"][0]
        np.testing.assert_allclose(found, place(share), atol=2e-9)
    seconds = (value - dt.datetime(1970, 1, 1)) / dt.timedelta(seconds=1)
    np.testing.assert_allclose(parts["(trend)"][0], seconds, rtol=1e-15)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "m", "h", "D", "30m", "ps"])
def test_every_unit_of_numpy_gives_the_same_numbers(unit):
    values = np.array(["1970-01-02", "1970-03-05", "NaT"], "M8[D]")
    expected = TableEncoder().build().fit_matrix(values[:, None])
    np.testing.assert_array_equal(
        TableEncoder().build().fit_matrix(values.astype("M8[s]").astype(f"M8[{unit}]")[:, None]), expected
    )
    spans = np.array([1, -3, "NaT"], "m8[D]").astype("m8[s]").astype(f"m8[{unit}]")
    np.testing.assert_array_equal(TableEncoder().build().fit_matrix(spans[:, None]), [[86_400], [-259_200], [np.nan]])


# Frames


def test_frames_of_dates_equal_objects_to_the_nanosecond():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    moments = pd.Series(pd.to_datetime(rng.integers(-(10**18), 2 * 10**18, 50), unit="ns"))
    moments[3] = pd.NaT
    spans = pd.Series(pd.to_timedelta(rng.integers(-(10**17), 10**17, 50), unit="ns"))
    frame = pd.DataFrame({"naive": moments, "aware": moments.dt.tz_localize("UTC").dt.tz_convert("Asia/Kolkata")})
    frame["span"] = spans
    objects = frame.astype(object).to_numpy()
    np.testing.assert_array_equal(TableEncoder().build().fit_matrix(frame), TableEncoder().build().fit_matrix(objects))


def test_pandas_and_polars_dates_are_the_same():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    values = [dt.datetime(2020, 3, 29, 1, 30), None, dt.datetime(1969, 12, 31, 23, 59, 59, 999_999)]
    span = [dt.timedelta(seconds=1.5), None, dt.timedelta(days=-3)]
    day = [dt.date(2020, 1, 1), None, dt.date(1900, 2, 28)]
    time = [dt.time(1, 2, 3), None, dt.time(23)]
    pandas = pd.DataFrame({"a": pd.to_datetime(pd.Series(values)), "span": pd.to_timedelta(pd.Series(span))})
    pandas["b"] = pandas["a"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
    pandas["day"], pandas["time"] = pd.Series(day, dtype=object), pd.Series(time, dtype=object)
    aware = pl.Series(values).dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    polars = pl.DataFrame({"a": values, "span": span, "b": aware, "day": day, "time": time})
    first, second = TableEncoder().build(), TableEncoder().build()
    np.testing.assert_array_equal(first.fit_matrix(pandas), second.fit_matrix(polars))
    assert first.layout == second.layout


def test_periods_count_by_their_start():
    pd = pytest.importorskip("pandas")
    periods = pd.DataFrame({"a": pd.period_range("2020-01", periods=4, freq="M")})
    starts = pd.DataFrame({"a": pd.date_range("2020-01-01", periods=4, freq="MS")})
    np.testing.assert_array_equal(TableEncoder().build().fit_matrix(periods), TableEncoder().build().fit_matrix(starts))


# Zones


def test_dates_with_and_without_a_zone_are_refused_in_one_column():
    pd = pytest.importorskip("pandas")
    mixed = [dt.datetime(2020, 1, 1), None, dt.datetime(2020, 1, 2, tzinfo=dt.UTC)]
    frame = pd.DataFrame({"sold": pd.Series(mixed, dtype=object)})
    message = r"column 'sold': it mixes dates with a time zone \(row 2: .*\) and without \(row 0: .*tz_localize"
    with pytest.raises(ValueError, match=message):
        TableEncoder().build().fit_matrix(frame)


@pytest.mark.parametrize("aware_first", [True, False])
def test_dates_that_gain_or_lose_their_zone_are_refused(aware_first):
    pd = pytest.importorskip("pandas")
    naive = pd.DataFrame({"sold": pd.date_range("2020-01-01", periods=3)})
    aware = naive.assign(sold=naive["sold"].dt.tz_localize("UTC"))
    at_fit, later = (aware, naive) if aware_first else (naive, aware)
    reader = TableEncoder().build()
    reader.fit_matrix(at_fit)
    with pytest.raises(ValueError, match=r"time zone in column 'sold', where it held dates with.*tz_localize"):
        reader.matrix(later)
