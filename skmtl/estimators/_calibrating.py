"""Temperatures of a fitted model: how sure its probabilities should be, read from rows that it was not fitted to."""

from __future__ import annotations

import numpy as np

from ..uncertainty import averaging_factors, fit_temperatures, tempered
from ._labelled import Keys, Labelled, Validation
from ._model import Model

# So many rows show how far members disagree.
MOST_COMPARED = 2000


def calibrate_out_of_fold(
    model: Model,
    labelled: Labelled,
    labels: np.ndarray,
    weights: np.ndarray,
    keys: Keys,
    out_of_fold: list[np.ndarray],
) -> list[np.ndarray]:
    """Set the temperatures of a model from out-of-fold predictions, and return these, calibrated.

    An out-of-fold prediction is that of one member, and the model's is the average of all, which is less sure: the two
    have temperatures of their own.

    Parameters
    ----------
    model : Model
    labelled : Labelled
    labels, weights : ndarray of shape (n_rows, T)
        Encoded labels and their weights, in the order of the engine.
    keys : Keys
    out_of_fold : list of ndarray
        One array a group, `(n_rows, T)` or `(n_rows, T, K)`.
    """
    _, first, place = np.unique(keys.content, return_index=True, return_inverse=True)
    calibrated, model.temperatures = list(out_of_fold), np.ones(len(model.tasks))
    found = calibrated_groups(model)
    compared: dict[int, np.ndarray] = {}
    if found and not model.blend and model.network.n_members > 1:
        compared = _factors(model, found, labelled, weights, first, place)
    for group in found:
        own, predicted = model.groups[group].tasks, out_of_fold[group]
        there = (weights[:, own] > 0) & ~np.isnan(predicted).any(axis=2)
        n_rows = _distinct_rows(there, place, len(first))
        alone = fit_temperatures(predicted, labels[:, own], weights[:, own], n_rows)
        calibrated[group] = tempered(predicted, alone)
        model.temperatures[own] = (
            fit_temperatures(predicted, labels[:, own], weights[:, own], n_rows, factors=compared[group])
            if group in compared
            else alone
        )
    return calibrated


def calibrate_on_validation(model: Model, validation: Validation, labels: np.ndarray, weights: np.ndarray) -> None:
    """Set the temperatures of a model from its predictions of the rows that are the holdout of all members.

    Parameters
    ----------
    model : Model
    validation : Validation
    labels, weights : ndarray of shape (n_rows, T)
        Encoded labels and their weights, in the order of the engine.
    """
    temperatures = np.ones(len(model.tasks))
    if found := calibrated_groups(model):
        predicted = model.predictions(validation.X)
        for group in found:
            own = model.groups[group].tasks
            n_rows = (weights[:, own] > 0).sum(0)
            temperatures[own] = fit_temperatures(predicted[group], labels[:, own], weights[:, own], n_rows)
    model.temperatures = temperatures


def calibrated_groups(model: Model) -> list[int]:
    """Return the groups that have temperatures, by their place.

    A mix with companions has a scale that was fitted to the log loss of the same rows: "auto" leaves it as it is. Steps
    of a chain are left, too: with temperatures of their own, one could become likelier than the one before.
    """
    mixed = model.blend.mix if model.blend is not None and model.resolved.calibration == "auto" else {}
    return [
        place
        for place, group in enumerate(model.groups)
        if group.loss.scaling == "classes" and not group.chained and place not in mixed
    ]


def temperatures_by_column(model: Model) -> dict[str, float]:
    """Return the temperature of every column of y that has classes, by its name; 1 where there is none."""
    found = {
        name: 1.0 for name, classes in zip(model.structure.columns, model.targets.classes, strict=True) if len(classes)
    }
    if model.temperatures is not None:
        for column, value in zip(model.tasks.tolist(), model.temperatures.tolist(), strict=True):
            if model.structure.columns[column] in found:
                found[model.structure.columns[column]] = value
    return found


def _distinct_rows(there: np.ndarray, place: np.ndarray, n_distinct: int) -> np.ndarray:
    """Return how many rows of different content have a label, `(T,)`: repeated rows teach nothing more."""
    rows, tasks = np.nonzero(there)
    reached = np.zeros((n_distinct, there.shape[1]), dtype=bool)
    reached[place[rows], tasks] = True
    counts: np.ndarray = reached.sum(0)
    return counts


def _factors(
    model: Model, groups: list[int], labelled: Labelled, weights: np.ndarray, first: np.ndarray, place: np.ndarray
) -> dict[int, np.ndarray]:
    """Return how much surer the average should be than a member, `(T,)` a group, read from some of the rows."""
    summed = np.zeros((len(first), weights.shape[1]))
    np.add.at(summed, place, weights)
    rows, summed = first[:MOST_COMPARED], summed[:MOST_COMPARED]  # in the order of their hashes: a random sample
    members = model.network_member_predictions(labelled.X[rows if labelled.kept is None else labelled.kept[rows]])
    known = model.objective.has_labels.cpu().numpy()
    factors = {}
    for group in groups:
        own = model.groups[group].tasks
        factors[group] = np.where(known[:, own].all(0), averaging_factors(members[group], summed[:, own]), 1.0)
    return factors
