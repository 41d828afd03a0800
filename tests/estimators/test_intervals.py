"""Prediction intervals of the estimators: from whose rows they come, what must not matter, and whether they hold."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.losses import Quantile
from skmtl.uncertainty import conformal_quantile

FAST = {"hidden_layer_sizes": (8,), "max_iter": 15, "n_estimators": 5, "random_state": 0}
# One batch, in float64: all that follows from the order of rows is rounding.
ONE_BATCH = {**FAST, "batch_size": 4096}
BAND = Quantile(levels=(0.1, 0.5, 0.9))


def regression(n_rows=120, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 3))
    noise = rng.normal(size=(n_rows, 2))
    return X, np.column_stack([X[:, 0] + 0.3 * noise[:, 0], 50 + 9 * X[:, 1] * (1 + X[:, 2]) + noise[:, 1]])


def coverage_of(intervals, y):
    return ((intervals[..., 0] <= y) & (y <= intervals[..., 1])).mean(0)


# Whose rows and predictions


def test_a_single_member_gives_split_conformal_intervals_from_its_holdout():
    X, y = regression()
    model = MultiTaskRegressor(**{**FAST, "n_estimators": 1}, validation_fraction=0.3).fit(X, y)
    held_out = ~np.isnan(model.oof_prediction_[:, 0])
    margins = [conformal_quantile(own, 0.8) for own in np.abs(y - model.oof_prediction_)[held_out].T]
    expected = model.predict(X)[:, :, None] + np.array(margins)[:, None] * [-1, 1]
    np.testing.assert_allclose(model.predict_interval(X, 0.8), expected, rtol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"companions": "auto"}, {"early_stopping": False}])
def test_given_holdouts_are_measured_on_the_average_of_all_members(settings):
    X, y = regression(200)
    model = MultiTaskRegressor(**FAST, **settings).fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:])
    margins = [conformal_quantile(own, 0.9) for own in np.abs(y - model.predict(X))[120:].T]
    expected = model.predict(X)[:, :, None] + np.array(margins)[:, None] * [-1, 1]
    np.testing.assert_allclose(model.predict_interval(X), expected, rtol=1e-6)


@pytest.mark.parametrize("companions", [None, "auto"])
def test_every_row_speaks_for_the_member_that_held_it_out(companions):
    X, y = regression()
    model = MultiTaskRegressor(**ONE_BATCH, companions=companions).fit(X, y)
    members = np.array([groups[0] for groups in model._model.member_predictions(X)])  # (M, n, T), encoded
    members = np.stack([model._model.targets.decode(members[..., task], task) for task in range(2)], 2)
    np.testing.assert_allclose(members.mean(0), model.predict(X), rtol=1e-9)
    for task in range(2):
        held = model._model.held_out.columns[task]
        # Without companions, the residuals are those of the member's own predictions of the rows of fit.
        if companions is None:
            own = np.sort(np.abs(y[:, task] - model.oof_prediction_[:, task]))
            np.testing.assert_allclose(np.sort(np.abs(held.values[:, 0])), own, rtol=1e-9)
        sums = members[held.member, :5, task] + np.abs(held.values)
        differences = members[held.member, :5, task] - np.abs(held.values)
        # 0.9 · 121 = 108.9: the 109th of 120, and the 12th.
        expected = np.stack([np.sort(differences, 0)[11], np.sort(sums, 0)[108]], 1)
        np.testing.assert_allclose(model.predict_interval(X[:5])[:, task], expected, rtol=1e-8)


def test_intervals_hold_on_new_rows():
    X, y = regression(800)
    rows, new = slice(0, 300), slice(300, None)
    model = MultiTaskRegressor(**FAST, companions="auto").fit(X[rows], y[rows])
    for coverage in (0.6, 0.9):
        found = coverage_of(model.predict_interval(X[new], coverage), y[new])
        # 500 new rows and 300 held-out ones: three standard deviations are 0.08 at 0.6, and CV+ may be wide.
        assert (np.abs(found - coverage - 0.02) < 0.08).all()
    joint = model.predict_interval(X[new], 0.9, joint=True)
    inside = ((joint[..., 0] <= y[new]) & (y[new] <= joint[..., 1])).all(1).mean()
    assert inside == pytest.approx(0.92, abs=0.06)


def test_more_coverage_is_wider_and_joint_is_wider_still():
    X, y = regression()
    model = MultiTaskRegressor(**FAST).fit(X, y)
    narrow, wide = model.predict_interval(X, 0.5), model.predict_interval(X, 0.9)
    assert (wide[..., 0] <= narrow[..., 0]).all()
    assert (wide[..., 1] >= narrow[..., 1]).all()
    joint = model.predict_interval(X, 0.9, joint=True)
    assert (np.diff(joint).mean(0) > np.diff(wide).mean(0)).all()


# Quantiles


def test_quantiles_are_moved_by_how_far_labels_lie_outside():
    X, y = regression(200)
    settings = {**FAST, "n_estimators": 1, "loss": BAND, "early_stopping": False}
    model = MultiTaskRegressor(**settings).fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    quantiles = model.predict_quantiles(X)
    found = model.predict_interval(X, 0.9)
    for task, name in enumerate(("y0", "y1")):
        low, high = quantiles[name][:, 0], quantiles[name][:, 2]
        moved = conformal_quantile(np.maximum(low - y[:, task], y[:, task] - high)[100:], 0.9)
        np.testing.assert_allclose(found[:, task], np.column_stack([low - moved, high + moved]), rtol=1e-5, atol=1e-6)


def test_the_width_of_quantiles_follows_the_row():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(1500, 1))
    y = rng.normal(size=1500) * np.exp(1.5 * X[:, 0])
    settings = {**FAST, "loss": BAND, "max_iter": 60, "learning_rate_init": 0.01}
    model = MultiTaskRegressor(**settings).fit(X[:700], y[:700])
    found = model.predict_interval(X[700:], 0.8)
    loud, quiet = X[700:, 0] > 0.3, X[700:, 0] < -0.3
    assert np.diff(found[loud]).mean() > 2 * np.diff(found[quiet]).mean()
    for own in (slice(None), loud, quiet):
        # Five standard deviations of 280 rows, since coverage in a part of the rows is learned, not promised.
        assert coverage_of(found[own], y[700:][own]) == pytest.approx(0.8, abs=0.12)


def test_quantiles_on_one_side_make_no_interval():
    X, y = regression()
    model = MultiTaskRegressor(**FAST, loss={"y1": Quantile(levels=(0.5, 0.9))}).fit(X, y)
    with pytest.raises(ValueError, match=r"Task 'y1'.*levels \(0\.5, 0\.9\).*levels=\(0\.1, 0\.5, 0\.9\)\)"):
        model.predict_interval(X, 0.8)


# What must not matter


def test_weights_are_repeated_rows():
    X, y = regression(60)
    counts = np.random.default_rng(0).integers(1, 4, size=60)
    times = np.random.default_rng(1).permutation(np.repeat(np.arange(60), counts))
    weighted = MultiTaskRegressor(**ONE_BATCH).fit(X, y, sample_weight=counts)
    repeated = MultiTaskRegressor(**ONE_BATCH).fit(X[times], y[times])
    scaled = MultiTaskRegressor(**ONE_BATCH).fit(X, y, sample_weight=counts / 7)
    plain = MultiTaskRegressor(**ONE_BATCH).fit(X, y)
    for joint in (False, True):
        expected = weighted.predict_interval(X, 0.8, joint=joint)
        # Training in float64, of some ten steps.
        np.testing.assert_allclose(repeated.predict_interval(X, 0.8, joint=joint), expected, rtol=1e-7)
        np.testing.assert_allclose(scaled.predict_interval(X, 0.8, joint=joint), expected, rtol=1e-7)
        assert np.abs(plain.predict_interval(X, 0.8, joint=joint) - expected).max() > 1e-3


def test_small_batches_count_repeated_rows_once():
    X, y = regression(60)
    model = MultiTaskRegressor(**FAST, batch_size=16).fit(np.tile(X, (3, 1)), np.tile(y, (3, 1)))
    assert [len(held) for held in model._model.held_out.columns.values()] == [60, 60]


def test_labels_of_weight_zero_are_missing_ones():
    X, y = regression()
    hidden = np.random.default_rng(0).random(y.shape) < 0.3
    missing = MultiTaskRegressor(**FAST).fit(X, np.where(hidden, np.nan, y))
    weightless = MultiTaskRegressor(**FAST).fit(X, np.where(hidden, 1e9, y), sample_weight=1.0 * ~hidden)
    for joint in (False, True):
        np.testing.assert_array_equal(
            missing.predict_interval(X, 0.8, joint=joint), weightless.predict_interval(X, 0.8, joint=joint)
        )
    counts = [len(held) for held in missing._model.held_out.columns.values()]
    assert counts == (~hidden).sum(0).tolist()


def test_order_of_rows_and_tasks_and_batches_of_prediction_do_not_matter(monkeypatch):
    X, y = regression()
    order = np.random.default_rng(0).permutation(len(X))
    plain = MultiTaskRegressor(**ONE_BATCH).fit(X, y)
    shuffled = MultiTaskRegressor(**ONE_BATCH).fit(X[order], y[order])
    turned = MultiTaskRegressor(**ONE_BATCH).fit(X, y[:, ::-1])
    for joint in (False, True):
        expected = plain.predict_interval(X, joint=joint)
        np.testing.assert_allclose(shuffled.predict_interval(X, joint=joint), expected, rtol=1e-7)
        np.testing.assert_allclose(turned.predict_interval(X, joint=joint)[:, ::-1], expected, rtol=1e-7)
        monkeypatch.setattr("skmtl.estimators._intervals.CHUNK_VALUES", 100)
        np.testing.assert_allclose(plain.predict_interval(X, joint=joint), expected, rtol=1e-9)
        monkeypatch.undo()


def test_units_of_a_task_are_those_of_its_intervals():
    X, y = regression()
    before = MultiTaskRegressor(**ONE_BATCH).fit(X, y)
    after = MultiTaskRegressor(**ONE_BATCH).fit(X, y * [1e6, 1e-3] + [0, 4])
    for joint in (False, True):
        expected = before.predict_interval(X, joint=joint) * np.array([1e6, 1e-3])[:, None] + np.array([0, 4])[:, None]
        np.testing.assert_allclose(after.predict_interval(X, joint=joint), expected, rtol=1e-6)


def test_a_pickle_predicts_the_same_and_holds_a_bounded_number_of_rows(monkeypatch):
    monkeypatch.setattr("skmtl.uncertainty._held_out.MOST_ROWS", 50)
    X, y = regression()
    model = MultiTaskRegressor(**FAST).fit(X, y)
    assert len(model._model.held_out.columns[0]) == len(model._model.held_out.together) == 50
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_interval(X), model.predict_interval(X))


# Shapes and kinds of tasks


def test_shapes_are_those_of_y_with_two_ends():
    X, y = regression()
    assert MultiTaskRegressor(**FAST).fit(X, y).predict_interval(X[:3]).shape == (3, 2, 2)
    alone = MultiTaskRegressor(**FAST).fit(X, y[:, 0])
    assert alone.predict_interval(X[:3]).shape == (3, 2)
    np.testing.assert_array_equal(alone.predict_interval(X, joint=True), alone.predict_interval(X))
    np.testing.assert_allclose(alone.predict_interval(csr_array(X)), alone.predict_interval(X), rtol=1e-6)


def test_several_types_give_intervals_of_their_numbers_by_name():
    X, y = regression()
    frame = pd.DataFrame({"kind": np.where(X[:, 2] > 0, "a", "b"), "price": y[:, 1], "visits": np.abs(y[:, 0]).round()})
    model = MultiTaskEstimator(**FAST, task_types={"visits": "count"}).fit(X, frame)
    found = model.predict_interval(X)
    assert list(found) == ["price", "visits"]
    assert coverage_of(found["price"], y[:, 1]) > 0.85
    assert coverage_of(found["visits"], np.abs(y[:, 0]).round()) > 0.85
    alone = MultiTaskEstimator(**FAST).fit(X, y[:, 0])
    assert alone.predict_interval(X).shape == (120, 2)


def test_constant_labels_have_intervals_of_no_width_and_tasks_of_weight_zero_none():
    X, y = regression()
    y[:, 0] = 7.0
    model = MultiTaskRegressor(**FAST).fit(X, y)
    for joint in (False, True):
        found = model.predict_interval(X, joint=joint)
        np.testing.assert_allclose(found[:, 0], 7, rtol=1e-12)
        assert (np.diff(found[:, 1]) > 0).all()
    idle = MultiTaskRegressor(**FAST, task_weights=[0, 1]).fit(X, y)
    found = idle.predict_interval(X)
    assert np.isnan(found[:, 0]).all()
    np.testing.assert_array_equal(found[:, 1], MultiTaskRegressor(**FAST).fit(X, y[:, 1]).predict_interval(X))


def test_more_training_renews_what_was_measured():
    X, y = regression()
    model = MultiTaskRegressor(**{**FAST, "max_iter": 2}, warm_start=True).fit(X, y)
    before = np.diff(model.predict_interval(X)).mean(0)
    assert (np.diff(model.set_params(max_iter=40).fit(X, y).predict_interval(X)).mean(0) < before).all()


# Where there are none


@pytest.mark.parametrize("coverage", [0, 1, -0.1, 90, "0.9", None, np.nan])
def test_coverage_is_a_number_between_0_and_1(coverage):
    X, y = regression()
    model = MultiTaskRegressor(**FAST).fit(X, y)
    with pytest.raises(ValueError, match="coverage must be a number between 0 and 1"):
        model.predict_interval(X, coverage)


def test_models_that_held_nothing_out_say_so():
    X, y = regression()
    fitted = MultiTaskRegressor(**FAST).fit(X, y)
    chunked = MultiTaskRegressor(**FAST).partial_fit(X, y)
    tiny = MultiTaskRegressor(**FAST).fit(X[:4], y[:4])
    for model in (MultiTaskRegressor(**FAST, early_stopping=False).fit(X, y), chunked, tiny, fitted.partial_fit(X, y)):
        with pytest.raises(ValueError, match=r"here no row was.*early_stopping=True"):
            model.predict_interval(X)


def test_classes_have_no_intervals():
    X, y = regression()
    assert not hasattr(MultiTaskClassifier, "predict_interval")
    model = MultiTaskEstimator(**FAST).fit(X, np.where(y > y.mean(0), "high", "low"))
    with pytest.raises(ValueError, match=r"Only tasks of numbers have intervals, and of \['y0', 'y1'\]"):
        model.predict_interval(X)


def test_few_labels_make_infinite_intervals_and_a_warning_that_says_how_many_are_needed():
    X, y = regression()
    y[18:, 1] = np.nan
    model = MultiTaskRegressor(**FAST).fit(X, y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = model.predict_interval(X, 0.95)
    (warning,) = caught
    assert warning.filename == __file__
    assert "Task 'y1': intervals are infinite. coverage=0.95 needs at least 19" in str(warning.message)
    assert "there are 18" in str(warning.message)
    np.testing.assert_array_equal(found[:, 1], np.tile([-np.inf, np.inf], (120, 1)))
    assert np.isfinite(found[:, 0]).all()
    assert np.isfinite(model.predict_interval(X, 0.9)).all()


def test_tasks_without_held_out_labels_have_infinite_intervals():
    X, y = regression()
    y_val = y[80:].copy()
    y_val[:, 0] = np.nan
    model = MultiTaskRegressor(**FAST).fit(X[:80], y[:80], X_val=X[80:], y_val=y_val)
    with pytest.warns(UserWarning, match=r"Task 'y0'.*there are 0"):
        found = model.predict_interval(X)
    assert np.isinf(found[:, 0]).all()
    assert np.isfinite(found[:, 1]).all()
    with pytest.raises(ValueError, match="there are 0"):
        model.predict_interval(X, joint=True)


def test_joint_intervals_need_rows_with_all_labels():
    X, y = regression()
    y[:60, 0] = y[65:, 1] = np.nan
    model = MultiTaskRegressor(**FAST).fit(X, y)
    with pytest.raises(ValueError, match=r"at least 9 of them, and there are 5\. Labels a task: {'y0': 60, 'y1': 65}"):
        model.predict_interval(X, 0.9, joint=True)
    assert np.isfinite(model.predict_interval(X, 0.8, joint=True)).all()
