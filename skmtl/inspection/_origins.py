"""Where the values that a network reads came from: columns of a table, words of a text, values of a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .._errors import called
from ..estimators._paths import Inputs
from ..features import (
    ArrayReader,
    BagReader,
    Form,
    FrameReader,
    ModalStandardizer,
    PretrainedReader,
    Reader,
    TextPlaces,
    TextReader,
    TextWords,
    TransformerReader,
    is_missing,
    texts_of,
)
from ._attributed import Attributions


class Origins:
    """Base: what values that the network reads are summed to, of samples of one kind.

    Attributes
    ----------
    names : list of str or None
        Of columns.
    words : list of list of str or None
        Of texts or lists, row by row.
    """

    names: list[str] | None = None
    words: list[list[str]] | None = None

    def gather(self, parts: list[np.ndarray], inputs: Inputs, chunk: slice) -> list[Any]:
        """Return what each column, word or value of X adds, a row at a time.

        Parameters
        ----------
        parts : list of ndarray
            What each value adds that the network reads, as in `Inputs.values`.
        inputs : Inputs
        chunk : slice
            Which rows these are.
        """
        raise NotImplementedError

    def attributed(
        self, values: list[Any], predicted: np.ndarray, baseline: np.ndarray, task: str, target: np.ndarray | None
    ) -> Attributions:
        """Return the attributions of all rows.

        Parameters
        ----------
        values : list
            Of all rows, from `gather`.
        predicted, baseline, task, target
            As of `Attributions`.
        """
        gathered = values if self.words is not None else np.stack(values)
        return Attributions(gathered, predicted, baseline, task, target, self.names, self.words)

    def check_baseline(self, first: Any, given: Origins) -> None:
        """Refuse what cannot be a baseline.

        Parameters
        ----------
        first : ndarray or sparse array
            The baseline, as it was read.
        given : Origins
            Where its values come from.

        Raises
        ------
        ValueError
            If it is not one row, is a text or list, or a sequence that is not as long as those of all rows.
        """
        if self.words is not None:
            raise ValueError(
                "baseline must be None: the only baseline of texts and lists is an empty one; got "
                f"{first.shape[0]} rows."
            )
        if first.shape[0] != 1:
            raise ValueError(f"baseline must be one row; got {first.shape[0]} rows.")


class ColumnOrigins(Origins):
    """Sums what a table's columns became back to the columns.

    Parameters
    ----------
    names : list of str
    columns : ndarray of int
        The column behind each value that the network reads, embedded ones last.
    """

    names: list[str]

    def __init__(self, names: list[str], columns: np.ndarray) -> None:
        self.names, self._columns = names, columns

    def gather(self, parts: list[np.ndarray], inputs: Inputs, chunk: slice) -> list[np.ndarray]:
        """Return what each column of X adds, `(n_features,)` a row; see `Origins.gather`."""
        del inputs, chunk
        # Of vectors, (B, M, C, D), a sum over members and lengths.
        flat = np.hstack([part if part.ndim == 2 else part.sum((1, 3)) for part in parts])
        result = np.zeros((len(flat), len(self.names)))
        np.add.at(result.T, self._columns, flat.T)
        return list(result)


class ArrayOrigins(Origins):
    """Gives the values of pictures and sequences their places.

    Parameters
    ----------
    form : Form
    shape : tuple of int
        Of a sample; the length of sequences is that of X.
    steps : list of ndarray of int, default=()
        Which steps of each sequence are there: the others add nothing.
    """

    def __init__(self, form: Form, shape: tuple[int, ...], steps: Sequence[np.ndarray] = ()) -> None:
        self.form, self.shape, self._steps = form, shape, steps

    def check_baseline(self, first: Any, given: Origins) -> None:
        """Refuse more than one row, and another length than the rows have; see `Origins.check_baseline`."""
        super().check_baseline(first, given)
        self.check_length(given, range(len(self._steps)))

    def check_length(self, given: Origins, rows: Iterable[int]) -> None:
        """Refuse a baseline of another length than a row: which steps are there is the same all the way.

        Parameters
        ----------
        given : Origins
            Of the baseline.
        rows : iterable of int
            Which rows must be as long.

        Raises
        ------
        ValueError
            If one is not.
        """
        assert isinstance(given, ArrayOrigins)
        for row in rows:
            if len(self._steps[row]) != len(given._steps[0]):
                raise ValueError(
                    f"baseline is a sequence of {len(given._steps[0])} steps, and row {row} has "
                    f"{len(self._steps[row])}, but a path has the same steps from its beginning to its end. Explain "
                    "rows of each length with a baseline of that length, or leave baseline=None."
                )

    @property
    def rows_held(self) -> list[int]:
        """Rows of sequences that have a step."""
        return [row for row, steps in enumerate(self._steps) if len(steps)]

    def gather(self, parts: list[np.ndarray], inputs: Inputs, chunk: slice) -> list[np.ndarray]:
        """Return what each value of a sample adds, in the sample's shape; see `Origins.gather`."""
        del inputs
        if self.form is Form.IMAGE:
            return list(parts[0].reshape(-1, *self.shape))
        result = np.zeros((len(parts[0]), *self.shape))
        for own, steps, read in zip(result, self._steps[chunk], parts[0], strict=True):
            own[steps] = read.reshape(-1, self.shape[1])[: len(steps)]
        return list(result)


class TextOrigins(Origins):
    """Sums tokens to the words that they cover.

    Parameters
    ----------
    reader : TextReader
    places : ndarray of int
        Place in the table of embeddings of each column of the reader's matrix; -1: it is left out.
    texts : list of str
    """

    def __init__(self, reader: TextReader, places: np.ndarray, texts: list[str]) -> None:
        self._places = places
        self._texts = [TextPlaces(reader, text) for text in texts]
        self.words = [text.words for text in self._texts]

    def gather(self, parts: list[np.ndarray], inputs: Inputs, chunk: slice) -> list[np.ndarray]:
        """Return what each word adds, `(n_words,)` a row; see `Origins.gather`."""
        return [
            text.by_word(_of_tokens(self._places[text.columns], *own))
            for text, own in zip(self._texts[chunk], _by_row(parts, inputs), strict=True)
        ]


class BagOrigins(Origins):
    """Gives each identifier of a list its own value.

    Parameters
    ----------
    reader : BagReader
    places : ndarray of int
        Place in the table of embeddings of each column of the reader's matrix; -1: it is left out.
    X : Any
        Rows of lists.
    """

    def __init__(self, reader: BagReader, places: np.ndarray, X: Any) -> None:
        rows = list(reader.identifiers(X))
        self.words = [[str(value) for value in row] for row in rows]
        self._columns = [places[np.fromiter(row.values(), np.int64, len(row))] for row in rows]

    def gather(self, parts: list[np.ndarray], inputs: Inputs, chunk: slice) -> list[np.ndarray]:
        """Return what each identifier adds, `(n_identifiers,)` a row; see `Origins.gather`."""
        return [
            _of_tokens(columns, *own) for columns, own in zip(self._columns[chunk], _by_row(parts, inputs), strict=True)
        ]


class TokenOrigins(Origins):
    """Sums the tokens of a pretrained model to the words that they cover; what it did not read adds nothing.

    Parameters
    ----------
    reader : PretrainedReader
    texts : list of str
    """

    def __init__(self, reader: PretrainedReader, texts: list[str]) -> None:
        self._spans = reader.backbone.spans(texts, reader.max_length)
        self._texts = [TextWords(text) for text in texts]
        self.words = [text.words for text in self._texts]

    def gather(self, parts: list[np.ndarray], inputs: Inputs, chunk: slice) -> list[np.ndarray]:
        """Return what each word adds, `(n_words,)` a row; see `Origins.gather`."""
        del inputs
        tokens = parts[0].sum((1, 3))  # (B, L): of vectors, a sum over members and lengths
        return [
            # A text that is missing beside other parts has no token, not even one for its beginning.
            text.shared_out(own[: len(spans)], spans[: len(own)])
            for text, spans, own in zip(self._texts[chunk], self._spans[chunk], tokens, strict=True)
        ]


class PartsOrigins(Origins):
    """Gives each part of a sample what is its own, and its sum to the sample.

    Parameters
    ----------
    origins : dict of str to Origins
        Of each part.
    columns : list of tuple of str, str and int or None
        What the sums are of: a name, the part, and the column of the part; None: all of it.
    slots : list of slice
        Columns of each part in the matrix of X.
    """

    def __init__(
        self, origins: dict[str, Origins], columns: list[tuple[str, str, int | None]], slots: list[slice]
    ) -> None:
        self._origins, self._columns, self._slots = origins, columns, slots
        self.names = [name for name, _, _ in columns]

    def gather(self, parts: list[np.ndarray], inputs: Inputs, chunk: slice) -> list[tuple[np.ndarray, ...]]:
        """Return what each part's values add, an array a part and row; see `Origins.gather`."""
        rows = []
        for origins, own in zip(self._origins.values(), inputs.parts, strict=True):
            rows.append(origins.gather(parts[: len(own.values)], own, chunk))
            parts = parts[len(own.values) :]
        return list(zip(*rows, strict=True))

    def attributed(
        self, values: list[Any], predicted: np.ndarray, baseline: np.ndarray, task: str, target: np.ndarray | None
    ) -> Attributions:
        """Return the attributions of all rows, those of the parts among them; see `Origins.attributed`."""
        found, sums = {}, {}
        for (name, origins), own in zip(self._origins.items(), zip(*values, strict=True), strict=True):
            sums[name] = np.array([float(one.sum()) for one in own])
            found[name] = origins.attributed(list(own), predicted, predicted - sums[name], task, target)
        columns = [sums[part] if place is None else found[part].values[:, place] for _, part, place in self._columns]
        return Attributions(np.stack(columns, 1), predicted, baseline, task, target, self.names, None, found)

    def check_baseline(self, first: Any, given: Origins) -> None:
        """Refuse more than one row, and texts or lists that are not empty; see `Origins.check_baseline`.

        Sequences must be as long as those of the rows, where both have any.
        """
        super().check_baseline(first, given)
        assert isinstance(given, PartsOrigins)
        for (name, origins), slot in zip(self._origins.items(), self._slots, strict=True):
            if origins.words is not None and not np.isnan(first[:, slot].data).all():  # NaN: missing
                raise ValueError(
                    f"baseline must leave {name!r} empty: the only baseline of texts and lists is an empty one."
                )
        for name, origins in self._origins.items():
            own = given._origins[name]
            if isinstance(origins, ArrayOrigins) and isinstance(own, ArrayOrigins) and own.rows_held:
                with called(f"{name!r}: "):
                    origins.check_length(own, origins.rows_held)


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


def origins_of(estimator: Any, reader: Reader, standardizer: Any, X: Any) -> Origins:
    """Return where what the network of a fitted estimator reads comes from.

    Parameters
    ----------
    estimator : MultiTaskClassifier, MultiTaskRegressor or MultiTaskEstimator
    reader : Reader
        What read X.
    standardizer : AnyStandardizer
        Of the reader's matrix.
    X : Any
        The rows that are explained.
    """
    frame = reader if isinstance(reader, FrameReader) else None
    inner: Any = reader if frame is None else frame.inner
    X = X if frame is None else frame.parts(X)
    if not isinstance(standardizer, ModalStandardizer):
        names = inner.table.names if isinstance(inner, TransformerReader) else None
        return _of_one_kind(inner, standardizer, X, names or getattr(estimator, "feature_names_in_", None))
    origins: dict[str, Origins] = {}
    for block in standardizer.blocks:
        own, part = inner.readers[block.name], X.parts.get(block.name, [None] * len(X))
        origins[block.name] = _of_one_kind(own, block.standardizer, part, getattr(own, "names", None))
    columns: list[tuple[str, str, int | None]] = [(name, name, None) for name in origins]
    if frame is not None:
        columns = _columns_of(frame)
    return PartsOrigins(origins, columns, [block.columns for block in standardizer.blocks])


def _of_one_kind(reader: Any, standardizer: Any, X: Any, names: Sequence[Any] | None) -> Origins:
    """Return where values come from, of samples of one kind, or of one part of samples."""
    if isinstance(reader, TextReader):
        return TextOrigins(reader, standardizer.places, texts_of(X))
    if isinstance(reader, BagReader):
        return BagOrigins(reader, standardizer.places, X)
    if isinstance(reader, PretrainedReader) and reader.form is Form.TEXT:
        return TokenOrigins(reader, texts_of(X))
    if isinstance(reader, PretrainedReader):
        return ArrayOrigins(Form.IMAGE, reader.shape)
    if isinstance(reader, ArrayReader):
        if reader.form is Form.IMAGE:
            return ArrayOrigins(reader.form, reader.shape)
        lengths = X.shape[1:2] if getattr(X, "ndim", 1) == 3 else [len(one) for one in X if not is_missing(one)]
        longest = max(lengths, default=reader.shape[0])
        return ArrayOrigins(reader.form, (longest, reader.shape[1]), reader.steps(X))
    source = np.asarray(reader.layout.source, np.int64)
    if names is None:
        names = [f"x{place}" for place in range(int(source.max()) + 1)]
    return ColumnOrigins([str(name) for name in names], source[standardizer.columns])


def _columns_of(frame: FrameReader) -> list[tuple[str, str, int | None]]:
    """Return the columns of a frame, each with its part, and its place where the part holds several."""
    columns: list[tuple[str, str, int | None]] = []
    place = 0
    for column, name in enumerate(frame.names):
        if column in frame.samples.apart or frame.rest is None:
            columns.append((name, frame.samples.names[frame.samples.apart.index(column)], None))
        else:
            columns.append((name, frame.rest, place))
            place += 1
    return columns
