"""Laws over random shapes, missing patterns, weights and classes: what must not matter, and what must be equal."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skmtl import MultiTaskClassifier, MultiTaskRegressor

pytestmark = pytest.mark.slow

QUICK = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
# One full batch is trained in float64; batches of a part of the rows in float32.
FULL, MINI = {"batch_size": 4096}, {"batch_size": 8}


def make(classifier=False, **params):
    params = {"hidden_layer_sizes": (5,), "max_iter": 6, "n_estimators": 2, "early_stopping": True, **params}
    params.setdefault("random_state", 0)
    return (MultiTaskClassifier if classifier else MultiTaskRegressor)(**params)


@st.composite
def data(draw, classifier=None, n_tasks=None):
    """X, y, sample weights, and whether these are classes; every task has two labels or more of every class."""
    seed = draw(st.integers(0, 10_000))
    n_rows = draw(st.integers(30, 50))
    n_features = draw(st.integers(1, 4))
    n_tasks = n_tasks or draw(st.integers(2, 4))
    classifier = draw(st.booleans()) if classifier is None else classifier
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features)) * 10.0 ** rng.integers(-2, 3, size=n_features)
    if classifier:
        n_classes = rng.integers(2, 5, size=n_tasks)
        y = np.stack([rng.permutation(np.arange(n_rows) % k) for k in n_classes], axis=1).astype(float)
    else:
        scale = 10.0 ** rng.integers(-3, 4, size=n_tasks)
        y = rng.normal(1, 1, size=(n_rows, n_tasks)) * scale
        y += 10 * scale * rng.normal(size=n_tasks)
    missing = rng.random(y.shape) < draw(st.sampled_from([0.0, 0.2, 0.4]))
    missing[:8] = False
    y[missing] = np.nan
    weights = rng.integers(1, 4, size=y.shape).astype(float)
    return X, y, weights, classifier


def outputs(model, X, classifier):
    """All predictions as one table."""
    return np.concatenate(model.predict_proba(X), axis=1) if classifier else model.predict(X)


def out_of_fold(model, classifier):
    return np.concatenate(model.oof_prediction_, axis=1) if classifier else model.oof_prediction_


def assert_close(a, b, y, classifier, tolerance):
    """Equal up to `tolerance` in units of the target's standard deviation, or in probability."""
    scale = 1.0 if classifier else np.nanstd(y, axis=0)
    np.testing.assert_allclose(a / scale, b / scale, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("batches", [FULL, MINI])
@QUICK
@given(data())
def test_a_label_of_weight_zero_is_a_missing_label(batches, drawn):
    X, y, weights, classifier = drawn
    hidden = np.random.default_rng(0).random(y.shape) < 0.3
    hidden[:8] = False
    without = make(classifier, **batches).fit(X, np.where(hidden, np.nan, y), weights)
    weightless = make(classifier, **batches).fit(X, y, np.where(hidden, 0, weights))
    np.testing.assert_array_equal(outputs(without, X, classifier), outputs(weightless, X, classifier))
    np.testing.assert_array_equal(out_of_fold(without, classifier), out_of_fold(weightless, classifier))


@pytest.mark.parametrize("batches", [FULL, MINI])
@QUICK
@given(data())
def test_a_row_without_labels_is_no_row(batches, drawn):
    X, y, weights, classifier = drawn
    empty = np.random.default_rng(1).random(len(X)) < 0.3
    empty[:8] = False
    weights[empty] = 0
    X[empty] = 1e3 * np.random.default_rng(2).normal(size=X[empty].shape)
    gone = make(classifier, **batches).fit(X[~empty], y[~empty], weights[~empty])
    empty_rows = make(classifier, **batches).fit(X, y, weights)
    np.testing.assert_array_equal(outputs(gone, X, classifier), outputs(empty_rows, X, classifier))
    oof = out_of_fold(empty_rows, classifier)
    np.testing.assert_array_equal(oof[~empty], out_of_fold(gone, classifier))
    assert np.isnan(oof[empty]).all()
    assert gone.oof_score_ == empty_rows.oof_score_


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("n_estimators", [1, 2])
@QUICK
@given(data())
def test_integer_weights_are_repeated_rows(early_stopping, n_estimators, drawn):
    X, y, weights, classifier = drawn
    weights = weights[:, 0]
    times = np.repeat(np.arange(len(X)), weights.astype(int))
    times = np.random.default_rng(0).permutation(times)
    settings = {**FULL, "early_stopping": early_stopping, "n_estimators": n_estimators, "validation_fraction": 0.2}
    weighted = make(classifier, **settings).fit(X, y, weights)
    repeated = make(classifier, **settings).fit(X[times], y[times])
    assert_close(outputs(weighted, X, classifier), outputs(repeated, X, classifier), y, classifier, 1e-7)
    if early_stopping:
        assert_close(out_of_fold(weighted, classifier)[times], out_of_fold(repeated, classifier), y, classifier, 1e-7)
        assert weighted.oof_score_ == pytest.approx(repeated.oof_score_, abs=1e-7)
        np.testing.assert_allclose(
            weighted.history_.total("valid_loss"), repeated.history_.total("valid_loss"), rtol=1e-7
        )


@QUICK
@given(data(), st.floats(1e-3, 1e3))
def test_a_common_factor_of_all_weights_changes_nothing(drawn, factor):
    X, y, weights, classifier = drawn
    one, other = (make(classifier, **FULL).fit(X, y, w) for w in (weights, factor * weights))
    assert_close(outputs(one, X, classifier), outputs(other, X, classifier), y, classifier, 1e-7)


@pytest.mark.parametrize("batches", [FULL, MINI])
@QUICK
@given(data())
def test_what_stands_in_a_hidden_cell_never_changes_a_bit(batches, drawn):
    X, y, weights, classifier = drawn
    hidden = np.random.default_rng(3).random(y.shape) < 0.3
    hidden[:8] = False
    weights[hidden] = 0
    results = []
    for junk in ([np.nan, 1e300, -1e300, np.inf, 0.5, -1], [0, 1, 1, 0, 1, 0]):
        filled = y.copy()
        filled[hidden] = np.resize(junk, hidden.sum())
        model = make(classifier, **batches).fit(X, filled, weights)
        results.append(np.concatenate([outputs(model, X, classifier), out_of_fold(model, classifier)]))
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("batches, tolerance", [(FULL, 1e-10), (MINI, 1e-4)])
@QUICK
@given(data(), st.randoms(use_true_random=False))
def test_permuting_tasks_permutes_the_result(batches, tolerance, drawn, shuffler):
    X, y, weights, classifier = drawn
    order = list(range(y.shape[1]))
    shuffler.shuffle(order)
    task_weights = np.arange(1.0, 1 + y.shape[1])
    straight = make(classifier, task_weights=task_weights, **batches).fit(X, y, weights)
    permuted = make(classifier, task_weights=task_weights[order], **batches).fit(X, y[:, order], weights[:, order])
    if classifier:
        pairs = [(straight.predict_proba(X)[task], permuted.predict_proba(X)[p]) for p, task in enumerate(order)]
        a, b = (np.concatenate(tables, axis=1) for tables in zip(*pairs, strict=True))
    else:
        a, b = straight.predict(X)[:, order], permuted.predict(X)
    assert_close(a, b, y[:, order], classifier, tolerance)


@pytest.mark.parametrize("tolerance", [1e-10])
@QUICK
@given(data(classifier=False, n_tasks=4))
def test_permuting_tasks_of_mixed_losses_permutes_the_result(tolerance, drawn):
    X, y, weights, _ = drawn
    y = np.abs(y)
    losses = np.array(["poisson", "squared_error", "gamma", "huber"])
    order = [2, 0, 3, 1]
    straight = make(loss=losses.tolist(), **FULL).fit(X, y, weights)
    permuted = make(loss=losses[order].tolist(), **FULL).fit(X, y[:, order], weights[:, order])
    assert_close(straight.predict(X)[:, order], permuted.predict(X), y[:, order], False, tolerance)


@QUICK
@given(data())
def test_renaming_tasks_changes_nothing(drawn):
    X, y, weights, classifier = drawn
    plain = make(classifier, **MINI).fit(X, y, weights)
    renamed = make(classifier, task_names=[f"z{9 - t}" for t in range(y.shape[1])], **MINI).fit(X, y, weights)
    np.testing.assert_array_equal(outputs(plain, X, classifier), outputs(renamed, X, classifier))


@QUICK
@given(data())
def test_a_task_of_weight_zero_leaves_the_others_as_without_it(drawn):
    X, y, weights, classifier = drawn
    idle = np.zeros(y.shape[1])
    idle[1:] = 2.0
    with_idle = make(classifier, task_weights=idle, **MINI).fit(X, y, weights)
    without = make(classifier, task_weights=2.0, **MINI).fit(X, y[:, 1:], weights[:, 1:])
    if classifier:
        for ours, theirs in zip(with_idle.predict_proba(X)[1:], without.predict_proba(X), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        labels = y[~np.isnan(y[:, 0]), 0].astype(int)
        prior = np.bincount(labels, weights=weights[~np.isnan(y[:, 0]), 0])
        np.testing.assert_allclose(with_idle.predict_proba(X)[0], np.tile(prior / prior.sum(), (len(X), 1)))
    else:
        np.testing.assert_array_equal(with_idle.predict(X)[:, 1:], without.predict(X))
        assert len(np.unique(with_idle.predict(X)[:, 0])) == 1


@QUICK
@given(data(classifier=False), st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_scaling_and_shifting_a_target_scales_and_shifts_its_prediction(drawn, factor, shift):
    X, y, weights, _ = drawn
    scaled = y.copy()
    scaled[:, 0] = factor * (y[:, 0] + shift * np.nanstd(y[:, 0]))
    before, after = (make(**FULL).fit(X, target, weights).predict(X) for target in (y, scaled))
    expected = before.copy()
    expected[:, 0] = factor * (before[:, 0] + shift * np.nanstd(y[:, 0]))
    # Shifting by a thousand standard deviations costs three digits of sixteen.
    assert_close(after, expected, scaled, False, 1e-9)


@QUICK
@given(data(), st.floats(1e-3, 1e3))
def test_scaling_a_feature_changes_nothing(drawn, factor):
    X, y, weights, classifier = drawn
    other = X.copy()
    other[:, 0] = factor * X[:, 0] + 3
    # Without holdouts: these are dealt by what the rows hold.
    a, b = (make(classifier, early_stopping=False, **FULL).fit(Z, y, weights) for Z in (X, other))
    assert_close(outputs(a, X, classifier), outputs(b, other, classifier), y, classifier, 1e-8)


@QUICK
@given(data())
def test_the_order_of_rows_does_not_matter_in_one_full_batch(drawn):
    X, y, weights, classifier = drawn
    order = np.random.default_rng(5).permutation(len(X))
    a = make(classifier, **FULL).fit(X, y, weights)
    b = make(classifier, **FULL).fit(X[order], y[order], weights[order])
    assert_close(outputs(a, X, classifier), outputs(b, X, classifier), y, classifier, 1e-8)
    assert_close(out_of_fold(a, classifier)[order], out_of_fold(b, classifier), y, classifier, 1e-8)


@pytest.mark.parametrize("losses", [["squared_error", "poisson"], ["absolute_error", "gamma"], ["huber", "huber"]])
def test_losses_of_tasks_can_be_mixed_and_do_not_mix_up_tasks(losses):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = np.exp(X @ rng.normal(size=(3, 2)) * 0.3)
    # A linear network shares nothing between tasks, and its start is zero: each task is learned as if alone. Adam's
    # division by the gradient's size would blow up the rounding errors of a gradient that is zero.
    linear = {"hidden_layer_sizes": (), "early_stopping": False, "solver": "sgd", "balancing": "uniform", **FULL}
    together = make(loss=losses, **linear).fit(X, y).predict(X)
    for task in range(2):
        alone = make(loss=losses[task], **linear).fit(X, y[:, task]).predict(X)
        np.testing.assert_allclose(together[:, task], alone, rtol=1e-9)
    by_name = make(loss={"y1": losses[1], "y0": losses[0]}, **linear).fit(X, y).predict(X)
    np.testing.assert_array_equal(by_name, together)
