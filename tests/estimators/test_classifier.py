"""MultiTaskClassifier: labels of any kind in, labels of the same kind and probabilities out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score

from skmtl import MultiTaskClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
LOGITS = X @ rng.normal(size=(3, 2))
C = np.column_stack([LOGITS[:, 0] > 0, np.digitize(LOGITS[:, 1], [-1, 1])]).astype(int)


def make(**params):
    return MultiTaskClassifier(
        **{"hidden_layer_sizes": (6,), "max_iter": 5, "n_estimators": 2, "random_state": 0, **params}
    )


def test_shapes_of_a_single_task():
    model = make().fit(X, C[:, 1])
    assert model.predict(X).shape == (60,)
    assert model.predict_proba(X).shape == model.predict_log_proba(X).shape == (60, 3)
    assert model.classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize("n_tasks", [1, 2])
def test_shapes_of_several_tasks(n_tasks):
    model = make().fit(X, C[:, :n_tasks])
    assert model.predict(X).shape == (60, n_tasks)
    assert [table.shape for table in model.predict_proba(X)] == [(60, 2), (60, 3)][:n_tasks]
    assert [classes.tolist() for classes in model.classes_] == [[0, 1], [0, 1, 2]][:n_tasks]


def test_probabilities_sum_to_one_and_the_most_probable_class_is_predicted():
    model = make(max_iter=30).fit(X, C)
    for task, table in enumerate(model.predict_proba(X)):
        np.testing.assert_allclose(table.sum(1), 1, rtol=1e-12)
        np.testing.assert_array_equal(model.predict(X)[:, task], table.argmax(1))
        np.testing.assert_array_equal(model.predict_log_proba(X)[task], np.log(table))


def test_what_is_learned_is_right():
    model = make(max_iter=150, learning_rate_init=0.02).fit(X, C)
    assert (model.predict(X) == C).mean() > 0.9
    assert model.score(X, C) == pytest.approx(
        np.mean([accuracy_score(C[:, t], model.predict(X)[:, t]) for t in range(2)])
    )


KINDS = {
    "strings": lambda c: np.array(["no", "yes", "zest"])[c],
    "objects": lambda c: np.array(["no", "yes", "zest"], dtype=object)[c],
    "negative": lambda c: c.astype(np.int64) - 1,
    "int8": lambda c: c.astype(np.int8),
    "floats": lambda c: c.astype(float) * 10,
    "float32": lambda c: c.astype(np.float32),
    "booleans": lambda c: c > 0,
}


@pytest.mark.parametrize("kind", KINDS)
def test_labels_come_back_in_the_dtype_they_came_in(kind):
    y = KINDS[kind](C)
    model = make().fit(X, y)
    predicted = model.predict(X)
    assert predicted.dtype == y.dtype
    assert set(np.unique(predicted)) <= set(np.unique(y))
    codes = make().fit(X, C) if kind != "booleans" else make().fit(X, (C > 0).astype(int))
    for ours, theirs in zip(model.predict_proba(X), codes.predict_proba(X), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_missing_labels_keep_the_dtype_that_labels_have_without_them():
    frame = pd.DataFrame({"a": pd.array(C[:, 0], dtype="Int64"), "b": pd.array(C[:, 0] > 0, dtype="boolean")})
    frame.loc[3, "a"] = pd.NA
    frame.loc[4, "b"] = pd.NA
    model = make().fit(X, frame)
    assert [classes.dtype for classes in model.classes_] == [np.int64, bool]
    floats = C.astype(float)
    floats[3, 0] = np.nan
    assert make().fit(X, floats).predict(X).dtype == np.float64
    strings = KINDS["objects"](C)
    strings[5, 1] = None
    assert set(make().fit(X, strings).predict(X).ravel()) <= {"no", "yes", "zest"}


def test_columns_of_different_kinds_come_back_as_objects():
    frame = pd.DataFrame({"flag": C[:, 0] > 0, "size": np.array(["s", "m", "l"])[C[:, 1]], "code": C[:, 1] + 5})
    model = make(max_iter=50).fit(X, frame)
    predicted = model.predict(X)
    assert predicted.dtype == object
    assert set(predicted[:, 1]) <= {"s", "m", "l"}
    assert set(predicted[:, 2]) <= {5, 6, 7}
    assert model.score(X, frame) > 0.6
    as_array = make(max_iter=50).fit(X, frame.to_numpy())
    np.testing.assert_array_equal(as_array.predict(X), predicted)


def test_a_task_of_one_class_predicts_it_and_says_so():
    y = np.column_stack([C[:, 0], np.full(60, 7)])
    with pytest.warns(UserWarning, match=r"Task 'y1' has one class only, .*7.*: it is always predicted"):
        model = make().fit(X, y)
    assert (model.predict(X)[:, 1] == 7).all()
    np.testing.assert_array_equal(model.predict_proba(X)[1], np.ones((60, 1)))
    others = make().fit(X, y[:, :1])
    np.testing.assert_array_equal(model.predict_proba(X)[0], others.predict_proba(X)[0])


def test_only_tasks_of_one_class_can_be_fitted():
    with pytest.warns(UserWarning, match="one class only"):
        model = make().fit(X, np.array(["same"] * 60))
    assert set(model.predict(X[:3])) == {"same"}
    assert model.score(X, np.array(["same"] * 60)) == 1
    assert model.n_iter_ == 0
    assert model.transform(X).shape == (60, 12)


@pytest.mark.parametrize("n_rows", [1, 3, 8])
def test_a_prediction_does_not_depend_on_its_neighbours(n_rows):
    model = make().fit(X, C)
    for some, all_rows in zip(model.predict_proba(X[:n_rows]), model.predict_proba(X), strict=True):
        np.testing.assert_allclose(some, all_rows[:n_rows], rtol=1e-6)


def test_before_training_the_prior_is_predicted():
    model = make(max_iter=1, learning_rate_init=1e-12, early_stopping=False).fit(X, C)
    for task, table in enumerate(model.predict_proba(X)):
        shares = np.bincount(C[:, task]) / 60
        np.testing.assert_allclose(table, np.tile(shares, (60, 1)), rtol=1e-6)


def test_missing_labels_do_not_count_in_the_score():
    model = make(max_iter=30).fit(X, C)
    y = C.astype(float)
    y[5:, 0] = np.nan
    expected = [(model.predict(X)[:5, 0] == C[:5, 0]).mean(), (model.predict(X)[:, 1] == C[:, 1]).mean()]
    assert model.score(X, y) == pytest.approx(np.mean(expected))


def test_a_label_that_was_never_seen_counts_as_wrong():
    model = make().fit(X, C[:, 0])
    assert model.score(X, np.full(60, 5)) == 0
    assert model.score(X, np.full(60, "a", dtype=object)) == 0


def test_a_task_of_weight_zero_predicts_its_prior():
    model = make(task_weights={"y1": 0}).fit(X, C)
    np.testing.assert_allclose(model.predict_proba(X)[1], np.tile(np.bincount(C[:, 1]) / 60, (60, 1)))
    y = C.astype(float)
    y[:, 1] = np.nan
    unlabelled = make(task_weights={"y1": 0}).fit(X, y)
    assert unlabelled.predict(X).shape == (60, 2)
    assert len(unlabelled.classes_[1]) == 0
    assert unlabelled.score(X, y) == pytest.approx((unlabelled.predict(X)[:, 0] == C[:, 0]).mean())


# class_weight --------------------------------------------------------------------------------------------------------

RARE = (LOGITS[:, 0] > 1.2).astype(int)


def shares(model):
    """How often the second class of the first task is predicted."""
    table = model.predict_proba(X)
    return (table if isinstance(table, np.ndarray) else table[0])[:, 1].mean()


def test_balanced_weights_raise_the_rare_class():
    plain, balanced = (make(companions=None, class_weight=given).fit(X, RARE) for given in (None, "balanced"))
    assert shares(balanced) > shares(plain) + 0.1


def test_balanced_weights_are_those_of_scikit_learn():
    from sklearn.utils.class_weight import compute_class_weight

    weights = compute_class_weight("balanced", classes=np.array([0, 1]), y=RARE)
    balanced, given = make(class_weight="balanced"), make(class_weight=dict(enumerate(weights)))
    np.testing.assert_allclose(balanced.fit(X, RARE).predict_proba(X), given.fit(X, RARE).predict_proba(X), rtol=1e-9)


def test_class_weights_are_weights_of_samples():
    weighted = make(class_weight={0: 1, 1: 3}, early_stopping=False).fit(X, RARE)
    sampled = make(early_stopping=False).fit(X, RARE, sample_weight=np.where(RARE == 1, 3, 1))
    # The features are standardised by weights of samples, but not by those of classes.
    assert shares(weighted) == pytest.approx(shares(sampled), abs=0.03)
    assert shares(weighted) > 2 * shares(make(early_stopping=False).fit(X, RARE))


def test_class_weights_by_class_hold_for_every_task_that_has_them():
    y = np.column_stack([RARE, C[:, 1]])
    by_class = make(class_weight={2: 5.0}).fit(X, y)
    by_task = make(class_weight={"y1": {2: 5.0}}).fit(X, y)
    for ours, theirs in zip(by_class.predict_proba(X), by_task.predict_proba(X), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_class_weights_by_task():
    y = np.column_stack([RARE, C[:, 1]])
    forms = [{"y0": "balanced"}, ["balanced", None], {"y0": "balanced", "y1": None}]
    models = [make(class_weight=form, companions=None).fit(X, y) for form in forms]
    assert shares(models[0]) > shares(make(companions=None).fit(X, y)) + 0.1
    for model in models[1:]:
        np.testing.assert_array_equal(model.predict_proba(X)[0], models[0].predict_proba(X)[0])


def test_a_class_of_weight_zero_is_not_learned():
    model = make(class_weight={"y0": {0: 0.0}}, max_iter=20, early_stopping=False).fit(
        X, np.column_stack([RARE, C[:, 1]])
    )
    assert shares(model) > 0.9
