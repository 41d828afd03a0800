"""MultiTaskRegressor: what goes in and in which shape it comes out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from skmtl import MultiTaskRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = X @ rng.normal(size=(3, 2)) + 0.1 * rng.normal(size=(60, 2)) + [5, -3]


def make(**params):
    return MultiTaskRegressor(
        **{"hidden_layer_sizes": (6,), "max_iter": 5, "n_estimators": 2, "random_state": 0, **params}
    )


@pytest.mark.parametrize("y, shape", [(Y[:, 0], (60,)), (Y[:, :1], (60, 1)), (Y, (60, 2))])
def test_predictions_have_the_shape_of_y(y, shape):
    model = make().fit(X, y)
    assert model.predict(X).shape == model.oof_prediction_.shape == shape
    assert model.n_tasks_ == (1 if len(shape) == 1 else shape[1])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int8, bool, object])
def test_predictions_are_float64_whatever_y_is(dtype):
    assert make().fit(X, Y.astype(dtype)).predict(X).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8])
def test_x_may_be_any_number(dtype):
    Z = (10 * np.abs(X)).astype(dtype)
    np.testing.assert_allclose(
        make().fit(Z, Y).predict(Z), make().fit(Z.astype(float), Y).predict(Z), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    "kind", [list, pd.DataFrame, lambda y: pd.DataFrame(y).astype("Float64"), lambda y: y.tolist()]
)
def test_kinds_of_y_give_the_same_model(kind):
    np.testing.assert_array_equal(make().fit(X, kind(Y)).predict(X), make().fit(X, Y).predict(X))


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
def test_a_missing_label_may_be_nan_none_or_na(missing):
    y = Y.astype(object)
    y[3, 1] = missing
    expected = Y.copy()
    expected[3, 1] = np.nan
    np.testing.assert_array_equal(make().fit(X, y).predict(X), make().fit(X, expected).predict(X))


def test_names_of_tasks_come_from_a_data_frame_or_task_names():
    assert make().fit(X, Y).task_names_ == ["y0", "y1"]
    assert make().fit(X, pd.DataFrame(Y, columns=["a b", 7])).task_names_ == ["a b", "7"]
    assert make(task_names=["u", "v"]).fit(X, pd.DataFrame(Y, columns=["a", "b"])).task_names_ == ["u", "v"]
    assert make().fit(X, pd.Series(Y[:, 0], name="price")).task_names_ == ["price"]


def test_fitted_attributes_tell_what_was_fitted():
    model = make().fit(pd.DataFrame(X, columns=list("abc")), Y)
    assert model.n_features_in_ == 3
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    assert model.n_estimators_ == 2
    assert model.n_iter_per_member_.tolist() == [5, 5]
    assert set(model.oof_task_scores_) == {"y0", "y1"}
    assert isinstance(model.oof_score_, float)


@pytest.mark.parametrize("n_rows", [1, 2, 7, 8, 9])
@pytest.mark.parametrize("batch_size", [16, 100])  # float32, float64
def test_a_prediction_does_not_depend_on_its_neighbours(n_rows, batch_size):
    model = make(batch_size=batch_size, hidden_layer_sizes=(32, 32)).fit(X, Y)
    np.testing.assert_allclose(model.predict(X[:n_rows]), model.predict(X)[:n_rows], rtol=1e-6)
    assert model.transform(X[:n_rows]).shape == (n_rows, 64)


def test_a_prediction_does_not_depend_on_chunks(monkeypatch):
    model = make().fit(X, Y)
    whole, representation = model.predict(X), model.transform(X)
    monkeypatch.setattr("skmtl.estimators._model.CHUNK_VALUES", 1)
    # Matrix products of another number of rows may round differently in float32.
    np.testing.assert_allclose(model.predict(X), whole, rtol=1e-6)
    np.testing.assert_allclose(model.transform(X), representation, rtol=1e-5, atol=1e-6)


def test_predict_leaves_x_as_it_was():
    for dtype in (np.float32, np.float64):
        Z = X.astype(dtype)
        before = Z.copy()
        make().fit(Z, Y).predict(Z)
        np.testing.assert_array_equal(Z, before)


def test_score_is_the_mean_r2_over_tasks_without_missing_labels():
    model = make(max_iter=50).fit(X, Y)
    expected = r2_score(Y, model.predict(X), multioutput="raw_values")
    assert model.score(X, Y) == pytest.approx(expected.mean())
    y = Y.copy()
    y[10:, 1] = np.nan
    second = r2_score(Y[:10, 1], model.predict(X)[:10, 1])
    assert model.score(X, y) == pytest.approx((expected[0] + second) / 2)
    y[:, 1] = np.nan
    assert model.score(X, y) == pytest.approx(expected[0])


def test_score_takes_weights_of_rows_or_labels():
    model = make().fit(X, Y)
    weight = rng.random((60, 2))
    expected = [r2_score(Y[:, t], model.predict(X)[:, t], sample_weight=weight[:, t]) for t in range(2)]
    assert model.score(X, Y, weight) == pytest.approx(np.mean(expected))
    row = r2_score(Y, model.predict(X), sample_weight=weight[:, 0])
    assert model.score(X, Y, weight[:, 0]) == pytest.approx(row)


def test_a_task_of_weight_zero_predicts_its_weighted_mean():
    weight = rng.integers(1, 4, size=60).astype(float)
    model = make(task_weights={"y1": 0}).fit(X, Y, weight)
    np.testing.assert_allclose(model.predict(X)[:, 1], np.average(Y[:, 1], weights=weight))
    assert model.score(X, Y) == pytest.approx(np.mean([r2_score(Y[:, t], model.predict(X)[:, t]) for t in range(2)]))
    assert model.history_.task_names == ["y0"]


def test_a_task_of_weight_zero_needs_no_label_and_predicts_nan():
    y = Y.copy()
    y[:, 1] = np.nan
    model = make(task_weights=[1, 0]).fit(X, y)
    assert np.isnan(model.predict(X)[:, 1]).all()
    assert model.score(X, Y) == pytest.approx(r2_score(Y[:, 0], model.predict(X)[:, 0]))


def test_a_constant_target_is_predicted():
    y = Y.copy()
    y[:, 1] = 42
    np.testing.assert_allclose(make().fit(X, y).predict(X)[:, 1], 42, atol=0.3)


def test_constant_features_and_no_features_that_vary_predict_the_mean():
    model = make(early_stopping=False).fit(np.ones((60, 2)), Y)
    np.testing.assert_allclose(model.predict(np.ones((3, 2))), np.tile(Y.mean(0), (3, 1)), atol=0.1)


@pytest.mark.parametrize("exponent", [-200, -30, 30, 150])
def test_targets_and_features_of_any_magnitude(exponent):
    factor = 2.0 ** (3 * exponent)  # a power of two: scaling is exact
    plain = make(early_stopping=False).fit(X, Y).predict(X)
    np.testing.assert_allclose(make(early_stopping=False).fit(factor * X, Y).predict(factor * X), plain, rtol=1e-9)
    np.testing.assert_allclose(make(early_stopping=False).fit(X, factor * Y).predict(X), factor * plain, rtol=1e-9)


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_a_handful_of_rows_can_be_fitted(n_rows):
    model = make().fit(X[:n_rows], Y[:n_rows])
    assert np.isfinite(model.predict(X)).all()
    assert not model.early_stopping_


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "poisson", "gamma"])
def test_every_loss_learns(loss):
    y = np.exp(0.5 * X @ rng.normal(size=(3, 2)))
    model = make(loss=loss, max_iter=150, learning_rate_init=0.01, hidden_layer_sizes=(16,)).fit(X, y)
    assert model.score(X, y) > 0.7
    if loss in ("poisson", "gamma"):
        assert (model.predict(10 * X) > 0).all()


def test_scores_do_not_overflow_where_targets_are_huge():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    y = X @ rng.normal(size=(3, 2))
    plain, huge = (
        MultiTaskRegressor((8,), max_iter=3, n_estimators=2, random_state=0).fit(X, y * scale).score(X, y * scale)
        for scale in (1.0, 2.0**700)
    )
    assert huge == pytest.approx(plain, rel=1e-9)  # a power of two changes no rounding before the network
