import numpy as np

from skmtl.model_selection._strata import Strata
from skmtl.model_selection._units import equal_rows, whole_groups

STRATA = Strata(np.array([[0, 2], [1, 2], [0, 2], [0, 3]]), 4)


def test_equal_rows_are_copies_of_one_unit():
    units = equal_rows(STRATA)
    assert units.copies.tolist() == [2, 1, 1]
    assert units.of_row.tolist() == [0, 1, 0, 2]
    assert units.counts.toarray().tolist() == [[1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]]


def test_a_group_counts_the_strata_of_its_rows_and_the_rows():
    units = whole_groups(STRATA, np.array([1, 0, 1, 1]))
    assert units.counts.toarray().tolist() == [[0, 1, 1, 0, 1], [3, 0, 2, 1, 3]]
    assert units.copies.tolist() == [1, 1]
