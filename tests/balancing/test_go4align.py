"""GO4Align: shares, groups, and what absences must not do to them."""

import numpy as np
import pytest

from skmtl.balancing._go4align import GO4Align, group_means

LOSSES = np.random.default_rng(0).uniform(0.1, 3, size=(50, 4))


def test_values_by_hand():
    # p ∝ ½ exp(−η L) is 2/3 and 1/3; times ΣL / L, 2/3 · 3 and 1/3 · 3/2; in one group, their mean.
    losses = [1.0, 2.0]
    np.testing.assert_allclose(GO4Align(n_groups=2, eta=np.log(2)).weights(losses), [2, 0.5])
    np.testing.assert_allclose(GO4Align(n_groups=1, eta=np.log(2)).weights(losses), [1.25, 1.25])


def test_one_group_is_the_mean_of_the_inverse_losses():
    expected = (LOSSES.sum(1, keepdims=True) / LOSSES / 4).mean(1, keepdims=True) * np.ones(4)
    np.testing.assert_allclose(GO4Align(n_groups=1, eta=0.0).weights(LOSSES), expected)


@pytest.mark.parametrize("n_groups", [4, 9])
def test_as_many_groups_as_tasks_weigh_by_the_inverse_loss(n_groups):
    weights = GO4Align(n_groups=n_groups, eta=0.0).weights(LOSSES)
    np.testing.assert_allclose(weights * LOSSES, LOSSES.sum(1, keepdims=True) / 4 * np.ones(4))


def test_a_common_scale_of_losses_changes_nothing():
    method = GO4Align(n_groups=2, eta=0.0)
    np.testing.assert_allclose(method.weights(7 * LOSSES), method.weights(LOSSES), rtol=1e-10)


def test_shares_are_those_of_the_paper_over_many_steps():
    balancer = GO4Align(n_groups=3, eta=0.3).start(1, 3)
    shares = np.full(3, 1 / 3)
    for losses in LOSSES[:20, :3]:
        weights = balancer.balance(losses=losses[None]).weights
        shares = shares * np.exp(-0.3 * losses)
        shares /= shares.sum()
        np.testing.assert_allclose(weights, [shares * losses.sum() / losses], rtol=1e-10)


def test_an_absence_moves_the_shares_of_tasks_present_only_against_each_other():
    balancer = GO4Align(n_groups=3, eta=0.5).start(1, 3)
    balancer.balance(losses=np.array([[3.0, 2.0, 1.0]]))
    before = balancer.state["log_shares"].copy()
    balancer.balance(losses=np.ones((1, 3)), present=np.array([[True, True, False]]))  # alike: nothing to learn
    np.testing.assert_allclose(balancer.state["log_shares"], before)


def test_groups_of_very_different_sizes_have_exact_means():
    values = np.array([[2e30, 1.0, 3e30, 3.0]])
    np.testing.assert_allclose(group_means(values, 2), [[2.5e30, 2.0, 2.5e30, 2.0]])
    np.testing.assert_allclose(group_means(values * 1e150, 2), [[2.5e180, 2e150, 2.5e180, 2e150]])


def test_equal_values_are_one_group():
    np.testing.assert_array_equal(group_means(np.array([[2.0, 5.0, 2.0, 5.0]]), 3), [[2.0, 5.0, 2.0, 5.0]])
    np.testing.assert_array_equal(group_means(np.full((2, 3), 0.1), 2), np.full((2, 3), 0.1))


def test_two_groups_have_the_smallest_squares_of_all_cuts():
    draws = np.random.default_rng(0)
    for _ in range(200):
        values = np.sort(draws.lognormal(sigma=draws.choice([0.1, 1, 5]), size=(1, draws.integers(3, 12))))
        cuts = [np.split(values[0], [place]) for place in range(1, values.size)]
        squares = [sum(((part - part.mean()) ** 2).sum() for part in cut) for cut in cuts]
        found = ((values - group_means(values, 2)) ** 2).sum()
        np.testing.assert_allclose(found, min(squares), rtol=1e-12)  # rounding of sums of squares


def test_values_that_are_no_numbers_stop_nothing():
    assert np.isnan(group_means(np.array([[1.0, np.nan, 2.0]]), 2)).any()
