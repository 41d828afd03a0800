import numpy as np
import pytest

from skmtl.model_selection._assignment import deal_groups, deal_rows
from skmtl.model_selection._strata import Strata
from skmtl.model_selection._units import equal_rows, whole_groups


def random_strata(n_samples, n_tasks, seed=0):
    labels = np.random.default_rng(seed).integers(3, size=(n_samples, n_tasks))
    return Strata(labels + 3 * np.arange(n_tasks), 3 * n_tasks)


@pytest.mark.parametrize("sizes", [[21, 20, 20], [50, 11], [40, 20, 1], [1] * 61])
def test_every_row_is_dealt_once_and_parts_have_their_sizes(sizes):
    units = equal_rows(random_strata(61, 3))
    dealt = deal_rows(units, np.array(sizes))
    assert (dealt >= 0).all()
    assert dealt.sum(axis=1).tolist() == units.copies.tolist()
    assert dealt.sum(axis=0).tolist() == sizes


def test_equal_rows_are_dealt_in_equal_numbers():
    units = equal_rows(Strata(np.repeat([[0, 2], [1, 3]], [40, 20], axis=0), 4))
    assert deal_rows(units, np.array([15, 15, 15, 15])).tolist() == [[10] * 4, [5] * 4]


def test_one_task_is_dealt_as_evenly_as_whole_rows_allow():
    strata = random_strata(101, 1)
    units = equal_rows(strata)
    rows = units.counts.T @ deal_rows(units, np.array([26, 25, 25, 25]))
    assert (np.ptp(rows, axis=1) <= 1).all()


@pytest.mark.parametrize("sizes", [[500] * 4, [1800, 200]])
def test_shares_of_many_tasks_are_nearer_than_by_chance(sizes):
    strata, sizes = random_strata(2000, 8), np.array(sizes)
    units = equal_rows(strata)
    totals = units.counts.T @ units.copies

    def distance(dealt):
        return (((units.counts.T @ dealt).T - sizes[:, None] / 2000 * totals) ** 2).sum()

    part = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    chance = np.zeros((len(units.copies), len(sizes)))
    np.add.at(chance, (units.of_row, part), 1)
    assert distance(deal_rows(units, sizes)) < distance(chance) / 10


def test_groups_are_dealt_whole_large_ones_first():
    groups = np.repeat(np.arange(4), [3, 1, 1, 1])
    units = whole_groups(Strata(np.zeros((6, 1), dtype=int), 1), groups)
    dealt = deal_groups(units, 2, np.ones(2))
    assert dealt.tolist() == [[1, 0], [0, 1], [0, 1], [0, 1]]
