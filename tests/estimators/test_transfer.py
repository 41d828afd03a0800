"""Trunks that start where a fitted estimator's ended."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.nn import (
    CGC,
    AdaTT,
    ConvTrunk,
    FittedTrunk,
    Independent,
    MLPTrunk,
    MMoE,
    ModuleTrunk,
    RecurrentTrunk,
    TextTrunk,
)

# A few rows are one batch, in float64; more are not.
ROUNDING = {"rtol": 1e-5, "atol": 1e-6}
QUICK = {"max_iter": 3, "random_state": 0, "companions": None}


def table(n=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)) * [1, 5, 0.1, 2] + [0, 3, 0, -1]
    y = np.column_stack([X[:, 0] + X[:, 1], X[:, 1] * X[:, 2], X[:, 3] - X[:, 0]])
    return X, y


def fitted(**settings):
    X, y = table()
    return MultiTaskRegressor((8, 6), n_estimators=2, **{**QUICK, **settings}).fit(X, y[:, 0])


def frame(n=80):
    rng = np.random.default_rng(3)
    numbers = np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n))
    return pd.DataFrame(
        {
            "size": numbers,
            "kind": rng.choice(["a", "b"], n),
            "place": rng.choice([f"p{i}" for i in range(20)], n),
        }
    )


def samples(kind):
    rng = np.random.default_rng(1)
    if kind == "table":
        return table()[0], MLPTrunk((8, 6))
    if kind == "frame":
        return frame(), MLPTrunk((8, 6), dropout=0.2)
    if kind == "images":
        return rng.normal(size=(40, 1, 6, 6)), ConvTrunk((4, 6))
    if kind == "sequences":
        return [rng.normal(size=(length, 2)) for length in rng.integers(2, 6, 40)], RecurrentTrunk(4, n_layers=2)
    if kind == "spectrograms":
        return rng.normal(size=(40, 7, 3)), ConvTrunk((4, 6))
    words = rng.choice(["good", "bad", "fine", "poor", "phone", "film"], size=(40, 4))
    return [" ".join(row) for row in words], TextTrunk(5, hidden_layer_sizes=(6,))


KINDS = ["table", "frame", "images", "sequences", "spectrograms", "texts"]


def pair(kind, freeze, **settings):
    X, trunk = samples(kind)
    y = np.random.default_rng(2).normal(size=(len(X), 2))
    source = MultiTaskRegressor(trunk=trunk, n_estimators=2, **QUICK).fit(X, y[:, 0])
    new = MultiTaskRegressor(trunk=FittedTrunk(source, freeze=freeze), **{**QUICK, **settings})
    return X, source, new.fit(X[:30], y[:30])


@pytest.mark.parametrize("kind", KINDS)
def test_the_representation_of_a_frozen_trunk_is_that_of_the_fitted_estimator(kind):
    X, source, new = pair(kind, True)
    assert_allclose(new.transform(X), source.transform(X), **ROUNDING)
    assert new.predict(X).shape == (len(X), 2)
    assert np.ptp(new.predict(X)[:, 0]) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_trunk_that_is_trained_further_starts_where_the_fitted_one_ended(kind):
    X, source, new = pair(kind, False, learning_rate_init=1e-9, alpha=0)
    assert_allclose(new.transform(X), source.transform(X), atol=1e-5)
    X, source, new = pair(kind, False, learning_rate_init=0.01, early_stopping=False)  # holdouts of six rows of noise
    assert np.abs(new.transform(X) - source.transform(X)).max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sharing", ["hard", "independent"])
def test_of_some_frozen_layers_the_others_are_trained(kind, sharing):
    _, source, new = pair(kind, 1, sharing=sharing, n_estimators=2)
    trunk = new.net_.module_.trunk
    old = dict(source.net_.module_.trunk.named_parameters())
    copies = 1 if sharing == "hard" else 2
    changed = set()
    for name, parameter in trunk.named_parameters():
        if not parameter.requires_grad:
            continue
        name = name.removeprefix("trunks.").replace("module.", "")
        if name.startswith("members."):
            _, place, rest = name.split(".", 2)
            name = f"members.{int(place) // copies}.{rest}"
        changed |= {name} if not torch.equal(parameter[: len(old[name])], old[name].to(parameter)) else set()
    frozen = [name for name, parameter in trunk.named_parameters() if not parameter.requires_grad]
    assert frozen
    assert all(".0." in name for name in frozen)
    assert changed or kind == "texts"  # of one dense layer, which is frozen
    if source.net_.module_.embedding is not None:
        assert torch.equal(new.net_.module_.embedding.weight, source.net_.module_.embedding.weight)


def test_the_fitted_estimator_stays_as_it_is():
    source = fitted()
    before = copy.deepcopy(source.net_.module_.state_dict())
    X, y = table(seed=5)
    MultiTaskRegressor(trunk=FittedTrunk(source, freeze=False), **QUICK).fit(X, y)
    assert all(torch.equal(value, before[name]) for name, value in source.net_.module_.state_dict().items())
    assert source.task_names_ == ["y0"]


def test_independent_tasks_continue_from_the_common_start_each_for_itself():
    X, y = table()
    settings = {**QUICK, "early_stopping": False, "balancing": "uniform", "trunk": FittedTrunk(fitted(), freeze=False)}
    together = MultiTaskRegressor(sharing="independent", **settings).fit(X, y)
    for task in range(3):
        alone = MultiTaskRegressor(**settings).fit(X, y[:, task])
        assert_allclose(together.predict(X)[:, task], alone.predict(X), **ROUNDING)


@pytest.mark.parametrize(
    "sharing", ["soft", "low_rank", "film", "batch_ensemble", "cross_stitch", "mtan", "cgc", "dselect_k"]
)
@pytest.mark.parametrize("freeze", [True, False])
def test_ways_of_sharing_that_start_from_one_trunk_serve_it(sharing, freeze):
    X, y = table()
    model = MultiTaskRegressor(trunk=FittedTrunk(fitted(), freeze=freeze), sharing=sharing, **QUICK).fit(X, y)
    assert np.isfinite(model.predict(X)).all()


def test_adapters_are_trained_over_a_frozen_trunk():
    X, y = table()
    source = fitted()
    model = MultiTaskRegressor(trunk=FittedTrunk(source, freeze=True), sharing="low_rank", **QUICK).fit(X, y)
    own = [layer.linear.weight for layer in model.net_.module_.trunk.layers]
    for mine, theirs in zip(own, source.net_.module_.trunk.layers, strict=True):
        assert torch.equal(mine, theirs.weight)
    assert np.abs(model.transform(X)[:, :6] - source.transform(X)[:, :6]).max() > 1e-4


@pytest.mark.parametrize("sharing", [MMoE(), CGC(n_shared=2), AdaTT(n_experts=2)])
def test_experts_that_must_differ_are_refused(sharing):
    X, y = table()
    with pytest.raises(ValueError, match="start alike"):
        MultiTaskRegressor(trunk=FittedTrunk(fitted(), freeze=True), sharing=sharing, **QUICK).fit(X, y)


@pytest.mark.parametrize("balancing", ["mgda", "graddrop", "famo"])
@pytest.mark.parametrize("freeze", [True, 1, False])
def test_every_kind_of_balancing_works(balancing, freeze):
    X, y = table()
    model = MultiTaskRegressor(trunk=FittedTrunk(fitted(), freeze=freeze), balancing=balancing, **QUICK).fit(X, y)
    assert np.isfinite(model.predict(X)).all()


# Members --------------------------------------------------------------------------------------------------------------


def test_members_start_from_the_fitted_ones_counted_from_the_first_again():
    X, y = table()
    source = fitted()
    assert MultiTaskRegressor(trunk=FittedTrunk(source, freeze=True), **QUICK).fit(X, y).n_estimators_ == 2
    more = MultiTaskRegressor(trunk=FittedTrunk(source, freeze=True), n_estimators=3, **QUICK).fit(X, y)
    own = source.transform(X)
    assert_allclose(more.transform(X), np.hstack([own, own[:, :6]]), **ROUNDING)
    fewer = MultiTaskRegressor(trunk=FittedTrunk(source, freeze=True), n_estimators=1, **QUICK).fit(X, y)
    assert_allclose(fewer.transform(X), own[:, :6], **ROUNDING)


def test_copies_of_a_module_start_from_the_member_they_belong_to():
    X, y = samples("images")[0], np.random.default_rng(0).normal(size=(40, 2))
    source = MultiTaskRegressor(trunk=ConvTrunk((4,)), n_estimators=2, **QUICK).fit(X, y[:, 0])
    new = MultiTaskRegressor(trunk=FittedTrunk(source, freeze=True), sharing=Independent(), **QUICK).fit(X, y)
    first, second = np.split(source.transform(X), 2, axis=1)
    assert_allclose(new.transform(X), np.hstack([first, first, second, second]), **ROUNDING)


# What scikit-learn does with it ---------------------------------------------------------------------------------------


def test_clone_keeps_the_fit_and_parameters_are_those_of_the_specification():
    source = fitted()
    model = MultiTaskRegressor(trunk=FittedTrunk(source), **QUICK)
    copied = clone(model)
    assert copied.trunk is not model.trunk
    assert copied.trunk.estimator is source
    assert [name for name in model.get_params() if name.startswith("trunk__")] == ["trunk__estimator", "trunk__freeze"]
    assert copied.set_params(trunk__freeze=1).trunk.freeze == 1
    assert model.trunk.freeze is False


def test_searches_keep_the_fit():
    X, y = table()
    models = [FittedTrunk(fitted(), freeze=True), FittedTrunk(fitted(random_state=1), freeze=False)]
    cv = KFold(2)
    found = GridSearchCV(MultiTaskRegressor(**QUICK), {"trunk": [*models, "auto"]}, cv=cv, error_score="raise")
    assert np.isfinite(found.fit(X, y).cv_results_["mean_test_score"]).all()
    search = GridSearchCV(
        MultiTaskRegressor(trunk=models[0], **QUICK), {"trunk__freeze": [True, False, 1]}, cv=cv, error_score="raise"
    ).fit(X, y)
    assert_allclose(search.best_estimator_.predict(X), clone(search.best_estimator_).fit(X, y).predict(X))


def test_pickles_predict_the_same_and_can_be_fitted_again():
    X, y = table()
    model = MultiTaskRegressor(trunk=FittedTrunk(fitted(), freeze=1), **QUICK).fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    assert_array_equal(loaded.predict(X), model.predict(X))
    assert_array_equal(loaded.fit(X, y).predict(X), model.predict(X))


def test_a_fitted_trunk_can_be_the_start_of_another():
    X, y = samples("frame")[0], np.random.default_rng(0).normal(size=(80, 1))
    first = MultiTaskRegressor((6,), dropout=0.3, n_estimators=2, **QUICK).fit(X, y)
    second = MultiTaskRegressor(trunk=FittedTrunk(first, freeze=True), **QUICK).fit(X, y)
    third = MultiTaskRegressor(trunk=FittedTrunk(second, freeze=False), **QUICK).fit(X, y)
    assert not second.net_.module_.trunk.dropout.active
    assert third.net_.module_.trunk.dropout.active
    assert third.net_.module_.closed_form
    assert np.abs(third.transform(X) - first.transform(X)).max() > 1e-3


# Columns --------------------------------------------------------------------------------------------------------------


def test_columns_keep_the_statistics_of_the_fitted_estimator():
    X, y = table()
    source = fitted()
    new = MultiTaskRegressor(trunk=FittedTrunk(source, freeze=False), **QUICK).fit(10 + X[:20], y[:20])
    assert_array_equal(new._model.standardizer.mean_, source._model.standardizer.mean_)
    for chunk in (X[:30], 50 + X[30:]):
        new.partial_fit(chunk, y[: len(chunk)])
    assert_array_equal(new._model.standardizer.mean_, source._model.standardizer.mean_)


def test_a_frame_may_have_its_columns_in_another_order_but_not_others():
    X, y = frame(), np.arange(80.0)
    source = MultiTaskRegressor((6,), n_estimators=2, **QUICK).fit(X, y)
    new = MultiTaskRegressor(trunk=FittedTrunk(source, freeze=True), **QUICK).fit(X[["place", "size", "kind"]], y)
    assert_array_equal(new.feature_names_in_, source.feature_names_in_)
    assert_allclose(new.transform(X), source.transform(X), **ROUNDING)
    with pytest.raises(ValueError, match=r"like that of the MultiTaskRegressor.*FittedTrunk(.|\n)*kind"):
        new.fit(X.drop(columns="kind"), y)


@pytest.mark.parametrize("other", [np.ones((30, 5)), np.ones((30, 1, 6, 6)), ["a text"] * 30])
def test_x_of_another_kind_is_refused_and_told_why(other):
    model = MultiTaskRegressor(trunk=FittedTrunk(fitted(), freeze=True), **QUICK)
    with pytest.raises(ValueError, match="X must be like that of the MultiTaskRegressor from which FittedTrunk starts"):
        model.fit(other, np.arange(30.0))


def test_an_encoder_beside_it_is_refused():
    X, y = table()
    with pytest.raises(ValueError, match="encoder='passthrough' was given"):
        MultiTaskRegressor(trunk=FittedTrunk(fitted(), freeze=True), encoder="passthrough", **QUICK).fit(X, y)


# What it cannot start from --------------------------------------------------------------------------------------------

SEARCH = GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=2).fit(np.eye(4), np.arange(4.0))


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (MultiTaskRegressor(), "not fitted"),
        (Ridge(), "not fitted"),
        (make_pipeline(StandardScaler(), MultiTaskRegressor()), "give its last step"),
        (SEARCH, "cannot start from a GridSearchCV: give .* its best_estimator_"),
        ("mine", "not fitted"),
    ],
)
def test_what_is_no_fitted_estimator_of_this_package_is_refused(estimator, message):
    X, y = table()
    with pytest.raises(ValueError, match=message):
        MultiTaskRegressor(trunk=FittedTrunk(estimator, freeze=True), **QUICK).fit(X, y)


def test_a_start_in_which_tasks_have_paths_of_their_own_is_refused():
    X, y = table()
    source = MultiTaskRegressor((4,), sharing="independent", **QUICK).fit(X, y)
    with pytest.raises(ValueError, match="sharing='independent', in which tasks have paths of their own"):
        MultiTaskRegressor(trunk=FittedTrunk(source, freeze=True), **QUICK).fit(X, y)


@pytest.mark.parametrize("freeze", [-1, 1.5, "all", None])
def test_garbage_as_freeze_is_refused(freeze):
    X, y = table()
    with pytest.raises(ValueError, match="freeze must be True, False or the number of layers"):
        MultiTaskRegressor(trunk=FittedTrunk(fitted(), freeze=freeze), **QUICK).fit(X, y)


def test_more_layers_than_there_are_cannot_be_frozen():
    X, y = table()
    for sharing in ("hard", "cross_stitch"):
        with pytest.raises(ValueError, match="freeze=3 layers, but the fitted trunk has 2"):
            MultiTaskRegressor(trunk=FittedTrunk(fitted(), freeze=3), sharing=sharing, **QUICK).fit(X, y)


# Modules of one's own, and other estimators ---------------------------------------------------------------------------


def test_a_frozen_module_keeps_statistics_of_its_batches():
    X, y = table()

    def module(n_features):
        return torch.nn.Sequential(torch.nn.Linear(n_features, 5), torch.nn.BatchNorm1d(5), torch.nn.Linear(5, 4))

    source = MultiTaskRegressor(trunk=module, **QUICK).fit(X, y[:, 0])
    new = MultiTaskRegressor(trunk=FittedTrunk(source, freeze=True), **QUICK).fit(5 * X, y)
    assert_allclose(new.transform(X), source.transform(X), **ROUNDING)
    layered = MultiTaskRegressor(trunk=FittedTrunk(source, freeze=1), sharing="cross_stitch", **QUICK).fit(X, y)
    assert np.isfinite(layered.predict(X)).all()


def test_a_class_of_ones_own_can_be_the_start():
    X, y = table()
    source = MultiTaskRegressor(trunk=ModuleTrunk(torch.nn.Linear, out_features=3), **QUICK).fit(X, y[:, 0])
    new = MultiTaskRegressor(trunk=FittedTrunk(source, freeze=True), **QUICK).fit(X, y)
    assert_allclose(new.transform(X), source.transform(X), **ROUNDING)


def test_numbers_teach_classes_and_classes_numbers():
    X, y = table()
    classes = np.where(y[:, 1] > 0, "up", "down")
    to_classes = MultiTaskClassifier(trunk=FittedTrunk(fitted(), freeze=True), **QUICK).fit(X, classes)
    assert set(to_classes.predict(X)) <= {"up", "down"}
    both = pd.DataFrame({"a": y[:, 0], "b": classes})
    mixed = MultiTaskEstimator(trunk=FittedTrunk(to_classes, freeze=False), **QUICK).fit(X, both)
    assert list(mixed.predict(X).columns) == ["a", "b"]


def test_companions_read_the_columns_beside_a_trunk_of_dense_layers():
    X, y = table()
    settings = {**QUICK, "companions": "auto"}
    model = MultiTaskRegressor(trunk=FittedTrunk(fitted(), freeze=True), **settings).fit(X, y)
    assert set(model.companions_) == {"linear", "kernel", "trees"}
    images = samples("images")[0]
    source = MultiTaskRegressor(trunk=ConvTrunk((4,)), **QUICK).fit(images, y[:40])
    assert not hasattr(
        MultiTaskRegressor(trunk=FittedTrunk(source, freeze=True), **settings).fit(images, y[:40]), "companions_"
    )


def test_training_goes_on_from_the_last_fit_not_from_the_start():
    X, y = table()
    model = MultiTaskRegressor(trunk=FittedTrunk(fitted(), freeze=False), warm_start=True, **QUICK).fit(X, y)
    before = model.transform(X)
    model.set_params(learning_rate_init=1e-9, alpha=0).fit(X, y)
    assert_allclose(model.transform(X), before, atol=1e-5)


def test_where_a_trunk_started_is_remembered():
    X, y = table()
    source, other = fitted(), fitted(random_state=1)
    one = MultiTaskRegressor(trunk=FittedTrunk(source, freeze=True), **QUICK).fit(X, y)
    two = MultiTaskRegressor(trunk=FittedTrunk(source, freeze=False), **QUICK).fit(X, y)
    three = MultiTaskRegressor(trunk=FittedTrunk(other, freeze=True), **QUICK).fit(X, y)
    again = copy.deepcopy(source).set_params(warm_start=True).fit(X, y[:, 0])
    chunks = copy.deepcopy(source).partial_fit(X, y[:, 0]).partial_fit(X, y[:, 0])
    assert source._model.starts == ()
    assert one._model.starts == two._model.starts == again._model.starts == chunks._model.starts[:1]
    assert one._model.starts != three._model.starts
    assert len(chunks._model.starts) == 2
