import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_array, csr_array

from skmtl.features import _chunks, as_tensor, check_finite, row_chunks


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(_chunks, "CHUNK_BYTES", 8 * 3 * 4)  # four rows of three columns


# check_finite


@pytest.mark.parametrize("make", [np.asarray, csr_array, csc_array])
def test_nan_is_refused_with_its_column_row_and_the_way_out(make):
    X = np.ones((5, 3))
    X[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"contains NaN in column 1, row 3\. Est does not accept.*SimpleImputer"):
        check_finite(make(X), None, "Est")
    with pytest.raises(ValueError, match="NaN in column 'size', row 3"):
        check_finite(make(X), ["a", "size", "c"], "Est")


@pytest.mark.parametrize("make", [np.asarray, csr_array, csc_array])
@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_infinity_is_refused_with_its_column_and_row(make, infinity):
    X = np.ones((5, 3), dtype=np.float32)
    X[4, 2] = infinity
    with pytest.raises(ValueError, match=r"contains infinity in column 'c', row 4\. Replace or clip"):
        check_finite(make(X), np.array(["a", "b", "c"], dtype=object), "Est")


@pytest.mark.usefixtures("small_chunks")
def test_the_row_is_counted_through_all_chunks():
    X = np.ones((23, 3))
    X[21, 0] = np.nan
    with pytest.raises(ValueError, match="column 0, row 21"):
        check_finite(X, None, "Est")


def test_nan_and_infinities_that_cancel_are_found():
    X = np.array([[np.inf, -np.inf]])
    with pytest.raises(ValueError, match="infinity in column 0, row 0"):
        check_finite(X, None, "Est")


@pytest.mark.parametrize("X", [np.full((3, 4), 3e38, np.float32), np.full((3, 4), 1.7e308), csr_array((2, 3))])
def test_finite_values_pass_even_where_their_sum_overflows(X):
    check_finite(X, None, "Est")


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_holes_pass_where_they_may_but_infinity_beside_them_does_not(dtype):
    X = np.ones((9, 3), dtype)
    X[::2, 1] = np.nan
    check_finite(X, None, "Est", allow_nan=True)
    X[7, 2] = -np.inf
    with pytest.raises(ValueError, match="infinity in column 2, row 7"):
        check_finite(X, None, "Est", allow_nan=True)


def test_sparse_arrays_have_no_holes():
    X = csr_array(np.array([[1.0, np.nan], [0.0, 2.0]]))
    with pytest.raises(ValueError, match=r"NaN in column 1, row 0\. Est does not accept"):
        check_finite(X, None, "Est", allow_nan=True)


# row_chunks


@settings(max_examples=30, deadline=None)
@given(n_rows=st.integers(0, 40), picked=st.booleans())
def test_chunks_visit_every_row_once_in_order(n_rows, picked):
    X = np.arange(120.0).reshape(40, 3)
    rows = np.random.default_rng(n_rows).permutation(40)[:n_rows] if picked else None
    expected = X[:n_rows] if rows is None else X[rows]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_chunks, "CHUNK_BYTES", 8 * 3 * 4)
        chunks = list(row_chunks(X[:n_rows] if rows is None else X, rows))
    assert all(len(chunk) <= 4 for _, chunk in chunks)
    np.testing.assert_array_equal(np.concatenate([X[:0], *(chunk for _, chunk in chunks)]), expected)
    for place, chunk in chunks:
        np.testing.assert_array_equal(expected[place], chunk)


def test_chunks_of_very_wide_rows_hold_one_row(monkeypatch):
    monkeypatch.setattr(_chunks, "CHUNK_BYTES", 16)
    assert [len(chunk) for _, chunk in row_chunks(np.ones((3, 50)))] == [1, 1, 1]


def test_all_rows_are_views_not_copies():
    X = np.ones((10, 3))
    assert all(np.shares_memory(chunk, X) for _, chunk in row_chunks(X))


# as_tensor


def test_a_writable_array_shares_memory_with_its_tensor():
    X = np.ones((2, 2))
    assert as_tensor(X).data_ptr() == X.ctypes.data
