"""Scores that cover all tasks at once."""

import numpy as np
import pytest

from skmtl.uncertainty import cross_interval, joint_scores


def test_all_tasks_of_a_row_are_covered_as_often_as_promised():
    rng = np.random.default_rng(0)
    mixing = np.array([[1.0, 0.6, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 100.0]])  # two tasks that go together, one in cents
    both, each = [], []
    for _ in range(400):
        errors = np.abs(rng.normal(size=(61, 3)) @ mixing)
        member, weights, zero = np.arange(60) % 4, np.ones(60), np.zeros((4, 1))
        scaled = joint_scores(errors[:-1], member, weights)
        ends = np.array([cross_interval(zero, zero, own, member, weights, 0.9)[0, 1] for own in scaled.T])
        both.append((errors[-1] <= ends).all())
        each.append(errors[-1] <= ends)
    assert np.mean(both) == pytest.approx(0.9, abs=0.045)  # three standard deviations
    # Each task alone is covered more often, and equally often whatever its unit.
    assert np.ptp(np.mean(each, 0)) < 0.03
    assert np.mean(each) > 0.94


def test_the_unit_of_a_task_is_its_own():
    rng = np.random.default_rng(0)
    scores, member, weights = rng.gamma(2, size=(30, 3)), np.arange(30) % 3, np.ones(30)
    units = np.array([1.0, 1e-9, 1e9])
    found = joint_scores(scores * units, member, weights)
    np.testing.assert_allclose(found, joint_scores(scores, member, weights) * units, rtol=1e-12)


def test_a_row_has_no_say_in_the_scale_that_measures_it():
    rng = np.random.default_rng(0)
    scores, member, weights = rng.gamma(2, size=(30, 2)), np.arange(30) % 3, np.ones(30)
    before = joint_scores(scores, member, weights)
    scores[0, 0] *= 1000
    after = joint_scores(scores, member, weights)
    ratio = after[0] / before[0]
    assert ratio[0] == pytest.approx(ratio[1])  # the row's score rose, and both scales stayed
    np.testing.assert_array_equal(after[3::3], before[3::3])  # its own member's rows
    assert (after[1::3] != before[1::3]).any()


def test_a_task_without_errors_stays_without():
    scores = np.column_stack([np.arange(1.0, 7.0), np.zeros(6)])
    for member in (np.zeros(6, int), np.arange(6) % 2):
        found = joint_scores(scores, member, np.ones(6))
        np.testing.assert_array_equal(found[:, 1], 0)
        np.testing.assert_allclose(found[:, 0], scores[:, 0], rtol=1e-12)


def test_weights_are_repeated_rows():
    rng = np.random.default_rng(0)
    scores, member, counts = rng.gamma(2, size=(20, 2)), np.arange(20) % 3, rng.integers(1, 4, size=20)
    times = np.repeat(np.arange(20), counts)
    repeated = joint_scores(scores[times], member[times], np.ones(len(times)))
    np.testing.assert_allclose(joint_scores(scores, member, counts)[times], repeated, rtol=1e-12)
