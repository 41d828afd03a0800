"""Soft targets as weighted rows."""

import numpy as np
import pytest

from skmtl.fusion._teachers import SoftColumn
from skmtl.fusion._unfolding import options_of, unfolded
from skmtl.tasks import split_columns

KIND = SoftColumn("kind", "kind", "classification", np.array([[0.2, 0.8], [1.0, 0.0]]), np.array(["a", "b"]))
PRICE = SoftColumn("price", "price", "regression", np.array([5.0, 7.0]), None)


def test_a_row_is_each_class_by_its_probability_and_its_label_by_its_share():
    values, weights = options_of(KIND, None, 0.0)
    assert values.tolist() == [["b", "a"], ["a", "b"]]
    np.testing.assert_allclose(weights, [[0.8, 0.2], [1.0, 0.0]])
    _, weights = options_of(KIND, split_columns(["a", None]), 0.5)
    np.testing.assert_allclose(
        weights, [[0.6, 0.4], [0.5, 0.0]]
    )  # ½ [.2, .8] + ½ [1, 0]; a row without a label: ½ soft


def test_a_number_is_what_the_teacher_says_and_what_the_label_is():
    values, weights = options_of(PRICE, split_columns([4.0, np.nan]), 0.75)
    np.testing.assert_allclose(values, [[4, 5], [7, 7]])
    np.testing.assert_allclose(weights, [[0.75, 0.25], [0.25, 0]])


def test_small_probabilities_are_left_out_but_no_class_is_lost():
    p = np.array([[0.995, 0.005, 0.0], [0.5, 0.496, 0.004], [0.3, 0.7, 0.0]])
    _, weights = options_of(SoftColumn("k", "k", "classification", p, np.arange(3)), None, 0.0)
    np.testing.assert_allclose(weights, [[1, 0, 0], [0.5, 0.496, 0.004], [0.7, 0.3, 0]])


def test_copies_hold_the_targets_of_all_columns_with_their_weights():
    options = [options_of(KIND, None, 0.0), options_of(PRICE, None, 0.0)]
    rows, targets, weights = unfolded(options, np.array([[1.0, 2.0], [3.0, 0.0]]))
    assert rows.tolist() == [0, 1, 0]
    assert targets[0].tolist() == ["b", "a", "a"]
    assert targets[1][:1].tolist() == [5.0]
    np.testing.assert_allclose(weights, [[0.8, 2.0], [3.0, 0.0], [0.2, 0.0]])


def test_weighted_copies_have_the_cross_entropy_of_the_probabilities():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(3), 20), rng.dirichlet(np.ones(3), 20)
    column = SoftColumn("k", "k", "classification", p, np.arange(3))
    rows, (codes,), weights = unfolded([options_of(column, None, 0.0)], np.ones((20, 1)))
    assert -(weights[:, 0] * np.log(q[rows, codes])).sum() == pytest.approx(-(p * np.log(q)).sum(), rel=2e-2)


def test_a_label_that_the_teacher_does_not_know_is_refused():
    with pytest.raises(ValueError, match="y holds the label 'c' of task 'kind'"):
        options_of(KIND, split_columns(["a", "c"]), 0.5)
