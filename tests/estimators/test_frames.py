"""Estimators on frames some of whose columns are texts, lists of identifiers, images or sequences."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.inspection import permutation_importance as sklearn_importance
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from skmtl import MultiTaskEstimator, MultiTaskRegressor
from skmtl.features import MultiModal, TableEncoder
from skmtl.inspection import attributions, permutation_importance
from skmtl.nn import BagTrunk, FittedTrunk, MLPTrunk, MultiModalTrunk, TextTrunk

PARTS = {
    "columns": MLPTrunk((8,)),
    "review": TextTrunk(8, hidden_layer_sizes=()),
    "seen": BagTrunk(8, hidden_layer_sizes=()),
}
SMALL = MultiModalTrunk(PARTS, width=8, part_dropout=0.0)


def problem(n_rows=120, seed=0):
    """Three tasks, each of which follows from one of a number, a text and a list."""
    rng = np.random.default_rng(seed)
    words = [f"word{number}" for number in range(30)]
    reviews = [" ".join(rng.choice(words, 8)) for _ in range(n_rows)]
    seen = [rng.integers(30, size=rng.integers(0, 9)).tolist() for _ in range(n_rows)]
    size = rng.normal(size=n_rows)
    X = pd.DataFrame({"size": size, "review": reviews, "kind": rng.choice(list("abc"), n_rows), "seen": seen})
    praised, known = [float("word3" in text) for text in reviews], [float(3 in row) for row in seen]
    return X, pd.DataFrame({"a": size, "b": praised, "c": known})


X, Y = problem()


def regressor(**settings):
    return MultiTaskRegressor(**{"trunk": SMALL, "max_iter": 2, "random_state": 0, **settings})


def test_each_task_finds_its_column():
    X, y = problem(500)
    rows, new = slice(400), slice(400, 500)
    settings = {"trunk": MultiModalTrunk(part_dropout=0.0), "companions": None, "random_state": 0}
    model = MultiTaskRegressor(max_iter=60, learning_rate_init=5e-3, **settings).fit(X[rows], y[rows])
    untrained = MultiTaskRegressor(max_iter=1, **settings).fit(X[rows], y[rows])
    found, before = (permutation_importance(one, X[new], y[new], random_state=0) for one in (model, untrained))
    assert (found.baseline > 0.6).all()
    assert (found.baseline[1:] > before.baseline[1:] + 0.5).all()
    assert found.importances_mean.argmax(axis=0).tolist() == [0, 1, 3]


def test_scikit_learns_conventions_hold():
    model = MultiTaskRegressor(max_iter=1, random_state=0).fit(X, Y)
    assert type(model.net_.module_.trunk.members[0]).__name__ == "MultiModalNet"
    assert model.n_features_in_ == 4
    assert model.feature_names_in_.tolist() == ["size", "review", "kind", "seen"]
    assert set(model.companions_) == {"linear", "kernel", "trees"}
    expected = model.predict(X)
    np.testing.assert_array_equal(model.predict(X[["seen", "kind", "review", "size"]]), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), expected)
    np.testing.assert_array_equal(clone(model).fit(X, Y).predict(X), expected)
    np.testing.assert_allclose(model.predict(X[:1]), expected[:1], rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="seen at fit time, yet now missing:\n- review"):
        model.predict(X.drop(columns="review"))


def test_a_frame_is_the_multimodal_of_its_parts():
    parts = MultiModal({"columns": X[["size", "kind"]], "review": X["review"], "seen": X["seen"]})
    np.testing.assert_array_equal(regressor().fit(X, Y).predict(X), regressor().fit(parts, Y).predict(parts))


def test_images_and_sequences_of_different_lengths_are_parts_too():
    rng = np.random.default_rng(0)
    images, sequences = (rng.normal(size=shape) for shape in ((120, 1, 6, 6), (120, 7, 2)))
    series = [one[: 3 + row % 5] for row, one in enumerate(sequences)]
    frame = X.assign(scan=pd.Series(list(images)), pulse=pd.Series(series))
    parts = {name: X[name] for name in ("review", "seen")} | {"scan": images, "pulse": series}
    container = MultiModal({"columns": X[["size", "kind"]], **parts})
    expected = regressor(trunk="auto").fit(container, Y).predict(container)
    model = regressor(trunk="auto").fit(frame, Y)
    np.testing.assert_array_equal(model.predict(frame), expected)
    holes = frame.assign(scan=None, pulse=None)
    assert np.isfinite(model.predict(holes)).all()
    assert (model.predict(holes) != expected).any()


def test_frames_of_polars_are_the_same():
    other = pl.DataFrame({name: X[name].tolist() for name in X})
    model = regressor().fit(other, Y.to_numpy())
    np.testing.assert_array_equal(model.predict(other), regressor().fit(X, Y).predict(X))
    np.testing.assert_array_equal(model.predict(X), model.predict(other))
    assert permutation_importance(model, other[:30], Y[:30].to_numpy(), n_repeats=1).importances.shape == (4, 3, 1)


def test_missing_cells_are_missing_parts():
    holes = X.copy()
    holes.loc[::3, "review"] = None
    holes.loc[1::3, "seen"] = None
    model = regressor().fit(holes, Y)
    nothing = pd.DataFrame({"size": [0.5], "review": [None], "kind": ["a"], "seen": [None]})
    assert np.isfinite(model.predict(nothing)).all()
    np.testing.assert_array_equal(model.predict(nothing), model.predict(nothing.assign(review="", seen=[[]])))


def test_a_frame_of_one_column_has_its_companion():
    for name, kind in (("review", "BagEmbedding"), ("seen", "AttentionBag")):
        model = MultiTaskRegressor(max_iter=2, random_state=0).fit(X[[name]], Y)
        alone = MultiTaskRegressor(max_iter=2, random_state=0).fit(X[name], Y)
        assert type(model.net_.module_.embedding).__name__ == kind
        assert set(model.companions_) == {"linear"}
        assert (model.n_features_in_, model.feature_names_in_.tolist()) == (1, [name])
        np.testing.assert_array_equal(model.predict(X[[name]]), alone.predict(X[name]))


def test_companions_help_and_each_task_has_its_own_mix():
    X, y = problem(400)
    y["d"] = np.abs(X["size"])
    rows, new = slice(300), slice(300, 400)
    settings = {"max_iter": 8, "random_state": 0}
    alone = MultiTaskRegressor(**settings, companions=None).fit(X[rows], y[rows])
    model = MultiTaskRegressor(**settings).fit(X[rows], y[rows])
    assert model.score(X[new], y[new]) > alone.score(X[new], y[new]) + 0.1
    assert model.mix_["b"]["linear"] > model.mix_["d"]["linear"]  # which alone of all reads texts
    assert model.mix_["d"]["kernel"] > model.mix_["b"]["kernel"]
    assert list(model.feature_weights_) == ["size", "kind"]
    assert model.feature_weights_["size"] > model.feature_weights_["kind"]
    assert set(model.oof_part_scores_) == {"network", "linear", "kernel", "trees"}
    assert model.oof_part_scores_["linear"]["c"] > 0.5
    assert model.oof_part_scores_["kernel"]["c"] < 0.1
    assert model.oof_part_scores_["network"] == alone.oof_task_scores_


def test_companions_serve_classes_and_given_holdouts_beside_texts():
    y = pd.DataFrame({"size": X["size"] > 0, "praised": Y["b"].astype(int), "level": Y["a"]})
    types = {"size": "classification", "praised": "classification", "level": "regression"}
    model = MultiTaskEstimator(task_types=types, max_iter=2, random_state=0)
    given = model.fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    assert set(given.mix_["praised"]) == {"network", "linear", "kernel", "trees"}
    assert all(np.isfinite(part).all() for part in given.predict_proba(X).values())
    assert not hasattr(given, "oof_part_scores_")
    assert model.fit(X, y).score(X, y) > 0.7


def test_what_companions_are_fitted_to_beside_texts_follows_weights_labels_and_groups():
    counts = np.random.default_rng(0).integers(1, 4, size=len(X))
    rows = np.repeat(np.arange(len(X)), counts)
    # Of rows that are repeated often, texts would count as categories.
    settings = {"encoder": TableEncoder(text_columns=["review", "seen"]), "max_iter": 1, "random_state": 0}
    weighted = MultiTaskRegressor(**settings).fit(X, Y, sample_weight=counts).oof_part_scores_
    repeated = MultiTaskRegressor(**settings).fit(X.iloc[rows], Y.iloc[rows]).oof_part_scores_
    hidden = Y.copy()
    hidden.iloc[::3, 0] = np.nan
    shown = (~hidden.isna()).to_numpy(float)
    missing = MultiTaskRegressor(**settings).fit(X, hidden)
    weightless = MultiTaskRegressor(**settings).fit(X, Y, sample_weight=shown)
    np.testing.assert_array_equal(missing.predict(X), weightless.predict(X))
    for name in ("linear", "kernel", "trees"):
        for task in Y:
            assert repeated[name][task] == pytest.approx(weighted[name][task], rel=1e-3, abs=1e-4)
    twins = X.iloc[np.repeat(np.arange(40), 3)].reset_index(drop=True)
    twins["size"] += 0.01 * np.random.default_rng(1).normal(size=120)
    target = np.random.default_rng(2).normal(size=40)[np.repeat(np.arange(40), 3)]
    alone = MultiTaskRegressor(**settings).fit(twins, target).oof_part_scores_
    grouped = MultiTaskRegressor(**settings).fit(twins, target, groups=np.repeat(np.arange(40), 3)).oof_part_scores_
    for name in ("linear", "kernel", "trees"):
        assert alone[name]["y0"] > grouped[name]["y0"] + 0.3


def test_companions_that_cannot_be_fitted_beside_texts_are_refused_or_left_out():
    texts = X[["review", "seen"]]
    with pytest.raises(ValueError, match=r"'kernel' reads columns of numbers, and there are none in X.*\['linear'\]"):
        regressor(trunk="auto", companions=["linear", "kernel"]).fit(texts, Y)
    assert set(regressor(trunk="auto").fit(texts, Y).companions_) == {"linear"}
    with pytest.raises(ValueError, match="hold no rows out"):
        regressor(companions="linear", early_stopping=False).fit(X, Y)
    assert set(regressor(companions=["trees"]).fit(X, Y).companions_) == {"trees"}
    for settings in ({"early_stopping": False}, {"warm_start": True}, {"companions": None}):
        assert not hasattr(regressor(**settings).fit(X, Y), "companions_")
    assert not hasattr(regressor().partial_fit(X, Y), "companions_")


def test_settings_choose_the_texts():
    none = MultiTaskRegressor(max_iter=1, random_state=0, encoder=TableEncoder(text_columns=[]))
    with pytest.raises(ValueError, match="column 'review': it holds free text"):
        none.fit(X.drop(columns="seen"), Y)
    grid = {"encoder__text_columns": [["review"], ["review", "kind"]]}
    automatic = MultiTaskRegressor(encoder=TableEncoder(), max_iter=1, random_state=0)
    search = GridSearchCV(automatic, grid, cv=KFold(2)).fit(X, Y)
    assert search.best_estimator_._model.reader.samples.names[0] == "review"
    assert np.isfinite(search.predict(X)).all()
    binned = regressor(encoder=TableEncoder(n_bins=0)).fit(X, Y)
    assert binned._model.reader.inner.readers["columns"].n_bins == 0


def test_missing_labels_mixed_tasks_validation_and_scores():
    y = Y.assign(b=Y["b"].astype(int).astype(str))
    y.loc[::2, "a"] = np.nan
    model = MultiTaskEstimator(trunk=SMALL, max_iter=2, random_state=0).fit(X, y, X_val=X[:20], y_val=y[:20])
    assert set(model.predict(X)["b"]) <= {"0", "1"}
    assert np.isfinite(cross_val_score(regressor(), X, Y, cv=2)).all()
    assert sklearn_importance(regressor().fit(X, Y), X, Y, n_repeats=1).importances.shape == (4, 1)


def test_the_first_chunk_settles_what_columns_hold():
    model = regressor().partial_fit(X[:60], Y[:60])
    model.partial_fit(X[60:70].assign(review="short"), Y[60:70])
    assert np.isfinite(model.predict(X[:3])).all()
    again = regressor(warm_start=True).fit(X, Y)
    assert np.isfinite(again.fit(X[:50].assign(review="short"), Y[:50]).predict(X[:1])).all()


@pytest.mark.parametrize("sharing", ["independent", "soft", "dselect_k"])
@pytest.mark.parametrize("balancing", ["uniform", "nash_mtl"])
def test_sharing_and_balancing_serve_frames(sharing, balancing):
    assert np.isfinite(regressor(sharing=sharing, balancing=balancing, max_iter=1).fit(X, Y).predict(X)).all()


def test_columns_of_nothing_else_are_read():
    for constant in ({"size": 1.0}, {"size": None}):
        model = MultiTaskRegressor(max_iter=1, random_state=0).fit(X[["size", "review"]].assign(**constant), Y)
        assert np.isfinite(model.predict(X[["size", "review"]])).all()


def test_a_fitted_trunk_reads_frames_too():
    first = MultiTaskRegressor(max_iter=2, companions=None, random_state=0).fit(X[["review"]], Y)
    second = MultiTaskRegressor(trunk=FittedTrunk(first), max_iter=2, random_state=0).fit(X[["review"]], Y["a"])
    assert second.feature_names_in_.tolist() == ["review"]
    assert np.isfinite(second.predict(X[["review"]])).all()


def test_attributions_explain_one_column_and_several():
    alone = MultiTaskRegressor(max_iter=2, companions=None, random_state=0).fit(X[["review"]], Y)
    found = attributions(alone, X[["review"]][:2], task="b")
    assert found.words[0] == X["review"][0].split()
    found = attributions(regressor(companions=None).fit(X, Y), X[:2], task="b")
    assert (found.feature_names, list(found.parts)) == (list(X), ["columns", "review", "seen"])


def test_what_cannot_be_read_is_refused():
    where = r"X holds texts, lists or arrays in \['review', 'seen'\]"
    with pytest.raises(ValueError, match=rf"hidden_layer_sizes=32 belongs .* {where}: MultiModalTrunk\(\)"):
        MultiTaskRegressor(32).fit(X, Y)
    with pytest.raises(ValueError, match=rf"MLPTrunk\(\) reads samples of one kind, and {where}.*drop these columns"):
        regressor(trunk=MLPTrunk()).fit(X, Y)
    with pytest.raises(ValueError, match=rf"sharing='mmoe' has gates that read rows of columns, and {where}"):
        regressor(sharing="mmoe").fit(X, Y)
    with pytest.raises(ValueError, match=r"augmentation cannot mix the parts \['review', 'seen'\] of X"):
        regressor(augmentation="mixup").fit(X, Y)
    with pytest.raises(ValueError, match=r"Column 'seen' of X: Row 1 of X holds \{'a': 1\}, a dict"):
        regressor().fit(X.assign(seen=[[1], {"a": 1}] * 60), Y)
    with pytest.raises(ValueError, match=r"Column 'seen' of X: Row 0 of X holds 0\.5, a float"):
        regressor().fit(X.assign(seen=[[0.5]] * 120), Y)


def test_a_column_in_which_nothing_is_known_changes_nothing_else():
    lists = X.assign(seen=[[]] * len(X))
    model = regressor().fit(lists, Y)
    np.testing.assert_array_equal(model.predict(lists), model.predict(lists.assign(seen=None)))
    texts = MultiTaskRegressor(max_iter=1, random_state=0).fit(X.assign(review=None), Y)
    assert texts._model.reader.samples.names == ("seen",)
    assert np.isfinite(texts.predict(X.assign(review=None))).all()
