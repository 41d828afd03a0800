"""Means of estimators of the same tasks."""

import copy

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.fusion import soup
from skmtl.losses import Poisson, Quantile
from skmtl.nn import FittedTrunk


def test_a_soup_of_equals_is_what_they_are(data, tuned):
    X, _ = data
    one = tuned("ab")
    assert_allclose(soup([one, one, copy.deepcopy(one)]).predict(X), one.predict(X), rtol=1e-6)


def test_its_weights_are_means_and_know_no_order(data, tuned):
    X, y = data
    parts = [tuned("abc", learning_rate_init=rate) for rate in (0.001, 0.003, 0.01)]
    model = soup(parts)
    weights = [part.net_.module_.trunk.layers[1].weight.detach() for part in (model, *parts)]
    assert_allclose(weights[0], sum(weights[1:]) / 3, atol=1e-6)
    assert_allclose(soup(parts[::-1]).predict(X), model.predict(X), rtol=1e-4, atol=1e-5)
    assert type(model) is MultiTaskRegressor
    assert model.n_iter_ == 0
    assert not hasattr(model, "oof_prediction_")
    assert np.isfinite(model.score(X, y))
    assert np.isfinite(model.partial_fit(X, y).score(X, y))


def test_units_of_other_labels_do_not_change_what_numbers_mean(data, tuned):
    X, y = data
    one = tuned("ab", freeze=True, learning_rate_init=1e-9)
    far = tuned("ab", freeze=True, learning_rate_init=1e-9, y=100 + 7 * y)
    expected = (one.predict(X) + far.predict(X)) / 2
    assert_allclose(soup([one, far]).predict(X), expected, rtol=1e-4)
    assert_allclose(soup([far, one]).predict(X), expected, rtol=1e-4)


@pytest.mark.parametrize("loss", [Poisson(), Quantile(levels=(0.2, 0.5, 0.8))])
def test_other_losses_of_numbers_are_averaged_too(data, tuned, loss):
    X, y = data
    one = tuned("a", loss=loss, y=y.abs())
    two = tuned("a", loss=loss, y=y.abs(), learning_rate_init=0.01)
    assert np.isfinite(soup([one, two]).predict(X)).all()


def test_counts_are_averaged_in_logs(data, tuned):
    X, y = data
    one = tuned("a", loss=Poisson(), y=y.abs(), freeze=True)
    far = tuned("a", loss=Poisson(), y=9 * y.abs(), freeze=True)
    assert_allclose(soup([one, one]).predict(X), one.predict(X), rtol=1e-5)
    between = soup([one, far]).predict(X)
    assert ((between > one.predict(X)) & (between < far.predict(X))).all()


def test_quantiles_of_other_labels_are_refused(data, tuned):
    _, y = data
    loss = Quantile(levels=(0.2, 0.5, 0.8))
    with pytest.raises(ValueError, match="give them one random_state"):
        soup([tuned("a", loss=loss), tuned("a", loss=loss, y=5 * y)])


@pytest.mark.parametrize("sharing", ["independent", "cross_stitch"])
def test_any_way_of_sharing_will_do(data, tuned, sharing):
    X, y = data
    parts = [tuned("ab", sharing=sharing, random_state=seed) for seed in (0, 1)]
    assert np.isfinite(soup(parts).score(X, y[["a", "b"]]))
    with pytest.raises(ValueError, match="not built like"):
        soup([parts[0], tuned("ab")])


def test_classes_and_mixed_tasks_work(data, tuned):
    X, y = data
    mixed = pd.DataFrame({"k": np.where(y["b"] > 0, "up", "down"), "v": y["a"]})
    classifiers = [tuned("k", MultiTaskClassifier, y=mixed, random_state=seed) for seed in (0, 1)]
    assert set(np.ravel(soup(classifiers).predict(X))) <= {"up", "down"}
    both = [tuned("kv", MultiTaskEstimator, y=mixed, random_state=seed) for seed in (0, 1)]
    assert list(soup(both).predict(X).columns) == ["k", "v"]
    with pytest.raises(ValueError, match="other classes"):
        soup([classifiers[0], tuned("k", MultiTaskClassifier, y=mixed.replace("up", "above"))])


def test_a_greedy_soup_is_never_below_its_best_ingredient_on_its_rows(data, tuned):
    X, _ = data
    X_new = np.random.default_rng(9).normal(size=X.shape)
    y_new = np.column_stack([X_new[:, 0] + X_new[:, 1], X_new[:, 1] * X_new[:, 2], X_new[:, 3] - X_new[:, 0]])
    parts = [tuned("abc", learning_rate_init=rate) for rate in (1e-4, 0.003, 0.3)]
    scores = [part.score(X_new, y_new) for part in parts]
    found = soup(parts, X_new, y_new, method="greedy")
    assert found.score(X_new, y_new) >= max(scores) - 1e-9
    assert found.score(X_new, y_new) > soup(parts).score(X_new, y_new)


def test_one_dimensional_labels_stay_so(data, base):
    X, y = data
    parts = [
        MultiTaskRegressor(trunk=FittedTrunk(base, freeze=False), companions=None, max_iter=2, random_state=seed).fit(
            X, y["a"]
        )
        for seed in (0, 1)
    ]
    assert soup(parts).predict(X).shape == (90,)


def test_other_tasks_and_garbage_are_refused(tuned):
    with pytest.raises(ValueError, match=r"A soup is of the same tasks; skmtl.fusion.merge"):
        soup([tuned("a"), tuned("b")])
    with pytest.raises(ValueError, match="'uniform' or 'greedy', got 'best'"):
        soup([tuned("a")], method="best")
    with pytest.raises(ValueError, match="give X, y"):
        soup([tuned("a")], method="greedy")
    with pytest.raises(ValueError, match="another loss"):
        soup([tuned("a"), tuned("a", loss="absolute_error")])
