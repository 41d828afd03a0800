"""Every error says what is wrong, in which task or column, and what to do; nothing that was fitted before is lost."""

import copy
import re

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skmtl import MultiTaskClassifier, MultiTaskRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
Y = X @ rng.normal(size=(3, 2)) + rng.normal(size=(40, 2))
C = (Y > 0).astype(int)


def make(classifier=False, **params):
    params = {"hidden_layer_sizes": (4,), "max_iter": 3, "n_estimators": 2, "random_state": 0, **params}
    return (MultiTaskClassifier if classifier else MultiTaskRegressor)(**params)


def with_value(array, value, row=5, column=1, dtype=float):
    changed = np.array(array, dtype=dtype)
    changed[row, column] = value
    return changed


NAMED = ["length", "price"]


@pytest.mark.parametrize(
    "params, y, message",
    [
        ({}, with_value(Y, np.inf), r"Task 'y1' contains infinity .* row 5"),
        ({"task_names": NAMED}, with_value(Y, -np.inf), r"Task 'price' contains infinity"),
        ({}, with_value(Y, 1j, dtype=complex), r"Complex data not supported: task 'y0'"),
        (
            {},
            with_value(Y, np.nan, slice(None)),
            r"Task 'y1' has no label of positive weight.*task_weights=\{'y1': 0\}",
        ),
        ({}, with_value(Y, "a", dtype=object), r"Task 'y1' holds labels that are not numbers"),
        ({"loss": {"y1": "poisson"}}, with_value(np.abs(Y), -1), r"Task 'y1'.*(-1|poisson)"),
        ({"loss": {"y1": "gamma"}}, with_value(np.abs(Y) + 1, 0), r"Task 'y1'.*(0|gamma)"),
        ({}, np.zeros((40, 2, 2)), r"y should be a 1d array or a 2d array of shape .*\(40, 2, 2\)"),
        ({}, Y[:30], r"inconsistent numbers of samples: \[40, 30\]"),
        ({}, None, r"requires y to be passed, but the target y is None"),
        ({}, csr_array(Y), r"y is a sparse .*y\.toarray\(\)"),
        ({}, [[1, 2], [3]] * 20, "not a rectangular array|unequal length"),
        ({}, np.empty((40, 0)), "no columns"),
        ({}, pd.DataFrame(Y, columns=["a", "a"]), r"repeated column names: \['a', 'a'\]"),
        (
            {"task_weights": {"prise": 2}, "task_names": NAMED},
            Y,
            r"task_weights names an unknown task 'prise'.*'price'",
        ),
        ({"loss": {"y7": "huber"}}, Y, r"loss names an unknown task 'y7'.*'y0', 'y1'"),
        ({"loss": "hubber"}, Y, r"Unknown loss 'hubber' of task 'y0'. Did you mean 'huber'\?"),
        ({"loss": ["huber"]}, Y, r"loss has 1 entries, but y has 2 tasks: 'y0', 'y1'"),
        ({"task_weights": [1, 2, 3]}, Y, r"task_weights has 3 entries, but y has 2 tasks: 'y0', 'y1'"),
        ({"task_weights": {"y1": -1}}, Y, r"task_weights must be finite numbers >= 0; that of task 'y1' is -1"),
        ({"task_weights": [1, np.nan]}, Y, r"task_weights must be finite .* 'y1' is .*nan"),
        ({"task_weights": [np.inf, 1]}, Y, r"task_weights must be finite .* 'y0' is .*inf"),
        ({"task_weights": ["a", 1]}, Y, r"task_weights must be finite .* 'y0' is .*a"),
        ({"task_weights": 0}, Y, r"All task_weights are 0"),
        ({"task_names": ["a"]}, Y, r"task_names has 1 names \['a'\], but y has 2 tasks"),
        ({"task_names": ["a", "a"]}, Y, r"task_names must be unique; repeated: \['a'\]"),
    ],
)
def test_unfit_labels_and_parameters_of_a_regressor(params, y, message):
    with pytest.raises(ValueError, match=message):
        make(**params).fit(X, y)


@pytest.mark.parametrize(
    "params, y, message",
    [
        ({}, Y, r"Unknown label type: continuous. Task 'y0' holds .* Use MultiTaskRegressor"),
        ({}, with_value(C, 0.5), r"Unknown label type: continuous. Task 'y1' holds .*0.5"),
        ({}, with_value(C, np.inf), r"Task 'y1' contains infinity"),
        ({}, with_value(C, "a", dtype=object), r"Task 'y1' mixes labels of types \['int', 'str'\]"),
        ({}, np.array(C, dtype="datetime64[D]"), "Unknown label type: datetime64"),
        ({"loss": "squared_error"}, C, r"Unknown loss 'squared_error' of task 'y0'"),
        ({"class_weight": {"y7": "balanced"}}, C, r"class_weight names an unknown task 'y7'"),
        ({"class_weight": {5: 1.0}}, C, r"class_weight names 5, which is a class of no task"),
        ({"class_weight": {"y1": {5: 1.0}}}, C, r"class_weight of task 'y1' names class 5; its classes are \[0, 1\]"),
        ({"class_weight": {"y1": {1: -1.0}}}, C, r"class_weight of task 'y1', class 1, must be a finite number >= 0"),
        ({"class_weight": {"y1": {0: 0, 1: 0}}}, C, r"class_weight is 0 for all classes of task 'y1': \[0, 1\]"),
        ({"class_weight": "balance"}, C, r"class_weight of task 'y0' must be 'balanced', None or a dict .*'balance'"),
    ],
)
def test_unfit_labels_and_parameters_of_a_classifier(params, y, message):
    with pytest.raises(ValueError, match=message):
        make(True, **params).fit(X, y)


@pytest.mark.parametrize("classifier", [False, True])
@pytest.mark.parametrize(
    "wrong, message",
    [
        (with_value(X, np.inf), "Input X contains infinity in column 1, row 5"),
        (csr_array(with_value(X, np.nan)), "Input X contains NaN in column 1, row 5"),
        (pd.DataFrame(with_value(X, -np.inf), columns=list("abc")), "Input X contains infinity in column 'b', row 5"),
        (X[:0], "Found y with 0 sample"),
        (X[:, 0], "Expected 2D array, got 1D array"),
        (X.astype(complex), "Complex data not supported"),
    ],
)
def test_unfit_features(classifier, wrong, message):
    y = (C if classifier else Y)[: wrong.shape[0]]
    with pytest.raises(ValueError, match=message):
        make(classifier).fit(wrong, y)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (with_value(X, np.nan), "Input X contains NaN in column 1, row 5.*imputer"),
        (pd.DataFrame(with_value(X, np.nan), columns=list("abc")), "Input X contains NaN in column 'b', row 5"),
        (with_value(X, "a", dtype=object), "could not convert string to float: 'a'"),
    ],
)
def test_passthrough_takes_numbers_without_holes(wrong, message):
    with pytest.raises(ValueError, match=message):
        make(encoder="passthrough").fit(wrong, Y)


@pytest.mark.parametrize(
    "weight, message",
    [
        (-np.ones(40), r"sample_weight must be finite and >= 0; in row 0 it is -1.0"),
        (with_value(np.ones((40, 2)), np.nan), r"sample_weight must be finite and >= 0; in row 5, task 'y1' it is nan"),
        (np.ones((40, 3)), r"sample_weight.shape == \(40, 3\), expected \(40,\) or \(40, 2\)"),
        (np.ones(30), "inconsistent numbers of samples"),
        (with_value(np.ones((40, 2)), 0, slice(None)), r"Task 'y1' has no label of positive weight"),
        (np.zeros(40), r"Task 'y0' has no label of positive weight"),
    ],
)
def test_unfit_sample_weights(weight, message):
    with pytest.raises(ValueError, match=message):
        make().fit(X, Y, weight)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"X_val": X}, "X_val and y_val belong together, but y_val is None"),
        ({"y_val": Y}, "X_val and y_val belong together, but X_val is None"),
        ({"X_val": X, "y_val": Y[:, :1]}, "y_val has 1 columns, but y has 2"),
        ({"X_val": X, "y_val": Y[:9]}, r"inconsistent numbers of samples"),
        ({"X_val": X[:, :2], "y_val": Y}, "X has 2 features, but MultiTaskRegressor is expecting 3"),
        ({"X_val": X, "y_val": np.full_like(Y, np.nan)}, "y_val has no label"),
        ({"groups": np.arange(30)}, "inconsistent numbers of samples"),
    ],
)
def test_unfit_validation_data_and_groups(arguments, message):
    with pytest.raises(ValueError, match=message):
        make().fit(X, Y, **arguments)


def test_known_tasks_in_another_order_are_refused():
    frame = pd.DataFrame(Y, columns=NAMED)
    message = r"columns of {} must be in the order of fit, \['length', 'price'\], but are \['price', 'length'\]"
    with pytest.raises(ValueError, match=message.format("y_val")):
        make().fit(X, frame, X_val=X, y_val=frame[NAMED[::-1]])
    model = make().fit(X, frame)
    with pytest.raises(ValueError, match=message.format("y")):
        model.score(X, frame[NAMED[::-1]])
    assert model.score(X, frame) == model.score(X, Y) == model.score(X, frame.rename(columns=str.upper))


def test_a_validation_label_of_an_unknown_class_is_named():
    with pytest.raises(ValueError, match=r"Task 'y1' holds the label .*7.*, which is not among its classes \[0, 1\]"):
        make(True).fit(X, C, X_val=X, y_val=with_value(C, 7, dtype=int))


@pytest.mark.parametrize("method", ["predict", "transform", "score"])
def test_wrong_features_after_fit(method):
    frame = pd.DataFrame(X, columns=list("abc"))
    model = make().fit(frame, Y)
    more = (Y,) if method == "score" else ()
    with pytest.raises(ValueError, match="X has 2 features, but MultiTaskRegressor is expecting 3"):
        getattr(make().fit(X, Y), method)(X[:, :2], *more)
    with pytest.raises(ValueError, match=r"(?s)feature names should match.*unseen at fit time:\n- d"):
        getattr(model, method)(frame.rename(columns={"c": "d"}), *more)
    with pytest.raises(ValueError, match="contains infinity in column 'b'"):
        getattr(model, method)(frame.assign(b=np.inf), *more)
    with pytest.raises(ValueError, match=r"X holds .* in column 'b'"):
        getattr(model, method)(frame.assign(b="a"), *more)


def test_score_needs_the_tasks_of_fit_and_a_label():
    model = make().fit(X, Y)
    with pytest.raises(ValueError, match=r"y has 1 columns, but 2 were fitted: \['y0', 'y1'\]"):
        model.score(X, Y[:, 0])
    with pytest.raises(ValueError, match=r"no label of positive weight in any of the tasks \['y0', 'y1'\]"):
        model.score(X, np.full_like(Y, np.nan))


class GivesUpFarOut(torch.nn.Module):
    """Reads columns, and says NaN where the first is far from those at fit."""

    def __init__(self, n_features):
        super().__init__()
        self.dense = torch.nn.Linear(n_features, 4)

    def forward(self, x):
        return torch.where(x[:, :1] < 4, torch.tanh(self.dense(x)), torch.nan)


@pytest.mark.parametrize("classifier", [False, True])
def test_a_network_that_says_nan_is_not_scored_and_tells_no_class(classifier):
    labels = C if classifier else Y
    kind = MultiTaskClassifier if classifier else MultiTaskRegressor
    model = kind(trunk=GivesUpFarOut, companions=None, max_iter=3, random_state=0).fit(X, labels)
    far, hidden = X.copy(), labels.astype(float)
    far[[2, 3], 0] = 1e9
    hidden[2] = np.nan
    with pytest.raises(ValueError, match=r"Task 'y0' has no prediction \(NaN\) in 1 of 40 rows, first in row 3"):
        model.score(far, hidden)
    hidden[3] = np.nan
    assert model.score(far, hidden) == model.score(X, hidden)
    if classifier:
        assert np.isnan(model.predict_proba(far)[1][2:4]).all()
        with pytest.raises(ValueError, match=r"Task 'y0' has no prediction \(NaN\) in 2 of 40 rows, first in row 2"):
            model.predict(far)
    else:
        assert np.isnan(model.predict(far)[2:4]).all()


@pytest.mark.parametrize(
    "method", ["predict", "transform", "predict_proba", "predict_log_proba", "get_feature_names_out"]
)
def test_nothing_works_before_fit(method):
    model = make(True)
    with pytest.raises(NotFittedError):
        getattr(model, method)(*(() if method == "get_feature_names_out" else (X,)))


class ThreeDimensional(torch.nn.Module):
    def forward(self, x):
        return x[:, :, None]


class Pooled(torch.nn.Module):
    def forward(self, x):
        return x.mean(0, keepdim=True)


class Pair(torch.nn.Module):
    def forward(self, x):
        return x, x


@pytest.mark.parametrize(
    "trunk, message",
    [
        (ThreeDimensional(), r"must return a tensor of shape \(n_rows, n_units\); .*it returned \(8, 3, 1\)"),
        (Pooled(), r"it returned \(1, 3\)"),
        (Pair(), r"must return one float32 tensor \(n_rows, n_units\) for a float32 batch, got tuple"),
        (torch.nn.Linear(7, 2), r"The trunk failed on a batch of shape \(8, 3\)"),
        (lambda _: "no module", r"must be an nn.Module, but .* made a str"),
        ("mlp", r"trunk must be 'auto', a trunk specification, an nn.Module or a callable .*'mlp'"),
    ],
)
def test_unfit_trunks(trunk, message):
    with pytest.raises(ValueError, match=message):
        MultiTaskRegressor(trunk=trunk, max_iter=1).fit(X, Y)


@pytest.mark.parametrize("name, value", [("hidden_layer_sizes", (7,)), ("activation", "tanh"), ("dropout", 0.5)])
def test_parameters_of_the_built_in_trunk_are_refused_beside_another(name, value):
    model = MultiTaskRegressor(trunk=torch.nn.LazyLinear(3), **{name: value})
    with pytest.raises(ValueError, match=rf"{name}=.* belongs to the built-in trunk"):
        model.fit(X, Y)


def test_early_stopping_without_enough_rows_for_a_holdout():
    with pytest.raises(ValueError, match=r"early_stopping=True needs a holdout, and 4 distinct rows .* at least 5"):
        make(early_stopping=True).fit(X[:4], Y[:4])
    with pytest.raises(ValueError, match=r"and 9 distinct rows .* at least 10"):
        make(early_stopping=True, n_estimators=1).fit(X[:9], Y[:9])


def test_an_unknown_device_is_named():
    with pytest.raises(ValueError, match="device='abacus' cannot be used"):
        make(device="abacus").fit(X, Y)
    with pytest.raises(ValueError, match="device='meta' holds no data"):
        make(device="meta").fit(X, Y)


# Diverging training --------------------------------------------------------------------------------------------------


def test_diverging_training_names_epoch_and_task():
    model = make(learning_rate_init=1e30, solver="sgd", early_stopping=False, max_iter=50, task_names=NAMED)
    with pytest.raises(
        ValueError, match=r"diverged in epoch \d+: the loss of task '(length|price)'.*learning_rate_init"
    ):
        model.fit(X, Y)


def test_with_early_stopping_diverged_members_go_back_to_their_best_state_with_a_warning():
    model = make(learning_rate_init=1e3, solver="sgd", max_iter=50, batch_size=100)
    with pytest.warns(ConvergenceWarning, match=r"loss of 2 of 2 members diverged; they were set back .*best state"):
        model.fit(X, Y)
    assert np.isfinite(model.predict(X)).all()
    assert np.isfinite(model.oof_score_)


# A failed fit --------------------------------------------------------------------------------------------------------


def weights_of(model):
    return {name: value.clone() for name, value in model.net_.module_.state_dict().items()}


def assert_unchanged(model, attributes, weights):
    assert model.__dict__.keys() == attributes.keys()
    assert all(model.__dict__[name] is value for name, value in attributes.items())
    for name, value in model.net_.module_.state_dict().items():
        assert torch.equal(value, weights[name])


@pytest.mark.parametrize("failure", ["labels", "features", "number of features", "parameter", "divergence"])
@pytest.mark.parametrize("mode", ["fit", "warm_start", "partial_fit"])
def test_a_failed_fit_leaves_a_fitted_estimator_as_it_was(failure, mode):
    model = make(solver="sgd", early_stopping=False, warm_start=mode == "warm_start", max_iter=20)
    fit = model.partial_fit if mode == "partial_fit" else model.fit
    fit(X, Y)
    predicted = model.predict(X)
    if failure == "parameter":
        model.set_params(alpha=-1)
    elif failure == "divergence":
        model.set_params(learning_rate_init=1e30)
    attributes, weights = model.__dict__.copy(), weights_of(model)
    statistics = copy.deepcopy(model._model.standardizer.__dict__)
    with pytest.raises(ValueError):
        if failure == "labels":
            fit(X, with_value(Y, np.inf))
        elif failure == "features":
            fit(with_value(X, np.inf), Y)
        elif failure == "number of features":
            fit(with_value(X, np.inf)[:, :2], Y)
        else:
            for _ in range(5):  # one epoch of partial_fit need not diverge
                fit(X, Y)
                attributes, weights = model.__dict__.copy(), weights_of(model)
                predicted = model.predict(X)
    assert_unchanged(model, attributes, weights)
    np.testing.assert_array_equal(model.predict(X), predicted)
    for name in ("mean_", "inverse_scale_"):
        np.testing.assert_array_equal(getattr(model._model.standardizer, name), statistics[name])


def test_a_failed_first_fit_leaves_nothing():
    model = make()
    before = model.__dict__.copy()
    with pytest.raises(ValueError, match=re.escape("contains infinity")):
        model.fit(X, with_value(Y, np.inf))
    assert model.__dict__ == before
