"""Images shifted within their frame."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from ..features import Form, Inputs
from ._augmentation import Augmentation
from ._draws import Draws


class RandomCrop(Augmentation):
    """Shift each image, up and down and to the sides: it is padded by its own reflection, and cut to its size again.

    For images.

    Parameters
    ----------
    shift : float, default=0.125
        Largest shift, as a share of the side, in [0, 0.5]; rounded to whole pixels, at least one unless it is 0.

    References
    ----------
    He, K., Zhang, X., Ren, S., and Sun, J. (2016). Deep residual learning for image recognition. CVPR.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmtl import MultiTaskClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MultiTaskClassifier(augmentation="crop", max_iter=1, random_state=0)
    >>> model.fit(X[:200].reshape(-1, 1, 8, 8), y[:200]).predict(X[:3].reshape(-1, 1, 8, 8)).shape
    (3,)
    """

    forms = (Form.IMAGE,)
    _parameter_constraints: ClassVar[dict[str, Any]] = {"shift": [Interval(Real, 0, 0.5, closed="both")]}

    def __init__(self, shift: float = 0.125) -> None:
        self.shift = shift

    def augment(self, x: Tensor, inputs: Inputs, draws: Draws) -> Tensor:
        """Return shifted images; see `Augmentation.augment`."""
        n_channels, height, width = inputs.shape
        down, right = (self._places(size, len(x), draws) for size in (height, width))  # (B, height), (B, width)
        places = (width * down.unsqueeze(2) + right.unsqueeze(1)).flatten(1)  # (B, height · width)
        pixels = x.view(len(x), n_channels, -1)
        return pixels.gather(2, places.unsqueeze(1).expand(-1, n_channels, -1)).flatten(1)

    def _places(self, size: int, n_rows: int, draws: Draws) -> Tensor:
        """Draw where along a side each pixel comes from, `(B, size)`."""
        most = min(max(round(self.shift * size), int(self.shift > 0)), size - 1)
        shifts = (draws.uniform(n_rows, 1) * (2 * most + 1)).long() - most
        places = (torch.arange(size, device=shifts.device) + shifts).abs()
        return size - 1 - (size - 1 - places).abs()
