"""Ways of sharing and of balancing in the estimators: every pair, and what each has to do with the rest."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.balancing import BALANCINGS, PCD, CAGrad, GradientBalancing, JacobianBalancing, LossBalancing, Uniform
from skmtl.nn import CGC, SHARINGS, CrossStitch, MLPTrunk, MMoE, ModuleTrunk

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4))
NOISE = 0.1 * rng.normal(size=(90, 3))
Y = np.column_stack([X[:, 0] + X[:, 1], X[:, 1] - X[:, 2], X[:, 0]]) + NOISE
FEW = Y.copy()
FEW[3:, 2] = np.nan  # a task with three labels
SMALL = {
    "hidden_layer_sizes": (8, 8),
    "n_estimators": 1,
    "max_iter": 30,
    "early_stopping": False,
    "learning_rate_init": 0.006,
    "batch_size": 30,
    "encoder": "passthrough",
    "balancing": "uniform",
    "random_state": 0,
}


def make(estimator=MultiTaskRegressor, **settings):
    return estimator(**{**SMALL, **settings})


def r2(model, y=FEW):
    predicted = model.predict(X)
    return np.mean([1 - np.mean((predicted[:, t] - y[:, t]) ** 2) / np.var(y[:, t]) for t in (0, 1)])


@pytest.mark.slow
@pytest.mark.parametrize("balancing", sorted(BALANCINGS))
@pytest.mark.parametrize("sharing", sorted(SHARINGS))
def test_every_pair_learns_is_reproducible_cloned_and_pickled(sharing, balancing):
    model = make(sharing=sharing, balancing=balancing).fit(X, FEW)
    assert r2(model) > 0.1  # better than a constant
    assert np.isfinite(model.predict(X)).all()
    assert set(model.task_weights_) == {"y0", "y1", "y2"}
    again = pickle.loads(pickle.dumps(clone(model).fit(X, FEW)))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


KINDS = np.column_stack([np.digitize(Y[:, 0], [-0.7, 0.7]), Y[:, 1] > 0, np.digitize(Y[:, 2], [0])]).astype(float)
KINDS[3:, 2] = np.nan
KINDS[:3, 2] = [0, 1, 1]  # three labels of both classes


@pytest.mark.parametrize(
    ("sharing", "balancing"),
    [
        ("hard", "uncertainty"),
        ("mmoe", "nash_mtl"),
        ("cross_stitch", "upgrad"),
        ("ple", "graddrop"),
        ("film", "famo"),
        ("cgc", "moco"),
        ("hard", "gradnorm"),
        ("low_rank", "modo"),
        ("adatt", "pcgrad"),
        ("independent", "scale_invariant"),
    ],
)
def test_pairs_learn_classes_of_which_a_task_has_three_labels(sharing, balancing):
    model = make(MultiTaskClassifier, sharing=sharing, balancing=balancing).fit(X, KINDS)
    probabilities = model.predict_proba(X)
    for task, table in enumerate(probabilities):
        assert np.isfinite(table).all()
        np.testing.assert_allclose(table.sum(1), 1, rtol=1e-5)
        assert table.shape[1] == (3, 2, 2)[task]
    for task in (0, 1):
        classes = KINDS[:, task].astype(int)
        frequencies = np.bincount(classes) / len(classes)
        constant = -np.sum(frequencies * np.log(frequencies))
        assert -np.log(probabilities[task][np.arange(len(X)), classes]).mean() < 0.9 * constant
        assert (model.predict(X)[:, task] == classes).mean() > frequencies.max() + 0.1
    assert set(model.task_weights_) == {"y0", "y1", "y2"}


@pytest.mark.parametrize("balancing", sorted(BALANCINGS))
def test_task_weights_change_the_model_under_every_balancing(balancing):
    plain = make(balancing=balancing, max_iter=4).fit(X, Y).predict(X)
    weighted = make(balancing=balancing, max_iter=4, task_weights=[4, 1, 1]).fit(X, Y).predict(X)
    assert np.abs(plain - weighted).max() > 1e-3


@pytest.mark.parametrize("balancing", sorted(BALANCINGS))
def test_one_task_is_trained_as_without_balancing(balancing):
    expected = make(max_iter=4).fit(X, Y[:, 0]).predict(X)
    np.testing.assert_array_equal(make(balancing=balancing, max_iter=4).fit(X, Y[:, 0]).predict(X), expected)


@pytest.mark.parametrize("sharing", sorted(SHARINGS))
def test_one_task_is_trained_under_every_sharing(sharing):
    model = make(sharing=sharing, max_iter=60).fit(X, Y[:, 0])
    assert model.score(X, Y[:, 0]) > 0.5


@pytest.mark.parametrize("sharing", sorted(SHARINGS))
def test_members_holdouts_and_batches_go_with_every_sharing(sharing):
    settings = {"n_estimators": 3, "early_stopping": True, "max_iter": 12, "n_iter_no_change": 3, "max_grad_norm": 1.0}
    model = make(sharing=sharing, **settings).fit(X, FEW)
    assert np.isfinite(model.oof_prediction_[:, 0]).sum() == 54  # three of five folds
    whole = model.predict(X)
    np.testing.assert_allclose(
        np.concatenate([model.predict(X[:1]), model.predict(X[1:])]), whole, rtol=1e-5, atol=1e-6
    )
    assert model.transform(X).shape[0] == len(X)
    assert model.transform(X).shape[1] == len(model.get_feature_names_out())


@pytest.mark.parametrize("sharing", ["mmoe", "cross_stitch", "film"])
def test_categories_embeddings_and_mixed_tasks_go_with_sharing(sharing):
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["town"] = [f"t{place % 30}" for place in range(len(X))]
    y = pd.DataFrame({"price": Y[:, 0], "kind": np.where(Y[:, 1] > 0, "up", "down")})
    y["one"], y["other"] = Y[:, 2] > 0, Y[:, 0] > 0
    types = {"tags": ["one", "other"]}
    for balancing in ("uniform", "mgda", "dwa", "db_mtl"):
        model = make(
            MultiTaskEstimator, sharing=sharing, balancing=balancing, encoder="auto", task_types=types, max_iter=3
        ).fit(frame, y)
        assert list(model.task_weights_) == ["price", "kind", "tags"]
        assert model.predict(frame).shape == y.shape


def test_columns_of_a_group_are_one_task_to_the_balancing():
    y = np.column_stack([Y[:, 0] > 0, Y[:, 1] > 0, Y[:, 2] > 0]).astype(int)
    types = {"tags": ["y0", "y1"], "y2": "classification"}
    model = make(MultiTaskEstimator, balancing="mgda", task_types=types, max_iter=4).fit(X, y)
    assert model.history_["task_weight"].shape == (4, 2)
    assert model.history_.cosines.shape == (4, 2, 2)
    np.testing.assert_allclose(model.history_["task_weight"][1:].sum(1), 1)  # in the first step, all gradients are 0


def test_classes_of_many_kinds_go_with_sharing_and_balancing():
    y = np.column_stack([np.digitize(Y[:, 0], [-1, 0, 1]), Y[:, 1] > 0, np.digitize(Y[:, 2], [0, 1])]).astype(int)
    for sharing, balancing in (("cgc", "nash_mtl"), ("independent", "uncertainty"), ("ple", "upgrad")):
        model = make(MultiTaskClassifier, sharing=sharing, balancing=balancing, max_iter=40).fit(X, y)
        assert model.score(X, y) > 0.6


def test_learned_weights_can_be_used_as_they_are():
    model = make(balancing="scale_invariant").fit(X, FEW)
    weights = model.task_weights_
    assert sum(weights.values()) == pytest.approx(3)
    assert all(weight > 0 for weight in weights.values())
    model.set_params(task_weights=weights, balancing="uniform").fit(X, FEW)
    assert model.task_weights_ == pytest.approx(weights)


def test_learned_weights_are_means_over_the_second_half():
    history = make(balancing="dwa", max_iter=6).fit(X, Y).history_
    later = history["task_weight"][3:].mean(0)
    expected = later / later.sum() * 3
    assert list(history.learned_weights(["y0", "y1", "y2"]).values()) == pytest.approx(expected)


def test_a_task_of_weight_zero_stays_at_zero():
    model = make(balancing="mgda", task_weights=[1, 1, 0], max_iter=3).fit(X, Y)
    assert model.task_weights_["y2"] == 0
    assert model.history_["task_weight"].shape == (3, 2)


def test_weights_and_conflicts_are_recorded():
    history = make(balancing="pcgrad", max_iter=3).fit(X, Y).history_
    cosines = history.cosines
    assert cosines.shape == (3, 3, 3)
    np.testing.assert_allclose(np.diagonal(cosines, axis1=1, axis2=2), 1)
    assert (np.abs(cosines) <= 1 + 1e-9).all()
    assert "task_weight" in history.to_frame()
    assert np.isnan(make(max_iter=3).fit(X, Y).history_.cosines).all()


class Watch(GradientBalancing):
    """Equal weights, and a note of what it saw."""

    seen: list

    def solve(self, step, state):
        del state
        Watch.seen.append(step.gramian)
        return np.ones(step.norms.shape)


@pytest.mark.parametrize("sharing", ["hard", "mmoe", "cgc"])
def test_equal_weights_on_gradients_are_no_balancing(sharing):
    Watch.seen = []
    expected = make(sharing=sharing, max_iter=5).fit(X, FEW).predict(X)
    found = make(sharing=sharing, balancing=Watch(), max_iter=5).fit(X, FEW).predict(X)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)  # float32 steps, summed in another order
    assert len(Watch.seen) > 5


@pytest.mark.parametrize("sharing", ["hard", "cross_stitch", "ple"])
def test_equal_weights_on_parameters_are_no_balancing(sharing):
    Watch.seen = []
    expected = make(sharing=sharing, max_iter=3).fit(X, FEW).predict(X)
    found = make(sharing=sharing, balancing=Watch(gradients="parameters"), max_iter=3).fit(X, FEW).predict(X)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_weights_may_be_kept_for_some_steps():
    Watch.seen = []
    make(balancing=Watch(every=4), max_iter=8).fit(X, Y)
    assert len(Watch.seen) == 6  # of 24 steps


def test_a_task_without_labels_in_a_batch_is_left_out_of_it():
    Watch.seen = []
    make(balancing=Watch(), max_iter=2).fit(X, FEW)
    assert {gramian.shape[1] for gramian in Watch.seen} == {2, 3}


def test_foreign_trunks_go_with_balancing():
    trunk = ModuleTrunk(torch.nn.LazyLinear, out_features=6)
    for balancing in ("famo", "mgda", "graddrop", "moco"):
        model = MultiTaskRegressor(
            trunk=trunk, balancing=balancing, max_iter=20, random_state=0, early_stopping=False, n_estimators=2
        ).fit(X, Y)
        assert r2(model, Y) > 0.3


@pytest.mark.parametrize("balancing", ["graddrop", "modo", "mgda"])
def test_batches_may_be_smaller_than_layers(balancing):
    """A batch's representation then holds fewer numbers than the trunk has parameters."""
    model = make(balancing=balancing, hidden_layer_sizes=(40, 40), batch_size=4, max_iter=3).fit(X, Y)
    assert r2(model, Y) > 0.5


def test_famo_is_reproducible_with_dropout():
    settings = {"balancing": "famo", "dropout": 0.3, "max_iter": 5}
    first, second = (make(**settings).fit(X, Y).predict(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_chunks_go_on_with_what_the_balancing_knows():
    model = make(balancing="uncertainty")
    for _ in range(3):
        model.partial_fit(X, Y)
    assert np.abs(model.net_.balancer.state["log_variance"]).max() > 0.05
    weights = model.history_["task_weight"]
    assert (np.diff(np.abs(weights - 1), axis=0) > 0).all()


@pytest.mark.parametrize("balancing", sorted(BALANCINGS))
def test_a_fitted_model_learns_on_in_chunks(balancing):
    """What the method keeps is forgotten after a fit: it starts anew."""
    model = make(balancing=balancing, max_iter=3).fit(X, Y)
    before = model.predict(X)
    model.partial_fit(X, Y)
    assert np.isfinite(model.predict(X)).all()
    assert np.abs(model.predict(X) - before).max() > 0


def test_a_primary_task_is_named_or_counted_among_all_tasks():
    y = pd.DataFrame(Y, columns=["one", "two", "three"])
    settings = {"max_iter": 4, "task_weights": {"one": 0}}  # the others stand at 0 and 1 then
    named, counted, other = (
        make(balancing=PCD(primary, tau=0.3), **settings).fit(X, y).predict(X) for primary in ("three", 2, "two")
    )
    np.testing.assert_array_equal(named, counted)
    assert np.abs(named - other).max() > 1e-3
    for primary, message in (("tree", "Did you mean 'three'"), (3, "from 0 to 2"), ("one", "task weight is 0")):
        with pytest.raises(ValueError, match=message):
            make(balancing=PCD(primary), **settings).fit(X, y)
    model = make(balancing=PCD("two")).partial_fit(X, y).partial_fit(X, y)
    assert model.net_.balancer.state["steps"].min() > 2  # goes on from chunk to chunk


def test_weights_kept_for_some_steps_are_forgotten_after_a_fit():
    balancer = make(balancing=CAGrad(every=1000), max_iter=1).fit(X, Y).net_.balancer
    assert balancer.remembered(np.ones((1, 3), dtype=bool)) is None


def test_a_search_reaches_specifications():
    search = GridSearchCV(
        make(max_iter=3, balancing=CAGrad(), sharing=MMoE()),
        {"balancing__c": [0.1, 0.8], "sharing__n_experts": [1, 2]},
        cv=KFold(2),
    ).fit(X, Y)
    assert set(search.best_params_) == {"balancing__c", "sharing__n_experts"}
    names = {"balancing": ["uniform", "dwa"], "sharing": ["hard", CGC(1, 1)]}
    assert len(GridSearchCV(make(max_iter=2), names, cv=KFold(2)).fit(X, Y).cv_results_["params"]) == 4


def test_weightings_of_torchjd_are_taken_as_they_are():
    aggregation = pytest.importorskip("torchjd.aggregation")
    state = torch.get_rng_state()
    theirs = make(balancing=aggregation.MGDAWeighting(max_iters=10_000, epsilon=1e-9), max_iter=4).fit(X, Y)
    ours = make(balancing="mgda", max_iter=4).fit(X, Y)
    np.testing.assert_allclose(theirs.history_["task_weight"], ours.history_["task_weight"], atol=0.02)
    assert torch.equal(torch.get_rng_state(), state)
    with pytest.raises(ValueError, match="balancing='excess_mtl'"):
        make(balancing=aggregation.ExcessMTLWeighting()).fit(X, Y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"balancing": "mgdaa"}, "Did you mean 'mgda'"),
        ({"sharing": "mmo"}, "Did you mean 'mmoe'"),
        ({"balancing": CAGrad(c=-1)}, "'c' parameter of CAGrad"),
        ({"sharing": MMoE(0)}, "'n_experts' parameter of MMoE"),
        ({"sharing": "cross_stitch", "balancing": CAGrad(gradients="representation")}, "'auto' or 'parameters'"),
        ({"sharing": "ple", "hidden_layer_sizes": (4,)}, "n_levels=2 needs a trunk of as many layers, but it has 1"),
        ({"sharing": "film", "hidden_layer_sizes": ()}, "hidden_layer_sizes is empty"),
        ({"balancing": CAGrad}, r"Give an object, CAGrad\(\), or a name"),
        ({"sharing": MMoE}, r"Give an object, MMoE\(\), or a name"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_way_out(settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings).fit(X, Y)


def test_an_opaque_trunk_says_which_ways_of_sharing_do():
    class Opaque(torch.nn.Module):
        def __init__(self, n_features):
            super().__init__()
            self.layer = torch.nn.Linear(n_features, 4)

        def forward(self, x):
            return torch.relu(self.layer(x))

    with pytest.raises(ValueError, match="'hard', 'independent', 'soft', 'mmoe', 'dselect_k' or 'cgc'"):
        MultiTaskRegressor(trunk=ModuleTrunk(Opaque), sharing="cross_stitch").fit(X, Y)
    model = MultiTaskRegressor(trunk=ModuleTrunk(Opaque), sharing="mmoe", max_iter=3).fit(X, Y)
    assert model.predict(X).shape == Y.shape


def test_linear_networks_take_balancings_and_share_nothing():
    expected = make(hidden_layer_sizes=(), max_iter=3).fit(X, Y).predict(X)
    for balancing in ("mgda", "moco"):
        found = make(hidden_layer_sizes=(), balancing=balancing, max_iter=3).fit(X, Y).predict(X)
        np.testing.assert_array_equal(found, expected)
    independent = make(hidden_layer_sizes=(), sharing="independent", max_iter=3).fit(X, Y).predict(X)
    np.testing.assert_allclose(independent, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sharing", ["independent", "soft", CGC(1, 0)], ids=str)
def test_tasks_that_share_nothing_are_balanced_by_their_losses_only(sharing):
    expected = make(sharing=sharing, max_iter=3).fit(X, Y).predict(X)
    for balancing in ("mgda", "gradvac", "db_mtl", "graddrop"):
        found = make(sharing=sharing, balancing=balancing, max_iter=3).fit(X, Y)
        np.testing.assert_array_equal(found.predict(X), expected)
        assert found.task_weights_ == {"y0": 1, "y1": 1, "y2": 1}
    found = make(sharing=sharing, balancing="scale_invariant", max_iter=3).fit(X, Y)
    assert np.abs(found.predict(X) - expected).max() > 1e-3


def test_the_order_of_tasks_does_not_matter():
    order = [2, 0, 1]
    for sharing, balancing in (("cgc", "mgda"), ("cross_stitch", "nash_mtl"), ("film", "dwa"), ("hard", "imtl_g")):
        plain = make(sharing=sharing, balancing=balancing, max_iter=4).fit(X, Y).predict(X)
        permuted = make(sharing=sharing, balancing=balancing, max_iter=4).fit(X, Y[:, order]).predict(X)
        np.testing.assert_allclose(permuted, plain[:, order], rtol=1e-2, atol=2e-3)


def test_every_method_belongs_to_a_kind():
    for name, method in BALANCINGS.items():
        kinds = [issubclass(method, kind) for kind in (LossBalancing, GradientBalancing, JacobianBalancing)]
        assert sum(kinds) == 1, name
    assert isinstance(make().balancing, str)
    assert Uniform().needs == "nothing"
    assert CrossStitch().needs_layers
    assert not MLPTrunk().draws_globally


@pytest.mark.parametrize("sharing", ["cross_stitch", CrossStitch(skip=True)], ids=["plain", "skip"])
def test_stitched_trunks_train_with_plain_gradient_descent(sharing):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 6))
    y = np.tanh(X @ rng.normal(size=(6, 4))) + 0.1 * rng.normal(size=(400, 4))
    model = MultiTaskRegressor(sharing=sharing, solver="sgd", n_estimators=1, max_iter=60, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.7


def test_a_sharing_cannot_be_changed_under_a_warm_start():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.normal(size=(60, 2))
    model = MultiTaskRegressor(sharing=MMoE(2), warm_start=True, max_iter=2, random_state=0).fit(X, y)
    model.set_params(sharing__n_experts=2).fit(X, y)
    with pytest.raises(ValueError, match="cannot continue a model with sharing"):
        model.set_params(sharing__n_experts=6).fit(X, y)
