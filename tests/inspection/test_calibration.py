"""Reliability curves: shares observed in bins of what was predicted, a panel for each task of classes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from skmtl import MultiTaskEstimator
from skmtl.inspection import CalibrationCurve, CalibrationDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 3))
Y = pd.DataFrame(
    {
        "price": X[:, 0],
        "kind": np.where(X[:, 1] > 0.3, "flat", np.where(X[:, 1] > -0.3, "house", "room")),
        "old": X[:, 0] + rng.normal(size=90) > 0,
        "far": X[:, 2] > 0.5,
    }
)
Y.loc[::5, "kind"] = None


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def model():
    types = {"tags": ["old", "far"]}
    return MultiTaskEstimator((8,), task_types=types, max_iter=20, n_estimators=2, random_state=0).fit(X, Y)


def test_bins_hold_equally_many_rows_as_those_of_scikit_learn_do():
    p = rng.random(100)
    occurred = rng.random(100) < p
    curve = CalibrationCurve.of(p, occurred, 7)
    observed, predicted = calibration_curve(occurred, p, n_bins=7, strategy="quantile")
    np.testing.assert_allclose(curve.predicted, predicted)
    np.testing.assert_allclose(curve.observed, observed)
    assert set(curve.counts) <= {14, 15}


def test_the_error_is_the_mean_distance_of_rows():
    curve = CalibrationCurve.of(np.array([0.2, 0.2, 0.2, 0.9]), np.array([True, False, False, False]), 2)
    assert curve.counts.tolist() == [3, 1]
    assert curve.error == pytest.approx((3 * (1 / 3 - 0.2) + 0.9) / 4)


def test_equal_probabilities_share_a_bin():
    curve = CalibrationCurve.of(np.repeat([0.3, 0.7], 10), np.arange(20) % 2 == 0, 10)
    assert curve.predicted == pytest.approx([0.3, 0.7])
    assert curve.counts.tolist() == [10, 10]


def test_two_classes_show_the_second_and_more_the_most_probable_one(model):
    display = CalibrationDisplay.from_estimator(model, X, Y, n_bins=4)
    assert [ax.get_title() for ax in display.axes_] == ["kind (top class)", "tags: old", "tags: far"]
    probabilities = model.predict_proba(X)
    there = Y["kind"].notna().to_numpy()
    right = (model.predict(X)["kind"] == Y["kind"]).to_numpy()[there]
    expected = CalibrationCurve.of(probabilities["kind"][there].max(axis=1), right, 4)
    np.testing.assert_allclose(display.curves["kind"].observed, expected.observed)
    expected = CalibrationCurve.of(probabilities["tags"][:, 1], Y["far"].to_numpy(), 4)
    np.testing.assert_allclose(display.curves["far"].predicted, expected.predicted)
    np.testing.assert_allclose(display.curves["far"].observed, expected.observed)


def test_panels_show_curve_counts_and_error(model):
    display = CalibrationDisplay.from_estimator(model, X, Y, tasks="kind", n_bins=4)
    (ax,) = display.axes_
    curve = display.curves["kind"]
    np.testing.assert_allclose(ax.lines[1].get_xydata(), np.column_stack([curve.predicted, curve.observed]))
    heights = np.array([bar.get_height() for bar in ax.patches])
    np.testing.assert_allclose(heights / heights.sum() * 72, np.histogram(curve.probabilities, 20, (0, 1))[0])
    assert ax.get_legend().get_texts()[0].get_text() == f"ECE {curve.error:.3f}\n72 rows"


def test_predictions_are_drawn_as_those_of_the_estimator_are(model):
    drawn = CalibrationDisplay.from_estimator(model, X, Y).curves
    y, tables = Y.drop(columns="price"), model.predict_proba(X)
    listed = [tables["kind"], *(np.stack([1 - p, p], axis=1) for p in tables["tags"].T)]
    given = CalibrationDisplay.from_predictions(y, listed).curves
    assert {name: curve.error for name, curve in given.items()} == pytest.approx(
        {name: curve.error for name, curve in drawn.items()}
    )


def test_rows_that_were_not_predicted_are_left_out():
    y = X[:, 0] > 0
    p = LogisticRegression().fit(X, y).predict_proba(X)
    p[::3] = np.nan
    display = CalibrationDisplay.from_predictions(y, p)
    there = np.arange(90) % 3 != 0
    assert display.curves["y0"].error == CalibrationDisplay.from_predictions(y[there], p[there]).curves["y0"].error


def test_axes_may_be_given_one_a_panel(model):
    _, axes = plt.subplots(1, 3)
    display = CalibrationDisplay.from_estimator(model, X, Y, ax=axes)
    assert display.figure_ is axes[0].figure
    assert axes[2].get_xlabel() == "predicted probability"


def test_what_cannot_be_drawn_is_said(model):
    with pytest.raises(ValueError, match=r"tasks='price' must name them\. They are 'kind', 'tags'"):
        CalibrationDisplay.from_estimator(model, X, Y, tasks="price")
    with pytest.raises(ValueError, match="n_bins must be 1 or more, got 0"):
        CalibrationDisplay.from_estimator(model, X, Y, n_bins=0)
    three = np.full((90, 3), 1 / 3)
    with pytest.raises(ValueError, match="Task 'y0' has probabilities of 3 classes, but 2 are known"):
        CalibrationDisplay.from_predictions(X[:, 0] > 0, three)
    assert len(CalibrationDisplay.from_predictions((X[:, 0] > 0).astype(int), three, classes=np.arange(3)).curves) == 1
