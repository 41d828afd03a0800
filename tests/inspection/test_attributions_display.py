"""Attributions as pictures: which panel shows what."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.inspection import Attributions, AttributionsDisplay

rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(80, 3)), columns=["age", "size", "noise"])
Y = pd.DataFrame({"price": 3 * X["size"] + X["age"], "old": np.where(X["age"] > 0, "yes", "no")})
LINEAR = {"companions": None, "max_iter": 60, "n_estimators": 1, "random_state": 0}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def model():
    return MultiTaskEstimator((), **LINEAR).fit(X, Y)


def test_bars_are_means_of_absolute_attributions_in_one_order_for_all_tasks(model):
    display = AttributionsDisplay.from_estimator(model, X)
    assert [ax.get_title() for ax in display.axes_] == ["price", "old: yes"]
    names = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    assert set(names[:2]) == {"size", "age"}
    for panel, found in zip(display.axes_, display.found, strict=True):
        means = dict(zip(found.feature_names, np.abs(found.values).mean(axis=0), strict=True))
        np.testing.assert_allclose([bar.get_width() for bar in panel.patches], [means[name] for name in names])
    assert display.axes_[1].get_xlabel() == "mean |attribution|, log-odds"


def test_a_waterfall_leads_from_the_baseline_to_the_prediction(model):
    display = AttributionsDisplay.from_estimator(model, X, tasks="price", row=3)
    found = display.found[0]
    bars = display.axes_[0].patches
    assert bars[0].get_x() == pytest.approx(found.baseline[3])
    assert bars[-1].get_x() + bars[-1].get_width() == pytest.approx(found.predicted[3], rel=1e-4)
    display.plot(row=3, max_features=2)
    assert [label.get_text() for label in display.axes_[0].get_yticklabels()][1] == "2 others"
    assert len(display.axes_[0].patches) == 2


def test_words_are_counted_without_capitals_and_coloured_by_their_sign():
    found = Attributions(
        [np.array([2.0, -1.0]), np.array([1.0])],
        np.zeros(2),
        np.zeros(2),
        "kind",
        np.array(["a", "a"]),
        words=[["Good", "$10"], ["good"]],
    )
    display = AttributionsDisplay([found]).plot()
    assert [label.get_text() for label in display.axes_[0].get_yticklabels()] == ["good", "$10"]
    assert [bar.get_width() for bar in display.axes_[0].patches] == [1.5, -0.5]
    display.plot(row=0)
    good, ten = (text.get_bbox_patch().get_facecolor() for text in display.axes_[0].texts)
    assert good[0] > good[2]  # red
    assert ten[0] < ten[2]  # blue
    display.figure_.canvas.draw()


def test_long_texts_are_cut():
    words = [f"word{place}" for place in range(500)]
    found = Attributions([np.ones(500)], np.zeros(1), np.zeros(1), "kind", words=[words])
    texts = AttributionsDisplay([found]).plot(row=0).axes_[0].texts
    assert len(texts) < 100
    assert texts[-1].get_text() == "…"


@pytest.mark.parametrize("shape", [(2, 4, 5), (6, 3)])
def test_heat_lies_over_a_picture_or_sequence(shape):
    samples = rng.normal(size=(40, *shape)).astype(np.float32)
    y = samples.reshape(40, -1)[:, 0] > 0
    model = MultiTaskClassifier(max_iter=2, random_state=0).fit(samples, y)
    display = AttributionsDisplay.from_estimator(model, samples[:4], n_steps=4)
    drawn = np.abs(display.found[0].values).mean(axis=0)
    expected = drawn.sum(axis=0) if len(shape) == 3 else drawn.T
    np.testing.assert_allclose(display.axes_[0].images[-1].get_array(), expected)
    display.plot(row=1)
    assert len(display.axes_[0].images) == 2
    display.figure_.canvas.draw()
    with pytest.raises(ValueError, match="row must be in 0 … 3, got 4"):
        display.plot(row=4)


def test_columns_of_a_frame_with_texts_have_bars_and_each_part_has_its_own_picture():
    notes = [
        f"the {kind} one of number {row} on the long list of ours" for row, kind in enumerate(["big", "small"] * 40)
    ]
    frame = X.assign(note=notes)
    model = MultiTaskRegressor(companions=None, max_iter=2, random_state=0).fit(frame, Y["price"])
    display = AttributionsDisplay.from_estimator(model, frame, n_steps=8)
    names = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    assert set(names) == set(frame)
    means = dict(zip(frame, np.abs(display.found[0].values).mean(axis=0), strict=True))
    np.testing.assert_allclose([bar.get_width() for bar in display.axes_[0].patches], [means[name] for name in names])
    display.plot(row=2)
    assert len(display.axes_[0].patches) == 4
    parts = display.found[0].parts
    words = AttributionsDisplay([parts["note"]]).plot(row=2)
    assert [text.get_text() for text in words.axes_[0].texts] == parts["note"].words[2]
    table = AttributionsDisplay([parts["columns"]]).plot(row=2).axes_[0]
    last = table.patches[-1]
    assert last.get_x() + last.get_width() == pytest.approx(display.found[0].predicted[2], rel=1e-4)


def test_keywords_reach_the_attributions():
    model = MultiTaskRegressor((4,), max_iter=3, n_estimators=1, random_state=0).fit(X, Y["price"])
    with pytest.raises(ValueError, match="Companions have a part"):
        AttributionsDisplay.from_estimator(model, X)
    assert AttributionsDisplay.from_estimator(model, X, part="network").found[0].values.shape == X.shape
