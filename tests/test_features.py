import pickle
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_array, csr_array

from skmtl import features
from skmtl.features import Standardizer, as_tensor, check_finite, row_chunks


def moments(standardizer):
    with np.errstate(divide="ignore"):
        return standardizer.mean_, np.where(standardizer.inverse_scale_ > 0, 1 / standardizer.inverse_scale_, 0.0)


def standardised(standardizer, X, dtype=torch.float64):
    return standardizer.tensor(X, dtype, "cpu")


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(features, "CHUNK_BYTES", 8 * 3 * 4)  # four rows of three columns


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


# row_chunks


@settings(max_examples=30, deadline=None)
@given(n_rows=st.integers(0, 40), picked=st.booleans())
def test_chunks_visit_every_row_once_in_order(n_rows, picked):
    X = np.arange(120.0).reshape(40, 3)
    rows = np.random.default_rng(n_rows).permutation(40)[:n_rows] if picked else None
    expected = X[:n_rows] if rows is None else X[rows]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "CHUNK_BYTES", 8 * 3 * 4)
        chunks = list(row_chunks(X[:n_rows] if rows is None else X, rows))
    assert all(len(chunk) <= 4 for _, chunk in chunks)
    np.testing.assert_array_equal(np.concatenate([X[:0], *(chunk for _, chunk in chunks)]), expected)
    for place, chunk in chunks:
        np.testing.assert_array_equal(expected[place], chunk)


def test_chunks_of_very_wide_rows_hold_one_row(monkeypatch):
    monkeypatch.setattr(features, "CHUNK_BYTES", 16)
    assert [len(chunk) for _, chunk in row_chunks(np.ones((3, 50)))] == [1, 1, 1]


def test_all_rows_are_views_not_copies():
    X = np.ones((10, 3))
    assert all(np.shares_memory(chunk, X) for _, chunk in row_chunks(X))


# Standardizer


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_rows=st.integers(2, 40),
    dtype=st.sampled_from([np.float32, np.float64]),
    picked=st.booleans(),
    exponent=st.sampled_from([0, -300, 300]),
)
def test_chunked_moments_equal_numpys(seed, n_rows, dtype, picked, exponent):
    rng = np.random.default_rng(seed)
    exponent = exponent // 10 if dtype is np.float32 else exponent
    X = rng.normal([0, 5, -1], size=(n_rows, 3)).astype(dtype) * dtype(10.0**exponent)
    rows = rng.permutation(n_rows)[: max(2, n_rows // 2)] if picked else None
    used = X.astype(float) if rows is None else X[rows].astype(float)
    weights = rng.uniform(0.1, 3, len(used))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "CHUNK_BYTES", 8 * 3 * 4)
        standardizer = Standardizer(3).update(X, rows, weights)
    unit = 10.0**exponent
    mean = np.average(used / unit, axis=0, weights=weights)
    scale = np.sqrt(np.average((used / unit - mean) ** 2, axis=0, weights=weights))
    # A few dozen float64 operations; the means may cancel, so against the size of the values.
    np.testing.assert_allclose(moments(standardizer)[0] / unit, mean, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(moments(standardizer)[1] / unit, scale, rtol=1e-12)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("make", [np.asarray, csr_array])
def test_integer_weights_count_as_repeated_rows(make):
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(17, 3)), rng.integers(1, 5, 17)
    repeated = np.repeat(X, weights, axis=0)
    one = Standardizer(3).update(make(X), None, weights.astype(float))
    other = Standardizer(3).update(make(repeated), None, np.ones(len(repeated)))
    # Sums in another order.
    np.testing.assert_allclose(one.mean_, other.mean_, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(one.inverse_scale_, other.inverse_scale_, rtol=1e-12)


def test_a_large_offset_does_not_eat_the_spread():
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(1000, 1))
    standardizer = Standardizer(1).update(noise + 1e8, None, np.ones(1000))
    # 1e8 leaves 8 digits of the noise; the textbook formula, mean of squares minus square of mean, leaves none.
    np.testing.assert_allclose(moments(standardizer)[1], noise.std(axis=0), rtol=1e-7)


@pytest.mark.parametrize("scale", [1e308, 1e300, 1e-300, 1e-310])
def test_the_largest_and_smallest_numbers_have_moments(scale):
    X = np.array([[-1.0], [1.0], [0.5], [0.25]]) * scale
    standardizer = Standardizer(1).update(X, None, np.ones(4))
    expected = (X / scale - (X / scale).mean()) / (X / scale).std()
    result = standardised(standardizer, X).numpy()
    if scale < np.finfo(float).tiny:  # 1 / scale is no float64: it is capped, and the column stays smaller
        assert np.isfinite(result).all()
        assert 0 < np.abs(result).max() <= np.abs(expected).max()
    else:
        np.testing.assert_allclose(result, expected, rtol=1e-12)  # a few float64 operations


def test_tiny_float32_columns_stay_finite():
    X = np.array([[1e-40], [-1e-40]], dtype=np.float32)  # below the smallest normal number
    result = standardised(Standardizer(1).update(X, None, np.ones(2)), X)
    assert result.isfinite().all()


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e-300, -1e300, 7.0])
def test_constant_columns_are_ignored_at_predict(constant):
    X = np.array([[constant, 1.0], [constant, 2.0], [constant, 4.0]])
    weights = np.array([0.1, 0.2, 0.7])  # means of equal numbers that round
    standardizer = Standardizer(2).update(X, None, weights)
    assert standardizer.inverse_scale_[0] == 0
    result = standardised(standardizer, np.array([[1e308, 1.0], [-1e308, 1.0]]))
    assert (result[:, 0] == 0).all()
    assert (result[:, 1] != 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_features", [1, 2, 8])
def test_constant_columns_of_many_rows_are_constant_whatever_rounding_makes_of_their_mean(n_features, dtype):
    rng = np.random.default_rng(n_features)
    X = np.tile(rng.uniform(0.1, 1, n_features).astype(dtype), (20_000, 1))
    for weights in (np.ones(len(X)), rng.uniform(0.1, 2, len(X))):
        assert not Standardizer(n_features).update(X, None, weights).inverse_scale_.any()


def test_columns_that_differ_in_rounding_only_are_constant():
    X = np.full((50, 1), 0.1)
    X[::2] = np.nextafter(0.1, 1)
    assert Standardizer(1).update(X, None, np.ones(50)).inverse_scale_ == 0


def test_a_constant_too_large_for_float32_is_ignored_in_float32_too():
    standardizer = Standardizer(1).update(np.full((3, 1), 1e300), None, np.ones(3))
    assert standardised(standardizer, np.ones((2, 1), np.float32)).tolist() == [[0.0], [0.0]]


def test_one_row_makes_all_columns_constant():
    standardizer = Standardizer(2).update(np.array([[3.0, -1.0]]), None, np.ones(1))
    assert standardizer.inverse_scale_.tolist() == [0, 0]


def test_later_rows_measure_only_columns_without_a_scale():
    first = np.array([[1.0, 5.0], [3.0, 5.0]])
    standardizer = Standardizer(2).update(first, None, np.ones(2))
    assert standardised(standardizer, first).tolist() == [[-1, 0], [1, 0]]
    standardizer.update(np.array([[100.0, 1.0], [200.0, 3.0]]), None, np.ones(2))
    assert standardizer.mean_.tolist() == [2, 2]
    assert standardizer.inverse_scale_.tolist() == [1, 1]
    assert standardised(standardizer, np.array([[1.0, 3.0]])).tolist() == [[-1, 1]]


def test_sparse_columns_are_divided_by_their_weighted_root_mean_square():
    rng = np.random.default_rng(2)
    dense = rng.normal(size=(30, 4)) * (rng.random((30, 4)) < 0.3)
    dense[:, 3] = 0
    weights = rng.uniform(0.1, 2, 30)
    standardizer = Standardizer(4).update(csr_array(dense), None, weights)
    expected = np.sqrt(np.average(dense**2, axis=0, weights=weights))
    assert standardizer.mean_.tolist() == [0] * 4
    np.testing.assert_allclose(moments(standardizer)[1], expected, rtol=1e-13)  # a few float64 operations
    result = standardised(standardizer, csr_array(dense)[3:7])
    assert result.layout == torch.strided
    np.testing.assert_allclose(result[:, :3].numpy(), dense[3:7, :3] / expected[:3], rtol=1e-13)
    assert (result[:, 3] == 0).all()


def test_sparse_rows_may_be_chosen():
    dense = np.arange(12.0).reshape(4, 3)
    rows = np.array([2, 0])
    chosen = Standardizer(3).update(csr_array(dense), rows, np.ones(2))
    alone = Standardizer(3).update(csr_array(dense[rows]), None, np.ones(2))
    np.testing.assert_array_equal(chosen.inverse_scale_, alone.inverse_scale_)


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_sparse_columns_of_absurd_scale(scale):
    dense = np.array([[scale, 0.0], [0.0, 1.0], [-2 * scale, 3.0]])
    standardizer = Standardizer(2).update(csr_array(dense), None, np.ones(3))
    np.testing.assert_allclose(moments(standardizer)[1] / [scale, 1], np.sqrt([5 / 3, 10 / 3]), rtol=1e-14)


def test_wide_sparse_X_is_measured_without_being_densified():
    X = csr_array((np.ones(3), ([0, 1, 2], [5, 499_999, 7])), shape=(3, 500_000))
    tracemalloc.start()
    standardizer = Standardizer(500_000).update(X, None, np.ones(3))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.flatnonzero(standardizer.inverse_scale_).tolist() == [5, 7, 499_999]
    assert peak < 16 * 8 * 500_000  # a handful of rows' worth; a float64 copy of 1000 rows would be far beyond


def test_wide_dense_X():
    X = np.random.default_rng(3).normal(size=(4, 20_000))
    standardizer = Standardizer(20_000).update(X, None, np.ones(4))
    np.testing.assert_allclose(standardizer.mean_, X.mean(axis=0), rtol=1e-12, atol=1e-14)  # float64 sums of four


def test_a_read_only_memory_map_is_never_copied(tmp_path):
    path = tmp_path / "X.npy"
    n_rows, n_features = 60_000, 32
    X = np.lib.format.open_memmap(path, "w+", dtype=np.float32, shape=(n_rows, n_features))
    X[:] = np.random.default_rng(4).normal(size=(n_rows, n_features)).astype(np.float32)
    X.flush()
    mapped = np.load(path, mmap_mode="r")
    tracemalloc.start()
    check_finite(mapped, None, "Est")
    standardizer = Standardizer(n_features).update(mapped, None, np.ones(n_rows))
    standardizer.update(mapped, np.arange(n_rows - 1), np.ones(n_rows - 1))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A few chunks of 8 MB in float64 would be the size of this small map: rows × 4 bytes; one chunk is 32,768 rows.
    assert peak < 4 * features.CHUNK_BYTES
    tensor = as_tensor(mapped)
    assert tensor.data_ptr() == mapped.ctypes.data
    before = mapped[:5].copy()
    standardised(standardizer, mapped[:5], torch.float32)
    np.testing.assert_array_equal(mapped[:5], before)


def test_a_writable_array_shares_memory_with_its_tensor():
    X = np.ones((2, 2))
    assert as_tensor(X).data_ptr() == X.ctypes.data


def test_arrays_stay_as_they_are_and_tensors_are_used_up():
    X = np.array([[1.0], [3.0]])
    standardizer = Standardizer(1).update(X, None, np.ones(2))
    assert standardised(standardizer, X).tolist() == [[-1], [1]]
    assert X.tolist() == [[1], [3]]
    rows = torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    result = standardised(standardizer, rows)
    assert result.data_ptr() == rows.data_ptr()


def test_rows_come_in_the_dtype_asked_for():
    X = np.array([[1.0], [3.0]], dtype=np.float32)
    standardizer = Standardizer(1).update(X, None, np.ones(2))
    for source in (X, X.astype(float), csr_array(X)):
        for dtype in (torch.float32, torch.float64):
            assert standardizer.tensor(source, dtype, torch.device("cpu")).dtype == dtype


def test_pickles_hold_no_tensors():
    X = np.array([[1.0], [3.0]])
    standardizer = Standardizer(1).update(X, None, np.ones(2))
    standardised(standardizer, X)
    again = pickle.loads(pickle.dumps(standardizer))
    assert set(vars(again)) == {"mean_", "inverse_scale_"}
    assert standardised(again, X).tolist() == [[-1], [1]]
