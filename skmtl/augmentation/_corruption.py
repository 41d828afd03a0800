"""Column corruption."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from ..features import Form, Inputs
from ._augmentation import Augmentation
from ._draws import Draws


class ColumnCorruption(Augmentation):
    """Replace some values of each row by those that the same columns have in other rows.

    What is put in is a value that the column takes, as often as it takes it. A column of X is replaced as a whole: a
    number with its codes and the mark of its hole, a category with its place in the table of embeddings, a date with
    all that was made of it. A value comes from a row of the batch that the same members train on. For columns.

    Parameters
    ----------
    rate : float, default=0.1
        Share of a row's columns that are replaced: as many in each row, up to one that rounding leaves to chance.

    References
    ----------
    Bahri, D., Jiang, H., Tay, Y., and Metzler, D. (2022). SCARF: Self-supervised contrastive learning using random
    feature corruption. ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from skmtl import MultiTaskRegressor
    >>> X, y = load_linnerud(return_X_y=True)
    >>> model = MultiTaskRegressor(augmentation="corruption", max_iter=5, random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (20, 3)
    """

    forms = (Form.COLUMNS,)
    _parameter_constraints: ClassVar[dict[str, Any]] = {"rate": [Interval(Real, 0, 1, closed="both")]}

    def __init__(self, rate: float = 0.1) -> None:
        self.rate = rate

    def augment(self, x: Tensor, inputs: Inputs, draws: Draws) -> Tensor:
        """Return corrupted rows; see `Augmentation.augment`."""
        n_columns = inputs.n_columns
        n_replaced = self.rate * n_columns
        most = min(int(n_replaced) + 1, n_columns)
        if not most:
            return x
        columns = draws.uniform(len(x), n_columns).topk(most, sorted=False).indices  # (B, R), each row's own
        lenders = draws.lenders(most)
        own = torch.arange(len(x), device=x.device).unsqueeze(1)
        chance = draws.uniform(len(x), 1) < n_replaced - (most - 1)  # whether the last of them is replaced, too
        lenders[:, -1:] = torch.where(chance, lenders[:, -1:], own)
        source = own.repeat(1, n_columns).scatter_(1, columns, lenders)  # (B, C): the row that each value is of
        return x.gather(0, source.index_select(1, inputs.owner))
