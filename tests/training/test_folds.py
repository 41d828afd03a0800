"""Which rows a member holds out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from skmtl import features
from skmtl.training import content_keys, deal_folds, group_keys, n_folds, n_held_out


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(60, 4)).round(1)


def test_minus_zero_is_zero():
    keys = content_keys(np.array([[0.0, 1.0], [-0.0, 1.0]]), None, 0)
    assert keys[0] == keys[1]


def test_equal_rows_have_equal_keys_and_share_a_fold(X):
    keys = content_keys(np.concatenate([X, X]), None, 3)
    np.testing.assert_array_equal(keys[:60], keys[60:])
    folds = deal_folds(keys, 8, 0.1)
    np.testing.assert_array_equal(folds[:60], folds[60:])


def test_different_rows_have_different_keys(X):
    different = np.unique(X, axis=0)
    assert len(np.unique(content_keys(different, None, 0))) == len(different)


def test_swapping_two_columns_changes_the_key():
    keys = content_keys(np.array([[1.0, 2.0], [2.0, 1.0]]), None, 0)
    assert keys[0] != keys[1]


def test_the_order_of_rows_does_not_matter(X):
    order = np.random.default_rng(1).permutation(len(X))
    keys = content_keys(X, None, 0)
    np.testing.assert_array_equal(content_keys(X[order], None, 0), keys[order])
    np.testing.assert_array_equal(deal_folds(keys[order], 8, 0.1), deal_folds(keys, 8, 0.1)[order])


def test_dense_and_sparse_rows_have_the_same_keys(X):
    X[np.abs(X) < 0.5] = 0
    keys = content_keys(X, None, 5)
    np.testing.assert_array_equal(content_keys(csr_array(X), None, 5), keys)
    some = np.array([7, 3, 9])
    np.testing.assert_array_equal(content_keys(csr_array(X), some, 5), keys[some])
    np.testing.assert_array_equal(content_keys(X, some, 5), keys[some])


def test_a_stored_zero_of_a_sparse_row_is_a_zero():
    stored = csr_array((np.array([0.0, -0.0, 2.0]), np.array([0, 1, 2]), np.array([0, 3])), shape=(1, 3))
    np.testing.assert_array_equal(content_keys(stored, None, 0), content_keys(np.array([[0.0, 0, 2]]), None, 0))


def test_float32_rows_have_the_keys_of_the_same_values_in_float64(X):
    X32 = X.astype(np.float32)
    np.testing.assert_array_equal(content_keys(X32, None, 0), content_keys(X32.astype(np.float64), None, 0))


def test_keys_do_not_depend_on_the_chunks_in_which_rows_are_read(X, monkeypatch):
    keys = content_keys(X, None, 0)
    monkeypatch.setattr(features, "CHUNK_BYTES", 8 * 4 * 7)
    np.testing.assert_array_equal(content_keys(X, None, 0), keys)


def test_another_seed_deals_other_folds(X):
    folds = [deal_folds(content_keys(X, None, seed), 5, 0.1) for seed in (0, 1)]
    assert (folds[0] != folds[1]).any()


@settings(max_examples=30, deadline=None)
@given(n_rows=st.integers(8, 200), n_members=st.integers(2, 12), seed=st.integers(0, 100))
def test_folds_are_of_equal_size(n_rows, n_members, seed):
    X = np.random.default_rng(seed).normal(size=(n_rows, 2))
    folds = deal_folds(content_keys(X, None, seed), n_members, 0.1)
    sizes = np.bincount(folds, minlength=n_folds(n_members))
    assert len(sizes) == n_folds(n_members)
    assert sizes.max() - sizes.min() <= 1
    assert sizes.min() == n_held_out(n_rows, n_members, 0.1)


def test_few_members_hold_out_a_fifth_each():
    assert [n_folds(m) for m in (2, 5, 8)] == [5, 5, 8]


@pytest.mark.parametrize("fraction, expected", [(0.1, 6), (0.25, 15), (0.99, 59)])
def test_one_member_holds_out_the_validation_fraction(fraction, expected):
    folds = deal_folds(np.arange(60, dtype=np.uint64), 1, fraction)
    assert (folds == 0).sum() == expected == n_held_out(60, 1, fraction)
    assert set(folds) == {0, 1}


def test_rows_of_a_group_have_one_key():
    groups = np.array(["a", "b", "a", "c"])
    keys = group_keys(groups, 0)
    assert keys[0] == keys[2]
    assert len(np.unique(keys)) == 3
    assert (group_keys(groups, 1) != keys).all()


def test_the_key_of_a_group_does_not_depend_on_the_other_groups():
    assert group_keys(np.array([5, 7]), 0)[1] == group_keys(np.array([7]), 0)[0]
