"""Companions beside a trained network: fitted to the same rows, and mixed with it."""

from __future__ import annotations

import numpy as np

from ..companions import Blend, distinct_rows
from ..training import few_threads
from ._labelled import Keys, Labelled
from ._model import Model


def blend_parts(
    model: Model,
    labelled: Labelled,
    labels: np.ndarray,
    weights: np.ndarray,
    keys: Keys,
    task_weights: np.ndarray,
    network: list[np.ndarray],
) -> tuple[Blend, list[np.ndarray], dict[str, list[np.ndarray]]]:
    """Fit companions and their mix with the network.

    Parameters
    ----------
    model : Model
    labelled : Labelled
    labels, weights : ndarray of shape (n_rows, T)
        Encoded labels and their weights, in the order of the engine.
    keys : Keys
    task_weights : ndarray of shape (T,)
    network : list of ndarray
        The network's out-of-fold predictions, one array a group, `(n_rows, T)` or `(n_rows, T, K)`.

    Returns
    -------
    blend : Blend
    out_of_fold : list of ndarray
        Predictions of the mix for rows that no part was fitted to, as `network`.
    parts : dict
        Those of each part alone; the network's for groups that a companion does not serve.
    """
    X = model.uncoded(labelled.X if labelled.kept is None else labelled.X[labelled.kept])
    rows = distinct_rows(X, labels, weights, keys.content, keys.folds, model.groups)
    blend = Blend(model.resolved.companions, model.groups, task_weights)
    first = np.unique(rows.place, return_index=True)[1]
    with few_threads(len(rows.X) ** 2):
        found = blend.fit(rows, [part[first] for part in network])
    parts = {
        name: [own.get(name, own["network"])[rows.place] for own in found] for name in ("network", *blend.companions)
    }
    return blend, [own["all"][rows.place] for own in found], parts
