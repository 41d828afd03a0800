"""Estimators of different tasks over one merged trunk."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.fusion import MERGINGS, TaskArithmetic, Ties, merge
from skmtl.losses import Poisson, Quantile
from skmtl.nn import ConvTrunk, FittedTrunk, MultiModalTrunk

SETTINGS = {"companions": None, "max_iter": 4, "random_state": 0}


def test_heads_over_a_frozen_trunk_stand_side_by_side_as_they_were(data, tuned):
    X, _ = data
    parts = [tuned("a", freeze=True), tuned("bc", freeze=True)]
    for method in MERGINGS:
        model = merge(parts, [X, X], method=method)
        assert model.task_names_ == ["a", "b", "c"]
        assert_allclose(model.predict(X), np.column_stack([part.predict(X) for part in parts]), rtol=1e-4, atol=1e-4)


def test_a_merge_with_the_start_itself_goes_half_the_way(base, tuned):
    end = tuned("a")
    still = tuned("b", learning_rate_init=1e-12, alpha=0)
    model = merge([end, still])
    mine, theirs = (m.net_.module_.trunk.layers[0].weight for m in (model, end))
    assert_allclose(mine.detach(), (theirs + base.net_.module_.trunk.layers[0].weight).detach() / 2, atol=1e-5)


@pytest.mark.parametrize("method", ["average", "task_arithmetic", Ties(density=1.0), "regmean"])
def test_the_merged_estimator_is_a_plain_fitted_one(data, tuned, method):
    X, y = data
    parts = [tuned("a"), tuned("b"), tuned("c")]
    before = [part.predict(X) for part in parts]
    model = merge(parts, [X, X, X], method=method)
    assert type(model) is MultiTaskRegressor
    assert np.isfinite(model.score(X, y))
    assert model.n_features_in_ == 4
    assert model.n_iter_ == 0
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    assert clone(model).fit(X, y).predict(X).shape == (90, 3)
    for part, predicted in zip(parts, before, strict=True):
        assert_array_equal(part.predict(X), predicted)


@pytest.mark.parametrize(("fusion", "averaged"), [("concat", "embedding.hidden"), ("attention", "out_proj")])
def test_regmean_averages_dense_layers_that_are_not_called_and_solves_the_others(data, fusion, averaged):
    _, y = data
    draws = np.random.default_rng(1)
    tags = [draws.choice(["x", "y", "z"], size=size).tolist() for size in draws.integers(0, 4, size=90)]
    X = pd.DataFrame({"number": draws.normal(size=90), "tags": tags})
    base = MultiTaskRegressor(trunk=MultiModalTrunk(fusion=fusion), **SETTINGS).fit(X, y)
    parts = [MultiTaskRegressor(trunk=FittedTrunk(base), **SETTINGS).fit(X, y[[name]]) for name in ("a", "b")]
    model = merge(parts, [X, X], method="regmean")
    assert np.isfinite(model.predict(X)).all()
    weights = [dict(each.net_.module_.trunk.named_parameters()) for each in (model, *parts)]
    means = {
        name: np.allclose(found.detach(), (weights[1][name] + weights[2][name]).detach() / 2, atol=1e-6)
        for name, found in weights[0].items()
    }
    assert all(is_mean for name, is_mean in means.items() if averaged in name) and not all(means.values())
    assert any(averaged in name for name in means), list(means)


def test_it_can_be_trained_further(data, tuned):
    X, y = data
    model = merge([tuned("a"), tuned("bc")])
    score = model.score(X, y)
    assert model.set_params(warm_start=True, max_iter=30).fit(X, y).score(X, y) > score
    assert np.isfinite(model.partial_fit(X, y).score(X, y))


def test_the_merged_network_answers_like_networks_of_its_own_trunk_and_each_head(data, tuned):
    X, _ = data
    parts = [tuned("a"), tuned("b")]
    model = merge(parts)
    for column, part in enumerate(parts):
        network = copy.deepcopy(part)
        for name in ("weight", "bias"):
            for layer, own in zip(network.net_.module_.trunk.layers, model.net_.module_.trunk.layers, strict=True):
                getattr(layer, name).data.copy_(getattr(own, name).data)
        assert_allclose(model.predict(X)[:, column], network.predict(X).ravel(), rtol=1e-5, atol=1e-5)


def test_the_order_of_estimators_orders_tasks_and_nothing_else(data, tuned):
    X, _ = data
    one, two = tuned("a"), tuned("b")
    for method in MERGINGS:
        first = merge([one, two], [X, X], method=method).predict(X)
        assert_allclose(merge([two, one], [X, X], method=method).predict(X)[:, ::-1], first, rtol=1e-4, atol=1e-4)


def test_task_arithmetic_with_half_a_step_of_each_of_two_is_the_average(data, tuned):
    X, _ = data
    parts = [tuned("a"), tuned("b")]
    assert_allclose(
        merge(parts, method=TaskArithmetic(scale=0.5)).predict(X), merge(parts).predict(X), rtol=1e-5, atol=1e-5
    )


def test_tasks_of_several_kinds_become_a_mixed_estimator(data, tuned):
    X, y = data
    counts = pd.DataFrame({"n": np.random.default_rng(0).poisson(3, 90)})
    classes = pd.DataFrame({"k": np.where(y["b"] > 0, "up", "down"), "s": np.arange(90) % 3})
    parts = [
        tuned("s", MultiTaskClassifier, freeze=True, y=classes, class_weight="balanced"),
        tuned("n", freeze=True, y=counts, loss=Poisson()),
        tuned("k", MultiTaskEstimator, freeze=True, y=classes),
        tuned("a", freeze=True, loss=Quantile(levels=(0.1, 0.5, 0.9))),
    ]
    model = merge(parts)
    assert type(model) is MultiTaskEstimator
    assert model.task_types_ == {"s": "classification", "n": "regression", "k": "classification", "a": "regression"}
    predicted = np.asarray(model.predict(X), dtype=object)
    assert_array_equal(predicted[:, 2], np.asarray(parts[2].predict(X)).ravel())
    assert_allclose(predicted[:, 1].astype(float), parts[1].predict(X).ravel(), rtol=1e-4)
    assert_allclose(predicted[:, 3].astype(float), parts[3].predict(X).ravel(), rtol=1e-4, atol=1e-5)
    assert set(model.predict_proba(X)) == {"s", "k"}
    assert_array_equal(model.classes_["k"], ["down", "up"])


def test_classifiers_stay_one(data, tuned):
    X, y = data
    classes = pd.DataFrame({"k": np.where(y["b"] > 0, "up", "down"), "l": np.where(y["c"] > 0, "yes", "no")})
    model = merge([tuned("k", MultiTaskClassifier, y=classes), tuned("l", MultiTaskClassifier, y=classes)])
    assert type(model) is MultiTaskClassifier
    assert [part.shape for part in model.predict_proba(X)] == [(90, 2), (90, 2)]
    assert 0 <= model.score(X, classes) <= 1


def test_frames_of_mixed_estimators_stay_frames(data, tuned):
    X, _ = data
    model = merge([tuned("a", MultiTaskEstimator), tuned("b", MultiTaskEstimator)])
    assert list(model.predict(X).columns) == ["a", "b"]


def test_copies_of_one_estimator_that_were_trained_further_can_be_merged(data):
    X, y = data
    first = MultiTaskRegressor((6,), n_estimators=2, **SETTINGS).fit(X, y["a"])
    chunks = copy.deepcopy(first).partial_fit(X, y["a"]).partial_fit(X, y["a"])
    further = copy.deepcopy(first).set_params(warm_start=True).fit(X, y["a"])
    other = MultiTaskRegressor(
        trunk=FittedTrunk(first, freeze=False), task_names=["b"], early_stopping=False, **SETTINGS
    ).fit(X, y["b"])
    for one in (first, chunks, further):
        assert merge([one, other]).predict(X).shape == (90, 2)
    with pytest.raises(ValueError, match="give base="):
        merge(_renamed(chunks, further), method="ties")
    assert merge(_renamed(chunks, further), method="ties", base=first).predict(X).shape == (90, 2)
    with pytest.raises(ValueError, match="base is not"):
        merge(_renamed(chunks, further), method="ties", base=other)


def _renamed(one, other):
    other = copy.deepcopy(other)
    other._model.structure.columns[:] = ["z"]
    other._model.structure.names[:] = ["z"]
    return [one, other]


def test_modules_are_merged_member_by_member_and_frozen_ones_are_free_again():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 1, 6, 6)), rng.normal(size=(40, 2))
    base = MultiTaskRegressor(trunk=ConvTrunk((4, 6)), n_estimators=2, **SETTINGS).fit(X, y)
    names = (["a"], ["b"])
    parts = [
        MultiTaskRegressor(trunk=FittedTrunk(base, freeze=freeze), task_names=own, **SETTINGS).fit(X, y[:, place])
        for place, (freeze, own) in enumerate(zip((1, False), names, strict=True))
    ]
    model = merge(parts)
    assert all(parameter.requires_grad for parameter in model.net_.module_.parameters())
    assert np.isfinite(model.predict(X)).all()
    with pytest.raises(ValueError, match="dense layers, and this trunk has none"):
        merge(parts, [X, X], method="regmean")


# What is refused ------------------------------------------------------------------------------------------------------


def test_networks_that_started_apart_are_refused(data, tuned):
    X, y = data
    other = MultiTaskRegressor((8, 6), n_estimators=2, **SETTINGS).fit(X, y[["b"]])
    with pytest.raises(ValueError, match=r"estimators\[1\] have no trained trunk in common.*do not correspond"):
        merge([tuned("a"), other])


def test_equal_draws_are_no_common_trained_start(data):
    X, y = data
    one, two = (MultiTaskRegressor((6,), n_estimators=2, **SETTINGS).fit(X, y[[name]]) for name in "ab")
    with pytest.raises(ValueError, match="no trained trunk in common"):
        merge([one, two])


def test_other_members_ways_of_sharing_and_names_are_refused(tuned):
    with pytest.raises(ValueError, match=r"has 3 members and estimators.0. 2"):
        merge([tuned("a"), tuned("b", n_estimators=3)])
    with pytest.raises(ValueError, match=r"not built like|path of its own"):
        merge([tuned("a"), tuned("b", sharing="independent")])
    with pytest.raises(ValueError, match=r"sharing=Independent.., in which each of its tasks has a path of its own"):
        merge([tuned("a", sharing="independent"), tuned("b", sharing="independent")])
    with pytest.raises(ValueError, match="Several estimators have a task named 'a'"):
        merge([tuned("a"), tuned("ab")])


def test_columns_that_were_constant_at_the_start_and_are_not_now_are_refused(data):
    X, y = data
    still = np.column_stack([X, np.ones(len(X))])
    moving = np.column_stack([X, np.arange(len(X))])
    base = MultiTaskRegressor((6,), n_estimators=2, **SETTINGS).fit(still, y["a"])
    one = copy.deepcopy(base).partial_fit(moving, y["a"])
    two = MultiTaskRegressor(trunk=FittedTrunk(base, freeze=False), task_names=["b"], **SETTINGS).fit(moving, y["b"])
    with pytest.raises(ValueError, match="standardises other columns"):
        merge([one, two])


def test_garbage_is_refused(data, tuned):
    X, _ = data
    one, two = tuned("a"), tuned("b")
    with pytest.raises(ValueError, match="two estimators or more, got 1"):
        merge([one])
    with pytest.raises(ValueError, match="estimators is empty"):
        merge([])
    with pytest.raises(ValueError, match=r"estimators\[1\] is no fitted estimator"):
        merge([one, MultiTaskRegressor()])
    with pytest.raises(ValueError, match="X must be a list of 2"):
        merge([one, two], method="regmean")
    with pytest.raises(ValueError, match=r"X must be a list of 2.*got 1 entries"):
        merge([one, two], [X], method="regmean")
    with pytest.raises(ValueError, match="method must be a name"):
        merge([one, two], method="mean")
