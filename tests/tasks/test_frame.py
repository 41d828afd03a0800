import numpy as np
import pandas as pd
import pytest

from skmtl.tasks import FrameFormat, split_columns

FRAME = pd.DataFrame(
    {
        "f64": [1.5, 2.5],
        "f32": np.array([1, 2], np.float32),
        "i8": np.array([1, 2], np.int8),
        "Int64": pd.array([1, None], dtype="Int64"),
        "bool": [True, False],
        "boolean": pd.array([True, None], dtype="boolean"),
        "text": ["a", "b"],
        "category": pd.Categorical(["low", "high"], categories=["low", "mid", "high"], ordered=True),
        7: ["x", "y"],
    }
)


def test_columns_get_their_own_dtype_back():
    columns = split_columns(FRAME)
    labels = [values[:1] for values in columns.values]
    back = columns.frame.build(labels, pd.Index(["row"]))
    pd.testing.assert_frame_equal(back, FRAME[:1].set_axis(["row"]))


def test_numbers_that_are_predicted_do_not_become_whole():
    back = FrameFormat.of(FRAME[["i8", "Int64", "f32"]]).build(
        [np.array([1.0]), np.array([0.5]), np.array([0.25])], None
    )
    assert back.dtypes.tolist() == [np.dtype(float), np.dtype(float), np.dtype(np.float32)]


def test_categories_say_whether_they_are_ordered():
    columns = split_columns(FRAME)
    assert columns.categories[:7] == [None] * 7
    assert columns.categories[7].ordered
    assert columns.categories[7].values.tolist() == ["low", "mid", "high"]
    plain = split_columns(FRAME["text"].astype("category"))
    assert not plain.categories[0].ordered
    assert plain.frame is None


def test_polars_columns_get_their_own_dtype_back():
    pl = pytest.importorskip("polars")
    sizes = pl.Enum(["s", "m", "l"])
    frame = pl.DataFrame(
        {
            "f32": pl.Series([1.5, None], dtype=pl.Float32),
            "i16": pl.Series([1, 2], dtype=pl.Int16),
            "bool": [True, None],
            "text": ["a", None],
            "enum": pl.Series(["s", "l"], dtype=sizes),
        }
    )
    columns = split_columns(frame)
    assert columns.categories[4].ordered
    assert columns.categories[4].values.tolist() == ["s", "m", "l"]
    back = columns.frame.build([values[:1] for values in columns.values], None)
    assert back.schema == frame.schema
    assert back.rows() == [(1.5, 1, True, "a", "s")]
    numbers = FrameFormat.of(frame[["i16"]]).build([np.array([1.5])], None)
    assert numbers.schema["i16"] == pl.Float64


def test_polars_categories_are_not_ordered():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"c": pl.Series(["s", None, "l"], dtype=pl.Categorical)})
    columns = split_columns(frame)
    assert not columns.categories[0].ordered
    assert columns.missing[0].tolist() == [False, True, False]
    back = columns.frame.build([np.array(["l", "s"], dtype=object)], None)
    assert back.schema == frame.schema
    assert back["c"].to_list() == ["l", "s"]


@pytest.mark.parametrize("dtype", ["float16", "float32", "Float32", "Float64"])
def test_floats_keep_their_precision(dtype):
    frame = pd.DataFrame({"a": pd.Series([0.5, 1.5], dtype=dtype)})
    back = FrameFormat.of(frame).build([np.array([0.1])], None)
    assert back["a"].dtype == frame["a"].dtype
    assert back["a"].iloc[0] == np.array([0.1], dtype.lower())[0]


@pytest.mark.parametrize("dtype", ["uint8", "int64", "Int32", "bool", "boolean", "str", "category"])
def test_what_is_not_float_is_not_forced_upon_numbers(dtype):
    frame = pd.DataFrame({"a": pd.Series([0, 1]).astype(dtype)})
    back = FrameFormat.of(frame).build([np.array([0.5, np.nan])], None)
    assert back["a"].dtype == float
    np.testing.assert_array_equal(back["a"], [0.5, np.nan])


@pytest.mark.parametrize("dtype", ["uint8", "int64", "Int32", "float32", "Float64"])
def test_whole_numbers_that_are_classes_keep_their_dtype(dtype):
    frame = pd.DataFrame({"a": pd.Series([3, 5, 3]).astype(dtype)})
    columns = split_columns(frame)
    back = columns.frame.build(columns.values, None)
    pd.testing.assert_frame_equal(back, frame)


def test_missing_labels_do_not_change_the_dtype_of_a_column():
    frame = pd.DataFrame(
        {
            "Int8": pd.array([1, None, 3], dtype="Int8"),
            "boolean": pd.array([True, None, False], dtype="boolean"),
            "text": ["a", None, "b"],
            "category": pd.Categorical([2, None, 1], categories=[3, 2, 1]),
        }
    )
    columns = split_columns(frame)
    kept = [values[~missing] for values, missing in zip(columns.values, columns.missing, strict=True)]
    back = columns.frame.build(kept, frame.index[[0, 2]])
    pd.testing.assert_frame_equal(back, frame.dropna())


def test_any_column_labels_and_row_labels_are_kept():
    labels = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
    for columns in (["b", "a"], [3, 1], labels):
        frame = pd.DataFrame([[1.0, 2.0]], columns=columns)
        rows = pd.Index([7], name="row")
        back = FrameFormat.of(frame).build([np.array([1.0]), np.array([2.0])], rows)
        assert back.columns.tolist() == frame.columns.tolist()
        assert back.index.equals(rows)
        assert back.index.name == "row"


def test_without_row_labels_rows_are_numbered():
    back = FrameFormat.of(pd.DataFrame({"a": [1.0]}, index=["x"])).build([np.array([1.0, 2.0])], None)
    assert back.index.tolist() == [0, 1]


def test_frames_without_rows_keep_their_dtypes():
    columns = split_columns(FRAME)
    back = columns.frame.build([values[:0] for values in columns.values], None)
    assert back.dtypes.tolist() == FRAME.dtypes.tolist()


def test_frames_of_other_libraries_have_no_format():
    assert FrameFormat.of(object()) is None
