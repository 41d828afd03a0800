"""How far standardised numbers may lie from what was fitted."""

import numpy as np
import pytest
import torch

from skmtl.features import ArrayStandardizer, Form
from skmtl.features._clipping import Scaling, ordinary_limit

NO_DATA = float(np.finfo(np.float32).min)
draws = np.random.default_rng(0)


def test_numbers_beyond_the_span_of_what_was_fitted_are_the_farthest_that_are_not():
    fitted = [np.array(each) for each in ([1.0, 7.0], [1.0, 0.0], [0.0, 7.0], [2.0, 7.0])]
    for dtype in (torch.float32, torch.float64):
        numbers = torch.tensor([[1.5, 7.0], [1e30, 1e30], [-1e30, torch.nan]], dtype=dtype)
        numbers[1, 1] = torch.finfo(dtype).max
        found = Scaling(*fitted, dtype).apply(numbers)
        torch.testing.assert_close(found[:, 0], torch.tensor([0.5, 3.0, -3.0], dtype=dtype), rtol=2e-6, atol=0)
        torch.testing.assert_close(found[:2, 1], torch.zeros(2, dtype=dtype))
        assert found[2, 1].isnan()


def test_the_limit_follows_the_median_of_the_samples_that_hold_something():
    peaks = np.array([[3.0, 0.0, 1e305], [1.0, 0.0, 1e305], [0.0, np.nan, 1e305], [1e30, 0.0, 1e305]])
    found = ordinary_limit(peaks, np.ones(4))
    assert found[0] == 3 * 2**20
    assert found[1] == np.inf
    assert found[2] > 1e308
    repeated = ordinary_limit(np.repeat(peaks, [1, 4, 1, 1], axis=0), np.ones(7))
    weighted = ordinary_limit(peaks, np.array([1.0, 4.0, 1.0, 1.0]))
    np.testing.assert_array_equal(repeated, weighted)
    assert weighted[0] == 2**20


@pytest.mark.parametrize(("form", "shape"), [(Form.IMAGE, (2, 3, 3)), (Form.SEQUENCE, (9, 2))])
@pytest.mark.parametrize(("value", "dtype"), [(NO_DATA, np.float32), (1e300, np.float64), (-1e8, np.float64)])
def test_an_absurd_value_is_no_measure_of_the_others(form, shape, value, dtype):
    X = draws.normal(size=(20, 18)).astype(dtype)
    hole = X.copy()
    X[3, 4], hole[3, 4] = value, np.nan
    expected = ArrayStandardizer(form, shape).update(hole, None, np.ones(20))
    for rows in (None, draws.permutation(20)):
        found = ArrayStandardizer(form, shape).update(X, rows, np.ones(20))
        np.testing.assert_allclose(found.mean_, expected.mean_, rtol=1e-12)
        np.testing.assert_allclose(found.inverse_scale_, expected.inverse_scale_, rtol=1e-12)
        np.testing.assert_allclose(found.mean_sample_, expected.mean_sample_, rtol=1e-12)
    others = np.arange(18) != 4
    read, of_hole = (each.tensor(X, torch.float32, "cpu") for each in (found, expected))
    torch.testing.assert_close(read, of_hole)
    assert read.isfinite().all() and 3 < read[3, 4].abs() < 15
    np.testing.assert_array_equal(X[3, others], hole[3, others])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_what_was_fitted_is_not_clipped_and_later_chunks_reach_farther(dtype):
    X = np.array([[100, 101], [102, 103]]).astype(dtype)
    standardizer = ArrayStandardizer(Form.IMAGE, (1, 1, 2)).update(X, None, np.ones(2))
    later = np.array([[100, 103], [200, 0]]).astype(dtype)
    scale = np.sqrt(1.25)
    found = standardizer.tensor(later, torch.float64, "cpu").numpy()
    np.testing.assert_allclose(found * scale, [[-1.5, 1.5], [4.5, -4.5]], rtol=1e-5)
    standardizer.update(later, None, np.ones(2))
    found = standardizer.tensor(later, torch.float64, "cpu").numpy()
    np.testing.assert_allclose(found * scale, [[-1.5, 1.5], [98.5, -101.5]], rtol=1e-6)


def test_an_absurd_value_in_a_later_and_longer_sequence_does_not_count_either():
    first, later = np.array([[1.0, 2, 3, 5]]), np.array([[2.0, 4, 1, 3, 4, 9]])
    absurd = np.where(np.arange(6) == 4, 1e30, later)
    expected, found = (
        ArrayStandardizer(Form.SEQUENCE, (2, 2)).update(first, None, np.ones(1)).update(rows, None, np.ones(1))
        for rows in (np.where(absurd > 9, np.nan, later), absurd)
    )
    torch.testing.assert_close(found.tensor(later, torch.float64, "cpu"), expected.tensor(later, torch.float64, "cpu"))
