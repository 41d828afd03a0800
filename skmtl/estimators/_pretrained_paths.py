"""Paths from a baseline to rows through a pretrained model: what changes is what goes into it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..features import Backbone, FrozenEncoder, RepresentationReader, Standardizer
from ..nn import MemberEncoders
from ._paths import DensePath, Inputs, Path


class TokenPath:
    """The path to texts of a pretrained model: each token's vector begins at that of padding.

    Tokens for the beginning and end of a text stay.

    Parameters
    ----------
    encoder : MemberEncoders or FrozenEncoder
    backbone : Backbone
    """

    linear = False

    def __init__(self, encoder: MemberEncoders | FrozenEncoder, backbone: Backbone) -> None:
        self._encoder = encoder
        self._special = torch.from_numpy(backbone.special)
        self._padding = getattr(backbone.tokenizer(), "pad_token_id", None)

    @torch.no_grad()
    def inputs(self, x: Tensor, start: Tensor | None) -> Inputs:
        """Return where the path begins and ends, vectors as `(B, M, L, E)`; see `Path.inputs`."""
        del start
        x = x[:, : max(1, int((x > 0).sum(1).max()))]
        vectors = self._encoder.vectors(x)
        empty = torch.zeros_like(vectors)
        if self._padding is not None:
            empty = self._encoder.vectors(torch.full_like(x[:1, :1], self._padding + 1)).expand_as(vectors)
        stays = (x == 0) | torch.isin(x.long() - 1, self._special.to(x.device))
        baseline = torch.where(stays[:, None, :, None].to(vectors.device), vectors, empty)
        return Inputs((vectors,), (baseline,), (x,))

    def read(self, values: tuple[Tensor, ...], fixed: tuple[Tensor, ...]) -> Tensor:
        """Return representations; see `Path.read`."""
        return self._encoder(fixed[0], values[0])


class PixelPath(DensePath):
    """The path to images of a pretrained model; it begins at the mean colour of the images that the model learned from.

    Parameters
    ----------
    encoder : MemberEncoders or FrozenEncoder
    """

    linear = False

    def __init__(self, encoder: MemberEncoders | FrozenEncoder) -> None:
        super().__init__()
        self._encoder = encoder

    def read(self, values: tuple[Tensor, ...], fixed: tuple[Tensor, ...]) -> Tensor:
        """Return representations; see `Path.read`."""
        del fixed
        return self._encoder(values[0])


class StandardizedPath:
    """A path through a frozen pretrained model, whose representations are standardised before the trunk reads them.

    Parameters
    ----------
    path : Path
    standardizer : Standardizer
    weight : Tensor
        Of the dtype and on the device of the network.
    """

    linear = False

    def __init__(self, path: Path, standardizer: Standardizer, weight: Tensor) -> None:
        self._path, self._standardizer, self._weight = path, standardizer, weight

    def inputs(self, x: Tensor, start: Tensor | None) -> Inputs:
        """Return where the path begins and ends; see `Path.inputs`."""
        return self._path.inputs(x, start)

    def read(self, values: tuple[Tensor, ...], fixed: tuple[Tensor, ...]) -> Tensor:
        """Return standardised representations; see `Path.read`."""
        units = self._path.read(values, fixed)
        return self._standardizer.tensor(units, self._weight.dtype, self._weight.device)


def through(encoder: MemberEncoders | FrozenEncoder, backbone: Backbone, shape: tuple[int, ...]) -> Path:
    """Return the path to what goes into a pretrained model.

    Parameters
    ----------
    encoder : MemberEncoders or FrozenEncoder
    backbone : Backbone
    shape : tuple of int
        Of an image; empty for texts.
    """
    return PixelPath(encoder) if shape else TokenPath(encoder, backbone)


def through_frozen(reader: RepresentationReader, standardizer: Any, weight: Tensor) -> StandardizedPath:
    """Return the path to what goes into a frozen pretrained model.

    Parameters
    ----------
    reader : RepresentationReader
    standardizer : Standardizer
        Of what comes out of it.
    weight : Tensor
        Of the dtype and on the device of the network.
    """
    path = through(reader.encoder(), reader.backbone, reader.shape)
    return StandardizedPath(path, standardizer, weight)
