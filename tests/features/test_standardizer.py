import pickle
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from skmtl.features import Layout, Standardizer, _chunks, as_tensor, check_finite


def moments(standardizer):
    with np.errstate(divide="ignore"):
        return standardizer.mean_, np.where(standardizer.inverse_scale_ > 0, 1 / standardizer.inverse_scale_, 0.0)


def standardised(standardizer, X, dtype=torch.float64):
    return standardizer.tensor(X, dtype, "cpu")


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(_chunks, "CHUNK_BYTES", 8 * 3 * 4)  # four rows of three columns


# Numbers


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
        patch.setattr(_chunks, "CHUNK_BYTES", 8 * 3 * 4)
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


def test_sparse_columns_are_divided_by_the_weighted_root_mean_square_of_what_is_not_zero():
    rng = np.random.default_rng(2)
    dense = rng.normal(size=(30, 4)) * (rng.random((30, 4)) < 0.3)
    dense[:, 3] = 0
    weights = rng.uniform(0.1, 2, 30)
    standardizer = Standardizer(4).update(csr_array(dense), None, weights)
    present = np.where(dense != 0, weights[:, None], 0)
    expected = np.sqrt((present * dense**2).sum(0) / np.maximum(present.sum(0), 1e-9))
    assert standardizer.mean_.tolist() == [0] * 4
    np.testing.assert_allclose(moments(standardizer)[1], expected, rtol=1e-13)  # a few float64 operations
    result = standardised(standardizer, csr_array(dense)[3:7])
    assert result.layout == torch.strided
    np.testing.assert_allclose(result[:, :3].numpy(), dense[3:7, :3] / expected[:3], rtol=1e-13)
    assert (result[:, 3] == 0).all()


def test_sparse_bits_stay_bits_however_rare_and_stored_zeros_do_not_count():
    X = csr_array((np.array([1.0, 0.0, 3.0, 3.0]), ([7, 3, 0, 9], [0, 0, 1, 1])), shape=(1000, 2))
    standardizer = Standardizer(2).update(X, None, np.ones(1000))
    np.testing.assert_allclose(standardised(standardizer, X)[[7, 0]].numpy(), np.eye(2), rtol=1e-15)


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
    np.testing.assert_allclose(moments(standardizer)[1] / [scale, 1], np.sqrt([5 / 2, 10 / 2]), rtol=1e-14)


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
    assert peak < 4 * _chunks.CHUNK_BYTES
    tensor = as_tensor(mapped)
    assert tensor.data_ptr() == mapped.ctypes.data
    before = mapped[:5].copy()
    standardised(standardizer, mapped[:5], torch.float32)
    np.testing.assert_array_equal(mapped[:5], before)


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
    assert "_scaling" in vars(standardizer)
    assert "_scaling" not in vars(again)
    assert standardised(again, X).tolist() == [[-1], [1]]


# Holes


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("picked", [False, True])
def test_statistics_are_those_of_the_present_values(dtype, picked):
    rng = np.random.default_rng(5)
    X = rng.normal(3, 2, size=(40, 3)).astype(dtype)
    X[rng.random(40) < 0.4, 1] = np.nan
    X[8:16, 2] = np.nan  # whole chunks
    rows = rng.permutation(40)[:30] if picked else None
    used = (X if rows is None else X[rows]).astype(float)
    weights = rng.uniform(0.1, 3, len(used))
    standardizer = Standardizer(3).update(X, rows, weights)
    for column in range(3):
        present = ~np.isnan(used[:, column])
        mean = np.average(used[present, column], weights=weights[present])
        scale = np.sqrt(np.average((used[present, column] - mean) ** 2, weights=weights[present]))
        np.testing.assert_allclose(moments(standardizer)[0][column], mean, rtol=1e-12)  # sums in another order
        np.testing.assert_allclose(moments(standardizer)[1][column], scale, rtol=1e-12)


@pytest.mark.usefixtures("small_chunks")
def test_holes_do_not_touch_the_statistics_of_other_columns():
    rng = np.random.default_rng(6)
    X = rng.normal(size=(50, 3))
    holed = X.copy()
    holed[::3, 0] = np.nan
    weights = rng.uniform(0.1, 3, 50)
    whole, part = Standardizer(3).update(X, None, weights), Standardizer(3).update(holed, None, weights)
    np.testing.assert_array_equal(whole.mean_[1:], part.mean_[1:])
    np.testing.assert_array_equal(whole.inverse_scale_[1:], part.inverse_scale_[1:])


def test_a_hole_becomes_the_mean_and_is_marked():
    X = np.array([[1.0, 10.0], [np.nan, 20.0], [3.0, 40.0], [np.nan, 30.0]])
    standardizer = Standardizer(2).update(X, None, np.ones(4))
    assert standardizer.n_outputs == 3
    result = standardised(standardizer, X)
    assert result[:, 0].tolist() == [-1, 0, 1, 0]
    assert result[:, 2].tolist() == [-0.5, 0.5, -0.5, 0.5]  # 0 and 1, less the share of holes
    plain = Standardizer(1).update(X[:, 1:], None, np.ones(4))
    np.testing.assert_array_equal(result[:, 1:2], standardised(plain, X[:, 1:]))


def test_the_share_of_holes_is_weighted():
    X = np.array([[1.0], [np.nan], [3.0]])
    standardizer = Standardizer(1).update(X, None, np.array([1.0, 2.0, 1.0]))
    repeated = Standardizer(1).update(X[[0, 1, 1, 2]], None, np.ones(4))
    assert (
        standardised(standardizer, X).tolist()
        == standardised(repeated, X).tolist()
        == [[-1, -0.5], [0, 0.5], [1, -0.5]]
    )


@pytest.mark.parametrize("as_tensors", [False, True])
def test_a_hole_that_is_new_at_predict_becomes_the_mean_only(as_tensors):
    X = np.array([[1.0, 5.0], [3.0, 7.0]])
    standardizer = Standardizer(2).update(X, None, np.ones(2))
    rows = np.array([[np.nan, 5.0], [3.0, np.nan]])
    result = standardised(standardizer, torch.from_numpy(rows.copy()) if as_tensors else rows)
    assert result.tolist() == [[0, -1], [1, 0]]
    assert np.isnan(rows).sum() == 2


def test_columns_without_any_value_have_no_influence_and_no_mark():
    X = np.array([[np.nan, 1.0], [np.nan, 2.0]])
    standardizer = Standardizer(2).update(X, None, np.ones(2))
    assert standardizer.n_outputs == 2
    assert standardised(standardizer, np.array([[5.0, 1.0], [np.nan, 2.0]]))[:, 0].tolist() == [0, 0]


def test_a_constant_column_with_holes_says_where_they_are():
    X = np.array([[7.0], [np.nan], [7.0], [np.nan]])
    standardizer = Standardizer(1).update(X, None, np.ones(4))
    assert standardised(standardizer, X).tolist() == [[0, -0.5], [0, 0.5], [0, -0.5], [0, 0.5]]


def test_parts_of_one_column_share_a_mark():
    layout = Layout(["date (trend)", "date (year sin)", "size"], [0, 0, 1])
    X = np.array([[1.0, 2.0, np.nan], [np.nan, np.nan, 1.0], [2.0, 3.0, 2.0]])
    standardizer = Standardizer(layout).update(X, None, np.ones(3))
    assert standardizer.n_outputs == 5
    np.testing.assert_allclose(standardised(standardizer, X)[:, 3], [-1 / 3, 2 / 3, -1 / 3], rtol=1e-15)


def test_later_rows_give_an_empty_column_its_scale_but_no_mark():
    standardizer = Standardizer(1).update(np.array([[np.nan], [np.nan]]), None, np.ones(2))
    standardizer.update(np.array([[1.0], [np.nan], [3.0]]), None, np.ones(3))
    assert standardised(standardizer, np.array([[1.0], [np.nan], [3.0]])).tolist() == [[-1], [0], [1]]


def test_no_rows_measure_nothing():
    standardizer = Standardizer(2).update(np.empty((0, 2)), None, np.empty(0))
    assert standardizer.n_outputs == 2
    X = np.array([[1.0, np.nan], [3.0, 1.0], [2.0, 3.0]])
    assert standardizer.update(X, None, np.ones(3)).n_outputs == 3


def test_rows_may_have_more_dimensions():
    X = np.array([[1.0, 1.0], [np.nan, 2.0], [3.0, 5.0], [2.0, np.nan]])
    standardizer = Standardizer(2).update(X, None, np.ones(4))
    flat = standardised(standardizer, X)
    np.testing.assert_array_equal(standardised(standardizer, X.reshape(2, 2, 2)), flat.view(2, 2, 4))


def test_numbers_beyond_what_was_fitted_reach_a_span_further_at_most():
    X = np.array([[0.0, 5.0, 3.0], [4.0, np.nan, 3.0], [1.0, 7.0, 3.0]])
    standardizer = Standardizer(3).update(X, None, np.ones(3))
    rows = np.array([[8.0, 3.0, 9.0], [-4.0, 9.0, 3.0], [1e30, -1e30, 1e30], [-np.inf, np.inf, 3.0]])
    nearest = np.array([[8.0, 3.0, 3.0], [-4.0, 9.0, 3.0], [8.0, 3.0, 3.0], [-4.0, 9.0, 3.0]])
    expected = (nearest - standardizer.mean_) * standardizer.inverse_scale_
    found = standardizer.tensor(rows, torch.float64, "cpu")[:, :3]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-12)  # the span is taken a millionth longer


def test_what_is_fitted_later_widens_what_is_known():
    first, second = np.array([[0.0], [1.0]]), np.array([[100.0], [101.0]])
    standardizer = Standardizer(1).update(first, None, np.ones(2))
    assert standardised(standardizer, second).max() < 4
    standardizer.update(second, None, np.ones(2))
    np.testing.assert_allclose(standardised(standardizer, second)[:, 0], [199, 201])


def test_sparse_numbers_are_not_bounded():
    standardizer = Standardizer(1).update(csr_array(np.array([[1.0], [0.0]])), None, np.ones(2))
    assert standardised(standardizer, np.array([[1e6]])).item() == 1e6
