import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from skmtl.tasks import split_columns


def present(columns, task=0):
    """Return a task's labels that are not missing."""
    return columns.values[task][~columns.missing[task]]


def hidden(columns, task=0):
    return columns.missing[task].tolist()


# Lists and arrays


@pytest.mark.parametrize(
    ("y", "labels", "kind"),
    [
        ([1, 2, 3], [1, 2, 3], "i"),
        ((1.5, 2.0), [1.5, 2.0], "f"),
        ([1, 2.5], [1.0, 2.5], "f"),
        ([True, False], [True, False], "b"),
        (["a", "b"], ["a", "b"], "O"),
        ([np.int32(3), 4], [3, 4], "i"),
        ([np.bool_(True), False], [True, False], "b"),
        ([True, 2], [True, 2], "O"),
        ([2**70, 1], [2.0**70, 1.0], "f"),
        (["a", 1], ["a", 1], "O"),
    ],
)
def test_a_list_is_one_task_in_the_plainest_dtype(y, labels, kind):
    columns = split_columns(y)
    assert columns.one_dimensional
    assert columns.names is None
    assert columns.n_samples == len(y)
    assert present(columns).tolist() == labels
    assert present(columns).dtype.kind == kind
    assert not any(hidden(columns))


@pytest.mark.parametrize(
    ("y", "labels", "kind"),
    [
        ([1, None, 3], [1, 3], "i"),
        ([1, np.nan, 3], [1, 3], "i"),
        ([1.5, np.float32("nan"), 3], [1.5, 3.0], "f"),
        ([True, None, False], [True, False], "b"),
        (["a", None, "b"], ["a", "b"], "O"),
        (["a", float("nan"), "b"], ["a", "b"], "O"),
        (np.array(["a", None, "b"], dtype=object), ["a", "b"], "O"),
        (np.array([1.0, np.nan, 2.0], dtype=np.float32), [1.0, 2.0], "f"),
    ],
)
def test_none_and_nan_are_missing_and_the_other_labels_keep_their_dtype(y, labels, kind):
    columns = split_columns(y)
    assert hidden(columns) == [False, True, False]
    assert present(columns).tolist() == labels
    assert present(columns).dtype.kind == kind


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8, np.uint64, bool, "U3", "S3"])
def test_arrays_keep_their_dtype(dtype):
    y = np.ones((3, 2)).astype(dtype)
    columns = split_columns(y)
    assert not columns.one_dimensional
    assert [column.dtype for column in columns.values] == [y.dtype] * 2
    assert all(np.shares_memory(column, y) for column in columns.values)


def test_a_list_of_lists_may_hold_columns_of_several_kinds():
    columns = split_columns([[1, "a", None, True], [2, "b", 1.5, None], [None, "c", 2, False]])
    assert [column.dtype.kind for column in columns.values] == ["i", "O", "f", "b"]
    assert [present(columns, task).tolist() for task in range(4)] == [
        [1, 2],
        ["a", "b", "c"],
        [1.5, 2.0],
        [True, False],
    ]


@pytest.mark.parametrize("y", [[None, None], [np.nan, None], np.array([np.nan, np.nan])])
def test_a_task_may_have_no_label_at_all(y):
    columns = split_columns(y)
    assert hidden(columns) == [True, True]
    assert columns.n_samples == 2


def test_dates_keep_their_kind_and_nat_is_missing():
    for y in (np.array(["2020-01-01", "NaT"], "M8[D]"), np.array([1, "NaT"], "m8[s]")):
        columns = split_columns(y)
        assert columns.values[0].dtype == y.dtype
        assert hidden(columns) == [False, True]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_missing_cells_are_found_wherever_they_are(data):
    n_rows, n_tasks = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 4))
    pattern = np.array(data.draw(st.lists(st.booleans(), min_size=n_rows * n_tasks, max_size=n_rows * n_tasks)))
    pattern = pattern.reshape(n_rows, n_tasks)
    truth = np.arange(n_rows * n_tasks, dtype=float).reshape(n_rows, n_tasks)
    as_floats = np.where(pattern, np.nan, truth)
    as_list = [
        [None if gone else int(v) for v, gone in zip(*row, strict=True)] for row in zip(truth, pattern, strict=True)
    ]
    for y in (as_floats, as_list, as_floats.astype(object)):
        columns = split_columns(y)
        assert len(columns.values) == len(columns.missing) == n_tasks
        np.testing.assert_array_equal(np.stack(columns.missing, axis=1), pattern)
        for task in range(n_tasks):
            np.testing.assert_array_equal(present(columns, task), truth[~pattern[:, task], task])


# Refusals


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        (csr_array(np.eye(2)), r"y is a sparse csr_array; pass a dense array: y\.toarray\(\)"),
        (np.zeros((2, 2, 2)), r"y should be a 1d array or a 2d array.*got an array of shape \(2, 2, 2\)"),
        (3.0, r"got an array of shape \(\)"),
        ([], r"Found y with 0 sample\(s\) while a minimum of 1 is required"),
        (np.zeros((0, 2)), r"Found y with 0 sample\(s\)"),
        (np.zeros((3, 0)), r"y has no columns: shape \(3, 0\)"),
        ([[1], [1, 2]], r"y is a sequence of sequences of unequal length\. Multi-task labels are an array of shape"),
        ([[1, 2], [3, [4]]], "sequence of sequences of unequal length"),
        (np.array([[1], [1, 2]], dtype=object), "sequence of sequences of unequal length"),
        ([{1}, {2, 3}], "sequence of sequences of unequal length"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], "y is not a rectangular array"),
        (np.array([1 + 2j]), r"Complex data not supported: task 'y0' of y holds complex numbers"),
        ([[1, 1j], [2, 3]], "task 'y1' of y holds complex numbers"),
        ([None, 1j], "task 'y0' of y holds complex numbers"),
    ],
)
def test_what_is_no_table_of_labels_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        split_columns(y)


def test_messages_name_the_parameter():
    with pytest.raises(ValueError, match="requires y_val to be passed, but the target y_val is None"):
        split_columns(None, "y_val")
    with pytest.raises(ValueError, match=r"y_val has no columns: shape \(1, 0\)"):
        split_columns(np.zeros((1, 0)), "y_val")


# DataFrames


def test_a_data_frame_names_the_tasks():
    pd = pytest.importorskip("pandas")
    columns = split_columns(pd.DataFrame({"price": [1.0, np.nan], "sold": [True, False], 7: ["a", None]}))
    assert columns.names == ["price", "sold", "7"]
    assert not columns.one_dimensional
    assert [hidden(columns, task) for task in range(3)] == [[False, True], [False, False], [False, True]]
    assert [present(columns, task).tolist() for task in range(3)] == [[1.0], [True, False], ["a"]]


def test_a_series_is_one_dimensional_and_may_have_a_name():
    pd = pytest.importorskip("pandas")
    assert split_columns(pd.Series([1, 2])).names is None
    assert split_columns(pd.Series([1, 2], name="")).names is None
    named = split_columns(pd.Series([1, 2], name="price"))
    assert named.names == ["price"]
    assert named.one_dimensional


INTEGERS, BOOLEANS, STRINGS, FLOATS = [3, None, 1], [True, None, False], ["b", None, "a"], [0.5, None, 1.5]


@pytest.mark.parametrize(
    ("dtype", "values", "kind"),
    [
        ("Int64", INTEGERS, "i"),
        ("UInt8", INTEGERS, "u"),
        ("category", INTEGERS, "i"),
        ("object", INTEGERS, "i"),
        ("Float64", FLOATS, "f"),
        ("category", FLOATS, "f"),
        ("boolean", BOOLEANS, "b"),
        ("category", BOOLEANS, "b"),
        ("object", BOOLEANS, "b"),
        ("string", STRINGS, "O"),
        ("str", STRINGS, "O"),
        ("category", STRINGS, "O"),
        ("object", STRINGS, "O"),
    ],
)
def test_nullable_columns_keep_the_dtype_of_their_labels(dtype, values, kind):
    pd = pytest.importorskip("pandas")
    columns = split_columns(pd.DataFrame({"task": pd.Series(values, dtype=dtype)}))
    assert hidden(columns) == [False, True, False]
    assert present(columns).tolist() == [values[0], values[2]]
    assert present(columns).dtype.kind == kind
    whole = split_columns(pd.DataFrame({"task": pd.Series(values, dtype=dtype).iloc[[0, 2]]}))
    assert whole.values[0].dtype == present(columns).dtype
    assert hidden(whole) == [False, False]


def test_a_nullable_column_may_have_no_label_at_all():
    pd = pytest.importorskip("pandas")
    columns = split_columns(pd.Series([pd.NA, pd.NA], dtype="Int64"))
    assert hidden(columns) == [True, True]


def test_pandas_na_and_nat_are_missing_in_plain_lists():
    pd = pytest.importorskip("pandas")
    columns = split_columns([[1, "a"], [pd.NA, pd.NaT]])
    assert [hidden(columns, task) for task in range(2)] == [[False, True], [False, True]]
    assert present(columns).tolist() == [1]


def test_float32_columns_of_a_data_frame_stay_float32():
    pd = pytest.importorskip("pandas")
    for values in ([1.0, 2.0], [1.0, np.nan]):
        assert split_columns(pd.Series(values, dtype="float32")).values[0].dtype == np.float32


def test_dates_of_a_data_frame_stay_dates_with_a_missing_one_too():
    pd = pytest.importorskip("pandas")
    for last in (None, "2020-02-01"):
        columns = split_columns(pd.Series(pd.to_datetime(["2020-01-01", last])))
        assert columns.values[0].dtype.kind == "M"
        assert hidden(columns) == [False, last is None]


@pytest.mark.parametrize("names", [["a", "a"], [1, "1"]])
def test_repeated_column_names_are_refused(names):
    pd = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match=rf"y has no columns or repeated column names: \['{names[0]}', '{names[0]}'\]"):
        split_columns(pd.DataFrame([[1, 2]], columns=names))


def test_a_data_frame_without_columns_or_rows_is_refused():
    pd = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match=r"y has no columns or repeated column names: \[\]"):
        split_columns(pd.DataFrame(index=[0, 1]))
    with pytest.raises(ValueError, match=r"Found y with 0 sample"):
        split_columns(pd.DataFrame({"a": []}))


def test_complex_columns_of_a_data_frame_are_refused_by_name():
    pd = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="task 'b' of y holds complex"):
        split_columns(pd.DataFrame({"a": [1], "b": [1j]}))


def test_the_index_of_a_data_frame_does_not_matter():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1, None, 3]}, index=[5, 5, 2])
    assert present(split_columns(frame)).tolist() == [1, 3]


@pytest.mark.parametrize(("values", "kind"), [(INTEGERS, "i"), (BOOLEANS, "b"), (STRINGS, "O"), (FLOATS, "f")])
def test_polars_columns_keep_the_dtype_of_their_labels(values, kind):
    pl = pytest.importorskip("polars")
    columns = split_columns(pl.DataFrame({"task": values}))
    assert columns.names == ["task"]
    assert hidden(columns) == [False, True, False]
    assert present(columns).tolist() == [values[0], values[2]]
    assert present(columns).dtype.kind == kind
    series = split_columns(pl.Series("task", values))
    assert series.one_dimensional
    assert series.names == ["task"]
    assert split_columns(pl.Series(values)).names is None


def test_nan_is_missing_in_polars_as_null_is():
    pl = pytest.importorskip("polars")
    columns = split_columns(pl.Series([1.0, float("nan"), None]))
    assert hidden(columns) == [False, True, True]


def test_any_other_table_with_columns_is_read_column_by_column():
    class Table(dict):
        @property
        def columns(self):
            return list(self)

    columns = split_columns(Table(a=[1.0, np.nan], b=["x", "y"]))
    assert columns.names == ["a", "b"]
    assert hidden(columns) == [False, True]
    assert present(columns, 1).tolist() == ["x", "y"]


# Columns


def test_hide_adds_missing_labels_and_leaves_the_original():
    columns = split_columns([[1.0, 2.0], [np.nan, 3.0]])
    more = columns.hide(np.array([[True, False], [False, True]]))
    assert [hidden(more, task) for task in range(2)] == [[True, True], [False, True]]
    assert [hidden(columns, task) for task in range(2)] == [[False, True], [False, False]]


@pytest.mark.parametrize("rows", [np.array([2, 0]), slice(1, 3)])
def test_take_keeps_rows_of_labels_and_missing_marks(rows):
    columns = split_columns([[1, None], [2, "b"], [None, "c"]])
    fewer = columns.take(rows)
    assert fewer.n_samples == 2
    for task in range(2):
        np.testing.assert_array_equal(fewer.values[task], columns.values[task][rows])
        np.testing.assert_array_equal(fewer.missing[task], columns.missing[task][rows])
    assert fewer.one_dimensional == columns.one_dimensional


def test_objects_that_are_no_numbers_pass_as_they_are():
    days = [datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)]
    assert present(split_columns(days)).tolist() == days
