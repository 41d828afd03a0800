"""What the columns of the matrix mean."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True)
class _Numbered(Sequence[str]):
    """The names x0, x1, …, made when asked for: sparse X may have a million columns."""

    n_columns: int

    def __len__(self) -> int:
        return self.n_columns

    def __getitem__(self, place: Any) -> Any:
        columns = range(self.n_columns)[place]
        return f"x{columns}" if isinstance(columns, int) else [f"x{column}" for column in columns]


@dataclass(frozen=True)
class Joined(Sequence[str]):
    """Names of the columns of several matrices side by side, each made when asked for.

    Attributes
    ----------
    names : tuple of sequence of str
        Those of each matrix.
    prefixes : tuple of str
        What each matrix's names begin with.

    Examples
    --------
    >>> from skmtl.features import Joined
    >>> list(Joined((["age"], ["age", "size"]), ("", "other ")))
    ['age', 'other age', 'other size']
    """

    names: tuple[Sequence[str], ...]
    prefixes: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of columns."""
        return sum(map(len, self.names))

    def __getitem__(self, place: Any) -> Any:
        """Return the name of a column, or a list of them of a slice."""
        columns = range(len(self))[place]
        if not isinstance(columns, int):
            return [self[column] for column in columns]
        for names, prefix in zip(self.names, self.prefixes, strict=True):
            if columns < len(names):
                return f"{prefix}{names[columns]}"
            columns -= len(names)
        raise IndexError(f"There is no column {place}.")


@dataclass(frozen=True)
class Layout:
    """Names and meaning of the columns of the matrix that X became.

    A numeric column holds numbers, NaN for a hole. A categorical column holds the place of each category in the
    column's vocabulary, NaN where it is missing, and -1 for a category that was not there at fit.

    Attributes
    ----------
    names : sequence of str
        A name for each column of the matrix, such as "age" or "date (trend)".
    source : sequence of int
        The column of X that each column of the matrix comes from.
    categories : dict of int to list
        The vocabulary of each categorical column, by its place in the matrix. In increasing order: numbers before
        strings before the rest.
    padded : bool
        Whether rows end in NaN where others are longer.
    parts : tuple of Layout
        Of several matrices side by side, those of each; further columns belong to none of them. Empty: it is one.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.features import Layout
    >>> layout = Layout(["age", "job"], [0, 1], {1: ["clerk", "cook"]})
    >>> layout.numeric.tolist(), layout.categorical.tolist()
    ([0], [1])
    >>> other = Layout(["age", "job"], [0, 1], {1: ["baker", "clerk", "cook"]})
    >>> np.array_equal(layout.hashable(np.array([[30.0, 1.0]])), other.hashable(np.array([[30.0, 2.0]])))
    True
    """

    names: Sequence[str]
    source: Sequence[int]
    categories: dict[int, list[Any]] = field(default_factory=dict)
    padded: bool = False
    parts: tuple[Layout, ...] = ()

    @classmethod
    def of_numbers(cls, n_columns: int, *, padded: bool = False) -> Layout:
        """Return the layout of a matrix of numbers without names."""
        return cls(_Numbered(n_columns), range(n_columns), padded=padded)

    @property
    def n_columns(self) -> int:
        """Number of columns of the matrix."""
        return len(self.names)

    @cached_property
    def categorical(self) -> np.ndarray:
        """Places of the categorical columns, in increasing order."""
        return np.array(sorted(self.categories), dtype=np.int64)

    @cached_property
    def numeric(self) -> np.ndarray:
        """Places of the numeric columns, in increasing order."""
        return np.delete(np.arange(self.n_columns), self.categorical)

    def hashable(self, chunk: np.ndarray) -> np.ndarray:
        """Return rows in which equal contents are equal bits, whatever else the vocabularies hold.

        Codes give way to numbers that follow from the text of their category, and every NaN to the same one. Without
        categories and holes, the rows are returned as they are.

        Parameters
        ----------
        chunk : ndarray of shape (n_rows, n_columns)
        """
        with np.errstate(over="ignore", invalid="ignore"):
            complete = not np.isnan(chunk.sum())
        if complete and not self.categories:
            return chunk
        rows = chunk.astype(np.float64)
        if len(self.categorical):
            codes = rows[:, self.categorical]
            places = np.where(np.isnan(codes), -2.0, codes).astype(np.int64) + self._offsets
            rows[:, self.categorical] = self._numbers[places]
        rows[np.isnan(rows)] = np.nan
        return rows

    @cached_property
    def _offsets(self) -> np.ndarray:
        """Where the code 0 of each categorical column stands in `_numbers`."""
        sizes = [len(self.categories[column]) + 2 for column in self.categorical]
        return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64) + 2

    @cached_property
    def _numbers(self) -> np.ndarray:
        """For each categorical column: missing, unseen, and a number for each category."""
        parts = [[np.nan, -1.0, *map(_number, self.categories[column])] for column in self.categorical]
        return np.array([number for part in parts for number in part])

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what follows from the rest."""
        return {name: self.__dict__[name] for name in ("names", "source", "categories", "padded", "parts")}


def _number(category: Any) -> float:
    """Return a whole number below 2⁵³ that follows from the text of a category; 1 and "1" differ."""
    text = category if isinstance(category, str) else f"\0{category}"
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return float(int.from_bytes(digest, "little") >> 11)
