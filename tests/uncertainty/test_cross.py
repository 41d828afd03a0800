"""Intervals from several members' predictions, against the table of all sums and against their promise."""

import numpy as np
import pytest

from skmtl.uncertainty import conformal_quantile, cross_interval


def by_the_table(lower, upper, scores, member, coverage):
    """CV+ as it is written: sort all sums, take the numbered ones."""
    n_rows = len(scores)
    up, down = round(coverage * 100) * (n_rows + 1), round((1 - coverage) * 100) * (n_rows + 1)
    low = np.sort(lower[member] - scores[:, None], 0)[down // 100 - 1]
    high = np.sort(upper[member] + scores[:, None], 0)[-(-up // 100) - 1]
    return np.stack([low, high], 1)


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("n_scores", [39, 40, 200])
def test_ends_are_those_of_the_table_of_all_sums(coverage, n_scores):
    rng = np.random.default_rng(0)
    lower = rng.normal(size=(4, 30))
    upper = lower + rng.random(size=(4, 30))
    scores, member = rng.gamma(2, size=n_scores), rng.integers(4, size=n_scores)
    found = cross_interval(lower, upper, scores, member, np.ones(n_scores), coverage)
    # The search ends at 1e-12 of how far members are apart.
    np.testing.assert_allclose(found, by_the_table(lower, upper, scores, member, coverage), atol=1e-10)


def test_one_member_is_split_conformal_prediction():
    rng = np.random.default_rng(0)
    predicted, scores, weights = rng.normal(size=(1, 5)), rng.gamma(2, size=50), rng.integers(1, 4, size=50)
    found = cross_interval(predicted, predicted, scores, np.zeros(50, int), weights, 0.9)
    margin = conformal_quantile(scores, 0.9, weights)
    np.testing.assert_array_equal(found, np.stack([predicted[0] - margin, predicted[0] + margin], 1))


def test_members_that_agree_are_one():
    rng = np.random.default_rng(0)
    predicted, scores = np.tile(rng.normal(size=5), (3, 1)), rng.gamma(2, size=50)
    found = cross_interval(predicted, predicted, scores, np.arange(50) % 3, np.ones(50), 0.9)
    alone = cross_interval(predicted[:1], predicted[:1], scores, np.zeros(50, int), np.ones(50), 0.9)
    np.testing.assert_allclose(found, alone, atol=1e-12)


def test_the_names_of_members_do_not_matter_and_neither_do_members_without_rows():
    rng = np.random.default_rng(0)
    predicted, scores, member = rng.normal(size=(4, 5)), rng.gamma(2, size=50), np.arange(50) % 3
    found = cross_interval(predicted, predicted, scores, member, np.ones(50), 0.9)
    order = np.array([3, 1, 0])  # where members 0, 1 and 2 went; the new one at 2 held nothing out
    moved = np.empty_like(predicted)
    moved[order], moved[2] = predicted[:3], np.nan
    np.testing.assert_allclose(cross_interval(moved, moved, scores, order[member], np.ones(50), 0.9), found, atol=1e-12)


def test_a_row_alone_has_the_interval_that_it_has_among_others():
    rng = np.random.default_rng(0)
    predicted, scores, member = rng.normal(size=(3, 8)), rng.gamma(2, size=50), np.arange(50) % 3
    found = cross_interval(predicted, predicted, scores, member, np.ones(50), 0.9)
    alone = [cross_interval(own.T, own.T, scores, member, np.ones(50), 0.9) for own in predicted.T[:, None]]
    np.testing.assert_array_equal(np.concatenate(alone), found)


def test_shifts_and_scales_of_the_target_are_those_of_its_intervals():
    rng = np.random.default_rng(0)
    predicted, scores, member = rng.normal(size=(3, 8)), rng.gamma(2, size=50), np.arange(50) % 3
    found = cross_interval(predicted, predicted, scores, member, np.ones(50), 0.9)
    other = cross_interval(1e6 * predicted - 7, 1e6 * predicted - 7, 1e6 * scores, member, np.ones(50), 0.9)
    np.testing.assert_allclose(other, 1e6 * found - 7, rtol=1e-9)


def test_too_few_scores_bound_nothing():
    predicted = np.zeros((2, 3))
    found = cross_interval(predicted, predicted, np.ones(8), np.arange(8) % 2, np.ones(8), 0.9)
    np.testing.assert_array_equal(found, np.tile([-np.inf, np.inf], (3, 1)))
    none = cross_interval(predicted, predicted, np.empty(0), np.empty(0, int), np.empty(0), 0.1)
    np.testing.assert_array_equal(none, found)


def test_bands_that_are_too_wide_shrink_but_never_turn_round():
    lower, upper = np.array([[-3.0, -1.0]]), np.array([[3.0, 2.0]])
    found = cross_interval(lower, upper, np.full(20, -2.0), np.zeros(20, int), np.ones(20), 0.9)
    np.testing.assert_array_equal(found, [[-1.0, 1.0], [0.5, 0.5]])


def test_cross_validated_means_cover_as_promised():
    # The mean of all other folds as the model of a fold: what is promised is 1 - 2 · 0.1, what happens is about 0.9.
    rng = np.random.default_rng(0)
    n_rows, n_folds, inside = 40, 5, []
    member = np.arange(n_rows) % n_folds
    for _ in range(400):
        y = rng.exponential(size=n_rows + 1)
        models = np.array([y[:-1][member != fold].mean() for fold in range(n_folds)])
        scores = np.abs(y[:-1] - models[member])
        low, high = cross_interval(models[:, None], models[:, None], scores, member, np.ones(n_rows), 0.9)[0]
        inside.append(low <= y[-1] <= high)
    assert np.mean(inside) == pytest.approx(0.9, abs=0.045)  # three standard deviations
