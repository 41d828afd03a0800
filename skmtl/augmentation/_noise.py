"""Gaussian noise."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from ..features import Form, Inputs
from ._augmentation import Augmentation
from ._draws import Draws


class GaussianNoise(Augmentation):
    """Add normal noise to numbers.

    Numbers are standardised before, and coded afterwards: a column's codes are those of the noisy number. Categories,
    marks of holes, columns that were constant at fit and padding of sequences stay as they are. For columns, images and
    sequences.

    Parameters
    ----------
    scale : float, default=0.05
        Standard deviation of the noise, in those of the column, channel or feature.

    References
    ----------
    Bishop, C. M. (1995). Training with noise is equivalent to Tikhonov regularization. Neural Computation 7, 108-116.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.augmentation import GaussianNoise
    >>> X, y = load_linnerud(return_X_y=True)
    >>> model = MultiTaskRegressor(augmentation=GaussianNoise(0.1), max_iter=5, random_state=0).fit(X, y)
    >>> model.get_params()["augmentation__scale"]
    0.1
    """

    forms = (Form.COLUMNS, Form.IMAGE, Form.SEQUENCE)
    _parameter_constraints: ClassVar[dict[str, Any]] = {"scale": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, scale: float = 0.05) -> None:
        self.scale = scale

    def augment(self, x: Tensor, inputs: Inputs, draws: Draws) -> Tensor:
        """Return noisy rows; see `Augmentation.augment`."""
        if inputs.form == Form.SEQUENCE:
            values, there = inputs.steps(x)
            noise = draws.normal(*values.shape) * (self.scale * inputs.varies) * there.unsqueeze(2)
            return torch.cat([(values + noise).flatten(1), there], 1)
        n_numbers = len(inputs.varies)
        noise = draws.normal(len(x), n_numbers) * (self.scale * inputs.varies)
        return inputs.with_numbers(x, x[:, :n_numbers] + noise)
