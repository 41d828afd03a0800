"""Inspection and pictures: what a tool computes or draws, and the same by hand."""

import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.inspection import (
    DecisionBoundaryDisplay,
    PartialDependenceDisplay,
    partial_dependence,
    permutation_importance,
)
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    DetCurveDisplay,
    PrecisionRecallDisplay,
    PredictionErrorDisplay,
    RocCurveDisplay,
)
from sklearn.model_selection import LearningCurveDisplay, ValidationCurveDisplay

from .validation import RATES, area, curve_of_sizes, curve_of_values


def permuted(case):
    model = case.fit()
    found = permutation_importance(model, case.X, case.y, n_repeats=2, random_state=0)
    seed = np.random.RandomState(0).randint(np.iinfo(np.int32).max + 1)
    lost = np.empty((3, 2))
    for feature in range(3):
        random, order = np.random.RandomState(seed), np.arange(48)
        X = case.X.copy()
        for repeat in range(2):
            random.shuffle(order)
            X[:, feature] = X[order, feature]
            lost[feature, repeat] = model.score(case.X, case.y) - model.score(X, case.y)
    return found.importances, lost


def dependence(case):
    model = case.fit()
    found = partial_dependence(model, case.X, [0], grid_resolution=4)
    return found["average"], dependence_by_hand(case, model, found["grid_values"][0])


def dependence_by_hand(case, model, grid):
    """Return the mean response `(n_outputs, n_values)` with the first feature set to each value for all rows."""
    means = []
    for value in grid:
        X = case.X.copy()
        X[:, 0] = value
        response = model.predict_proba(X) if case.kind == "class" else model.predict(X).reshape(48, -1)
        means.append(response.mean(axis=0))
    means = np.transpose(means)
    return means[1:] if case.two_classes else means


def dependence_display(case):
    model = case.fit()
    display = PartialDependenceDisplay.from_estimator(
        model, case.X, [0], target=case.y[0] if case.kind == "class" else 1, grid_resolution=4
    )
    found = display.pd_results[0]
    drawn = display.lines_.ravel()[0].get_ydata()
    by_hand = dependence_by_hand(case, model, found["grid_values"][0])
    target = list(model.classes_).index(case.y[0]) if case.kind == "class" else len(by_hand) - 1
    return [found["average"], drawn], [by_hand, by_hand[target]]


def decision_boundary(case):
    model = case.fit(X=case.X[:, :2])
    display = DecisionBoundaryDisplay.from_estimator(model, case.X[:, :2], grid_resolution=5, response_method="predict")
    grid = np.column_stack([display.xx0.ravel(), display.xx1.ravel()])
    predicted = model.predict(grid)
    if case.kind == "class":
        predicted = np.searchsorted(model.classes_, predicted)
    return display.response, predicted.reshape(5, 5)


def learning_curve_display(case):
    display = LearningCurveDisplay.from_estimator(
        case.model(), case.X, case.y, cv=case.cv, train_sizes=[20, 30], error_score="raise"
    )
    return [display.train_scores, display.test_scores], curve_of_sizes(case, (20, 30))


def validation_curve_display(case):
    display = ValidationCurveDisplay.from_estimator(
        case.model(),
        case.X,
        case.y,
        param_name="learning_rate_init",
        param_range=RATES,
        cv=case.cv,
        error_score="raise",
    )
    return [display.train_scores, display.test_scores], curve_of_values(case)


def with_label(points):
    return points[~np.isnan(points[:, 1])]


def prediction_error_display(case):
    display = PredictionErrorDisplay.from_estimator(case.fit(), case.X, case.y, kind="actual_vs_predicted")
    drawn = np.asarray(display.scatter_.get_offsets())
    predicted = case.fit().predict(case.X)
    points = np.column_stack([predicted.ravel(), np.ravel(case.y)])  # all targets in one cloud
    ends = [np.nanmin(points), np.nanmax(points)]  # of the line on which predictions are right
    return [display.y_pred, with_label(drawn), display.line_.get_xdata()], [predicted, with_label(points), ends]


def confusion_matrix_display(case):
    display = ConfusionMatrixDisplay.from_estimator(case.fit(), case.X, case.y)
    predicted, classes = case.fit().predict(case.X), np.unique(case.y)
    return display.confusion_matrix, [[np.sum((case.y == a) & (predicted == b)) for b in classes] for a in classes]


def second_class(case):
    """Return the probability of the second class, and whether a row is of it."""
    return case.fit().predict_proba(case.X)[:, 1], case.y == np.unique(case.y)[1]


def rates(case, thresholds):
    """Return shares by threshold: of positives found, of negatives taken for one, and of finds that are right."""
    probability, positive = second_class(case)
    taken = probability >= np.reshape(thresholds, (-1, 1))
    return taken[:, positive].mean(axis=1), taken[:, ~positive].mean(axis=1), (taken & positive).sum(1) / taken.sum(1)


def roc_curve_display(case):
    display = RocCurveDisplay.from_estimator(case.fit(), case.X, case.y, drop_intermediate=False)
    thresholds = np.unique(second_class(case)[0])[::-1]
    found_rate, false_rate, _ = rates(case, thresholds)
    return [display.roc_auc, display.tpr[1:], display.fpr[1:]], [area(*second_class(case)), found_rate, false_rate]


def precision_recall_display(case):
    display = PrecisionRecallDisplay.from_estimator(case.fit(), case.X, case.y)
    recall, _, precision = rates(case, np.unique(second_class(case)[0]))
    average = np.sum((recall - np.append(recall[1:], 0)) * precision)
    found = [display.recall[:-1], display.precision[:-1], display.average_precision]
    return found, [recall, precision, average]


def det_curve_display(case):
    display = DetCurveDisplay.from_estimator(case.fit(), case.X, case.y)
    found_rate, false_rate, _ = rates(case, np.unique(second_class(case)[0]))
    by_hand = {(round(1 - recall, 9), round(false, 9)) for recall, false in zip(found_rate, false_rate, strict=True)}
    found = {(round(one, 9), round(other, 9)) for one, other in zip(display.fnr, display.fpr, strict=True)}
    # One point for each share of misses, up to the smallest that costs no negative.
    misses = {miss for miss, false in by_hand if false} | {min(miss for miss, false in by_hand if not false)}
    return [found <= by_hand, {miss for miss, _ in found}], [True, misses]


def calibration_display(case):
    display = CalibrationDisplay.from_estimator(case.fit(), case.X, case.y, n_bins=3)
    probability, positive = second_class(case)
    bins = np.digitize(probability, [1 / 3, 2 / 3])
    present = np.unique(bins)
    return (
        [display.prob_true, display.prob_pred],
        [[positive[bins == one].mean() for one in present], [probability[bins == one].mean() for one in present]],
    )
