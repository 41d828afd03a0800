"""Calibrated probabilities: temperatures from rows that were held out, for the prediction that users get."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from skmtl import MultiTaskClassifier, MultiTaskEstimator
from skmtl.uncertainty import fit_temperatures, tempered

FAST = {
    "hidden_layer_sizes": (8,),
    "max_iter": 30,
    "n_estimators": 5,
    "batch_size": 256,
    "companions": None,  # a mix is calibrated already
    "random_state": 0,
}
rng = np.random.default_rng(0)
X = rng.normal(size=(160, 4))
NOISY = X[:, :2] + 0.8 * rng.normal(size=(160, 2))
Y = np.column_stack([NOISY[:, 0] > 0, NOISY[:, 1] > 0.7]).astype(int)


def fit(calibration, y=Y, **params):
    given = {name: params.pop(name) for name in ("sample_weight", "X_val", "y_val") if name in params}
    return MultiTaskClassifier(calibration=calibration, **{**FAST, **params}).fit(X, y, **given)


def side_by_side(tables):
    return np.stack(tables, axis=1)  # (n, T, K)


@pytest.fixture(scope="module")
def pair():
    return fit(None), fit("auto")


def test_probabilities_are_those_of_the_same_network_made_less_or_more_sure(pair):
    off, on = pair
    assert off.temperatures_ == {"y0": 1.0, "y1": 1.0}
    temperatures = np.array(list(on.temperatures_.values()))
    assert (temperatures != 1).all()
    expected = tempered(side_by_side(off.predict_proba(X)), temperatures)
    np.testing.assert_allclose(side_by_side(on.predict_proba(X)), expected, rtol=1e-12)
    np.testing.assert_array_equal(side_by_side(on.predict_log_proba(X)), np.log(side_by_side(on.predict_proba(X))))


def test_decisions_and_scores_stay(pair):
    off, on = pair
    np.testing.assert_array_equal(on.predict(X), off.predict(X))
    assert on.oof_task_scores_ == off.oof_task_scores_
    assert on.score(X, Y) == off.score(X, Y)


def test_the_log_loss_of_held_out_rows_never_rises(pair):
    off, on = pair
    for task in range(2):
        assert log_loss(Y[:, task], on.oof_prediction_[task]) < log_loss(Y[:, task], off.oof_prediction_[task])


def test_held_out_rows_have_the_temperature_of_one_member_and_new_ones_that_of_the_average(pair):
    off, on = pair
    alone = fit_temperatures(side_by_side(off.oof_prediction_), Y, np.ones(Y.shape), np.array([160, 160]))
    expected = tempered(side_by_side(off.oof_prediction_), alone)
    np.testing.assert_allclose(side_by_side(on.oof_prediction_), expected, rtol=1e-10)
    # Averaging has made new rows less sure already.
    assert (np.array(list(on.temperatures_.values())) < alone).all()


def test_a_single_member_has_one_temperature_from_the_rows_that_it_held_out():
    params = {"n_estimators": 1, "validation_fraction": 0.4}
    off, on = (fit(calibration, **params) for calibration in (None, "auto"))
    p = side_by_side(off.oof_prediction_)
    n_held_out = (~np.isnan(p[:, 0, 0])).sum()
    assert 20 <= n_held_out < 100
    expected = fit_temperatures(p, Y, np.ones(Y.shape), np.full(2, n_held_out))
    np.testing.assert_allclose(list(on.temperatures_.values()), expected, rtol=1e-10)


def test_weights_of_labels_and_classes_count_as_in_training():
    weights = rng.integers(0, 3, size=Y.shape).astype(float)
    params = {"sample_weight": weights, "class_weight": {0: 1.0, 1: 5.0}}
    off, on = (fit(calibration, **params) for calibration in (None, "auto"))
    # A row without any label is no row, and has no prediction.
    counted = weights * np.where(Y == 1, 5.0, 1.0)
    p = side_by_side(off.oof_prediction_)
    expected = tempered(p, fit_temperatures(p, Y, counted, (weights > 0).sum(0)))
    np.testing.assert_allclose(side_by_side(on.oof_prediction_), expected, rtol=1e-10)


def test_given_holdouts_are_predicted_by_the_average():
    given = {"X_val": X[:90], "y_val": Y[:90]}
    off, on = (fit(calibration, **given) for calibration in (None, "auto"))
    p = side_by_side(off.predict_proba(X[:90]))
    expected = fit_temperatures(p, Y[:90], np.ones((90, 2)), np.array([90, 90]))
    np.testing.assert_allclose(list(on.temperatures_.values()), expected, rtol=1e-10)


def test_missing_labels_are_left_out():
    y = Y.astype(float)
    y[:145, 1] = np.nan
    y[145:, 1] = np.arange(15) % 2
    on = fit("auto", y)
    assert on.temperatures_["y1"] == 1.0  # fifteen rows say nothing
    assert on.temperatures_["y0"] != 1.0


def test_without_holdouts_nothing_is_calibrated():
    off, on = (fit(calibration, early_stopping=False) for calibration in (None, "auto"))
    assert on.temperatures_ == {"y0": 1.0, "y1": 1.0}
    np.testing.assert_array_equal(on.predict_proba(X), off.predict_proba(X))
    chunks = fit("auto")
    chunks.partial_fit(X, Y)
    assert chunks.temperatures_ == {"y0": 1.0, "y1": 1.0}
    with pytest.raises(ValueError, match=r"calibration='temperature' needs rows .* members hold no rows out"):
        fit("temperature", early_stopping=False)
    with pytest.raises(ValueError, match=r"calibration='temperature' needs rows .* partial_fit holds no rows out"):
        MultiTaskClassifier(calibration="temperature", **FAST).partial_fit(X, Y, [np.arange(2)] * 2)


def test_a_mix_with_companions_is_calibrated_on_request_only():
    off, auto, asked = (fit(calibration, companions="linear") for calibration in (None, "auto", "temperature"))
    assert auto.temperatures_ == {"y0": 1.0, "y1": 1.0}
    np.testing.assert_array_equal(auto.predict_proba(X), off.predict_proba(X))
    p = side_by_side(off.oof_prediction_)
    expected = fit_temperatures(p, Y, np.ones(Y.shape), np.array([160, 160]))
    np.testing.assert_allclose(list(asked.temperatures_.values()), expected, rtol=1e-10)
    alone = fit("temperature")
    assert alone.temperatures_ == fit("auto").temperatures_


def test_columns_with_classes_have_temperatures_and_numbers_stay():
    y = pd.DataFrame(
        {
            "price": NOISY[:, 0],
            "stars": np.digitize(NOISY[:, 1], [-1.0, 0.0, 1.0]),
            "old": Y[:, 0],
            "far": Y[:, 1],
            "same": "a",
        }
    )
    types = {"tags": ["old", "far"], "stars": "ordinal"}
    with pytest.warns(UserWarning, match="one class only"):
        off = MultiTaskEstimator(task_types=types, calibration=None, **FAST).fit(X, y)
    with pytest.warns(UserWarning, match="one class only"):
        on = MultiTaskEstimator(task_types=types, **FAST).fit(X, y)
    assert set(on.temperatures_) == {"stars", "old", "far", "same"}
    assert on.temperatures_["same"] == 1.0
    pd.testing.assert_frame_equal(on.predict(X), off.predict(X))
    before, after = off.predict_proba(X), on.predict_proba(X)
    temperature = np.array([on.temperatures_["stars"]])
    np.testing.assert_allclose(after["stars"], tempered(before["stars"][:, None], temperature)[:, 0], rtol=1e-12)
    odds = (before["tags"] / (1 - before["tags"])) ** (1 / np.array([on.temperatures_["old"], on.temperatures_["far"]]))
    np.testing.assert_allclose(after["tags"], odds / (1 + odds), rtol=1e-10)


def test_calibrated_models_are_pickled_and_go_on():
    model = fit("auto", warm_start=True)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))
    before = model.temperatures_
    model.fit(X, Y)
    assert model.temperatures_ != before
    assert 1.0 not in model.temperatures_.values()
