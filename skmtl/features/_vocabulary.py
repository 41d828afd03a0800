"""The categories of a column, in a fixed order, and their codes."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np

from ._kinds import Coded, Column, as_text, is_missing
from ._words import size_of

UNSEEN = -1.0

# Text that says something different in almost every row is for a language model, not for a list of categories. Codes
# and names have few words, however long and many they are.
FEWEST_TEXTS = 20
DISTINCT_SHARE = 0.5
TEXT_LENGTH = 30
TEXT_WORDS = 5


class Vocabulary:
    """The categories that a column had at fit.

    Parameters
    ----------
    entries : sequence of objects
        The categories, in their order.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.features._kinds import column_of_values
    >>> from skmtl.features._vocabulary import Vocabulary
    >>> sizes = column_of_values(np.array(["small", "large", None], dtype=object), "column 'size'")
    >>> vocabulary = Vocabulary.of(sizes)
    >>> vocabulary.entries
    ['large', 'small']
    >>> vocabulary.codes(sizes)
    array([ 1.,  0., nan])
    """

    def __init__(self, entries: Sequence[Any]) -> None:
        self.entries = list(entries)
        self._places = {entry: float(place) for place, entry in enumerate(self.entries)}

    @classmethod
    def of(cls, column: Column) -> Vocabulary:
        """Return the vocabulary of a column: numbers in increasing order, then strings, then all else by its text.

        Raises
        ------
        ValueError
            If the column holds free text.
        """
        entries = entries_of(column)
        if (example := free_text(entries, column)) is not None:
            raise ValueError(
                f"Cannot encode {column.where}: it holds free text, such as {example[:60]!r}, different in most rows. "
                "Text beside other columns is read in a data frame, with encoder='auto' or a TableEncoder whose "
                "text_columns are 'auto' or name it, and as a part of its own of a MultiModal. Or drop the column, or "
                "turn it into numbers first: encoder= takes a ColumnTransformer with a TfidfVectorizer, a "
                "HashingVectorizer or a text embedding for this column."
            )
        return cls(sorted(entries, key=_order))

    def codes(self, column: Column) -> np.ndarray:
        """Return the code of every row as a float: NaN where missing, -1 for a category that is not listed."""
        values = column.values
        places = self._places
        if isinstance(values, Coded):
            table = [places.get(_plain(entry), UNSEEN) for entry in values.entries]
            by_code: np.ndarray = np.array([*table, np.nan])[values.codes]
            return by_code
        codes = np.fromiter(map(places.get, values.tolist(), repeat(np.nan)), np.float64, len(values))
        for row in np.flatnonzero(np.isnan(codes)):
            if not is_missing(values[row]):
                codes[row] = UNSEEN
        return codes


def _plain(entry: Any) -> Any:
    """Return a scalar of NumPy as one of Python."""
    return entry.item() if isinstance(entry, np.generic) and entry.dtype.kind in "biufUS" else entry


def _order(entry: Any) -> tuple[int, Any]:
    if isinstance(entry, numbers.Real):
        return 0, entry
    return (1, entry) if isinstance(entry, str) else (2, str(entry))


def entries_of(column: Column) -> set[Any]:
    """Return the distinct categories of a column.

    Parameters
    ----------
    column : Column
    """
    values = column.values
    if isinstance(values, Coded):
        used = np.bincount(values.codes + 1, minlength=len(values.entries) + 1)[1:] > 0
        return {_plain(values.entries[place]) for place in np.flatnonzero(used)}
    return {_plain(value) for value in set(values.tolist()) if not is_missing(value)}


def free_text(entries: set[Any], column: Column) -> str | None:
    """Return an example of the free text that a column holds; None: it holds categories.

    Free text are at least 20 different strings, or bytes of UTF-8, in more than half of the rows that are not missing,
    of more than 30 characters and at least 5 words in the mean; of scripts with fewer characters a word, see `size_of`.

    Parameters
    ----------
    entries : set
        Its distinct categories.
    column : Column
    """
    texts = [as_text(entry) for entry in entries if isinstance(entry, (str, bytes))]
    if len(texts) < FEWEST_TEXTS:
        return None
    n_characters, n_words = np.mean([size_of(text) for text in texts], axis=0)
    if n_characters <= TEXT_LENGTH or n_words < TEXT_WORDS:
        return None
    values = column.values
    n_missing = np.sum(values.codes < 0) if isinstance(values, Coded) else sum(map(is_missing, values))
    if len(texts) <= DISTINCT_SHARE * (len(column) - n_missing):
        return None
    return max(texts, key=len)
