"""The convolutional trunk: a small residual network of images, or of sequences along time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool1d, max_pool2d

from ._modules import LoopedTrunk
from ._samples import held_steps_of, is_sequence
from ._trunk import Trunk

# The shorter side of an image that is halved once more.
SMALLEST_HALVED = 4
# Groups of channels that are normalised together.
N_GROUPS = 8


class ConvTrunk(LoopedTrunk):
    """Specification of a small residual network for images, or for sequences such as spectrograms, along time.

    A stage has two convolutions, each with a norm, and a path around both; between stages, sides are halved. An image's
    last units are averaged over its area. Of a sequence, features are the channels, each step is normalised for itself,
    and what represents it are the mean and the standard deviation of the last units over the steps that are there:
    padding changes nothing, and a batch is read as far as its own longest sequence goes. Costs some `9 · channels² ·
    area` multiplications an image and stage, or `3 · channels² · time`.

    Parameters
    ----------
    channels : sequence of int, default=(32, 64, 128)
        Channels of each stage.
    kernel_size : int, default=3
        Odd.
    dropout : float, default=0.1
        Share of the last units that are dropped while training, in [0, 1).

    References
    ----------
    He, K., Zhang, X., Ren, S., and Sun, J. (2016). Deep residual learning for image recognition. CVPR.

    Wu, Y., and He, K. (2018). Group normalization. ECCV.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl import MultiTaskClassifier
    >>> from skmtl.nn import ConvTrunk
    >>> from sklearn.datasets import load_digits
    >>> X, digit = load_digits(return_X_y=True)
    >>> images, y = X.reshape(-1, 1, 8, 8), np.column_stack([digit, digit % 2])
    >>> model = MultiTaskClassifier(trunk=ConvTrunk(channels=(8, 16)), max_iter=2, random_state=0).fit(images, y)
    >>> model.predict(images[:2]).shape
    (2, 2)
    """

    usual_augmentation = "mixup"

    def __init__(self, channels: Sequence[int] = (32, 64, 128), *, kernel_size: int = 3, dropout: float = 0.1) -> None:
        self.channels = channels
        self.kernel_size = kernel_size
        self.dropout = dropout

    build_layers = Trunk.build_layers  # it is one module

    def _make(self, n_features: int) -> nn.Module:
        del n_features
        sizes = [self.channels] if isinstance(self.channels, Integral) else list(self.channels)
        if not sizes or any(not isinstance(size, Integral) or size < 1 for size in sizes):
            raise ValueError(f"channels must be positive integers, got {self.channels!r}.")
        if not isinstance(self.kernel_size, Integral) or self.kernel_size < 1 or self.kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be an odd positive integer, got {self.kernel_size!r}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout!r}.")
        shape = self.shape
        if len(shape) < 2:
            raise ValueError(
                f"{self!r} reads images (n, channels, height, width) or sequences (n, time, features), and X has "
                "columns. Reshape X, or use another trunk."
            )
        kind = SequenceNet if is_sequence(shape) else ImageNet
        return kind(shape, [int(size) for size in sizes], int(self.kernel_size), float(self.dropout))

    def _whole(self, module: nn.Module) -> nn.Module:
        """Return the module, which reads flat rows itself."""
        return module


class ImageNet(nn.Module):
    """A residual network of images.

    Parameters
    ----------
    shape : tuple of int
        `(channels, height, width)`.
    channels : sequence of int
    kernel_size : int
    dropout : float

    Attributes
    ----------
    n_values : int
        Values of its largest layer, a row.
    n_products : int
        Multiplications of a forward pass, a row.

    Notes
    -----
    Shape: `(B, channels · height · width)` → `(B, H)`.
    """

    def __init__(self, shape: tuple[int, ...], channels: Sequence[int], kernel_size: int, dropout: float) -> None:
        super().__init__()
        self.shape = shape
        widths = pairwise([shape[0], *channels])
        self.stages = nn.ModuleList(_Stage(nn.Conv2d, *pair, kernel_size, _group_norm) for pair in widths)
        self.dropout = nn.Dropout(dropout)
        self.n_values, self.n_products = _size(shape[1:], shape[0], channels, kernel_size**2)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, F)` to `(B, H)`."""
        units = x.view(len(x), *self.shape)
        for place, stage in enumerate(self.stages):
            if place and min(units.shape[2:]) >= SMALLEST_HALVED:
                units = max_pool2d(units, 2, ceil_mode=True)
            units = stage(units)
        result: Tensor = self.dropout(units.mean((2, 3)))
        return result


class SequenceNet(nn.Module):
    """A residual network of sequences, along time.

    Parameters
    ----------
    shape : tuple of int
        `(time, features)` at fit; other lengths are fine.
    channels : sequence of int
    kernel_size : int
    dropout : float

    Attributes
    ----------
    n_values : int
        Values of its largest layer, a row of usual length.
    n_products : int
        Multiplications of a forward pass, a row.
    grows : bool
        Whether `n_values` grows with the steps of a row.

    Notes
    -----
    Shape: `(B, time · features + time)` → `(B, 2 H)`.
    """

    grows = True

    def __init__(self, shape: tuple[int, ...], channels: Sequence[int], kernel_size: int, dropout: float) -> None:
        super().__init__()
        self.n_features = shape[1]
        widths = pairwise([shape[1], *channels])
        self.stages = nn.ModuleList(_Stage(nn.Conv1d, *pair, kernel_size, _StepNorm) for pair in widths)
        self.dropout = nn.Dropout(dropout)
        self.n_values, self.n_products = _size(shape[:1], shape[1], channels, kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, time · features + time)` to `(B, 2 H)`."""
        steps, there = held_steps_of(x, self.n_features)
        units, mask = steps.transpose(1, 2), there.unsqueeze(1)  # (B, features, time), (B, 1, time)
        for place, stage in enumerate(self.stages):
            if place:  # whatever the length; units are not negative, so zeros of padding are never the largest
                units, mask = (max_pool1d(one, 2, ceil_mode=True) for one in (units, mask))
            units = stage(units, mask)
        count = mask.sum(2).clamp(min=1)
        mean = units.sum(2) / count
        spread = ((units - mean.unsqueeze(2)).square() * mask).sum(2) / count
        result: Tensor = self.dropout(torch.cat([mean, (spread + 1e-6).sqrt()], 1))
        return result


class _Stage(nn.Module):
    """Two convolutions, and a path around both."""

    def __init__(self, kind: Any, before: int, after: int, kernel_size: int, norm: Any) -> None:
        super().__init__()
        padding = kernel_size // 2
        self.first = kind(before, after, kernel_size, padding=padding, bias=False)
        self.second = kind(after, after, kernel_size, padding=padding, bias=False)
        self.first_norm, self.second_norm = norm(after), norm(after)
        self.around = nn.Identity() if before == after else kind(before, after, 1, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map `(B, C, …)` to `(B, D, …)`; where the mask is 0, units are 0."""
        units = torch.relu(self.first_norm(self.first(x)))
        units = units if mask is None else units * mask
        units = torch.relu(self.second_norm(self.second(units)) + self.around(x))
        return units if mask is None else units * mask


class _StepNorm(nn.Module):
    """Layer norm of the channels at each step, which knows nothing of other steps, padding among them."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(n_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, C, time)` to `(B, C, time)`."""
        result: Tensor = self.norm(x.transpose(1, 2)).transpose(1, 2)
        return result


def _group_norm(n_channels: int) -> nn.GroupNorm:
    """Return a norm of channels in groups."""
    return nn.GroupNorm(math.gcd(N_GROUPS, n_channels), n_channels)


def _size(sides: Sequence[int], n_inputs: int, channels: Sequence[int], kernel: int) -> tuple[int, int]:
    """Return the values of the largest layer, and the multiplications of all, a row; `kernel` is a kernel's area."""
    area, largest, products = list(sides), 0, 0
    for place, (before, after) in enumerate(pairwise([n_inputs, *channels])):
        if place and (len(sides) == 1 or min(area) >= SMALLEST_HALVED):
            area = [-(-side // 2) for side in area]
        largest = max(largest, after * math.prod(area))
        products += math.prod(area) * after * (kernel * (before + after) + (before if before != after else 0))
    return largest, products
