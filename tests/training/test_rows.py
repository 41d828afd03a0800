"""Whole tensors, batches by permutation."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from skmtl.features import Standardizer
from skmtl.training import Batches, Rows

CPU = torch.device("cpu")


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(2, 3, size=(23, 4))


def make_rows(X, index=None, weights=None, dtype=torch.float64):
    n = X.shape[0] if index is None else len(index)
    labels = np.arange(2.0 * n).reshape(n, 2)
    standardizer = Standardizer(X.shape[1]).update(X, None, np.ones(X.shape[0]))
    return Rows(X, index, labels, np.ones((n, 2)) if weights is None else weights, standardizer, dtype, CPU)


def make_batches(rows, batch_size, held_out=None, n_members=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Batches(rows, batch_size, held_out, n_members, generator, np.ones(2))


def test_features_are_standardised_rows(X):
    rows = make_rows(X)
    expected = (X - X.mean(0)) / X.std(0)
    np.testing.assert_allclose(rows.features(torch.tensor([3, 1])), expected[[3, 1]], rtol=1e-12)


def test_features_of_a_table_of_places_keep_its_shape(X):
    x = make_rows(X).features(torch.tensor([[3, 1, 2], [0, 0, 5]]))
    assert x.shape == (2, 3, 4)
    torch.testing.assert_close(x[1, 2], make_rows(X).features(torch.tensor([5]))[0])


def test_an_index_points_into_the_whole_of_x(X):
    rows = make_rows(X, index=np.array([20, 4, 7]))
    assert len(rows) == 3
    torch.testing.assert_close(rows.features(torch.tensor([1])), make_rows(X).features(torch.tensor([4])))


def test_reading_features_leaves_x_as_it_was(X):
    before = X.copy()
    make_rows(X, dtype=torch.float32).features(torch.arange(5))
    np.testing.assert_array_equal(X, before)


def test_sparse_rows_are_scaled_and_dense_a_batch_at_a_time(X):
    X[X < 2] = 0
    x = make_rows(csr_array(X)).features(torch.tensor([[2, 1], [0, 4]]))
    expected = X / np.sqrt((X**2).sum(0) / np.maximum((X != 0).sum(0), 1))
    np.testing.assert_allclose(x, expected[[[2, 1], [0, 4]]], rtol=1e-12)


def test_weights_of_one_are_left_out(X):
    assert make_rows(X).weights is None
    weights = np.ones((23, 2))
    weights[3, 1] = 0
    assert torch.equal(make_rows(X, weights=weights).weights, torch.from_numpy(weights))


def test_an_epoch_visits_every_row_once_in_batches_of_nearly_equal_size(X):
    batches = make_batches(make_rows(X), 5)
    sizes = [len(batch) for batch in batches]
    assert len(batches) == len(sizes) == 5
    assert sum(sizes) == 23
    assert max(sizes) - min(sizes) <= 1
    assert sorted(torch.cat([batch.labels[:, 0] for batch in batches]).tolist()) == list(range(0, 46, 2))


def test_features_labels_and_weights_of_a_batch_belong_together(X):
    weights = np.random.default_rng(1).integers(0, 3, size=(23, 2)).astype(float)
    rows = make_rows(X, weights=weights)
    for batch in make_batches(rows, 7):
        places = (batch.labels[:, 0] / 2).long()
        torch.testing.assert_close(batch.x, rows.features(places))
        torch.testing.assert_close(batch.weights, torch.from_numpy(weights)[places])


def test_batches_can_be_iterated_again_in_a_new_order(X):
    batches = make_batches(make_rows(X), 5)
    first, second = ([row for b in batches for row in b.labels[:, 0].tolist()] for _ in range(2))
    assert first != second
    assert sorted(first) == sorted(second)


def test_the_same_seed_gives_the_same_order(X):
    orders = [[row for b in make_batches(make_rows(X), 5, seed=3) for row in b.labels[:, 0].tolist()] for _ in range(2)]
    assert orders[0] == orders[1]


def test_one_full_batch_is_made_once_and_keeps_the_order(X):
    batches = make_batches(make_rows(X), 100)
    (first,), (second,) = batches, batches
    assert first is second
    assert first.labels[:, 0].tolist() == list(range(0, 46, 2))


def test_a_single_member_sees_nothing_of_its_holdout(X):
    held_out = np.array([0, 1] * 11 + [0])
    (batch,) = make_batches(make_rows(X), 100, held_out, 1)
    assert batch.rows is None
    assert (batch.labels[:, 0] / 2).tolist() == list(range(1, 23, 2))


def test_several_members_share_batches_with_marks_of_whose_rows_they_are(X):
    held_out = np.arange(23) % 5
    batches = make_batches(make_rows(X), 7, held_out, 3)
    for batch in batches:
        places = (batch.labels[:, 0] / 2).long()
        assert batch.rows.shape == (3, len(batch))
        for member in range(3):
            np.testing.assert_array_equal(batch.rows[member], (held_out[places] != member).astype(float))
