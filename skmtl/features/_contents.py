"""What tells rows apart: their matrix, or what goes into a frozen pretrained model in the place of what comes out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._frames import FrameReader
from ._layout import Layout
from ._modal import ModalReader, read_there, side_by_side
from ._modal_standardizer import present
from ._pretrained import RepresentationReader


@dataclass(frozen=True)
class Contents:
    """Rows in which equal contents are equal values, to the bit.

    Attributes
    ----------
    matrix : ndarray or CSR array of shape (n_rows, n_columns)
    layout : Layout
        What its columns mean.
    """

    matrix: Any
    layout: Layout


def contents_of(reader: Any, X: Any, matrix: Any) -> Contents:
    """Return what tells the rows of X apart.

    The last bits of what a pretrained model makes of a row hang on the rows beside it, those of its tokens do not.

    Parameters
    ----------
    reader : Reader
        Fitted.
    X : Any
        As it was given.
    matrix : ndarray or CSR array of shape (n_rows, n_columns)
        What the reader made of it.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.features import MatrixReader, contents_of
    >>> reader, X = MatrixReader(), np.ones((2, 3))
    >>> contents_of(reader, X, reader.fit_matrix(X)).matrix is X
    True
    """
    inner = reader.inner if isinstance(reader, FrameReader) else reader
    readers = inner.readers if isinstance(inner, ModalReader) else {"": inner}
    if not any(isinstance(own, RepresentationReader) for own in readers.values()):
        return Contents(matrix, inner.layout)
    given = reader.parts(X) if isinstance(reader, FrameReader) else X
    if isinstance(inner, RepresentationReader):
        return _numbers(inner.inward().matrix(given))
    blocks, layouts, first = [], [], 0
    for (name, own), width in zip(readers.items(), inner.widths, strict=True):
        part = Contents(matrix[:, first : first + width], own.layout)
        if isinstance(own, RepresentationReader):
            part = _contents_of_part(own, given.parts.get(name), present(part.matrix.toarray()))
        blocks.append(part.matrix)
        layouts.append(part.layout)
        first += width
    return Contents(side_by_side([*blocks, matrix[:, first:]]), replace(inner.layout, parts=tuple(layouts)))


def _contents_of_part(reader: RepresentationReader, part: Any, there: np.ndarray) -> Contents:
    """Return what tells the samples of a part apart that a pretrained model has read; NaN where there is none."""
    if not there.any():
        return _numbers(np.full((len(there), 1), np.nan))
    return _numbers(read_there(reader.inward().matrix, part, there))


def _numbers(matrix: np.ndarray) -> Contents:
    return Contents(matrix, Layout.of_numbers(matrix.shape[1]))
