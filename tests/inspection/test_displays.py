"""Displays of several tasks: the data behind the pictures, and a panel for each task."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import confusion_matrix, r2_score
from sklearn.tree import DecisionTreeClassifier

from skmtl import MultiTaskEstimator
from skmtl.inspection import ConfusionMatrixDisplay, PredictionErrorDisplay, TaskReportDisplay
from skmtl.metrics import task_report

rng = np.random.default_rng(0)
N = 60
X = rng.normal(size=(N, 3))
Y = pd.DataFrame(
    {
        "price": X[:, 0] + 0.1 * rng.normal(size=N),
        "kind": np.where(X[:, 1] > 0.3, "flat", np.where(X[:, 1] > -0.3, "house", "room")),
        "weight": X[:, 2] * 10,
        "old": X[:, 0] > 0,
        "far": X[:, 2] > 0.5,
    }
)
Y.loc[::5, "price"] = np.nan
Y.loc[1::5, "kind"] = None


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def model():
    types = {"tags": ["old", "far"]}
    return MultiTaskEstimator((8,), task_types=types, max_iter=20, n_estimators=1, random_state=0).fit(X, Y)


def titles(display):
    return [ax.get_title() for ax in display.axes_]


# Prediction errors


def test_every_task_of_numbers_has_a_panel_with_the_labels_that_are_there(model):
    display = PredictionErrorDisplay.from_estimator(model, X, Y)
    there = Y["price"].notna().to_numpy()
    r2 = r2_score(Y["price"][there], model.predict(X)["price"][there])
    assert display.r2 == {"price": pytest.approx(r2), "weight": pytest.approx(display.r2["weight"])}
    assert titles(display) == [f"price, R² = {r2:.2f}", f"weight, R² = {display.r2['weight']:.2f}"]
    points = display.axes_[0].collections[0].get_offsets()
    np.testing.assert_allclose(points, np.column_stack([model.predict(X)["price"], Y["price"]])[there])


def test_residuals_are_labels_less_predictions(model):
    display = PredictionErrorDisplay.from_estimator(model, X, Y, kind="residual_vs_predicted", tasks="weight")
    (ax,) = display.axes_
    predicted = model.predict(X)["weight"].to_numpy()
    np.testing.assert_allclose(ax.collections[0].get_offsets()[:, 1], Y["weight"].to_numpy() - predicted)


def test_many_points_are_a_sample(model):
    display = PredictionErrorDisplay.from_estimator(model, X, Y, subsample=7, random_state=0)
    assert [len(ax.collections[0].get_offsets()) for ax in display.axes_] == [7, 7]


def test_axes_may_be_given_one_a_panel(model):
    _, axes = plt.subplots(1, 2)
    display = PredictionErrorDisplay.from_estimator(model, X, Y, ax=axes, scatter_kw={"color": "red"})
    assert display.figure_ is axes[0].figure
    assert axes[1].get_xlabel() == "prediction"
    with pytest.raises(ValueError, match="ax must be one matplotlib Axes for each of"):
        display.plot(ax=axes[0])


def test_what_cannot_be_drawn_as_numbers_is_said(model):
    with pytest.raises(ValueError, match=r"tasks='kind' must name them\. They are 'price', 'weight'"):
        PredictionErrorDisplay.from_estimator(model, X, Y, tasks="kind")
    with pytest.raises(ValueError, match="kind must be one of 'actual_vs_predicted'"):
        PredictionErrorDisplay.from_estimator(model, X, Y, kind="both")
    classifier = LogisticRegression().fit(X, Y["old"])
    with pytest.raises(ValueError, match=r"Only tasks of numbers with labels can be drawn\. There is none"):
        PredictionErrorDisplay.from_estimator(classifier, X, Y["old"])


def test_the_r2_of_a_single_label_is_undefined():
    model = Ridge().fit(X, Y["weight"])
    y = np.full(N, np.nan)
    y[3] = 1.0
    assert np.isnan(PredictionErrorDisplay.from_estimator(model, X, y).r2["y0"])


# Confusion matrices


def test_every_task_of_classes_has_the_confusion_matrix_of_its_labels(model):
    display = ConfusionMatrixDisplay.from_estimator(model, X, Y)
    assert titles(display) == ["kind", "tags: old", "tags: far"]
    there = Y["kind"].notna().to_numpy()
    expected = confusion_matrix(Y["kind"][there], model.predict(X)["kind"][there])
    np.testing.assert_array_equal(display.confusion_matrices["kind"], expected)
    assert display.display_labels["kind"].tolist() == ["flat", "house", "room"]
    written = [text.get_text() for text in display.axes_[0].texts]
    assert written == [str(count) for count in expected.ravel()]


@pytest.mark.parametrize("normalize", ["true", "pred", "all"])
def test_cells_may_be_shares(model, normalize):
    display = ConfusionMatrixDisplay.from_estimator(model, X, Y, normalize=normalize, tasks=["kind"])
    there = Y["kind"].notna().to_numpy()
    expected = confusion_matrix(Y["kind"][there], model.predict(X)["kind"][there], normalize=normalize)
    np.testing.assert_allclose(display.confusion_matrices["kind"], expected)


def test_a_class_that_was_not_there_at_fit_has_a_row(model):
    display = ConfusionMatrixDisplay.from_estimator(model, X, Y.assign(kind="tent"), tasks="kind")
    assert display.display_labels["kind"].tolist() == ["flat", "house", "room", "tent"]
    assert display.confusion_matrices["kind"][3].sum() == N


def test_large_matrices_are_drawn_without_numbers():
    y = np.arange(N) % 12
    display = ConfusionMatrixDisplay.from_estimator(DecisionTreeClassifier().fit(X, y), X, y)
    assert not display.axes_[0].texts
    long = np.char.add("a very long name of class ", y.astype(str))
    display = ConfusionMatrixDisplay.from_estimator(DecisionTreeClassifier().fit(X, long), X, long)
    assert all(len(label.get_text()) <= 14 for label in display.axes_[0].get_xticklabels())


def test_what_cannot_be_drawn_as_classes_is_said(model):
    with pytest.raises(ValueError, match="Only tasks of classes with labels can be drawn"):
        ConfusionMatrixDisplay.from_estimator(model, X, Y, tasks=["price"])
    with pytest.raises(ValueError, match="normalize must be one of None, 'true'"):
        ConfusionMatrixDisplay.from_estimator(model, X, Y, normalize="rows")
    _, axes = plt.subplots(1, 3)
    assert ConfusionMatrixDisplay.from_estimator(model, X, Y, ax=axes).axes_[2].get_ylabel() == "true class"


# The report


def test_the_report_is_drawn_a_row_a_task(model):
    display = TaskReportDisplay.from_estimator(model, X, Y)
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    expected = ["price (regression)", "kind (classification)", "weight (regression)", "tags (multilabel)"]
    assert names == expected
    rows = task_report(model, X, Y).rows
    constant, estimator = (dots.get_offsets()[:, 0] for dots in display.ax_.collections[1:3])
    np.testing.assert_allclose(constant, [row["baseline"] for row in rows])
    np.testing.assert_allclose(estimator, [row["score"] for row in rows])


def test_a_task_without_labels_is_marked_and_a_terrible_score_cut(model):
    y = Y.assign(kind=None, weight=-1e3 * Y["weight"])
    display = TaskReportDisplay(task_report(model, X, y)).plot(ax=plt.gca())
    assert "no label" in [text.get_text() for text in display.ax_.texts]
    assert display.ax_.get_xlim()[0] > -1
