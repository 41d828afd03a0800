import copy
import datetime as dt
import pickle

import numpy as np
import pytest
from sklearn.base import clone

from skmtl.features import TableEncoder

NAN = np.nan


def fit_matrix(X, **settings):
    return TableEncoder(**settings).build().fit_matrix(X)


def objects(*columns):
    X = np.empty((len(columns[0]), len(columns)), dtype=object)
    for place, column in enumerate(columns):
        X[:, place] = list(column)
    return X


# Names


def test_columns_are_found_by_name(pd, pl):
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"], "c": [3.0, 4.0]})
    reader = TableEncoder().build()
    matrix = reader.fit_matrix(frame)
    np.testing.assert_array_equal(reader.matrix(frame[["c", "a", "b"]]), matrix)
    np.testing.assert_array_equal(reader.matrix(pl.DataFrame({name: frame[name].to_list() for name in "bca"})), matrix)
    np.testing.assert_array_equal(reader.matrix(frame.to_numpy()), matrix)


def test_columns_of_numbers_are_found_by_name(pd):
    frame = pd.DataFrame(np.arange(6.0).reshape(2, 3), columns=list("abc"))
    reader = TableEncoder().build()
    matrix = reader.fit_matrix(frame)
    later = reader.matrix(frame[["b", "c", "a"]])
    np.testing.assert_array_equal(later, matrix)
    assert matrix.flags.c_contiguous
    assert later.flags.c_contiguous


def test_missing_and_unknown_columns_are_named(pd):
    reader = TableEncoder().build()
    reader.fit_matrix(pd.DataFrame({"a": [1.0], "b": [2.0]}))
    message = r"should match those .*during fit\.\nFeature names unseen at fit time:\n- c\nFeature .* missing:\n- b\n"
    with pytest.raises(ValueError, match=message):
        reader.matrix(pd.DataFrame({"a": [1.0], "c": [2.0]}))
    with pytest.raises(ValueError, match="X has 3 features, but TableReader is expecting 2 features as input"):
        reader.matrix(np.ones((1, 3)))


def test_columns_may_have_numbers_as_names(pd):
    frame = pd.DataFrame([[1.0, "x"], [np.inf, "y"]])
    with pytest.raises(ValueError, match="column '0', row 1"):
        fit_matrix(frame)
    assert fit_matrix(frame.iloc[:1]).tolist() == [[1, 0]]


# Rows that count


def test_rows_that_do_not_count_teach_nothing(pd):
    frame = pd.DataFrame(
        {
            "n": [1.0, 2.0, 3.0],
            "job": ["x", "y", "z"],
            "coded": pd.Categorical(["x", "y", "z"]),
            "empty": [None, None, "w"],
            "day": pd.to_datetime(["2020-01-01 00:00", "2020-01-02 00:00", "2020-01-03 04:00"]),
            "when": pd.Series([pd.Timestamp(2020, 1, 1), None, pd.Timestamp(1577836800000000001)], dtype=object),
        }
    )
    rows = np.array([0, 1])
    some, alone = TableEncoder().build(), TableEncoder().build()
    matrix = some.fit_matrix(frame, rows)
    np.testing.assert_array_equal(alone.fit_matrix(frame.iloc[:2]), matrix[:2])
    assert some.layout == alone.layout
    assert len(matrix) == 3
    np.testing.assert_array_equal(alone.matrix(frame), matrix)
    assert matrix[2, :3].tolist() == [3, -1, -1]
    np.testing.assert_array_equal(alone.fit_matrix(frame, np.array([], int)), some.fit_matrix(frame))


# Another kind at predict


@pytest.mark.parametrize(
    ("at_fit", "later", "message"),
    [
        ([1.0, 2.0], ["a", "b"], "X holds categories in column 'x', where it held numbers when the model was fitted"),
        (["a", "b"], [1.0, 2.0], "X holds numbers in column 'x', where it held categories"),
        (
            [dt.date(2020, 1, 1), None],
            ["2020-01-01", None],
            "holds categories in column 'x', where it held dates without",
        ),
        ([dt.timedelta(1), None], [1, 2], "holds numbers in column 'x', where it held durations"),
    ],
)
def test_a_column_that_changes_its_kind_is_named(pd, at_fit, later, message):
    reader = TableEncoder().build()
    reader.fit_matrix(pd.DataFrame({"x": pd.Series(at_fit, dtype=object)}))
    with pytest.raises(ValueError, match=message):
        reader.matrix(pd.DataFrame({"x": later}))


def test_arrays_of_numbers_are_refused_where_categories_were():
    reader = TableEncoder().build()
    reader.fit_matrix(objects([1, 2], ["a", "b"]))
    with pytest.raises(ValueError, match="numbers in column 1, where it held categories"):
        reader.matrix(np.ones((2, 2)))


def test_columns_without_values_fit_any_kind(pd):
    frame = pd.DataFrame(
        {"n": [1.0, 2.0], "c": ["a", "b"], "d": pd.to_datetime(["2020-01-01 01:00", "2020-01-02 00:00"])}
    )
    reader = TableEncoder().build()
    width = reader.fit_matrix(frame).shape[1]
    for empty in (np.nan, None, pd.NA, pd.NaT):
        later = pd.DataFrame({name: [empty, empty] for name in frame})
        assert np.isnan(reader.matrix(later)).all()
        assert reader.matrix(later).shape == (2, width)


def test_a_column_without_values_at_fit_is_ignored_later(pd):
    reader = TableEncoder().build()
    reader.fit_matrix(pd.DataFrame({"a": [None, None], "b": [1.0, 2.0]}))
    assert reader.layout.names == ["a", "b"]
    for values in (["x", "y"], [1, 2], [dt.date(2020, 1, 1)] * 2):
        np.testing.assert_array_equal(reader.matrix(pd.DataFrame({"a": values, "b": [1.0, 2.0]})), [[NAN, 1], [NAN, 2]])


# Layout and specification


def test_the_layout_names_the_columns_of_the_matrix(pd):
    frame = pd.DataFrame({"a": [1, 2], "when": [dt.date(2020, 1, 1), None], "job": ["x", None]})
    reader = TableEncoder().build()
    reader.fit_matrix(frame)
    parts = [f"when ({part})" for part in ("trend", "year sin", "year cos", "week sin", "week cos")]
    assert reader.layout.names == ["a", *parts, "job"]
    assert reader.layout.source == [0, 1, 1, 1, 1, 1, 2]
    assert reader.layout.categories == {6: ["x"]}
    assert reader.names == ["a", "when", "job"]


def test_readers_can_be_copied_and_pickled(pd):
    frame = pd.DataFrame({"a": [1, 2], "when": pd.to_datetime(["2020-01-01", None]), "job": ["x", None]})
    reader = TableEncoder(max_one_hot=3).build()
    matrix = reader.fit_matrix(frame)
    for again in (copy.deepcopy(reader), pickle.loads(pickle.dumps(reader))):
        np.testing.assert_array_equal(again.matrix(frame), matrix)
        assert again.layout == reader.layout


def test_the_standardizer_has_the_settings_of_the_encoder():
    reader = TableEncoder(max_one_hot=2, min_frequency=1, embedding_size=7).build()
    matrix = reader.fit_matrix(objects(["a", "b", "c"]))
    standardizer = reader.standardizer().update(matrix, None, np.ones(3))
    assert (standardizer.n_embedded, standardizer.embedding_size) == (1, 7)


def test_a_specification_only_stores_until_it_builds():
    encoder = TableEncoder(max_one_hot="many")
    assert clone(encoder).get_params() == encoder.get_params()
    for bad in ({"max_one_hot": -1}, {"min_frequency": 0}, {"embedding_size": "large"}, {"max_one_hot": "many"}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            TableEncoder(**bad).build()
    assert TableEncoder().set_params(min_frequency=2).build().min_frequency == 2
