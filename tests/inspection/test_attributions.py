"""What each column, word or pixel adds to a prediction."""

import builtins

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.preprocessing import PolynomialFeatures

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.features import TextEncoder
from skmtl.inspection import attributions
from skmtl.losses import Quantile
from skmtl.nn import BagTrunk, ConvTrunk, RecurrentTrunk, TextTrunk
from skmtl.tasks import EntireSpaceChain

rng = np.random.default_rng(0)
N = 120
X = rng.normal(size=(N, 4)) * [1, 10, 0.1, 1] + [0, 5, 0, 3]
Y = np.column_stack([X[:, 0] * X[:, 3] + X[:, 1], np.abs(X[:, 0]) + 30 * X[:, 2]])
NETWORK = {"companions": None, "max_iter": 15, "n_estimators": 2, "random_state": 0}
SENTENCES = ["a good day", "a bad night", "good, good fun!", "what a bad idea", "so good", "not bad", "", "a day"] * 8


def assert_complete(found, rtol=0.02):
    moved = np.abs(found.predicted - found.baseline)
    assert (np.abs(found.residual) <= rtol * moved.max() + 1e-6).all()
    assert moved.max() > 0.01  # something was learned


# Completeness, and what is explained


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_attributions_of_numbers_sum_to_what_predict_says(activation):
    model = MultiTaskRegressor((16,), activation=activation, **NETWORK).fit(X, Y)
    for task, column in (("y0", 0), ("y1", 1)):
        found = attributions(model, X, task=task, baseline=X[:1])
        np.testing.assert_allclose(found.predicted, model.predict(X)[:, column], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found.baseline, model.predict(X)[0, column], rtol=1e-5)
        assert_complete(found)
        assert np.abs(found.values[0]).max() < 1e-6  # the baseline itself


def test_more_steps_are_exacter():
    model = MultiTaskRegressor((16,), activation="tanh", **NETWORK).fit(X, Y)
    errors = [np.abs(attributions(model, X, task="y0", n_steps=steps).residual).max() for steps in (2, 4, 16)]
    assert errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize("sharing", ["mmoe", "independent", "cross_stitch"])
def test_every_way_of_sharing_is_explained(sharing):
    model = MultiTaskRegressor((8, 8), sharing=sharing, **NETWORK).fit(X, Y)
    found = attributions(model, X[:20], task="y1")
    np.testing.assert_allclose(found.predicted, model.predict(X[:20])[:, 1], rtol=1e-5, atol=1e-5)
    assert_complete(found)


def test_attributions_of_classes_sum_to_the_log_odds_that_predict_proba_says():
    kinds = np.digitize(X[:, 1], [0, 10])
    model = MultiTaskClassifier((8,), activation="tanh", **NETWORK).fit(X, np.column_stack([X[:, 0] > 0, kinds]))
    assert model.temperatures_["y0"] != 1  # what is explained is what predict_proba says, temperatures included
    binary, several = model.predict_proba(X)
    found = attributions(model, X, task="y0")
    np.testing.assert_allclose(found.predicted, logit(binary[:, 1]), rtol=1e-4, atol=1e-5)
    assert set(found.target) == {1}
    assert_complete(found)
    opposite = attributions(model, X, task="y0", target_class=0)
    np.testing.assert_allclose(opposite.values, -found.values, atol=1e-6)
    found = attributions(model, X, task="y1", target_class=2)
    np.testing.assert_allclose(found.predicted, logit(several[:, 2]), rtol=1e-4, atol=1e-5)
    assert_complete(found)
    found = attributions(model, X, task="y1")
    np.testing.assert_array_equal(found.target, several.argmax(axis=1))
    np.testing.assert_allclose(found.predicted, logit(several.max(axis=1)), rtol=1e-4, atol=1e-5)


def test_ordinal_counts_and_groups_are_explained_by_column():
    y = pd.DataFrame({"count": rng.poisson(np.exp(X[:, 0])), "size": np.digitize(X[:, 1], [0, 10]), "hot": X[:, 2] > 0})
    y["far"] = X[:, 3] > 3
    types = {"count": "count", "size": "ordinal", "tags": ["hot", "far"]}
    model = MultiTaskEstimator((8,), task_types=types, activation="tanh", **NETWORK).fit(X, y)
    for column in y:
        assert_complete(attributions(model, X, task=column))
    found = attributions(model, X, task="count")
    np.testing.assert_allclose(found.predicted, model.predict(X)["count"], rtol=1e-4)
    with pytest.raises(ValueError, match="'tags' is a group: name one of its columns, 'hot', 'far'"):
        attributions(model, X, task="tags")


def test_quantiles_are_explained_by_what_predict_gives():
    model = MultiTaskRegressor((8,), loss=Quantile(levels=(0.1, 0.5, 0.9)), **NETWORK).fit(X, Y)
    found = attributions(model, X, task="y0")
    np.testing.assert_allclose(found.predicted, model.predict(X)[:, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layers", [(), (8,)])
def test_steps_of_a_chain_are_explained_by_what_predict_proba_gives(layers):
    click = X[:, 0] > 0
    y = np.column_stack([click, click & (X[:, 3] > 3)]).astype(int)
    model = MultiTaskClassifier(layers, structure=EntireSpaceChain(0, 1), activation="tanh", **NETWORK).fit(X, y)
    for task, probabilities in zip(("y0", "y1"), model.predict_proba(X), strict=True):
        found = attributions(model, X, task=task)
        np.testing.assert_allclose(found.predicted, logit(probabilities[:, 1]), rtol=1e-3, atol=1e-4)
        assert_complete(found)


# Linear networks


def test_a_linear_network_is_explained_exactly_by_its_coefficients():
    model = MultiTaskRegressor((), **NETWORK).fit(X, Y)
    found = attributions(model, X, task="y1")
    away = X - X.mean(axis=0)
    steps = np.eye(4)
    slopes = np.array([(model.predict(X[:1] + step) - model.predict(X[:1]))[0, 1] for step in 0.01 * steps]) / 0.01
    np.testing.assert_allclose(found.values, away * slopes, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.residual, 0, atol=1e-4)


def test_linear_classes_are_exact_for_several_members_and_classes():
    kinds = np.digitize(X[:, 1], [0, 10])
    model = MultiTaskClassifier((), **NETWORK).fit(X, kinds)
    found = attributions(model, X, target_class=1)
    np.testing.assert_allclose(found.residual, 0, atol=1e-5)
    np.testing.assert_allclose(found.predicted, logit(model.predict_proba(X)[:, 1]), rtol=1e-4, atol=1e-5)


def test_a_linear_network_needs_no_captum_and_others_say_how_to_install_it(monkeypatch):
    linear, deep = (MultiTaskRegressor(sizes, **NETWORK).fit(X, Y[:, 0]) for sizes in ((), (4,)))
    imported = builtins.__import__

    def without_captum(name, *args, **kwargs):
        if name.startswith("captum"):
            raise ImportError(name)
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_captum)
    assert attributions(linear, X).values.shape == X.shape
    with pytest.raises(ImportError, match=r"skmtl\[inspection\]"):
        attributions(deep, X)


def test_integrated_gradients_and_the_exact_way_agree(monkeypatch):
    model = MultiTaskClassifier((), **NETWORK).fit(X, X[:, 0] > 0)
    exact = attributions(model, X)
    monkeypatch.setattr("skmtl.estimators._explaining.ExplainedColumn.linear", False)
    np.testing.assert_allclose(attributions(model, X).values, exact.values, atol=1e-5)


# Columns


def test_all_that_a_column_became_is_summed_back_to_it():
    frame = pd.DataFrame(
        {
            "size": X[:, 0],
            "kind": np.where(X[:, 1] > 5, "flat", "house"),
            "town": [f"t{place}" for place in rng.integers(0, 25, N)],
            "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, N), "D"),
            "same": 1.0,
        }
    )
    frame.loc[::7, "size"] = np.nan
    target = np.where(frame["kind"] == "flat", 1.0, 0.0) + X[:, 0]
    model = MultiTaskRegressor((8,), **NETWORK).fit(frame, target)
    found = attributions(model, frame, baseline=frame[:1])
    assert found.feature_names == list(frame)
    assert found.to_frame().shape == frame.shape
    np.testing.assert_allclose(found.baseline, model.predict(frame)[0], rtol=1e-4)
    assert_complete(found)
    assert not found.values[:, 4].any()
    mean = attributions(model, frame)
    assert_complete(mean)
    assert np.abs(mean.values[:, :3]).mean(0).min() > 0


def test_numbered_columns_sparse_rows_and_transformers_have_names():
    from scipy.sparse import csr_array

    sparse = csr_array(np.where(X > 0.5, X, 0))
    model = MultiTaskRegressor((8,), **NETWORK).fit(sparse, Y[:, 0])
    found = attributions(model, sparse[:5])
    assert found.feature_names == ["x0", "x1", "x2", "x3"]
    assert not found.values[sparse[:5].toarray() == 0].any()
    model = MultiTaskRegressor((8,), encoder=PolynomialFeatures(include_bias=False), **NETWORK).fit(X, Y[:, 0])
    assert len(attributions(model, X[:5]).feature_names) == 14


# Texts, pictures, sequences


@pytest.mark.parametrize("layers", [(), (8,)])
def test_words_share_what_their_tokens_add(layers):
    y = np.array(["good" in text for text in SENTENCES])
    trunk = TextTrunk(8, hidden_layer_sizes=layers)
    model = MultiTaskClassifier(
        trunk=trunk, encoder=TextEncoder(min_rows=1), max_iter=20, early_stopping=False, random_state=0
    )
    model.fit(SENTENCES, y)
    found = attributions(model, SENTENCES[:8])
    assert found.words[2] == ["good", ",", "good", "fun", "!"]
    assert [len(words) for words in found.words] == [len(own) for own in found.values]
    assert_complete(found)
    assert max(found.of_row(0), key=lambda pair: pair[1])[0] == "good"
    np.testing.assert_allclose(found.predicted[6], found.baseline[6])  # an empty text is the baseline
    assert found.values[6].tolist() == [0.0]
    with pytest.raises(ValueError, match="only baseline of texts and lists is an empty one"):
        attributions(model, SENTENCES[:8], baseline=["good"])
    with pytest.raises(ValueError, match="Only attributions of tables"):
        found.to_frame()


def test_pictures_have_attributions_of_their_own_shape():
    pictures = rng.normal(size=(60, 2, 5, 6)).astype(np.float32)
    model = MultiTaskRegressor(trunk=ConvTrunk(channels=4), learning_rate_init=0.01, max_iter=30, random_state=0)
    model.fit(pictures, pictures[:, 0, :2, :2].sum(axis=(1, 2)))
    found = attributions(model, pictures[:9])
    assert found.values.shape == (9, 2, 5, 6)
    np.testing.assert_allclose(found.predicted, model.predict(pictures[:9]), rtol=1e-4, atol=1e-5)
    assert_complete(found, rtol=0.05)
    mean = attributions(model, pictures[:9], baseline=pictures.mean(axis=0, keepdims=True))
    np.testing.assert_allclose(found.values, mean.values, atol=1e-5)
    with pytest.raises(ValueError, match="have no names"):
        found.of_row(0)


def test_padding_of_sequences_adds_nothing():
    steps = rng.integers(2, 7, 60)
    sequences = [rng.normal(size=(length, 2)).astype(np.float32) for length in steps]
    model = MultiTaskRegressor(trunk=RecurrentTrunk(8), max_iter=10, random_state=0)
    model.fit(sequences, [one[:, 0].sum() for one in sequences])
    found = attributions(model, sequences[:9])
    assert found.values.shape == (9, max(steps[:9]), 2)
    for values, length in zip(found.values, steps[:9], strict=True):
        assert not values[length:].any()
        assert values[:length].all()
    assert_complete(found)
    hole = np.full((1, 2), np.nan)
    shifted = attributions(model, [np.concatenate([hole, one[:1], hole, one[1:]]) for one in sequences[:9]])
    assert shifted.values.shape == (9, max(steps[:9]) + 2, 2)
    np.testing.assert_allclose(shifted.values[:, 1], found.values[:, 0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(shifted.values[:, 3:], found.values[:, 1:], rtol=1e-4, atol=1e-6)
    assert not shifted.values[:, [0, 2]].any()


def test_sequences_begin_at_one_of_their_own_length():
    sequences = [rng.normal(size=(length, 2)) for length in rng.integers(1, 9, 60)]
    model = MultiTaskRegressor(trunk=RecurrentTrunk(8), max_iter=5, random_state=0)
    model.fit(sequences, [one[:, 0].sum() for one in sequences])
    hole = np.full((1, 2), np.nan)
    for length in (1, 3, 12):
        rows, start = [np.ones((length, 2)), np.concatenate([np.ones((length, 2)), hole])], np.zeros((length, 2))
        found = attributions(model, rows, baseline=[np.concatenate([hole, start])])
        np.testing.assert_allclose(found.baseline, model.predict([start])[0], rtol=1e-5, atol=1e-6)
        assert_complete(found)
    for odd in (np.ones((2, 2)), np.ones((5, 2)), None):
        with pytest.raises(ValueError, match=r"baseline is a sequence of 3 steps, and row 1 has [025],.*each length"):
            attributions(model, [np.ones((3, 2)), odd], baseline=[np.zeros((3, 2))])


# What is refused


def test_a_mix_with_companions_is_explained_only_if_asked_for_the_network():
    model = MultiTaskRegressor((8,), max_iter=10, n_estimators=2, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match=r"Companions have a part in what is predicted of task 'y0' \(network"):
        attributions(model, X, task="y0")
    assert_complete(attributions(model, X, task="y0", part="network"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"task": "y9"}, "task must be one of 'y0', 'y1', 'y2', got 'y9'"),
        ({}, "task must be one of 'y0', 'y1', 'y2', got None"),
        ({"task": "y2"}, "Nothing was learned of task 'y2'"),
        ({"task": "y0", "target_class": 1}, "is one of numbers and has no classes"),
        ({"task": "y0", "part": "kernel"}, "part must be None or 'network'"),
        ({"task": "y0", "n_steps": 0}, "n_steps must be a positive integer"),
        ({"task": "y0", "baseline": X[:2]}, "baseline must be one row; got 2 rows"),
    ],
    ids=str,
)
def test_what_cannot_be_explained_is_refused(settings, message):
    y = np.column_stack([Y, Y[:, 0]])
    model = MultiTaskRegressor((4,), task_weights={"y2": 0}, **(NETWORK | {"max_iter": 2})).fit(X, y)
    with pytest.raises(ValueError, match=message):
        attributions(model, X, **settings)


def test_unknown_classes_and_other_estimators_are_refused():
    model = MultiTaskClassifier((4,), **(NETWORK | {"max_iter": 2})).fit(X, np.where(X[:, 0] > 0, "high", "low"))
    with pytest.raises(ValueError, match=r"target_class must be one of the classes .* got 'middle'"):
        attributions(model, X, target_class="middle")
    with pytest.raises(ValueError, match="Of a pipeline, pass the last step"):
        attributions(PolynomialFeatures(), X)


@pytest.mark.parametrize("pooling", ["attention", "mean", "sum"])
@pytest.mark.parametrize("n_estimators", [1, 2])
def test_identifiers_of_a_list_sum_to_the_prediction(pooling, n_estimators):
    rng = np.random.default_rng(0)
    rows = pd.Series([rng.choice(9, size=rng.integers(1, 6)).tolist() for _ in range(60)])
    y = np.array([float(7 in row) for row in rows])
    trunk = BagTrunk(4, hidden_layer_sizes=(4,), pooling=pooling)
    model = MultiTaskRegressor(
        trunk=trunk, n_estimators=n_estimators, companions=None, max_iter=60, learning_rate_init=0.02, random_state=0
    ).fit(rows, y)
    found = attributions(model, [[7, 1, 1, None], [], ["new"], [2, 7]])
    assert np.abs(found.residual).max() < 0.01
    assert found.words == [["7", "1"], [], ["new"], ["2", "7"]]
    assert [len(own) for own in found.values] == [2, 0, 1, 2]
    assert found.values[2] == 0
    assert dict(found.of_row(0))["7"] > abs(dict(found.of_row(0))["1"])
    with pytest.raises(ValueError, match="only baseline of texts and lists"):
        attributions(model, rows, baseline=[[1]])
