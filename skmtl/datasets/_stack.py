"""Sets that label different rows for different tasks, joined into one table with missing labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, issparse, vstack
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, validate_params

from ._frames import import_pandas
from ._stacked_columns import frame_columns, is_frame, library_of, stack_columns


@validate_params(
    {"datasets": "no_validation", "evenness": [Interval(Real, 0, 1, closed="both")]},
    prefer_skip_nested_validation=True,
)
def stack_datasets(datasets: Mapping[str, tuple[Any, Any]], *, evenness: float = 0.5) -> Bunch:
    r"""Join sets of different rows into one X and one y with missing labels.

    Labels that come from different studies can so be learned by one model: a row has labels for the tasks of its own
    set, and missing ones elsewhere. Tasks that occur in several sets become one.

    Parameters
    ----------
    datasets : dict of str to tuple (X, y)
        The sets, by name. All X are of one form:

        - data frames of pandas or of polars, joined by column name. A column that a set lacks is missing in its rows.
          Columns stand in order of first appearance.
        - arrays or sparse matrices with equal numbers of columns (of arrays with more axes: equal shapes of a row);
          with a sparse matrix among them the result is a CSR matrix.
        - texts: arrays or lists of one axis, or Series.

        A `y` of one axis, be it an array, a list or a Series, is one task, and **the set's name is its name**. A data
        frame has a task in each column, by column name, so that two sets can label the same task. The columns of a
        two-dimensional array of the set `"a"` are the tasks `a_0`, `a_1`, …

        Row labels of pandas are not looked at: row `i` of X belongs to row `i` of `y`.
    evenness : float, default=0.5
        How much weight small sets get, in [0, 1]. A set of :math:`n_d` rows has the total weight
        :math:`n_d^{1 - \text{evenness}}`, up to a common factor: at 0 each row weighs the same, so that large sets
        drown small ones; at 1 each set weighs the same, however few rows it has.

    Returns
    -------
    stacked : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes, whose rows are those of the sets, one set after the other:

        X : data frame, array, CSR matrix or Series of shape (n_samples, n_features)
            The features.
        y : DataFrame of shape (n_samples, n_tasks)
            The labels, each task in its own dtype; of polars if the sets hold frames or Series of polars, else of
            pandas. Integers and booleans beside missing labels become pandas' nullable ones, so that a class stays
            one.
        sample_weight : ndarray of shape (n_samples,)
            Weights of the rows, with the mean 1: proportional to :math:`n_d^{-\text{evenness}}`.
        dataset : ndarray of str of shape (n_samples,)
            The name of the set that a row comes from.

    Raises
    ------
    ValueError
        If there is no set or one without rows, X and y of a set differ in length, the forms of X do not go together,
        column names are repeated, or a column or task holds different kinds of values in two sets.
    ImportError
        If no set holds a frame, and pandas is not installed.

    Notes
    -----
    *What the weights do.* The estimators divide each task's loss by the mean weight of its labels, so that a task with
    few labels counts as much as one with many, and a weight that is the same on all of a task's labels cancels out. If
    every task has labels from one set only, the weights therefore change nothing but the statistics of X, by which
    features are scaled: no set determines them alone. If several sets label the same task, the weights also decide how
    much each of them counts in it. The default is a compromise: at 1, the noise of a set of few rows would count as
    much as all other sets.

    *Same rows.* Rows are not matched. If an object is in two sets, it becomes two rows; where you know which ones are
    the same, merge these sets first.

    *Different columns.* Columns of X that only some sets have tell a model which set a row comes from. If the labels of
    a task differ between sets for no other reason, it may learn that.

    In X, integers become floats where a column has missing values. Categories of unordered columns are united; a
    column that is categorical in some sets only is plain in the result.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmtl.datasets import stack_datasets
    >>> shops = pd.DataFrame({"area": [20.0, 50.0], "city": ["Rome", "Bonn"]})
    >>> flats = pd.DataFrame({"area": [80.0, 60.0], "rooms": [3, 2]})
    >>> both = stack_datasets({"price": (flats, [900.0, 700.0]), "busy": (shops, ["no", "yes"])})
    >>> both.X
       area  rooms  city
    0  80.0    3.0   NaN
    1  60.0    2.0   NaN
    2  20.0    NaN  Rome
    3  50.0    NaN  Bonn
    >>> both.y
       price busy
    0  900.0  NaN
    1  700.0  NaN
    2    NaN   no
    3    NaN  yes
    """
    names = _checked_names(datasets)
    X_parts = [_read_X(datasets[name][0], name) for name in names]
    y_parts = [_read_y(datasets[name][1], name) for name in names]
    lengths = [X.shape[0] for X in X_parts]
    for name, X, y in zip(names, X_parts, y_parts, strict=True):
        _check_rows(name, X.shape[0], y.shape[0])
    library = _one_library(names, [*X_parts, *y_parts])
    X = _stack_X(X_parts, names, library)
    tasks = [_tasks(y, name, library) for name, y in zip(names, y_parts, strict=True)]
    y = stack_columns(tasks, names, lengths, library, "Task")
    sizes = np.array(lengths, dtype=np.float64)
    weights = np.repeat(sizes**-evenness, lengths)
    return Bunch(
        X=X,
        y=y,
        sample_weight=weights / weights.mean(),
        dataset=np.repeat(names, lengths),
    )


def _checked_names(datasets: Any) -> list[str]:
    """Return the names of the sets, each of which is a pair with a y."""
    if not isinstance(datasets, Mapping) or not datasets:
        what = "an empty dict" if isinstance(datasets, Mapping) else f"a {type(datasets).__name__}"
        raise ValueError(f"datasets is {what}; give a dict of sets by name, such as {{'price': (X, y)}}.")
    for name, pair in datasets.items():
        if not isinstance(name, str):
            raise ValueError(f"The name of a set must be a string, got {name!r}.")
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            size = f" of {len(pair)}" if isinstance(pair, (tuple, list)) else ""
            raise ValueError(f"Set {name!r} is a {type(pair).__name__}{size}; give a pair (X, y).")
        for part, value in zip(("X", "y"), pair, strict=True):
            if value is None:
                raise ValueError(f"{part} of set {name!r} is None; give a pair (X, y).")
    return list(datasets)


def _check_rows(name: str, n_rows: int, n_labels: int) -> None:
    if n_rows != n_labels:
        raise ValueError(f"X of set {name!r} has {n_rows} rows, but its y has {n_labels}.")
    if not n_rows:
        raise ValueError(f"Set {name!r} has no rows; leave it out.")


def _read_X(X: Any, name: str) -> Any:
    """Return X as a frame, Series, CSR matrix or array."""
    if issparse(X):
        return X.tocsr()
    if library_of(X, f"X of set {name!r}"):
        return X
    array = _as_array(X, f"X of set {name!r}")
    if not array.ndim:
        raise ValueError(f"X of set {name!r} is the single value {X!r}; give a table with one row per sample.")
    return array


def _read_y(y: Any, name: str) -> Any:
    """Return y as a frame, Series or array of one or two axes."""
    if issparse(y):
        raise ValueError(f"y of set {name!r} is a sparse {type(y).__name__}; pass a dense array: y.toarray().")
    if library_of(y, f"y of set {name!r}"):
        return y
    array = _as_array(y, f"y of set {name!r}")
    if array.ndim not in (1, 2):
        raise ValueError(
            f"y of set {name!r} has the shape {array.shape}; give an array of shape (n_samples,) or (n_samples, "
            "n_tasks), or a data frame."
        )
    return array


def _as_array(values: Any, what: str) -> np.ndarray:
    """Return an array; of a list of values of several kinds, an array of objects."""
    try:
        array = np.asarray(values)
        if array.dtype.kind in "US" and not hasattr(values, "__array__"):
            array = np.asarray(values, dtype=object)  # NumPy would make strings of numbers that stand among strings
    except ValueError as error:
        raise ValueError(f"{what} is not a rectangular array: {error}") from error
    return array


def _one_library(names: Sequence[str], parts: Sequence[Any]) -> str:
    """Return the library of all frames and Series; pandas if there is none."""
    found: dict[str, str] = {}
    for place, part in enumerate(parts):
        if library := library_of(part, ""):
            found.setdefault(library, f"{'X' if place < len(names) else 'y'} of set {names[place % len(names)]!r}")
    if len(found) > 1:
        pairs = " and ".join(f"{where} is of {library}" for library, where in found.items())
        raise ValueError(f"{pairs}. Give all frames in one library: frame.to_pandas() or polars.from_pandas(frame).")
    return next(iter(found), "pandas")


def _stack_X(parts: list[Any], names: list[str], library: str) -> Any:
    forms = [_form(X) for X in parts]
    other = next((place for place, form in enumerate(forms) if form != forms[0]), None)
    if other is not None:
        raise ValueError(
            f"X of set {names[0]!r} is {forms[0]} and X of set {names[other]!r} {forms[other]}. Give all X in one "
            "form; data frames can be joined whatever their columns."
        )
    if library_of(parts[0], ""):
        lengths = [X.shape[0] for X in parts]
        if is_frame(parts[0]):
            tables = [frame_columns(X, f"X of set {name!r}") for X, name in zip(parts, names, strict=True)]
            return stack_columns(tables, names, lengths, library, "Column")
        return stack_columns([{"X": X} for X in parts], names, lengths, library, "Column")["X"].rename(parts[0].name)
    for name, X in zip(names, parts, strict=True):
        if X.shape[1:] != parts[0].shape[1:]:
            raise ValueError(
                f"X of set {names[0]!r} has the shape {parts[0].shape} and X of set {name!r} {X.shape}. Columns of "
                "arrays have no names, so that their number must be the same; to join sets with different columns, "
                "give data frames."
            )
    if any(map(issparse, parts)):
        return csr_matrix(vstack(parts))
    kinds = {X.dtype.kind for X in parts}
    if len(kinds) > 1 and not kinds <= set("biufc"):  # NumPy would make strings of numbers
        parts = [X.astype(object) for X in parts]
    return np.concatenate(parts)


def _form(X: Any) -> str:
    if library_of(X, ""):
        return "a data frame" if is_frame(X) else "a Series"
    return "an array" if issparse(X) or X.ndim > 1 else "an array of one axis"


def _tasks(part: Any, name: str, library: str) -> dict[str, Any]:
    """Return the tasks of a y by name, as Series of the library."""
    if is_frame(part):
        return {str(task): values for task, values in frame_columns(part, f"y of set {name!r}").items()}
    if library_of(part, ""):
        return {name: part}
    arrays = {name: part} if part.ndim == 1 else {f"{name}_{place}": column for place, column in enumerate(part.T)}
    if not arrays:
        raise ValueError(f"y of set {name!r} has no columns: shape {part.shape}.")
    series: Any
    if library == "polars":
        import polars as pl

        series = partial(pl.Series, nan_to_null=True)
    else:
        series = import_pandas("stack_datasets", "give the labels as data frames of polars").Series
    # What objects are, the library finds out from a list of them.
    return {task: series(_plain_list(values) if values.dtype == object else values) for task, values in arrays.items()}


def _plain_list(values: np.ndarray) -> list[Any]:
    return [None if value != value else value for value in values.tolist()]  # NaN alone differs from itself
