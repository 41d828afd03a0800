"""Mirror images."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from ..features import Form, Inputs
from ._augmentation import Augmentation
from ._draws import Draws


class RandomFlip(Augmentation):
    """Mirror some images, left for right.

    Not where left and right make a difference to any task, as with digits and letters: all tasks see the same image.
    For images.

    Parameters
    ----------
    rate : float, default=0.5
        Chance of each image.

    References
    ----------
    Krizhevsky, A., Sutskever, I., and Hinton, G. E. (2012). ImageNet classification with deep convolutional neural
    networks. NIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl import MultiTaskRegressor
    >>> X = np.random.default_rng(0).uniform(size=(60, 3, 8, 8))
    >>> model = MultiTaskRegressor(augmentation="flip", max_iter=1, random_state=0).fit(X, X.mean((2, 3)))
    >>> model.predict(X[:1]).shape
    (1, 3)
    """

    forms = (Form.IMAGE,)
    _parameter_constraints: ClassVar[dict[str, Any]] = {"rate": [Interval(Real, 0, 1, closed="both")]}

    def __init__(self, rate: float = 0.5) -> None:
        self.rate = rate

    def augment(self, x: Tensor, inputs: Inputs, draws: Draws) -> Tensor:
        """Return images of which some are mirrored; see `Augmentation.augment`."""
        mirrored = x.view(len(x), *inputs.shape).flip(3).flatten(1)
        return torch.where(draws.uniform(len(x), 1) < self.rate, mirrored, x)
