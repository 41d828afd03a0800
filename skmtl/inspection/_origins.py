"""Where the values that a network reads came from: columns of a table, words of a text, values of a picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..estimators._explaining import Inputs
from ..features import (
    ArrayReader,
    BagReader,
    Form,
    FrameReader,
    Layout,
    ModalStandardizer,
    TextPlaces,
    TextReader,
    TransformerReader,
    texts_of,
)


class ColumnOrigins:
    """Sums what a table's columns became back to the columns.

    Parameters
    ----------
    names : list of str
    columns : ndarray of int
        The column behind each value that the network reads, embedded ones last.

    Attributes
    ----------
    names : list of str
    words : None
    """

    words = None

    def __init__(self, names: list[str], columns: np.ndarray) -> None:
        self.names, self._columns = names, columns

    def gather(self, parts: list[np.ndarray], inputs: Inputs, chunk: slice) -> list[np.ndarray]:
        """Return what each column of X adds, `(n_features,)` a row.

        Parameters
        ----------
        parts : list of ndarray
            What each value adds that the network reads, `(B, F)`; and vectors, `(B, M, C, D)`.
        inputs : Inputs
        chunk : slice
            Which rows these are.
        """
        del inputs, chunk
        # Of vectors, a sum over members and lengths.
        flat = np.hstack([part if part.ndim == 2 else part.sum((1, 3)) for part in parts])
        result = np.zeros((len(flat), len(self.names)))
        np.add.at(result.T, self._columns, flat.T)
        return list(result)


class ArrayOrigins:
    """Gives the values of pictures and sequences their places.

    Parameters
    ----------
    form : Form
    shape : tuple of int
        Of a sample; the length of sequences is that of X.
    """

    names = words = None

    def __init__(self, form: Form, shape: tuple[int, ...]) -> None:
        self.form, self.shape = form, shape

    def gather(self, parts: list[np.ndarray], inputs: Inputs, chunk: slice) -> list[np.ndarray]:
        """Return what each value of a sample adds, in the sample's shape; see `ColumnOrigins.gather`."""
        del inputs, chunk
        if self.form is Form.IMAGE:
            return list(parts[0].reshape(-1, *self.shape))
        n_steps, n_features = self.shape
        return list(parts[0].reshape(len(parts[0]), -1, n_features)[:, :n_steps])


class TextOrigins:
    """Sums tokens to the words that they cover.

    Parameters
    ----------
    reader : TextReader
    places : ndarray of int
        Place in the table of embeddings of each column of the reader's matrix; -1: it is left out.
    texts : list of str
    """

    names = None

    def __init__(self, reader: TextReader, places: np.ndarray, texts: list[str]) -> None:
        self._places = places
        self._texts = [TextPlaces(reader, text) for text in texts]

    @property
    def words(self) -> list[list[str]]:
        """The words of each text."""
        return [text.words for text in self._texts]

    def gather(self, parts: list[np.ndarray], inputs: Inputs, chunk: slice) -> list[np.ndarray]:
        """Return what each word adds, `(n_words,)` a row; see `ColumnOrigins.gather`."""
        return [
            text.by_word(_of_tokens(self._places[text.columns], *own))
            for text, own in zip(self._texts[chunk], _by_row(parts, inputs), strict=True)
        ]


class BagOrigins:
    """Gives each identifier of a list its own value.

    Parameters
    ----------
    reader : BagReader
    places : ndarray of int
        Place in the table of embeddings of each column of the reader's matrix; -1: it is left out.
    X : Any
        Rows of lists.
    """

    names = None

    def __init__(self, reader: BagReader, places: np.ndarray, X: Any) -> None:
        rows = list(reader.identifiers(X))
        self.words = [[str(value) for value in row] for row in rows]
        self._columns = [places[np.fromiter(row.values(), np.int64, len(row))] for row in rows]

    def gather(self, parts: list[np.ndarray], inputs: Inputs, chunk: slice) -> list[np.ndarray]:
        """Return what each identifier adds, `(n_identifiers,)` a row; see `ColumnOrigins.gather`."""
        return [
            _of_tokens(columns, *own) for columns, own in zip(self._columns[chunk], _by_row(parts, inputs), strict=True)
        ]


def _by_row(parts: list[np.ndarray], inputs: Inputs) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the places of each row's tokens, and what they add in all members together."""
    places = inputs.fixed[0].cpu().numpy().astype(np.int64)
    there = (inputs.values[0] != 0).any(1).cpu().numpy()
    for row, values in enumerate(parts[0].sum(1)):
        yield places[row, there[row]], values[there[row]]


def _of_tokens(tokens: np.ndarray, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the value of each token, `(N,)`: a place's value is split evenly among its tokens, 0 if it has none.

    Parameters
    ----------
    tokens : ndarray of int of shape (N,)
        The place of each token.
    places : ndarray of int of shape (L,)
        All different.
    values : ndarray of shape (L,)
    """
    if not len(places):
        return np.zeros(len(tokens))
    order = np.argsort(places)
    _, which, counts = np.unique(tokens, return_inverse=True, return_counts=True)
    at = np.minimum(np.searchsorted(places[order], tokens), len(places) - 1)
    found: np.ndarray = np.where(places[order][at] == tokens, values[order][at] / counts[which], 0.0)
    return found


def origins_of(estimator: Any, X: Any) -> ColumnOrigins | ArrayOrigins | TextOrigins | BagOrigins:
    """Return where what the network of a fitted estimator reads comes from.

    Parameters
    ----------
    estimator : MultiTaskClassifier, MultiTaskRegressor or MultiTaskEstimator
    X : Any
        The rows that are explained.
    """
    model = estimator._model
    reader, standardizer = model.reader, model.standardizer
    if isinstance(standardizer, ModalStandardizer):
        raise ValueError(
            f"X has the parts {[block.name for block in standardizer.blocks]}, and attributions explain samples of one "
            "kind. Fit to one part alone, or shuffle columns of a frame: skmtl.inspection.permutation_importance."
        )
    if isinstance(reader, FrameReader):  # of one column
        reader, X = reader.inner, reader.parts(X)
    if isinstance(reader, TextReader):
        return TextOrigins(reader, standardizer.places, texts_of(X))
    if isinstance(reader, BagReader):
        return BagOrigins(reader, standardizer.places, X)
    if isinstance(reader, ArrayReader):
        if reader.form is Form.IMAGE:
            return ArrayOrigins(reader.form, reader.shape)
        n_steps = X.shape[1] if getattr(X, "ndim", 1) == 3 else max(0 if one is None else len(one) for one in X)
        return ArrayOrigins(reader.form, (n_steps, reader.shape[1]))
    source = np.asarray(reader.layout.source, np.int64)
    return ColumnOrigins(_names_of(estimator, reader.layout), source[standardizer.columns])


def _names_of(estimator: Any, layout: Layout) -> list[str]:
    """Return names of the columns of X, or of what a transformer in front makes of them."""
    reader = estimator._model.reader
    if isinstance(reader, TransformerReader):
        given, n_columns = reader.table.names, int(max(layout.source)) + 1
    else:
        given, n_columns = getattr(estimator, "feature_names_in_", None), estimator.n_features_in_
    return [f"x{place}" for place in range(n_columns)] if given is None else [str(name) for name in given]
