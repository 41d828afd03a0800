"""What the picture shows is what the history holds, with labels that say what it is."""

import re
import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmtl import MultiTaskClassifier, MultiTaskRegressor
from skmtl.datasets import load_energy
from skmtl.inspection import LearningCurvesDisplay
from skmtl.inspection._learning_curves import LOSS_LABEL


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


def fitted(n_tasks=2, **parameters):
    X, y = load_energy(return_X_y=True)
    noise = np.random.default_rng(0).normal(size=(len(y), n_tasks))
    y = np.resize(y.T, (n_tasks, len(y))).T + noise
    settings = {"hidden_layer_sizes": 16, "max_iter": 6, "n_estimators": 3, "random_state": 0, **parameters}
    return MultiTaskRegressor(**settings).fit(X[::2], y[::2])


def curves(ax):
    """Return the lines that are drawn over epochs; the constant's line and the marks have other coordinates."""
    return [line for line in ax.lines if line.get_transform() == ax.transData]


def legend_texts(legend):
    return [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("n_tasks", [1, 2, 6])
def test_few_tasks_share_two_panels_with_the_curves_of_the_history(n_tasks):
    model = fitted(n_tasks)
    display = LearningCurvesDisplay.from_estimator(model)
    assert display.axes_.shape == (1, 2)
    assert display.history is model.history_
    for ax, quantity in zip(display.axes_[0], ("loss", "score"), strict=True):
        drawn = [line.get_ydata() for line in curves(ax)]
        expected = [*model.history_[f"train_{quantity}"].T, *model.history_[f"valid_{quantity}"].T]
        assert_array_equal(drawn, expected)
        assert_array_equal(curves(ax)[0].get_xdata(), np.arange(1, model.n_iter_ + 1))
        assert ax.get_xlabel() == "epoch"
    assert [ax.get_ylabel() for ax in display.axes_[0]] == [LOSS_LABEL, "R²"]
    texts = legend_texts(display.axes_[0, 1].get_legend())
    names = model.task_names_ if n_tasks > 1 else []
    assert texts == [*names, "training", "holdout", "best epoch of a member", "median best epoch"]


def test_a_single_task_is_named_in_the_titles():
    display = LearningCurvesDisplay.from_estimator(fitted(1, task_names=["heat"]))
    assert [ax.get_title() for ax in display.axes_[0]] == ["heat", "heat"]


def test_a_task_has_one_colour_and_training_and_holdout_have_a_style_each():
    loss_ax, score_ax = LearningCurvesDisplay.from_estimator(fitted(2)).axes_[0]
    colours = [[line.get_color() for line in curves(ax)] for ax in (loss_ax, score_ax)]
    assert colours[0] == colours[1]
    assert colours[0][:2] == colours[0][2:]
    assert colours[0][0] != colours[0][1]
    styles = [line.get_linestyle() for line in curves(loss_ax)]
    assert styles[0] == styles[1] != styles[2] == styles[3]


def test_many_tasks_have_two_panels_each():
    model = fitted(16)
    display = LearningCurvesDisplay.from_estimator(model)
    assert display.axes_.shape == (16, 2)
    for task, row in enumerate(display.axes_):
        for ax, quantity in zip(row, ("loss", "score"), strict=True):
            assert ax.get_title() == model.task_names_[task]
            train, valid = curves(ax)
            assert_array_equal(train.get_ydata(), model.history_[f"train_{quantity}"][:, task])
            assert_array_equal(valid.get_ydata(), model.history_[f"valid_{quantity}"][:, task])
    halves = display.figure_.subfigs
    assert [half.get_supylabel() for half in halves] == [LOSS_LABEL, "R²"]
    assert [half.get_supxlabel() for half in halves] == ["epoch", "epoch"]
    assert legend_texts(display.figure_.legends[0])[:2] == ["training", "holdout"]


def test_overlay_and_tasks_choose_what_shares_a_panel():
    display = LearningCurvesDisplay.from_estimator(fitted(12), overlay=True)
    assert len(curves(display.axes_[0, 0])) == 24
    colours = {line.get_color() for line in curves(display.axes_[0, 0])}
    assert len(colours) == 12
    display.plot(tasks=["y3", "y1"])
    assert_array_equal(curves(display.axes_[0, 0])[0].get_ydata(), display.history["train_loss"][:, 3])
    assert len(curves(display.axes_[0, 0])) == 4
    display.plot(tasks=["y3", "y1", "y2"], overlay=False)
    assert display.axes_.shape == (3, 2)
    assert len(display.figure_.axes) == 6  # the fourth place of each block stays free


def test_best_epochs_are_marked_where_the_history_has_them():
    model = fitted(2, max_iter=12)
    display = LearningCurvesDisplay.from_estimator(model)
    assert_array_equal(display.best_epochs, model.history_.best_epochs)
    for ax in display.axes_[0]:
        (members,) = [line for line in ax.lines if line.get_marker() == "^"]
        assert_array_equal(members.get_xdata(), model.history_.best_epochs)
        (median,) = [line for line in ax.lines if line.get_linestyle() == ":"]
        assert_array_equal(median.get_xdata(), [np.median(model.history_.best_epochs)] * 2)


def test_a_single_member_has_one_line_at_its_best_epoch():
    model = fitted(1, n_estimators=1)
    display = LearningCurvesDisplay.from_estimator(model)
    (line,) = [line for line in display.axes_[0, 0].lines if line.get_linestyle() == ":"]
    assert_array_equal(line.get_xdata(), [model.history_.best_epochs[0]] * 2)
    assert legend_texts(display.axes_[0, 1].get_legend()) == ["training", "holdout", "best epoch"]


def test_a_member_without_a_best_state_has_no_mark():
    model = fitted()
    model.history_.best_epochs = np.array([2, 0, 4])
    display = LearningCurvesDisplay.from_estimator(model)
    (members,) = [line for line in display.axes_[0, 0].lines if line.get_marker() == "^"]
    assert_array_equal(members.get_xdata(), [2, 4])


def test_without_holdouts_there_are_training_curves_only():
    display = LearningCurvesDisplay.from_estimator(fitted(early_stopping=False))
    assert display.best_epochs is None
    assert [len(curves(ax)) for ax in display.axes_[0]] == [2, 2]
    assert legend_texts(display.axes_[0, 1].get_legend()) == ["y0", "y1", "training"]


def test_a_single_epoch_is_a_point_that_can_be_seen():
    display = LearningCurvesDisplay.from_estimator(fitted(max_iter=1))
    assert all(line.get_marker() == "o" for line in curves(display.axes_[0, 0]))


def test_the_score_of_a_classifier_is_called_accuracy():
    X, y = load_energy(return_X_y=True)
    model = MultiTaskClassifier(hidden_layer_sizes=8, max_iter=2, random_state=0).fit(X, y > y.mean(axis=0))
    assert LearningCurvesDisplay.from_estimator(model).axes_[0, 1].get_ylabel() == "accuracy"


def test_losses_that_span_little_have_a_linear_axis():
    model = fitted(1, max_iter=3)
    for scale, factor in (("linear", 5.0), ("log", 50.0)):
        model.history_._records["train_loss"] = [np.array([value]) for value in (factor, 2.0, 1.0)]
        model.history_._records["valid_loss"] = [np.array([value]) for value in (factor, 2.0, 1.0)]
        assert LearningCurvesDisplay.from_estimator(model).axes_[0, 0].get_yscale() == scale


def test_a_bad_start_does_not_flatten_the_scores():
    model = fitted(1, max_iter=3)
    model.history_._records["valid_score"][0] = np.array([-1000.0])
    assert LearningCurvesDisplay.from_estimator(model).axes_[0, 1].get_ylim()[0] > -1


def test_without_scores_the_score_panel_is_empty():
    model = fitted(1)
    for column in ("train_score", "valid_score"):
        model.history_._records[column] = [np.array([np.nan])] * len(model.history_)
    ax = LearningCurvesDisplay.from_estimator(model).axes_[0, 1]
    assert curves(ax) == []
    assert ax.get_ylim()[0] < 0.5 < ax.get_ylim()[1]


def test_two_given_axes_are_drawn_into():
    figure, axes = plt.subplots(2, 1)
    display = LearningCurvesDisplay.from_estimator(fitted(8), ax=axes)
    assert display.figure_ is figure
    assert list(display.axes_[0]) == list(axes)
    assert len(curves(axes[0])) == 16


def test_one_given_ax_is_shared_by_loss_and_score():
    figure, ax = plt.subplots()
    display = LearningCurvesDisplay.from_estimator(fitted(), ax=ax)
    assert display.figure_ is figure
    assert list(display.axes_[0]) == ax.child_axes
    figure.canvas.draw()


def test_keywords_of_lines_are_passed_on():
    display = LearningCurvesDisplay.from_estimator(fitted(), line_kw={"linewidth": 3.5})
    assert {line.get_linewidth() for line in curves(display.axes_[0, 1])} == {3.5}


def test_axes_that_do_not_suit_are_refused():
    model = fitted()
    _, axes = plt.subplots(1, 3)
    with pytest.raises(ValueError, match="one matplotlib Axes or two of them"):
        LearningCurvesDisplay.from_estimator(model, ax=axes)
    with pytest.raises(ValueError, match="overlay=False makes a figure of its own"):
        LearningCurvesDisplay.from_estimator(model, ax=axes[:2], overlay=False)


def test_unknown_tasks_are_refused_with_the_known_ones():
    model = fitted()
    with pytest.raises(ValueError, match=re.escape("tasks=['y7'] must name tasks that were learned: ['y0', 'y1']")):
        LearningCurvesDisplay.from_estimator(model, tasks=["y7"])
    with pytest.raises(ValueError, match=re.escape("tasks=[] must name tasks")):
        LearningCurvesDisplay.from_estimator(model, tasks=[])


def test_a_history_without_epochs_is_refused():
    X, _ = load_energy(return_X_y=True)
    with pytest.warns(UserWarning, match="one class only"):
        model = MultiTaskClassifier(max_iter=2).fit(X, np.zeros(len(X), dtype=int))
    with pytest.raises(ValueError, match="nothing to draw: 0 epochs"):
        LearningCurvesDisplay.from_estimator(model)


def test_estimators_without_history_are_refused_with_the_way_out():
    X, y = load_energy(return_X_y=True)
    with pytest.raises(NotFittedError):
        LearningCurvesDisplay.from_estimator(MultiTaskRegressor())
    with pytest.raises(ValueError, match="Ridge has no history_ of losses and scores per task"):
        LearningCurvesDisplay.from_estimator(Ridge().fit(X, y))
    pipeline = make_pipeline(StandardScaler(), MultiTaskRegressor(hidden_layer_sizes=4, max_iter=1)).fit(X, y)
    with pytest.raises(ValueError, match=re.escape("of a pipeline its last step (pipeline[-1])")):
        LearningCurvesDisplay.from_estimator(pipeline)
    LearningCurvesDisplay.from_estimator(pipeline[-1])


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    model = fitted()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"LearningCurvesDisplay.from_estimator requires matplotlib"):
        LearningCurvesDisplay.from_estimator(model)
    with pytest.raises(ImportError, match=r"LearningCurvesDisplay.plot requires matplotlib"):
        LearningCurvesDisplay(model.history_).plot()
