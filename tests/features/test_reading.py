import datetime as dt
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse import coo_array, csc_array, csr_array, csr_matrix, issparse

from skmtl.features import TableEncoder

NAN = np.nan


def fit_matrix(X, **settings):
    return TableEncoder(**settings).build().fit_matrix(X)


def objects(*columns):
    X = np.empty((len(columns[0]), len(columns)), dtype=object)
    for place, column in enumerate(columns):
        X[:, place] = list(column)
    return X


# Arrays of numbers


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_of_floats_are_passed_through(dtype, tmp_path):
    X = np.random.default_rng(0).normal(size=(5, 3)).astype(dtype)
    X[1, 1] = np.nan
    reader = TableEncoder().build()
    assert reader.fit_matrix(X) is X
    assert reader.matrix(X) is X
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert np.shares_memory(reader.fit_matrix(mapped), mapped)


@pytest.mark.parametrize("dtype", [np.int8, np.uint64, bool, np.float16, np.longdouble])
def test_other_numbers_become_float64(dtype):
    X = np.array([[1, 0], [0, 1]], dtype)
    matrix = fit_matrix(X)
    assert matrix.dtype == np.float64
    np.testing.assert_array_equal(matrix, X.astype(float))


def test_the_matrix_lies_in_c_order():
    assert fit_matrix(np.asfortranarray(np.ones((4, 3)))).flags.c_contiguous


@pytest.mark.parametrize("make", [csr_array, csc_array, coo_array, csr_matrix])
def test_sparse_stays_sparse(make):
    dense = np.array([[0, 1.5], [2, 0], [0, 0]], dtype=np.float32)
    reader = TableEncoder().build()
    matrix = reader.fit_matrix(make(dense))
    assert issparse(matrix)
    assert (matrix.format, matrix.dtype) == ("csr", np.float32)
    np.testing.assert_array_equal(matrix.toarray(), dense)
    np.testing.assert_array_equal(reader.matrix(dense), dense)


def test_repeated_entries_of_sparse_arrays_are_summed():
    X = csr_array((np.ones(3), np.array([0, 0, 1]), np.array([0, 2, 3])), shape=(2, 2))
    assert fit_matrix(X).nnz == 2
    assert X.nnz == 3


def test_sparse_frames_stay_sparse(pd):
    X = pd.DataFrame(
        {"a": pd.arrays.SparseArray([0.0, 2.0, 0.0], fill_value=0.0), "b": pd.arrays.SparseArray([True, False, False])}
    )
    reader = TableEncoder().build()
    assert issparse(reader.fit_matrix(X))
    np.testing.assert_array_equal(reader.matrix(X[["b", "a"]]).toarray(), [[0, 1], [2, 0], [0, 0]])
    holes = pd.DataFrame({"a": pd.arrays.SparseArray([np.nan, 2.0])})
    np.testing.assert_array_equal(fit_matrix(holes), [[np.nan], [2]])


# The same data in another container


def test_a_frame_of_numbers_equals_its_array(pd, pl):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "f": rng.normal(size=9),
            "i": rng.integers(2**60, size=9),
            "b": rng.random(9) < 0.5,
            "u": np.arange(9, dtype="u1"),
        }
    )
    frame.loc[3, "f"] = np.nan
    expected = frame.astype(float).to_numpy()
    for X in (frame, frame.to_numpy(), frame.to_numpy().tolist(), pl.DataFrame(frame.to_dict("list"))):
        np.testing.assert_array_equal(fit_matrix(X), expected)
        assert fit_matrix(X).dtype == np.float64


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        (["float32", "float32"], np.float32),
        (["float32", "int8"], np.float32),  # as NumPy joins them
        (["float32", "int32"], np.float64),
        (["float32", "bool"], np.float64),  # an array of objects
        (["float32", "float64"], np.float64),
        (["int8", "int8"], np.float64),
    ],
)
def test_frames_have_the_float_dtype_of_their_array(pd, dtypes, expected):
    frame = pd.DataFrame({str(place): np.array([1, 0], dtype) for place, dtype in enumerate(dtypes)})
    assert fit_matrix(frame).dtype == fit_matrix(frame.to_numpy()).dtype == expected


def test_a_frame_of_float32_stays_float32(pd, pl):
    for X in (pd.DataFrame({"a": np.ones(2, "f4")}), pl.DataFrame({"a": np.ones(2, "f4")})):
        assert fit_matrix(X).dtype == np.float32


def test_a_mixed_frame_equals_its_array_of_objects(pd, pl):
    columns = {
        "age": [30, None, 50, 20],
        "job": ["cook", "clerk", None, "cook"],
        "member": [True, False, True, None],
        "since": [dt.datetime(2020, 1, 1, 3), None, dt.datetime(2021, 6, 1), dt.datetime(2022, 2, 2)],
        "wage": [1.5, 2.5, float("nan"), 1e-3],
    }
    frames = [pd.DataFrame(columns), pd.DataFrame(columns).convert_dtypes(dtype_backend="numpy_nullable")]
    frames.append(pl.DataFrame(columns, strict=False))
    array = objects(*columns.values())
    reader = TableEncoder().build()
    expected = reader.fit_matrix(array)
    assert expected.shape == (4, 1 + 1 + 1 + 7 + 1)
    for frame in frames:
        other = TableEncoder().build()
        np.testing.assert_array_equal(other.fit_matrix(frame), expected)
        np.testing.assert_array_equal(reader.matrix(frame), expected)
        np.testing.assert_array_equal(other.matrix(array), expected)
        assert other.layout.source == reader.layout.source
        assert other.layout.categories == reader.layout.categories


def test_lists_keep_the_kinds_of_their_values():
    np.testing.assert_array_equal(fit_matrix([[1, "b"], [2.5, "a"], [None, None]]), [[1, 1], [2.5, 0], [NAN, NAN]])
    np.testing.assert_array_equal(fit_matrix([["1"], ["2"], ["1"]]), [[0], [1], [0]])


def test_a_row_alone_is_read_as_among_others(pd):
    frame = pd.DataFrame(
        {"a": [1.0, 2.0], "b": ["x", "y"], "c": pd.to_datetime(["2020-01-01 05:00", "2021-01-01 00:00"])}
    )
    reader = TableEncoder().build()
    matrix = reader.fit_matrix(frame)
    for row in range(2):
        np.testing.assert_array_equal(reader.matrix(frame.iloc[[row]]), matrix[[row]])


# Kinds


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2.5, None], [1, 2.5, NAN]),
        ([Decimal("1.1"), Decimal("NaN"), None], [1.1, NAN, NAN]),
        ([Fraction(1, 4), True, np.float32(2)], [0.25, 1, 2]),
        ([True, None, False], [1, NAN, 0]),
        ([2**53 + 1, -(2**70), 3], [2.0**53, -(2.0**70), 3]),
        ([np.bool_(True), np.int8(-3), float("nan")], [1, -3, NAN]),
        ([None, None, float("nan")], [NAN, NAN, NAN]),
    ],
)
def test_objects_that_are_numbers_become_numbers(values, expected):
    reader = TableEncoder().build()
    np.testing.assert_array_equal(reader.fit_matrix(objects(values)).ravel(), expected)
    assert not reader.layout.categories


@pytest.mark.parametrize("dtype", ["Int64", "UInt8", "Float32", "Float64", "boolean"])
def test_nullable_dtypes_have_holes(pd, dtype):
    X = pd.DataFrame({"a": pd.array([1, None, 0], dtype=dtype)})
    np.testing.assert_array_equal(fit_matrix(X).ravel(), [1, NAN, 0])
    assert fit_matrix(X).dtype == (np.float32 if dtype == "Float32" else np.float64)


@pytest.mark.parametrize("dtype", ["Int64", "UInt8", "Float32", "Float64", "Boolean", "Decimal", "Null"])
def test_polars_dtypes_have_holes(pl, dtype):
    values = [None] * 3 if dtype == "Null" else [True, None, False] if dtype == "Boolean" else [1, None, 0]
    X = pl.DataFrame({"a": pl.Series(values, dtype=getattr(pl, dtype))})
    np.testing.assert_array_equal(fit_matrix(X).ravel(), [NAN] * 3 if dtype == "Null" else [1, NAN, 0])
    assert fit_matrix(X).dtype == (np.float32 if dtype == "Float32" else np.float64)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", 1, None], r"column 'x': it mixes strings \(row 0: 'a'\) and numbers \(row 1: 1\).*astype\(str\)"),
        ([None, dt.date(2020, 1, 1), "b"], r"column 'x': it mixes dates \(row 1: .*\) and strings \(row 2: 'b'\)"),
        ([dt.timedelta(1), 1.5, None], r"mixes durations \(row 0.*numbers \(row 1"),
        ([dt.time(1), dt.date(2020, 1, 1), None], r"mixes times of day .* and dates"),
        (["a", b"b", None], r"mixes strings .* and bytes"),
        ([10**400, 1, 2], r"A number in column 'x' is too large for a 64-bit float"),
        ([1, 1j, 2], "Complex data not supported: column 'x'"),
        ([1.0, NAN, float("inf")], "infinity in column 'x', row 2"),
        ([None, Decimal("-Infinity"), 1], "infinity in column 'x', row 1"),
    ],
)
def test_columns_that_cannot_be_encoded_are_named(pd, values, message):
    with pytest.raises(ValueError, match=message):
        fit_matrix(pd.DataFrame({"y": [1, 2, 3], "x": pd.Series(values, dtype=object)}))
    with pytest.raises(ValueError, match=message.replace("'x'", "1")):
        fit_matrix(objects([1, 2, 3], values))


@pytest.mark.parametrize("value", [[1], (1, 2), {"a": 1}, np.ones(2), {1, 2}])
def test_lists_and_dicts_among_columns_are_told_where_to_go(pd, value):
    series = pd.Series([value, None], dtype=object)
    # The words that scikit-learn's checks look for.
    message = r"column 'x': in row 0 it holds the \w+ .*argument must be a string, a number.*in a data frame.*encoder="
    with pytest.raises(TypeError, match=message):
        fit_matrix(pd.DataFrame({"x": series}))


def test_nested_columns_of_polars_are_told_where_to_go(pl):
    for values in ([[1], [2]], [{"a": 1}, {"a": 2}]):
        with pytest.raises(TypeError, match=r"column 'x': it holds values of type .*Spread vectors and dicts"):
            fit_matrix(pl.DataFrame({"x": values}))


def test_long_values_are_shortened_in_messages():
    with pytest.raises(TypeError, match=r"holds the list \[0, 1, .{30,60}\.\.\., but"):
        fit_matrix(objects([list(range(1000))]))


def test_objects_that_turn_into_arrays_are_read_as_arrays():
    class Arraylike:
        def __array__(self, dtype=None, copy=None):
            return np.array([[1, 2]], dtype=dtype)

    assert fit_matrix(Arraylike()).tolist() == [[1, 2]]


def test_lists_within_lists_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"lists that hold lists of different lengths.*np\.asarray\(X\)"):
        fit_matrix([[[1, 2], [3]], [[4, 5], [6]]])


def test_other_objects_are_refused():
    with pytest.raises(TypeError, match=r"column 1: in row 0 it holds the object <object .*astype\(str\)"):
        fit_matrix(objects([1], [object()]))
    with pytest.raises(TypeError, match="column 0: its dtype is"):
        fit_matrix(np.zeros((2, 1), dtype="V4"))


@pytest.mark.parametrize("kind", ["array", "frame", "float32"])
def test_infinity_is_refused_at_fit_and_at_predict(pd, kind):
    X = np.ones((4, 2), dtype=np.float32 if kind == "float32" else float)
    bad = X.copy()
    bad[:2, 0], bad[2, 1] = np.nan, -np.inf
    if kind == "frame":
        X, bad = pd.DataFrame(X, columns=["a", "b"]), pd.DataFrame(bad, columns=["a", "b"])
    where = "column 'b'" if kind == "frame" else "column 1"
    reader = TableEncoder().build()
    with pytest.raises(ValueError, match=f"Input X contains infinity in {where}, row 2"):
        reader.fit_matrix(bad)
    reader.fit_matrix(X)
    with pytest.raises(ValueError, match=f"Input X contains infinity in {where}, row 2"):
        reader.matrix(bad)


def test_sparse_holes_are_refused():
    with pytest.raises(ValueError, match=r"NaN in column 1, row 0.*SimpleImputer"):
        fit_matrix(csr_array(np.array([[0, np.nan]])))


# Shapes and names


def test_no_rows_or_columns_are_refused_in_scikit_learns_words(pd, pl):
    for X in (
        np.ones((0, 3)),
        np.empty((0, 3), object),
        pd.DataFrame(columns=list("abc")),
        pl.DataFrame({"a": [], "b": [], "c": []}),
        csr_array((0, 3)),
    ):
        with pytest.raises(
            ValueError, match=r"Found array with 0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1 is"
        ):
            fit_matrix(X)
    for X in (np.ones((3, 0)), np.empty((3, 0), object), pd.DataFrame(index=range(3)), csr_array((3, 0))):
        with pytest.raises(
            ValueError, match=r"Found array with 0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1 is"
        ):
            fit_matrix(X)


def test_samples_that_say_nothing_and_dicts_are_refused_with_the_way_out(pd):
    for X in ([None, None], [None, np.nan], pd.Series([None, None]), pd.Series([np.nan, np.nan]), np.array([None])):
        with pytest.raises(ValueError, match="X holds nothing but missing values, so nothing can be learned from it"):
            fit_matrix(X)
    for X in ([{"a": 1}, {"a": 2}], [None, {"a": 1}], np.array([{"a": 1}])):
        with pytest.raises(ValueError, match=r"X holds dicts.*a column for each key: pandas\.DataFrame\(X\)"):
            fit_matrix(X)


def test_other_dimensions_are_refused(pd, pl):
    for X in (np.ones(3), np.array(["a"]), pl.Series([1, 2]), [1, 2]):
        with pytest.raises(ValueError, match="Expected 2D array, got 1D array instead"):
            fit_matrix(X)
    with pytest.raises(ValueError, match="Expected a 2-dimensional container"):
        fit_matrix(pd.Series([1, 2]))
    for X in (np.ones((2, 3, 4)), np.full((2, 3, 4), "a"), [[[1, 2]]]):
        with pytest.raises(ValueError, match=r"Found array with dim 3 .*np\.asarray.*reshape\(len\(X\), -1\)"):
            fit_matrix(X)
    with pytest.raises(ValueError, match="lazy LazyFrame"):
        fit_matrix(pl.LazyFrame({"a": [1]}))
    with pytest.raises(ValueError, match="Complex data not supported"):
        fit_matrix(np.ones((2, 2), complex))


def test_repeated_column_names_are_refused(pd):
    with pytest.raises(ValueError, match=r"several columns of the same name: \['a'\]"):
        fit_matrix(pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]))
