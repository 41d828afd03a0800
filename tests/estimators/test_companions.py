"""Networks with companions: what holds for networks holds for the mix."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor

# One batch, in float64: all that follows from the order of rows is rounding.
ONE_BATCH = {"batch_size": 256}
FAST = {"max_iter": 8, "n_estimators": 5, "hidden_layer_sizes": (8,), "random_state": 0, "companions": "auto"}


def regression(n_rows=90, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 4))
    return X, np.column_stack([X[:, 0] + 0.1 * rng.normal(size=n_rows), 50 + 9 * np.abs(X[:, 1]), X[:, 2] * X[:, 0]])


def classes(n_rows=90, seed=0):
    X, y = regression(n_rows, seed)
    return X, np.column_stack([y[:, 0] > 0, np.digitize(y[:, 1], [53, 60])]).astype(int)


def test_companions_beat_a_network_of_few_epochs():
    X, y = regression(200)
    rows = slice(0, 150)
    alone = MultiTaskRegressor(**{**FAST, "companions": None}).fit(X[rows], y[rows]).score(X[150:], y[150:])
    mixed = MultiTaskRegressor(**FAST).fit(X[rows], y[rows])
    assert mixed.score(X[150:], y[150:]) > alone + 0.1
    assert set(mixed.companions_) == {"linear", "kernel", "trees"}
    assert set(mixed.mix_) == {"y0", "y1", "y2"}
    assert set(mixed.mix_["y0"]) == {"network", "linear", "kernel", "trees"}
    assert all(weight >= 0 for weight in mixed.mix_["y0"].values())


def test_scores_out_of_fold_are_given_for_every_part_and_the_mix():
    X, y = regression()
    model = MultiTaskRegressor(**FAST).fit(X, y)
    network = MultiTaskRegressor(**{**FAST, "companions": None}).fit(X, y)
    assert model.oof_part_scores_["network"] == network.oof_task_scores_
    assert set(model.oof_part_scores_) == {"network", "linear", "kernel", "trees"}
    best = max(np.mean(list(scores.values())) for scores in model.oof_part_scores_.values())
    assert model.oof_score_ > best - 0.02
    assert not np.isnan(model.oof_prediction_).any()
    assert not hasattr(network, "companions_")


def test_where_no_part_helps_rows_are_predicted_by_the_mean_of_the_others():
    X, y = np.random.default_rng(1).normal(size=(2, 40, 3))
    model = MultiTaskRegressor(**FAST).fit(X, y)
    assert not any(sum(mix.values()) for mix in model.mix_.values())
    np.testing.assert_allclose(model.oof_prediction_, (y.sum(axis=0) - y) / 39)
    groups = np.arange(40) // 4
    grouped = MultiTaskRegressor(**FAST).fit(X, y, groups=groups)
    assert not any(sum(mix.values()) for mix in grouped.mix_.values())
    left = np.array([y[groups != group].mean(axis=0) for group in groups])
    np.testing.assert_allclose(grouped.oof_prediction_, left)


def test_without_companions_nothing_is_left_of_an_earlier_fit():
    X, y = regression()
    model = MultiTaskRegressor(**FAST).fit(X, y)
    model.set_params(companions=None).fit(X, y)
    assert not any(hasattr(model, name) for name in ("companions_", "mix_", "oof_part_scores_"))


@pytest.mark.parametrize("make", [regression, classes])
def test_results_are_reproduced_cloned_and_pickled(make):
    X, y = make()
    kind = MultiTaskRegressor if make is regression else MultiTaskClassifier
    model = kind(**FAST).fit(X, y)
    expected = model.predict(X)
    np.testing.assert_array_equal(clone(model).fit(X, y).predict(X), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), expected)
    halves = np.concatenate([model.predict(X[:7]), model.predict(X[7:])])
    np.testing.assert_allclose(halves, expected, rtol=1e-7, atol=1e-7)


def test_probabilities_sum_to_one_and_beat_the_prior():
    X, y = classes(200)
    model = MultiTaskClassifier(**FAST).fit(X[:150], y[:150])
    for task, probabilities in enumerate(model.predict_proba(X[150:])):
        np.testing.assert_allclose(probabilities.sum(1), 1)
        truth = y[150:, task]
        prior = np.bincount(y[:150, task]) / 150
        assert -np.log(probabilities[np.arange(50), truth]).mean() < -0.7 * np.log(prior[truth]).mean()


def test_tasks_of_all_kinds_are_served_that_can_be():
    X, y = regression(150)
    table = np.column_stack([y[:, 0], y[:, 0] > 0, y[:, 1]]).astype(object)
    losses = {"y2": "quantile"}
    types = {"y0": "regression", "y1": "classification", "y2": "regression"}
    model = MultiTaskEstimator(**FAST, task_types=types, loss=losses).fit(X, table)
    assert set(model.mix_) == {"y0", "y1"}  # quantiles are the network's alone
    assert model.score(X, table) > 0.5


@pytest.mark.parametrize("make", [regression, classes])
def test_missing_labels_are_not_looked_at(make):
    X, y = make()
    y = y.astype(float)
    y[::3, 0] = y[1::4, 1] = np.nan
    kind = MultiTaskRegressor if make is regression else MultiTaskClassifier
    model = kind(**FAST).fit(X, y)
    weights = (~np.isnan(y)).astype(float)
    filled = np.where(np.isnan(y), 1.0, y)
    np.testing.assert_array_equal(kind(**FAST).fit(X, filled, sample_weight=weights).predict(X), model.predict(X))


def test_class_weights_reach_all_parts():
    X = regression(200)[0]
    rare = (X[:, 0] + np.random.default_rng(1).normal(size=200) > 1.8).astype(int)
    plain = MultiTaskClassifier(**FAST).fit(X, rare).predict_proba(X)[:, 1].mean()
    balanced = MultiTaskClassifier(**FAST, class_weight="balanced").fit(X, rare)
    assert plain < 0.2
    assert balanced.predict_proba(X)[:, 1].mean() > plain + 0.1


def test_a_pickle_holds_landmarks_only():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 2))
    model = MultiTaskRegressor(**{**FAST, "max_iter": 1}).fit(X, X[:, 0])
    kernel = pickle.loads(pickle.dumps(model)).companions_["kernel"]
    assert len(kernel._rows) == 1000
    assert all(len(values) == 1024 for values in kernel.columns_._values)
    assert not hasattr(kernel, "left_out_")


@pytest.mark.parametrize("make", [regression, classes])
def test_repeated_rows_are_integer_weights(make):
    X, y = make(60)
    counts = np.random.default_rng(0).integers(1, 4, size=60)
    rows = np.repeat(np.arange(60), counts)
    kind = MultiTaskRegressor if make is regression else MultiTaskClassifier
    weighted = kind(**FAST, **ONE_BATCH).fit(X, y, sample_weight=counts)
    repeated = kind(**FAST, **ONE_BATCH).fit(X[rows], y[rows])
    if make is classes:
        for one, other in zip(weighted.predict_proba(X), repeated.predict_proba(X), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    else:
        np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-6)


def test_order_of_rows_does_not_matter():
    X, y = regression(60)
    order = np.random.default_rng(0).permutation(60)
    plain, shuffled = (MultiTaskRegressor(**FAST, **ONE_BATCH).fit(X[rows], y[rows]) for rows in (slice(None), order))
    np.testing.assert_allclose(shuffled.predict(X), plain.predict(X), rtol=1e-9)


def test_order_of_tasks_does_not_matter():
    X, y = regression(60)
    plain = MultiTaskRegressor(**FAST).fit(X, y).predict(X)
    turned = MultiTaskRegressor(**FAST).fit(X, y[:, [2, 0, 1]]).predict(X)
    np.testing.assert_allclose(turned, plain[:, [2, 0, 1]], rtol=1e-6)


def test_frames_with_categories_and_holes_are_read():
    pd = pytest.importorskip("pandas")
    X, y = regression(120)
    frame = pd.DataFrame({"a": X[:, 0], "kind": np.where(X[:, 1] > 0, "up", "down"), "b": X[:, 2]})
    frame.loc[::5, "a"] = np.nan
    model = MultiTaskRegressor(**FAST).fit(frame, y)
    assert np.isfinite(model.predict(frame)).all()
    assert model.score(frame, y) > 0.3


def test_companions_can_be_searched():
    X, y = regression()
    search = GridSearchCV(MultiTaskRegressor(**FAST), {"companions": [None, "linear", ["linear", "kernel"]]}, cv=2)
    assert search.fit(X, y).best_params_["companions"] is not None


def test_rows_of_a_group_are_left_out_together():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), 10)
    level = rng.normal(size=(12, 1))[groups]  # what only rows of the same group tell
    X = np.hstack([rng.normal(size=(12, 3))[groups] + 0.01 * rng.normal(size=(120, 3)), rng.normal(size=(120, 1))])
    y = level + 0.3 * X[:, 3:]
    alone = MultiTaskRegressor(**FAST).fit(X, y[:, 0])
    grouped = MultiTaskRegressor(**FAST).fit(X, y[:, 0], groups=groups)
    assert alone.oof_part_scores_["kernel"]["y0"] > 0.8
    assert grouped.oof_part_scores_["kernel"]["y0"] < 0.4


@pytest.mark.parametrize("make", [regression, classes])
def test_given_holdouts_decide_the_mix(make):
    X, y = make(200)
    kind = MultiTaskRegressor if make is regression else MultiTaskClassifier
    model = kind(**FAST).fit(X[:100], y[:100], X_val=X[100:150], y_val=y[100:150])
    alone = kind(**{**FAST, "companions": None}).fit(X[:100], y[:100], X_val=X[100:150], y_val=y[100:150])
    assert model.score(X[150:], y[150:]) > alone.score(X[150:], y[150:])
    assert not hasattr(model, "oof_part_scores_")
    assert set(model.mix_["y0"]) == {"network", "linear", "kernel", "trees"}


# Where there are none


def test_automatic_companions_stay_away_where_they_cannot_be_mixed():
    X, y = regression()
    for settings in [{"early_stopping": False}, {"warm_start": True}]:
        model = MultiTaskRegressor(**FAST, **settings).fit(X, y)
        assert not hasattr(model, "companions_")
    assert not hasattr(MultiTaskRegressor(**FAST).partial_fit(X, y), "companions_")


@pytest.mark.parametrize(
    ("settings", "fit", "message"),
    [
        ({"early_stopping": False}, {}, "hold no rows out"),
        ({"warm_start": True}, {}, "warm_start"),
        ({"companions": ["lines"]}, {}, "lines"),
    ],
)
def test_companions_that_are_asked_for_in_vain_are_refused(settings, fit, message):
    X, y = regression()
    with pytest.raises(ValueError, match=message):
        MultiTaskRegressor(**{**FAST, "companions": "linear", **settings}).fit(X, y, **fit)


@pytest.mark.parametrize("companions", ["automatic", 3, {"linear": 1}])
def test_names_that_are_none_are_refused(companions):
    with pytest.raises(ValueError, match="companions"):
        MultiTaskRegressor(companions=companions).fit(*regression())


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_numbers_of_any_size_are_fine(scale):
    X, y = regression()
    X = X * [scale, 1, 1, 1]
    model = MultiTaskRegressor(**FAST).fit(X, y * scale)
    assert model.score(X, y * scale) > 0.5


def test_constant_tasks_and_columns_are_fine():
    X, y = regression()
    X[:, 3], y[:, 2] = 7, -4
    model = MultiTaskRegressor(**FAST).fit(X, y)
    np.testing.assert_allclose(model.predict(X)[:, 2], -4)


def test_rows_with_labels_of_tasks_that_are_not_served_are_predicted():
    X, y = regression(80)
    y = y[:, :2].copy()
    y[:40, 0] = y[40:, 1] = np.nan
    model = MultiTaskRegressor(**FAST, loss=["squared_error", "quantile"]).fit(X, y)
    alone = MultiTaskRegressor(**FAST).fit(X[40:], y[40:, 0])
    assert set(model.mix_) == {"y0"}
    assert np.isfinite(model.predict(X)).all()
    # Companions see the same rows in both, of columns with other means: near, not equal.
    assert np.corrcoef(model.predict(X)[:, 0], alone.predict(X))[0, 1] > 0.9


def test_classes_without_error_do_not_make_the_mix_certain():
    X = np.random.default_rng(0).normal(size=(60, 2))
    model = MultiTaskClassifier(**FAST).fit(X, (X[:, 0] > 0).astype(int))
    probabilities = model.predict_proba(X)
    assert probabilities.min() > 1e-4
    assert (model.predict(X) == (X[:, 0] > 0)).mean() > 0.9
