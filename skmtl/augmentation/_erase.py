"""Images of which a part is erased."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from ..features import Form, Inputs
from ._augmentation import Augmentation
from ._draws import Draws

# Sides of a rectangle, as a ratio: this at least, and at most its inverse, evenly on a logarithmic scale.
SMALLEST_RATIO = 0.3


class RandomErase(Augmentation):
    """Erase a rectangle of some images: there, each channel becomes its mean.

    For images.

    Parameters
    ----------
    rate : float, default=0.25
        Chance of each image.
    smallest, largest : float, default=0.02 and 0.33
        Area of the rectangle, as a share of the image's; its sides are to each other as 0.3 to 1 or less unequal, and
        end where the image does.

    References
    ----------
    Zhong, Z., Zheng, L., Kang, G., Li, S., and Yang, Y. (2020). Random erasing data augmentation. AAAI.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmtl import MultiTaskClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MultiTaskClassifier(augmentation=["crop", "erase"], max_iter=1, random_state=0)
    >>> model.fit(X[:200].reshape(-1, 1, 8, 8), y[:200]).predict(X[:3].reshape(-1, 1, 8, 8)).shape
    (3,)
    """

    forms = (Form.IMAGE,)
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "rate": [Interval(Real, 0, 1, closed="both")],
        "smallest": [Interval(Real, 0, 1, closed="both")],
        "largest": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, rate: float = 0.25, *, smallest: float = 0.02, largest: float = 0.33) -> None:
        self.rate = rate
        self.smallest = smallest
        self.largest = largest

    def check(self) -> None:
        """Check the parameters; see `Augmentation.check`."""
        super().check()
        if self.smallest > self.largest:
            raise ValueError(f"smallest={self.smallest} must not be above largest={self.largest}.")

    def augment(self, x: Tensor, inputs: Inputs, draws: Draws) -> Tensor:
        """Return images of which some have a hole; see `Augmentation.augment`."""
        n_channels, height, width = inputs.shape
        numbers = draws.uniform(len(x), 5)
        area = height * width * (self.smallest + (self.largest - self.smallest) * numbers[:, :1])  # (B, 1)
        ratio = torch.exp(math.log(SMALLEST_RATIO) * (2 * numbers[:, 1:2] - 1))
        tall = _between(numbers[:, 2:3], (area * ratio).sqrt(), height)  # (B, height)
        wide = _between(numbers[:, 3:4], (area / ratio).sqrt(), width)  # (B, width)
        erased = tall.unsqueeze(2) & wide.unsqueeze(1) & (numbers[:, 4:, None] < self.rate)  # (B, height, width)
        pixels = x.view(len(x), n_channels, -1)
        return pixels.masked_fill(erased.flatten(1).unsqueeze(1), 0).flatten(1)


def _between(drawn: Tensor, length: Tensor, size: int) -> Tensor:
    """Tell which places of a side lie in a stretch of a length, rounded, that begins at random, `(B, size)`."""
    length = length.round().clamp(1, size)
    first = (drawn * (size - length + 1)).floor()
    places = torch.arange(size, device=drawn.device)
    return (places >= first) & (places < first + length)
