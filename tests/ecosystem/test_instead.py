"""What the page offers where a tool refuses: it works there, and gives what is worked out by hand."""

import importlib
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibrationDisplay
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.metrics import DetCurveDisplay, PrecisionRecallDisplay, RocCurveDisplay
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline

from skmtl.inspection import ConfusionMatrixDisplay, PredictionErrorDisplay, permutation_importance
from skmtl.metrics import get_scorer
from skmtl.model_selection import MultiTaskStratifiedKFold, train_test_split
from tests.ecosystem import inspection
from tests.ecosystem.kinds import ALL, OF_CLASSES, OF_COLUMNS, OF_NUMBERS, SPLITTER, Case, take
from tests.ecosystem.tools import TOOLS

BOTH_MIXED = ("mixed", "mixed_missing")


def scored_by_hand(case, of_column, columns=(0, 1)):
    """Return the mean over columns of a score of the labels that are there, for each split."""
    scores = []
    for train, test in SPLITTER.split(case.X):
        model, y = case.fit(train), np.asarray(take(case.y, test)).reshape(len(test), -1)
        there = ~pd.isna(y)
        values = [of_column(model, case.X[test], y[:, task], there[:, task], task) for task in columns]
        scores.append(np.mean(values))
    return scores


def r2(model, X, labels, there, task):
    labels, predicted = labels[there].astype(float), np.asarray(model.predict(X))[there, task].astype(float)
    return 1 - np.sum((labels - predicted) ** 2) / np.sum((labels - labels.mean()) ** 2)


def accuracy(model, X, labels, there, task):
    return np.mean(np.asarray(model.predict(X))[there, task] == labels[there])


def probabilities(model, X, task):
    """Return the probabilities and the classes of a task."""
    if isinstance(model.classes_, dict):
        return model.predict_proba(X)["mood"], model.classes_["mood"]
    return model.predict_proba(X)[task], model.classes_[task]


def log_loss(model, X, labels, there, task):
    shares, classes = probabilities(model, X[there], task)
    return np.mean(np.log(shares[labels[there][:, None] == classes]))


def roc_auc(model, X, labels, there, task):
    shares, classes = probabilities(model, X[there], task)
    areas = [inspection.area(values, labels[there] == name) for values, name in zip(shares.T, classes, strict=True)]
    return np.mean(areas)


@pytest.mark.parametrize(
    ("name", "by_hand", "kind", "columns"),
    [
        ("r2", r2, "numbers_missing", (0, 1)),
        *(("r2", r2, kind, (0,)) for kind in BOTH_MIXED),
        *(
            (*score, kind, (0, 1))
            for score in (("accuracy", accuracy), ("neg_log_loss", log_loss), ("roc_auc", roc_auc))
            for kind in ("classes", "classes_missing")
        ),
        *(
            (*score, kind, (1,))
            for score in (("accuracy", accuracy), ("neg_log_loss", log_loss), ("roc_auc", roc_auc))
            for kind in BOTH_MIXED
        ),
    ],
)
def test_scorers_take_what_those_of_scikit_learn_refuse(name, by_hand, kind, columns):
    case = Case(kind)
    found = cross_val_score(case.model(), case.X, case.y, cv=SPLITTER, scoring=get_scorer(name), error_score="raise")
    np.testing.assert_allclose(found, scored_by_hand(case, by_hand, columns), rtol=1e-9)


@pytest.mark.parametrize("kind", ALL)
def test_the_splitter_serves_every_kind(kind):
    case = Case(kind, cv=MultiTaskStratifiedKFold(3))
    search = GridSearchCV(case.model(), {"learning_rate_init": [0.01, 0.1]}, cv=case.cv, error_score="raise")
    search.fit(case.X, case.y)
    by_hand = [np.mean(case.scores(case.X, learning_rate_init=rate)) for rate in (0.01, 0.1)]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], by_hand, rtol=1e-9)


@pytest.mark.parametrize("kind", ALL)
def test_every_kind_can_be_divided_in_two(kind):
    case = Case(kind)
    _, X_test, _, y_test = train_test_split(case.X, case.y, test_size=0.25, random_state=0)
    assert len(X_test) == len(y_test) == 12
    shares = [pd.DataFrame(y).isna().mean().to_numpy() for y in (y_test, case.y)]
    # Of 12 rows, a share is off by less than one and a half, since it yields to those of other labels.
    np.testing.assert_allclose(shares[0], shares[1], atol=1.5 / 12)


@pytest.mark.parametrize("kind", OF_COLUMNS)
def test_out_of_fold_predictions_come_with_the_fit(kind):
    case = Case(kind)
    model = case.fit(early_stopping=True, n_estimators=5)
    out_of_fold = model.oof_prediction_
    if kind in BOTH_MIXED:
        parts = [out_of_fold["price"], out_of_fold["mood"]]
    else:
        parts = [out_of_fold] if kind in OF_NUMBERS else out_of_fold
    labelled = pd.DataFrame(case.y).notna().any(axis=1).to_numpy()  # no member holds out a row without any label
    assert all(np.isfinite(part.reshape(48, -1)).all(axis=1).tolist() == labelled.tolist() for part in parts)


@pytest.mark.parametrize("kind", ALL)
def test_the_representation_feeds_another_estimator(kind):
    case, target = Case(kind), Case("number").y
    model = case.fit()
    found = make_pipeline(FrozenEstimator(model), Ridge()).fit(case.X, target).predict(case.X)
    units = model.transform(case.X)
    np.testing.assert_array_equal(found, Ridge().fit(units, target).predict(units))


@pytest.mark.parametrize("display", [RocCurveDisplay, PrecisionRecallDisplay, DetCurveDisplay, CalibrationDisplay])
def test_pictures_of_two_classes_are_drawn_from_the_predictions_of_a_task(display):
    several = Case("classes", two_classes=True)
    task = 1
    shares = several.fit().predict_proba(several.X)[task][:, 1]
    drawn = display.from_predictions(several.y[:, task], shares)
    if display is RocCurveDisplay:
        assert drawn.roc_auc == pytest.approx(inspection.area(shares, several.y[:, task] == 1))
    plt.close("all")


@pytest.mark.parametrize("kind", ALL)
def test_permutation_importance_is_by_task(kind):
    case = Case(kind)
    model = case.fit()
    found = permutation_importance(model, case.X, case.y, n_repeats=2, random_state=0)
    assert found.task_names == model.task_names_
    assert found.importances.shape == (3, model.n_tasks_, 2)
    assert found.baseline.mean() == pytest.approx(model.score(case.X, case.y))


@pytest.mark.parametrize("kind", ["classes", "classes_missing", *BOTH_MIXED])
def test_the_confusion_of_a_task_is_that_of_the_labels_that_are_there(kind):
    case = Case(kind)
    model = case.fit()
    found = ConfusionMatrixDisplay.from_estimator(model, case.X, case.y).confusion_matrices
    predicted, y = np.asarray(model.predict(case.X)), np.asarray(case.y)
    for name, matrix in found.items():
        task = model.task_names_.index(name)
        classes = np.unique(y[~pd.isna(y[:, task]), task].tolist())
        by_hand = [[np.sum((y[:, task] == a) & (predicted[:, task] == b)) for b in classes] for a in classes]
        np.testing.assert_array_equal(matrix, by_hand)
    plt.close("all")


@pytest.mark.parametrize("kind", ["numbers", "numbers_missing", *BOTH_MIXED])
def test_the_picture_of_errors_has_a_panel_for_each_task_of_numbers(kind):
    case = Case(kind)
    axes = PredictionErrorDisplay.from_estimator(case.fit(), case.X, case.y).axes_
    there = pd.DataFrame(case.y).select_dtypes("float").notna().sum().tolist()
    assert [len(ax.collections[0].get_offsets()) for ax in axes] == there
    plt.close("all")


def test_columns_of_different_kinds_need_a_splitter():
    case = Case("classes")
    y = np.column_stack([np.array(["bad", "fair", "good"], dtype=object)[case.y[:, 0]], case.y[:, 1].astype(object)])
    with pytest.raises(TypeError, match="not supported between instances of"):
        cross_val_score(case.model(), case.X, y, cv=3)
    # Of the same labels under other names, everything is the same.
    found = cross_val_score(case.model(), case.X, y, cv=SPLITTER, error_score="raise")
    np.testing.assert_array_equal(found, cross_val_score(case.model(), case.X, case.y, cv=SPLITTER))


OFFERED = sorted(
    {
        (module, name)
        for tool in TOOLS
        for name, module in re.findall(r"`(?:\w+=)?(\w+)(?:\([^`]*\))?` of `(skmtl\.\w+)`", tool.instead)
    }
)


@pytest.mark.parametrize(("module", "name"), OFFERED)
def test_what_is_offered_exists(module, name):
    assert hasattr(importlib.import_module(module), name)


# What the page calls wrong -------------------------------------------------------------------------------------------


def test_cross_val_predict_makes_a_class_of_missing_labels():
    case = Case("classes_missing")
    found = cross_val_predict(case.model(), case.X, case.y, cv=SPLITTER, method="predict_proba")
    assert [part.shape for part in found] == [(48, 4), (48, 3)]
    assert [part.shape for part in case.fit().predict_proba(case.X)] == [(48, 3), (48, 2)]


def test_the_picture_of_errors_loses_its_line_where_labels_are_missing():
    case = Case("numbers_missing")
    found = inspection.PredictionErrorDisplay.from_estimator(case.fit(), case.X, case.y, kind="actual_vs_predicted")
    assert np.isnan(found.line_.get_xdata()).all()
    plt.close("all")


# The cases -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL)
def test_no_model_predicts_the_same_for_all_rows(kind):
    case = Case(kind)
    columns = np.asarray(case.fit().predict(case.X)).reshape(48, -1).T
    assert all(len(set(column)) > 1 for column in columns)


@pytest.mark.parametrize("kind", OF_CLASSES)
def test_two_classes_are_two(kind):
    y = np.asarray(Case(kind, two_classes=True).y)
    columns = y.reshape(48, -1).T
    assert all(len(set(column[~pd.isna(column)])) == 2 for column in columns)
