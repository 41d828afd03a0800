"""Which tasks read which units of the shared representation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..nn import SharedTrunk

if TYPE_CHECKING:
    import pandas as pd


class SharedRepresentation:
    """What :func:`shared_representation` returns.

    Attributes
    ----------
    shares : ndarray of shape (n_estimators_, n_units, n_tasks)
        How much of what a task reads is this unit. The sum over units is 1, or 0 for a task that reads none.
    task_names : list of str

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.inspection import SharedRepresentation
    >>> found = SharedRepresentation(np.array([[[0.5, 0.0], [0.5, 0.5], [0.0, 0.5]]]), ["price", "rooms"])
    >>> found.overlap
    array([[1. , 0.5],
           [0.5, 1. ]])
    """

    def __init__(self, shares: np.ndarray, task_names: Sequence[str]) -> None:
        self.shares = shares
        self.task_names = list(task_names)

    @property
    def overlap(self) -> np.ndarray:
        """How much two tasks read the same units, `(n_tasks, n_tasks)`: the common part of their shares."""
        common = np.minimum(self.shares[..., :, None], self.shares[..., None, :])  # (M, H, T, T)
        return np.asarray(common.sum(axis=1).mean(axis=0))

    def to_frame(self) -> pd.DataFrame:
        """Return the shares as a tidy data frame: a row for each member, unit and task.

        Returns
        -------
        pandas.DataFrame
            With the columns member, unit, task and share.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        member, unit, task = (place.ravel() for place in np.indices(self.shares.shape))
        names = np.array(self.task_names, dtype=object)[task]
        return pd.DataFrame({"member": member, "unit": unit, "task": names, "share": self.shares.ravel()})


def shared_representation(estimator: Any, X: Any) -> SharedRepresentation:
    r"""Measure which tasks read which units of the representation that they share.

    Heads are linear, so a unit moves a task's outputs by its weight times its own spread. Unit :math:`h` has

    .. math:: s_{ht} = \frac{\sigma_h \lVert w_{ht} \rVert}{\sum_{h'} \sigma_{h'} \lVert w_{h't} \rVert},

    with the standard deviation :math:`\sigma_h` of the unit over X, and the weights :math:`w_{ht}` from it to the
    outputs of the task. Of several classes, the mean over classes is subtracted from them first: what moves all logits
    alike moves no probability.

    Parameters
    ----------
    estimator : MultiTaskClassifier, MultiTaskRegressor or MultiTaskEstimator
        Fitted, with a sharing in which all tasks read the same units: "hard".
    X : {array-like, sparse matrix, data frame}

    Returns
    -------
    SharedRepresentation
        Of the columns that are learned; units of different members are different ones.

    Raises
    ------
    ValueError
        If tasks read representations of their own.

    See Also
    --------
    GatesDisplay : Which task uses which expert.

    Examples
    --------
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.datasets import load_energy
    >>> from skmtl.inspection import shared_representation
    >>> X, y = load_energy(return_X_y=True)
    >>> model = MultiTaskRegressor((16,), companions=None, max_iter=10, random_state=0).fit(X, y)
    >>> found = shared_representation(model, X)
    >>> found.shares.shape, found.shares.sum(axis=1).round(6)[0].tolist()
    ((8, 16, 2), [1.0, 1.0])
    """
    check_is_fitted(estimator)
    model = estimator._model
    if isinstance(model.network.trunk, SharedTrunk):
        raise ValueError(
            f"With sharing={estimator.sharing!r}, each task reads a representation of its own. GatesDisplay shows what "
            "tasks take of common experts; units are common to all tasks with sharing='hard'."
        )
    weights = model.network.head.weight.detach().cpu().double().numpy()  # (M, H, O)
    units = np.asarray(estimator.transform(X), dtype=float).reshape(-1, *weights.shape[:2])
    spread = units.std(axis=0)  # (M, H)
    columns, lengths = [], []
    for group in model.groups:
        own = weights[..., group.outputs].reshape(*weights.shape[:2], -1, group.width)  # (M, H, T, W)
        if group.loss.scaling == "classes" and group.width == group.n_classes:
            own = own - own.mean(axis=3, keepdims=True)
        lengths.append(np.sqrt((own**2).sum(axis=3)))
        columns += model.tasks[group.tasks].tolist()
    moved = spread[..., None] * np.concatenate(lengths, axis=2)[..., np.argsort(columns)]  # (M, H, T)
    total = moved.sum(axis=1, keepdims=True)
    shares = moved / np.where(total > 0, total, 1)
    return SharedRepresentation(shares, [model.structure.columns[column] for column in sorted(columns)])
