import pickle

import numpy as np
import pytest
import torch

from skmtl.features import Layout, Standardizer
from skmtl.features._bins import (
    MOST_CODES,
    ROWS_PER_BIN,
    STEPS_OF_MANY,
    affordable_bins,
    bin_edges,
    has_atom,
    plan_bins,
    sample_places,
)


def edges_of(values, n_bins, n_steps):
    return bin_edges(*np.unique(values, return_counts=True), n_bins, n_steps)


def atom_in(values, n_bins):
    return has_atom(np.unique(values, return_counts=True)[1], n_bins)


def test_few_distinct_numbers_are_the_edges_themselves():
    assert edges_of(np.array([1.0, 1, 1, 4, 4, 9]), 4, 4).tolist() == [1, 4, 9]
    assert edges_of(np.array([2.0, 2]), 4, 4).tolist() == [2]
    assert edges_of(np.empty(0), 4, 4).tolist() == []


def test_many_numbers_are_cut_at_quantiles_of_the_rows():
    np.testing.assert_array_equal(edges_of(np.arange(101.0), 4, 128), [0, 25, 50, 75, 100])
    assert not atom_in(np.arange(101.0), 4)


def test_where_one_number_fills_a_bin_every_number_is_an_edge():
    values = np.sort(np.concatenate([np.zeros(900), np.arange(1.0, 101)]))
    assert atom_in(values, 5)
    np.testing.assert_array_equal(edges_of(values, 5, 128), np.arange(101.0))


def test_beside_a_number_that_fills_a_bin_too_many_numbers_are_cut_at_quantiles_of_the_distinct():
    distinct = np.arange(-200.0, 201)
    values = np.sort(np.concatenate([np.full(900, 7.0), distinct]))
    edges = edges_of(values, 5, 5)
    np.testing.assert_array_equal(edges, [-200, -100, 0, 7, 100, 200])
    assert len(edges_of(values, 5, 128)) == STEPS_OF_MANY + 1


def test_what_bins_leave_over_goes_to_columns_where_a_number_fills_a_bin():
    rng = np.random.default_rng(0)
    atom = np.where(np.arange(4000) < 3000, 0.0, rng.integers(1, 1000, 4000))
    plain = rng.normal(size=(4000, 3))
    bins = plan_bins(np.column_stack([atom, plain]), 16)
    assert np.bincount(bins.columns).tolist() == [STEPS_OF_MANY - 1, 16, 16, 16]  # 0 fills a bin, and is the least
    few = np.where(atom > 100, 0, atom)  # 100 numbers beside 0
    assert np.bincount(plan_bins(few[:, None], 16).columns).tolist() == [len(np.unique(few)) - 1]
    crowded = plan_bins(np.column_stack([atom, *[plain] * 10]), 16)  # 31 columns of 16 leave 16 of 512 codes
    assert np.bincount(crowded.columns)[0] == 16 + MOST_CODES - 31 * 16 - 1
    scarce = plan_bins(np.column_stack([atom, plain])[2900:3100], 4)  # 200 rows
    assert np.bincount(scarce.columns)[0] == 200 // ROWS_PER_BIN - 1


@pytest.mark.parametrize("seed", range(20))
def test_edges_increase_and_are_at_most_as_many_as_asked_for(seed):
    rng = np.random.default_rng(seed)
    values = np.sort(np.round(rng.standard_cauchy(200) * 3) / rng.integers(1, 4))
    n_bins = int(rng.integers(1, 20))
    n_steps = n_bins + int(rng.integers(0, 20))
    edges = edges_of(values, n_bins, n_steps)
    assert (np.diff(edges) > 0).all()
    assert len(edges) <= (n_steps if atom_in(values, n_bins) else n_bins) + 1
    assert np.isin(edges, values).all()


def test_codes_say_how_far_a_number_is_through_each_bin():
    numbers = np.array([[-1.0], [0.0], [2.0]])
    bins = plan_bins(numbers, 8)
    assert bins.low.tolist() == [-1, 0]
    raw = np.array([[0.0, 0.0], [0.5, 0.0], [1.0, 0.0], [1.0, 0.25], [1.0, 1.0], [1.0, 1.0]])
    expected = (raw - bins.center) * bins.inverse_scale
    found = bins.codes(torch.tensor([[-3.0], [-0.5], [0.0], [0.5], [2.0], [9.0]], dtype=torch.float64))
    np.testing.assert_allclose(found.numpy(), expected)
    of_rows = bins.codes(torch.from_numpy(numbers)).numpy()
    np.testing.assert_allclose(of_rows.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(of_rows.std(axis=0), 1)


def test_columns_of_one_bin_or_none_have_no_codes():
    numbers = np.column_stack([np.zeros(9), np.repeat([0.0, 1.0, 1.0], 3), np.full(9, np.nan), np.arange(9.0)])
    assert set(plan_bins(numbers, 4).columns.tolist()) == {3}


def test_holes_do_not_move_edges():
    numbers = np.arange(50.0)[:, None]
    with_holes = np.concatenate([numbers, np.full((20, 1), np.nan)])
    np.testing.assert_array_equal(plan_bins(numbers, 5).low, plan_bins(with_holes, 5).low)


def test_the_number_of_bins_follows_rows_and_columns():
    assert affordable_bins(16, 10, 10_000) == 16
    assert affordable_bins(16, 10, 100) == 5  # 20 rows a bin
    assert affordable_bins(16, 10, 5) == 2
    assert affordable_bins(16, 64, 10_000) == MOST_CODES // 64
    assert affordable_bins(16, MOST_CODES // 2, 10_000) == 0
    assert affordable_bins(2, 10, 10_000) == 2
    assert affordable_bins(16, 0, 10_000) == 16


def test_equal_rows_count_once():
    assert sample_places(np.array([5, 3, 5, 1], dtype=np.uint64), 4).tolist() == [3, 1, 0]
    assert sample_places(None, 4).tolist() == [0, 1, 2, 3]


def test_the_standardizer_puts_codes_behind_the_numbers():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(3, 2, 200), rng.integers(0, 2, 200), rng.normal(size=200)])
    X[::5, 2] = np.nan
    X = np.column_stack([X, rng.integers(0, 3, 200)])
    layout = Layout(["a", "b", "c", "d"], [0, 1, 2, 3], {3: ["u", "v", "w"]})
    standardizer = Standardizer(layout, n_bins=4).update(X, None, np.ones(200))
    out = standardizer.tensor(X, torch.float64, "cpu")
    assert out.shape == (200, 3 + 2 * 4 + 1 + 3) == (200, standardizer.n_outputs)
    np.testing.assert_allclose(out[:, :3].mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(out[:, 3:7].mean(0), 0, atol=1e-12)
    holes = out[::5]
    assert (holes[:, 7:11] == holes[0, 7:11]).all()  # the codes of the mean
    copy = pickle.loads(pickle.dumps(standardizer))
    assert torch.equal(copy.tensor(X, torch.float64, "cpu"), out)
    plain = Standardizer(2, n_bins=4).update(X[:, :2], None, np.ones(200))
    torch.testing.assert_close(plain.tensor(X[:, :2], torch.float64, "cpu"), out[:, [0, 1, 3, 4, 5, 6]])
    assert plain.tensor(X[:6, :2].reshape(2, 3, 2), torch.float32, "cpu").shape == (2, 3, 6)


def test_sparse_and_constant_numbers_have_no_codes():
    from scipy.sparse import csr_array

    assert Standardizer(2, n_bins=4).update(csr_array(np.eye(30)[:, :2]), None, np.ones(30)).n_outputs == 2
    assert Standardizer(2, n_bins=4).update(np.ones((30, 2)), None, np.ones(30)).n_outputs == 2
