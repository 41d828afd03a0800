"""Which companion reads what of X: the one place that tells columns of numbers from weights of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array, hstack

from ..features import AnyStandardizer, ArrayStandardizer, ModalStandardizer, Standardizer, TextStandardizer
from ._kernel import KernelCompanion
from ._linear import MOST_VALUES, LinearCompanion
from ._sparse_linear import SparseLinearCompanion
from ._tanimoto import TanimotoCompanion, are_fingerprints
from ._trees import TreesCompanion

COMPANIONS: dict[str, type[LinearCompanion] | type[KernelCompanion] | type[TreesCompanion]] = {
    "linear": LinearCompanion,
    "kernel": KernelCompanion,
    "trees": TreesCompanion,
}
# What each reads, for messages.
READ_BY = {
    "linear": "columns of numbers, texts and lists of identifiers",
    "kernel": "columns of numbers",
    "trees": "columns of numbers",
}
# Values of columns that are standardised at a time: some 16 megabytes.
CHUNK_VALUES = 2**22


@dataclass(frozen=True)
class Sizes:
    """How much of X companions can read.

    All read standardised columns. Weights of tokens, of texts and lists of identifiers, are read by the linear one
    only, and beside columns together with these. Of a part of several, images and sequences are read by none.

    Attributes
    ----------
    n_columns : int
        Standardised columns.
    n_tokens : int
        Tokens of texts and lists of identifiers.
    """

    n_columns: int
    n_tokens: int

    @property
    def readers(self) -> tuple[str, ...]:
        """Names of the companions that can read X."""
        return tuple(name for name in COMPANIONS if self.n_columns or (self.n_tokens and name == "linear"))

    def affordable(self, n_rows: int) -> tuple[str, ...]:
        """Return the names of those whose fit is cheap enough not to be asked for by name.

        Parameters
        ----------
        n_rows : int
        """
        return tuple(name for name in self.readers if self._is_cheap(name, n_rows))

    def _is_cheap(self, name: str, n_rows: int) -> bool:
        if name != "linear" or not self.n_tokens:
            return COMPANIONS[name].affordable(n_rows, self.n_columns)
        dense = n_rows * self.n_columns <= MOST_VALUES
        return dense and SparseLinearCompanion.affordable(n_rows, self.n_columns + self.n_tokens)


@dataclass(frozen=True)
class Readings:
    """What companions read of some rows.

    Attributes
    ----------
    columns : ndarray of shape (n, C)
        Standardised columns.
    tokens : CSR array of shape (n, D) or None
        Weights of tokens; None where X holds neither texts nor lists of identifiers.
    several : bool, default=False
        Whether X has several parts: each model then reads some of them, and what is best for a task depends on which
        parts say something about it.
    """

    columns: np.ndarray
    tokens: csr_array | None = None
    several: bool = False

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.columns)

    def __getitem__(self, rows: Any) -> Readings:
        """Return what companions read of some of the rows."""
        return Readings(self.columns[rows], None if self.tokens is None else self.tokens[rows], self.several)

    def of(self, name: str) -> np.ndarray | csr_array:
        """Return what a companion reads.

        Parameters
        ----------
        name : str
            Of `COMPANIONS`.
        """
        return self.columns if name != "linear" or self.tokens is None else self._side_by_side

    @cached_property
    def _side_by_side(self) -> csr_array:
        if not self.columns.shape[1]:
            return self.tokens
        return csr_array(hstack([csr_array(self.columns), self.tokens], format="csr"))

    def companion(self, name: str) -> Any:
        """Return the companion of a name that suits these rows, not fitted yet: fingerprints and tokens have their own.

        Parameters
        ----------
        name : str
            Of `COMPANIONS`.
        """
        if name == "linear" and self.tokens is not None:
            return SparseLinearCompanion(self.columns.shape[1])
        return TanimotoCompanion() if name == "kernel" and are_fingerprints(self.columns) else COMPANIONS[name]()


def sizes_of(standardizer: AnyStandardizer) -> Sizes:
    """Return how much companions can read of what a standardizer has measured.

    Parameters
    ----------
    standardizer : Standardizer
    """
    tokens = [own.n_tokens for _, own in _read(standardizer) if isinstance(own, TextStandardizer)]
    return Sizes(len(columns_read(standardizer)), sum(tokens))


def columns_read(standardizer: AnyStandardizer) -> np.ndarray:
    """Return the column of the matrix of X behind each column that companions read, `(C,)`.

    Parameters
    ----------
    standardizer : Standardizer
    """
    parts = [first + own.uncoded_columns for first, own in _columns(standardizer)]
    return np.concatenate([np.empty(0, np.int64), *parts])


def readings_of(standardizer: AnyStandardizer, X: Any) -> Readings:
    """Return what companions read of rows of the matrix of X.

    Parameters
    ----------
    standardizer : Standardizer
    X : ndarray or sparse array of shape (n, n_columns)
    """
    columns = [np.empty((X.shape[0], 0))]
    tokens = []
    for place, own in _read(standardizer):
        part = X if place is None else X[:, place]
        if isinstance(own, TextStandardizer):
            tokens.append(own.token_weights(csr_array(part)))
        else:
            columns.append(_standardised(own, part))
    joined = columns[1] if len(columns) == 2 else np.hstack(columns)
    side_by_side = csr_array(hstack(tokens, format="csr")) if tokens else None
    return Readings(joined, side_by_side, isinstance(standardizer, ModalStandardizer))


def _read(
    standardizer: AnyStandardizer,
) -> Iterator[tuple[slice | None, Standardizer | ArrayStandardizer | TextStandardizer]]:
    """Yield what is read of the matrix, and what measured it; None: all of its columns."""
    if isinstance(standardizer, ModalStandardizer):
        for block in standardizer.blocks:
            if isinstance(block.standardizer, (Standardizer, TextStandardizer)):
                yield block.columns, block.standardizer
    elif isinstance(standardizer, (Standardizer, ArrayStandardizer, TextStandardizer)):
        yield None, standardizer


def _columns(standardizer: AnyStandardizer) -> Iterator[tuple[int, Standardizer | ArrayStandardizer]]:
    """Yield where columns of numbers begin in the matrix, and what measured them."""
    for place, own in _read(standardizer):
        if not isinstance(own, TextStandardizer):
            yield 0 if place is None else place.start, own


def _standardised(standardizer: Standardizer | ArrayStandardizer, X: Any) -> np.ndarray:
    """Return the columns that hold values, holes and one-hot categories, `(n, C)`: no codes, no embeddings."""
    places = torch.from_numpy(standardizer.uncoded)
    step = max(1, CHUNK_VALUES // max(1, standardizer.n_outputs))
    parts = [
        standardizer.tensor(X[first : first + step], torch.float64, "cpu").index_select(1, places).numpy()
        for first in range(0, X.shape[0], step)
    ]
    return np.concatenate(parts) if parts else np.empty((0, len(places)))
