"""The engine: batches, holdouts, early stopping and the training loop, as a skorch net.

`fit` of an estimator hands over a network, an objective and labelled rows; the engine trains all members at once and
leaves each at its best state. Nothing here knows of scikit-learn's conventions.
"""

from ._augmenter import Augmenter
from ._averages import RunningAverage
from ._batch import Batch
from ._callbacks import ProgressLine, clone_callbacks
from ._folds import content_keys, deal_folds, group_keys, n_folds, n_held_out
from ._history import History
from ._holdout import Holdout
from ._isolation import few_threads, global_draws
from ._net import MultiTaskNet
from ._optimizers import SCHEDULES, SOLVERS
from ._rows import Batches, Rows
from ._snapshots import Snapshots

__all__ = [
    "SCHEDULES",
    "SOLVERS",
    "Augmenter",
    "Batch",
    "Batches",
    "History",
    "Holdout",
    "MultiTaskNet",
    "ProgressLine",
    "Rows",
    "RunningAverage",
    "Snapshots",
    "clone_callbacks",
    "content_keys",
    "deal_folds",
    "few_threads",
    "global_draws",
    "group_keys",
    "n_folds",
    "n_held_out",
]
