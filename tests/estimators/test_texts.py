"""Estimators on texts: bags of embeddings of hashed tokens."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.datasets import load_sentences
from skmtl.features import MultiModal, TextEncoder
from skmtl.nn import ConvTrunk, MLPTrunk, ModuleTrunk, TextTrunk

frame, LABELS = load_sentences(return_X_y=True, as_frame=True)
SENTENCES = frame.iloc[:, 0] if frame.ndim == 2 else frame
ORDER = np.random.default_rng(0).permutation(3000)
X, Y = SENTENCES.iloc[ORDER[:600]].tolist(), LABELS.iloc[ORDER[:600]].to_numpy()
SMALL = TextTrunk(8, hidden_layer_sizes=(8,))


def classifier(**settings):
    return MultiTaskClassifier(**{"trunk": SMALL, "max_iter": 3, "random_state": 0, **settings})


def test_the_trunk_follows_the_texts():
    model = MultiTaskClassifier(max_iter=1, random_state=0).fit(X, Y)
    assert model.n_estimators_ == 1
    assert model.net_.module_.embedding.weight.shape[2] == 64
    assert model.n_features_in_ == 1
    assert set(model.companions_) == {"linear"}
    assert set(model.mix_["y0"]) == {"network", "linear"}


def test_a_linear_companion_reads_the_same_tokens_as_the_network():
    model = classifier(companions="linear").fit(X, Y)
    alone = classifier(companions=None).fit(X, Y)
    assert model.oof_score_ > alone.oof_score_ + 0.05
    np.testing.assert_array_equal(
        model.net_.module_.embedding.weight.detach(), alone.net_.module_.embedding.weight.detach()
    )
    again = pickle.loads(pickle.dumps(model)).predict_proba(X[:20])
    for ours, theirs in zip(model.predict_proba(X[:20]), again, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert np.isfinite(model.predict_proba([""])[0]).all()


@pytest.mark.parametrize("trunk", ["auto", SMALL])
def test_a_number_in_front_of_texts_is_named(trunk):
    with pytest.raises(ValueError, match=r"Row 0 of X holds 1\.5, a float, where others hold texts"):
        classifier(trunk=trunk).fit([1.5, *X], np.vstack([Y[:1], Y]))
    parts = MultiModal({"t": [1.5, *X[1:]], "n": np.ones((len(X), 1))})
    with pytest.raises(ValueError, match=r"^Part 't' of X: Row 0 of X holds 1\.5, a float, where others hold texts"):
        classifier(trunk="auto").fit(parts, Y)


def test_what_was_learned_of_texts_beats_the_most_frequent_class():
    texts, labels = SENTENCES.iloc[ORDER], LABELS.iloc[ORDER]
    trained = MultiTaskClassifier(random_state=0).fit(texts[:2400], labels[:2400])
    scores = (trained.predict(texts[2400:]) == labels[2400:].to_numpy()).mean(axis=0)
    frequent = [(labels[2400:][task] == labels[:2400][task].mode()[0]).mean() for task in labels]
    assert (scores > np.array(frequent) + 0.15).all()


def test_a_mood_of_one_chinese_character_is_learned():
    rng = np.random.default_rng(0)
    things = ["电影", "手机", "餐厅", "服务", "电池", "屏幕", "剧情", "演员", "味道", "价格", "质量", "酒店", "房间"]
    very, ends, moods = [*"很太真挺超"], [*"了的啊吧哦呢啦嘛"], ([*"差烂坏慢丑臭卡旧"], [*"好棒赞快美香稳新"])
    good = rng.integers(0, 2, 500)
    texts = ["".join(map(rng.choice, (things, very, moods[mood], ends, things, ends))) for mood in good]
    model = MultiTaskClassifier(random_state=0).fit(texts[:300], good[:300])
    assert model.score(texts[300:], good[300:]) > 0.85


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series, lambda X: np.array(X, dtype=object)])
def test_all_forms_of_texts_are_the_same(kind):
    expected = classifier().fit(X, Y).predict_proba(X)
    found = classifier().fit(kind(X), Y).predict_proba(kind(X))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_strange_texts_are_predicted():
    model = classifier().fit(X, Y)
    texts = ["", None, "😀 👍🏽", "我爱这部电影", "x" * 10**6, "\n\t ", "never seen qwertz"]
    probabilities = model.predict_proba(texts)
    assert all(np.isfinite(part).all() for part in probabilities)
    np.testing.assert_array_equal(probabilities[0][0], probabilities[0][1])
    assert model.predict(["good"]).shape == (1, 2)
    np.testing.assert_allclose(model.predict_proba(X[:1])[0], model.predict_proba(X[:9])[0][:1], rtol=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([*X[:-1], 3.5], "Row 599 of X holds 3.5, a float"),
        ([*X[:-1], ["a"]], "Row 599 of X holds"),
    ],
)
def test_what_is_no_text_is_named(given, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(given, Y)


def test_texts_and_columns_do_not_mix():
    model = classifier().fit(X, Y)
    with pytest.raises(ValueError, match="one text a row, and has shape"):
        model.predict(np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"Row 0 of X holds 1\.0"):
        model.predict([1.0, 2.0])
    numbers = np.random.default_rng(0).normal(size=(len(Y), 3))
    with pytest.raises(ValueError, match=r"TextTrunk\(\) reads texts.*a sample of X is a row of columns"):
        classifier(trunk=TextTrunk()).fit(numbers, Y)
    with pytest.raises(ValueError, match="reads images"):
        classifier(trunk=ConvTrunk()).fit(X, Y)
    with pytest.raises(ValueError, match="'kernel' reads columns of numbers, and there are none in X"):
        classifier(companions=["linear", "kernel"]).fit(X, Y)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=.* a sample of X is a text: TextTrunk\(\)"):
        MultiTaskClassifier((32,)).fit(X, Y)


@pytest.mark.parametrize("sharing", ["hard", "independent", "mmoe", "cross_stitch", "ple", "low_rank"])
@pytest.mark.parametrize("balancing", ["uniform", "nash_mtl", "moco"])
def test_sharing_and_balancing_serve_texts(sharing, balancing):
    trunk = TextTrunk(8, hidden_layer_sizes=(8, 8))
    model = classifier(trunk=trunk, sharing=sharing, balancing=balancing, max_iter=1).fit(X, Y)
    assert np.isfinite(model.predict_proba(X[:3])[0]).all()


def test_other_trunks_read_the_text_vector():
    model = classifier(trunk=MLPTrunk((8,)), n_estimators=2, max_iter=1).fit(X, Y)
    assert model.net_.module_.embedding.weight.shape[::2] == (2, 64)
    classifier(trunk=ModuleTrunk(torch.nn.LazyLinear, out_features=4), max_iter=1).fit(X, Y)
    linear = classifier(trunk=TextTrunk(8, hidden_layer_sizes=()), max_iter=1).fit(X, Y)
    assert linear.transform(X[:2]).shape == (2, 8)


def test_members_have_tables_and_holdouts_of_their_own():
    model = classifier(n_estimators=3).fit(X, Y)
    tables = model.net_.module_.embedding.weight
    assert not torch.equal(tables[0], tables[1])
    assert 0.5 < (~np.isnan(model.oof_prediction_[0][:, 0])).mean() < 0.7


def test_missing_labels_mixed_tasks_searches_and_pickles():
    y = pd.DataFrame({"positive": Y[:, 1], "length": [float(len(text)) for text in X]})
    y.loc[::3, "length"] = np.nan
    mixed = MultiTaskEstimator(trunk=SMALL, max_iter=2, random_state=0).fit(pd.Series(X), y)
    assert np.isfinite(mixed.predict(X)["length"].to_numpy(float)).all()
    search = GridSearchCV(classifier(max_iter=1), {"trunk__embedding_size": [2, 4]}, cv=KFold(2)).fit(X, Y)
    assert search.best_estimator_.net_.module_.embedding.n_outputs in (2, 4)
    encoded = classifier(encoder=TextEncoder(char_ngrams=(0, 0), min_rows=2)).fit(X, Y)
    assert encoded._model.standardizer.n_tokens < classifier().fit(X, Y)._model.standardizer.n_tokens
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(encoded)).predict(X), encoded.predict(X))
    np.testing.assert_array_equal(clone(encoded).fit(X, Y).predict(X), encoded.predict(X))


@pytest.mark.parametrize("encoder", ["auto", TextEncoder()])
def test_the_only_column_of_a_frame_is_read_as_its_texts_alone(encoder):
    expected = classifier().fit(X, Y).predict(X)
    model = classifier(encoder=encoder).fit(pd.DataFrame({"note": X}), Y)
    for given in (pd.DataFrame({"note": X}), pd.Series(X), X, np.array(X)):
        np.testing.assert_array_equal(model.predict(given), expected)
    with pytest.raises(ValueError, match=r"a data frame with texts, .* \['note'\] at fit, and now it is a ndarray"):
        model.predict(np.ones(3))
    with pytest.raises(ValueError, match=r"one text a row, and has shape \(600, 2\).* with encoder='auto'"):
        classifier(trunk="auto", encoder=TextEncoder()).fit(pd.DataFrame({"note": X, "price": 1.0}), Y)


def test_a_series_for_a_frame_of_several_columns_is_refused():
    both = classifier(trunk="auto").fit(pd.DataFrame({"note": X, "price": 1.0}), Y)
    with pytest.raises(ValueError, match=r"a data frame .* now it is a Series. Give a frame with the same columns"):
        both.predict(pd.Series(X))


def test_texts_come_in_chunks_and_are_validated_on_others():
    classes = [np.unique(Y[:, 0]), np.unique(Y[:, 1])]
    model = classifier().partial_fit(X[:300], Y[:300], classes=classes).partial_fit(X[300:], Y[300:])
    assert model.predict(X[:2]).shape == (2, 2)
    model = classifier().fit(X[:400], Y[:400], X_val=X[400:], y_val=Y[400:])
    assert model.history_["valid_loss"].shape[1] == 2


def test_a_regressor_reads_texts_too():
    length = np.array([len(text) for text in X], float)
    assert MultiTaskRegressor(max_iter=40, random_state=0).fit(X, length).score(X, length) > 0.3
