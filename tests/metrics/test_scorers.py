from functools import partial

import numpy as np
import pytest
import sklearn
from sklearn import metrics
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmtl import MultiTaskClassifier, MultiTaskRegressor
from skmtl.metrics import METRICS, get_scorer, make_scorer, multitask, task_scorers

rng = np.random.default_rng(0)
N = 80
X = rng.normal(size=(N, 4))
COUNTS = 1.0 + rng.poisson(np.exp(0.5 * X[:, :2]))
BINARY = (X[:, :3] + rng.normal(size=(N, 3)) > 0).astype(int)
SEVERAL = rng.choice(["a", "b", "c"], size=(N, 2))
SEVERAL[X[:, 0] > 0, 0] = "a"
QUICK = {"hidden_layer_sizes": (4,), "max_iter": 2, "n_estimators": 1, "early_stopping": False, "random_state": 0}


class Positive(LinearRegression):
    """Predicts no number below 0.5, as deviances ask for."""

    def predict(self, X):
        return np.maximum(super().predict(X), 0.5)


# Searches and cross-validation


def test_a_search_has_a_column_per_task():
    names = ["y0", "y1"]
    search = GridSearchCV(
        RandomForestClassifier(5, random_state=0),
        {"max_depth": [1, 3]},
        scoring=task_scorers("f1_macro", names),
        refit="y1",
        cv=KFold(3),
    ).fit(X, SEVERAL)
    for name in names:
        assert np.isfinite(search.cv_results_[f"mean_test_{name}"]).all()
    forest = RandomForestClassifier(5, max_depth=1, random_state=0)
    train, test = next(KFold(3).split(X))
    predicted = forest.fit(X[train], SEVERAL[train]).predict(X[test])
    expected = metrics.f1_score(SEVERAL[test, 1], predicted[:, 1], average="macro")
    assert search.cv_results_["split0_test_y1"][0] == pytest.approx(expected, abs=1e-12)
    assert np.isfinite(get_scorer("accuracy")(search, X, SEVERAL))


def test_the_package_is_cross_validated_with_missing_labels():
    y = np.where(rng.random(COUNTS.shape) < 0.3, np.nan, COUNTS)
    scoring = {"r2": get_scorer("r2"), "mae": get_scorer("neg_mean_absolute_error"), **task_scorers("r2", ["y0", "y1"])}
    found = cross_validate(MultiTaskRegressor(**QUICK), X, y, cv=3, scoring=scoring, error_score="raise")
    np.testing.assert_allclose(found["test_r2"], (found["test_y0"] + found["test_y1"]) / 2)


def test_a_classifier_of_the_package_is_searched_with_missing_labels():
    y = SEVERAL.astype(object)
    y[::4, 1] = None
    search = RandomizedSearchCV(
        MultiTaskClassifier(**QUICK),
        {"alpha": [0.01, 1.0]},
        n_iter=2,
        random_state=0,
        scoring=get_scorer("neg_log_loss"),
        cv=KFold(3),
        error_score="raise",
    ).fit(X, y)
    assert search.best_score_ < 0
    assert get_scorer("neg_log_loss")(search, X, y) == get_scorer("neg_log_loss")(search.best_estimator_, X, y)


def test_wrapped_estimators_are_scored():
    model = make_pipeline(StandardScaler(), MultiTaskRegressor(**QUICK)).fit(X, COUNTS)
    assert get_scorer("r2")(model, X, COUNTS) == pytest.approx(model.score(X, COUNTS), abs=1e-12)
    model = TransformedTargetRegressor(RandomForestRegressor(3, random_state=0), func=np.log, inverse_func=np.exp)
    expected = metrics.r2_score(COUNTS, model.fit(X, COUNTS).predict(X))
    assert get_scorer("r2")(model, X, COUNTS) == pytest.approx(expected, abs=1e-12)


def test_an_evaluation_predicts_once_for_all_scorers():
    calls = []

    class Counting(LinearRegression):
        def predict(self, X):
            calls.append(len(X))
            return super().predict(X)

    cross_validate(Counting(), X, COUNTS, cv=2, scoring=task_scorers("r2", ["y0", "y1"]))
    assert len(calls) == 2


def test_a_scorer_serves_a_threshold_search():
    y = BINARY[:, 0]
    ours = TunedThresholdClassifierCV(LogisticRegression(), scoring=get_scorer("balanced_accuracy"), cv=3).fit(X, y)
    theirs = TunedThresholdClassifierCV(LogisticRegression(), scoring="balanced_accuracy", cv=3).fit(X, y)
    assert ours.best_threshold_ == theirs.best_threshold_


def test_scorers_ask_for_weights_by_metadata_routing():
    weights = rng.integers(0, 3, COUNTS.shape).astype(float)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = get_scorer("r2").set_score_request(sample_weight=True)
        found = cross_val_score(
            Ridge().set_fit_request(sample_weight=False),
            X,
            COUNTS,
            cv=2,
            scoring=scorer,
            params={"sample_weight": weights},
        )
        search = GridSearchCV(Ridge().set_fit_request(sample_weight=False), {"alpha": [1.0]}, scoring=scorer, cv=2)
        search.fit(X, COUNTS, sample_weight=weights)
    expected = []
    for train, test in KFold(2).split(X):
        model = Ridge().fit(X[train], COUNTS[train])
        expected.append(get_scorer("r2")(model, X[test], COUNTS[test], weights[test]))
    np.testing.assert_allclose(found, expected)
    assert search.best_score_ == pytest.approx(np.mean(expected))


# Making scorers


def test_a_scorer_can_be_made_of_any_metric(mixed):
    estimator, X, y = mixed

    def within_one(y_true, y_pred):
        return np.mean(np.abs(y_true - y_pred) <= 1)

    found = make_scorer(within_one, tasks=["price", "visits", "stars"])(estimator, X, y)
    assert found == pytest.approx(
        np.mean([within_one(y[name], estimator.table[name]) for name in ("price", "visits", "stars")])
    )
    expected = metrics.r2_score(y["price"], estimator.table["price"])
    assert make_scorer(within_one, kind="regression")(estimator, X, y) <= 1
    assert make_scorer(multitask(metrics.r2_score, average=[1, 0]))(estimator, X, y) == pytest.approx(expected)
    assert make_scorer(metrics.max_error, greater_is_better=False)(estimator, X, y) < 0


def test_a_function_of_unknown_signature_makes_a_scorer():
    assert repr(make_scorer(max)) == "make_scorer(max, response_method='predict')"


def test_averages_over_classes_reach_the_metric(mixed):
    estimator, X, y = mixed
    expected = metrics.fbeta_score(y["kind"], estimator.table["kind"], beta=2, average="macro")
    found = make_scorer(metrics.fbeta_score, beta=2, average="macro", tasks="kind")(estimator, X, y)
    assert found == pytest.approx(expected, abs=1e-12)
    with pytest.raises(ValueError, match="fbeta_score is for two classes, but task 'kind' has 3 classes"):
        make_scorer(metrics.fbeta_score, beta=2, tasks="kind")(estimator, X, y)
    of_partial = make_scorer(partial(metrics.fbeta_score, beta=2, average="macro"), tasks="kind")
    assert of_partial(estimator, X, y) == pytest.approx(expected, abs=1e-12)


def test_the_positive_class_can_be_chosen():
    y = np.where(BINARY[:, 0] == 1, "yes", "no")
    model = LogisticRegression().fit(X, y)
    for positive in ("yes", "no"):
        expected = metrics.recall_score(y, model.predict(X), pos_label=positive)
        assert make_scorer(metrics.recall_score, pos_label=positive)(model, X, y) == pytest.approx(expected, abs=1e-12)
    assert get_scorer("recall")(model, X, y) == metrics.recall_score(y, model.predict(X), pos_label="yes")
    with pytest.raises(ValueError, match=r"pos_label='maybe' is none of the classes of task 'y0': \['no', 'yes'\]"):
        make_scorer(metrics.recall_score, pos_label="maybe")(model, X, y)


def test_metrics_of_probabilities_are_given_the_classes():
    y = SEVERAL[:, 0]
    model = LogisticRegression().fit(X, y)
    scorer = make_scorer(metrics.top_k_accuracy_score, response_method="predict_proba", k=2)
    rows = y != "c"
    expected = metrics.top_k_accuracy_score(y[rows], model.predict_proba(X[rows]), k=2, labels=["a", "b", "c"])
    assert scorer(model, X[rows], y[rows]) == pytest.approx(expected, abs=1e-12)
    loss = make_scorer(metrics.log_loss, response_method="predict_proba", greater_is_better=False)
    assert loss(model, X, y) == get_scorer("neg_log_loss")(model, X, y)


@pytest.mark.parametrize("name", metrics.get_scorer_names())
def test_scorers_of_scikit_learn_become_ours(name):
    ours = get_scorer(metrics.get_scorer(name))
    if name not in METRICS or name.endswith("samples"):
        assert repr(ours).startswith("make_scorer(")
        return
    if METRICS[name].kind == "regression":
        model, y = Positive().fit(X, COUNTS[:, 0]), COUNTS[:, 0]
    else:
        model, y = LogisticRegression().fit(X, BINARY[:, 0]), BINARY[:, 0]
    assert ours(model, X, y) == pytest.approx(get_scorer(name)(model, X, y), abs=1e-12)


def test_scorers_can_be_narrowed_and_passed_through():
    scorer = make_scorer(metrics.r2_score, average="median")
    narrowed = get_scorer(scorer, tasks="y1")
    assert (narrowed.tasks, narrowed.average) == (["y1"], "median")
    assert get_scorer(scorer) is scorer
    assert get_scorer(METRICS["r2"]).metric is METRICS["r2"]

    def foreign(*_):
        return 1.0

    assert get_scorer(foreign) is foreign
    with pytest.raises(ValueError, match=r"cannot be narrowed to tasks \['a'\]: make a scorer of its metric"):
        get_scorer(foreign, tasks="a")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: get_scorer("roc_au"), "Unknown scorer 'roc_au'. Did you mean 'roc_auc'"),
        (lambda: get_scorer(3), "scoring must be a name, a Metric or a scorer, got 3"),
        (lambda: get_scorer("r2", tasks=[]), r"tasks must be names of different tasks, got \[\]"),
        (lambda: task_scorers("r2", ["a", "a"]), "tasks must be names of different tasks"),
        (lambda: make_scorer(metrics.r2_score, average="none"), "task_scorers makes one for each task"),
        (lambda: make_scorer(metrics.r2_score, average="sum"), "average must be 'mean'"),
        (lambda: make_scorer(metrics.r2_score, kind="count"), "kind must be 'auto', 'regression'"),
    ],
)
def test_arguments_that_are_none_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
