"""Flat rows → samples as they were: images, and sequences with a mask of the steps that are there."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn


def is_sequence(shape: tuple[int, ...]) -> bool:
    """Whether a sample of this shape is a sequence, `(time, features)`; else it is an image or a row of columns."""
    return len(shape) == 2


def n_flat(shape: tuple[int, ...]) -> int:
    """Return the length of the flat row of a sample: of a sequence, with a mark for each step.

    Parameters
    ----------
    shape : tuple of int

    Examples
    --------
    >>> from skmtl.nn._samples import n_flat
    >>> n_flat((5,)), n_flat((3, 8, 8)), n_flat((20, 4))
    (5, 192, 100)
    """
    return prod(shape) + (shape[0] if is_sequence(shape) else 0)


def steps_of(x: Tensor, n_features: int) -> tuple[Tensor, Tensor]:
    """Return sequences `(B, time, features)`, and which of their steps are there, `(B, time)`, 1 or 0.

    Parameters
    ----------
    x : Tensor of shape (B, time · features + time)
        Of any length: the number of steps follows from the number of columns.
    n_features : int
    """
    n_steps = x.shape[1] // (n_features + 1)
    values = x[:, : n_steps * n_features].reshape(len(x), n_steps, n_features)
    return values, x[:, n_steps * n_features :]


def held_steps_of(x: Tensor, n_features: int) -> tuple[Tensor, Tensor]:
    """Return what `steps_of` does, without the steps behind the last that any of these rows has; one at least.

    For modules that padding changes nothing for: rows cost what the longest of them does, not the longest of all.

    Parameters
    ----------
    x : Tensor of shape (B, time · features + time)
    n_features : int

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn._samples import held_steps_of
    >>> held_steps_of(torch.tensor([[2.0, 3.0, 0.0, 1.0, 1.0, 0.0]]), 1)
    (tensor([[[2.],
             [3.]]]), tensor([[1., 1.]]))
    """
    values, there = steps_of(x, n_features)
    numbers = torch.arange(1, there.shape[1] + 1, device=x.device)
    n_held = max(1, int((there.any(0) * numbers).amax()))  # of rows mixed in pairs, marks lie between 0 and 1
    return values[:, :n_held], there[:, :n_held]


class Unflattened(nn.Module):
    """A module of images `(B, channels, height, width)`, or of sequences `(B, time, features)`, that reads flat rows.

    Padding of sequences is 0, and is left as it is: the module may need a fixed length.

    Parameters
    ----------
    module : nn.Module
    shape : tuple of int
        Of one sample.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn._samples import Unflattened
    >>> Unflattened(torch.nn.Flatten(), (3, 8, 8))(torch.ones(2, 192)).shape
    torch.Size([2, 192])
    """

    def __init__(self, module: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.module = module
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, F)` to what the module makes of samples."""
        samples = steps_of(x, self.shape[1])[0] if is_sequence(self.shape) else x.view(len(x), *self.shape)
        result: Tensor = self.module(samples)
        return result
