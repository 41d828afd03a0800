import sys

import numpy as np
import pytest
from scipy.sparse import csc_array, csr_array, csr_matrix, issparse
from sklearn.linear_model import Ridge
from sklearn.utils import Bunch

from skmtl import MultiTaskEstimator
from skmtl.datasets import stack_datasets
from skmtl.features import TableEncoder

pd = pytest.importorskip("pandas")

X1, X2 = np.arange(6.0).reshape(3, 2), np.arange(4.0).reshape(2, 2) + 10


def frames(library):
    """Return pandas or polars with `DataFrame` and `Series`; skip without polars."""
    return pytest.importorskip(library)


def missing(column):
    """Return where a column of either library is missing."""
    return (column.is_null() if hasattr(column, "is_null") else column.isna()).to_numpy().tolist()


# Rows


def test_rows_stand_one_set_after_the_other_with_labels_of_their_own_set():
    stacked = stack_datasets({"source": (X1, ["a", "b", "a"]), "mood": (X2, [1.5, 2.5])})
    assert isinstance(stacked, Bunch)
    assert set(stacked) == {"X", "y", "sample_weight", "dataset"}
    np.testing.assert_array_equal(stacked.X, np.vstack([X1, X2]))
    assert stacked.dataset.tolist() == ["source"] * 3 + ["mood"] * 2
    assert stacked.y.columns.tolist() == ["source", "mood"]
    assert missing(stacked.y["source"]) == [False] * 3 + [True] * 2
    assert missing(stacked.y["mood"]) == [True] * 3 + [False] * 2
    assert stacked.y["source"][:3].tolist() == ["a", "b", "a"]
    assert stacked.y["mood"].dtype == np.float64


def test_a_single_set_stays_as_it_is():
    frame = pd.DataFrame({"n": [1, 2], "c": pd.Categorical(["u", "v"]), "b": [True, False]})
    labels = pd.DataFrame({"t": [1, 0], "s": ["x", None]})
    stacked = stack_datasets({"only": (frame, labels)})
    pd.testing.assert_frame_equal(stacked.X, frame)
    pd.testing.assert_frame_equal(stacked.y, labels)
    np.testing.assert_array_equal(stacked.sample_weight, [1, 1])


def test_rows_are_matched_by_position_whatever_the_index_says():
    X, y = pd.DataFrame({"a": [1.0, 2.0]}, index=[7, 3]), pd.Series([10.0, 20.0], index=[3, 7])
    stacked = stack_datasets({"t": (X, y), "u": (X, y)})
    assert stacked.X["a"].tolist() == [1, 2, 1, 2]
    assert stacked.y["t"][:2].tolist() == [10, 20]
    assert stacked.X.index.tolist() == stacked.y.index.tolist() == [0, 1, 2, 3]


def test_neither_sets_nor_frames_are_changed():
    X, y = pd.DataFrame({"a": pd.Categorical(["u", "v"])}), pd.DataFrame({"t": [1, 2]})
    other = pd.DataFrame({"a": pd.Categorical(["w"]), "b": [1]})
    copies = X.copy(), y.copy(), other.copy()
    stacked = stack_datasets({"one": (X, y), "two": (other, [1])})
    stacked.X["a"] = "u"
    for frame, copy in zip((X, y, other), copies, strict=True):
        pd.testing.assert_frame_equal(frame, copy)


# Names of tasks


def test_a_y_of_one_axis_is_named_by_its_set():
    series = pd.Series([1.0, 2.0], name="label")
    stacked = stack_datasets({"a": (X2, series), "b": (X2, series.to_numpy()), "c": (X2, series.tolist())})
    assert stacked.y.columns.tolist() == ["a", "b", "c"]
    assert stacked.y.notna().to_numpy().sum(axis=0).tolist() == [2, 2, 2]


def test_columns_of_an_array_are_numbered_and_those_of_a_frame_keep_their_names():
    stacked = stack_datasets({"a": (X2, [[1, "u"], [2, "v"]]), "b": (X2, pd.DataFrame({"t": [1.0, 2.0], 5: [0, 1]}))})
    assert stacked.y.columns.tolist() == ["a_0", "a_1", "t", "5"]
    assert stacked.y["a_0"][:2].tolist() == [1, 2]
    assert stacked.y["a_1"][:2].tolist() == ["u", "v"]


def test_a_task_of_several_sets_is_one_column():
    first = pd.DataFrame({"mood": [1.0, 2.0, 3.0], "size": ["s", "l", "s"]})
    second = pd.DataFrame({"mood": [4.0, None]})
    stacked = stack_datasets({"a": (X1, first), "b": (X2, second), "mood": (X2, [5.0, 6.0])})
    assert stacked.y.columns.tolist() == ["mood", "size"]
    np.testing.assert_array_equal(stacked.y["mood"], [1, 2, 3, 4, np.nan, 5, 6])


# Columns and dtypes


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_are_joined_by_name_in_order_of_first_appearance(library):
    lib = frames(library)
    one = lib.DataFrame({"b": [1.0, 2.0], "a": ["x", "y"]})
    two = lib.DataFrame({"c": [5.0], "a": ["z"]})
    stacked = stack_datasets({"s": (one, lib.DataFrame({"t": [1.5, 2.5]})), "u": (two, lib.Series([1.0]))})
    assert list(stacked.X.columns) == ["b", "a", "c"]
    assert stacked.X["a"].to_list() == ["x", "y", "z"]
    assert missing(stacked.X["b"]) == [False, False, True]
    assert missing(stacked.X["c"]) == [True, True, False]
    assert isinstance(stacked.y, lib.DataFrame)
    assert list(stacked.y.columns) == ["t", "u"]


@pytest.mark.parametrize(
    ("values", "with_holes_in_X", "with_holes_in_y"),
    [
        (np.array([1.5, 2.5]), "float64", "float64"),
        (np.array([1.5, 2.5], np.float32), "float32", "float32"),
        (np.array([1, 2]), "float64", "Int64"),
        (np.array([1, 2], np.int8), "float64", "Int8"),
        (np.array([1, 2], np.uint16), "float64", "UInt16"),
        (np.array([True, False]), "boolean", "boolean"),
        (np.array(["2020-01-01", "2021-01-01"], "M8[s]"), "datetime64[s]", "datetime64[s]"),
        (pd.Series(["a", "b"], dtype="string"), "string", "string"),
        (pd.Series(["a", "b"], dtype=object), "object", "object"),
        (pd.Series([1, 2], dtype="Int32"), "Int32", "Int32"),
        (pd.Series(["a", "b"], dtype="category"), "category", "category"),
        (pd.Series([1.0, 0.0], dtype=pd.SparseDtype(float, 0)), "Sparse[float64, 0]", "Sparse[float64, 0]"),
    ],
)
def test_dtypes_are_kept_where_they_can_hold_missing_values(values, with_holes_in_X, with_holes_in_y):
    frame, other = pd.DataFrame({"v": values}), pd.DataFrame({"w": [0.5]})
    stacked = stack_datasets({"a": (frame, frame), "b": (other, other), "c": (frame, frame)})
    for table, dtype in ((stacked.X, with_holes_in_X), (stacked.y, with_holes_in_y)):
        assert str(table["v"].dtype) == dtype
        assert missing(table["v"]) == [False, False, True, False, False]
        assert [table["v"][row] for row in (0, 1, 3, 4)] == frame["v"].tolist() * 2
    full = stack_datasets({"a": (frame, frame), "c": (frame, frame)})
    assert full.X["v"].dtype == full.y["v"].dtype == frame["v"].dtype


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_column_without_values_in_one_set_takes_the_dtype_of_the_others(library):
    lib = frames(library)
    empty = lib.DataFrame({"v": [float("nan")] * 2})
    strings, numbers = lib.DataFrame({"v": ["a", "b"]}), lib.DataFrame({"v": [1, 2]})
    stacked = stack_datasets({"a": (empty, empty), "b": (strings, numbers)})
    assert stacked.X["v"].dtype == strings["v"].dtype
    assert stacked.X["v"].to_list()[2:] == ["a", "b"]
    assert str(stacked.y["v"].dtype) == "Int64"
    assert missing(stacked.y["v"]) == [True, True, False, False]
    nowhere = stack_datasets({"a": (empty, numbers), "b": (empty, numbers)})
    assert str(nowhere.X["v"].dtype).lower() == "float64"
    assert np.isnan(nowhere.X["v"].to_numpy()).all()


def test_categories_are_united_in_order_of_appearance():
    one = pd.DataFrame({"c": pd.Categorical(["u", "v"], ["v", "u"])})
    two = pd.DataFrame({"c": pd.Categorical(["w", "u", None], ["u", "w"])})
    stacked = stack_datasets({"a": (one, [1, 2]), "b": (two, [1, 2, 3])})
    assert stacked.X["c"].cat.categories.tolist() == ["v", "u", "w"]
    assert not stacked.X["c"].cat.ordered
    assert stacked.X["c"].tolist()[:4] == ["u", "v", "w", "u"]
    plain = stack_datasets({"a": (one, [1, 2]), "b": (pd.DataFrame({"c": ["z"]}), [1])})
    assert plain.X["c"].tolist() == ["u", "v", "z"]
    assert plain.X["c"].dtype == pd.DataFrame({"c": ["z"]})["c"].dtype
    numbers = pd.DataFrame({"c": pd.Categorical([3, None, 5])})
    plain = stack_datasets({"a": (numbers, [1, 2, 3]), "b": (pd.DataFrame({"c": [4]}), [1])})
    np.testing.assert_array_equal(plain.X["c"], [3, np.nan, 5, 4])


def test_categories_of_polars_are_united_too():
    pl = pytest.importorskip("polars")
    one = pl.DataFrame(
        {"c": pl.Series(["u", "v"], dtype=pl.Categorical), "e": pl.Series(["l", "s"], dtype=pl.Enum("sl"))}
    )
    two = pl.DataFrame({"c": pl.Series(["w"], dtype=pl.Categorical), "e": pl.Series(["s"], dtype=pl.Enum("sl"))})
    stacked = stack_datasets({"a": (one, [1.0, 2.0]), "b": (two, ["x"])})
    assert stacked.X["c"].dtype == pl.Categorical
    assert stacked.X["c"].to_list() == ["u", "v", "w"]
    assert stacked.X["e"].dtype == pl.Enum("sl")
    assert isinstance(stacked.y, pl.DataFrame)
    assert stacked.y["a"].to_list() == [1, 2, None]
    plain = stack_datasets({"a": (one, [1.0, None]), "b": (pl.DataFrame({"c": ["z"]}), np.array([np.nan]))})
    assert plain.X["c"].dtype == pl.String
    assert plain.X["e"].to_list() == ["l", "s", None]
    assert plain.y["a"].to_list() == [1, None, None]
    assert plain.y["b"].to_list() == [None, None, None]


def test_ordered_categories_keep_their_order_if_all_sets_agree():
    sizes = pd.CategoricalDtype(["s", "m", "l"], ordered=True)
    one, two = (
        pd.DataFrame({"size": pd.Series(["l", "s"], dtype=sizes)}),
        pd.DataFrame({"size": pd.Series(["m"], dtype=sizes)}),
    )
    stacked = stack_datasets({"a": (X2, one), "b": (X2[:1], two), "c": (X2, [1, 2])})
    assert stacked.y["size"].dtype == sizes
    for other in (
        pd.Series(["m"], dtype=pd.CategoricalDtype(["s", "l", "m"], ordered=True)),
        pd.Series(["m"], dtype=pd.CategoricalDtype(["s", "m", "l"])),
        pd.Series(["m"]),
    ):
        with pytest.raises(
            ValueError, match=r"Task 'size' has the ordered categories 's', 'm', 'l' in set 'a' and .*'b'"
        ):
            stack_datasets({"a": (X2, one), "b": (X2[:1], other.to_frame("size"))})


def test_integers_beside_numbers_become_numbers():
    stacked = stack_datasets({"a": (X2, pd.DataFrame({"t": [1, 2]})), "b": (X2, pd.DataFrame({"t": [0.5, None]}))})
    np.testing.assert_array_equal(stacked.y["t"], [1, 2, 0.5, np.nan])
    pl = pytest.importorskip("polars")
    stacked = stack_datasets({"a": (X2, pl.DataFrame({"t": [1, 2]})), "b": (X2, pl.DataFrame({"t": [0.5, None]}))})
    assert stacked.y["t"].to_list() == [1, 2, 0.5, None]


# Forms of X


@pytest.mark.parametrize("kind", [csr_matrix, csr_array, csc_array])
def test_sparse_matrices_become_one_csr_matrix(kind):
    for other in (kind(X2), X2):
        X = stack_datasets({"a": (kind(X1), [1, 2, 3]), "b": (other, [1, 2])}).X
        assert issparse(X)
        assert X.format == "csr"
        np.testing.assert_array_equal(X.toarray(), np.vstack([X1, X2]))


def test_texts_are_joined():
    texts = np.array(["a b", "c"], dtype=object)
    for one, two in ((texts, texts), (texts.tolist(), ["a longer text"] * 2), (np.array(["a", "b"]), texts)):
        X = stack_datasets({"a": (one, [1, 2]), "b": (two, [1, 2])}).X
        assert X.tolist() == [*one, *two]
        assert X.shape == (4,)
    series = pd.Series(texts, name="text", index=[5, 6])
    X = stack_datasets({"a": (series, [1, 2]), "b": (series, [1, 2])}).X
    pd.testing.assert_series_equal(X, pd.Series([*texts, *texts], name="text"))


def test_arrays_keep_further_axes_and_numbers_beside_strings():
    images = np.arange(24.0).reshape(2, 3, 4)
    assert stack_datasets({"a": (images, [1, 2]), "b": (images[:1], [1])}).X.shape == (3, 3, 4)
    X = stack_datasets({"a": ([[1, "u"]], [1]), "b": (np.array([[2.5, 3.5]]), [1])}).X
    assert X.tolist() == [[1, "u"], [2.5, 3.5]]


# Weights


@pytest.mark.parametrize("evenness", [0, 0.5, 0.8, 1])
def test_a_set_of_n_rows_weighs_n_to_the_power_of_one_minus_evenness(evenness):
    sizes = {"a": 4, "b": 16, "c": 100}
    sets = {name: (np.zeros((n, 1)), np.zeros(n)) for name, n in sizes.items()}
    stacked = stack_datasets(sets, evenness=evenness)
    totals = np.array([stacked.sample_weight[stacked.dataset == name].sum() for name in sizes])
    expected = np.array([4, 16, 100]) ** (1 - evenness)
    np.testing.assert_allclose(totals / totals[0], expected / expected[0], rtol=1e-12)
    assert stacked.sample_weight.mean() == pytest.approx(1, rel=1e-12)


def test_the_default_is_the_square_root():
    stacked = stack_datasets({"a": (np.zeros((4, 1)), np.zeros(4)), "b": (np.zeros((100, 1)), np.zeros(100))})
    assert stacked.sample_weight[0] / stacked.sample_weight[-1] == pytest.approx(5)


def test_even_weights_put_a_shared_task_between_the_sets():
    rng = np.random.default_rng(0)
    slopes, sizes = {"few": 1.0, "many": -1.0}, {"few": 20, "many": 2000}
    sets = {}
    for name, slope in slopes.items():
        x = rng.choice([-1.0, 1.0], size=(sizes[name], 1))
        sets[name] = (x, pd.DataFrame({"t": slope * x[:, 0]}))
    for evenness, expected in ((0, (20 - 2000) / 2020), (1, 0)):
        stacked = stack_datasets(sets, evenness=evenness)
        line = Ridge(alpha=1e-9, fit_intercept=False).fit(stacked.X, stacked.y["t"], stacked.sample_weight)
        assert line.coef_[0] == pytest.approx(expected, abs=1e-6)


# What it is for


def test_estimators_take_what_comes_out():
    rng = np.random.default_rng(0)
    one = pd.DataFrame({"a": rng.normal(size=40), "n": rng.integers(9, size=40), "f": rng.random(40) > 0.5})
    two = pd.DataFrame({"a": rng.normal(size=30), "c": rng.choice(["u", "v"], 30)})
    grade, price = rng.integers(3, size=40), rng.normal(size=30)
    stacked = stack_datasets({"grade": (one, grade), "price": (two, price)})
    assert TableEncoder().build().fit_matrix(stacked.X).shape[0] == 70
    model = MultiTaskEstimator((8,), max_iter=2, n_estimators=1, random_state=0)
    model.fit(stacked.X, stacked.y, sample_weight=stacked.sample_weight)
    assert model.task_types_ == {"grade": "classification", "price": "regression"}
    assert model.classes_["grade"].tolist() == [0, 1, 2]
    assert np.isfinite(model.score(stacked.X, stacked.y))


# Errors


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ({}, "datasets is an empty dict; give a dict of sets by name"),
        ([(X1, [1, 2, 3])], "datasets is a list; give a dict"),
        ({1: (X1, [1, 2, 3])}, "name of a set must be a string, got 1"),
        ({"a": X1}, r"Set 'a' is a ndarray; give a pair \(X, y\)"),
        ({"a": (X1, [1, 2, 3], [1, 1, 1])}, r"Set 'a' is a tuple of 3; give a pair"),
        ({"a": (X1, None)}, "y of set 'a' is None"),
        ({"a": (X1, [1, 2])}, "X of set 'a' has 3 rows, but its y has 2"),
        ({"a": (X1[:0], [])}, "Set 'a' has no rows; leave it out"),
        ({"a": (3.0, [1])}, "X of set 'a' is the single value 3.0"),
        ({"a": ([[1], [1, 2]], [1, 2])}, "X of set 'a' is not a rectangular array"),
        ({"a": (X1, np.zeros((3, 1, 1)))}, r"y of set 'a' has the shape \(3, 1, 1\)"),
        ({"a": (X1, np.zeros((3, 0)))}, r"y of set 'a' has no columns: shape \(3, 0\)"),
        ({"a": (X1, csr_array(X1))}, r"y of set 'a' is a sparse csr_array; .*y\.toarray\(\)"),
        ({"a": (pd.DataFrame(index=[1, 2]), [1, 2])}, "X of set 'a' has no columns"),
        (
            {"a": (X1, [1, 2, 3]), "b": (np.zeros((2, 5)), [1, 2])},
            r"X of set 'a' has the shape \(3, 2\) and X of set 'b' \(2, 5\).*data frames",
        ),
        (
            {"a": (pd.DataFrame(X1), [1, 2, 3]), "b": (X2, [1, 2])},
            "X of set 'a' is a data frame and X of set 'b' an array. Give all X in one form",
        ),
        (
            {"a": (pd.Series(["u"]), [1]), "b": (["v"], [1])},
            "X of set 'a' is a Series and X of set 'b' an array of one axis",
        ),
        (
            {"a": (pd.DataFrame(X1, columns=["v", "v"]), [1, 2, 3])},
            "X of set 'a' has several columns of the same name: 'v'",
        ),
        (
            {"a": (X1, pd.DataFrame(X1, columns=["v", "v"]))},
            "y of set 'a' has several columns of the same name: 'v'",
        ),
    ],
)
def test_bad_sets_are_refused(datasets, message):
    with pytest.raises(ValueError, match=message):
        stack_datasets(datasets)


@pytest.mark.parametrize(
    ("one", "two", "kinds"),
    [
        ([1.5, 2.5], ["u", "v"], "numbers in set 'a' and strings in set 'b'"),
        ([True, False], [0, 1], "booleans in set 'a' and numbers in set 'b'"),
        (pd.Series([True, None], dtype=object), [0, 1], "booleans in set 'a' and numbers in set 'b'"),
        (pd.Series([1, "u"], dtype=object), ["u", "v"], "numbers and strings in set 'a' and strings in set 'b'"),
        (pd.Categorical([1, 2]), ["u", "v"], "numbers in set 'a' and strings in set 'b'"),
        (pd.to_datetime(["2020", "2021"]), ["u", "v"], "dates in set 'a' and strings in set 'b'"),
        (
            pd.to_datetime(["2020", "2021"]),
            pd.to_datetime(["2020", "2021"]).tz_localize("UTC"),
            "dates in set 'a' and dates of the time zone UTC in set 'b'",
        ),
        (pd.to_timedelta([1, 2], unit="s"), [1, 2], "durations in set 'a' and numbers in set 'b'"),
        (pd.Series([{}, {}]), [1, 2], "dict in set 'a' and numbers in set 'b'"),
        (pd.period_range("2020", periods=2, freq="M"), [1, 2], r"period\[M\] in set 'a' and numbers in set 'b'"),
    ],
)
def test_a_column_or_task_of_different_kinds_is_refused(one, two, kinds):
    one, two = pd.DataFrame({"v": one}), pd.DataFrame({"v": two})
    with pytest.raises(ValueError, match=f"Column 'v' holds {kinds}. Give it one kind in all sets, or another name"):
        stack_datasets({"a": (one, [1, 2]), "b": (two, [1, 2])})
    with pytest.raises(ValueError, match=f"Task 'v' holds {kinds}"):
        stack_datasets({"a": (X2, one), "b": (X2, two)})


def test_frames_of_several_libraries_are_refused():
    pl = pytest.importorskip("polars")
    one, two = pd.DataFrame(X2, columns=["u", "v"]), pl.DataFrame(X2, schema=["u", "v"])
    with pytest.raises(ValueError, match=r"X of set 'a' is of pandas and X of set 'b' is of polars.*to_pandas\(\)"):
        stack_datasets({"a": (one, [1, 2]), "b": (two, [1, 2])})
    with pytest.raises(ValueError, match="X of set 'a' is of pandas and y of set 'b' is of polars"):
        stack_datasets({"a": (one, [1, 2]), "b": (one, pl.Series([1, 2]))})
    with pytest.raises(ValueError, match=r"X of set 'a' is a lazy LazyFrame. Read it first: collect\(\)"):
        stack_datasets({"a": (two.lazy(), [1, 2])})


def test_frames_of_other_libraries_are_refused():
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match="X of set 'a' is a Table of pyarrow; give a data frame of pandas or polars"):
        stack_datasets({"a": (pa.table({"v": [1, 2]}), [1, 2])})


@pytest.mark.parametrize("evenness", [-0.1, 1.1, "balanced", None])
def test_evenness_outside_its_range_is_refused(evenness):
    with pytest.raises(ValueError, match="'evenness' parameter of stack_datasets must be a float in the range"):
        stack_datasets({"a": (X1, [1, 2, 3])}, evenness=evenness)


def test_arrays_without_pandas_say_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"stack_datasets needs pandas.*give the labels as data frames of polars"):
        stack_datasets({"a": (X1, [1, 2, 3])})
