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


def test_frames_of_other_libraries_have_no_format():
    assert FrameFormat.of(object()) is None
