import numpy as np
import pytest

from skmtl.model_selection._strata import label_strata
from skmtl.tasks import split_columns


def codes(y, n_bins=10, largest_share=2):
    strata = label_strata(split_columns(y), n_bins, largest_share)
    assert sorted(set(strata.codes.ravel())) == list(range(strata.n_strata))
    return strata.codes.T.tolist()


def test_classes_are_strata_and_missing_labels_one_more():
    assert codes([["b", 1], ["a", None], [None, 0], ["b", 1]]) == [[1, 0, 2, 1], [4, 5, 3, 4]]


def test_tasks_share_no_stratum():
    first, second = codes(np.array([[0, 0], [1, 1]]))
    assert not set(first) & set(second)


def test_binary_labels_as_floats_beside_missing_ones_are_classes():
    assert codes(np.array([0.0, 1.0, np.nan, 0.0] * 5)) == [[0, 1, 2, 0] * 5]


def test_numbers_fall_into_bins_of_equal_frequency():
    values = np.random.default_rng(0).normal(size=100)
    (own,) = codes(values, n_bins=4)
    assert np.bincount(own).tolist() == [25, 25, 25, 25]
    assert (np.diff(np.array(own)[np.argsort(values)]) >= 0).all()


def test_a_value_of_many_rows_has_a_bin_of_its_own_and_ties_stay_together():
    values = np.concatenate([np.zeros(60), np.random.default_rng(0).uniform(1, 2, size=40)])
    (own,) = codes(values, n_bins=5)
    assert len(set(own[:60])) == 1
    assert not set(own[:60]) & set(own[60:])


@pytest.mark.parametrize(("n_distinct", "n_strata"), [(20, 20), (21, 10)])
def test_whole_numbers_of_more_than_twenty_values_are_binned(n_distinct, n_strata):
    (own,) = codes(np.arange(n_distinct).repeat(10))
    assert len(set(own)) == n_strata


def test_few_rows_get_fewer_bins():
    (own,) = codes(np.arange(9) + 0.5, n_bins=10, largest_share=3)
    assert np.bincount(own).tolist() == [3, 3, 3]


def test_dates_are_binned_in_their_order():
    dates = np.arange("2020-01-01", "2020-02-10", dtype="datetime64[D]")
    assert codes(dates, n_bins=4)[0] == np.repeat(np.arange(4), 10).tolist()


def test_classes_of_several_kinds_in_a_column_are_told_apart():
    (own,) = codes(np.array(["1", 1, b"1", "1"], dtype=object))
    assert own[0] == own[3]
    assert len(set(own)) == 3


def test_a_task_without_labels_is_one_stratum():
    assert codes(np.array([[0, np.nan], [1, np.nan]]))[1] == [2, 2]
