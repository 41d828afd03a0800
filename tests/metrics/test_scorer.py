import pickle

import numpy as np
import pytest
from sklearn import metrics
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.metrics import METRICS, get_scorer, make_scorer

rng = np.random.default_rng(0)
N = 80
X = rng.normal(size=(N, 4))
COUNTS = 1.0 + rng.poisson(np.exp(0.5 * X[:, :2]))
BINARY = (X[:, :3] + rng.normal(size=(N, 3)) > 0).astype(int)
SEVERAL = rng.choice(["a", "b", "c"], size=(N, 2))
SEVERAL[X[:, 0] > 0, 0] = "a"
QUICK = {"hidden_layer_sizes": (4,), "max_iter": 2, "n_estimators": 1, "early_stopping": False, "random_state": 0}


def test_scores_of_the_package_are_its_scorers():
    y = np.where(rng.random(COUNTS.shape) < 0.3, np.nan, COUNTS)
    model = MultiTaskRegressor(**QUICK).fit(X, y)
    assert get_scorer("r2")(model, X, y) == pytest.approx(model.score(X, y), abs=1e-12)
    labels = SEVERAL.astype(object)
    labels[::3, 1] = None
    model = MultiTaskClassifier(**QUICK).fit(X, labels)
    assert get_scorer("accuracy")(model, X, labels) == pytest.approx(model.score(X, labels), abs=1e-12)


def test_weights_of_cells_reach_their_tasks():
    weights = rng.integers(0, 3, COUNTS.shape).astype(float)
    model = Ridge().fit(X, COUNTS)
    predicted = model.predict(X)
    expected = np.mean([metrics.r2_score(COUNTS[:, t], predicted[:, t], sample_weight=weights[:, t]) for t in range(2)])
    assert get_scorer("r2")(model, X, COUNTS, sample_weight=weights) == pytest.approx(expected, abs=1e-12)
    assert get_scorer("r2")(model, X, COUNTS, weights) == pytest.approx(expected, abs=1e-12)
    rows = weights[:, 0]
    assert get_scorer("r2", tasks="y0")(model, X, COUNTS, rows) == pytest.approx(
        metrics.r2_score(COUNTS[:, 0], predicted[:, 0], sample_weight=rows), abs=1e-12
    )


def test_distances_serve_where_there_are_no_probabilities():
    model = RidgeClassifier().fit(X, BINARY)
    distances = model.decision_function(X)
    expected = np.mean([metrics.roc_auc_score(BINARY[:, t], distances[:, t]) for t in range(3)])
    assert get_scorer("roc_auc")(model, X, BINARY) == pytest.approx(expected, abs=1e-12)
    with pytest.raises(AttributeError, match="predict_proba"):
        get_scorer("neg_log_loss")(model, X, BINARY)


# Tasks of several types


def test_a_metric_applies_to_the_tasks_of_its_kind(mixed):
    estimator, X, y = mixed
    table = estimator.table
    expected = np.mean([metrics.r2_score(y[name], table[name]) for name in ("price", "visits")])
    assert get_scorer("r2")(estimator, X, y) == pytest.approx(expected, abs=1e-12)
    right = {name: (y[name] == table[name]).mean() for name in y}
    expected = np.mean([(right["hot"] + right["new"]) / 2, right["kind"], right["stars"]])
    assert get_scorer("accuracy")(estimator, X, y) == pytest.approx(expected, abs=1e-12)


def test_a_group_is_the_mean_over_its_columns(mixed):
    estimator, X, y = mixed
    chances = estimator.probabilities["tags"]
    expected = np.mean([metrics.roc_auc_score(y[name], chances[:, t]) for t, name in enumerate(("hot", "new"))])
    assert get_scorer("roc_auc", tasks=["tags"])(estimator, X, y) == pytest.approx(expected, abs=1e-12)
    loss = np.mean([metrics.log_loss(y[name], chances[:, t]) for t, name in enumerate(("hot", "new"))])
    assert get_scorer("neg_log_loss", tasks=["tags"])(estimator, X, y) == pytest.approx(-loss, abs=1e-12)


def test_a_group_keeps_the_columns_that_have_two_classes(mixed):
    estimator, X, y = mixed
    alone = get_scorer("roc_auc", tasks=["tags"])(estimator, X, y.assign(hot=np.nan))
    with pytest.warns(UserWarning, match=r"roc_auc leaves out the tasks 'tags' \(column 'hot': all labels are 0"):
        assert get_scorer("roc_auc", tasks=["tags"])(estimator, X, y.assign(hot=0)) == alone


def test_a_group_of_words_of_one_kind_is_left_out(mixed):
    estimator, X, y = mixed
    words = y.assign(hot="no", new="no")
    with pytest.raises(ValueError, match=r"undefined: 'tags' \(column 'hot': all labels are 'no'; column 'new'"):
        get_scorer("neg_log_loss", tasks=["tags"])(estimator, X, words)


def test_tasks_narrow_a_scorer(mixed):
    estimator, X, y = mixed
    expected = metrics.f1_score(y["kind"], estimator.table["kind"], average="macro")
    for tasks in ("kind", ["kind"], ("kind",)):
        assert get_scorer("f1_macro", tasks=tasks)(estimator, X, y) == pytest.approx(expected, abs=1e-12)


def test_averages_may_weigh_tasks(mixed):
    estimator, X, y = mixed
    price, visits = (metrics.r2_score(y[name], estimator.table[name]) for name in ("price", "visits"))
    weighted = make_scorer(metrics.r2_score, average={"visits": 3, "kind": 7})
    assert weighted(estimator, X, y) == pytest.approx((price + 3 * visits) / 4, abs=1e-12)
    in_order = make_scorer(metrics.r2_score, average=[1, 3])
    assert in_order(estimator, X, y) == pytest.approx((price + 3 * visits) / 4, abs=1e-12)
    with pytest.raises(ValueError, match=r"average names an unknown task 'pric'\. Did you mean 'price'"):
        make_scorer(metrics.r2_score, average={"pric": 3})(estimator, X, y)


def test_rows_are_right_over_the_classification_tasks_alone(mixed):
    estimator, X, y = mixed
    names = ["hot", "kind", "new", "stars"]
    expected = (y[names] == estimator.table[names]).all(axis=1).mean()
    assert get_scorer("subset_accuracy")(estimator, X, y) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "tasks", "message"),
    [
        (
            "r2",
            ["pric"],
            r"r2: tasks names an unknown task 'pric'\. Did you mean 'price'\? Known tasks: 'price', 'tags'",
        ),
        ("r2", ["hot"], "names an unknown task 'hot'"),
        ("r2", ["kind"], "r2 is a metric of regression, but task 'kind' is of type 'classification'"),
        ("accuracy", ["visits"], "accuracy is a metric of classification, but task 'visits' is of type 'count'"),
        ("f1", ["stars"], "f1 is for two classes, but task 'stars' has 3 classes; use 'f1_macro'"),
    ],
)
def test_tasks_that_do_not_suit_are_refused(mixed, name, tasks, message):
    with pytest.raises(ValueError, match=message):
        get_scorer(name, tasks=tasks)(*mixed)


def test_an_estimator_without_a_task_of_the_kind_is_refused():
    message = r"accuracy is a metric of classification, but the tasks are 'y0' \(regression\), 'y1' \(regression\)"
    with pytest.raises(ValueError, match=message):
        get_scorer("accuracy")(Ridge().fit(X, COUNTS), X, COUNTS)


def test_the_real_mixed_estimator_is_scored():
    pd = pytest.importorskip("pandas")
    y = pd.DataFrame({"visits": COUNTS[:, 0], "kind": SEVERAL[:, 0], "hot": BINARY[:, 0], "new": BINARY[:, 1]})
    y.loc[::4, "kind"] = None
    model = MultiTaskEstimator(task_types={"visits": "count", "tags": ["hot", "new"]}, **QUICK).fit(X, y)
    predicted = model.predict(X)
    present = y["kind"].notna()
    right = {name: (y[name] == predicted[name])[present if name == "kind" else slice(None)].mean() for name in y}
    assert get_scorer("accuracy")(model, X, y) == pytest.approx((right["kind"] + (right["hot"] + right["new"]) / 2) / 2)
    loss = metrics.log_loss(y["kind"][present], model.predict_proba(X)["kind"][present])
    assert get_scorer("neg_log_loss", tasks="kind")(model, X, y) == pytest.approx(-loss, abs=1e-9)
    scores = [get_scorer("r2")(model, X, y), right["kind"], (right["hot"] + right["new"]) / 2]
    assert model.score(X, y) == pytest.approx(np.mean(scores), abs=1e-12)


# What is left out


def test_tasks_of_one_class_are_left_out_with_a_warning():
    y = np.column_stack([BINARY[:, 0], BINARY[:, 1]])
    model = RandomForestClassifier(5, random_state=0).fit(X, y)
    alone = get_scorer("roc_auc", tasks="y0")(model, X, y)
    y[:, 1] = 1
    with pytest.warns(UserWarning, match=r"roc_auc leaves out the tasks 'y1' \(all labels are 1\)"):
        assert get_scorer("roc_auc")(model, X, y) == alone
    with pytest.raises(ValueError, match=r"roc_auc: no task is left to score; undefined: 'y1' \(all labels are 1\)"):
        get_scorer("roc_auc", tasks="y1")(model, X, y)


def test_tasks_of_several_classes_are_left_out_of_binary_metrics_with_a_warning():
    y = np.column_stack([BINARY[:, 0].astype(str), SEVERAL[:, 0]])
    model = RandomForestClassifier(5, max_depth=2, random_state=0).fit(X, y)
    expected = metrics.f1_score(BINARY[:, 0].astype(str), model.predict(X)[:, 0], pos_label="1")
    with pytest.warns(UserWarning, match=r"f1 leaves out the tasks 'y1' \(3 classes\)"):
        assert get_scorer("f1")(model, X, y) == pytest.approx(expected, abs=1e-12)


def test_tasks_without_labels_are_left_out_in_silence():
    y = COUNTS.copy()
    model = Ridge().fit(X, y)
    y[:, 1] = np.nan
    assert get_scorer("r2")(model, X, y) == metrics.r2_score(y[:, 0], model.predict(X)[:, 0])
    with pytest.raises(ValueError, match="r2: no task is left to score; without labels: 'y1'"):
        get_scorer("r2", tasks="y1")(model, X, y)


def test_a_class_unknown_to_the_model_has_probability_0():
    y = SEVERAL[:, 0].copy()
    model = LogisticRegression().fit(X[y != "c"], y[y != "c"])
    table = np.column_stack([model.predict_proba(X), np.zeros(N)])
    expected = metrics.log_loss(y, table, labels=["a", "b", "c"])
    assert get_scorer("neg_log_loss")(model, X, y) == pytest.approx(-expected, abs=1e-12)
    for name, metric in METRICS.items():
        if metric.response != "predict" or not metric.several_classes:
            assert np.isfinite(get_scorer(name)(model, X, y))


def test_a_class_that_does_not_occur_changes_no_loss():
    y = SEVERAL[:, 0]
    model = LogisticRegression().fit(X, y)
    rows = y != "c"
    expected = metrics.log_loss(y[rows], model.predict_proba(X[rows]), labels=["a", "b", "c"])
    assert get_scorer("neg_log_loss")(model, X[rows], y[rows]) == pytest.approx(-expected, abs=1e-12)


# The object


@pytest.mark.parametrize(
    ("scorer", "text"),
    [
        (get_scorer("r2"), "get_scorer('r2')"),
        (get_scorer("f1", tasks="a"), "get_scorer('f1', tasks=['a'])"),
        (
            make_scorer(metrics.max_error, greater_is_better=False, average=[1, 2]),
            "make_scorer(max_error, greater_is_better=False, response_method='predict', average=[1, 2])",
        ),
        (make_scorer(metrics.fbeta_score, beta=2), "make_scorer(fbeta_score, response_method='predict', beta=2)"),
    ],
)
def test_it_can_be_pickled_and_says_what_it_is(scorer, text):
    assert repr(scorer) == text
    assert repr(pickle.loads(pickle.dumps(scorer))) == text
    assert repr(clone(scorer, safe=False)) == text


def test_a_pickled_scorer_scores_alike():
    scorer = pickle.loads(pickle.dumps(get_scorer("r2")))
    model = Ridge().fit(X, COUNTS)
    assert scorer(model, X, COUNTS) == get_scorer("r2")(model, X, COUNTS)
