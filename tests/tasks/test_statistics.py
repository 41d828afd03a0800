import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmtl.losses import AbsoluteError, Gamma, Huber, LogLoss, Poisson, SquaredError
from skmtl.tasks import group_tasks, member_statistics

FIELDS = ("shift", "scale", "start", "constant_loss", "mean_weight")


def example(seed, kinds, n_rows=30):
    """Return labels in engine order, their weights and groups."""
    rng = np.random.default_rng(seed)
    order, groups = group_tasks(*zip(*kinds, strict=True))
    labels = np.empty((n_rows, len(kinds)))
    for task, (loss, n_classes) in enumerate([kinds[position] for position in order]):
        if loss == LogLoss():
            labels[:, task] = rng.integers(n_classes, size=n_rows)
        elif loss.scaling == "mean":
            labels[:, task] = rng.poisson(3.0, n_rows) + 1
        else:
            labels[:, task] = rng.normal(rng.normal(), 2.0, n_rows)
    weights = np.where(rng.random(labels.shape) < 0.7, rng.uniform(0.5, 2.0, labels.shape), 0.0)
    weights[:6] = 1
    return labels, weights, groups


MIXED = [(SquaredError(), 1), (LogLoss(), 2), (Poisson(), 1), (LogLoss(), 4), (AbsoluteError(), 1), (LogLoss(), 4)]


def assert_same(one, other, members=slice(None), **tolerance):
    for field in FIELDS:
        np.testing.assert_allclose(getattr(one, field)[members], getattr(other, field), err_msg=field, **tolerance)


def test_regression_by_hand():
    _, groups = group_tasks([SquaredError()], [1])
    statistics = member_statistics(np.array([[1.0], [4.0], [9.0]]), np.array([[2.0], [1.0], [0.0]]), None, 2, groups)
    for member in range(2):
        # Means of three numbers.
        assert statistics.shift[member] == pytest.approx(2, rel=1e-15)
        assert statistics.scale[member] == pytest.approx(np.sqrt(2), rel=1e-15)
        assert statistics.constant_loss[member] == 0.5
        assert statistics.mean_weight[member] == 1
        assert statistics.start[member] == 0


def test_counts_and_amounts_are_divided_by_their_mean():
    _, groups = group_tasks([Poisson(), Gamma()], [1, 1])
    labels = np.array([[0.0, 1.0], [4.0, 3.0]])
    statistics = member_statistics(labels, np.ones((2, 2)), None, 1, groups)
    assert statistics.shift.tolist() == [[0, 0]]
    assert statistics.scale.tolist() == [[2, 2]]
    np.testing.assert_allclose(statistics.constant_loss, [[np.log(2), np.log(4 / 3) / 2]], rtol=1e-14)  # by hand


def test_classes_start_at_the_log_of_their_shares():
    order, groups = group_tasks([LogLoss(), LogLoss()], [2, 3])
    assert order.tolist() == [0, 1]
    labels = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 2.0], [1.0, 2.0]])
    weights = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 2.0], [1.0, 4.0]])
    statistics = member_statistics(labels, weights, None, 1, groups)
    # Logarithms of ratios, in another order.
    assert statistics.start[0, 0] == pytest.approx(np.log(3), rel=1e-14)
    softmax = np.exp(statistics.start[0, 1:]) / np.exp(statistics.start[0, 1:]).sum()
    np.testing.assert_allclose(softmax, [1 / 8, 1 / 8, 6 / 8], rtol=1e-14)
    np.testing.assert_allclose(statistics.constant_loss[0], [0.562335, 0.735622], rtol=1e-6)  # entropies, six digits
    assert statistics.scale.tolist() == [[1, 1]]
    assert statistics.shift.tolist() == [[0, 0]]


def test_a_class_without_a_label_starts_below_all_others():
    _, groups = group_tasks([LogLoss()], [4])
    statistics = member_statistics(np.array([[0.0], [1.0], [1.0]]), np.array([[0.001], [0.5], [0.5]]), None, 1, groups)
    start = statistics.start[0]
    assert np.isfinite(start).all()
    assert start[2] == start[3] < start[0] < start[1]
    assert start[1] - start[0] == pytest.approx(np.log(1000), rel=1e-13)  # shares that are known are not touched
    _, groups = group_tasks([LogLoss()], [2])
    for code, sign in ((0.0, -1), (1.0, 1)):
        statistics = member_statistics(np.full((5, 1), code), np.ones((5, 1)), None, 1, groups)
        assert statistics.start[0, 0] == pytest.approx(sign * np.log(100), rel=1e-13)  # 1 %


@pytest.mark.parametrize("kinds", [[(LogLoss(), 2)], [(LogLoss(), 3)]])
@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_a_common_factor_of_all_weights_changes_only_the_mean_weight(kinds, factor):
    labels, weights, groups = example(0, [*kinds, *MIXED])
    labels[:, 0] = 0  # a class is never seen
    one = member_statistics(labels, weights, None, 1, groups)
    other = member_statistics(labels, weights * factor, None, 1, groups)
    for field in FIELDS[:-1]:
        # Every sum rounds anew, and shifts may cancel; the location of Huber's is none of these.
        np.testing.assert_allclose(getattr(one, field), getattr(other, field), rtol=1e-12, atol=1e-14, err_msg=field)
    np.testing.assert_allclose(one.mean_weight * factor, other.mean_weight, rtol=1e-14)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_integer_weights_count_as_repeated_rows(seed):
    labels, _, groups = example(seed, [*MIXED, (Huber(), 1), (Gamma(), 1)])
    rng = np.random.default_rng(seed)
    times = rng.integers(1, 4, len(labels))
    labels[:, 1] = 0  # one class is never seen
    hidden = rng.random(labels.shape) < 0.4
    hidden[0] = False
    repeated = np.repeat(labels, times, axis=0)
    held_out = rng.integers(3, size=len(labels))
    held_out[0] = 9
    one = member_statistics(labels, np.where(hidden, 0.0, times[:, None]), held_out, 3, groups)
    other = member_statistics(
        repeated, np.where(np.repeat(hidden, times, axis=0), 0.0, 1.0), np.repeat(held_out, times), 3, groups
    )
    for field in ("shift", "scale", "start", "constant_loss"):
        # Sums in another order; shifts and starts may cancel; Huber's location is found to 2e-12.
        np.testing.assert_allclose(getattr(one, field), getattr(other, field), rtol=1e-10, atol=1e-12, err_msg=field)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_members=st.integers(1, 4))
def test_a_member_knows_its_own_training_rows_only(seed, n_members):
    labels, weights, groups = example(seed, MIXED)
    held_out = np.random.default_rng(seed).integers(n_members + 1, size=len(labels))
    held_out[:3] = n_members  # rows that nobody holds out
    together = member_statistics(labels, weights, held_out, n_members, groups)
    for member in range(n_members):
        trains = held_out != member
        alone = member_statistics(labels[trains], weights[trains], None, 1, groups)
        assert_same(together, alone, slice(member, member + 1), rtol=0)
        changed = np.where(trains[:, None], labels, 1.0)
        assert_same(
            member_statistics(changed, weights, held_out, n_members, groups), alone, slice(member, member + 1), rtol=0
        )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), filler=st.sampled_from([0.0, 1.0, 1e300, -1e300, np.nan, np.inf]))
def test_what_stands_in_hidden_cells_does_not_matter(seed, filler):
    labels, weights, groups = example(seed, MIXED)
    one = member_statistics(labels, weights, None, 1, groups)
    other = member_statistics(np.where(weights > 0, labels, filler), weights, None, 1, groups)
    assert_same(one, other, rtol=0)


def test_without_holdouts_all_members_know_the_same():
    labels, weights, groups = example(1, MIXED)
    statistics = member_statistics(labels, weights, None, 3, groups)
    assert statistics.scale.shape == (3, len(MIXED))
    assert statistics.start.shape == (3, 12)
    assert_same(statistics, member_statistics(labels, weights, None, 1, groups), slice(2, 3), rtol=0)


def test_a_task_without_a_label_is_marked():
    _, groups = group_tasks([SquaredError(), SquaredError()], [1, 1])
    weights = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    statistics = member_statistics(np.arange(6.0).reshape(3, 2), weights, np.array([0, 1, 0]), 2, groups)
    assert statistics.has_labels.tolist() == [[True, False], [True, True]]
    assert np.isnan(statistics.constant_loss).tolist() == [[False, True], [False, False]]
    assert (statistics.shift[0, 1], statistics.scale[0, 1]) == (0, 1)


def test_a_member_may_hold_out_everything():
    _, groups = group_tasks([SquaredError()], [1])
    statistics = member_statistics(np.ones((2, 1)), np.ones((2, 1)), np.zeros(2, int), 1, groups)
    assert statistics.mean_weight.tolist() == [[0]]


def test_no_task_is_scaled_up_more_than_tenfold():
    _, groups = group_tasks([LogLoss(), Poisson(), AbsoluteError()], [2, 1, 1])
    labels = np.ones((1000, 3))
    labels[0] = [0, 2, 1]
    statistics = member_statistics(labels, np.ones_like(labels), None, 1, groups)
    assert statistics.constant_loss.tolist() == [[0.1, 0.1, 0.1]]


def test_nearly_constant_and_zero_labels_have_scale_one():
    _, groups = group_tasks([SquaredError(), SquaredError(), Poisson()], [1, 1, 1])
    labels = np.array([[5.0, 1.0, 0.0], [5.0, 1.0 + 1e-9, 0.0]])
    statistics = member_statistics(labels, np.ones_like(labels), None, 1, groups)
    assert statistics.scale.tolist() == [[1, 1, 1]]


def test_no_tasks_have_no_statistics():
    statistics = member_statistics(np.zeros((3, 0)), np.zeros((3, 0)), None, 2, [])
    assert statistics.start.shape == (2, 0)
    assert statistics.has_labels.shape == (2, 0)


def test_updated_completes_only_what_was_unknown():
    labels, weights, groups = example(2, MIXED)
    # In engine order, the third group holds both tasks of four classes; one of them and a regression task are new.
    new = np.array([True, False, False, True, False, False])
    old = member_statistics(labels, np.where(new, 0.0, weights), None, 2, groups)
    later = member_statistics(labels[::-1] * 1.0, weights, None, 2, groups)
    updated = old.updated(later, groups)
    for field in ("shift", "scale", "constant_loss", "mean_weight"):
        expected = np.where(new, getattr(later, field), getattr(old, field))
        np.testing.assert_array_equal(getattr(updated, field), expected)
    outputs = np.zeros(12, dtype=bool)
    for group in groups:
        outputs[group.outputs] = np.repeat(new[group.tasks], group.width)
    np.testing.assert_array_equal(updated.start, np.where(outputs, later.start, old.start))
    assert updated.has_labels.all()
