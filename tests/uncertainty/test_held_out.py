"""What is kept of held-out rows, and which quantiles make a band."""

import numpy as np
import pytest

from skmtl.uncertainty import Residuals, _held_out, band_levels, hold_out


def rows(n_rows=50, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.normal(size=(n_rows, 2))
    predicted = {0: rng.normal(size=n_rows), 1: rng.normal(size=(n_rows, 3))}
    return labels, predicted, rng.integers(2**62, size=n_rows, dtype=np.uint64), rng.integers(3, size=n_rows)


def test_residuals_are_labels_less_every_output():
    labels, predicted, keys, member = rows()
    found = hold_out(labels, np.ones((50, 2)), predicted, keys, member, averaged=False)
    order = np.argsort(keys)
    np.testing.assert_array_equal(found.columns[0].values[:, 0], (labels[:, 0] - predicted[0])[order])
    np.testing.assert_array_equal(found.columns[1].values, (labels[:, [1]] - predicted[1])[order])
    np.testing.assert_array_equal(found.columns[0].member, member[order])
    np.testing.assert_array_equal(found.together.values, np.hstack([found.columns[place].values for place in (0, 1)]))


def test_hidden_labels_and_rows_that_nobody_held_out_are_left_out():
    labels, predicted, keys, member = rows()
    weights = np.ones((50, 2))
    weights[:10, 0], labels[:10, 0] = 0, np.nan
    predicted[1][5:15] = np.nan
    found = hold_out(labels, weights, predicted, keys, member, averaged=False)
    assert [len(found.columns[place]) for place in (0, 1)] == [40, 40]
    assert len(found.together) == 35
    assert not np.isnan(found.together.values).any()


def test_a_task_without_held_out_labels_has_no_residuals_and_leaves_no_row_for_all_tasks():
    labels, predicted, keys, member = rows()
    labels[:, 0] = np.nan
    found = hold_out(labels, 1.0 * ~np.isnan(labels), predicted, keys, member, averaged=True)
    assert [len(found.columns[place]) for place in (0, 1)] == [0, 50]
    assert found.together.values.shape == (0, 4)


def test_equal_rows_are_one_with_the_sum_of_their_weights():
    labels, predicted, keys, member = rows()
    counts = np.random.default_rng(1).integers(1, 4, size=50)
    times = np.random.default_rng(2).permutation(np.repeat(np.arange(50), counts))
    weighted = hold_out(labels, np.tile(counts[:, None], 2), predicted, keys, member, averaged=False)
    again = {place: values[times] for place, values in predicted.items()}
    repeated = hold_out(labels[times], np.ones((len(times), 2)), again, keys[times], member[times], averaged=False)
    for one, other in ((weighted.columns[0], repeated.columns[0]), (weighted.together, repeated.together)):
        for name in ("values", "member", "weights"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_of_many_rows_the_same_few_are_kept_whatever_their_order(monkeypatch):
    monkeypatch.setattr(_held_out, "MOST_ROWS", 20)
    labels, predicted, keys, member = rows(200)
    labels[:150, 1] = np.nan
    weights = 1.0 * ~np.isnan(labels)
    found = hold_out(labels, weights, predicted, keys, member, averaged=False)
    order = np.random.default_rng(0).permutation(200)
    again = {place: values[order] for place, values in predicted.items()}
    shuffled = hold_out(labels[order], weights[order], again, keys[order], member[order], averaged=False)
    assert [len(found.columns[0]), len(found.columns[1]), len(found.together)] == [20, 20, 20]
    for one, other in ((found.columns[0], shuffled.columns[0]), (found.together, shuffled.together)):
        np.testing.assert_array_equal(one.values, other.values)


def test_scores_of_single_predictions_are_absolute_and_those_of_bands_have_a_sign():
    values = np.array([[4.0, 1.0, -2.0], [-1.0, -3.0, -5.0], [7.0, 5.0, 3.0]])  # of the levels 0.1, 0.5, 0.9
    residuals = Residuals(values, np.zeros(3, int), np.ones(3))
    np.testing.assert_array_equal(residuals.scores(1, 1), [1, 3, 5])
    # The first label is 4 above the lower and 2 below the upper quantile, the second 1 too low, the third 3 too high.
    np.testing.assert_array_equal(residuals.scores(0, 2), [-2, 1, 3])


@pytest.mark.parametrize(
    ("levels", "coverage", "expected"),
    [
        ((0.1, 0.5, 0.9), 0.8, (0, 2)),
        ((0.1, 0.5, 0.9), 0.95, (0, 2)),
        ((0.05, 0.25, 0.5, 0.75, 0.95), 0.9, (0, 4)),
        ((0.05, 0.25, 0.5, 0.75, 0.95), 0.6, (1, 3)),
        ((0.4, 0.6), 0.9, (0, 1)),
        ((0.5,), 0.9, None),
        ((0.1, 0.5), 0.9, None),
    ],
)
def test_the_nearest_levels_on_either_side_make_the_band(levels, coverage, expected):
    assert band_levels(levels, coverage) == expected
