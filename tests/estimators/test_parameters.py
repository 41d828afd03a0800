"""Every value of every parameter does something, and anything else is refused."""

import inspect
import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.utils._param_validation import InvalidParameterError
from skorch.callbacks import LRScheduler

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.augmentation import AUGMENTATIONS, Mixup
from skmtl.balancing import CAGrad, Uniform
from skmtl.features import Form
from skmtl.losses import Focal, Huber, LogLoss, Quantile
from skmtl.nn import ACTIVATIONS, SHARINGS, Independent, MLPTrunk, ModuleTrunk, Soft
from skmtl.training import SCHEDULES, SOLVERS

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
X[:, 2] = X[:, 2].round()
Y = np.exp(0.5 * X @ rng.normal(size=(3, 2)) + 0.3 * rng.normal(size=(60, 2)))
C = np.column_stack([Y[:, 0] > 1, np.digitize(Y[:, 1], [0.7, 1.5])]).astype(int)
ESTIMATORS = (MultiTaskRegressor, MultiTaskClassifier, MultiTaskEstimator)
BOTH = pytest.mark.parametrize("estimator", ESTIMATORS)


def make(estimator=MultiTaskRegressor, **params):
    params = {"max_iter": 12, "n_estimators": 2, "random_state": 0, **params}
    if "trunk" not in params:
        params = {"hidden_layer_sizes": (6,), **params}
    return estimator(**params)


def result(estimator, **params):
    """Everything that a model predicts, as one array."""
    model = make(estimator, **params).fit(X, Y if estimator is MultiTaskRegressor else C)
    if not hasattr(model, "predict_proba"):
        return model.predict(X)
    probabilities = model.predict_proba(X)
    if estimator is MultiTaskEstimator:  # tasks that are regressed have no probabilities
        probabilities = [model.predict(X), *probabilities.values()]
    return np.concatenate(probabilities, axis=1)


class Narrow(torch.nn.Module):
    def __init__(self, n_features, width=3):
        super().__init__()
        self.layer = torch.nn.Linear(n_features, width)

    def forward(self, x):
        return torch.tanh(self.layer(x))


# Values among which any two must give different models; what else is set so that they can.
DIFFERENT = {
    "hidden_layer_sizes": ([(), (6,), 7, [6, 5], np.array([5, 6])], {}),
    "activation": (list(ACTIVATIONS), {}),
    "dropout": ([0.0, 0.3, 0.6], {}),
    "solver": (list(SOLVERS), {"alpha": 0.1}),
    "alpha": ([0.0, 0.1, 10], {}),
    "batch_size": (["auto", 8, 60], {"early_stopping": False}),
    "learning_rate": (list(SCHEDULES), {}),
    "learning_rate_init": ([1e-3, 1e-2], {}),
    "max_iter": ([1, 5], {}),
    "early_stopping": ([True, False], {}),
    "validation_fraction": ([0.1, 0.5], {"n_estimators": 1}),
    "n_iter_no_change": ([1, "auto"], {"max_iter": 60, "learning_rate_init": 0.2}),
    "n_estimators": ([1, 2, "auto"], {"early_stopping": False}),
    "task_weights": ([None, [1, 3], {"y0": 3}], {}),
    "max_grad_norm": ([None, 0.01, 0.1], {"solver": "sgd"}),
    "callbacks": ([None, [LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=1)]], {}),
    "encoder": (["auto", PolynomialFeatures(include_bias=False), PolynomialFeatures(3, include_bias=False)], {}),
    "sharing": ([*(name for name in SHARINGS if name != "soft"), Soft(strength=9.0)], {"hidden_layer_sizes": (6, 6)}),
    "balancing": (
        ["uniform", "dwa", "uncertainty", "geometric", "famo", "mgda", "cagrad", "nash_mtl", "db_mtl", "graddrop"],
        {"max_iter": 8, "companions": None},
    ),
    "companions": ([None, "linear", "kernel", "trees", "auto"], {}),
    "augmentation": ([None, *(name for name, kind in AUGMENTATIONS.items() if Form.COLUMNS in kind.forms)], {}),
    "random_state": ([0, 1, np.random.RandomState(5)], {}),
    "trunk": (
        [
            MLPTrunk((3,)),
            ModuleTrunk(Narrow, width=4),
            ModuleTrunk(Narrow, width=5),
            lambda n_features: torch.nn.Linear(n_features, 4),
            torch.nn.Sequential(torch.nn.LazyLinear(4), torch.nn.ReLU()),
        ],
        {},
    ),
}
ONLY = {
    MultiTaskRegressor: {
        "loss": (
            [
                "squared_error",
                "absolute_error",
                "huber",
                Huber(delta=0.3),
                "poisson",
                "gamma",
                ["huber", "poisson"],
                {"y1": "gamma"},
                "quantile",
                Quantile(levels=0.1),
            ],
            {},
        ),
    },
    MultiTaskClassifier: {
        "calibration": ([None, "auto"], {}),
        "loss": (["log_loss", LogLoss(label_smoothing=0.1), "focal", Focal(gamma=0.5), {"y1": "ordinal"}], {}),
        "class_weight": ([None, "balanced", {0: 3.0}, {"y1": "balanced"}, [{0: 2.0}, None]], {}),
        # Its values, which need labels of their own, are told apart in test_chains.py.
        "structure": ([None], {}),
    },
    MultiTaskEstimator: {
        "calibration": ([None, "auto"], {}),
        "loss": ([None, "focal", LogLoss(label_smoothing=0.1), {"y1": "ordinal"}, ["focal", "log_loss"]], {}),
        "class_weight": ([None, "balanced", {0: 3.0}, {"y1": "balanced"}, [{0: 2.0}, None]], {}),
        "task_types": ([None, "regression", "count", {"y1": "ordinal"}, ["regression", "classification"]], {}),
    },
}


@pytest.mark.parametrize(
    "estimator, name",
    [(e, name) for e in ESTIMATORS for name in (*DIFFERENT, *ONLY[e])],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_every_value_of_a_parameter_gives_another_model(estimator, name):
    values, others = {**DIFFERENT, **ONLY[estimator]}[name]
    if name != "companions":
        others = {"companions": None, **others}  # a mix of few rows may leave out the network
    results = [result(estimator, **{**others, name: value}) for value in values]
    for (i, a), (j, b) in itertools.combinations(enumerate(results), 2):
        assert not np.array_equal(a, b), (values[i], values[j])


# Those whose effect is not on predictions are tested elsewhere: in test_verbose.py, test_partial_fit.py (warm_start),
# test_regressor.py (task_names) and below (device).
@BOTH
def test_no_parameter_is_without_a_test(estimator):
    elsewhere = {"verbose", "warm_start", "task_names", "device"}
    assert set(inspect.signature(estimator).parameters) == {*DIFFERENT, *ONLY[estimator], *elsewhere}
    assert len(inspect.signature(estimator).parameters) <= 31  # hardly more than 30: a method's settings are its own


@BOTH
def test_all_parameters_but_the_first_are_keyword_only_and_stored_as_they_are(estimator):
    parameters = list(inspect.signature(estimator).parameters.values())
    assert parameters[0].name == "hidden_layer_sizes"
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters[1:])
    things = {parameter.name: object() for parameter in parameters}
    model = estimator(**things)
    assert all(getattr(model, name) is thing for name, thing in things.items())


@pytest.mark.parametrize("device", ["auto", "cpu", torch.device("cpu")])
def test_the_device_is_the_cpu(device):
    model = make(device=device).fit(X, Y)
    assert model.device_ == torch.device("cpu")
    np.testing.assert_array_equal(model.predict(X), result(MultiTaskRegressor))


def test_log_loss_may_be_given_in_every_form():
    for loss in ("log_loss", ["log_loss", "log_loss"], {"y1": "log_loss"}):
        np.testing.assert_array_equal(result(MultiTaskClassifier, loss=loss), result(MultiTaskClassifier))


def test_equal_ways_to_say_something_give_equal_models():
    for a, b in (
        ({"hidden_layer_sizes": 6}, {"hidden_layer_sizes": (6,)}),
        ({"hidden_layer_sizes": [6, 5]}, {"hidden_layer_sizes": np.array([6, 5])}),
        ({"task_weights": None}, {"task_weights": 1}),
        ({"task_weights": [1, 3]}, {"task_weights": {"y1": 3}}),
        ({"task_weights": np.array([1, 3])}, {"task_weights": (1, 3)}),
        ({"trunk": MLPTrunk((6,))}, {"hidden_layer_sizes": (6,)}),
        ({"loss": "huber"}, {"loss": Huber()}),
    ):
        np.testing.assert_array_equal(result(MultiTaskRegressor, **a), result(MultiTaskRegressor, **b))


class Garbage:
    """No value of any parameter."""


GARBAGE = {
    "calibration": ["isotonic", True, 3],
    "augmentation": [5, "mixupp", "crop", ["noise", "noise"], Mixup],
    "companions": ["linears", "network", 3, {"linear": 1}, ["kernel", 3], True],
    "hidden_layer_sizes": [0, -3, (5, 0), (2.5,), "wide", None, 1.5, ((3, 4), (5, 6))],
    "activation": ["linear", None, 3],
    "dropout": [-0.1, 1, 1.0, "a", np.nan],
    "solver": ["lbfgs", None],
    "alpha": [-1, "a", None, np.nan],
    "batch_size": [0, 2.5, "all", None],
    "learning_rate": ["adaptive", 0.1],
    "learning_rate_init": [0, -1, "auto", np.nan],
    "max_iter": [0, 2.5, None],
    "early_stopping": [2, "yes", None],
    "validation_fraction": [0, 1, -0.5, None],
    "n_iter_no_change": [0, 1.5, None],
    "warm_start": [2, "no", None],
    "n_estimators": [0, 2.5, "many", None],
    "task_weights": ["a"],
    "task_names": ["ab", 5],
    "max_grad_norm": [0, -1, "a"],
    "callbacks": ["a", 5],
    "device": [5, None],
    "random_state": ["a", -1, 0.5],
    "verbose": [3, -1, "a", None],
    "loss": [5],
    "class_weight": [5],
    "structure": [5, "click", ["y0", "y1"]],
    "trunk": [None, 5],
    "encoder": [None, 5, "onehot", StandardScaler],
    "sharing": [None, 5, "soft sharing", Independent],
    "balancing": [None, 5, "mgdaa", Uniform],
    "task_types": ["number", 5, ["regression"], {"y1": 5}, {"y1": []}],
}


@BOTH
def test_garbage_is_refused_for_every_parameter(estimator):
    y = Y if estimator is MultiTaskRegressor else C
    for name in inspect.signature(estimator).parameters:
        for value in [*GARBAGE[name], Garbage()]:
            model = make(estimator, max_iter=1).set_params(**{name: value})
            with pytest.raises(ValueError) as caught:  # InvalidParameterError is one
                model.fit(X, y)
            assert name in str(caught.value), (name, value)
            if name not in (
                "trunk",
                "augmentation",
                "encoder",
                "sharing",
                "balancing",
                "companions",
                "hidden_layer_sizes",
                "structure",
                "task_types",
            ):
                assert isinstance(caught.value, InvalidParameterError), (name, value)


# "auto" --------------------------------------------------------------------------------------------------------------


def test_auto_members_are_eight_for_dense_layers_and_one_for_foreign_modules():
    assert make(n_estimators="auto", max_iter=1).fit(X, Y).n_estimators_ == 8
    assert make(n_estimators="auto", max_iter=1, trunk=MLPTrunk((4,))).fit(X, Y).n_estimators_ == 8
    assert make(n_estimators="auto", max_iter=1, trunk=ModuleTrunk(Narrow)).fit(X, Y).n_estimators_ == 1
    assert make(n_estimators=3, max_iter=1, trunk=ModuleTrunk(Narrow)).fit(X, Y).n_estimators_ == 3


@pytest.mark.parametrize("n_rows, expected", [(20, 20), (60, 32), (2000, 62), (10_000, 256)])
def test_auto_batches_grow_with_the_rows(n_rows, expected):
    many = np.random.default_rng(0).normal(size=(n_rows, 2))
    model = make(max_iter=1, n_estimators=1).fit(many, many.sum(1))
    assert model.batch_size_ == expected
    assert model.batch_size == "auto"


def test_one_batch_of_the_built_in_trunk_is_trained_in_float64():
    def dtype(model):
        return next(model.net_.module_.parameters()).dtype

    assert dtype(make(batch_size=60, max_iter=1).fit(X, Y)) == torch.float64
    assert dtype(make(batch_size=59, max_iter=1).fit(X, Y)) == torch.float32
    assert dtype(make(batch_size=60, max_iter=1, trunk=ModuleTrunk(Narrow)).fit(X, Y)) == torch.float32


def test_auto_never_overrides_what_was_given():
    assert make(early_stopping=True, max_iter=1).fit(X[:6], Y[:6]).early_stopping_
    assert make(batch_size=7, max_iter=1).fit(X, Y).batch_size_ == 7


# Task weights by name ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["price", "floor area", "a__b", "__", "task_weights__x", "größe"])
def test_one_weight_is_set_by_the_tasks_name(name):
    model = make(task_weights={"other": 2}, task_names=["other", name])
    model.set_params(**{f"task_weights__{name}": 5})
    assert model.task_weights == {"other": 2, name: 5}
    expected = make(task_weights=[2, 5]).fit(X, Y).predict(X)
    np.testing.assert_array_equal(model.fit(X, Y).predict(X), expected)


def test_setting_one_weight_never_changes_the_callers_dict():
    mine = {"y0": 2}
    model = make(task_weights=mine)
    twin = clone(model)
    twin.set_params(task_weights__y1=7)
    model.set_params(task_weights__y1=3)
    assert mine == {"y0": 2}
    assert model.task_weights == {"y0": 2, "y1": 3}
    assert twin.task_weights == {"y0": 2, "y1": 7}
    model.fit(X, Y)
    assert model.task_weights == {"y0": 2, "y1": 3}


def test_none_becomes_a_dict():
    assert make().set_params(task_weights__y1=3).task_weights == {"y1": 3}


def test_the_whole_parameter_of_the_same_call_applies_first():
    for order in (1, -1):
        changes = [("task_weights__y1", 3), ("task_weights", {"y0": 9})][::order]
        assert make(task_weights=[1, 2]).set_params(**dict(changes)).task_weights == {"y0": 9, "y1": 3}


@pytest.mark.parametrize("given", [2.0, [1, 2], np.array([1, 2])])
def test_weights_without_names_cannot_be_set_by_name(given):
    model = make(task_weights=given)
    with pytest.raises(ValueError, match=r"without names: give a dict, for example task_weights=\{'y1': 3\}"):
        model.set_params(task_weights__y1=3)
    assert model.task_weights is given


def test_an_unknown_task_is_found_at_fit_and_the_known_ones_are_listed():
    with pytest.raises(ValueError, match=r"task_weights names an unknown task 'y7'.*Known tasks: 'y0', 'y1'"):
        make().set_params(task_weights__y7=3).fit(X, Y)


def test_get_params_lists_the_parameter_as_a_whole():
    names = make(task_weights={"y0": 2}).get_params()
    assert names["task_weights"] == {"y0": 2}
    assert not [name for name in names if name.startswith("task_weights__")]


def test_an_unknown_parameter_is_refused():
    with pytest.raises(ValueError, match="Invalid parameter 'width' for estimator MultiTaskRegressor"):
        make().set_params(width=3)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"balancing__c": 0.5},
            "balancing__c cannot be set: balancing is 'uniform', .* for example balancing=CAGrad()",
        ),
        ({"sharing": "ple", "sharing__n_levels": 3}, "sharing is 'ple', .* for example sharing=MMoE()"),
        ({"loss__delta": 2.0}, r"loss is 'squared_error', and names have no parameters. Give an object\."),
    ],
)
def test_parameters_of_what_is_given_by_name_are_refused(params, message):
    model = make(balancing="uniform", loss="squared_error")
    with pytest.raises(ValueError, match=message):
        model.set_params(**params)
    assert model.sharing == "hard"
    assert model.set_params(balancing=CAGrad(), balancing__c=0.5).balancing.c == 0.5


def price(estimator, X, y):
    """R² of one named task."""
    return r2_score(y["the price"], estimator.predict(X)[:, list(y.columns).index("the price")])


def test_a_search_over_one_tasks_weight_in_a_pipeline_maximises_that_tasks_score():
    y = pd.DataFrame(Y, columns=["area", "the price"])
    mine = {"area": 1}
    pipeline = make_pipeline(StandardScaler(), make(task_weights=mine, hidden_layer_sizes=(2,)))
    grid = {"multitaskregressor__task_weights__the price": [0.01, 1, 100]}
    folds = KFold(2)
    search = GridSearchCV(pipeline, grid, scoring=price, cv=folds).fit(X, y)
    for weight, found in zip(*(search.cv_results_[c] for c in ("params", "mean_test_score")), strict=True):
        weight = next(iter(weight.values()))
        model = make_pipeline(
            StandardScaler(), make(task_weights={"area": 1, "the price": weight}, hidden_layer_sizes=(2,))
        )
        scores = [price(model.fit(X[a], y.iloc[a]), X[b], y.iloc[b]) for a, b in folds.split(X)]
        assert found == pytest.approx(np.mean(scores))
    assert len(set(search.cv_results_["mean_test_score"])) == 3
    assert mine == {"area": 1}
    assert search.best_estimator_[-1].task_weights["the price"] == next(iter(search.best_params_.values()))


def test_a_search_over_the_arguments_of_a_trunk():
    search = GridSearchCV(make(trunk=ModuleTrunk(Narrow)), {"trunk__width": [1, 8]}, cv=2).fit(X, Y)
    assert search.best_estimator_.net_.module_.head.weight.shape[1] == search.best_params_["trunk__width"]


def test_clone_copies_specifications():
    model = make(trunk=ModuleTrunk(Narrow, width=4))
    twin = clone(model).set_params(trunk__width=9)
    assert model.get_params()["trunk__width"] == 4
    assert twin.get_params()["trunk__width"] == 9


def test_a_module_as_trunk_is_never_trained_in_place():
    module = torch.nn.Linear(3, 4)
    before = module.weight.detach().clone()
    make(trunk=module).fit(X, Y)
    assert torch.equal(module.weight, before)
    assert module.training


def test_the_representation_is_worth_more_than_noise():
    # A sanity check that shapes alone cannot give.
    pipeline = make_pipeline(make(max_iter=60), Ridge()).fit(X, Y)
    assert pipeline.score(X, Y) > 0.5
