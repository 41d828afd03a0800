import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmtl import MultiTaskClassifier, MultiTaskRegressor
from skmtl.metrics import task_columns

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 3))
Y = X @ rng.normal(size=(3, 2)) + rng.normal(size=(50, 2))
LABELS = np.column_stack([np.where(X[:, 0] > 0, "p", "n"), rng.choice(["a", "b", "c"], 50)])
TAGS = (X[:, :2] + rng.normal(size=(50, 2)) > 0).astype(int)
QUICK = {"hidden_layer_sizes": (4,), "max_iter": 2, "n_estimators": 1, "early_stopping": False, "random_state": 0}


def frame(values, names):
    return pytest.importorskip("pandas").DataFrame(values, columns=names)


def summary(columns):
    return [(column.task, column.name, column.type) for column in columns]


# What the tasks are


def test_a_mixed_estimator_says_what_its_tasks_are(mixed):
    estimator, X, y = mixed
    columns = task_columns(estimator, X, y, methods=["predict", "predict_proba"])
    assert summary(columns) == [
        ("price", "price", "regression"),
        ("tags", "hot", "multilabel"),
        ("kind", "kind", "classification"),
        ("visits", "visits", "count"),
        ("tags", "new", "multilabel"),
        ("stars", "stars", "ordinal"),
    ]
    for column in columns:
        np.testing.assert_array_equal(column.truth, y[column.name])
        np.testing.assert_array_equal(column.prediction, estimator.table[column.name])
    by_name = {column.name: column for column in columns}
    assert by_name["price"].probabilities is None
    assert by_name["price"].classes is None
    np.testing.assert_array_equal(by_name["kind"].probabilities, estimator.probabilities["kind"])
    np.testing.assert_array_equal(by_name["new"].probabilities[:, 1], estimator.probabilities["tags"][:, 1])
    np.testing.assert_allclose(by_name["new"].probabilities.sum(axis=1), 1)
    assert by_name["new"].classes.tolist() == [0, 1]
    assert by_name["stars"].classes.tolist() == [1, 2, 3]


def test_columns_in_another_order_are_matched_by_name(mixed):
    estimator, X, y = mixed
    for column in task_columns(estimator, X, y[y.columns[::-1]], methods=["predict", "predict_proba"]):
        np.testing.assert_array_equal(column.truth, y[column.name])
        np.testing.assert_array_equal(column.prediction, estimator.table[column.name])


def test_groups_of_arrays_are_found_by_their_places():
    estimator = _two_groups({"a": ["y0", "y2"], "b": ["y1", "y3"]}, task_names=None)
    columns = task_columns(estimator, np.arange(2.0)[:, None], estimator.table, methods=["predict", "predict_proba"])
    assert [column.task for column in columns] == ["a", "b", "a", "b"]
    assert [column.prediction[0] for column in columns] == [0, 1, 0, 1]
    assert [column.probabilities[0, 1] for column in columns] == pytest.approx([0.1, 0.3, 0.2, 0.4])


def test_groups_of_named_columns_of_arrays_are_found_by_task_names():
    estimator = _two_groups({"a": ["p", "r"], "b": ["q", "s"]}, task_names=["p", "q", "r", "s"])
    columns = task_columns(estimator, np.arange(2.0)[:, None], estimator.table)
    assert summary(columns) == [(task, name, "multilabel") for task, name in zip("abab", "pqrs", strict=True)]


def _two_groups(columns, task_names):
    class Groups:
        table = np.array([[0, 1, 0, 1], [1, 0, 1, 1]])
        task_names_ = ("a", "b")
        task_types_ = {"a": "multilabel", "b": "multilabel"}  # noqa: RUF012
        task_columns_ = columns

        def predict(self, X):
            return self.table

        def predict_proba(self, X):
            return {"a": np.full((2, 2), [0.1, 0.2]), "b": np.full((2, 2), [0.3, 0.4])}

    Groups.task_names = task_names
    return Groups()


@pytest.mark.parametrize("wrap", [lambda e: e, lambda e: make_pipeline(StandardScaler(), e)])
def test_tasks_of_a_regressor_are_found_in_a_pipeline(wrap):
    columns = task_columns(wrap(MultiTaskRegressor(**QUICK)).fit(X, Y), X, Y)
    assert summary(columns) == [("y0", "y0", "regression"), ("y1", "y1", "regression")]
    named = wrap(MultiTaskRegressor(task_names=["u", "v"], **QUICK)).fit(X, Y)
    assert [column.task for column in task_columns(named, X, Y)] == ["u", "v"]
    assert [column.task for column in task_columns(named, X, frame(Y, ["p", "q"]))] == ["u", "v"]


def test_a_wrapper_that_strips_names_gets_them_back_from_y():
    y = frame(Y, ["cold", "warm"])
    model = TransformedTargetRegressor(MultiTaskRegressor(**QUICK), transformer=StandardScaler()).fit(X, y)
    columns = task_columns(model, X, y)
    assert summary(columns) == [("cold", "cold", "regression"), ("warm", "warm", "regression")]
    np.testing.assert_allclose(columns[1].prediction, model.predict(X)[:, 1])


def test_tasks_are_found_in_a_search():
    search = GridSearchCV(MultiTaskRegressor(**QUICK), {"alpha": [0.1]}, cv=2).fit(X, frame(Y, ["b", "a"]))
    columns = task_columns(search, X, frame(Y[:, ::-1], ["a", "b"]))
    assert [column.task for column in columns] == ["a", "b"]
    np.testing.assert_array_equal(columns[0].prediction, search.predict(X)[:, 1])


def test_the_template_of_an_ensemble_is_not_asked():
    template = MultiTaskRegressor(**QUICK).fit(X, frame(Y, ["u", "v"]))
    model = BaggingRegressor(template, n_estimators=2, random_state=0).fit(X, Y[:, 0])
    assert summary(task_columns(model, X, Y[:, 0])) == [("y0", "y0", "regression")]


def test_probabilities_of_a_multi_task_classifier_are_lists():
    y = LABELS.astype(object)
    y[::5, 1] = None
    model = MultiTaskClassifier(**QUICK).fit(X, y)
    columns = task_columns(model, X, y, methods=["predict", "predict_proba"])
    assert [column.classes.tolist() for column in columns] == [["n", "p"], ["a", "b", "c"]]
    for column, table in zip(columns, model.predict_proba(X), strict=True):
        np.testing.assert_array_equal(column.probabilities, table)
    assert (columns[1].weights[::5] == 0).all()
    assert columns[1].rows.tolist() == [row for row in range(50) if row % 5]


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (RandomForestClassifier(3, random_state=0), LABELS),
        (MultiOutputClassifier(LogisticRegression()), LABELS),
        (make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)), LABELS),
        (LogisticRegression(), LABELS[:, 1]),
        (LogisticRegression(), TAGS[:, 0]),
    ],
)
def test_classifiers_of_scikit_learn_have_classification_tasks(model, y):
    columns = task_columns(model.fit(X, y), X, y, methods=["predict", "predict_proba"])
    for column, labels in zip(columns, y.reshape(len(y), -1).T, strict=True):
        assert column.type == "classification"
        np.testing.assert_array_equal(column.classes, np.unique(labels))
        assert column.probabilities.shape == (50, len(column.classes))
        np.testing.assert_allclose(column.probabilities.sum(axis=1), 1)


def test_indicators_of_scikit_learn_are_probabilities_of_1():
    model = MLPClassifier(max_iter=2000, hidden_layer_sizes=(4,), tol=0.1, random_state=0).fit(X, TAGS)
    for task, column in enumerate(task_columns(model, X, TAGS, methods=["predict_proba"])):
        np.testing.assert_array_equal(column.probabilities[:, 1], model.predict_proba(X)[:, task])
        assert column.classes.tolist() == [0, 1]


def test_distances_are_taken_column_by_column():
    model = RidgeClassifier().fit(X, TAGS)
    columns = task_columns(model, X, TAGS, methods=["decision_function"])
    np.testing.assert_array_equal(columns[1].decision, model.decision_function(X)[:, 1])


def test_names_of_a_frame_are_names_of_tasks_even_if_they_look_like_places():
    y = frame(Y, ["y1", "y0"])
    for model in (Ridge(), MultiTaskRegressor(**QUICK)):
        columns = task_columns(model.fit(X, y), X, y)
        assert [column.task for column in columns] == ["y1", "y0"]
        np.testing.assert_array_equal(columns[0].prediction, model.predict(X)[:, 0])


def test_an_estimator_that_says_nothing_is_known_by_the_labels():
    class Table:
        def predict(self, X):
            return table

    table = np.array([[0.5, "a", 3, 1], [1.5, "b", 4, 30]] * 15, dtype=object)
    table[:, 3] = np.arange(30)
    columns = task_columns(Table(), table, table)
    assert [column.type for column in columns] == ["regression", "classification", "classification", "regression"]


def test_a_group_of_zeros_alone_still_has_two_classes():
    model = DummyClassifier(strategy="constant", constant=[0, 0]).fit(X, TAGS)
    model.classes_ = None
    columns = task_columns(model, X, np.zeros_like(TAGS))
    assert [column.classes.tolist() for column in columns] == [[0, 1], [0, 1]]


# What does not fit


def test_y_of_other_columns_is_refused():
    model = MultiTaskRegressor(**QUICK).fit(X, Y)
    with pytest.raises(ValueError, match="y has 1 columns, but the estimator was fitted on 2: 'y0', 'y1'"):
        task_columns(model, X, Y[:, 0])
    with pytest.raises(ValueError, match="The estimator predicts 2 columns, but y has 1: 'y0'"):
        task_columns(Ridge().fit(X, Y), X, Y[:, 0])


def test_rows_that_differ_are_refused():
    with pytest.raises(ValueError, match="y has 49 rows, but the estimator's response to X 50"):
        task_columns(Ridge().fit(X, Y), X, Y[1:])


def test_probabilities_that_fit_no_y_are_refused():
    model = RandomForestClassifier(3, random_state=0).fit(X, LABELS)
    with pytest.raises(ValueError, match="response, a list of 2, fits no y of 3 columns: 'y0', 'y1', 'y2'"):
        task_columns(model, X, LABELS[:, [0, 1, 1]], methods=["predict_proba"])
    model.fit(X, LABELS[:, 1])
    with pytest.raises(ValueError, match=r"response, an array of shape \(50, 3\), fits no y of 2 columns"):
        task_columns(model, X, LABELS, methods=["predict_proba"])


def test_labels_that_cannot_be_compared_name_their_task():
    class Odd:
        def predict(self, X):
            return np.array([1, "a"], dtype=object)

    with pytest.raises(ValueError, match="Task 'y0': labels of kinds that cannot be compared"):
        task_columns(Odd(), X[:2], np.array(["a", "b"]))
