"""Companions beside a trained network: fitted to the same rows, and mixed with it."""

from __future__ import annotations

import numpy as np

from ..companions import Blend, Rows, distinct_rows
from ._labelled import Keys, Labelled, Validation
from ._model import Model


def fit_companions(
    model: Model, labelled: Labelled, labels: np.ndarray, weights: np.ndarray, keys: Keys, task_weights: np.ndarray
) -> tuple[Blend, Rows, dict[str, np.ndarray]]:
    """Fit companions to the rows of the network.

    Parameters
    ----------
    model : Model
    labelled : Labelled
    labels, weights : ndarray of shape (n_rows, T)
        Encoded labels and their weights, in the order of the engine.
    keys : Keys
    task_weights : ndarray of shape (T,)

    Returns
    -------
    blend : Blend
        Without a mix.
    rows : Rows
    left_out : dict
        What each companion predicts of these rows, left out.
    """
    X = model.readings(labelled.X if labelled.kept is None else labelled.X[labelled.kept])
    rows = distinct_rows(X, labels, weights, keys.content, keys.folds, model.groups)
    blend = Blend(model.resolved.companions, model.groups, task_weights)
    return blend, rows, blend.fit(rows)


def mix_out_of_fold(
    blend: Blend, rows: Rows, left_out: dict[str, np.ndarray], network: list[np.ndarray]
) -> tuple[list[np.ndarray], dict[str, list[np.ndarray]]]:
    """Find the mix on the rows of the fit.

    Parameters
    ----------
    blend : Blend
    rows : Rows
    left_out : dict
        Both from `fit_companions`.
    network : list of ndarray
        The network's out-of-fold predictions, one array a group, `(n_rows, T)` or `(n_rows, T, K)`.

    Returns
    -------
    out_of_fold : list of ndarray
        Predictions of the mix for rows that no part was fitted to, as `network`.
    parts : dict
        Those of each part alone; the network's for groups that a companion does not serve.
    """
    found = blend.parts([part[rows.first] for part in network], left_out)
    mixed = blend.fit_mix(rows, found).mixed(found, blend.left_out_means(rows))
    names = ("network", *blend.companions)
    parts = {name: [own.get(name, own["network"])[rows.place] for own in found] for name in names}
    return [own[rows.place] for own in mixed], parts


def mix_on_validation(
    blend: Blend, model: Model, validation: Validation, labels: np.ndarray, weights: np.ndarray
) -> None:
    """Find the mix on the rows that are the holdout of all members.

    Parameters
    ----------
    blend : Blend
    model : Model
    validation : Validation
    labels, weights : ndarray of shape (n_rows, T)
        Encoded labels and their weights, in the order of the engine.
    """
    X, each = model.readings(validation.X), np.arange(len(labels), dtype=np.uint64)
    rows = distinct_rows(X, labels, weights, each, each, model.groups)
    blend.fit_mix(rows, blend.parts(model.network_predictions(validation.X), blend.predict(X)))
