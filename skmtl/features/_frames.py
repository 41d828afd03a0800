"""Data frames some of whose columns are texts, lists of identifiers or arrays: each of these is a part of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from .._errors import called
from ._bags import BagEncoder
from ._chunks import where_of
from ._container import MultiModal
from ._forms import Form, form_of, is_bag, telling
from ._kinds import Column, Kind, as_text, is_missing, shortened
from ._layout import Layout
from ._modal import ModalReader, reader_of_form
from ._reading import column_names, read_series
from ._table import TableEncoder, check_names
from ._texts import TextEncoder
from ._vocabulary import entries_of, free_text

# Of the part that holds all other columns.
REST = "columns"
# Columns of these types may hold texts, lists or arrays.
_CANDIDATES = (nw.String, nw.Binary, nw.Object, nw.Categorical, nw.Enum, nw.List, nw.Array)


@dataclass(frozen=True)
class Samples:
    """What the samples of X are.

    Attributes
    ----------
    form : Form
        Of a frame with texts, lists or arrays beside other columns, or with several of them: several parts.
    apart : tuple of int
        Places of the columns of a frame that are texts, lists of identifiers, images or sequences.
    names : tuple of str
        Their names.
    """

    form: Form
    apart: tuple[int, ...] = ()
    names: tuple[str, ...] = ()


def samples_of(X: Any, encoder: Any = "auto", rows: np.ndarray | None = None) -> Samples:
    """Tell what the samples of X are, columns of frames that are texts, lists or arrays included.

    Parameters
    ----------
    X : Any
    encoder : "auto", TableEncoder, TextEncoder, BagEncoder or any other, default="auto"
        The encoder of an estimator: only "auto" and a TableEncoder take frames apart; a TextEncoder and a BagEncoder
        read the only column of a frame.
    rows : ndarray of int or None, default=None
        The rows that tell texts from categories; None, or none of them, for all.

    Raises
    ------
    ValueError
        If the encoder names columns that are not there, or hold neither texts nor lists.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmtl.features import samples_of
    >>> frame = pd.DataFrame({"price": [3, 5], "tags": [["new"], ["old", "red"]]})
    >>> samples_of(frame).form.value, samples_of(frame).names
    ('several parts', ('tags',))
    """
    if isinstance(encoder, (TextEncoder, BagEncoder)) and len(only := column_names(X) or []) == 1:
        return Samples(Form.TEXT if isinstance(encoder, TextEncoder) else Form.BAG, (0,), (str(only[0]),))
    if isinstance(encoder, BagEncoder):
        return Samples(Form.BAG)
    form = form_of(X)
    takes_apart = isinstance(encoder, TableEncoder) or (isinstance(encoder, str) and encoder == "auto")
    if form is not Form.COLUMNS or not takes_apart:
        return Samples(form)
    asked: Any = "auto"
    if isinstance(encoder, TableEncoder):
        encoder._validate_params()
        asked = encoder.text_columns
    automatic = isinstance(asked, str)
    named = [] if automatic or asked is None else list(asked)
    names = column_names(X)
    if names is None:
        if named:
            raise ValueError(
                f"text_columns={named!r} names columns, and X is a {type(X).__name__} without names. Give a data frame."
            )
        return Samples(form)
    found = {**_auto(X, automatic, rows if rows is not None and len(rows) else None), **_named(X, names, named)}
    if not found:
        return Samples(form)
    places = sorted(found)
    alone = found[places[0]] if len(names) == 1 else Form.SEVERAL
    return Samples(alone, tuple(places), tuple(str(names[place]) for place in places))


def _auto(X: Any, with_texts: bool, rows: np.ndarray | None) -> dict[int, Form]:
    """Return the columns that hold lists or arrays, and if asked for those that hold free text."""
    found: dict[int, Form] = {}
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        return found
    for place in (place for place, dtype in enumerate(X.dtypes) if getattr(dtype, "kind", "O") in "OSU"):
        series = frame[:, place]
        if not isinstance(series.dtype, _CANDIDATES):
            continue
        nested = _nested(series)
        if nested is not None:
            found[place] = nested
        elif with_texts:
            column = (_of_bytes(series) or read_series(series, where_of(frame.columns, place))).take(rows)
            if column.kind is Kind.CATEGORY and free_text(entries_of(column), column) is not None:
                found[place] = Form.TEXT
    return found


def _nested(series: nw.Series[Any]) -> Form | None:
    """Return what a column of lists or arrays holds, by its type or what most values are; None: it holds neither."""
    depth = _depth(series.dtype)
    if isinstance(series.dtype, nw.Object):
        first = telling(series.to_list())
        depth = 1 if is_bag(first) else getattr(first, "ndim", 0)
    return {1: Form.BAG, 2: Form.SEQUENCE, 3: Form.IMAGE}.get(depth)


def _of_bytes(series: nw.Series[Any]) -> Column | None:
    """Return a column of bytes, strings beside them or not, as one of strings; None: there are no bytes, or more."""
    if not isinstance(series.dtype, (nw.Object, nw.Binary)):
        return None
    values = series.to_list()
    if not any(issubclass(kind, bytes) for kind in set(map(type, values))):
        return None
    if not all(isinstance(value, (str, bytes)) or is_missing(value) for value in values):
        return None
    texts = [as_text(value) if isinstance(value, (str, bytes)) else None for value in values]
    return Column(str(series.name), Kind.CATEGORY, np.array(texts, dtype=object))


def _depth(dtype: Any) -> int:
    """Return how deep the lists of a type are nested."""
    depth = 0
    while isinstance(dtype, (nw.List, nw.Array)):
        depth, dtype = depth + 1, dtype.inner
    return depth


def _named(X: Any, names: Sequence[Any], asked: Sequence[Any]) -> dict[int, Form]:
    """Return the columns that were named, each with what it holds."""
    found: dict[int, Form] = {}
    for name in asked:
        if name not in names:
            raise ValueError(f"text_columns names {name!r}, which is no column of X; its columns are {list(names)}.")
        place = list(names).index(name)
        values = values_of(X, place)
        form = form_of(values)
        if form not in (Form.TEXT, Form.BAG):
            what = "is missing in all rows" if all(map(is_missing, values)) else "holds neither texts nor lists"
            raise ValueError(f"text_columns names {name!r}, which {what}. Leave it out.")
        found[place] = form
    return found


def values_of(X: Any, place: int) -> np.ndarray:
    """Return a column of a frame as an array of objects; lists of lists in it as arrays.

    Parameters
    ----------
    X : data frame
    place : int

    Raises
    ------
    ValueError
        If lists within a list differ in length.
    """
    series = nw.from_native(X, eager_only=True)[:, place]
    values = series.to_list()
    if _depth(series.dtype) > 1:
        for row, value in enumerate(values):
            try:
                values[row] = None if value is None else np.asarray(value)
            except ValueError as error:
                raise ValueError(
                    f"Column {series.name!r} of X holds in row {row} lists of different lengths within a list: "
                    f"{shortened(value)}. Give them one length."
                ) from error
    return np.fromiter(values, object, len(values))


class FrameReader:
    """Reader of a frame some of whose columns are texts, lists of identifiers, images or sequences.

    Each of these is read as it would be alone, and all other columns together as a table. A frame of one such column is
    read as what it holds, any other as a `MultiModal` of parts: one for each such column, by its name, and "columns"
    for all others. What is missing in one of these columns is a missing part.

    Parameters
    ----------
    samples : Samples
        What was found in the frame of fit.
    encoder : TableEncoder
        How the other columns are read.
    alone : reader or None, default=None
        What reads the only column; None: what its form asks for.

    Attributes
    ----------
    inner : ModalReader, TextReader, BagReader or ArrayReader
        What reads the parts.
    names : list of str
        Columns of the frame of fit.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmtl.features import FrameReader, TableEncoder, samples_of
    >>> frame = pd.DataFrame({"price": [3, 5], "tags": [["new"], ["old", "red"]]})
    >>> reader = FrameReader(samples_of(frame), TableEncoder())
    >>> reader.fit_matrix(frame).sum(axis=1)
    array([4., 7.])
    >>> list(reader.inner.readers)
    ['columns', 'tags']
    """

    names: list[str]

    def __init__(self, samples: Samples, encoder: TableEncoder, alone: Any = None) -> None:
        self.samples = samples
        self._rest = REST
        while self._rest in samples.names:
            self._rest += "_"
        self.inner: Any = alone
        if alone is None and samples.form is Form.SEVERAL:
            calls = {name: f"Column {name!r} of X: " for name in samples.names}
            self.inner = ModalReader(encoder, {**calls, self._rest: ""})
        elif alone is None:
            self.inner = reader_of_form(samples.form, encoder)

    @property
    def layout(self) -> Layout:
        """What the columns of the matrix mean."""
        layout: Layout = self.inner.layout
        return layout

    def fit_matrix(self, X: Any, rows: np.ndarray | None = None) -> Any:
        """Learn how the columns are read, and return the matrix; see `Reader.fit_matrix`.

        Raises
        ------
        ValueError
            If a column holds what cannot be read; it is named.
        """
        names = column_names(X) or []
        self.names, self._matchable = [str(name) for name in names], all(isinstance(name, str) for name in names)
        return self._named(self.inner.fit_matrix, self.parts(X), rows)

    def matrix(self, X: Any) -> Any:
        """Return the matrix of a frame with the columns of fit, in any order; see `Reader.matrix`.

        Raises
        ------
        ValueError
            If X is no such frame, or a column holds something else than at fit; it is named.
        """
        return self._named(self.inner.matrix, self.parts(X))

    def standardizer(self) -> Any:
        """Return a standardizer for the matrices of this reader; see `Reader.standardizer`."""
        return self.inner.standardizer()

    def parts(self, X: Any) -> Any:
        """Return a frame as the parts that are read: a `MultiModal`, or the only column.

        Parameters
        ----------
        X : data frame, or the only column itself
        """
        names = column_names(X)
        if names is None:
            if self.samples.form is not Form.SEVERAL and form_of(X) is self.samples.form:
                return X
            raise ValueError(
                f"X was a data frame with texts, lists or arrays in {list(self.samples.names)} at fit, and now it is a "
                f"{type(X).__name__}. Give a frame with the same columns."
            )
        places = self._places(names)
        apart = [places[place] for place in self.samples.apart]
        if len(places) == 1:
            return values_of(X, apart[0])
        rest = [place for place in places if place not in apart]
        frame = nw.from_native(X, eager_only=True)
        parts = {self._rest: frame[:, rest].to_native()} if rest else {}
        own = {name: values_of(X, place) for name, place in zip(self.samples.names, apart, strict=True)}
        return MultiModal({**parts, **own})

    @property
    def rest(self) -> str | None:
        """Name of the part that holds all columns but texts and lists; None if there are no others."""
        return self._rest if len(self.names) > len(self.samples.apart) else None

    def inward(self, inner: Any) -> FrameReader:
        """Return a copy that reads its parts by another reader.

        Parameters
        ----------
        inner : Reader
        """
        result = copy.copy(self)
        result.inner = inner
        return result

    def _places(self, names: Sequence[Any]) -> list[int]:
        """Return where the columns of fit stand in a frame."""
        if self._matchable and all(isinstance(name, str) for name in names):
            check_names(self.names, names)
            return [list(names).index(name) for name in self.names]
        if len(names) != len(self.names):
            raise ValueError(f"X has {len(names)} columns, but had {len(self.names)} at fit: {self.names}.")
        return list(range(len(names)))

    def _named(self, read: Callable[..., Any], *arguments: Any) -> Any:
        """Read the only column; what is wrong in it is said of it by name."""
        if self.samples.form is Form.SEVERAL:
            return read(*arguments)
        with called(f"Column {self.samples.names[0]!r} of X: "):
            return read(*arguments)
