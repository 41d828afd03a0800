"""How far the labels of rows lie apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ._groups import TaskGroup

# Of two random labels in units of their standard deviation, and of two labels of different classes.
MEAN_DISTANCE = 2.0


class LabelDistances:
    """Squared distances of rows by their labels: the mean over the tasks in which both have one.

    Numbers count in units of their standard deviation; two classes lie sqrt(2) apart, two equal ones 0. Rows without a
    common task lie as far apart as two random numbers do on average.

    Parameters
    ----------
    groups : sequence of TaskGroup
    variance : ndarray of shape (T,)
        Variance of the labels of each task, as `label_variance` has it; tasks without one do not count.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmtl.losses import SquaredError
    >>> from skmtl.tasks import LabelDistances, group_tasks
    >>> _, groups = group_tasks([SquaredError()], [1])
    >>> LabelDistances(groups, np.array([4.0]))(torch.tensor([[1.0], [5.0]]), None)
    tensor([[0., 4.],
            [4., 0.]])
    """

    def __init__(self, groups: Sequence[TaskGroup], variance: np.ndarray) -> None:
        self.groups = list(groups)
        self.counts = torch.from_numpy(variance > 0)  # (T,); False for NaN
        self.scale = torch.from_numpy(1 / np.sqrt(np.where(variance > 0, variance, 1)))

    def __call__(self, labels: Tensor, weights: Tensor | None, rows: slice = slice(None)) -> Tensor:
        """Return squared distances of some rows from all, `(R, B)`.

        Parameters
        ----------
        labels : Tensor of shape (B, T)
        weights : Tensor of shape (B, T) or None
            0 where a label is hidden; None if none is.
        rows : slice, default=slice(None)
            Some rows.
        """
        there = self.counts.to(labels).expand_as(labels)  # (B, T)
        if weights is not None:
            there = there * (weights > 0)
        # |a - b|² = |a|² + |b|² - 2ab, task by task, each 0 where a label is not there: a few matrix products.
        squares, products = [], labels.new_zeros(len(labels[rows]), len(labels))
        for group in self.groups:
            codes = self._codes(group, labels) * there[:, group.tasks, None]  # (B, t, K)
            squares.append(codes.square().sum(2))
            flat = codes.flatten(1)
            products += flat[rows] @ flat.T
        size = torch.cat(squares, 1)  # (B, T)
        common = there[rows] @ there.T  # (R, B)
        sums = size[rows] @ there.T + there[rows] @ size.T - 2 * products
        return torch.where(common > 0, sums.clamp_(min=0) / common.clamp(min=1), MEAN_DISTANCE)

    def _codes(self, group: TaskGroup, labels: Tensor) -> Tensor:
        """Return coordinates of labels, `(B, t, K)`."""
        own = labels[:, group.tasks]
        if group.loss.scaling != "classes":
            centred = own - own.mean(0)  # differences of large numbers lose digits
            return (centred * self.scale[group.tasks].to(own)).unsqueeze(2)
        return one_hot(own.long(), max(group.n_classes, 2)).to(own)
