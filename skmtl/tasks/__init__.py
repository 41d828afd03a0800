"""What a task is: one column of `y`, turned into float labels, a loss and statistics, and back into predictions.

`RegressionTargets` and `ClassificationTargets` encode and decode labels, `group_tasks` puts like tasks side by side,
`member_statistics` measures what each member may know of the labels, and `Objective` gives the loss of every task of
a batch with its derivative.
"""

from ._classification import ClassificationTargets, find_classes, sorted_classes
from ._columns import Columns, split_columns
from ._groups import TaskGroup, group_tasks
from ._objective import Objective, label_variance
from ._per_task import class_weights_by_task, losses_by_task, resolve_task_names, task_weights_by_task
from ._regression import RegressionTargets
from ._statistics import MemberStatistics, member_statistics

__all__ = [
    "ClassificationTargets",
    "Columns",
    "MemberStatistics",
    "Objective",
    "RegressionTargets",
    "TaskGroup",
    "class_weights_by_task",
    "find_classes",
    "group_tasks",
    "label_variance",
    "losses_by_task",
    "member_statistics",
    "resolve_task_names",
    "sorted_classes",
    "split_columns",
    "task_weights_by_task",
]
