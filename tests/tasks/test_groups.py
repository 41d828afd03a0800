import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from skmtl.losses import Huber, LogLoss, Poisson, SquaredError
from skmtl.tasks import TaskGroup, group_tasks

KINDS = [(SquaredError(), 1), (Huber(), 1), (Huber(delta=2.0), 1), (LogLoss(), 2), (LogLoss(), 3), (LogLoss(), 4)]


def test_like_tasks_stand_side_by_side():
    order, groups = group_tasks(
        [LogLoss(), SquaredError(), LogLoss(), LogLoss(), SquaredError(), LogLoss()], [3, 1, 2, 3, 1, 4]
    )
    assert order.tolist() == [0, 3, 1, 4, 2, 5]
    assert groups == [
        TaskGroup(LogLoss(), slice(0, 2), slice(0, 6), 3, 3),
        TaskGroup(SquaredError(), slice(2, 4), slice(6, 8), 1, 1),
        TaskGroup(LogLoss(), slice(4, 5), slice(8, 9), 1, 2),
        TaskGroup(LogLoss(), slice(5, 6), slice(9, 13), 4, 4),
    ]


def test_losses_with_different_settings_are_different_groups():
    _, groups = group_tasks([Huber(), Huber(delta=2.0), Huber(delta=1.35), Poisson()], [1] * 4)
    assert [group.loss for group in groups] == [Huber(), Huber(delta=2.0), Poisson()]


def test_no_tasks_make_no_groups():
    order, groups = group_tasks([], [])
    assert order.dtype == np.intp
    assert (len(order), groups) == (0, [])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=12))
def test_groups_partition_tasks_and_outputs(kinds):
    losses, n_classes = zip(*kinds, strict=True)
    order, groups = group_tasks(losses, n_classes)
    assert sorted(order) == list(range(len(kinds)))
    task, output = 0, 0
    for group in groups:
        assert (group.tasks.start, group.outputs.start) == (task, output)
        n_tasks = group.tasks.stop - group.tasks.start
        assert group.outputs.stop - group.outputs.start == n_tasks * group.width
        members = order[group.tasks]
        assert (np.diff(members) > 0).all()  # column order within a group
        for member in members:
            assert losses[member] == group.loss
            assert group.width == (n_classes[member] if n_classes[member] > 2 else 1)
        task, output = group.tasks.stop, group.outputs.stop
    assert task == len(kinds)
    assert len({(group.loss, group.width) for group in groups}) == len(groups)
