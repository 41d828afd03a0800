import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmtl.losses import AbsoluteError, Gamma, Huber, Poisson, SquaredError
from skmtl.tasks import RegressionTargets, split_columns


def targets_for(*losses):
    return RegressionTargets([f"t{position}" for position in range(len(losses))], losses)


def numbers_of(y, *losses):
    return targets_for(*losses).numbers(split_columns(y))


def test_labels_become_floats_and_missing_ones_nan():
    for y in ([1, None, 3], np.array([1, np.nan, 3], np.float32), np.array([1, None, 3], object)):
        numbers = numbers_of(y, SquaredError())
        assert numbers.dtype == float
        np.testing.assert_array_equal(numbers, [[1], [np.nan], [3]])
    np.testing.assert_array_equal(numbers_of([True, False], SquaredError()), [[1], [0]])


def test_infinite_labels_are_refused_with_task_and_row():
    with pytest.raises(
        ValueError, match=r"Task 't1' contains infinity or a value too large for float64 \(first in row 2\)"
    ):
        numbers_of(np.array([[1, 2], [np.nan, 1], [3, -np.inf]]), SquaredError(), SquaredError())


def test_an_infinite_label_that_is_hidden_does_not_matter():
    columns = split_columns([1.0, np.inf]).hide(np.array([[False], [True]]))
    np.testing.assert_array_equal(targets_for(SquaredError()).numbers(columns), [[1], [np.nan]])


@pytest.mark.parametrize(
    "y", [["a", "b"], [1.0, "b"], np.array(["2020-01-01", "NaT"], "M8[D]"), np.array(["2020-01-01"], "M8[D]"), [{}, {}]]
)
def test_labels_that_are_no_numbers_are_refused_with_the_task(y):
    with pytest.raises(ValueError, match="Task 't0' holds labels that are not numbers"):
        numbers_of(y, SquaredError())


def test_labels_that_the_loss_refuses_are_refused_with_the_task():
    with pytest.raises(ValueError, match=r"Task 't1': loss 'poisson' needs labels >= 0, and the smallest is -2\."):
        numbers_of([[1, -2], [1, 3]], SquaredError(), Poisson())
    with pytest.raises(ValueError, match=r"Task 't0': loss 'gamma' needs labels > 0, and the smallest is 0\."):
        numbers_of([0.0, 1.0], Gamma())
    np.testing.assert_array_equal(numbers_of([-1.0, 1.0], AbsoluteError()), [[-1], [1]])


def test_units_are_weighted_mean_and_deviation_or_the_mean_alone():
    numbers = np.array([[1.0, 1.0, np.nan], [4.0, 4.0, 2.0], [np.nan, 9.0, 4.0]])
    weights = np.array([[2.0, 2.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 3.0]])
    targets = targets_for(SquaredError(), Poisson(), Gamma()).fit(numbers, weights)
    # Means of a few numbers, in another order.
    np.testing.assert_allclose(targets.center_, [2, 0, 0], rtol=1e-14)
    np.testing.assert_allclose(targets.unit_, [np.sqrt(2), 15 / 4, 3.5], rtol=1e-14)
    encoded = targets.encode(numbers)
    np.testing.assert_allclose(encoded[:, 0], [-1 / np.sqrt(2), np.sqrt(2), np.nan], rtol=1e-14)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), exponent=st.sampled_from([0, -300, 300, 8]), offset=st.sampled_from([0.0, 1e3]))
def test_decoding_undoes_encoding_at_any_scale(seed, exponent, offset):
    rng = np.random.default_rng(seed)
    numbers = rng.normal([offset, 0, 0], size=(20, 3)) * 10.0**exponent
    weights = (rng.random((20, 3)) < 0.7).astype(float)
    weights[0] = 1
    targets = targets_for(SquaredError(), AbsoluteError(), Huber()).fit(numbers, weights)
    encoded = targets.encode(numbers)
    spread = np.sqrt(np.average((encoded / 1.0) ** 2, axis=0, weights=weights))
    assert (spread < 1 + 1e-6).all()
    for task in (2, 0):
        # Two roundings of numbers of the size of the offset.
        np.testing.assert_allclose(
            targets.decode(encoded[:, task], task) / 10.0**exponent,
            numbers[:, task] / 10.0**exponent,
            rtol=1e-12,
            atol=1e-12,
        )


def test_constant_labels_keep_unit_one_even_where_their_mean_rounds():
    numbers = np.full((7, 2), 0.1)
    numbers[:, 1] = 0
    weights = np.random.default_rng(0).uniform(0.1, 1, (7, 2))
    targets = targets_for(SquaredError(), Poisson()).fit(numbers, weights)
    assert targets.unit_[0] == 1
    assert targets.unit_[1] == 1  # a mean of 0 is no unit
    assert np.abs(targets.encode(numbers)).max() < 1e-15


def test_zero_labels_have_unit_one():
    targets = targets_for(SquaredError()).fit(np.zeros((3, 1)), np.ones((3, 1)))
    assert (targets.center_[0], targets.unit_[0]) == (0, 1)


def test_a_task_without_a_label_has_no_units_until_one_is_seen():
    targets = targets_for(SquaredError(), SquaredError())
    first = np.array([[1.0, np.nan], [3.0, np.nan]])
    targets.fit(first, np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert np.isnan(targets.unit_).tolist() == [False, True]
    targets.fit(np.array([[100.0, 5.0], [200.0, 9.0]]), np.ones((2, 2)))
    assert targets.center_.tolist() == [2, 7]
    assert targets.unit_.tolist() == [1, 2]


def test_a_continued_model_keeps_its_units_apart_from_the_first():
    targets = targets_for(SquaredError()).fit(np.array([[1.0], [3.0]]), np.ones((2, 1)))
    continued = targets.continued(targets_for(SquaredError()))
    assert continued.center_.tolist() == targets.center_.tolist()
    continued.center_[0] = 100
    assert targets.center_[0] == 2


def test_every_task_is_learnable_with_one_output_and_a_neutral_value_that_its_loss_can_take():
    targets = targets_for(SquaredError(), Poisson(), Gamma(), AbsoluteError())
    assert targets.n_classes == [1] * 4
    assert targets.learnable.tolist() == [True] * 4
    assert targets.neutral().tolist() == [0, 1, 1, 0]
