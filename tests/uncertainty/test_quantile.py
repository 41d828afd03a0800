"""The quantile with room for the row that comes."""

import numpy as np
import pytest

from skmtl.uncertainty import conformal_quantile, rows_needed


@pytest.mark.parametrize("coverage", [0.05, 0.5, 0.8, 0.9, 0.95, 0.99])
def test_it_is_the_score_of_the_index_that_the_theorem_names(coverage):
    scores = np.random.default_rng(0).permutation(np.arange(1, 201)).astype(float)
    for n_rows in (1, 2, 3, 8, 9, 10, 19, 20, 99, 100, 199, 200):
        own = scores[:n_rows]
        # In whole percents, so that no rounding is in the way.
        index = -(-(n_rows + 1) * round(100 * coverage) // 100)
        expected = np.sort(own)[index - 1] if index <= n_rows else np.inf
        assert conformal_quantile(own, coverage) == expected


@pytest.mark.parametrize(("coverage", "needed"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)])
def test_it_is_finite_from_as_many_rows_as_are_needed(coverage, needed):
    assert rows_needed(coverage) == needed
    assert conformal_quantile(np.arange(needed), coverage) == needed - 1
    assert conformal_quantile(np.arange(needed - 1), coverage) == np.inf


def test_it_holds_as_often_as_the_ranks_of_equally_likely_orders_say():
    draws = np.random.default_rng(0).normal(size=(4000, 11))
    held = np.mean([draw[-1] <= conformal_quantile(draw[:-1], 0.8) for draw in draws])
    # ⌈0.8 · 11⌉ = 9 of 11 ranks; three standard deviations.
    assert held == pytest.approx(9 / 11, abs=0.018)


def test_weights_move_it_as_their_shares_do():
    scores = np.array([1.0, 2.0, 3.0])
    # 0.5 · (1 + 1/3) = 2/3 of the weight is needed.
    assert conformal_quantile(scores, 0.5, np.array([4.0, 1.0, 1.0])) == 1.0
    assert conformal_quantile(scores, 0.5, np.array([3.0, 1.0, 2.0])) == 2.0
    assert conformal_quantile(scores, 0.5, np.array([1.0, 2.0, 3.0])) == 3.0


def test_a_common_factor_of_weights_changes_nothing():
    rng = np.random.default_rng(0)
    scores, weights = rng.normal(size=57), rng.integers(1, 5, size=57).astype(float)
    for coverage in (0.3, 0.8, 0.9):
        one = conformal_quantile(scores, coverage, weights)
        assert one == conformal_quantile(scores, coverage, weights / 3)
