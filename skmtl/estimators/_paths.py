"""Paths from a baseline to rows, as a network reads them: what changes on the way, by what a sample is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..nn import BagEmbedding, MemberEmbedding, OpenParts


@dataclass
class Inputs:
    """Some rows as the network reads them, and where the path to them begins.

    Attributes
    ----------
    values, baselines : tuple of Tensor, each of shape (B, …)
        What changes on the way from the baseline to a row.
    fixed : tuple of Tensor, each of shape (B, …)
        What stays: the places of a row's tokens, or which steps of a sequence are there.
    parts : tuple of Inputs
        Of samples of several parts, those of each; their values and what stays are these, one part's after the other's.
    """

    values: tuple[Tensor, ...]
    baselines: tuple[Tensor, ...]
    fixed: tuple[Tensor, ...] = ()
    parts: tuple[Inputs, ...] = ()


class Path(Protocol):
    """What the paths of all kinds of samples have in common.

    Attributes
    ----------
    linear : bool
        Whether what the trunk reads moves on a straight line.
    """

    linear: bool

    def inputs(self, x: Tensor, start: Tensor | None) -> Inputs:
        """Return where the path to some rows begins and ends.

        Parameters
        ----------
        x : Tensor of shape (B, F)
            As the standardizer makes them.
        start : Tensor of shape (1, F) or None
            A row to begin at; None: as is usual.
        """

    def read(self, values: tuple[Tensor, ...], fixed: tuple[Tensor, ...]) -> Tensor:
        """Return what the trunk reads, `(B, F)` or `(M, B, F)`.

        Parameters
        ----------
        values, fixed : tuple of Tensor
            Of `Inputs`.
        """


class DensePath:
    """The path to rows of numbers or to images.

    Parameters
    ----------
    usual : Tensor of shape (1, F) or None, default=None
        Where it usually begins; None: at zero, the mean.
    """

    linear = True

    def __init__(self, usual: Tensor | None = None) -> None:
        self._usual = usual

    def inputs(self, x: Tensor, start: Tensor | None) -> Inputs:
        """Return where the path begins and ends; see `Path.inputs`."""
        start = self._usual if start is None else start
        return Inputs((x,), (torch.zeros_like(x) if start is None else start.expand_as(x),))

    def read(self, values: tuple[Tensor, ...], fixed: tuple[Tensor, ...]) -> Tensor:
        """Return the rows themselves; see `Path.read`."""
        del fixed
        return values[0]


class SequencePath:
    """The path to sequences, which begins at one of the same length: which steps are there stays.

    Parameters
    ----------
    n_features : int
    usual : Tensor of shape (1, F)
        Its first steps, and means beyond it, are where it usually begins.
    """

    linear = True

    def __init__(self, n_features: int, usual: Tensor) -> None:
        self._n_features, self._usual = n_features, usual

    def inputs(self, x: Tensor, start: Tensor | None) -> Inputs:
        """Return where the path begins and ends; see `Path.inputs`."""
        start, n_features = self._usual if start is None else start, self._n_features
        n_values, n_first = (one.shape[1] * n_features // (n_features + 1) for one in (x, start))
        values, there = x[:, :n_values], x[:, n_values:]
        common = min(n_values, n_first)
        baseline = torch.zeros_like(values)
        baseline[:, :common] = start[:, :common]
        return Inputs((values,), (baseline * there.repeat_interleave(n_features, 1),), (there,))

    def read(self, values: tuple[Tensor, ...], fixed: tuple[Tensor, ...]) -> Tensor:
        """Return values, and which steps are there; see `Path.read`."""
        return torch.cat([*values, *fixed], 1)


class VectorPath:
    """The path to rows of numbers and of categories with vectors of their own.

    Parameters
    ----------
    tables : sequence of MemberEmbedding
    sizes : sequence of int
        Rows of a table that belong to each column.
    """

    linear = True

    def __init__(self, tables: Sequence[MemberEmbedding], sizes: Sequence[int]) -> None:
        self._tables = tables
        # The first row of a column's vectors is for categories that were not there.
        self._unseen = torch.as_tensor(np.cumsum([0, *sizes[:-1]]))

    @torch.no_grad()
    def inputs(self, x: Tensor, start: Tensor | None) -> Inputs:
        """Return where the path begins and ends, vectors as `(B, M, C, D)`; see `Path.inputs`."""
        n_columns = len(self._unseen)
        if start is None:
            start = x.new_zeros(1, x.shape[1])
            start[0, -n_columns:] = self._unseen.to(start)
        vectors, first = (
            torch.cat([table.weight.flatten(0, 1)[table.places(rows)] for table in self._tables]).transpose(0, 1)
            for rows in (x, start)
        )
        dense = x[:, :-n_columns]
        return Inputs((dense, vectors), (start[:, :-n_columns].expand_as(dense), first.expand_as(vectors)))

    def read(self, values: tuple[Tensor, ...], fixed: tuple[Tensor, ...]) -> Tensor:
        """Return numbers and vectors side by side; see `Path.read`."""
        del fixed
        dense, vectors = values
        members = vectors.transpose(0, 1).flatten(2)  # (M, B, C · D)
        return torch.cat([dense.expand(len(members), -1, -1), members], 2)


class BagPath:
    """The path to texts or lists, on which the shares of all tokens in the pooled vector grow from nothing.

    Parameters
    ----------
    tables : sequence of BagEmbedding
    """

    linear = True

    def __init__(self, tables: Sequence[BagEmbedding]) -> None:
        self._tables = tables

    @torch.no_grad()
    def inputs(self, x: Tensor, start: Tensor | None) -> Inputs:
        """Return where the path begins and ends, shares as `(B, M, L)`; see `Path.inputs`."""
        del start
        shares = torch.cat([table.padded_shares(x) for table in self._tables], 1)
        return Inputs((shares,), (torch.zeros_like(shares),), (x.chunk(2, 1)[0],))

    def read(self, values: tuple[Tensor, ...], fixed: tuple[Tensor, ...]) -> Tensor:
        """Return pooled vectors; see `Path.read`."""
        own = values[0].split([len(table.weight) for table in self._tables], 1)
        return torch.cat([table.pooled(fixed[0], shares) for table, shares in zip(self._tables, own, strict=True)])


class PartsPath:
    """The paths to all parts of samples at once; whether a part is there does not change on the way.

    Parameters
    ----------
    trunk : OpenParts
    paths : sequence of Path
    """

    linear = False

    def __init__(self, trunk: OpenParts, paths: Sequence[Path]) -> None:
        self._trunk, self._paths = trunk, paths
        self._counts: list[tuple[int, int]] = []

    def inputs(self, x: Tensor, start: Tensor | None) -> Inputs:
        """Return where the paths begin and end; a part that `start` lacks begins as is usual; see `Path.inputs`."""
        there, blocks = self._split(x)
        starts: list[Tensor | None] = [None] * len(blocks)
        if start is not None:
            held, given = self._split(start)
            starts = [block if held[0, place] > 0 else None for place, block in enumerate(given)]
        parts = tuple(path.inputs(own, first) for path, own, first in zip(self._paths, blocks, starts, strict=True))
        self._counts = [(len(part.values), len(part.fixed)) for part in parts]
        values, baselines, fixed = (
            tuple(one for part in parts for one in getattr(part, name)) for name in ("values", "baselines", "fixed")
        )
        return Inputs(values, baselines, (there, *fixed), parts)

    def read(self, values: tuple[Tensor, ...], fixed: tuple[Tensor, ...]) -> Tensor:
        """Return what the trunk makes of all parts; see `Path.read`."""
        (there, *rest), changing = fixed, list(values)
        blocks = []
        for path, (n_values, n_fixed) in zip(self._paths, self._counts, strict=True):
            blocks.append(path.read(tuple(changing[:n_values]), tuple(rest[:n_fixed])))
            changing, rest = changing[n_values:], rest[n_fixed:]
        return self._trunk(there, blocks)

    def _split(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return which parts are there, `(B, K)`, and the parts."""
        n_parts = len(self._paths)
        widths = [int(width) for width in x[0, :n_parts].tolist()]
        return x[:, n_parts : 2 * n_parts], list(x[:, 2 * n_parts :].split(widths, 1))
