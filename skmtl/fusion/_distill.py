"""Distillation: a small student that learns what large teachers say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing

from ..estimators import MultiTaskEstimator
from ..estimators._base import BaseMultiTask
from ..tasks import Columns, label_weights, split_columns, stack_labels
from ._teachers import SoftColumn, soft_columns
from ._unfolding import options_of, unfolded


def distill(
    teachers: Any,
    X: Any,
    y: Any = None,
    *,
    student: Any = None,
    label_share: float = 0.0,
    sample_weight: Any = None,
    out_of_fold: bool = False,
) -> Any:
    r"""Fit one small student to what fitted teachers say of X (Hinton, Vinyals and Dean 2015).

    A teacher of eight networks with companions becomes one network; several teachers of a task each become one student
    of all tasks (born-again multi-task networks, Clark et al. 2019). For each row and task, the student minimises

    .. math:: \lambda \, \ell(f, y) + (1 - \lambda) \, \ell(f, t),

    with its own loss; of classes, :math:`\ell(f, t) = \sum_c t_c \, \ell(f, c)` is the cross-entropy with the teacher's
    probabilities. Rows without a label have the second part only, so X may be unlabelled as a whole.

    Parameters
    ----------
    teachers : estimator, sequence of estimators, or dict of estimators by task name
        Fitted. In a sequence, tasks have the names that they have there, all different. In a dict, each has one column
        of y, which gets that name; estimators of one task from scikit-learn are taken too.
    X : {array-like, sparse matrix, data frame}
        Rows to learn from, as teachers take them; more unlabelled rows make the student more like its teachers.
    y : array-like of shape (n_samples,) or (n_samples, n_columns), default=None
        Labels, in the order of the teachers' columns, missing where NaN, None or pandas.NA. Read if `label_share` is
        not 0.
    student : estimator, default=None
        An unfitted MultiTaskRegressor, MultiTaskClassifier or MultiTaskEstimator, which is cloned. None: the first
        teacher's settings with one member and without companions, in its own class if all teachers are of that class,
        else a MultiTaskEstimator.
    label_share : float, default=0.0
        :math:`\lambda`, in [0, 1]: 0 learns from teachers alone, 1 from labels alone.
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_columns), default=None
        Weight of each row or cell.
    out_of_fold : bool, default=False
        Whether X is, row by row, what the teachers were fitted to. Each row's prediction is then that of the member
        which had held it out: for a teacher that knows its own rows by heart, whose noise it would teach. One member
        says less than all of them together.

    Returns
    -------
    estimator
        The fitted student.

    Raises
    ------
    ValueError
        If teachers are not fitted or share a task, `label_share` is not in [0, 1] or needs labels that are not there,
        or out-of-fold predictions are asked for that do not exist.

    Notes
    -----
    A row is given to the student once for each class that has a share in it, weighted by the share, and once more for
    its label; probabilities below 0.01 are left out. That is the loss above, summed in another order, and needs no
    training loop of its own; epochs are longer by the mean number of such classes.

    The paper anneals λ from 0 to 1 while training; here it is constant.

    References
    ----------
    Hinton, G., Vinyals, O. and Dean, J. (2015). Distilling the knowledge in a neural network. arXiv:1503.02531.

    Clark, K., Luong, M.-T., Khandelwal, U., Manning, C. D. and Le, Q. V. (2019). BAM! Born-again multi-task networks
    for natural language understanding. ACL.

    Examples
    --------
    >>> from skmtl import MultiTaskClassifier, MultiTaskRegressor
    >>> from skmtl.datasets import load_energy
    >>> from skmtl.fusion import distill
    >>> X, y = load_energy(return_X_y=True)
    >>> heating = MultiTaskRegressor(max_iter=5, companions=None, random_state=0).fit(X, y[:, 0])
    >>> cold = MultiTaskClassifier(max_iter=5, companions=None, random_state=0).fit(X, y[:, 1] < 20)
    >>> student = distill({"heating": heating, "cold": cold}, X)
    >>> student.task_types_
    {'heating': 'regression', 'cold': 'classification'}
    """
    if not isinstance(label_share, Real) or not 0 <= label_share <= 1:
        raise ValueError(f"label_share must be in [0, 1], got {label_share!r}.")
    if label_share and y is None:
        raise ValueError(f"label_share={label_share!r} needs labels: pass y.")
    listed = list(teachers.values()) if isinstance(teachers, Mapping) else _listed(teachers)
    if not listed:
        raise ValueError("teachers is empty: give one at least.")
    columns = soft_columns(teachers if isinstance(teachers, Mapping) else listed, X, out_of_fold=out_of_fold)
    names = [column.name for column in columns]
    labels = _labels(y, names, len(columns[0].values)) if label_share else None
    options = [
        options_of(column, None if labels is None else labels.select(np.array([place])), float(label_share))
        for place, column in enumerate(columns)
    ]
    rows, targets, weights = unfolded(options, label_weights(sample_weight, _complete(columns), names))
    model = _unfitted(student, listed, columns)
    frame = getattr(listed[0], "_frame", None) if len(listed) == 1 else None
    if frame is not None:
        y = frame.build(targets, None)
    else:
        single = len(targets) == 1 and getattr(listed[0], "_one_dimensional", True)
        y = targets[0] if single else stack_labels(targets)
        if model.task_names is None:
            model.set_params(task_names=names)
    return model.fit(_safe_indexing(X, rows), y, sample_weight=weights)


def _listed(teachers: Any) -> list[Any]:
    return list(teachers) if isinstance(teachers, Sequence) and not hasattr(teachers, "fit") else [teachers]


def _labels(y: Any, names: list[str], n_rows: int) -> Columns:
    """Return the labels by column."""
    columns = split_columns(y)
    if len(columns.values) != len(names) or columns.n_samples != n_rows:
        raise ValueError(
            f"y must have a column for each of {names} and {n_rows} rows, but has {len(columns.values)} columns and "
            f"{columns.n_samples} rows."
        )
    return columns


def _complete(columns: list[SoftColumn]) -> Columns:
    """Return columns of y without a missing label, for the check of weights."""
    n_rows = len(columns[0].values)
    return Columns(
        [np.zeros(n_rows)] * len(columns),
        [np.zeros(n_rows, dtype=bool)] * len(columns),
        None,
        one_dimensional=len(columns) == 1,
    )


def _unfitted(student: Any, teachers: list[Any], columns: list[SoftColumn]) -> Any:
    """Return the student to fit: a copy of that given, or the first teacher's settings in small."""
    model = _small(teachers) if student is None else clone(student)
    if isinstance(model, MultiTaskEstimator) and (student is None or model.task_types is None):
        groups = {c.task: [other.name for other in columns if other.task == c.task] for c in columns}
        types = {c.task: groups[c.task] if c.kind == "multilabel" else c.kind for c in columns}
        model.set_params(task_types=types)
    return model


def _small(teachers: list[Any]) -> Any:
    """Return the first teacher's settings with one member and without companions."""
    ours = [clone(teacher) for teacher in teachers if isinstance(teacher, BaseMultiTask)]
    if len(ours) == len(teachers) and all(type(teacher) is type(ours[0]) for teacher in ours):
        model = ours[0]
    else:
        model = MultiTaskEstimator()
        if ours:
            given = ours[0].get_params(deep=False)
            model.set_params(**{name: given[name] for name in model.get_params(deep=False) if name in given})
    settings: dict[str, Any] = {"n_estimators": 1, "companions": None, "warm_start": False}
    if len(teachers) > 1:  # what belongs to a task was said for one of them
        settings |= {"task_names": None, "task_weights": None, "loss": type(model)().loss}
    if hasattr(model, "class_weight"):
        settings["class_weight"] = None  # teachers have weighted their classes already
    return model.set_params(**settings)
