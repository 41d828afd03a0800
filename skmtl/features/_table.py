"""A table as people have it → one matrix of floats, by what was learned of its columns at fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions

from ._chunks import check_finite, refuse_infinity
from ._dates import CLOCK, YEAR_AND_WEEK, Moments, clock_parts, moment_parts, seconds
from ._kinds import Column, Kind
from ._layout import Layout
from ._reading import Table, read_table
from ._standardizer import Standardizer
from ._vocabulary import Vocabulary

# Bytes of the matrix that are filled at a time, column by column: they stay in the cache.
BLOCK_BYTES = 2**18


class TableEncoder(BaseEstimator):
    """Encode a table as it is: numbers, categories, dates, and holes in any of them.

    What each column holds follows from its values:

    - Numbers (integers, floats, decimals, booleans) are standardised, and accompanied by piecewise-linear codes: how
      far a number is through each bin of its column. A hole is filled with the mean, and a column of 0 and 1 says where
      the holes were.
    - Categories (strings, categorical dtypes) get one column each, 0 or 1, where there are few, and a learned vector
      each where there are many. Categories that are rarer than `min_frequency` count as one, "rare", and so do
      categories that were not there at fit. A missing value is a category of its own.
    - Dates become a trend and their place in the year, the week and the day, by sine and cosine; durations become
      seconds, times of day their place in the day.

    Columns that hold one value, or nothing, have no influence. What was not there at fit, a hole or a category, counts
    as an average value unless the column has a category "rare".

    Parameters
    ----------
    max_one_hot : int, default=16
        Categories, "rare" and missing ones included, up to which a column is coded by one column per category.
    min_frequency : int, default=5
        Distinct rows that a category needs so as not to be rare. Never more than a twentieth of the rows: in small
        tables, categories of few rows stay.
    embedding_size : int or "auto", default="auto"
        Length of the vector that each category gets in columns with more than `max_one_hot`. "auto" grows with the
        fourth root of the number of categories, from 4 to 32.
    n_bins : int, default=16
        Bins of like numbers of rows into which each numeric column is cut; 0: none. A column of fewer distinct numbers
        has a bin between any two. More bends the network more easily. There are fewer where a bin would hold less than
        20 distinct rows, and with more than 32 numeric columns, 512 in all; with more than 128, and in sparse X, none.
    text_columns : "auto", sequence of str or None, default="auto"
        Columns of a data frame that are read as texts, see :class:`TextEncoder`, each a part of its own of a
        `MultiModal`. "auto": those of at least 20 different strings, in more than half of the rows that are not
        missing, of more than 30 characters and 5 words in the mean (ten characters of Chinese or Japanese). None, or an
        empty sequence: none. Columns of lists are read as lists of identifiers in any case, see :class:`BagEncoder`.

    References
    ----------
    Gorishniy, Y., Rubachev, I., & Babenko, A. (2022). On embeddings for numerical features in tabular deep learning.
    NeurIPS.

    Guo, C., & Berkhahn, F. (2016). Entity embeddings of categorical variables. arXiv:1604.06737.

    Examples
    --------
    >>> from skmtl.features import TableEncoder
    >>> reader = TableEncoder(max_one_hot=8).build()
    >>> reader.fit_matrix([[1.5, "red"], [None, "blue"], [2.5, "red"]])
    array([[1.5, 1. ],
           [nan, 0. ],
           [2.5, 1. ]])
    >>> reader.matrix([[3, "green"]])
    array([[ 3., -1.]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "max_one_hot": [Interval(Integral, 0, None, closed="left")],
        "min_frequency": [Interval(Integral, 1, None, closed="left")],
        "embedding_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "n_bins": [Interval(Integral, 0, None, closed="left")],
        "text_columns": [StrOptions({"auto"}), "array-like", None],
    }

    def __init__(
        self,
        *,
        max_one_hot: int = 16,
        min_frequency: int = 5,
        embedding_size: int | Literal["auto"] = "auto",
        n_bins: int = 16,
        text_columns: Literal["auto"] | Sequence[str] | None = "auto",
    ) -> None:
        self.max_one_hot = max_one_hot
        self.min_frequency = min_frequency
        self.embedding_size = embedding_size
        self.n_bins = n_bins
        self.text_columns = text_columns

    def build(self) -> TableReader:
        """Return a reader that has not seen a table yet.

        Raises
        ------
        InvalidParameterError
            If a parameter has the wrong type or value; a `ValueError`.
        """
        self._validate_params()
        return TableReader(self.max_one_hot, self.min_frequency, self.embedding_size, self.n_bins)


@dataclass
class _Reading:
    """How a column of X is read.

    Attributes
    ----------
    kind : Kind
    vocabulary : Vocabulary or None
        Of a column of categories.
    clock : bool
        Whether the time of day is among the parts of a date: whether any was not midnight at fit.
    """

    kind: Kind
    vocabulary: Vocabulary | None = None
    clock: bool = False

    @classmethod
    def of(cls, column: Column) -> _Reading:
        if column.is_empty():
            return cls(Kind.EMPTY)
        if column.kind is Kind.CATEGORY:
            return cls(column.kind, Vocabulary.of(column))
        return cls(column.kind, clock=isinstance(column.values, Moments) and column.values.show_time())

    def names(self, name: str) -> list[str]:
        """Return the names of the columns of the matrix."""
        if self.kind in (Kind.NAIVE, Kind.AWARE):
            parts = ("trend", *YEAR_AND_WEEK, *(CLOCK if self.clock else ()))
            return [f"{name} ({part})" for part in parts]
        return [f"{name} ({part})" for part in CLOCK] if self.kind is Kind.TIME else [name]

    def parts(self, column: Column) -> Sequence[np.ndarray]:
        """Return the columns of the matrix.

        Raises
        ------
        ValueError
            If the column is not of the kind that it was at fit, or holds infinity.
        """
        if column.kind is not self.kind:
            if self.kind is Kind.EMPTY or column.is_empty():
                return [np.full(len(column), np.nan)] * len(self.names(""))
            self._refuse(column)
        if self.kind is Kind.NUMBER:
            _check_numbers(column)
        elif self.vocabulary is not None:
            return [self.vocabulary.codes(column)]
        elif isinstance(column.values, Moments):
            return moment_parts(column.values, self.clock)
        elif self.kind is Kind.TIME:
            return clock_parts(column.values)
        elif self.kind is Kind.DURATION:
            return [seconds(column.values)]
        return [column.values]

    def _refuse(self, column: Column) -> None:
        zones = {self.kind, column.kind} == {Kind.NAIVE, Kind.AWARE}
        advice = (
            "Give the dates the zone they are meant in (tz_localize), or none (tz_localize(None)), as at fit."
            if zones
            else "Convert it to the dtype that it had at fit."
        )
        raise ValueError(
            f"X holds {column.kind} in {column.where}, where it held {self.kind} when the model was fitted. {advice}"
        )


@dataclass
class TableReader:
    """What was learned of a table's columns at fit: their kinds and vocabularies.

    Parameters
    ----------
    max_one_hot, min_frequency, embedding_size, n_bins
        As in :class:`TableEncoder`.

    Attributes
    ----------
    layout : Layout
        What the columns of the matrix mean.
    names : list of str or None
        Names of the columns of X at fit, if they had any.
    """

    max_one_hot: int = 16
    min_frequency: int = 5
    embedding_size: int | Literal["auto"] = "auto"
    n_bins: int = 0
    layout: Layout = field(init=False, repr=False)
    names: list[str] | None = field(init=False, repr=False, default=None)
    _readings: list[_Reading] = field(init=False, repr=False, default_factory=list)
    _matchable: bool = field(init=False, repr=False, default=False)

    def fit_matrix(self, X: Any, rows: np.ndarray | None = None) -> Any:
        """Learn what each column holds, and return the matrix.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
        rows : ndarray of int or None, default=None
            The rows to learn from; None, or none of them, for all. The matrix has all rows.

        Returns
        -------
        ndarray or CSR array of shape (n_samples, n_columns)
            Float64, or float32 where X is an array or frame of nothing else. An array of floats in C order is returned
            as it is.

        Raises
        ------
        ValueError
            If X has no rows or columns or repeats a column's name, or a column holds infinity, complex numbers, free
            text, several kinds of values, or dates with and without a time zone.
        TypeError
            If a column holds lists, arrays, dicts or other objects.
        """
        table = read_table(X)
        self.names, self._matchable = table.names, table.matchable
        if table.matrix is not None:
            self._readings = [_Reading(Kind.NUMBER)] * table.n_columns
        else:
            chosen = rows if rows is not None and len(rows) else None
            self._readings = [_Reading.of(column.take(chosen)) for column in table.columns]
        self.layout = self._layout()
        return self._matrix(table)

    def matrix(self, X: Any) -> Any:
        """Return the matrix of a table with the columns of fit; those of a frame may come in another order.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)

        Returns
        -------
        ndarray or CSR array of shape (n_samples, n_columns)

        Raises
        ------
        ValueError, TypeError
            As in `fit_matrix`, and if columns are missing, unknown, or of another kind than at fit.
        """
        return self._matrix(self._matched(read_table(X)))

    def standardizer(self) -> Standardizer:
        """Return a standardizer for the matrices of this reader that has not measured anything yet."""
        return Standardizer(self.layout, self.max_one_hot, self.min_frequency, self.embedding_size, self.n_bins)

    def _layout(self) -> Layout:
        if self.names is None and all(reading.kind is Kind.NUMBER for reading in self._readings):
            return Layout.of_numbers(len(self._readings))
        names: list[str] = []
        source: list[int] = []
        categories = {}
        for place, reading in enumerate(self._readings):
            if reading.vocabulary is not None:
                categories[len(names)] = reading.vocabulary.entries
            parts = reading.names(self.names[place] if self.names is not None else f"x{place}")
            names += parts
            source += [place] * len(parts)
        return Layout(names, source, categories)

    def _matched(self, table: Table) -> Table:
        """Return the table with its columns in the order of fit.

        Raises
        ------
        ValueError
            If columns are missing or unknown.
        """
        if table.n_columns != len(self._readings) and not (self._matchable and table.matchable):
            raise ValueError(
                f"X has {table.n_columns} features, but {type(self).__name__} is expecting {len(self._readings)} "
                "features as input."
            )
        if not (self._matchable and table.matchable) or table.names == self.names:
            return table
        here = {name: place for place, name in enumerate(table.names or ())}
        fitted = self.names or []
        check_names(fitted, list(here))
        order = [here[name] for name in fitted]
        if table.matrix is not None:
            matrix = table.matrix[:, order]
            return Table(np.ascontiguousarray(matrix) if isinstance(matrix, np.ndarray) else matrix, [], fitted, True)
        return Table(None, [table.columns[place] for place in order], fitted, True)

    def _matrix(self, table: Table) -> Any:
        if table.matrix is not None and all(reading.kind is Kind.NUMBER for reading in self._readings):
            check_finite(table.matrix, table.names, "This estimator", allow_nan=True)
            return table.matrix
        columns = table.split()
        parts: list[np.ndarray] = []
        for reading, column in zip(self._readings, columns, strict=True):
            parts += reading.parts(column)
        numbers = all(reading.kind in (Kind.NUMBER, Kind.EMPTY) for reading in self._readings)
        dtype = np.result_type(*(column.dtype for column in columns)) if numbers else np.dtype(np.float64)
        return _assembled(parts, dtype if dtype == np.float32 else np.dtype(np.float64))


def _check_numbers(column: Column) -> None:
    """Refuse infinity; NaN is a hole."""
    values = column.values
    if values.dtype.kind != "f":
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return
    infinite = np.isinf(values)
    if infinite.any():
        refuse_infinity(column.where, int(np.argmax(infinite)))


def check_names(fitted: Sequence[str], given: Sequence[str]) -> None:
    """Refuse columns that were not there at fit, and a lack of those that were.

    Raises
    ------
    ValueError
        If there are any.
    """
    known, here = set(fitted), set(given)
    unknown = [name for name in given if name not in known]
    missing = [name for name in fitted if name not in here]
    if not unknown and not missing:
        return
    message = "The feature names should match those that were passed during fit.\n"
    if unknown:
        message += "Feature names unseen at fit time:\n" + "".join(f"- {name}\n" for name in unknown)
    if missing:
        message += "Feature names seen at fit time, yet now missing:\n" + "".join(f"- {name}\n" for name in missing)
    raise ValueError(message)


def _assembled(parts: list[np.ndarray], dtype: np.dtype) -> np.ndarray:
    """Return columns side by side in C order."""
    matrix = np.empty((len(parts[0]), len(parts)), dtype)
    step = max(1, BLOCK_BYTES // (dtype.itemsize * len(parts)))
    for first in range(0, len(matrix), step):
        block = matrix[first : first + step]
        for place, part in enumerate(parts):
            block[:, place] = part[first : first + step]
    return matrix
