"""Readers of X: what learns at fit how X becomes a matrix, and turns it into one."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing, get_tags

from ._array_standardizer import ArrayStandardizer
from ._bags import BagEncoder
from ._chunks import check_finite
from ._forms import Form
from ._frames import FrameReader, Samples
from ._layout import Layout
from ._modal import ModalReader, reader_of_form
from ._modal_standardizer import ModalStandardizer
from ._pretrained import PretrainedStandardizer
from ._reading import number_matrix
from ._standardizer import Standardizer
from ._table import TableEncoder, TableReader
from ._texts import TextEncoder, TextStandardizer

AnyStandardizer = Standardizer | ArrayStandardizer | TextStandardizer | ModalStandardizer | PretrainedStandardizer


class Reader(Protocol):
    """What the readers of X have in common."""

    @property
    def layout(self) -> Layout:
        """What the columns of the matrix mean, once fitted."""

    def fit_matrix(self, X: Any, rows: np.ndarray | None = None) -> Any:
        """Learn how X is read, and return its matrix.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
        rows : ndarray of int or None, default=None
            The rows that count; None for all.
        """

    def matrix(self, X: Any) -> Any:
        """Return the matrix of an X like that of fit."""

    def standardizer(self) -> AnyStandardizer:
        """Return a standardizer for the matrices of this reader that has not measured anything yet."""


class MatrixReader:
    """Reader of an X that is a matrix of numbers already, without holes: it is taken as it is.

    Examples
    --------
    >>> from skmtl.features import MatrixReader
    >>> MatrixReader().fit_matrix([[1, 2], [3, 4]])
    array([[1., 2.],
           [3., 4.]])
    """

    layout: Layout

    def fit_matrix(self, X: Any, rows: np.ndarray | None = None) -> Any:
        """Check and return X; see `Reader.fit_matrix`."""
        del rows
        matrix = self.matrix(X)
        self.layout = Layout.of_numbers(matrix.shape[1])
        return matrix

    def matrix(self, X: Any) -> Any:
        """Check and return X; see `Reader.matrix`.

        Raises
        ------
        ValueError
            If X is no table of numbers, or holds NaN or infinity.
        """
        names = [str(name) for name in X.columns] if hasattr(X, "columns") else None
        X = number_matrix(X)
        check_finite(X, names, "encoder='passthrough'")
        return X

    def standardizer(self) -> Standardizer:
        """Return a standardizer of numbers; see `Reader.standardizer`."""
        return Standardizer(self.layout)


class TransformerReader:
    """Reader that puts a scikit-learn transformer in front: what it makes of X is read as a table.

    Parameters
    ----------
    transformer : transformer
        A clone of it is fitted to the rows that count, without y.

    Examples
    --------
    >>> from sklearn.preprocessing import PolynomialFeatures
    >>> from skmtl.features import TransformerReader
    >>> TransformerReader(PolynomialFeatures(include_bias=False)).fit_matrix([[1.0, 2.0], [3.0, 4.0]])
    array([[ 1.,  2.,  1.,  2.,  4.],
           [ 3.,  4.,  9., 12., 16.]])
    """

    def __init__(self, transformer: Any) -> None:
        self.transformer = clone(transformer)
        self.table: TableReader = TableEncoder(n_bins=0).build()

    @property
    def layout(self) -> Layout:
        """What the columns of the matrix mean."""
        return self.table.layout

    def fit_matrix(self, X: Any, rows: np.ndarray | None = None) -> Any:
        """Fit the transformer, and read what it makes of X; see `Reader.fit_matrix`.

        Raises
        ------
        ValueError
            If the transformer needs y: what reads the labels would have to be fitted for each member.
        """
        try:
            if rows is None:
                return self.table.fit_matrix(self.transformer.fit_transform(X))
            self.transformer.fit(_safe_indexing(X, rows))
        except TypeError as error:
            if "'y'" not in str(error):
                raise
            raise ValueError(
                f"encoder={self.transformer!r} needs y, but an encoder must not read the labels: members would see "
                "those of their holdouts. Put it in front of the estimator, in a pipeline."
            ) from error
        return self.table.fit_matrix(self.transformer.transform(X))

    def matrix(self, X: Any) -> Any:
        """Return the matrix of what the transformer makes of X; see `Reader.matrix`."""
        return self.table.matrix(self.transformer.transform(X))

    def standardizer(self) -> Standardizer:
        """Return a standardizer for what the transformer makes; see `Reader.standardizer`."""
        return self.table.standardizer()


def reader_of_frame(encoder: Any, samples: Samples, alone: Reader | None = None) -> FrameReader:
    """Return the reader of a frame some of whose columns are texts, lists or arrays.

    Parameters
    ----------
    encoder : "auto", TableEncoder, TextEncoder or BagEncoder
        The last two read the only column.
    samples : Samples
    alone : Reader or None, default=None
        What reads the only column of a frame; None: what its form asks for.
    """
    if isinstance(encoder, (TextEncoder, BagEncoder)):
        alone = encoder.build()
    return FrameReader(samples, encoder if isinstance(encoder, TableEncoder) else TableEncoder(), alone)


def takes_holes(encoder: Any) -> bool:
    """Whether X may hold missing values."""
    if isinstance(encoder, str):
        return encoder == "auto"
    return isinstance(encoder, TableEncoder) or (hasattr(encoder, "fit") and get_tags(encoder).input_tags.allow_nan)


def make_reader(encoder: Any, codes: bool = True, form: Form = Form.COLUMNS) -> Reader:
    """Return the reader that the `encoder` parameter of an estimator stands for.

    Parameters
    ----------
    encoder : "auto", "passthrough", TableEncoder, TextEncoder, BagEncoder or transformer
    codes : bool, default=True
        Whether "auto" accompanies numbers by piecewise-linear codes.
    form : Form, default=Form.COLUMNS
        What the samples of X are. All but rows of columns have readers of their own where the encoder is "auto".

    Raises
    ------
    ValueError
        If it is none of these, or reads one kind of samples, and X has several.
    """
    if isinstance(encoder, str) and encoder == "auto":
        if form is Form.SEVERAL:
            return ModalReader()
        return reader_of_form(form, TableEncoder() if codes else TableEncoder(n_bins=0))
    of_one_kind = isinstance(encoder, (TableEncoder, TextEncoder, BagEncoder))
    if form is Form.SEVERAL and (of_one_kind or encoder == "passthrough"):
        raise ValueError(
            f"encoder={encoder!r} reads samples of one kind, and X is a MultiModal of several parts. Leave encoder at "
            "'auto', which reads each part as its kind asks for."
        )
    if isinstance(encoder, str) and encoder == "passthrough":
        return MatrixReader()
    if isinstance(encoder, (TableEncoder, TextEncoder, BagEncoder)):
        return encoder.build()
    if hasattr(encoder, "fit") and hasattr(encoder, "transform") and not isinstance(encoder, type):
        return TransformerReader(encoder)
    raise ValueError(
        "encoder must be 'auto', 'passthrough', a TableEncoder, TextEncoder or BagEncoder of skmtl.features, or a "
        f"scikit-learn transformer, got {encoder!r}."
    )
