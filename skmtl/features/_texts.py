"""Texts: hashed counts of words and of pieces of them, and the weights that rarer ones have."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.sparse import csr_array, hstack
from sklearn.base import BaseEstimator
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.utils._param_validation import Interval
from torch import Tensor

from ._forms import Form
from ._inputs import Inputs
from ._kinds import as_text, is_missing
from ._layout import Layout
from ._words import composed, words_in

# Length of a text's vector of weights, so that sums of embeddings have a size that a network likes.
LENGTH = 3.0
# Tokens of a text that are read, the heaviest of them: one of a million letters must not fill the memory.
MOST_TOKENS = 2048


class TextEncoder(BaseEstimator):
    """Read texts by the words and the pieces of words that they hold, in any language.

    A token is a run of one or more words, or a piece of text of several characters, spaces included. A sign or an emoji
    is a word, and so is each character of scripts without spaces between words, such as Chinese, Japanese and Thai.
    Marks belong to the character before them, and are read alike however they are stored (NFC). Tokens are hashed into
    buckets: there is no vocabulary to keep. At fit, buckets that occur in fewer than `min_rows` distinct texts are left
    out; those that are kept weigh `1 + log(texts / texts with it)` times `1 + log(count)`, scaled to the same length
    for all texts. What was not there at fit has no influence.

    Parameters
    ----------
    word_ngrams : tuple of int, default=(1, 2)
        Fewest and most words of a token; (0, 0): none.
    char_ngrams : tuple of int, default=(3, 5)
        Fewest and most characters of a token; (0, 0): none.
    n_buckets : int, default=2**18
        Of words, and as many of pieces.
    min_rows : int, default=5
        Never more than a hundredth of the texts.

    References
    ----------
    Bojanowski, P., Grave, E., Joulin, A., and Mikolov, T. (2017). Enriching word vectors with subword information.
    Transactions of the ACL 5, 135-146.

    Weinberger, K., Dasgupta, A., Langford, J., Smola, A., and Attenberg, J. (2009). Feature hashing for large scale
    multitask learning. ICML.

    Examples
    --------
    >>> from skmtl.features import TextEncoder
    >>> reader = TextEncoder(word_ngrams=(1, 1), char_ngrams=(0, 0)).build()
    >>> reader.fit_matrix(["a good day", "a day, a night"]).sum(axis=1)
    array([3., 5.], dtype=float32)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "word_ngrams": [tuple, list],
        "char_ngrams": [tuple, list],
        "n_buckets": [Interval(Integral, 1, 2**22, closed="both")],
        "min_rows": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        word_ngrams: tuple[int, int] = (1, 2),
        char_ngrams: tuple[int, int] = (3, 5),
        n_buckets: int = 2**18,
        min_rows: int = 5,
    ) -> None:
        self.word_ngrams = word_ngrams
        self.char_ngrams = char_ngrams
        self.n_buckets = n_buckets
        self.min_rows = min_rows

    def build(self) -> TextReader:
        """Return a reader that has not seen a text yet.

        Raises
        ------
        InvalidParameterError
            If a parameter has the wrong type or value; a `ValueError`.
        ValueError
            If a range of lengths is none, or both are empty.
        """
        self._validate_params()
        for name in ("word_ngrams", "char_ngrams"):
            given = tuple(getattr(self, name))
            whole = len(given) == 2 and all(isinstance(value, Integral) for value in given)
            if given != (0, 0) and not (whole and 1 <= given[0] <= given[1]):
                raise ValueError(f"{name} must be (fewest, most), from 1 on, or (0, 0), got {getattr(self, name)!r}.")
        if not any(self.word_ngrams) and not any(self.char_ngrams):
            raise ValueError("word_ngrams and char_ngrams are both (0, 0): nothing of a text would be read.")
        return TextReader(tuple(self.word_ngrams), tuple(self.char_ngrams), self.n_buckets, self.min_rows)


class TextReader:
    """What turns texts into counts of hashed tokens; it learns nothing.

    Parameters
    ----------
    word_ngrams, char_ngrams, n_buckets, min_rows
        As in :class:`TextEncoder`.

    Attributes
    ----------
    layout : Layout
    """

    n_features = 1

    def __init__(
        self, word_ngrams: tuple[int, ...], char_ngrams: tuple[int, ...], n_buckets: int, min_rows: int
    ) -> None:
        self.min_rows = min_rows
        self.word_ngrams, self.char_ngrams, self.n_buckets = word_ngrams, char_ngrams, n_buckets
        self._hashed = []
        settings: dict[str, Any] = {"n_features": n_buckets, "alternate_sign": False, "norm": None, "lowercase": False}
        settings |= {"dtype": np.float32, "strip_accents": None, "token_pattern": None}
        if any(word_ngrams):
            self._hashed.append(HashingVectorizer(ngram_range=word_ngrams, tokenizer=words_in, **settings))
        if any(char_ngrams):
            self._hashed.append(HashingVectorizer(ngram_range=char_ngrams, analyzer="char", **settings))
        self.layout = Layout.of_numbers(n_buckets * len(self._hashed))

    def fit_matrix(self, X: Any, rows: np.ndarray | None = None) -> csr_array:
        """Return the matrix of texts; see `Reader.fit_matrix`."""
        del rows
        return self.matrix(X)

    def matrix(self, X: Any) -> csr_array:
        """Return how often each text holds each bucket's tokens, `(n, n_columns)`; see `Reader.matrix`.

        Raises
        ------
        ValueError
            If X is not one text a row, or holds something else than texts.
        """
        texts = [composed(text) for text in texts_of(X)]
        blocks = [vectorizer.transform(texts) for vectorizer in self._hashed]
        return csr_array(hstack(blocks, format="csr"))

    def buckets(self, tokens: Sequence[str]) -> np.ndarray:
        """Return the bucket of each of some tokens, `(N,)`.

        Parameters
        ----------
        tokens : sequence of str
        """
        hasher = FeatureHasher(self.n_buckets, input_type="string", alternate_sign=False)
        buckets: np.ndarray = hasher.transform([token] for token in tokens).indices.astype(np.int64)
        return buckets

    def standardizer(self) -> TextStandardizer:
        """Return what finds the weights of tokens, and has not done so yet; see `Reader.standardizer`."""
        return TextStandardizer(self.min_rows)


def texts_of(X: Any) -> list[str]:
    """Return X as a list of strings; a missing text is empty.

    Raises
    ------
    ValueError
        If X has several columns, or a row holds something else.
    """
    if isinstance(X, (str, bytes)):
        raise ValueError(f"X is one text, {X[:20]!r}, and not a list of texts. Pass [X].")
    if len(getattr(X, "shape", (0,))) != 1:
        raise ValueError(
            f"X is read as one text a row, and has shape {X.shape}. Pass the column of texts itself, or, at fit, a "
            "data frame of several columns with encoder='auto'."
        )
    texts = []
    for row, value in enumerate(X):
        if isinstance(value, (str, bytes)):
            texts.append(as_text(value))
        elif is_missing(value):
            texts.append("")
        else:
            raise ValueError(
                f"Row {row} of X holds {value!r}, a {type(value).__name__}, where others hold texts. Turn it into a "
                "string, or into None, an empty text."
            )
    if not texts:
        raise ValueError("X holds no text.")
    return texts


class TextStandardizer:
    """Weights of tokens, and the map from counts to what a network reads: places and weights of a text's tokens.

    A text becomes the places of its tokens in a table of embeddings, and behind them their weights, padded with 0.
    Weights are those of `TextEncoder`; how many texts hold a token is counted by their weights, once. A list of
    identifiers is read in the same way.

    Parameters
    ----------
    min_rows : int
        Distinct texts that a token needs so as to be kept.
    form : Form, default=Form.TEXT
        What a row is: a text or a list of identifiers.

    Attributes
    ----------
    n_tokens : int
        Tokens that are kept, at least 1.
    n_outputs : int
        Usual length of a row.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmtl.features import TextEncoder
    >>> reader = TextEncoder(word_ngrams=(1, 1), char_ngrams=(0, 0), min_rows=1).build()
    >>> counts = reader.fit_matrix(["a good day", "a night"])
    >>> standardizer = reader.standardizer().update(counts, None, np.ones(2))
    >>> standardizer.n_tokens
    4
    >>> standardizer.tensor(counts, torch.float32, "cpu")[:, -2:].round(decimals=2)
    tensor([[1.9600, 1.9600],
            [2.5800, 0.0000]])
    """

    n_embedded = 0
    embedding_size = 0

    def __init__(self, min_rows: int, form: Form = Form.TEXT) -> None:
        self.min_rows, self.form = min_rows, form
        self.n_tokens, self.n_outputs = 1, 2
        self._places: np.ndarray | None = None  # of each column, -1 if it is left out
        self._rarity = np.zeros(1)

    @property
    def places(self) -> np.ndarray:
        """Place of each column of the matrix in the table of embeddings; -1: it is left out."""
        assert self._places is not None
        return self._places

    @property
    def embedding_rows(self) -> list[int]:
        """Rows of a table of embeddings of columns: none."""
        return []

    @property
    def shape(self) -> tuple[int, ...]:
        """What a sample is for a trunk, but for the length of its embedding."""
        return ()

    def update(
        self, X: csr_array, rows: np.ndarray | None, weights: np.ndarray, keys: np.ndarray | None = None
    ) -> TextStandardizer:
        """Count tokens, unless that was done before.

        Parameters
        ----------
        X : CSR array of shape (n_samples, n_columns)
        rows : ndarray of int or None
            The rows that count; None for all.
        weights : ndarray of shape (n_rows,)
        keys : ndarray of uint64 of shape (n_rows,) or None, default=None
            Equal where texts are equal: those count once for rarity.
        """
        if self._places is not None or not len(weights):
            return self
        X = X if rows is None else X[rows]
        first = np.arange(len(weights)) if keys is None else np.unique(keys, return_index=True)[1]
        distinct = np.bincount(X[first].indices, minlength=X.shape[1])
        floor = min(self.min_rows, max(1, len(first) // 100))
        kept = np.flatnonzero(distinct >= floor)
        held = np.bincount(X.indices, np.repeat(weights, np.diff(X.indptr)), minlength=X.shape[1])[kept]
        self._places = np.full(X.shape[1], -1, np.int32)
        self._places[kept] = np.arange(len(kept))
        self._rarity = 1 - np.log(np.minimum(held / weights.sum(), 1)) if len(kept) else np.zeros(1)
        self.n_tokens = max(1, len(kept))
        self.n_outputs = 2 * max(1, min(MOST_TOKENS, -(-X.nnz // max(1, X.shape[0]))))
        return self

    def token_weights(self, rows: csr_array) -> csr_array:
        """Return the weight of each token that was kept in each text, `(n_rows, n_tokens)`; 0 elsewhere.

        Parameters
        ----------
        rows : CSR array of shape (n_rows, n_columns)
        """
        assert self._places is not None
        places, row = self._places[rows.indices], np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        there = places >= 0
        places, row = places[there], row[there]
        weights = (1 + np.log(rows.data[there])) * self._rarity[places]
        if (np.bincount(row, minlength=1) > MOST_TOKENS).any():
            heaviest = np.lexsort((-weights, row))
            rank = np.arange(len(row)) - np.searchsorted(row[heaviest], row[heaviest])
            chosen = np.sort(heaviest[rank < MOST_TOKENS])
            places, row, weights = places[chosen], row[chosen], weights[chosen]
        lengths = np.sqrt(np.bincount(row, weights**2, minlength=rows.shape[0]))
        weights = weights * (LENGTH / np.maximum(lengths, 1e-12))[row]
        starts = np.concatenate([[0], np.bincount(row, minlength=rows.shape[0]).cumsum()])
        return csr_array((weights, places, starts), shape=(rows.shape[0], self.n_tokens))

    def tensor(self, rows: csr_array, dtype: torch.dtype, device: torch.device | str) -> Tensor:
        """Return places and weights of texts.

        Parameters
        ----------
        rows : CSR array of shape (n_rows, n_columns)
        dtype : torch.dtype
        device : torch.device or str

        Returns
        -------
        Tensor of shape (n_rows, 2 L)
        """
        tokens = self.token_weights(rows)
        counts = np.diff(tokens.indptr)
        longest = max(1, int(counts.max(initial=0)))
        row = np.repeat(np.arange(len(counts)), counts)
        slot = np.arange(len(row)) - np.repeat(tokens.indptr[:-1], counts)
        block = np.zeros((len(counts), 2 * longest))
        block[row, slot] = tokens.indices
        block[row, longest + slot] = tokens.data
        return torch.from_numpy(block).to(dtype).to(device)

    def inputs(self, dtype: torch.dtype, device: torch.device) -> Inputs:
        """Return what a row is: places and weights of a text's tokens.

        Parameters
        ----------
        dtype : torch.dtype
        device : torch.device
        """
        none = torch.empty(0, dtype=dtype, device=device)
        return Inputs(self.form, self.shape, none, none.long(), none)
