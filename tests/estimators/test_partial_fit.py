"""Training further: chunk by chunk, and from where the last fit ended."""

import numpy as np
import pytest

from skmtl import MultiTaskClassifier, MultiTaskRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 3))
Y = X @ rng.normal(size=(3, 2)) + 0.1 * rng.normal(size=(90, 2))
C = np.column_stack([Y[:, 0] > 0, np.digitize(Y[:, 1], [-1, 1])]).astype(int)
CHUNKS = [slice(0, 30), slice(30, 60), slice(60, 90)]


def make(classifier=False, **params):
    params = {"hidden_layer_sizes": (8,), "n_estimators": 2, "random_state": 0, "max_iter": 4, **params}
    return (MultiTaskClassifier if classifier else MultiTaskRegressor)(**params)


def test_chunks_are_learned():
    model = make(learning_rate_init=0.02)
    scores = []
    for _ in range(15):
        for chunk in CHUNKS:
            model.partial_fit(X[chunk], Y[chunk])
        scores.append(model.score(X, Y))
    assert scores[-1] > 0.9 > scores[0]
    assert model.n_iter_ == 1
    assert len(model.history_) == 45
    assert not model.early_stopping_
    assert not hasattr(model, "oof_prediction_")


def test_every_call_goes_on_from_the_last_one():
    model = make().partial_fit(X, Y)
    before = model.predict(X)
    assert not np.array_equal(model.partial_fit(X, Y).predict(X), before)


def test_the_solvers_running_means_go_on_too():
    # An epoch in one batch, four times, is four epochs of fit without holdouts. (Adam would blow up the rounding errors
    # of the first gradients, which are zero; and fit computes in float64.)
    params = {"batch_size": 100, "early_stopping": False, "learning_rate_init": 0.05, "solver": "sgd"}
    chunked = make(**params)
    for _ in range(4):
        chunked.partial_fit(X, Y)
    whole = make(**params).fit(X, Y)
    np.testing.assert_allclose(chunked.predict(X), whole.predict(X), rtol=1e-3, atol=1e-4)


def test_a_changed_learning_rate_counts_from_the_next_call():
    slow, fast = (make().partial_fit(X, Y) for _ in range(2))
    np.testing.assert_array_equal(slow.predict(X), fast.predict(X))
    slow.set_params(learning_rate_init=1e-9).partial_fit(X, Y)
    fast.partial_fit(X, Y)
    assert np.abs(fast.predict(X) - slow.predict(X)).max() > 1e-4


@pytest.mark.parametrize("classifier", [False, True])
def test_a_task_may_have_no_label_in_a_chunk(classifier):
    y = (C if classifier else Y).astype(float)
    without = y.copy()
    without[:30, 1] = np.nan
    model = make(classifier, learning_rate_init=0.02)
    kwargs = {"classes": [[0, 1], [0, 1, 2]]} if classifier else {}
    model.partial_fit(X[:30], without[:30], **kwargs)
    for _ in range(30):
        for chunk in CHUNKS:
            model.partial_fit(X[chunk], without[chunk])
    assert model.score(X, y) > 0.8


@pytest.mark.parametrize("classifier", [False, True])
def test_a_chunk_without_any_label_changes_nothing(classifier):
    y = (C if classifier else Y).astype(float)
    kwargs = {"classes": [[0, 1], [0, 1, 2]]} if classifier else {}
    model = make(classifier).partial_fit(X, y, **kwargs)
    before = model.transform(X)
    model.partial_fit(X[:30], np.full((30, 2), np.nan))
    np.testing.assert_array_equal(model.transform(X), before)


def test_a_first_chunk_without_any_label_is_no_obstacle():
    model = make().partial_fit(X[:30], np.full((30, 2), np.nan)).partial_fit(X, Y)
    assert np.isfinite(model.predict(X)).all()


def test_a_feature_that_was_constant_is_scaled_by_the_first_chunk_in_which_it_varies():
    first = X[:30].copy()
    first[:, 2] = 7
    model = make().partial_fit(first, Y[:30])
    assert model._model.standardizer.inverse_scale_[2] == 0
    model.partial_fit(X[30:], Y[30:])
    assert model._model.standardizer.inverse_scale_[2] == pytest.approx(1 / X[30:, 2].std())
    assert model._model.standardizer.inverse_scale_[1] == pytest.approx(1 / X[:30, 1].std())


def test_a_task_of_weight_zero_predicts_the_mean_of_the_first_chunk_that_has_labels():
    y = Y.copy()
    y[:30, 1] = np.nan
    model = make(task_weights=[1, 0]).partial_fit(X[:30], y[:30])
    assert np.isnan(model.predict(X)[:, 1]).all()
    model.partial_fit(X[30:], y[30:])
    np.testing.assert_allclose(model.predict(X)[:, 1], Y[30:, 1].mean())


def test_a_classifier_needs_its_classes_at_the_first_call_only():
    model = make(True)
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        model.partial_fit(X, C)
    model.partial_fit(X[:5], np.zeros((5, 2), int), classes=[[0, 1], [0, 1, 2]])
    assert [c.tolist() for c in model.classes_] == [[0, 1], [0, 1, 2]]
    model.partial_fit(X, C)
    assert [p.shape for p in model.predict_proba(X)] == [(90, 2), (90, 3)]


def test_classes_of_a_single_task_are_an_array():
    model = make(True).partial_fit(X, C[:, 1], classes=np.arange(3)).partial_fit(X, C[:, 1])
    assert model.classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "y, classes, message",
    [
        (C, [[0, 1], [0, 1]], r"classes of task 'y1' were \[0, 1, 2\] and are \[0, 1\] now"),
        (C + 1, None, r"Task 'y0' holds the label 2"),
        (C, [[0, 1]], r"classes has 1 entries, but y has 2 tasks"),
        (C[:, :1], None, r"Tasks \['y0'\] cannot continue a model of the tasks \['y0', 'y1'\]"),
    ],
)
def test_changed_classes_are_an_error(y, classes, message):
    model = make(True).partial_fit(X, C, classes=[[0, 1], [0, 1, 2]])
    before = model.__dict__.copy()
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, y, classes=classes)
    assert model.__dict__ == before


@pytest.mark.parametrize("mode", ["partial_fit", "warm_start"])
@pytest.mark.parametrize(
    "changes, y, message",
    [
        ({"n_estimators": 3}, Y, "n_estimators=3 cannot continue a model of 2 members"),
        ({}, Y[:, :1], r"Tasks \['y0'\] cannot continue a model of the tasks \['y0', 'y1'\]"),
        ({"task_names": ["a", "b"]}, Y, r"Tasks \['a', 'b'\] cannot continue"),
        ({"loss": "huber"}, Y, "Losses .*Huber.* cannot continue a model trained with .*SquaredError"),
        ({"task_weights": [0, 1]}, Y, r"learn the tasks \['y1'\], but .* learned \['y0', 'y1'\]"),
    ],
)
def test_what_cannot_be_continued_is_an_error(mode, changes, y, message):
    model = make(warm_start=True)
    fit = model.fit if mode == "warm_start" else model.partial_fit
    fit(X, Y)
    with pytest.raises(ValueError, match=message):
        getattr(model.set_params(**changes), fit.__name__)(X, y)


def test_changed_class_sets_are_an_error_under_warm_start():
    model = make(True, warm_start=True).fit(X, C)
    with pytest.raises(ValueError, match=r"The classes of task 'y1' were \[0, 1, 2\].*Set warm_start=False"):
        model.fit(X, np.minimum(C, 1))


def test_a_changed_number_of_features_is_an_error():
    model = make(warm_start=True).fit(X, Y)
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="X has 2 features, but MultiTaskRegressor is expecting 3"):
            fit(X[:, :2], Y)


@pytest.mark.parametrize("early_stopping", [True, False])
def test_warm_start_continues_all_members(early_stopping):
    model = make(warm_start=True, early_stopping=early_stopping, learning_rate_init=0.01).fit(X, Y)
    first = model.score(X, Y)
    for _ in range(10):
        model.fit(X, Y)
    assert model.score(X, Y) > first
    assert len(model.history_) == 44
    assert model.n_iter_ == 4
    cold = make(early_stopping=early_stopping, companions=None, learning_rate_init=0.01).fit(X, Y)
    assert cold.score(X, Y) == first


def test_warm_start_after_partial_fit_and_the_other_way_round():
    model = make(warm_start=True).partial_fit(X, Y).fit(X, Y).partial_fit(X, Y)
    assert np.isfinite(model.predict(X)).all()
    assert len(model.history_) == 6


def test_without_warm_start_fit_begins_anew():
    again = make().fit(X[:50], Y[:50]).fit(X, Y)
    np.testing.assert_array_equal(again.predict(X), make().fit(X, Y).predict(X))


def test_fit_after_partial_fit_begins_anew():
    again = make().partial_fit(X[:50], Y[:50]).fit(X, Y)
    np.testing.assert_array_equal(again.predict(X), make().fit(X, Y).predict(X))


def test_earlier_fitted_objects_are_not_trained_further():
    import copy

    model = make(warm_start=True).fit(X, Y)
    net, twin = model.net_, copy.copy(model)
    before = twin.predict(X)
    model.fit(X, Y)
    assert model.net_ is not net
    np.testing.assert_array_equal(twin.predict(X), before)


def test_weights_of_rows_count():
    weight = np.where(np.arange(90) < 45, 1.0, 0.0)
    np.testing.assert_array_equal(
        make().partial_fit(X, Y, sample_weight=weight).predict(X), make().partial_fit(X[:45], Y[:45]).predict(X)
    )
