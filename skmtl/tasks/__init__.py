"""What a task is: one column of `y`, turned into float labels, a loss and statistics, and back into predictions.

`TaskStructure` says which tasks there are, `EntireSpaceChain` which of them are the steps of a chain.
`RegressionTargets`, `ClassificationTargets` and `MixedTargets` encode and decode labels, `group_tasks` puts like tasks
side by side, `member_statistics` measures what each member may know of the labels, and `Objective` gives the loss of
every task of a batch with its derivative.
"""

from ._chains import EntireSpaceChain, check_chain_weights, check_chains, settle_chains, with_chains
from ._class_weights import class_weight_table
from ._classification import ClassificationTargets, find_classes, given_classes, sorted_classes, stack_labels
from ._columns import Categories, Columns, split_columns
from ._distances import LabelDistances
from ._frame import FrameFormat
from ._groups import TaskGroup, group_tasks
from ._mixed import MixedTargets
from ._objective import Measured, MixedMeasured, Objective, label_variance
from ._per_task import losses_by_task, losses_by_type, resolve_task_names, task_weights_by_task, unknown_task
from ._regression import RegressionTargets
from ._statistics import MemberStatistics, member_statistics
from ._structure import TaskStructure
from ._targets import Targets
from ._types import MOST_CLASSES, NUMBER_TYPES, TASK_TYPES, resolve_task_types
from ._weights import label_weights

__all__ = [
    "MOST_CLASSES",
    "NUMBER_TYPES",
    "TASK_TYPES",
    "Categories",
    "ClassificationTargets",
    "Columns",
    "EntireSpaceChain",
    "FrameFormat",
    "LabelDistances",
    "Measured",
    "MemberStatistics",
    "MixedMeasured",
    "MixedTargets",
    "Objective",
    "RegressionTargets",
    "Targets",
    "TaskGroup",
    "TaskStructure",
    "check_chain_weights",
    "check_chains",
    "class_weight_table",
    "find_classes",
    "given_classes",
    "group_tasks",
    "label_variance",
    "label_weights",
    "losses_by_task",
    "losses_by_type",
    "member_statistics",
    "resolve_task_names",
    "resolve_task_types",
    "settle_chains",
    "sorted_classes",
    "split_columns",
    "stack_labels",
    "task_weights_by_task",
    "unknown_task",
    "with_chains",
]
