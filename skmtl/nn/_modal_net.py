"""The network of several kinds of data: a network a part, and what joins their representations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ._embedding import MemberEmbedding
from ._modules import MemberModules
from ._text import bag_of
from ._trunk import Trunk, n_outputs_of


class Part(NamedTuple):
    """What a trunk must know of a part of the samples.

    Attributes
    ----------
    name : str
    shape : tuple of int
        `(features,)`, `(channels, height, width)` or `(time, features)`; of texts and lists of identifiers, `()`.
    width : int
        Usual columns of its flat rows.
    n_tokens : int
        Of texts and lists of identifiers: rows of the table of embeddings.
    embedding_rows : tuple of int
        Of columns: rows of the table of embeddings that belong to each embedded one.
    embedding_size : int
    is_bag : bool
        Whether tokens are identifiers of a list, and not of a text.
    lacking : bool
        Whether a sample of fit lacks it.
    """

    name: str
    shape: tuple[int, ...]
    width: int
    n_tokens: int = 0
    embedding_rows: tuple[int, ...] = ()
    embedding_size: int = 0
    is_bag: bool = False
    lacking: bool = False


class PartNet(nn.Module):
    """A trunk of one part, and the table of embeddings before it.

    Parameters
    ----------
    trunk : Trunk
    part : Part

    Attributes
    ----------
    n_outputs : int

    Notes
    -----
    Shape: `(B, F)`, flat rows of the part → `(B, H)`.
    """

    def __init__(self, trunk: Trunk, part: Part) -> None:
        super().__init__()
        generators = [torch.Generator().manual_seed(int(torch.randint(2**62, ())))]
        self.embedding: nn.Module | None = None
        n_inputs, shape = part.width, part.shape
        if part.n_tokens:
            self.embedding = bag_of(trunk, part.n_tokens, generators)
            n_inputs = self.embedding.n_outputs
            shape = (n_inputs,)
        elif part.embedding_rows:
            self.embedding = MemberEmbedding(part.embedding_rows, part.embedding_size, generators)
            n_inputs += len(part.embedding_rows) * (part.embedding_size - 1)
        built = trunk.of_samples(shape).build(n_inputs, generators)
        # Of a trunk that runs members in a loop, this member's module: loops inside of loops would be counted twice.
        self.trunk = built.members[0] if isinstance(built, MemberModules) else built
        self.n_outputs = n_outputs_of(built)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, F)` to `(B, H)`."""
        if self.embedding is not None:
            x = self.embedding(x)[0]
        result: Tensor = self.trunk(x)
        return result if result.dim() == 2 else result[0]


class MultiModalNet(nn.Module):
    """Trunks of several parts, and what joins them.

    Parameters
    ----------
    encoders : sequence of PartNet
    widths : sequence of int
        Usual columns of each part's flat rows.
    fusion : nn.Module
        `(B, H_k)` of each part, and which are there, `(B, K)` → `(B, H)`.
    dropout, part_dropout : float

    Notes
    -----
    Shape: `(B, 2 K + F)`, columns of each of `K` parts, marks of those that are there, and the parts → `(B, H)`.
    """

    def __init__(
        self,
        encoders: Sequence[PartNet],
        widths: Sequence[int],
        fusion: nn.Module,
        dropout: float,
        part_dropout: float,
    ) -> None:
        super().__init__()
        self.encoders, self.fusion, self.dropout = nn.ModuleList(encoders), fusion, nn.Dropout(dropout)
        self.widths, self.part_dropout = list(widths), part_dropout

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, 2 K + F)` to `(B, H)`."""
        n_parts = len(self.encoders)
        widths = [round(width) for width in x[0, :n_parts].tolist()] if x[0, :n_parts].any() else self.widths
        there = x[:, n_parts : 2 * n_parts] > 0  # (B, K)
        if self.training and self.part_dropout:
            there = _lose_one(there, self.part_dropout)
        ends = torch.tensor([2 * n_parts, *widths]).cumsum(0).tolist()
        read = _read_those_there if self.training else _read_all
        units = [
            read(encoder, x[:, first:last], own)
            for encoder, (first, last), own in zip(self.encoders, pairwise(ends), there.unbind(1), strict=True)
        ]
        result: Tensor = self.dropout(self.fusion(units, there))
        return result


def _read_all(encoder: nn.Module, x: Tensor, there: Tensor) -> Tensor:
    """Return what an encoder makes of all rows."""
    del there
    units: Tensor = encoder(x)
    return units


def _read_those_there(encoder: nn.Module, x: Tensor, there: Tensor) -> Tensor:
    """Return what an encoder makes of the rows that have its part, zeros for the others, which cost nothing.

    Nor do they count in the statistics of a batch. Of fewer than two rows there are none: then all are read.
    """
    places = there.nonzero().squeeze(1)
    if not 1 < len(places) < len(x):
        return _read_all(encoder, x, there)
    units: Tensor = encoder(x.index_select(0, places))
    return units.new_zeros(len(x), units.shape[1]).index_copy(0, places, units)


def _lose_one(there: Tensor, share: float) -> Tensor:
    """Return marks in which a share of the rows with several parts lack one of them more."""
    scores = torch.rand(there.shape, device=there.device).masked_fill(~there, -1)
    lost = torch.zeros_like(there).scatter_(1, scores.argmax(1, keepdim=True), True)
    chosen = (torch.rand(len(there), 1, device=there.device) < share) & (there.sum(1, keepdim=True) > 1)
    return there & ~(lost & chosen)
