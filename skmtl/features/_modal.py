"""Several kinds of data at once: a reader a part, side by side in one sparse matrix."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import csr_array, hstack
from sklearn.utils import _safe_indexing

from .._errors import called
from ._arrays import ArrayReader
from ._bags import BagEncoder, BagReader
from ._container import MultiModal
from ._forms import Form, form_of
from ._kinds import is_missing
from ._layout import Joined, Layout
from ._modal_standardizer import ModalStandardizer
from ._pretrained import PretrainedReader, RepresentationReader
from ._table import TableEncoder, TableReader
from ._texts import TextEncoder, TextReader

PartReader = TableReader | ArrayReader | TextReader | BagReader | PretrainedReader


class ModalReader:
    """Reader of a `MultiModal`: each part as it would be read alone.

    The parts' matrices stand side by side in one CSR array, NaN where a part is missing. A part that is absent later
    is missing in all samples. What sequences hold beyond the longest of fit stands behind all parts: how many values
    more each part of sequences has in a row, and then the first of these values of every such part, the second of
    every part, and so on. So a row is the same in every matrix, whatever stands beside it.

    Parameters
    ----------
    table : TableEncoder or None, default=None
        How parts of columns are read; None: as usual.
    calls : mapping of str to str or None, default=None
        What messages about a part begin with, by its name; None: "Part '<name>' of X: ".

    Attributes
    ----------
    own : dict
        Of parts whose trunk may read them itself, by name: what returns a reader for the form of the part, or None for
        the usual one. What a pretrained model makes of a part is NaN where it is missing.
    readers : dict
        A reader a part.
    widths : list of int
        Columns of each part's matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.features import ModalReader, MultiModal
    >>> X = MultiModal({"numbers": np.ones((2, 3)), "pictures": np.zeros((2, 1, 2, 2))})
    >>> reader = ModalReader()
    >>> reader.fit_matrix(X).shape, reader.widths
    ((2, 7), [3, 4])
    """

    layout: Layout
    readers: dict[str, PartReader]
    widths: list[int]

    def __init__(self, table: TableEncoder | None = None, calls: Mapping[str, str] | None = None) -> None:
        self.table = TableEncoder() if table is None else table
        self.calls = {} if calls is None else dict(calls)
        self.own: dict[str, Callable[[Form], Any]] = {}

    @property
    def n_features(self) -> int:
        """Number of parts."""
        return len(self.readers)

    def fit_matrix(self, X: MultiModal, rows: np.ndarray | None = None) -> csr_array:
        """Learn how each part is read, and return the matrix; see `Reader.fit_matrix`.

        Raises
        ------
        ValueError
            If a part is missing in all samples, or its reader refuses it; the part is named.
        """
        self.readers, blocks = {}, []
        for name, part in X.parts.items():
            if _all_missing(part):
                raise ValueError(
                    f"Part {name!r} of X is missing in all samples, so that nothing says what it holds. Leave it out, "
                    "or let some of the samples have it: in each fold of a search, if this is one."
                )
            reader = self._reader_of(name, form_of(part))
            with called(self._name_of(name)):
                blocks.append(_read(reader, partial(reader.fit_matrix, rows=rows), part))
            self.readers[name] = reader
        self.widths = [block.shape[1] for block in blocks]
        parts = tuple(reader.layout for reader in self.readers.values())
        self.layout = Layout(self._names(), range(sum(self.widths)), parts=parts)
        return side_by_side(blocks)

    def matrix(self, X: MultiModal) -> csr_array:
        """Return the matrix of parts like those of fit; see `Reader.matrix`.

        Raises
        ------
        ValueError
            If X is no `MultiModal`, has a part that was not there at fit, or a reader refuses one; the part is named.
        """
        if not isinstance(X, MultiModal):
            raise ValueError(
                f"X was a MultiModal of the parts {list(self.readers)} at fit, and now it is a {type(X).__name__}."
            )
        if unknown := [name for name in X.parts if name not in self.readers]:
            raise ValueError(f"X has the part {unknown[0]!r}, which was not there at fit; known: {list(self.readers)}.")
        blocks, beyond = [], []
        for (name, reader), width in zip(self.readers.items(), self.widths, strict=True):
            part = X.parts.get(name)
            if part is None or _all_missing(part):
                of_tokens = isinstance(reader, (TextReader, BagReader))
                block = csr_array((len(X), width)) if of_tokens else np.full((len(X), width), np.nan)
            else:
                with called(self._name_of(name)):
                    block = _read(reader, reader.matrix, part, width)
            if isinstance(reader, ArrayReader) and reader.form is Form.SEQUENCE:
                beyond.append(block[:, width:])
                block = block[:, :width]
            blocks.append(block)
        longest = max((block.shape[1] for block in beyond), default=0)
        return side_by_side([*blocks, *_interleaved(beyond, longest)] if longest else blocks)

    def inward(self) -> ModalReader:
        """Return a fitted reader whose matrix holds, of a part that a pretrained model reads, what goes into it."""
        result = copy.copy(self)
        result.readers = {
            name: own.inward() if isinstance(own, RepresentationReader) else own for name, own in self.readers.items()
        }
        result.widths = [
            own.width if isinstance(own, PretrainedReader) else width
            for own, width in zip(result.readers.values(), self.widths, strict=True)
        ]
        return result

    def _names(self) -> Joined:
        """Return names of the matrix' columns: of several tables, each begins with that of its part."""
        tables = [isinstance(reader, TableReader) for reader in self.readers.values()]
        plain = [table and sum(tables) == 1 for table in tables]
        prefixes = ("" if alone else f"{name}: " for name, alone in zip(self.readers, plain, strict=True))
        return Joined(tuple(reader.layout.names for reader in self.readers.values()), tuple(prefixes))

    def _name_of(self, name: str) -> str:
        return self.calls.get(name, f"Part {name!r} of X: ")

    def _reader_of(self, name: str, form: Form) -> PartReader:
        if name in self.own:
            with called(f"Part {name!r} of X: "):
                own: PartReader | None = self.own[name](form)
            if own is not None:
                return own
        return reader_of_form(form, self.table)

    def standardizer(self) -> ModalStandardizer:
        """Return standardizers of the parts that have not measured anything yet; see `Reader.standardizer`."""
        return ModalStandardizer({name: reader.standardizer() for name, reader in self.readers.items()}, self.widths)


def reader_of_form(form: Form, table: TableEncoder) -> TableReader | ArrayReader | TextReader | BagReader:
    """Return the usual reader of samples of one kind.

    Parameters
    ----------
    form : Form
        Any but several parts.
    table : TableEncoder
        How columns are read.
    """
    if form is Form.TEXT:
        return TextEncoder().build()
    if form is Form.BAG:
        return BagEncoder().build()
    return table.build() if form is Form.COLUMNS else ArrayReader(form)


def _all_missing(part: Any) -> bool:
    """Whether a list or column holds no value at all."""
    return getattr(part, "ndim", 1) == 1 and all(is_missing(value) for value in part)


def _says_nothing(value: Any) -> bool:
    """Whether a text or an image is missing, or a text empty."""
    if isinstance(value, np.ndarray):
        return bool((value != value).all())
    return is_missing(value) or (isinstance(value, (str, bytes)) and not value)


def _read(reader: PartReader, read: Callable[[Any], Any], part: Any, width: int | None = None) -> Any:
    """Return the matrix of a part; a pretrained model is not asked for what is missing, which is NaN.

    After fit, `width` columns are known, and tokens, of which there may be fewer, are padded with 0.
    """
    if not isinstance(reader, PretrainedReader):
        return read(part)
    there = [not _says_nothing(value) for value in part]
    if all(there) and isinstance(reader, RepresentationReader):
        return read(part)
    if not any(there) and width is not None:
        return np.full((len(there), width), np.nan)
    return read_there(read, part, np.array(there), width)


def read_there(read: Callable[[Any], np.ndarray], part: Any, there: np.ndarray, width: int | None = None) -> np.ndarray:
    """Return the matrix of a part of which only some samples are read; the rows of the others are NaN.

    Parameters
    ----------
    read : callable
        Of the samples that are there.
    part : Any
    there : ndarray of bool of shape (n_samples,)
        At least one.
    width : int or None, default=None
        Columns to which what is read is padded with 0; None: it is as wide as it is.
    """
    known = read(_safe_indexing(part, np.flatnonzero(there)))
    width = known.shape[1] if width is None else width
    matrix = np.full((len(there), width), np.nan, np.result_type(np.float32, known))
    matrix[there] = np.pad(known, ((0, 0), (0, width - known.shape[1])))
    return matrix


def side_by_side(blocks: list[Any]) -> csr_array:
    """Return matrices of the same rows as one.

    Parameters
    ----------
    blocks : list of ndarray or CSR array of shape (n, C)
    """
    return csr_array(hstack([csr_array(block) for block in blocks], format="csr"))


def _interleaved(blocks: list[np.ndarray], longest: int) -> list[np.ndarray]:
    """Return how many values each row of some blocks holds, `(n, K)`, and the values of the blocks by turns."""
    values = np.full((len(blocks[0]), longest, len(blocks)), np.nan, np.result_type(np.float32, *blocks))
    for place, block in enumerate(blocks):
        values[:, : block.shape[1], place] = block
    there = ~np.isnan(values)
    counts = np.where(there.any(1), longest - there[:, ::-1].argmax(1), 0)
    values[np.arange(longest)[:, None] >= counts[:, None]] = 0
    return [counts, values.reshape(len(values), -1)]
