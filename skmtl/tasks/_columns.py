"""`y` of any accepted kind, taken apart into one array a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import narwhals.stable.v2 as nw  # the main namespace drops the categories of a categorical column
import numpy as np
from scipy.sparse import issparse

from ._frame import FrameFormat


@dataclass(frozen=True)
class Categories:
    """The categories that the dtype of a column lists.

    Attributes
    ----------
    values : ndarray
    ordered : bool
        Whether their order means something.
    """

    values: np.ndarray
    ordered: bool


@dataclass(frozen=True)
class Columns:
    """The columns of `y`: arrays of their own dtype, missing labels marked beside them.

    Attributes
    ----------
    values : list of ndarray of shape (n_samples,)
        One array a task; what stands in a missing cell means nothing.
    missing : list of ndarray of bool of shape (n_samples,)
        Where a label is missing.
    names : list of str or None
        Column names, if `y` had any.
    one_dimensional : bool
        Whether `y` was a single column without a second axis.
    categories : list of Categories or None
        Of columns of a categorical dtype.
    frame : FrameFormat or None
        How to make a frame like `y`, if it was one.

    Examples
    --------
    >>> from skmtl.tasks import split_columns
    >>> columns = split_columns([[1, "a"], [None, "b"]])
    >>> columns.values[1], columns.missing[0]
    (array(['a', 'b'], dtype=object), array([False,  True]))
    """

    values: list[np.ndarray]
    missing: list[np.ndarray]
    names: list[str] | None
    one_dimensional: bool
    categories: list[Categories | None] = field(default_factory=list)
    frame: FrameFormat | None = None

    def __post_init__(self) -> None:
        """Let there be an entry of categories for each column."""
        if not self.categories:
            self.categories.extend([None] * len(self.values))

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return len(self.values[0])

    def hide(self, cells: np.ndarray) -> Columns:
        """Return the same columns with the labels in `cells`, `(n_samples, n_tasks)`, missing too."""
        missing = [own | cells[:, task] for task, own in enumerate(self.missing)]
        return replace(self, missing=missing)

    def select(self, positions: np.ndarray) -> Columns:
        """Return some of the columns."""
        return replace(
            self,
            values=[self.values[place] for place in positions],
            missing=[self.missing[place] for place in positions],
            names=None if self.names is None else [self.names[place] for place in positions],
            categories=[self.categories[place] for place in positions],
        )

    def take(self, rows: np.ndarray | slice) -> Columns:
        """Return the same columns with `rows` only."""
        return replace(
            self,
            values=[column[rows] for column in self.values],
            missing=[missing[rows] for missing in self.missing],
        )


def split_columns(y: Any, parameter: str = "y") -> Columns:
    """Take `y` apart into columns.

    Raises
    ------
    ValueError
        If `y` is None, sparse, complex, ragged, empty, or has more than two dimensions.
    """
    if y is None:
        raise ValueError(f"This estimator requires {parameter} to be passed, but the target {parameter} is None.")
    if issparse(y):
        raise ValueError(f"{parameter} is a sparse {type(y).__name__}; pass a dense array: {parameter}.toarray().")
    if hasattr(y, "columns"):
        names = [str(name) for name in y.columns]
        series = [y[name] for name in y.columns] if len(set(names)) == len(names) else []
        if not series:
            raise ValueError(f"{parameter} has no columns or repeated column names: {names}.")
        checked = _checked([_series_values(column) for column in series], names, False, parameter)
        return replace(checked, categories=[_categories(column) for column in series], frame=FrameFormat.of(y))
    if hasattr(y, "to_numpy"):  # a Series
        name = getattr(y, "name", None)
        checked = _checked([_series_values(y)], None if name in (None, "") else [str(name)], True, parameter)
        return replace(checked, categories=[_categories(y)])
    array = _as_array(y, parameter)
    if array.ndim not in (1, 2):
        raise ValueError(
            f"{parameter} should be a 1d array or a 2d array of shape (n_samples, n_tasks), got an array of shape "
            f"{array.shape} instead."
        )
    columns = [array] if array.ndim == 1 else list(array.T)
    if not columns:
        raise ValueError(f"{parameter} has no columns: shape {array.shape}.")
    return _checked(columns, None, array.ndim == 1, parameter)


def _as_array(y: Any, parameter: str) -> np.ndarray:
    try:  # a list of lists may hold columns of several kinds
        array = np.asarray(y) if hasattr(y, "__array__") else np.asarray(y, dtype=object)
    except ValueError as error:
        raise ValueError(f"{parameter} is not a rectangular array: {error}") from error
    nested = (list, tuple, set, np.ndarray)
    if array.dtype == object and array.ndim > 0 and any(isinstance(value, nested) for value in array.flat):
        raise ValueError(
            f"{parameter} is a sequence of sequences of unequal length. Multi-task labels are an array of shape "
            "(n_samples, n_tasks) with NaN where a label is missing."
        )
    return array


def _series_values(series: Any) -> tuple[np.ndarray, np.ndarray] | np.ndarray:
    """Values in the plainest NumPy dtype and where they are missing; pandas and polars alike."""
    if hasattr(series, "is_null"):  # polars
        missing, present = series.is_null().to_numpy(), series.drop_nulls()
    elif hasattr(series, "isna"):  # pandas
        missing, present = series.isna().to_numpy(dtype=bool), series.dropna()
    else:
        return np.asarray(series)
    # Through the present labels alone nullable integers and booleans keep their own dtype; some may be NaN beside null.
    labels, hidden = _mark_missing(np.asarray(present.to_numpy()))
    places = np.flatnonzero(~missing)
    filled, missing = np.zeros(len(missing), dtype=labels.dtype), missing.copy()
    filled[places], missing[places] = labels, hidden
    return filled, missing


def _categories(series: Any) -> Categories | None:
    """Return the categories of a series of categorical dtype."""
    column = nw.from_native(series, series_only=True, pass_through=True)
    if not isinstance(column, nw.Series) or column.dtype not in (nw.Categorical, nw.Enum):
        return None
    values = column.cat.get_categories().to_numpy()
    return Categories(np.asarray(values), bool(nw.is_ordered_categorical(column)))


def _plain(values: np.ndarray) -> np.ndarray:
    """Give an object array of booleans, integers or numbers the dtype they have in common."""
    if values.dtype != object or not len(values):
        return values
    kinds = {type(value) for value in values}
    if all(issubclass(kind, (bool, np.bool_)) for kind in kinds):
        return values.astype(bool)
    if any(issubclass(kind, (bool, np.bool_)) for kind in kinds):
        return values
    if all(issubclass(kind, (int, np.integer)) for kind in kinds):
        try:
            return values.astype(np.int64)
        except OverflowError:
            return values.astype(float)
    if all(issubclass(kind, (int, float, np.integer, np.floating)) for kind in kinds):
        return values.astype(float)
    return values


def _checked(
    columns: Sequence[np.ndarray | tuple[np.ndarray, np.ndarray]], names: list[str] | None, flat: bool, parameter: str
) -> Columns:
    values, missing = [], []
    for position, column in enumerate(columns):
        array, hidden = column if isinstance(column, tuple) else _mark_missing(column)
        if np.iscomplexobj(array) or (
            array.dtype == object and any(isinstance(value, complex) for value in array[~hidden])
        ):
            name = names[position] if names else f"y{position}"
            raise ValueError(f"Complex data not supported: task {name!r} of {parameter} holds complex numbers.")
        values.append(array)
        missing.append(hidden)
    if len(values[0]) == 0:
        raise ValueError(f"Found {parameter} with 0 sample(s) while a minimum of 1 is required.")
    return Columns(values, missing, names, flat)


def _mark_missing(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if column.dtype.kind == "f":
        return column, np.isnan(column)
    if column.dtype.kind in "mM":
        return column, np.isnat(column)
    if column.dtype != object:
        return column, np.zeros(len(column), dtype=bool)
    hidden = np.fromiter((_is_missing(value) for value in column), dtype=bool, count=len(column))
    present = _plain(column[~hidden])
    if present.dtype == object:
        return column, hidden
    filled = np.zeros(len(column), dtype=present.dtype)
    filled[~hidden] = present
    return filled, hidden


def _is_missing(value: Any) -> bool:
    """Tell None, NaN, NaT and pandas' NA; pandas itself need not be there."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and bool(value != value)
