"""Tasks of several types in one fit."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.losses import Huber, LogLoss, Multilabel, Quantile

rng = np.random.default_rng(0)
N = 60
X = pd.DataFrame(rng.normal(size=(N, 3)), columns=["u", "v", "w"], index=np.arange(100, 100 + N))
Y = pd.DataFrame(
    {
        "price": (1e5 * X["u"] + rng.normal(0, 1e4, N)).astype(np.float32),
        "kind": np.where(X["v"] > 0, "flat", "room"),
        "visits": rng.poisson(np.exp(0.5 * X["w"] + 1)),
        "rating": pd.cut(X["u"] + X["v"], [-9, -1, 1, 9], labels=["poor", "fair", "good"]),
        "quiet": X["w"] < 0,
        "sunny": pd.array((X["v"] > 0.5).astype(int), dtype="Int64"),
    }
)
HOLES = Y.copy()
HOLES.loc[HOLES.index[::4], "price"] = np.nan
HOLES.loc[HOLES.index[1::4], "kind"] = None
HOLES.loc[HOLES.index[2::4], "rating"] = None
HOLES.loc[HOLES.index[3::4], "sunny"] = pd.NA
TYPES = {"visits": "count", "rating": "ordinal", "comforts": ["quiet", "sunny"]}
TASKS = ["price", "kind", "visits", "rating", "comforts"]


def make(task_types=TYPES, **params):
    params = {"hidden_layer_sizes": (6,), "max_iter": 8, "n_estimators": 2, "random_state": 0, **params}
    return MultiTaskEstimator(task_types=task_types, **params)


@pytest.fixture(scope="module")
def model():
    return make(max_iter=60, early_stopping=True).fit(X, HOLES)


# What comes back


def test_the_tasks_are_named_with_their_types_and_columns(model):
    types = ["regression", "classification", "count", "ordinal", "multilabel"]
    assert model.task_types_ == dict(zip(TASKS, types, strict=True))
    assert model.task_columns_["comforts"] == ["quiet", "sunny"]
    assert model.n_tasks_ == 5
    assert {name: classes.tolist() for name, classes in model.classes_.items()} == {
        "kind": ["flat", "room"],
        "rating": ["poor", "fair", "good"],
    }
    assert not is_classifier(model)
    assert not is_regressor(model)


def test_predict_gives_a_frame_like_y(model):
    predicted = model.predict(X)
    assert predicted.index.equals(X.index)
    assert predicted.columns.equals(Y.columns)
    assert predicted.drop(columns="visits").dtypes.equals(HOLES.drop(columns="visits").dtypes)
    assert predicted["visits"].dtype == float  # an expected number
    assert (predicted["visits"] > 0).all()


def test_predict_proba_is_a_dict_of_the_tasks_with_classes(model):
    found = model.predict_proba(X)
    assert {name: table.shape for name, table in found.items()} == {
        "kind": (N, 2),
        "rating": (N, 3),
        "comforts": (N, 2),
    }
    np.testing.assert_allclose(found["rating"].sum(axis=1), 1)
    predicted = model.predict(X)
    assert (model.classes_["kind"][found["kind"].argmax(axis=1)] == predicted["kind"]).all()
    np.testing.assert_array_equal(found["comforts"] > 0.5, predicted[["quiet", "sunny"]].to_numpy(dtype=float) == 1)


def test_the_score_is_the_mean_of_the_tasks_own_scores(model):
    predicted = model.predict(X)
    scores = []
    for metric, columns in (
        (r2_score, ["price"]),
        (accuracy_score, ["kind"]),
        (r2_score, ["visits"]),
        (accuracy_score, ["rating"]),
        (accuracy_score, ["quiet", "sunny"]),
    ):
        of_columns = []
        for column in columns:
            there = HOLES[column].notna()
            truth, guess = HOLES[column][there].tolist(), predicted[column][there].tolist()
            of_columns.append(metric(truth, guess))
        scores.append(np.mean(of_columns))
    assert model.score(X, HOLES) == pytest.approx(np.mean(scores), rel=1e-5)


def test_out_of_fold_predictions_are_by_task(model):
    shapes = {name: np.shape(values) for name, values in model.oof_prediction_.items()}
    assert shapes == {"price": (N,), "kind": (N, 2), "visits": (N,), "rating": (N, 3), "comforts": (N, 2)}
    assert list(model.oof_task_scores_) == TASKS
    assert model.oof_score_ == pytest.approx(np.mean(list(model.oof_task_scores_.values())))


def test_arrays_come_back_as_arrays():
    y = np.column_stack([Y["price"], Y["quiet"], Y["visits"]]).astype(float)
    model = make(["regression", "classification", "count"]).fit(X, y)
    predicted = model.predict(X)
    assert predicted.dtype == float
    assert set(predicted[:, 1]) <= {0.0, 1.0}
    assert model.task_names_ == ["y0", "y1", "y2"]
    assert list(model.predict_proba(X)) == ["y1"]
    objects = make(None).fit(X, Y[["price", "kind"]].to_numpy(dtype=object)).predict(X)
    assert objects.dtype == object
    assert isinstance(objects[0, 0], float)


def test_polars_frames_come_back_as_polars():
    pl = pytest.importorskip("polars")
    y = pl.DataFrame({"price": Y["price"].to_numpy(), "kind": Y["kind"].tolist()})
    predicted = make(None).fit(X, y).predict(X)
    assert predicted.schema == y.schema


@pytest.mark.parametrize(
    ("column", "kind"),
    [("price", "regression"), ("kind", "classification"), ("visits", "count"), ("rating", "ordinal")],
)
def test_one_dimension_gives_plain_arrays(column, kind):
    model = make({column: kind}, early_stopping=True).fit(X, HOLES[column])
    assert model.predict(X).shape == (N,)
    has_classes = kind in ("classification", "ordinal")
    assert hasattr(model, "predict_proba") == hasattr(model, "classes_") == has_classes
    if has_classes:
        assert model.predict_proba(X).shape == (N, len(model.classes_))
    assert len(model.oof_prediction_) == N
    assert hasattr(make(), "predict_proba")  # nobody knows before fit


def test_without_classes_there_are_no_probabilities():
    assert not hasattr(make(None).fit(X, Y[["price"]]), "predict_proba")


# One objective


@pytest.mark.parametrize(
    "loss",
    [
        None,
        {"price": Quantile()},
        {"price": Quantile(0.9), "kind": "ordinal"},
        {"price": Huber(), "kind": "focal", "comforts": Multilabel(balanced=True)},
        {"price": "absolute_error", "kind": LogLoss(0.1), "rating": "log_loss", "comforts": "log_loss"},
        {"visits": "squared_error", "rating": "focal", "comforts": "focal"},
    ],
)
def test_every_task_starts_at_one(loss):
    settings = {"learning_rate_init": 1e-9, "max_iter": 1, "early_stopping": False, "batch_size": 4096}
    model = make(loss=loss, **settings).fit(X, HOLES)
    # absolute errors start at the mean, a little above the loss of the median
    np.testing.assert_allclose(model.history_["train_loss"][0], 1, atol=2e-3)
    assert model.history_.task_names == TASKS


@pytest.mark.parametrize(
    ("column", "alone"),
    [
        ("price", MultiTaskRegressor()),
        ("visits", MultiTaskRegressor(loss="poisson")),
        ("kind", MultiTaskClassifier()),
        ("rating", MultiTaskClassifier(loss="ordinal")),
    ],
)
@pytest.mark.parametrize("early_stopping", [True, False])
def test_a_task_that_is_learned_alone_is_the_single_type_estimators(column, alone, early_stopping):
    settings = {"batch_size": 4096, "early_stopping": early_stopping}
    y = HOLES.astype({"price": float})
    mixed = make(task_weights={task: float(task == column) for task in TASKS}, **settings).fit(X, y)
    alone.set_params(hidden_layer_sizes=(6,), max_iter=8, n_estimators=2, random_state=0, **settings).fit(X, y[column])
    if column in mixed.classes_:
        np.testing.assert_allclose(mixed.predict_proba(X)[column], alone.predict_proba(X), rtol=1e-6)
    else:
        np.testing.assert_allclose(mixed.predict(X)[column], alone.predict(X), rtol=1e-6)


def test_a_groups_loss_is_the_mean_over_its_columns():
    settings = {"batch_size": 4096, "early_stopping": False}
    group = make({"comforts": ["quiet", "sunny"]}, **settings).fit(X, Y[["quiet", "sunny"]])
    apart = MultiTaskClassifier((6,), max_iter=8, n_estimators=2, random_state=0, task_weights=0.5, **settings).fit(
        X, Y[["quiet", "sunny"]]
    )
    np.testing.assert_allclose(
        group.predict_proba(X)["comforts"], np.column_stack([p[:, 1] for p in apart.predict_proba(X)]), rtol=1e-7
    )
    np.testing.assert_allclose(group.history_["train_loss"][:, 0], apart.history_["train_loss"].mean(axis=1), rtol=1e-7)


def test_task_weights_shift_attention_whatever_the_types():
    def losses(**weights):
        fitted = make(task_weights=weights, max_iter=30, early_stopping=False).fit(X, Y)
        return dict(zip(fitted.history_.task_names, fitted.history_["train_loss"][-1], strict=True))

    for task in ("price", "kind", "comforts"):
        assert losses(**{task: 20.0})[task] < losses(**{task: 0.05})[task]


def test_balanced_groups_and_class_weights_raise_the_rare_value():
    y = pd.DataFrame({"rare": (X["u"] > 1.2).astype(int), "common": (X["v"] > 0).astype(int)})
    plain, balanced, weighted = (
        make({"tags": ["rare", "common"]}, companions=None, **params).fit(X, y).predict_proba(X)["tags"][:, 0].mean()
        for params in ({}, {"loss": Multilabel(balanced=True)}, {"class_weight": {"tags": "balanced"}})
    )
    assert balanced > plain + 0.1
    assert weighted == pytest.approx(balanced)


def test_class_weights_are_by_class_or_by_task():
    by_class, by_task = (
        make(class_weight=weights, companions=None).fit(X, Y).predict_proba(X)
        for weights in ({"flat": 5.0}, {"kind": {"flat": 5.0}, "price": None})
    )
    np.testing.assert_array_equal(by_class["kind"], by_task["kind"])
    assert by_class["kind"][:, 0].mean() > make(companions=None).fit(X, Y).predict_proba(X)["kind"][:, 0].mean() + 0.1
    in_order = (
        make(class_weight=[None, {"flat": 5.0}, None, None, None], companions=None).fit(X, Y).predict_proba(X)["kind"]
    )
    np.testing.assert_array_equal(in_order, by_task["kind"])


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        (
            {"tent": 2},
            r"class_weight names 'tent', which is a class of no task; classes are 'kind': \['flat', 'room'\];",
        ),
        ({"kid": "balanced"}, "class_weight names an unknown task 'kid'. Did you mean 'kind'"),
        ({"kind": {"tent": 2}}, r"class_weight of task 'kind' names class 'tent'; its classes are \['flat', 'room'\]"),
        ({"kind": {"flat": -1}}, "class_weight of task 'kind', class 'flat', must be a finite number >= 0, got -1"),
        ({"kind": {"flat": 0, "room": 0}}, "class_weight is 0 for all classes of task 'kind'"),
        ({"price": "balanced"}, "class_weight of task 'price' is 'balanced', but the task has no classes"),
    ],
)
def test_wrong_class_weights_are_refused(class_weight, message):
    with pytest.raises(ValueError, match=message):
        make(class_weight=class_weight).fit(X, Y)


# Losses of single types


def test_quantiles_of_one_task():
    model = make(loss={"price": Quantile((0.1, 0.5, 0.9))}, max_iter=40).fit(X, HOLES)
    quantiles = model.predict_quantiles(X)
    assert list(quantiles) == ["price"]
    assert (np.diff(quantiles["price"], axis=1) > 0).all()
    np.testing.assert_allclose(model.predict(X)["price"], quantiles["price"][:, 1], rtol=1e-5)
    one = make(None, loss="quantile").fit(X, Y["price"])
    assert one.predict_quantiles(X).shape == (N, 3)
    with pytest.raises(ValueError, match=r"No task of .* was fitted with the loss 'quantile'"):
        make().fit(X, Y).predict_quantiles(X)
    regressor = MultiTaskRegressor((6,), loss=["squared_error", "quantile"], max_iter=5, n_estimators=1)
    regressor.fit(X, Y[["visits", "price"]].to_numpy(dtype=float))
    assert list(regressor.predict_quantiles(X)) == ["y1"]
    constant = make(loss={"price": "quantile"}, task_weights={"price": 0}).fit(X, Y).predict_quantiles(X)["price"]
    np.testing.assert_allclose(constant[0], np.quantile(Y["price"], [0.1, 0.5, 0.9], method="inverted_cdf"), rtol=1e-5)


def test_a_single_loss_serves_the_tasks_that_it_suits():
    losses = make(loss="huber").fit(X, Y)._model.targets.losses
    assert [loss.name for loss in losses] == ["huber", "log_loss", "huber", "ordinal", "multilabel", "multilabel"]
    with pytest.raises(ValueError, match="loss='hubr' suits none of the tasks: 'price'"):
        make(loss="hubr").fit(X, Y)
    with pytest.raises(ValueError, match="loss='multilabel' suits none of the tasks: 'kind'"):
        make(None, loss="multilabel").fit(X, Y[["kind"]])
    with pytest.raises(ValueError, match=r"Unknown loss 'huber' of task 'kind'. Known losses: 'log_loss'"):
        make(loss={"kind": "huber"}).fit(X, Y)


def test_ordered_classes_keep_their_order_and_need_one():
    assert make(None, loss="ordinal").fit(X, Y["rating"]).classes_.tolist() == ["poor", "fair", "good"]
    numbers = Y["rating"].cat.codes * 10
    assert make("ordinal").fit(X, numbers).classes_.tolist() == [0, 10, 20]
    with pytest.raises(ValueError, match="Task 'rating' is ordinal, but nothing says in which order its classes"):
        make().fit(X, Y.astype({"rating": str}))


# scikit-learn


def test_clones_pickles_and_copies():
    model = make(loss={"price": "quantile"}).fit(X, HOLES)
    expected = model.predict(X)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), clone(model).fit(X, HOLES)):
        pd.testing.assert_frame_equal(other.predict(X), expected)


def test_searches_and_validation_take_an_integer():
    assert len(cross_val_score(make(max_iter=2), X, HOLES, cv=3)) == 3
    search = GridSearchCV(make(max_iter=4), {"task_weights__price": [0.1, 10], "task_weights__comforts": [1]}, cv=2)
    search.fit(X, HOLES)
    assert search.best_params_["task_weights__comforts"] == 1
    assert isinstance(search.predict(X), pd.DataFrame)


def test_chunks_keep_the_types_and_classes_of_the_first():
    model = make(None)
    model.partial_fit(X[:30], Y[["price", "kind"]][:30], classes={"kind": ["flat", "loft", "room"]})
    model.partial_fit(X[30:], Y[["price", "kind"]][30:].assign(kind="loft"))
    assert model.classes_["kind"].tolist() == ["flat", "loft", "room"]
    with pytest.raises(ValueError, match="holds the label 'tent'"):
        model.partial_fit(X[:30], Y[["price", "kind"]][:30].assign(kind="tent"))
    whole = pd.DataFrame({"stars": np.arange(N) % 3})
    model = make(None).partial_fit(X, whole)
    assert model.partial_fit(X, whole.assign(stars=whole["stars"].astype(float))).task_types_ == {
        "stars": "classification"
    }


def test_warm_start_goes_on():
    model = make(warm_start=True).fit(X, Y)
    first = model.predict(X)["price"]
    assert not np.array_equal(model.fit(X, Y).predict(X)["price"], first)
    with pytest.raises(ValueError, match="cannot continue a model of the tasks"):
        model.fit(X, Y[["price", "kind"]])


# Errors


@pytest.mark.parametrize(
    ("y", "task_types", "message"),
    [
        (Y.assign(kind=None), TYPES, "Task 'kind' has no label of positive weight"),
        (Y.assign(quiet=pd.NA), TYPES, "Column 'quiet' of task 'comforts' has no label of positive weight"),
        (Y.assign(kind=[1, "a"] * (N // 2)), TYPES, r"Task 'kind' mixes labels of types \['int', 'str'\]"),
        (Y.assign(quiet=np.arange(N)), TYPES, r"Column 'quiet' of the multilabel task 'comforts' has 60 distinct"),
        (Y.assign(price="high"), {"price": "regression"}, "Task 'price' holds labels that are not numbers"),
        (Y.assign(visits=-1), TYPES, "Task 'visits': loss 'poisson' needs labels >= 0, and the smallest is -1"),
        (Y.assign(price=np.inf), TYPES, "Task 'price' contains infinity"),
        (Y, {"price": "classification"}, "Unknown label type: continuous. Task 'price'.*task type 'regression'"),
        (pd.concat([Y, Y[["kind"]]], axis=1), TYPES, "repeated column names"),
    ],
)
@pytest.mark.filterwarnings("ignore:Task types were guessed")
def test_unfit_labels_name_the_task(y, task_types, message):
    with pytest.raises(ValueError, match=message):
        make(task_types).fit(X, y)


def test_a_class_that_was_not_there_at_fit_counts_as_wrong():
    model = make(None, max_iter=40).fit(X, Y["kind"])
    strange = Y["kind"].copy()
    strange[:30] = "tent"
    right = (model.predict(X) == Y["kind"])[30:].sum()
    assert model.score(X, strange) == pytest.approx(right / N)


def test_values_of_a_group_that_were_not_there_at_fit_count_as_wrong():
    model = make({"tags": ["quiet", "sunny"]}).fit(X, Y[["quiet", "sunny"]])
    right = (model.predict(X)["quiet"] == Y["quiet"]).mean()
    assert model.score(X, Y[["quiet", "sunny"]].assign(sunny=7)) == pytest.approx(right / 2)


def test_a_group_with_a_column_of_one_value_predicts_it():
    y = pd.DataFrame(
        {"always": np.ones(N, dtype=int), "never": np.zeros(N, dtype=int), "some": (X["u"] > 0).astype(int)}
    )
    with pytest.warns(UserWarning, match="has one class only"):
        model = make({"tags": ["always", "never", "some"]}).fit(X, y)
    found = model.predict_proba(X)["tags"]
    assert (found[:, 0] == 1).all()
    assert (found[:, 1] == 0).all()


@pytest.mark.parametrize(
    "method",
    ["fit", "partial_fit"],
)
def test_doubtful_guesses_point_at_the_users_line(method):
    with pytest.warns(UserWarning, match="Task types were guessed") as caught:
        getattr(make(None), method)(X, pd.DataFrame({"stars": np.arange(N) % 15}))
    assert caught[0].filename == __file__
    assert len(caught) == 1
