"""Prediction intervals: what is kept of held-out rows at fit, and what follows from it for new rows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np

from ..losses import Quantile
from ..training import content_keys
from ..uncertainty import HeldOut, band_levels, cross_interval, hold_out, rows_needed
from ._labelled import Keys, Labelled, Validation
from ._model import Model

# Values that the members' predictions of a chunk of rows may take: some 32 megabytes.
CHUNK_VALUES = 2**22


def measure_held_out(
    model: Model,
    labelled: Labelled,
    keys: Keys,
    held_out: np.ndarray | None,
    out_of_fold: list[np.ndarray] | None,
    validation: Validation | None,
) -> HeldOut | None:
    """Return what predictions miss of rows that were held out; None without such rows or without tasks of numbers.

    Parameters
    ----------
    model : Model
    labelled : Labelled
    keys : Keys
        Of the labelled rows.
    held_out : ndarray of int of shape (n_rows,) or None
        The member that held each row out.
    out_of_fold : list of ndarray or None
        Predictions of the labelled rows, one array a group, in encoded units.
    validation : Validation or None
        Rows that all members held out.
    """
    numbered = number_columns(model)
    if not numbered:
        return None
    if validation is not None:
        predicted = model.predictions(validation.X)
        numbers, weights, member = validation.numbers, validation.weights, np.zeros(len(validation.numbers), np.int64)
        row_keys = content_keys(validation.contents.matrix, None, model.seeds.folds, validation.contents.layout)
    elif held_out is not None and out_of_fold is not None:
        predicted, numbers, weights, member = out_of_fold, labelled.numbers, labelled.weights, held_out
        row_keys = keys.content + keys.folds  # a row that is repeated in another group is another one
    else:
        return None
    placed = model.place_groups(predicted)
    columns = {column: model.targets.decode(placed[column], column) for column in numbered}
    for column in columns:  # a sum: the order of tasks does not matter
        row_keys = row_keys + content_keys(numbers[:, [column]], None, model.seeds.folds)
    return hold_out(numbers, weights, columns, row_keys, member, averaged=validation is not None)


def number_columns(model: Model) -> list[int]:
    """Return the columns of y that are learned and whose predictions are numbers."""
    learned = [
        int(task) for group in model.groups if group.loss.scaling != "classes" for task in model.tasks[group.tasks]
    ]
    return sorted(learned)


def predicted_intervals(model: Model, X: Any, coverage: float, joint: bool) -> dict[int, np.ndarray]:
    """Return intervals of the learned columns of numbers, `(n_rows, 2)` each, by the column's place.

    Parameters
    ----------
    model : Model
    X : ndarray or CSR array of shape (n_rows, n_features)
    coverage : float
    joint : bool
        Whether all columns are to be covered at once.

    Raises
    ------
    ValueError
        If the coverage is none, no row was held out, quantiles lie on one side, or there are too few rows with all
        labels.

    Warns
    -----
    UserWarning
        If intervals are infinite because a task has too few labels.
    """
    kept = _checked(model, coverage)
    bands = {column: _band(model, column, coverage) for column in kept.columns}
    joint = joint and len(bands) > 1
    if joint:
        _refuse_few_together(model, kept, coverage)
        held = dict.fromkeys(bands, kept.together)
        scores = kept.joint(bands)
    else:
        _warn_of_few(model, kept, coverage)
        held = kept.columns
        scores = {column: own.scores(*bands[column]) for column, own in held.items()}
    ends: dict[int, list[np.ndarray]] = {column: [] for column in bands}
    for members in _member_predictions(model, X, averaged=kept.averaged):
        for column, (low, high) in bands.items():
            predicted = np.stack([model.targets.decode(own[column], column) for own in members])
            predicted = predicted.reshape(*predicted.shape[:2], -1)  # (M, n, Q)
            own = held[column]
            ends[column].append(
                cross_interval(
                    predicted[..., low], predicted[..., high], scores[column], own.member, own.weights, coverage
                )
            )
    return {column: np.concatenate(parts) for column, parts in ends.items()}


def _member_predictions(model: Model, X: Any, *, averaged: bool) -> Iterator[list[dict[int, np.ndarray]]]:
    """Yield predictions of some rows at a time: for each member, or for their average, one array a column."""
    n_outputs = sum(group.outputs.stop - group.outputs.start for group in model.groups)
    step = max(1, CHUNK_VALUES // (model.network.n_members * max(n_outputs, model.standardizer.n_outputs)))
    for first in range(0, X.shape[0], step):
        rows = X[first : first + step]
        members = [model.predictions(rows)] if averaged else model.member_predictions(rows)
        yield [model.place_groups(groups) for groups in members]


def _checked(model: Model, coverage: float) -> HeldOut:
    if not isinstance(coverage, Real) or not 0 < coverage < 1:
        raise ValueError(f"coverage must be a number between 0 and 1, such as 0.9, got {coverage!r}.")
    if model.held_out is not None:
        return model.held_out
    if not number_columns(model):
        raise ValueError(
            f"Only tasks of numbers have intervals, and of {model.structure.names} none is learned that is one."
        )
    raise ValueError(
        "Intervals are measured on rows that members held out, and here no row was: the model was fitted with "
        "early_stopping=False, on too few rows, or by partial_fit. Call fit with early_stopping=True, or with X_val "
        "and y_val."
    )


def _band(model: Model, column: int, coverage: float) -> tuple[int, int]:
    """Return the places of the lower and the upper output of a column; the same one for a single prediction."""
    loss = model.targets.losses[column]
    if not isinstance(loss, Quantile):
        return 0, 0
    found = band_levels(np.atleast_1d(loss.levels).tolist(), coverage)
    if found is None:
        low, high = (1 - coverage) / 2, (1 + coverage) / 2
        raise ValueError(
            f"Task {model.targets.names[column]!r} was fitted with quantiles of the levels {loss.levels}, but an "
            f"interval needs one on either side of 0.5. Fit with loss=Quantile(levels=({low:.4g}, 0.5, {high:.4g}))."
        )
    return found


def _warn_of_few(model: Model, kept: HeldOut, coverage: float) -> None:
    needed = rows_needed(coverage)
    for column, held in kept.columns.items():
        if len(held) < needed:
            warnings.warn(
                f"Task {model.targets.names[column]!r}: intervals are infinite. coverage={coverage} needs at least "
                f"{needed} distinct rows that were held out and have a label, and there are {len(held)}.",
                UserWarning,
                stacklevel=6,
            )


def _refuse_few_together(model: Model, kept: HeldOut, coverage: float) -> None:
    needed, found = rows_needed(coverage), len(kept.together)
    if found >= needed:
        return
    counts = {model.targets.names[column]: len(held) for column, held in kept.columns.items()}
    raise ValueError(
        f"joint=True learns from held-out rows with a label of every task: coverage={coverage} needs at least {needed} "
        f"of them, and there are {found}. Labels a task: {counts}. Leave out the tasks with few, or use joint=False."
    )
