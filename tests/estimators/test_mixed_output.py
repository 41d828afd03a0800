"""What `MultiTaskEstimator` gives back: frames, arrays and dicts, in the kinds that came in."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, r2_score

from skmtl import MultiTaskEstimator

rng = np.random.default_rng(1)
N = 48
X = pd.DataFrame(rng.normal(size=(N, 2)), columns=["u", "v"], index=[f"row {place}" for place in range(N)])
SIDE = (X["u"] > 0).to_numpy()
THIRD = np.digitize(X["v"], [-0.4, 0.4])


def make(task_types=None, **params):
    params = {"hidden_layer_sizes": (4,), "max_iter": 4, "n_estimators": 2, "random_state": 0, **params}
    return MultiTaskEstimator(task_types=task_types, **params)


def of_rows(values, dtype=None):
    return pd.Series(values, index=X.index, dtype=dtype)


KINDS = {
    "float32": (of_rows(X["u"] + 1, np.float32), None),
    "float64": (of_rows(X["u"] + 1), None),
    "Float64": (of_rows(X["u"] + 1, "Float64"), None),
    "int8": (of_rows(THIRD, np.int8), None),
    "uint16": (of_rows(THIRD, np.uint16), "ordinal"),
    "Int64": (of_rows(THIRD, "Int64"), None),
    "bool": (of_rows(SIDE), None),
    "boolean": (of_rows(SIDE, "boolean"), None),
    "str": (of_rows(np.array(["poor", "fair", "good"])[THIRD], "str"), None),
    "object": (of_rows(np.array(["poor", "fair", "good"], dtype=object)[THIRD], object), None),
    "category": (of_rows(pd.Categorical.from_codes(THIRD, ["poor", "fair", "good"])), None),
    "ordered category": (of_rows(pd.Categorical.from_codes(THIRD, ["poor", "fair", "good"], ordered=True)), "ordinal"),
    "whole categories": (of_rows(pd.Categorical(THIRD)), None),
    "intervals": (of_rows(pd.cut(X["v"], 3)), "ordinal"),
    "whole floats": (of_rows(THIRD * 10.0), "classification"),
}
FRAME = pd.DataFrame({name: labels for name, (labels, _) in KINDS.items()})
TYPES = {name: kind for name, (_, kind) in KINDS.items() if kind is not None}


def with_holes(frame):
    """Return the frame with every fourth label missing, where the dtype has room for a hole."""
    holey = frame.copy()
    for place, name in enumerate(frame):
        if name not in ("int8", "uint16", "bool"):
            holey.loc[X.index[place % 4 :: 4], name] = None
    return holey


# Frames


def test_every_column_comes_back_in_its_own_dtype():
    predicted = make(TYPES).fit(X, FRAME).predict(X)
    pd.testing.assert_index_equal(predicted.index, X.index)
    pd.testing.assert_series_equal(predicted.dtypes, FRAME.dtypes)
    assert not predicted.isna().to_numpy().any()
    for name in predicted.columns[3:]:
        assert set(predicted[name]) <= set(FRAME[name])


def test_holes_in_y_change_no_dtype_and_are_filled():
    y = with_holes(FRAME)
    assert y.isna().to_numpy().any()
    predicted = make({**TYPES, "boolean": "classification"}).fit(X, y).predict(X)
    pd.testing.assert_series_equal(predicted.dtypes, y.dtypes)
    assert not predicted.isna().to_numpy().any()


def test_whole_numbers_that_are_regressed_or_counted_become_floats():
    y = pd.DataFrame({"many": np.arange(N), "few": THIRD.astype(np.int8), "null": pd.array(THIRD, dtype="Int64")})
    predicted = make({"many": "regression", "few": "regression", "null": "count"}).fit(X, y).predict(X)
    assert predicted.dtypes.tolist() == [np.dtype(float)] * 3


def test_rows_are_labelled_as_those_of_x_are():
    model = make().fit(X.to_numpy(), FRAME[["float32", "str"]])
    assert model.predict(X.to_numpy()[:5]).index.tolist() == list(range(5))
    named = make().fit(X, FRAME[["float32", "str"]].reset_index(drop=True))
    assert named.predict(X[10:13]).index.tolist() == ["row 10", "row 11", "row 12"]


def test_rows_of_a_list_are_numbered():
    model = make().fit(X.to_numpy(), FRAME[["float32", "str"]])
    assert model.predict(X.to_numpy().tolist()).index.tolist() == list(range(N))


def test_column_labels_of_y_stay_as_they_are():
    y = FRAME[["float32", "str"]].set_axis([7, 3], axis=1)
    model = make({3: "classification"}).fit(X, y)
    assert model.task_names_ == ["7", "3"]
    assert model.predict(X).columns.tolist() == [7, 3]


def test_one_row_has_the_dtypes_of_all():
    model = make(TYPES).fit(X, FRAME)
    one = model.predict(X[:1])
    pd.testing.assert_series_equal(one.dtypes, FRAME.dtypes)
    assert one.shape == (1, len(KINDS))


def test_polars_frames_come_back_with_their_schema():
    pl = pytest.importorskip("polars")
    words = FRAME["str"].tolist()
    y = pl.DataFrame(
        {
            "price": pl.Series(FRAME["float32"].to_numpy()),
            "grade": pl.Series(words, dtype=pl.Enum(["poor", "fair", "good"])),
            "word": pl.Series(words, dtype=pl.Categorical),
            "text": words,
            "side": SIDE,
            "stars": pl.Series([None, *THIRD[1:].tolist()], dtype=pl.Int16),
        }
    )
    model = make({"grade": "ordinal"}).fit(X, y)
    assert model.predict(X).schema == y.schema
    assert model.classes_["grade"].tolist() == ["poor", "fair", "good"]
    assert model.predict(pl.from_pandas(X.reset_index(drop=True))).equals(model.predict(X))
    counted = make({"stars": "count"}).fit(X, y).predict(X)
    assert counted.schema["stars"] == pl.Float64


def test_both_libraries_learn_the_same():
    pl = pytest.importorskip("polars")
    y = FRAME[["float64", "str", "int8", "bool"]]
    of_pandas = make().fit(X, y).predict(X)
    of_polars = make().fit(X, pl.DataFrame({name: y[name].to_list() for name in y})).predict(X)
    assert of_polars["str"].to_list() == of_pandas["str"].tolist()
    np.testing.assert_array_equal(of_polars["float64"].to_numpy(), of_pandas["float64"])


# Arrays


def test_arrays_are_floats_or_objects():
    floats = make(["regression", "classification"]).fit(X, np.column_stack([X["u"], THIRD])).predict(X)
    assert floats.dtype == float
    assert set(floats[:, 1]) <= {0.0, 1.0, 2.0}
    whole = make("classification").fit(X, np.column_stack([THIRD, SIDE])).predict(X)
    assert whole.dtype.kind == "i"
    y = np.empty((N, 3), dtype=object)
    y[:, 0], y[:, 1], y[:, 2] = X["u"], FRAME["str"], SIDE
    kinds = make().fit(X, y).predict(X)
    assert [type(value) for value in kinds[0]] == [float, str, bool]
    assert make().fit(X, y.tolist()).predict(X).tolist() == kinds.tolist()


@pytest.mark.parametrize("name", KINDS)
def test_one_series_gives_an_array_of_its_labels(name):
    labels, kind = KINDS[name]
    model = make(None if kind is None else {name: kind}).fit(X, labels.rename(name))
    predicted = model.predict(X)
    assert isinstance(predicted, np.ndarray)
    assert predicted.shape == (N,)
    (task_type,) = model.task_types_.values()
    assert hasattr(model, "predict_proba") == hasattr(model, "classes_") == (task_type != "regression")
    if task_type != "regression":
        probabilities = model.predict_proba(X)
        assert probabilities.shape == (N, len(model.classes_))
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
        assert (predicted == model.classes_[probabilities.argmax(axis=1)]).all()


def test_one_column_of_a_group_gives_an_array_of_its_second_value():
    model = make("multilabel").fit(X, SIDE)
    assert model.task_types_ == {"multilabel": "multilabel"}
    assert model.task_columns_ == {"multilabel": ["y0"]}
    assert not hasattr(model, "classes_")
    np.testing.assert_array_equal(model.predict_proba(X)[:, 0] > 0.5, model.predict(X))


def test_a_polars_series_gives_an_array():
    pl = pytest.importorskip("polars")
    model = make().fit(X, pl.Series("word", FRAME["str"].tolist()))
    assert model.task_names_ == ["word"]
    assert set(model.predict(X)) <= {"poor", "fair", "good"}


def test_a_new_fit_leaves_nothing_of_the_last():
    model = make().fit(X, FRAME["str"])
    model.fit(X, FRAME["float64"])
    assert not hasattr(model, "classes_")
    assert not hasattr(model, "predict_proba")
    assert isinstance(model.fit(X, FRAME[["float64"]]).predict(X), pd.DataFrame)
    assert isinstance(model.fit(X, FRAME[["float64"]].to_numpy()).predict(X), np.ndarray)


def test_a_frame_of_one_column_is_no_single_dimension():
    model = make().fit(X, FRAME[["str"]])
    assert model.predict(X).shape == (N, 1)
    assert list(model.predict_proba(X)) == list(model.classes_) == ["str"]


# Probabilities and tasks that are not learned


def test_the_second_value_of_a_groups_column_is_its_larger_one():
    y = pd.DataFrame({"word": np.where(SIDE, "yes", "no"), "side": SIDE, "sign": np.where(SIDE, 1, -1)})
    model = make({"tags": list(y)}, max_iter=60).fit(X, y)
    assert model.classes_ == {}
    probabilities = model.predict_proba(X)["tags"]
    assert probabilities.shape == (N, 3)
    assert (probabilities[SIDE].mean(axis=0) > probabilities[~SIDE].mean(axis=0)).all()
    assert (model.predict(X)["word"] == np.where(probabilities[:, 0] > 0.5, "yes", "no")).all()


def test_tasks_that_are_not_learned_are_predicted_by_constants():
    y = FRAME[["float64", "str", "int8"]]
    model = make(task_weights={"float64": 0, "str": 0}).fit(X, y)
    predicted = model.predict(X)
    np.testing.assert_allclose(predicted["float64"], y["float64"].mean())
    assert set(predicted["str"]) == {y["str"].mode()[0]}
    shares = y["str"].value_counts(normalize=True)
    np.testing.assert_allclose(model.predict_proba(X)["str"][0], shares[model.classes_["str"]])


def test_a_task_that_was_never_labelled_is_predicted_as_missing():
    y = FRAME[["float64", "str", "int8"]].assign(str=None, float64=np.nan)
    model = make({"float64": "regression"}, task_weights={"float64": 0, "str": 0}).fit(X, y)
    assert model.predict(X)[["float64", "str"]].isna().all(axis=None)
    assert model.predict_proba(X)["str"].shape == (N, 0)


# Scores


def test_out_of_fold_scores_are_those_of_the_out_of_fold_predictions():
    y = with_holes(FRAME[["float64", "str", "bool", "Int64"]])
    model = make({"tags": ["bool"], "Int64": "count"}, early_stopping=True, n_estimators=5).fit(X, y)
    found, there = model.oof_prediction_, y.notna()
    guessed = model.classes_["str"][found["str"].argmax(axis=1)]
    expected = {
        "float64": r2_score(y["float64"][there["float64"]], found["float64"][there["float64"]]),
        "str": accuracy_score(y["str"][there["str"]], guessed[there["str"]]),
        "tags": accuracy_score(y["bool"], found["tags"][:, 0] > 0.5),
        "Int64": r2_score(y["Int64"][there["Int64"]].astype(int), found["Int64"][there["Int64"]]),
    }
    assert model.oof_task_scores_ == pytest.approx(expected)
    assert model.oof_score_ == pytest.approx(np.mean(list(expected.values())))


def test_out_of_fold_predictions_are_missing_where_nothing_was_labelled():
    y = FRAME[["float64", "str"]].copy()
    y.iloc[3] = None
    found = make(early_stopping=True, n_estimators=5).fit(X, y).oof_prediction_
    assert np.flatnonzero(np.isnan(found["float64"])).tolist() == [3]
    assert np.flatnonzero(np.isnan(found["str"]).all(axis=1)).tolist() == [3]


def test_tasks_without_labels_are_left_out_of_the_score():
    model = make({"tags": ["bool", "boolean"]}).fit(X, FRAME[["float64", "str", "bool", "boolean"]])
    y, predicted = FRAME[["float64", "str", "bool", "boolean"]], model.predict(X)
    numbers = r2_score(y["float64"], predicted["float64"])
    tags = [accuracy_score(y[name].astype(bool), predicted[name].astype(bool)) for name in ("bool", "boolean")]
    assert model.score(X, y.assign(str=None)) == pytest.approx(np.mean([numbers, np.mean(tags)]))
    assert model.score(X, y.assign(str=None, bool=None)) == pytest.approx(np.mean([numbers, tags[1]]))
    with pytest.raises(ValueError, match=r"y has no label of positive weight in any of the tasks \['float64', 'str',"):
        model.score(X, y.assign(float64=np.nan, str=None, bool=None, boolean=None))


def test_scores_take_weights_of_rows_and_of_labels():
    model = make().fit(X, FRAME[["float64", "str"]])
    y, predicted = FRAME[["float64", "str"]], model.predict(X)
    weights = rng.uniform(size=N)
    expected = [
        r2_score(y["float64"], predicted["float64"], sample_weight=weights),
        accuracy_score(y["str"], predicted["str"], sample_weight=weights),
    ]
    assert model.score(X, y, sample_weight=weights) == pytest.approx(np.mean(expected))
    only_words = np.column_stack([np.zeros(N), weights])
    assert model.score(X, y, sample_weight=only_words) == pytest.approx(expected[1])
