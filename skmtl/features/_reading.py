"""X of any accepted kind, taken apart: a matrix of numbers as it is, anything else as a list of columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_array

from ._chunks import where_of
from ._dates import Moments
from ._kinds import Coded, Column, Kind, column_of_values, is_missing, number_column, refuse_type, shortened

# Integers that NumPy joins with float32 to float32.
_NARROW = {"Int8": "int8", "Int16": "int16", "UInt8": "uint8", "UInt16": "uint16"}


@dataclass
class Table:
    """X, taken apart.

    Attributes
    ----------
    matrix : ndarray or CSR array of shape (n_rows, n_columns), or None
        X itself where it is an array of numbers or sparse.
    columns : list of Column
        Its columns otherwise.
    names : list of str or None
        Names of the columns, if X has any.
    matchable : bool
        Whether the names are strings, so that columns can be found by them.
    """

    matrix: Any
    columns: list[Column]
    names: list[str] | None = None
    matchable: bool = False

    @property
    def n_columns(self) -> int:
        """Number of columns of X."""
        return len(self.columns) if self.matrix is None else int(self.matrix.shape[1])

    def split(self) -> list[Column]:
        """Return the columns, those of a matrix included."""
        if self.matrix is None:
            return self.columns
        dense = self.matrix.toarray() if issparse(self.matrix) else self.matrix
        return [column_of_values(dense[:, place], where_of(self.names, place)) for place in range(self.n_columns)]


def read_table(X: Any) -> Table:
    """Take X apart.

    Parameters
    ----------
    X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)

    Raises
    ------
    ValueError
        If X is not a table of two dimensions with rows and columns of distinct names, or a column mixes kinds.
    TypeError
        If a column holds lists, arrays, dicts or other objects.
    """
    if issparse(X):
        return Table(number_matrix(X), [])
    if isinstance(X, (np.ndarray, list, tuple)):
        return _read_array(X)
    if hasattr(X, "collect"):
        raise ValueError(f"X is a lazy {type(X).__name__}. Read it first: X.collect().")
    names = column_names(X)
    if names is not None and (matrix := _matrix_of_frame(X)) is not None:
        return Table(matrix, [], [str(name) for name in names], all(isinstance(name, str) for name in names))
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return _read_frame(frame)
    if getattr(X, "ndim", 2) == 1:
        _refuse_empty_and_dicts(X)
        check_array(X, dtype=None)  # it knows what to say of a Series
    return _read_array(X)


def column_names(X: Any) -> list[Any] | None:
    """Return the names of the columns of a data frame; None: it is none.

    Raises
    ------
    ValueError
        If two columns have the same name, or there is no column or row.
    """
    if not (hasattr(X, "shape") and hasattr(X, "columns") and hasattr(X, "dtypes")):
        return None
    names = list(X.columns)
    repeated = sorted({str(name) for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if repeated:
        raise ValueError(f"X has several columns of the same name: {repeated}. Rename or drop all but one of each.")
    if not names:
        raise ValueError(f"Found array with 0 feature(s) (shape={X.shape}) while a minimum of 1 is required.")
    if not X.shape[0]:
        raise ValueError(f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required.")
    return names


def _matrix_of_frame(X: Any) -> Any:
    """Return the matrix of a frame of pandas that is stored as one, all sparse or all of one float dtype, or None."""
    dtypes = set(X.dtypes)
    if all(map(_is_sparse, dtypes)):
        if len(dtypes) > 1:  # booleans, mostly, beside floats
            X = X.astype(type(dtypes.pop())(np.float64, 0))
        return number_matrix(X)
    if len(dtypes) == 1 and dtypes <= {np.dtype(np.float64), np.dtype(np.float32)}:
        return np.ascontiguousarray(X.to_numpy())
    return None


def _is_sparse(dtype: Any) -> bool:
    """Tell whether a column of pandas stores only what is not 0."""
    return type(dtype).__name__ == "SparseDtype" and bool(dtype.fill_value == 0)


def number_matrix(X: Any) -> Any:
    """Return numbers as a float array in C order, or as a CSR array or matrix without repeated entries."""
    X = _as_array(X) if isinstance(X, (list, tuple)) else X
    X = check_array(X, accept_sparse=("csr", "csc"), dtype=[np.float64, np.float32], order="C", ensure_all_finite=False)
    if not issparse(X):
        return X
    X = X.tocsr()
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def _read_array(X: Any) -> Table:
    if (
        type(X) is np.ndarray
        and X.dtype in (np.float64, np.float32)
        and X.ndim == 2
        and X.size
        and X.flags.c_contiguous
    ):
        return Table(X, [])  # nothing to check or change: a single row should be fast
    array = X if isinstance(X, np.ndarray) else _as_array(X)
    if array is not X and array.dtype.kind in "US" and not hasattr(X, "__array__"):
        array = np.asarray(X, dtype=object)  # in a list, numbers beside strings are still numbers
    if array.ndim > 2:
        raise ValueError(
            f"Found array with dim {array.ndim} (shape={array.shape}), expected 2: a row per sample and a column per "
            "feature. Images (n, channels, height, width) and sequences (n, time, features) must be arrays, "
            "np.asarray(X), at fit as at predict, with encoder='auto'; anything else needs X.reshape(len(X), -1)."
        )
    if array.ndim == 1:
        _refuse_empty_and_dicts(array)
    if array.dtype.kind in "biufc" or array.ndim < 2:
        dtype = [np.float64, np.float32] if array.dtype.kind in "biufc" else None
        return Table(check_array(array, dtype=dtype, order="C", ensure_all_finite=False), [])
    check_array(array, dtype=None, ensure_all_finite=False)
    return Table(None, [column_of_values(array[:, place], f"column {place}") for place in range(array.shape[1])])


def _as_array(X: Any) -> np.ndarray:
    """Return X as an array; lists of different lengths are told how to be lists of identifiers."""
    try:
        return np.asarray(X)
    except ValueError as error:
        lengths = [len(row) if hasattr(row, "__len__") else None for row in X]
        odd = next((row for row, length in enumerate(lengths) if length != lengths[0]), None)
        if odd is not None:
            raise ValueError(
                f"X is a list of lists, and row {odd}, {shortened(X[odd])}, is not as long as row 0. Lists of Python "
                "that all have one length are a table, such as those at fit, or in a fold of a search, may have been; "
                "these are none. Lists of any length are lists of identifiers if X is given as pd.Series(X), or with "
                "encoder=BagEncoder() of skmtl.features, at fit as at predict."
            ) from error
        raise ValueError(
            f"X is a list of lists that hold lists of different lengths ({error}). Give a table, which np.asarray(X) "
            "can read."
        ) from error


def _refuse_empty_and_dicts(X: Any) -> None:
    """Refuse samples of one dimension that no kind of sample could be told from, or that are dicts."""
    first = next((sample for sample in X if not is_missing(sample)), None)
    if first is None and len(X):
        raise ValueError("X holds nothing but missing values, so nothing can be learned from it. Give samples.")
    if isinstance(first, dict):
        raise ValueError("X holds dicts. Give a data frame, which has a column for each key: pandas.DataFrame(X).")


def _read_frame(frame: nw.DataFrame[Any]) -> Table:
    names = frame.columns
    columns = [read_series(series, where_of(names, place)) for place, series in enumerate(frame.iter_columns())]
    return Table(None, columns, [str(name) for name in names], all(isinstance(name, str) for name in names))


def read_series(series: nw.Series[Any], where: str) -> Column:
    """Return a column of a frame.

    Parameters
    ----------
    series : narwhals.Series
    where : str
        What messages call it.

    Raises
    ------
    ValueError, TypeError
        As of `read_table`.
    """
    dtype = series.dtype
    coded = isinstance(dtype, (nw.Categorical, nw.Enum))
    if coded or (isinstance(dtype, nw.String) and series.implementation.is_polars()):
        return _categories(series, where)
    if isinstance(dtype, (nw.List, nw.Array, nw.Struct)):
        refuse_type(where, f"it holds values of type {dtype}", nested=True)
    if isinstance(dtype, nw.Datetime) and dtype.time_zone is not None:
        local = series.dt.replace_time_zone(None).to_numpy()
        return Column(where, Kind.AWARE, Moments(local, series.to_numpy()))
    values = np.asarray(series.to_numpy())
    if dtype.is_numeric() and values.dtype.kind in "iuf":
        # Holes make floats of integers, polars narrow ones; the declared type decides.
        declared = np.dtype(_NARROW.get(str(dtype), "int64")) if dtype.is_integer() else values.dtype
        return number_column(values, where, declared)
    if type(series.to_native().dtype).__name__ == "PeriodDtype":
        values = series.to_native().dt.to_timestamp().to_numpy()
    if values.dtype == np.float32 and not dtype.is_numeric():  # what polars makes of a column of nothing
        values = values.astype(np.float64)
    return column_of_values(values, where)


def _categories(series: nw.Series[Any], where: str) -> Column:
    native: Any = series.to_native()
    if hasattr(getattr(native, "cat", None), "codes"):  # pandas, whose categories may be anything
        codes, entries = native.cat.codes.to_numpy(), [*native.cat.categories]
    elif series.implementation.is_polars():  # far faster than going through Python's strings
        import polars as pl

        text = native.cast(pl.String)
        entries = text.drop_nulls().unique().sort().to_list()
        codes = text.cast(pl.Enum(entries)).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
    else:
        return column_of_values(np.asarray(series.cast(nw.String).to_numpy(), dtype=object), where)
    return Column(where, Kind.CATEGORY, Coded(codes.astype(np.int64), entries))
