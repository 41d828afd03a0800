"""Tasks of several types learned chunk by chunk."""

import numpy as np
import pandas as pd
import pytest

from skmtl import MultiTaskEstimator

rng = np.random.default_rng(2)
N = 40
X = rng.normal(size=(N, 2))
GRADES = ["poor", "fair", "good"]
Y = pd.DataFrame(
    {
        "price": X[:, 0] + rng.normal(0, 0.1, N),
        "kind": np.where(X[:, 1] > 0, "flat", "room"),
        "stars": np.arange(N) % 3,
        "grade": pd.Categorical.from_codes(np.arange(N) % 3, GRADES, ordered=True),
    }
)
PLAIN = Y.drop(columns="grade")


def make(task_types=None, **params):
    params = {"hidden_layer_sizes": (4,), "n_estimators": 2, "random_state": 0, **params}
    return MultiTaskEstimator(task_types=task_types, **params)


def test_types_are_those_of_the_first_chunk():
    model = make().partial_fit(X, PLAIN)
    expected = {"price": "regression", "kind": "classification", "stars": "classification"}
    assert model.task_types_ == expected
    with_holes = PLAIN.assign(stars=PLAIN["stars"].where(PLAIN["stars"] > 0))  # whole numbers as floats
    assert model.partial_fit(X, with_holes).task_types_ == expected


def test_classes_that_are_named_need_not_occur():
    model = make().partial_fit(X, PLAIN, classes={"kind": ["tent", "room", "flat"], "stars": [0, 1, 2, 3]})
    assert model.classes_["kind"].tolist() == ["flat", "room", "tent"]
    assert model.predict_proba(X)["stars"].shape == (N, 4)
    model.partial_fit(X, PLAIN.assign(kind="tent", stars=3))
    assert model.classes_["stars"].tolist() == [0, 1, 2, 3]


def test_one_dimension_takes_an_array_of_classes():
    model = make().partial_fit(X, PLAIN["kind"], classes=["flat", "room", "tent"])
    assert model.classes_.tolist() == ["flat", "room", "tent"]
    assert make().partial_fit(X, PLAIN["price"]).partial_fit(X, PLAIN["price"]).predict(X).shape == (N,)


def test_a_new_class_is_refused_and_changes_nothing():
    model = make().partial_fit(X, PLAIN)
    before = model.predict(X)
    with pytest.raises(ValueError, match=r"Task 'kind' holds the label 'tent', which is not among its classes"):
        model.partial_fit(X, PLAIN.assign(kind="tent"))
    pd.testing.assert_frame_equal(model.predict(X), before)


def test_a_chunk_may_lack_all_labels_of_a_task():
    model = make().partial_fit(X, PLAIN)
    model.partial_fit(X, PLAIN.assign(kind=None, price=np.nan))
    assert model.classes_["kind"].tolist() == ["flat", "room"]
    late = make({"kind": "classification"}).partial_fit(X, PLAIN.assign(kind=None), classes={"kind": ["flat", "room"]})
    late.partial_fit(X, PLAIN)
    assert set(late.predict(X)["kind"]) <= {"flat", "room"}


def test_other_columns_cannot_continue():
    model = make().partial_fit(X, PLAIN)
    with pytest.raises(ValueError, match="cannot continue a model of the tasks"):
        model.partial_fit(X, PLAIN[["price", "kind"]])


def test_groups_go_on():
    y = pd.DataFrame({"a": X[:, 0] > 0, "b": X[:, 1] > 0})
    first = y[:20].assign(b=True)
    model = make({"tags": ["a", "b"]}).partial_fit(X[:20], first, classes={"b": [False, True]})
    model.partial_fit(X[20:], y[20:])
    assert model.predict_proba(X)["tags"].shape == (N, 2)
    with pytest.raises(ValueError, match="columns of such a group are binary"):
        make("multilabel").partial_fit(X, y["a"], classes=[0, 1, 2])


def test_ordered_categories_go_on_in_their_order():
    model = make("ordinal").partial_fit(X, Y["grade"])
    assert model.partial_fit(X, Y["grade"]).classes_.tolist() == GRADES


def test_named_classes_of_an_ordered_category_keep_its_order():
    model = make({"grade": "ordinal"}).partial_fit(X, Y, classes={"grade": GRADES})
    assert model.classes_["grade"].tolist() == GRADES


def test_classes_of_an_unknown_column_are_refused():
    with pytest.raises(ValueError, match="'kid'"):
        make().partial_fit(X, PLAIN, classes={"kid": ["flat", "room", "tent"]})


def test_classes_that_change_later_are_refused():
    model = make().partial_fit(X, PLAIN, classes={"kind": ["flat", "room"]})
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit(X, PLAIN, classes={"kind": ["flat", "room", "tent"]})
