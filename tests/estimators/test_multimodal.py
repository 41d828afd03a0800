"""Estimators on samples of several parts."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from skmtl import MultiTaskClassifier, MultiTaskRegressor
from skmtl.features import MultiModal, TableEncoder, TextEncoder
from skmtl.nn import SHARINGS, FittedTrunk, MLPTrunk, MultiModalTrunk, RecurrentTrunk

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


def lengths_in_order(n_rows=60):
    """Samples whose sequences grow from row to row, as an array of parts and as a frame."""
    rng = np.random.default_rng(0)
    table, sounds = rng.normal(size=(n_rows, 2)), [rng.normal(size=(3 + row, 3)) for row in range(n_rows)]
    frame = pd.DataFrame(table, columns=["a", "b"]).assign(sound=pd.Series(sounds))
    return MultiModal({"table": table, "sound": sounds}), frame, rng.normal(size=(n_rows, 2))


def test_sequences_may_be_longer_than_at_fit():
    X, frame, y = lengths_in_order()
    model = MultiTaskRegressor(max_iter=2, random_state=0)
    for inputs in (X, frame):
        own = inputs[:40]
        scores = cross_val_score(model, inputs, y, cv=KFold(3), error_score="raise")
        assert np.isfinite(scores).all()
        checked = clone(model).fit(own, y[:40], X_val=inputs[40:], y_val=y[40:])
        np.testing.assert_allclose(checked.predict(inputs)[:3], checked.predict(inputs[:3]), rtol=1e-4, atol=1e-5)
        assert np.isfinite(clone(model).partial_fit(own, y[:40]).partial_fit(inputs[40:], y[40:]).predict(own)).all()
        again = clone(model).set_params(warm_start=True).fit(own, y[:40]).fit(inputs, y)
        assert np.isfinite(again.predict(inputs)).all()


def test_a_trunk_that_reads_each_step_for_itself_refuses_longer_sequences():
    X, frame, y = lengths_in_order()
    trunk = MultiModalTrunk({"sound": MLPTrunk((8,))}, width=8)
    model = MultiTaskRegressor(trunk=trunk, max_iter=1)
    for inputs, name in ((X, "Part 'sound'"), (frame, "Column 'sound'")):
        fitted = clone(model).fit(inputs[:40], y[:40])
        with pytest.raises(ValueError, match=f"{name} of X: X holds sequences of 62 steps, and at fit the longest had"):
            fitted.predict(inputs)
    alone = MultiTaskRegressor(trunk=MLPTrunk((8,)), max_iter=1).fit(frame[["sound"]][:40], y[:40])
    with pytest.raises(ValueError, match="Column 'sound' of X: X holds sequences of 62 steps, and at fit"):
        alone.predict(frame[["sound"]])


def test_a_module_of_a_part_reads_one_number_per_column():
    rng = np.random.default_rng(0)
    X = MultiModal({"table": rng.normal(size=(60, 3)), "sound": rng.normal(size=(60, 4, 2))})
    trunk = MultiModalTrunk({"table": torch.nn.Linear(3, 4), "sound": torch.nn.Flatten()}, width=8)
    model = regressor(trunk=trunk).fit(X, rng.normal(size=(60, 2)))
    assert np.isfinite(model.predict(X)).all()


def test_missing_labels_searches_and_members():
    X, y = problem()
    y[::2, 1] = np.nan
    search = GridSearchCV(regressor(n_estimators=2), {"trunk__fusion": ["gated", "concat"]}, cv=KFold(2)).fit(X, y)
    assert search.best_params_["trunk__fusion"] in {"gated", "concat"}
    assert np.isfinite(search.predict(X)).all()
    grid = {"trunk__sound__hidden_size": [2, 3], "trunk__table": [MLPTrunk((4,))]}
    found = GridSearchCV(regressor(max_iter=1), grid, cv=KFold(2), error_score="raise").fit(X, y)
    trunks = found.best_estimator_.trunk.trunks
    assert trunks["sound"].hidden_size == found.best_params_["trunk__sound__hidden_size"]
    assert trunks["table"].hidden_layer_sizes == (4,)
    assert SMALL.trunks["sound"].hidden_size == 8


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


@pytest.mark.parametrize(("lacking", "patience", "share"), [(False, 20, 0.2), (True, 60, 0.5)])
def test_where_parts_are_missing_more_are_dropped_and_training_goes_on_for_longer(lacking, patience, share):
    X, y = problem(60)
    if lacking:
        X = MultiModal({**X.parts, "sound": [None, *X.parts["sound"][1:]]})
    model = regressor(max_iter=500, learning_rate_init=0.02).fit(X, y)
    assert model.n_iter_ < 500
    assert model.n_iter_ - model.history_.best_epochs[0] == patience
    assert model.net_.module_.trunk.members[0].part_dropout == share
    alike = regressor(trunk=clone(SMALL).set_params(part_dropout=share), max_iter=2).fit(X, y)
    np.testing.assert_array_equal(regressor(max_iter=2).fit(X, y).predict(X), alike.predict(X))


@pytest.mark.parametrize("sharing", ["independent", "soft", "dselect_k"])
@pytest.mark.parametrize("balancing", ["uniform", "nash_mtl"])
def test_sharing_and_balancing_serve_several_parts(sharing, balancing):
    X, y = problem(60)
    model = regressor(sharing=sharing, balancing=balancing, max_iter=1).fit(X, y)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("sharing", sorted(SHARINGS))
def test_every_other_way_of_sharing_is_refused_with_those_that_serve(sharing):
    X, y = problem(40)
    kind = SHARINGS[sharing]()
    way_out = "'hard', 'independent', 'soft' or 'dselect_k'"
    assert (sharing in way_out) == (not kind.reads_rows and not kind.needs_layers)
    if sharing in way_out:
        return
    why = "has gates that read rows of columns" if kind.reads_rows else "joins tasks between layers"
    with pytest.raises(ValueError, match=f"sharing='{sharing}' {why}, and X is .* Use {way_out}"):
        regressor(sharing=sharing).fit(X, y)
    with pytest.raises(ValueError, match=rf"MultiModalTrunk\(\) joins parts in one module, .* Use sharing={way_out}"):
        MultiModalTrunk().build_layers(3, [])


@pytest.mark.parametrize("freeze", [True, False])
def test_a_fitted_trunk_of_parts_is_that_of_the_frame_of_the_same_data(freeze):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    sounds, y = [rng.normal(size=(rng.integers(2, 5), 2)) for _ in range(60)], rng.normal(size=(60, 2))
    predicted, represented = [], []
    for X in (MultiModal({"columns": table, "sound": sounds}), table.assign(sound=pd.Series(sounds))):
        source = MultiTaskRegressor(max_iter=2, random_state=0).fit(X, y[:, 0])
        trunk = FittedTrunk(source, freeze=freeze)
        model = MultiTaskRegressor(trunk=trunk, max_iter=2, random_state=1).fit(X, y[:, 1])
        predicted.append(model.predict(X))
        represented.append((model.transform(X), source.transform(X)))
        with pytest.raises(ValueError, match=r"Use (sharing=)?'hard', 'independent', 'soft' or 'dselect_k'"):
            MultiTaskRegressor(trunk=trunk, sharing="film", max_iter=1).fit(X, y)
    np.testing.assert_array_equal(predicted[0], predicted[1])
    assert all(np.allclose(*pair, atol=1e-5) == freeze for pair in represented)


@pytest.mark.parametrize("kind", ["picture", "sound", "list"])
def test_rows_of_fit_that_lack_a_part_in_all_of_them_cannot_tell_what_it_is(kind):
    table, y = np.random.default_rng(0).normal(size=(30, 2)), np.arange(60.0).reshape(30, 2)
    held = {"picture": np.ones((1, 3, 3)), "sound": np.ones((4, 2)), "list": ["a", "b"]}[kind]
    values = [None if row < 20 else held for row in range(30)]
    model = MultiTaskRegressor(max_iter=1)
    with pytest.raises(ValueError, match=r"Part 'own' of X is missing in all samples, .* Leave it out, or"):
        model.fit(MultiModal({"table": table, "own": values})[:20], y[:20])
    frame = pd.DataFrame(table, columns=["a", "b"]).assign(own=pd.Series(values, dtype=object))
    model.fit(frame[:20], y[:20])
    assert np.isfinite(model.predict(frame[:20])).all()
    with pytest.raises(TypeError, match=r"(?s)Cannot encode column 'own': in row 20 .* if a row of fit holds any"):
        model.predict(frame)


def test_what_cannot_be_read_is_refused():
    X, y = problem(40)
    with pytest.raises(ValueError, match=r"MLPTrunk\(\) reads samples of one kind, and X is a MultiModal"):
        regressor(trunk=MLPTrunk()).fit(X, y)
    with pytest.raises(ValueError, match=r"sharing='mmoe' has gates that read rows of columns, .* Use 'hard', 'indep"):
        regressor(sharing="mmoe").fit(X, y)
    with pytest.raises(ValueError, match=r"no MultiModal at fit, .* of the parts \['table', 'sound'\]"):
        MultiTaskRegressor(max_iter=1).fit(X.parts["table"], y).predict(X)
    with pytest.raises(ValueError, match=r"reads a skmtl\.features\.MultiModal of several parts, and X is not one"):
        MultiTaskClassifier(trunk=MultiModalTrunk()).fit(np.zeros((40, 2)), np.arange(40) % 2)
    for encoder in ("passthrough", TableEncoder(), TextEncoder()):
        with pytest.raises(ValueError, match=r"encoder=.* reads samples of one kind, .* MultiModal .* at 'auto'"):
            MultiTaskRegressor(encoder=encoder).fit(X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        regressor().fit(X, y[:-1])
