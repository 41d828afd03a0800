"""X as people have it: what the encoder makes of it never depends on how it came."""

import datetime
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

from skmtl import MultiTaskClassifier, MultiTaskRegressor
from skmtl.features import TableEncoder
from skmtl.nn import ModuleTrunk

rng = np.random.default_rng(0)
N = 60
X = pd.DataFrame(
    {
        "size": rng.normal(50, 10, N),
        "rooms": rng.integers(1, 6, N),
        "city": rng.choice(["Bergen", "Oslo", "Tromsø"], N),
        "sold": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, N), unit="D"),
        "garden": rng.random(N) < 0.5,
    }
)
Y = np.column_stack([X["size"] + 20 * (X["city"] == "Oslo"), X["rooms"] * X["garden"]]) + rng.normal(size=(N, 2))


def make(**params):
    params = {"hidden_layer_sizes": (4,), "max_iter": 5, "n_estimators": 2, "random_state": 0, **params}
    return MultiTaskRegressor(**params)


def with_holes(frame):
    frame = frame.copy()
    frame.loc[::7, "size"] = np.nan
    frame.loc[3::9, "city"] = None
    return frame


# However it comes


def test_a_frame_of_numbers_gives_the_model_of_its_array():
    numbers = X[["size", "rooms", "garden"]]
    array = numbers.to_numpy(dtype=float)
    np.testing.assert_array_equal(make().fit(numbers, Y).predict(numbers), make().fit(array, Y).predict(array))


@pytest.mark.parametrize("holes", [False, True])
def test_a_mixed_frame_gives_the_model_of_its_array_of_objects(holes):
    frame = with_holes(X) if holes else X
    array = frame.to_numpy(dtype=object)
    np.testing.assert_array_equal(make().fit(frame, Y).predict(frame), make().fit(array, Y).predict(array))


def test_polars_gives_the_model_of_pandas():
    pl = pytest.importorskip("polars")
    pandas = with_holes(X)
    city = [None if value is None or value != value else value for value in pandas["city"].tolist()]
    polars = pl.DataFrame(
        {
            "size": pl.Series(pandas["size"].to_numpy(), nan_to_null=True),
            "rooms": X["rooms"].to_numpy(),
            "city": city,
            "sold": pl.Series(X["sold"].to_numpy()),
            "garden": X["garden"].tolist(),
        }
    )
    ours, theirs = make().fit(pandas, Y), make().fit(polars, Y)
    np.testing.assert_array_equal(ours.predict(pandas), theirs.predict(polars))
    np.testing.assert_array_equal(ours.predict(pandas), theirs.predict(polars[list(X.columns[::-1])]))


def test_categories_give_the_model_of_strings():
    frame = X.astype({"city": "category"})
    np.testing.assert_array_equal(make().fit(X, Y).predict(X), make().fit(frame, Y).predict(frame))


def test_columns_are_found_by_name():
    model = make().fit(X, Y)
    assert model.feature_names_in_.tolist() == list(X.columns)
    assert model.n_features_in_ == 5
    np.testing.assert_array_equal(model.predict(X[list(X.columns[::-1])]), model.predict(X))
    assert model.score(X[list(X.columns[::-1])], Y) == model.score(X, Y)


def test_the_order_of_rows_does_not_matter():
    order = rng.permutation(N)
    frame = with_holes(X)
    permuted = make(batch_size=4096).fit(frame.iloc[order], Y[order])
    np.testing.assert_allclose(permuted.predict(frame), make(batch_size=4096).fit(frame, Y).predict(frame), rtol=1e-9)


# Weights


def test_weight_zero_is_an_absent_row_whose_categories_leave_no_trace():
    extra = pd.concat([with_holes(X), X.assign(city=[f"c{i}" for i in range(N)], size=1e9)], ignore_index=True)
    weight = np.repeat([1.0, 0.0], N)
    with_extra = make().fit(extra, np.vstack([Y, Y]), sample_weight=weight)
    np.testing.assert_allclose(with_extra.predict(X), make().fit(with_holes(X), Y).predict(X), rtol=1e-9)


def test_integer_weights_are_repeated_rows():
    frame, weight = with_holes(X), rng.integers(1, 4, N)
    repeated = np.repeat(np.arange(N), weight)
    by_weight = make(batch_size=4096).fit(frame, Y, sample_weight=weight)
    by_rows = make(batch_size=4096).fit(frame.iloc[repeated], Y[repeated])
    np.testing.assert_allclose(by_weight.predict(frame), by_rows.predict(frame), rtol=1e-7)


# What columns hold


def test_what_was_not_there_at_fit_is_no_error():
    model = make().fit(X, Y)
    strange = X.assign(city="Paris", size=np.nan, sold=pd.NaT)
    assert np.isfinite(model.predict(strange)).all()
    assert np.isfinite(model.predict(X.assign(city=None))).all()


def test_a_category_matters():
    model = make(max_iter=100, hidden_layer_sizes=(16,)).fit(X, Y)
    gain = model.predict(X.assign(city="Oslo"))[:, 0] - model.predict(X.assign(city="Bergen"))[:, 0]
    assert gain.mean() > 5  # 20 in truth, and few rows


def test_many_categories_are_embedded_and_learned():
    draws = np.random.default_rng(0)
    effect, place = draws.normal(size=40), draws.integers(0, 40, 1200)
    frame = pd.DataFrame({"id": np.char.add("c", place.astype(str)), "x": draws.normal(size=1200)})
    y = effect[place] + 0.1 * draws.normal(size=1200)
    model = make(hidden_layer_sizes=(32,), max_iter=40).fit(frame[:900], y[:900])
    assert model._model.standardizer.n_embedded == 1
    assert model.net_.module_.embedding.weight.shape[1] == 41
    assert model.score(frame[900:], y[900:]) > 0.8
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(frame), model.predict(frame))
    assert model.transform(frame[:3]).shape == (3, 64)


def test_ten_thousand_categories():
    frame = pd.DataFrame({"id": [f"user {number}" for number in range(10_000)]})
    model = make(max_iter=1).fit(frame, np.arange(10_000.0))
    assert np.isfinite(model.predict(frame[:5])).all()


def test_an_embedding_is_trained_under_a_trunk_of_your_own():
    frame = pd.DataFrame({"id": [f"c{number % 30}" for number in range(300)]})
    y = np.sin(np.arange(300) % 30)
    trunk = ModuleTrunk(torch.nn.LazyLinear, out_features=8)
    model = MultiTaskRegressor(trunk=trunk, max_iter=60, random_state=0, learning_rate_init=0.02).fit(frame, y)
    assert model.score(frame, y) > 0.8


def test_sparse_numbers_are_those_of_the_dense_matrix_but_for_their_centre():
    dense = np.where(rng.random((N, 6)) < 0.3, rng.normal(size=(N, 6)), 0.0)
    model = make().fit(csr_array(dense), Y)
    assert model._model.standardizer.n_outputs == 6
    assert np.isfinite(model.predict(csr_array(dense))).all()


# Codes of numbers


def width(model):
    return model._model.standardizer.n_outputs


def test_codes_are_for_the_built_in_trunk_with_hidden_layers():
    numbers = X[["size", "rooms"]]
    assert width(make().fit(numbers, Y)) > 2
    assert width(make(hidden_layer_sizes=()).fit(numbers, Y)) == 2
    assert width(make(encoder="passthrough").fit(numbers, Y)) == 2
    own = MultiTaskRegressor(trunk=ModuleTrunk(torch.nn.Linear, out_features=3), max_iter=2).fit(numbers, Y)
    assert width(own) == 2
    asked = MultiTaskRegressor(
        trunk=ModuleTrunk(torch.nn.Linear, out_features=3), encoder=TableEncoder(n_bins=2), max_iter=2
    ).fit(numbers, Y)
    assert width(asked) == 6


# Encoders of your own


def test_a_transformer_is_fitted_to_the_rows_with_labels_and_searched():
    encoder = make_column_transformer(
        (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["city"]), (StandardScaler(), ["size"])
    )
    y = Y.copy()
    y[:20] = np.nan
    model = make(encoder=encoder).fit(X, y)
    assert not hasattr(encoder, "transformers_")  # a clone is fitted
    fitted = model._model.reader.transformer
    np.testing.assert_allclose(fitted.named_transformers_["standardscaler"].mean_, X["size"][20:].mean())
    assert width(model) == 4
    search = GridSearchCV(model, {"encoder__standardscaler__with_mean": [True, False]}, cv=KFold(2)).fit(X, Y)
    assert len(search.cv_results_["params"]) == 2


def test_settings_of_the_table_encoder_are_searched():
    grid = {"encoder__n_bins": [0, 4], "encoder__max_one_hot": [2, 8]}
    search = GridSearchCV(make(encoder=TableEncoder()), grid, cv=KFold(2)).fit(X, Y)
    assert len(set(search.cv_results_["mean_test_score"])) == 4


def test_an_encoder_that_reads_labels_is_refused():
    with pytest.raises(ValueError, match=r"TargetEncoder.* needs y, but an encoder must not read the labels"):
        make(encoder=TargetEncoder()).fit(X[["city"]], Y[:, 0])


# Going on


def test_the_first_chunk_decides_about_categories_and_holes():
    model = make().partial_fit(X[:30], Y[:30])
    before = width(model)
    model.partial_fit(with_holes(X)[30:].assign(city="Paris"), Y[30:])
    assert width(model) == before
    assert np.isfinite(model.predict(with_holes(X))).all()


def test_a_first_chunk_without_labels_decides_about_the_width():
    model = make().partial_fit(with_holes(X), np.full_like(Y, np.nan))
    assert np.isfinite(model.partial_fit(with_holes(X), Y).predict(X)).all()


def test_warm_start_keeps_the_encoder():
    model = make(warm_start=True).fit(X, Y)
    reader = model._model.reader
    model.fit(X.assign(city="Paris"), Y)
    assert model._model.reader is reader


def test_a_classifier_reads_tables_too():
    y = np.column_stack([X["city"] == "Oslo", X["garden"]]).astype(int)
    model = MultiTaskClassifier((16,), max_iter=60, n_estimators=2, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.8


# Errors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.assign(size="big"), "X holds categories in column 'size', where it held numbers"),
        (
            lambda frame: frame.assign(sold=frame["sold"].dt.tz_localize("Europe/Oslo")),
            "X holds dates with a time zone in column 'sold', where it held dates without",
        ),
        (lambda frame: frame.rename(columns={"city": "town"}), r"(?s)unseen at fit time:\n- town"),
        (lambda frame: frame[:0], "Found array with 0 sample"),
        (lambda frame: frame.iloc[:, :4], "feature names should match"),
        (lambda frame: frame.assign(size=np.inf), "infinity in column 'size'"),
    ],
)
def test_wrong_tables_after_fit_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        make().fit(X, Y).predict(change(X))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.concat([X, X[["size"]]], axis=1), r"several columns of the same name: \['size'\]"),
        (X.assign(city=[1, "a"] * (N // 2)), "Cannot encode column 'city': it mixes numbers"),
        (
            X.assign(
                sold=[datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), datetime.datetime(2024, 1, 1)] * (N // 2)
            ),
            "column 'sold': it mixes dates with a time zone",
        ),
    ],
)
def test_unfit_tables_name_the_column(frame, message):
    with pytest.raises(ValueError, match=message):
        make().fit(frame, Y)


def test_free_text_that_is_not_to_be_read_is_refused():
    texts = X.assign(city=[f"a rather long text of many words, number {number}" for number in range(N)])
    with pytest.raises(ValueError, match="Cannot encode column 'city': it holds free text"):
        make(encoder=TableEncoder(text_columns=None)).fit(texts, Y)


def test_dicts_in_a_column_are_refused():
    with pytest.raises(TypeError, match="column 'city': in row 0 it holds the dict"):
        make().fit(X.assign(city=[{"name": "Oslo"}] * N), Y)


@pytest.mark.parametrize("names", [None, [], "auto"])
def test_a_frame_without_texts_and_lists_gives_the_same_model_whatever_is_said_of_texts(names):
    expected = make().fit(X, Y)
    model = make(encoder=TableEncoder(text_columns=names)).fit(X, Y)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    assert type(model.net_.module_.trunk).__name__ == "MLP"


@pytest.mark.parametrize("encoder", ["passthrough", TableEncoder()], ids=str)
def test_encoders_of_columns_say_what_to_do_with_arrays_of_more_dimensions(encoder):
    with pytest.raises(ValueError, match=r"dim 3"):
        MultiTaskRegressor(encoder=encoder, max_iter=1).fit(np.zeros((N, 2, 2)), Y)
