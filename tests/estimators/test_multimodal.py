"""Estimators on samples of several parts."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from skmtl import MultiTaskClassifier, MultiTaskRegressor
from skmtl.features import MultiModal
from skmtl.nn import MLPTrunk, MultiModalTrunk, RecurrentTrunk

SMALL = MultiModalTrunk({"table": MLPTrunk((8,)), "sound": RecurrentTrunk(8)}, width=8)


def problem(n_rows=120, seed=0):
    """Two tasks, each of which follows from one part."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"number": rng.normal(size=n_rows), "kind": rng.choice(list("abc"), n_rows)})
    sounds = [rng.normal(size=(rng.integers(2, 5), 2)) for _ in range(n_rows)]
    y = np.column_stack([table["number"] + (table["kind"] == "a"), [sound[:, 0].sum() for sound in sounds]])
    return MultiModal({"table": table, "sound": sounds}), y


def regressor(**settings):
    return MultiTaskRegressor(**{"trunk": SMALL, "max_iter": 3, "random_state": 0, **settings})


def test_the_trunk_follows_the_parts_and_each_task_its_part():
    X, y = problem(400)
    model = MultiTaskRegressor(
        trunk=clone(SMALL).set_params(width=32, part_dropout=0.0), max_iter=60, learning_rate_init=5e-3, random_state=0
    ).fit(X[:300], y[:300])
    assert (np.array(list(model.oof_task_scores_.values())) > 0.5).all()
    assert model.score(X[300:], y[300:]) > 0.5
    automatic = MultiTaskRegressor(max_iter=1, random_state=0).fit(X[:60], y[:60])
    assert type(automatic.net_.module_.trunk.members[0]).__name__ == "MultiModalNet"
    assert automatic.n_estimators_ == 1
    assert automatic.n_features_in_ == 2


def test_a_missing_part_at_fit_or_predict_is_allowed():
    X, y = problem()
    sounds = [None if row % 3 == 0 else sound for row, sound in enumerate(X.parts["sound"])]
    model = regressor().fit(MultiModal({**X.parts, "sound": sounds}), y)
    without = model.predict(MultiModal({"table": X.parts["table"]}))
    as_none = model.predict(MultiModal({**X.parts, "sound": [None] * len(X)}))
    np.testing.assert_allclose(without, as_none, rtol=1e-5)
    assert np.isfinite(model.predict(MultiModal({"sound": X.parts["sound"]}))).all()


def test_companions_read_the_table_and_leave_the_other_parts_to_the_network():
    X, y = problem(300)
    settings = {"max_iter": 20, "learning_rate_init": 5e-3}
    alone = regressor(**settings, companions=None).fit(X[:200], y[:200])
    model = regressor(**settings).fit(X[:200], y[:200])
    assert set(model.companions_) == {"linear", "kernel", "trees"}
    assert model.score(X[200:], y[200:]) > alone.score(X[200:], y[200:])
    assert model.mix_["y1"]["network"] > model.mix_["y0"]["network"] + 0.2
    assert list(model.feature_weights_) == ["number", "kind"]
    missing = MultiModal({"sound": X.parts["sound"]})
    assert np.isfinite(model.predict(missing)).all()
    unseen = MultiModal({"sound": X.parts["sound"], "picture": np.zeros((300, 1, 2, 2))})
    assert not hasattr(MultiTaskRegressor(max_iter=1, random_state=0).fit(unseen, y), "companions_")
    with pytest.raises(ValueError, match=r"'linear' reads columns of numbers, texts and .* there are none in X.*=None"):
        MultiTaskRegressor(companions="linear", max_iter=1).fit(unseen, y)


def test_predictions_do_not_depend_on_neighbours():
    X, y = problem()
    model = regressor().fit(X, y)
    np.testing.assert_allclose(model.predict(X[:2]), model.predict(X)[:2], rtol=1e-4, atol=1e-5)


def test_the_same_seed_gives_the_same_model_cloned_and_pickled():
    X, y = problem()
    model = regressor().fit(X, y)
    expected = model.predict(X)
    np.testing.assert_array_equal(clone(model).fit(X, y).predict(X), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), expected)


def test_missing_labels_searches_and_members():
    X, y = problem()
    y[::2, 1] = np.nan
    search = GridSearchCV(regressor(n_estimators=2), {"trunk__fusion": ["gated", "concat"]}, cv=KFold(2)).fit(X, y)
    assert search.best_params_["trunk__fusion"] in {"gated", "concat"}
    assert np.isfinite(search.predict(X)).all()


def test_images_and_sequences_among_the_parts_are_mixed_by_default_where_a_task_is_one_of_classes():
    X, y = problem(60)
    words = [f"word{row % 9} word{row % 7}" for row in range(60)]

    def predicted(estimator, samples, labels, **settings):
        model = estimator(max_iter=1, batch_size=20, random_state=0, **settings).fit(samples, labels)
        return np.asarray(model.transform(samples))

    tables = MultiModal({"one": X.parts["table"], "other": X.parts["table"][["number"]]})
    with_words = MultiModal({**X.parts, "words": words})
    for samples, estimator, labels, usual in (
        (X, MultiTaskClassifier, y > 0, "mixup"),
        (X, MultiTaskRegressor, y, None),
        (tables, MultiTaskClassifier, y > 0, None),
        (with_words, MultiTaskClassifier, y > 0, None),
    ):
        expected = predicted(estimator, samples, labels, augmentation=usual)
        np.testing.assert_array_equal(predicted(estimator, samples, labels), expected)
    with pytest.raises(ValueError, match=r"augmentation cannot mix the parts \['words'\] of X"):
        predicted(MultiTaskRegressor, with_words, y, augmentation="mixup")
    with pytest.raises(ValueError, match=r"'crop' changes an image, and here a sample of X is several parts.*'mixup'"):
        predicted(MultiTaskRegressor, X, y, augmentation="crop")


@pytest.mark.parametrize("sharing", ["independent", "soft"])
@pytest.mark.parametrize("balancing", ["uniform", "nash_mtl"])
def test_sharing_and_balancing_serve_several_parts(sharing, balancing):
    X, y = problem(60)
    model = regressor(sharing=sharing, balancing=balancing, max_iter=1).fit(X, y)
    assert np.isfinite(model.predict(X)).all()


def test_what_cannot_be_read_is_refused():
    X, y = problem(40)
    with pytest.raises(ValueError, match=r"MLPTrunk\(\) reads samples of one kind, and X is a MultiModal"):
        regressor(trunk=MLPTrunk()).fit(X, y)
    with pytest.raises(ValueError, match="sharing='mmoe' has gates that read rows of columns"):
        regressor(sharing="mmoe").fit(X, y)
    with pytest.raises(ValueError, match=r"reads a skmtl\.features\.MultiModal of several parts, and X is not one"):
        MultiTaskClassifier(trunk=MultiModalTrunk()).fit(np.zeros((40, 2)), np.arange(40) % 2)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        regressor().fit(X, y[:-1])
