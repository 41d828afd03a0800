"""One small student that learns what large teachers say."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.fusion import distill
from skmtl.fusion._teachers import soft_columns
from skmtl.losses import Quantile

rng = np.random.default_rng(0)
N = 200
X = rng.normal(size=(N, 4))
Y = np.column_stack([X[:, 0] + X[:, 1], 5 * X[:, 2] + 30]) + 0.1 * rng.normal(size=(N, 2))
KINDS = np.where(X[:, 0] + 0.5 * rng.normal(size=N) > 0, "high", np.where(X[:, 1] > 0, "low", "none"))
SMALL = {"max_iter": 30, "random_state": 0}


@pytest.fixture(scope="module")
def teacher():
    return MultiTaskRegressor((16,), **SMALL).fit(X, Y)


def test_a_large_teacher_becomes_one_plain_network_that_says_the_same(teacher):
    student = distill(teacher, X)
    assert type(student) is MultiTaskRegressor
    assert (student.n_estimators_, student.companions) == (1, None)
    assert student.task_names_ == teacher.task_names_
    said, taught = student.predict(X), teacher.predict(X)
    assert (((said - taught) ** 2).mean(0) < 0.1 * Y.var(0)).all()
    assert teacher.companions == "auto"  # the teacher stays as it was
    assert teacher.n_estimators_ == 8


def test_labels_alone_are_plain_training(teacher):
    student = MultiTaskRegressor((8,), companions=None, n_estimators=1, **SMALL)
    plain = clone(student).fit(X, Y, sample_weight=np.ones(Y.shape))
    np.testing.assert_array_equal(distill(teacher, X, Y, student=student, label_share=1).predict(X), plain.predict(X))
    assert not hasattr(student, "n_iter_")  # it is cloned
    kinds = MultiTaskClassifier((8,), **SMALL).fit(X, KINDS)
    student = MultiTaskClassifier((8,), companions=None, n_estimators=1, **SMALL)
    plain = clone(student).fit(X, KINDS, sample_weight=np.ones(N))
    taught = distill(kinds, X, KINDS, student=student, label_share=1)
    np.testing.assert_allclose(taught.predict_proba(X), plain.predict_proba(X), rtol=1e-6)


def test_a_linear_teacher_is_recovered():
    linear = {"companions": None, "early_stopping": False, "alpha": 0, "max_iter": 80, "random_state": 0}
    linear |= {"learning_rate_init": 0.03, "batch_size": 200}
    teacher = MultiTaskRegressor((), n_estimators=1, **linear).fit(X, Y)
    student = distill(teacher, X, student=MultiTaskRegressor((), n_estimators=1, **(linear | {"random_state": 1})))
    np.testing.assert_allclose(student.predict(X), teacher.predict(X), atol=0.02 * Y.std())


def test_probabilities_are_learned_and_not_only_classes():
    linear = {"companions": None, "early_stopping": False, "alpha": 0, "max_iter": 250, "random_state": 0}
    linear |= {"learning_rate_init": 0.03, "batch_size": 200}
    linear |= {"calibration": None, "n_estimators": 1}
    teacher = MultiTaskClassifier((), **linear).fit(X, KINDS)
    student = distill(teacher, X)
    assert student.classes_.tolist() == teacher.classes_.tolist()
    np.testing.assert_allclose(student.predict_proba(X), teacher.predict_proba(X), atol=0.03)


def test_several_teachers_of_one_task_become_one_student_of_all():
    price = MultiTaskRegressor((8,), companions=None, **SMALL).fit(X, Y[:, 0])
    kind = MultiTaskClassifier((8,), companions=None, **SMALL).fit(X, KINDS)
    forest = RandomForestClassifier(10, random_state=0).fit(X, X[:, 2] > 0)
    student = distill({"price": price, "kind": kind, "big": forest, "area": Ridge().fit(X, Y[:, 1])}, X)
    assert type(student) is MultiTaskEstimator
    assert student.hidden_layer_sizes == (8,)
    kinds = {"price": "regression", "kind": "classification", "big": "classification", "area": "regression"}
    assert student.task_types_ == kinds
    said = student.predict(X)
    assert (said[:, 1] == kind.predict(X)).mean() > 0.9
    assert np.corrcoef(said[:, 3].astype(float), Y[:, 1])[0, 1] > 0.9


def test_several_teachers_of_one_kind_keep_their_class():
    teachers = [
        MultiTaskRegressor((8,), companions=None, task_names=[name], max_iter=3, random_state=0).fit(X, Y[:, place])
        for place, name in enumerate(["price", "area"])
    ]
    student = distill(teachers, X)
    assert type(student) is MultiTaskRegressor
    assert student.task_names_ == ["price", "area"]
    with pytest.raises(ValueError, match="Two teachers are for the task 'price'"):
        distill([teachers[0], teachers[0]], X)


def test_mixed_teachers_with_groups_and_frames_have_students_like_them():
    y = pd.DataFrame({"price": Y[:, 1], "visits": rng.poisson(np.exp(X[:, 0]))})
    y["size"] = pd.Categorical(
        np.array(["s", "m", "l"])[np.digitize(X[:, 1], [-0.5, 0.5])], ["s", "m", "l"], ordered=True
    )
    y["hot"], y["far"] = X[:, 2] > 0, X[:, 3] > 0.5
    y.loc[::4, "price"] = np.nan
    types = {"visits": "count", "size": "ordinal", "tags": ["hot", "far"]}
    settings = SMALL | {"companions": None, "n_estimators": 2}
    teacher = MultiTaskEstimator((8,), task_types=types, **settings).fit(X, y)
    student = distill(teacher, X)
    assert student.task_types_ == teacher.task_types_
    assert student.task_columns_ == teacher.task_columns_
    said = student.predict(X)
    assert list(said) == list(y)
    assert said["size"].dtype == y["size"].dtype
    assert (said["hot"] == teacher.predict(X)["hot"]).mean() > 0.9
    labelled = distill(teacher, X, y, label_share=0.5)
    assert labelled.task_types_ == teacher.task_types_


def test_out_of_fold_predictions_are_those_of_members_that_held_the_row_out(teacher):
    for column, own in enumerate(soft_columns([teacher], X, out_of_fold=True)):
        np.testing.assert_array_equal(own.values, teacher.oof_prediction_[:, column])
    kinds = np.where(np.arange(N) % 5 == 0, None, KINDS)
    classes = MultiTaskClassifier((8,), max_iter=5, random_state=0).fit(X, kinds)
    own = soft_columns([classes], X, out_of_fold=True)[0].values
    np.testing.assert_array_equal(own[::5], classes.predict_proba(X)[::5])  # rows without a label were never fitted to
    np.testing.assert_array_equal(own[1::5], classes.oof_prediction_[1::5])
    with pytest.raises(ValueError, match="X has 100 and a teacher was fitted to 200"):
        distill(teacher, X[:100], out_of_fold=True)
    without = MultiTaskRegressor((4,), early_stopping=False, max_iter=2, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match="needs teachers with oof_prediction_"):
        distill(without, X, out_of_fold=True)


def test_weights_are_the_students(teacher):
    weights = np.ones(N)
    weights[100:] = 0
    student = MultiTaskRegressor((4,), n_estimators=1, companions=None, max_iter=4, random_state=0)
    left_out, weighted = (
        distill(teacher, X[:100], student=student),
        distill(teacher, X, student=student, sample_weight=weights),
    )
    np.testing.assert_allclose(left_out.predict(X), weighted.predict(X), rtol=1e-4)


def test_texts_are_copied_too():
    texts = ["good day", "bad day", "good fun", "bad luck"] * 10
    teacher = MultiTaskClassifier(max_iter=5, random_state=0).fit(texts, np.array([1, 0, 1, 0] * 10))
    assert distill(teacher, texts).predict(["good"]).shape == (1,)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label_share": 2}, r"label_share must be in \[0, 1\]"),
        ({"label_share": 0.5}, "needs labels: pass y"),
        ({"label_share": 0.5, "y": Y[:, :1]}, "y must have a column for each of"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(teacher, settings, message):
    with pytest.raises(ValueError, match=message):
        distill(teacher, X, **settings)


def test_teachers_that_cannot_be_read_are_refused(teacher):
    with pytest.raises(ValueError, match="teachers is empty"):
        distill([], X)
    with pytest.raises(ValueError, match="Ridge is no estimator of this package: give it in a dict"):
        distill(Ridge().fit(X, Y[:, 0]), X)
    with pytest.raises(ValueError, match="one from elsewhere must have one task"):
        distill({"both": Ridge().fit(X, Y)}, X)
    with pytest.raises(ValueError, match="The teacher of 'both' has 2 columns"):
        distill({"both": teacher}, X)
    quantiles = MultiTaskRegressor((4,), loss=Quantile(levels=(0.1, 0.5)), max_iter=2).fit(X, Y)
    with pytest.raises(ValueError, match="has quantile loss"):
        distill(quantiles, X)
