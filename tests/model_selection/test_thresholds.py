"""Thresholds of decisions: the best of all, by any metric, from rows that were held out."""

import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, matthews_corrcoef

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.model_selection import tune_thresholds

METRICS = {
    "f1": f1_score,
    "balanced_accuracy": balanced_accuracy_score,
    "accuracy": accuracy_score,
    "mcc": matthews_corrcoef,
}
rng = np.random.default_rng(0)
X = rng.normal(size=(120, 3))
RARE = X[:, 0] + 0.5 * rng.normal(size=120) > 1.2
KIND = np.where(X[:, 1] > 0.5, "flat", np.where(X[:, 1] > -0.5, "house", "room"))
Y = pd.DataFrame({"rare": pd.array(RARE, dtype="boolean"), "kind": KIND, "sold": np.where(X[:, 2] > 0, "yes", "no")})
Y.loc[::4, "rare"] = pd.NA
FAST = {"hidden_layer_sizes": (6,), "max_iter": 10, "n_estimators": 2, "random_state": 0}


def held_out(probabilities):
    """Return what looks like an estimator with these out-of-fold probabilities of one task."""
    second = np.asarray(probabilities, dtype=float)
    return SimpleNamespace(
        oof_prediction_=np.stack([1 - second, second], axis=1),
        task_names_=["y0"],
        task_types_={"y0": "classification"},
        task_columns_={"y0": ["y0"]},
        classes_=np.array([0, 1]),
    )


def threshold(probabilities, y, **params):
    return tune_thresholds(held_out(probabilities), np.asarray(y, dtype=float), **params).thresholds_["y0"]


@pytest.fixture(scope="module")
def model():
    return tune_thresholds(MultiTaskEstimator(**FAST).fit(X, Y), Y)


def test_the_threshold_is_midway_between_the_rows_that_it_parts():
    assert threshold([0.1, 0.2, 0.4, 0.9], [0, 0, 1, 1]) == pytest.approx(0.3)
    assert threshold([0.1, 0.6, 0.7, 0.9], [0, 0, 0, 1]) == pytest.approx(0.8)


def test_f1_by_hand():
    # Of cuts: all positive 2·2/(2·2+2) = .667, from .2: 4/5 = .8, from .3: 2/4 = .5, from .4: 2/3, none: 0.
    assert threshold([0.1, 0.2, 0.3, 0.4], [0, 1, 0, 1]) == pytest.approx(0.15)
    # A false positive of weight 9: from .2 on now 2·2/(2·2+9), and from .4 on still 2/3.
    assert threshold([0.1, 0.2, 0.3, 0.4], [0, 1, 0, 1], sample_weight=[1, 1, 9, 1]) == pytest.approx(0.35)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_is_better_and_a_callable_finds_the_same(name, seed):
    draws = np.random.default_rng(seed)
    y, weights = draws.integers(0, 2, size=40), draws.integers(1, 4, size=40)
    p = np.clip(0.3 * y + 0.2 + 0.25 * draws.normal(size=40), 0, 1).round(1)  # with ties, zeros and ones
    found = threshold(p, y, metric=name, sample_weight=weights)

    def score(cut):
        return METRICS[name](y, p >= cut, sample_weight=weights)

    cuts = np.linspace(-0.05, 1.05, 12)  # between any two of the probabilities
    assert score(found) == pytest.approx(max(map(score, cuts)), abs=1e-12)
    assert threshold(p, y, metric=METRICS[name], sample_weight=weights) == found


def test_equally_good_thresholds_are_settled_towards_one_half():
    # From .2 on or from .8 on: three of four are right.
    assert threshold([0.1, 0.3, 0.6, 0.7], [0, 1, 0, 1], metric="accuracy") == pytest.approx(0.65)
    assert threshold([0.3, 0.4, 0.7, 0.9], [0, 1, 0, 1], metric="accuracy") == pytest.approx(0.35)


def test_all_and_none_of_the_rows_are_candidates():
    assert threshold([0.2, 0.4], [1, 0], metric="f1") == pytest.approx(0.1)
    assert threshold([0.9, 1.0], [1, 0], metric=lambda _, label: -label.sum()) > 1


def test_rows_without_label_or_prediction_do_not_count():
    full = threshold([0.1, 0.2, 0.4, 0.9], [0, 0, 1, 1])
    assert threshold([0.1, 0.2, 0.4, 0.9, 0.35, np.nan], [0, 0, 1, 1, np.nan, 0]) == full
    assert threshold([0.1, 0.2, 0.4, 0.9, 0.35], [0, 0, 1, 1, 0], sample_weight=[1, 1, 1, 1, 0]) == full


def test_labels_of_one_class_leave_one_half():
    assert threshold([0.1, 0.2], [1, 1]) == 0.5
    assert threshold([0.1, 0.2], [0, np.nan]) == 0.5


def test_predictions_follow_thresholds_and_probabilities_do_not(model):
    plain = MultiTaskEstimator(**FAST).fit(X, Y)
    assert set(model.thresholds_) == {"rare", "kind", "sold"}
    assert model.thresholds_["kind"] == 0.5
    assert model.thresholds_["rare"] < 0.5
    for name, table in plain.predict_proba(X).items():
        np.testing.assert_array_equal(model.predict_proba(X)[name], table)
    predicted = model.predict(X)
    np.testing.assert_array_equal(predicted["kind"], plain.predict(X)["kind"])
    positive = model.predict_proba(X)["rare"][:, 1] >= model.thresholds_["rare"]
    np.testing.assert_array_equal(predicted["rare"].astype(bool), positive)
    assert set(predicted["sold"]) == {"no", "yes"}


def test_the_score_is_that_of_the_predictions(model):
    there = Y["rare"].notna()
    truth, predicted = Y[there], model.predict(X)[there]
    means = [np.mean([str(a) == str(b) for a, b in zip(truth[name], predicted[name], strict=True)]) for name in Y]
    assert model.score(X[there], truth) == pytest.approx(np.mean(means))


def test_thresholds_are_pickled_and_forgotten_by_clones_and_fits(model):
    copy = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(copy.predict(X), model.predict(X))
    assert not hasattr(clone(model), "thresholds_")
    assert not hasattr(copy.fit(X, Y), "thresholds_")


def test_a_group_has_a_threshold_a_column():
    tags = pd.DataFrame({"old": X[:, 0] > 0.8, "far": X[:, 1] > 1, "price": X[:, 2]})
    model = MultiTaskEstimator(task_types={"tags": ["old", "far"]}, **FAST).fit(X, tags)
    tune_thresholds(model, tags)
    assert set(model.thresholds_) == {"old", "far"}
    for place, name in enumerate(["old", "far"]):
        positive = model.predict_proba(X)["tags"][:, place] >= model.thresholds_[name]
        np.testing.assert_array_equal(model.predict(X)[name], positive)


def test_columns_without_names_are_known_by_their_place():
    y = np.column_stack([RARE, X[:, 2] > 0]).astype(int)
    model = tune_thresholds(MultiTaskClassifier(**FAST).fit(X, y), pd.DataFrame(y, columns=["a", "b"]))
    assert set(model.thresholds_) == {"y0", "y1"}
    alone = tune_thresholds(MultiTaskClassifier(**FAST).fit(X, y[:, 0]), y[:, 0])
    np.testing.assert_array_equal(alone.predict(X), alone.predict_proba(X)[:, 1] >= alone.thresholds_["y0"])


def test_what_cannot_be_tuned_is_said():
    y = X[:, 0] > 0
    with pytest.raises(ValueError, match="MultiTaskClassifier has no oof_prediction_ to choose thresholds by"):
        tune_thresholds(MultiTaskClassifier(early_stopping=False, max_iter=1, n_estimators=1).fit(X, y), y)
    with pytest.raises(ValueError, match=r"None of the tasks 'y0' has classes"):
        tune_thresholds(MultiTaskRegressor(**FAST).fit(X, X[:, 0]), X[:, 0])
    with pytest.raises(ValueError, match="metric must be a callable or one of 'f1', 'balanced_accuracy'"):
        threshold([0.1, 0.2], [0, 1], metric="f2")
    with pytest.raises(ValueError, match="is NaN for task 'y0'"):
        threshold([0.1, 0.2], [0, 1], metric=lambda *_: np.nan)
    with pytest.raises(ValueError, match="y has 3 rows"):
        threshold([0.1, 0.2], [0, 1, 1])
