"""Where in a text its tokens stand, so that what belongs to a token can be given back to the words it covers."""

from __future__ import annotations

import re

import numpy as np

from ._texts import TextReader
from ._words import composed, spans_of_words

_SPACES = re.compile(r"\s\s+")


class TextWords:
    """A text and its words, which share what belongs to parts of the text.

    Parameters
    ----------
    text : str

    Attributes
    ----------
    words : list of str
        Runs of letters and digits, single characters of scripts without spaces, and signs, with their marks, as they
        stand in the text. Of a text of spaces alone, the text itself.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.features import TextWords
    >>> text = TextWords("so good!")
    >>> text.shared_out(np.array([1.0, 6.0]), np.array([[0, 2], [0, 7]])).tolist()  # "so", and "so good", 6 letters
    [3.0, 4.0, 0.0]
    """

    def __init__(self, text: str) -> None:
        found = spans_of_words(text)
        self.words = [text[first:last] for first, last in found] or [text]
        self._letters = np.array([not letter.isspace() for letter in text], dtype=float)
        self._starts = np.array([first for first, _ in found] or [0])
        if not found:
            self._letters[:] = 1

    def shared_out(self, values: np.ndarray, spans: np.ndarray) -> np.ndarray:
        """Return the sum of what parts of the text give to each word, `(n_words,)`.

        A part's value is split evenly among its characters, spaces apart.

        Parameters
        ----------
        values : ndarray of shape (N,)
        spans : ndarray of int of shape (N, 2)
            Where each part begins and ends, in characters.
        """
        counts = np.concatenate([[0.0], np.cumsum(self._letters)])
        first, last = spans.T
        letters = counts[last] - counts[first]
        # A part of a space alone goes to the word before it.
        place = np.maximum(np.searchsorted(self._starts, first, side="right") - 1, 0)
        alone = letters == 0
        result = np.zeros(len(self.words))
        np.add.at(result, place[alone], values[alone])
        each = np.where(alone, 0, values / np.where(alone, 1, letters))
        steps = np.zeros(len(self._letters) + 1)
        np.add.at(steps, first, each)
        np.add.at(steps, last, -each)
        per_letter = np.cumsum(steps)[:-1] * self._letters
        if len(per_letter):
            result += np.add.reduceat(per_letter, self._starts)
        return result


class TextPlaces(TextWords):
    """A text, its words, and the tokens that a reader finds in it.

    Parameters
    ----------
    reader : TextReader
    text : str

    Attributes
    ----------
    words : list of str
        Runs of letters and digits, single characters of scripts without spaces, and signs, with their marks, as they
        stand in the text. Of a text of spaces alone, the text itself.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.features import TextEncoder, TextPlaces
    >>> reader = TextEncoder(word_ngrams=(1, 2), char_ngrams=(0, 0)).build()
    >>> places = TextPlaces(reader, "so good!")
    >>> places.words
    ['so', 'good', '!']
    >>> places.by_word(np.array([1.0, 2.0, 4.0, 6.0, 5.0])).tolist()  # "so good" has 6 letters, "good !" has 5
    [3.0, 10.0, 5.0]
    """

    def __init__(self, reader: TextReader, text: str) -> None:
        given = TextWords(text).words
        text = _SPACES.sub(" ", composed(text))  # as the reader has it: as many words, though marks may be stored apart
        super().__init__(text)
        self.words = given
        spans: list[tuple[int, int]] = []
        columns: list[np.ndarray] = [np.empty(0, np.int64)]
        for block, (grams, own) in enumerate(_grams(reader, text)):
            spans += own
            if grams:
                columns.append(reader.buckets(grams) + block * reader.n_buckets)
        self.columns = np.concatenate(columns)  # (N,): the column of the reader's matrix of each token
        self._spans = np.array(spans, dtype=np.int64).reshape(-1, 2)

    def by_word(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of what the tokens give to each word, `(n_words,)`.

        A token's value is split evenly among its characters, spaces apart.

        Parameters
        ----------
        values : ndarray of shape (N,)
            One a token, in the order of `columns`.
        """
        return self.shared_out(values, self._spans)


def _grams(reader: TextReader, text: str) -> list[tuple[list[str], list[tuple[int, int]]]]:
    """Return, for runs of words and for pieces of text, those that the reader hashes, and the characters they cover."""
    blocks = []
    if any(reader.word_ngrams):
        fewest, most = reader.word_ngrams
        words = spans_of_words(text)
        runs = [
            (place, place + length) for length in range(fewest, most + 1) for place in range(len(words) - length + 1)
        ]
        grams = [" ".join(text[slice(*word)] for word in words[first:last]) for first, last in runs]
        blocks.append((grams, [(words[first][0], words[last - 1][1]) for first, last in runs]))
    if any(reader.char_ngrams):
        fewest, most = reader.char_ngrams
        spans = [
            (place, place + length) for length in range(fewest, most + 1) for place in range(len(text) - length + 1)
        ]
        blocks.append(([text[first:last] for first, last in spans], spans))
    return blocks
