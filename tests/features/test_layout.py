import pickle

import numpy as np

from skmtl.features import Layout


def test_columns_are_numeric_or_categorical():
    layout = Layout(["a", "b", "c"], [0, 0, 1], {1: ["x"]})
    assert layout.n_columns == 3
    assert layout.numeric.tolist() == [0, 2]
    assert layout.categorical.tolist() == [1]


def test_a_matrix_of_numbers_has_numbered_columns():
    layout = Layout.of_numbers(3)
    assert list(layout.names) == ["x0", "x1", "x2"]
    assert layout.names[1:] == ["x1", "x2"]
    assert list(layout.source) == [0, 1, 2]
    assert not layout.categories
    assert Layout.of_numbers(10**9).n_columns == 10**9  # without a list of names


def test_rows_of_numbers_are_hashed_as_they_are():
    rows = np.array([[1.0, -0.0]], np.float32)
    assert Layout.of_numbers(2).hashable(rows) is rows


def test_every_nan_is_the_same():
    strange = np.array([0xFFF8_0000_0000_0001, 0x7FF8_0000_0000_0000], dtype=np.uint64).view(np.float64)[:, None]
    rows = Layout.of_numbers(1).hashable(strange)
    assert len(set(rows.view(np.uint64).ravel().tolist())) == 1
    coded = Layout(["a"], [0], {0: ["x"]}).hashable(strange)
    assert len(set(coded.view(np.uint64).ravel().tolist())) == 1


def test_categories_count_by_their_text_whatever_else_there_is():
    rows = np.array([[0.5, 0.0, 1.0], [np.nan, 1.0, np.nan]])
    layout = Layout(list("abc"), [0, 1, 2], {1: ["red", "tan"], 2: ["x", "y"]})
    wider = Layout(list("abc"), [0, 1, 2], {1: ["blue", "red", "tan"], 2: ["x", "y", "z"]})
    moved = rows + np.array([0, 1, 0])
    np.testing.assert_array_equal(layout.hashable(rows), wider.hashable(moved))
    assert rows[0, 1] == 0  # the rows themselves stay


def test_different_categories_differ_the_number_1_and_its_text_included():
    layout = Layout(["a"], [0], {0: [1, 2, "1", "2", "", "é", "\ud800"]})
    values = layout.hashable(np.arange(7.0)[:, None]).ravel()
    assert len(set(values)) == 7
    assert ((values >= 0) & (values < 2**53) & (values == np.floor(values))).all()


def test_pickles_hold_what_a_layout_is_made_of():
    layout = Layout(["a"], [0], {0: ["x", "y"]})
    before = layout.hashable(np.array([[1.0]]))
    again = pickle.loads(pickle.dumps(layout))
    assert set(vars(again)) == {"names", "source", "categories", "padded", "parts"}
    assert again == layout
    np.testing.assert_array_equal(again.hashable(np.array([[1.0]])), before)
