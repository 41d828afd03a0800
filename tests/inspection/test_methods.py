"""Pictures of what balancing and sharing learned."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from skmtl import MultiTaskRegressor
from skmtl.inspection import GatesDisplay, GradientConflictDisplay, PartsDisplay, TaskWeightsDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = np.column_stack([X[:, 0], X[:, 1], -X[:, 0]]) + 0.1 * rng.normal(size=(60, 3))


def fitted(hidden_layer_sizes=(8, 8), **settings):
    settings = {"max_iter": 5, "n_estimators": 2, "random_state": 0, **settings}
    return MultiTaskRegressor(hidden_layer_sizes, **settings).fit(X, Y)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_weights_are_drawn_as_they_were_recorded():
    model = fitted(balancing="scale_invariant")
    display = TaskWeightsDisplay.from_estimator(model)
    assert len(display.ax_.lines) == 3
    for task, line in enumerate(display.ax_.lines):
        np.testing.assert_array_equal(line.get_ydata(), model.history_["task_weight"][:, task])
        assert line.get_label() == f"y{task}"
    assert display.ax_.get_title() == "scale_invariant"


def test_weights_can_be_shares():
    display = TaskWeightsDisplay.from_estimator(fitted(balancing="nash_mtl"), relative=True)
    np.testing.assert_allclose(display.weights.sum(1), 3)


def test_uniform_weights_are_flat_and_go_where_they_are_told():
    _, ax = plt.subplots()
    display = TaskWeightsDisplay.from_estimator(
        fitted(balancing="uniform", task_weights=[1, 2, 3]), ax=ax, linestyle=":"
    )
    assert display.ax_ is ax
    np.testing.assert_array_equal(display.weights, np.tile([1, 2, 3], (5, 1)))
    assert ax.lines[0].get_linestyle() == ":"


def test_cosines_are_drawn_as_they_were_recorded():
    display = GradientConflictDisplay.from_estimator(fitted(balancing="pcgrad", max_iter=8))
    # Labels of opposite sign are no conflict: the heads turn them round, and the trunk is asked for the same.
    assert display.cosines[-1, 0, 2] > 0.9
    assert [ax.get_title() for ax in display.axes_] == ["y0", "y1", "y2"]
    assert all(len(ax.lines) == 3 for ax in display.axes_)  # zero, and two others
    np.testing.assert_array_equal(display.axes_[0].lines[1].get_ydata(), display.cosines[:, 0, 1])


@pytest.mark.parametrize("settings", [{}, {"balancing": "dwa"}, {"balancing": "mgda", "sharing": "independent"}])
def test_conflicts_that_were_not_measured_cannot_be_drawn(settings):
    with pytest.raises(ValueError, match="did not compare the gradients"):
        GradientConflictDisplay.from_estimator(fitted(**settings))


@pytest.mark.parametrize(
    ("sharing", "experts"),
    [
        ("mmoe", [["shared 1", "shared 2", "shared 3", "shared 4"]]),
        ("cgc", [["y0", "y1", "y2", "shared"]]),
        ("ple", [["y0", "y1", "y2", "shared"]] * 2),
        ("adatt", [["y0", "y1", "y2"]] * 2),
        ("cross_stitch", [["y0", "y1", "y2"]] * 2),
    ],
)
def test_gates_are_means_over_rows_of_one_member(sharing, experts):
    model = fitted(sharing=sharing)
    display = GatesDisplay.from_estimator(model, X, member=1)
    gates, owners = model.gates(X)
    assert display.expert_names == experts
    assert len(owners) == len(gates)
    for level, shares, panel in zip(gates, display.gates, display.axes_, strict=True):
        np.testing.assert_allclose(shares, level[1].mean(1))
        if sharing != "cross_stitch":  # whose stitches are free
            np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-5)
        np.testing.assert_array_equal(panel.images[0].get_array(), shares)


def test_masks_of_mtan_are_drawn_unit_by_unit():
    model = fitted(sharing="mtan", hidden_layer_sizes=(8, 40))
    display = GatesDisplay.from_estimator(model, X, member=1)
    (level,), ((mask,), (panel,)) = model.gates(X)[0], (display.gates, display.axes_)
    assert mask.shape == (3, 40)
    np.testing.assert_allclose(mask, level[1].mean(1))
    assert (level > 0).all() and (level < 2).all()
    assert panel.get_xlabel() == "shared unit"
    assert len(panel.get_xticklabels()) < 40


def test_shares_below_none_and_above_all_have_colours_of_their_own():
    """As residual paths of AdaTT may learn them."""
    display = GatesDisplay([[[-0.5, 1.25]], [[0.25, 0.75]]], ["a"], [["a 1", "a 2"]] * 2).plot()
    assert [panel.images[0].get_clim() for panel in display.axes_] == [(-0.5, 1.25), (0, 1)]


def test_gates_do_not_depend_on_how_rows_are_batched():
    model = fitted(sharing="ple")
    whole, _ = model.gates(X)
    parts = [model.gates(X[:1])[0], model.gates(X[1:])[0]]
    for level in range(2):
        np.testing.assert_allclose(np.concatenate([part[level] for part in parts], 2), whole[level], rtol=1e-5)


def test_ways_of_sharing_without_gates_say_so():
    with pytest.raises(ValueError, match=r"sharing='film' has no gates; those that have are 'mmoe'"):
        GatesDisplay.from_estimator(fitted(sharing="film"), X)
    with pytest.raises(ValueError, match="member must be in 0 … 1, got 2"):
        GatesDisplay.from_estimator(fitted(sharing="cgc"), X, member=2)


def test_parts_are_drawn_with_their_scores_and_weights():
    model = fitted(companions="auto")
    display = PartsDisplay.from_estimator(model)
    scores, weights = display.axes_
    lines = {line.get_label(): line.get_xdata() for line in scores.lines}
    assert list(lines) == ["network", "linear", "kernel", "trees", "mix"]
    np.testing.assert_array_equal(lines["linear"], list(model.oof_part_scores_["linear"].values()))
    np.testing.assert_array_equal(lines["mix"], list(model.oof_task_scores_.values()))
    assert [label.get_text() for label in scores.get_yticklabels()] == ["y0", "y1", "y2"]
    ends = [bar.get_x() + bar.get_width() for bar in weights.patches[-3:]]
    np.testing.assert_allclose(ends, [sum(mix.values()) for mix in model.mix_.values()])


def test_parts_that_are_not_there_cannot_be_drawn():
    with pytest.raises(ValueError, match="there are no companions"):
        PartsDisplay.from_estimator(fitted(companions=None))
    model = MultiTaskRegressor((8, 8), max_iter=5, n_estimators=2).fit(X, Y, X_val=X, y_val=Y)
    with pytest.raises(ValueError, match="X_val"):
        PartsDisplay.from_estimator(model)
