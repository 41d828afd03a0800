"""The picture of how often intervals hold."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from skmtl import MultiTaskEstimator, MultiTaskRegressor
from skmtl.inspection import CoverageDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 3))
Y = pd.DataFrame({"price": X[:, 0] + 0.3 * rng.normal(size=120), "size": 100 * X[:, 1] + 9 * rng.normal(size=120)})
FAST = {"hidden_layer_sizes": (8,), "max_iter": 15, "n_estimators": 5, "random_state": 0}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def model():
    return MultiTaskRegressor(**FAST).fit(X, Y)


def test_shares_and_widths_are_those_of_the_labels_that_are_there(model):
    y = Y.copy()
    y.loc[::3, "price"] = np.nan
    display = CoverageDisplay.from_estimator(model, X, y, coverages=(0.5, 0.8))
    there = y["price"].notna().to_numpy()
    for place, coverage in enumerate((0.5, 0.8)):
        low, high = model.predict_interval(X, coverage)[there, 0].T
        labels = y["price"].to_numpy()[there]
        assert display.found["price"][place] == np.mean((low <= labels) & (labels <= high))
        assert display.widths["price"][place] == pytest.approx(np.mean(high - low))
    line = display.axes_[0].lines[1]
    np.testing.assert_array_equal(line.get_xdata(), [0.5, 0.8])
    np.testing.assert_array_equal(line.get_ydata(), display.found["price"])
    np.testing.assert_array_equal(display.width_axes_[1].lines[0].get_ydata(), display.widths["size"])
    assert [ax.get_title() for ax in display.axes_] == ["price", "size"]


def test_coverages_are_drawn_in_rising_order(model):
    display = CoverageDisplay.from_estimator(model, X, Y, coverages=(0.9, 0.5), tasks="size")
    np.testing.assert_array_equal(display.axes_[0].lines[1].get_xdata(), [0.5, 0.9])
    np.testing.assert_array_equal(display.axes_[0].lines[1].get_ydata(), display.found["size"][::-1])


def test_weights_are_repeated_rows(model):
    counts = rng.integers(0, 3, size=120)
    weighted = CoverageDisplay.from_estimator(model, X, Y, sample_weight=counts)
    repeated = CoverageDisplay.from_estimator(model, np.repeat(X, counts, 0), Y.loc[Y.index.repeat(counts)])
    for name in ("price", "size"):
        np.testing.assert_allclose(weighted.found[name], repeated.found[name])
        np.testing.assert_allclose(weighted.widths[name], repeated.widths[name], rtol=1e-5)


def test_columns_are_found_by_name_or_by_place(model):
    expected = CoverageDisplay.from_estimator(model, X, Y).found
    turned = CoverageDisplay.from_estimator(model, X, Y[["size", "price"]]).found
    assert list(turned) == ["size", "price"]
    plain = MultiTaskRegressor(**FAST).fit(X, Y.to_numpy())
    named = CoverageDisplay.from_estimator(plain, X, Y).found
    for name in ("price", "size"):
        np.testing.assert_array_equal(turned[name], expected[name])
        np.testing.assert_array_equal(named[name], expected[name])


def test_one_target_and_tasks_of_several_types_have_panels():
    alone = MultiTaskRegressor(**FAST).fit(X, Y["price"])
    assert list(CoverageDisplay.from_estimator(alone, X, Y["price"]).found) == ["price"]
    frame = Y.assign(kind=np.where(X[:, 2] > 0, "flat", "house"))[["kind", "price", "size"]]
    mixed = MultiTaskEstimator(**FAST).fit(X, frame)
    display = CoverageDisplay.from_estimator(mixed, X, frame)
    assert list(display.found) == ["price", "size"]
    low, high = mixed.predict_interval(X, 0.9)["size"].T
    assert display.found["size"][4] == np.mean((low <= frame["size"]) & (frame["size"] <= high))


def test_axes_may_be_given_one_a_panel(model):
    _, axes = plt.subplots(1, 2)
    display = CoverageDisplay.from_estimator(model, X, Y, ax=axes)
    assert display.figure_ is axes[0].figure
    assert axes[1].get_xlabel() == "coverage asked for"
    with pytest.raises(ValueError, match="ax must be one matplotlib Axes for each of"):
        display.plot(ax=axes[0])


def test_intervals_that_are_infinite_or_not_there_are_drawn_without_a_width():
    y = Y.assign(price=Y["price"].where(np.arange(120) < 12), depth=X[:, 2])
    model = MultiTaskRegressor(**FAST, task_weights={"size": 0}).fit(X, y)
    with pytest.warns(UserWarning, match="Task 'price': intervals are infinite"):
        display = CoverageDisplay.from_estimator(model, X, y.assign(price=Y["price"]), coverages=(0.5, 0.95))
    assert display.found["price"][1] == 1
    assert display.widths["price"][1] == np.inf
    assert np.isnan(display.width_axes_[0].lines[0].get_ydata()[1])
    assert np.isnan(display.found["size"]).all()


def test_what_cannot_be_drawn_is_said(model):
    with pytest.raises(ValueError, match=r"tasks='kind' must name them\. They are 'price', 'size'"):
        CoverageDisplay.from_estimator(model, X, Y, tasks="kind")
    with pytest.raises(AttributeError, match="Ridge has no predict_interval"):
        CoverageDisplay.from_estimator(Ridge().fit(X, Y), X, Y)
