"""The arguments of `fit`, `predict` and `score`, checked and brought into the shapes that the other parts expect."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_consistent_length, validate_data

from ..features import (
    ArrayReader,
    BagReader,
    Form,
    FrameReader,
    ModalReader,
    MultiModal,
    PretrainedReader,
    Reader,
    Samples,
    TextReader,
    form_of,
    is_bag,
    make_reader,
    reader_of_frame,
    samples_of,
)
from ..nn import BagTrunk, FittedTrunk, MultiModalTrunk, Trunk
from ..tasks import Columns, TaskStructure
from ._model import Model
from ._parameters import check_device


def resolve_samples(estimator: Any, X: Any, rows: np.ndarray | None, previous: Model | None) -> Samples:
    """Return what the samples of X are, which the first fit settles.

    Parameters
    ----------
    estimator : BaseEstimator
    X : Any
    rows : ndarray of int or None
        The rows that count; None for all.
    previous : Model or None
        The model that is continued.

    Raises
    ------
    ValueError
        If X is a table, and the trunk reads lists of identifiers.
    """
    if previous is not None:
        reader = previous.reader
        return reader.samples if isinstance(reader, FrameReader) else Samples(form_of(X))
    if isinstance(estimator.trunk, FittedTrunk):
        return Samples(form_of(X))
    samples = samples_of(X, estimator.encoder, rows)
    wants_lists = isinstance(estimator.trunk, BagTrunk) and samples.form is Form.COLUMNS
    if wants_lists and isinstance(X, (list, tuple)) and len(X) and all(map(is_bag, X)):
        raise ValueError(
            "X is a list of lists of one length, and such are rows of columns. Give encoder=BagEncoder() of "
            "skmtl.features to have them read as lists of identifiers."
        )
    return samples


def resolve_reader(estimator: Any, trunk: Trunk, samples: Samples) -> Reader:
    """Return what reads X: as the trunk asks for, or else as `encoder` says.

    Parameters
    ----------
    estimator : BaseEstimator
    trunk : Trunk
    samples : Samples

    Raises
    ------
    ValueError
        If the trunk reads X itself and there is an encoder, too; or from either.
    """
    device = check_device(estimator.device)
    own = trunk.reader(samples.form, device)
    if own is None:
        reader = (
            reader_of_frame(estimator.encoder, samples)
            if samples.apart
            else make_reader(estimator.encoder, trunk.wants_codes, samples.form)
        )
        inner = reader.inner if isinstance(reader, FrameReader) else reader
        if isinstance(inner, ModalReader) and isinstance(trunk, MultiModalTrunk):
            inner.own = {
                name: partial(_reader_of_part, estimator.encoder, part, device) for name, part in trunk.given.items()
            }
        return reader
    if not (isinstance(estimator.encoder, str) and estimator.encoder == "auto"):
        raise ValueError(
            f"encoder={estimator.encoder!r} was given, but {type(trunk).__name__} reads X itself. Leave encoder at "
            "'auto'."
        )
    return reader_of_frame(estimator.encoder, samples, own) if samples.apart else own


def _reader_of_part(encoder: Any, trunk: Trunk, device: torch.device, form: Form) -> Reader | None:
    """Return what reads a part for its trunk; None: what reads its kind."""
    own = trunk.reader(form, device)
    if own is None and form is Form.SEQUENCE and not trunk.any_length:
        return ArrayReader(form, any_length=False)
    if own is None and form is Form.COLUMNS and isinstance(encoder, str) and not trunk.wants_codes:
        return make_reader(encoder, codes=False)
    return own


def settle_lengths(reader: Reader, trunk: Trunk, reads_rows: bool) -> None:
    """Settle whether later sequences may be longer than those of fit, where X holds nothing else.

    Parameters
    ----------
    reader : Reader
    trunk : Trunk
    reads_rows : bool
        Whether gates read the rows themselves.
    """
    inner = reader.inner if isinstance(reader, FrameReader) else reader
    if isinstance(inner, ArrayReader):
        inner.any_length = trunk.any_length and not reads_rows


def check_features(
    estimator: BaseEstimator, reader: Reader, X: Any, rows: np.ndarray | None = None, *, reset: bool
) -> Any:
    """Return X as a matrix: a C-ordered float array or a CSR array, never copied without need.

    Parameters
    ----------
    estimator : BaseEstimator
        Where the number and names of columns are kept.
    reader : Reader
        How X is read; fitted here if `reset`.
    X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
    rows : ndarray of int or None, default=None
        The rows that count; None for all.
    reset : bool
        Whether X is that of a first fit.

    Raises
    ------
    ValueError
        If X has the wrong columns, or holds what the reader refuses.
    """
    # scikit-learn would count the lengths of lists
    if isinstance(reader, (ArrayReader, TextReader, BagReader, ModalReader, PretrainedReader)):
        if not reset:
            return reader.matrix(X)
        matrix = reader.fit_matrix(X, rows)
        estimator.n_features_in_ = reader.n_features
        estimator.__dict__.pop("feature_names_in_", None)
        return matrix
    if isinstance(X, MultiModal) and not reset:
        raise ValueError(f"X was no MultiModal at fit, and now it is one, of the parts {list(X.parts)}.")
    if reset:
        matrix = reader.fit_matrix(X, rows)
        validate_data(estimator, X, skip_check_array=True)
        return matrix
    names = getattr(estimator, "feature_names_in_", None)
    if names is None and isinstance(X, np.ndarray) and X.shape[1:] == (estimator.n_features_in_,):
        return reader.matrix(X)  # nothing else to compare, and a single row should be fast
    X = _in_order_of_fit(X, names)
    comparable = hasattr(X, "shape") and len(X.shape) != 1
    if comparable:  # of all else the reader knows what is wrong
        validate_data(estimator, X, reset=False, skip_check_array=True)
    return reader.matrix(X)


def _in_order_of_fit(X: Any, names: np.ndarray | None) -> Any:
    """Return a frame with its columns in the order of fit, if they are the same ones."""
    given = list(X.columns) if hasattr(X, "columns") else None
    if names is None or given is None or given == list(names):
        return X
    same = len(given) == len(names) and all(isinstance(name, str) for name in given) and set(given) == set(names)
    return X[list(names)] if same else X


def check_labelled(weights: np.ndarray, column_weights: np.ndarray, structure: TaskStructure) -> None:
    """Refuse a task that is to be learned and has no label of positive weight.

    Raises
    ------
    ValueError
        If there is such a task; it is named.
    """
    for place in np.flatnonzero(~(weights > 0).any(axis=0) & (column_weights > 0)).tolist():
        column, task = structure.columns[place], structure.names[structure.task_of_column[place]]
        where = f"Task {column!r}" if task == column else f"Column {column!r} of task {task!r}"
        raise ValueError(
            f"{where} has no label of positive weight: all {len(weights)} labels are missing or have sample_weight "
            f"zero. Drop the column, or give its task weight 0: task_weights={{{task!r}: 0}}."
        )


def check_task_order(columns: Columns, names: Sequence[str], parameter: str) -> None:
    """Refuse labels whose columns are the known tasks in another order.

    Raises
    ------
    ValueError
        If they are.
    """
    given = columns.names
    if given is not None and given != list(names) and sorted(given) == sorted(names):
        raise ValueError(f"The columns of {parameter} must be in the order of fit, {list(names)}, but are {given}.")


def check_same_length(**arguments: Any) -> None:
    """Refuse arguments with different numbers of rows, naming the numbers.

    Raises
    ------
    ValueError
        If lengths differ.
    """
    check_consistent_length(*(value for value in arguments.values() if value is not None))
