"""Feature dropout."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from ..features import Form, Inputs
from ._augmentation import Augmentation
from ._draws import Draws


class FeatureDropout(Augmentation):
    """Drop columns of a row, as though nothing were known of them.

    A number becomes its mean and is coded as such; a category of few an average one; one of many reads the vector of
    categories that have none of their own, which is learned in this way and stays 0 otherwise. A column of X is dropped
    as a whole. Nothing grows in exchange: so reads a row of which nothing more is known at predict. For columns.

    Parameters
    ----------
    rate : float, default=0.1
        Chance of each column of each row, in [0, 1).

    References
    ----------
    Hinton, G. E., Srivastava, N., Krizhevsky, A., Sutskever, I., and Salakhutdinov, R. (2012). Improving neural
    networks by preventing co-adaptation of feature detectors. arXiv:1207.0580.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from skmtl import MultiTaskRegressor
    >>> X, y = load_linnerud(return_X_y=True)
    >>> model = MultiTaskRegressor(augmentation="feature_dropout", max_iter=5, random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (20, 3)
    """

    forms = (Form.COLUMNS,)
    _parameter_constraints: ClassVar[dict[str, Any]] = {"rate": [Interval(Real, 0, 1, closed="left")]}

    def __init__(self, rate: float = 0.1) -> None:
        self.rate = rate

    def augment(self, x: Tensor, inputs: Inputs, draws: Draws) -> Tensor:
        """Return rows with columns dropped; see `Augmentation.augment`."""
        dropped = draws.uniform(len(x), inputs.n_columns) < self.rate
        return torch.where(dropped.index_select(1, inputs.owner), inputs.rest, x)
