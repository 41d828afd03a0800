"""Fitting, step by step: labelled rows, statistics, network, training, and what they leave behind."""

from __future__ import annotations

import copy
import warnings
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from ..augmentation import check_forms
from ..features import Reader, RepresentationReader
from ..nn import FittedTrunk, Trunk
from ..tasks import (
    LabelDistances,
    Objective,
    Targets,
    TaskStructure,
    label_variance,
)
from ..training import (
    Augmenter,
    Batches,
    History,
    Holdout,
    MultiTaskNet,
    Rows,
    Snapshots,
    deal_folds,
    few_threads,
    global_draws,
    group_keys,
)
from ._blending import fit_companions, mix_on_validation, mix_out_of_fold
from ._building import make_balancer, make_history, make_net, make_network
from ._calibrating import calibrate_on_validation, calibrate_out_of_fold
from ._engine_labels import engine_labels, engine_order, engine_statistics, weighted_labels
from ._intervals import measure_held_out
from ._labelled import Keys, Labelled, Validation, merge_repeated
from ._model import Model, Seeds
from ._parameters import Resolved, resolve, settle
from ._transfer import new_standardizer, starts_of

LARGEST_SEED = 2**31 - 1


@dataclass
class Fitted:
    """What a fit produced.

    Attributes
    ----------
    model : Model
    history : History
    n_iter : ndarray of int of shape (n_members,)
        Epochs that each member ran.
    out_of_fold : list of ndarray or None
        A prediction per group from what was not fitted to a row, `(n_rows, T)` or `(n_rows, T, K)`, NaN where there is
        none; None without holdouts.
    parts : dict
        The same for each part alone; empty without companions.
    interrupted : bool
        Whether Ctrl-C ended training.
    """

    model: Model
    history: History
    n_iter: np.ndarray
    out_of_fold: list[np.ndarray] | None
    interrupted: bool
    parts: dict[str, list[np.ndarray]] = field(default_factory=dict)


def fit_model(
    estimator: Any,
    trunk: Trunk,
    reader: Reader,
    labelled: Labelled,
    structure: TaskStructure,
    targets: Targets,
    column_weights: np.ndarray,
    class_weights: np.ndarray | None,
    groups: np.ndarray | None = None,
    validation: Validation | None = None,
    previous: Model | None = None,
    incremental: bool = False,
) -> Fitted:
    """Train a network on labelled rows, or train one further.

    Parameters
    ----------
    estimator : BaseMultiTask
        Where parameters are read.
    trunk : Trunk
    reader : Reader
    labelled : Labelled
    structure : TaskStructure
    targets : Targets
        Used up: units of tasks that are new are added.
    column_weights : ndarray of shape (n_columns,)
        Weight of the loss of each column of y.
    class_weights : ndarray of shape (n_columns, K) or None
    groups : ndarray of shape (n_rows,) or None
        Rows of a group share a holdout.
    validation : Validation or None
    previous : Model or None
        The model to continue; it stays as it is.
    incremental : bool
        One epoch on a chunk: no holdouts, no schedule, running statistics.
    """
    seeds, resolved, keys = _prepare(estimator, trunk, labelled, groups, validation, previous, incremental)
    merged: np.ndarray | slice = slice(None)
    if resolved.dtype == torch.float64 and not incremental:
        labelled, keys, merged = merge_repeated(labelled, keys)
    held_out = None
    if resolved.early_stopping and validation is None:
        held_out = deal_folds(keys.folds, resolved.n_estimators, estimator.validation_fraction)
    tasks, task_groups = engine_order(targets, column_weights, structure.chains)
    standardizer = new_standardizer(trunk, reader) if previous is None else copy.deepcopy(previous.standardizer)
    measured = isinstance(trunk, FittedTrunk)  # what it learned is meant in the units of then
    if len(labelled) and not measured:
        row_weights = labelled.weights[:, column_weights > 0].max(axis=1)
        standardizer.update(labelled.X, labelled.kept, row_weights, None if incremental else keys.content)
    elif previous is None and not measured:  # a first chunk without labels still says how wide the network is to be
        standardizer.update(labelled.X, None, np.ones(labelled.X.shape[0]))
    resolved = settle(resolved, estimator, task_groups, len(labelled), standardizer)
    targets.fit(labelled.numbers, labelled.weights)
    labels, weights = engine_labels(targets, tasks, labelled.numbers, labelled.weights)
    table = None if class_weights is None else class_weights[tasks]
    statistics, seen = engine_statistics(labels, weights, table, held_out, resolved, task_groups, previous, incremental)
    history, order = make_history(structure, tasks, column_weights)
    if previous is not None:
        history.extend(previous.net.task_history)
    network = make_network(trunk, seeds, resolved, statistics, standardizer, previous, task_groups, order)
    objective = Objective(task_groups, statistics, column_weights[tasks], table)
    objective = objective.to(resolved.dtype).to(resolved.device)
    balancer = make_balancer(resolved, seeds, structure.names, history, previous, incremental)
    net = make_net(estimator, network, objective, balancer, history, order, incremental)
    if incremental and previous is not None and previous.net.optimizer_ is not None:
        net.continue_optimizer(previous.net.optimizer_)
    n_fits = 0 if previous is None else previous.n_fits + 1
    model = Model(
        structure, targets, tasks, task_groups, reader, standardizer, seeds, resolved, statistics, seen, net, n_fits
    )  # fmt: skip
    model.starts = starts_of(trunk, previous)
    if not len(tasks) or not len(labelled):
        return Fitted(model, history, np.zeros(resolved.n_estimators, dtype=np.int64), None, False)
    batches, holdout = _tensors(model, labelled, labels, weights, held_out, validation)
    del labels, weights  # on many rows, they are as large as the tensors made of them
    fitted = _train(model, batches, holdout, incremental, out_of_fold=held_out is not None)
    if resolved.companions or resolved.calibration:
        _complete(fitted, labelled, keys, column_weights[tasks], table, validation)
    model.held_out = measure_held_out(model, labelled, keys, held_out, fitted.out_of_fold, validation)
    if fitted.out_of_fold is not None:
        fitted.out_of_fold = [part[merged] for part in fitted.out_of_fold]
        fitted.parts = {name: [part[merged] for part in parts] for name, parts in fitted.parts.items()}
    return fitted


def _complete(
    fitted: Fitted,
    labelled: Labelled,
    keys: Keys,
    task_weights: np.ndarray,
    class_weights: np.ndarray | None,
    validation: Validation | None,
) -> None:
    """Add to a trained network what is fitted beside it or to its holdouts: companions, and then temperatures."""
    model = fitted.model
    rows = labelled, *weighted_labels(model, labelled, class_weights)
    held = None if validation is None else (validation, *weighted_labels(model, validation, class_weights))
    if model.resolved.companions:
        model.blend, distinct, left_out = fit_companions(model, *rows, keys, task_weights)
        if fitted.out_of_fold is not None:
            fitted.out_of_fold, fitted.parts = mix_out_of_fold(model.blend, distinct, left_out, fitted.out_of_fold)
        elif held is not None:
            mix_on_validation(model.blend, model, *held)
    if model.resolved.calibration is not None:
        if fitted.out_of_fold is not None:
            fitted.out_of_fold = calibrate_out_of_fold(model, *rows, keys, fitted.out_of_fold)
        elif held is not None:
            calibrate_on_validation(model, *held)


def _prepare(
    estimator: Any,
    trunk: Trunk,
    labelled: Labelled,
    groups: np.ndarray | None,
    validation: Validation | None,
    previous: Model | None,
    incremental: bool,
) -> tuple[Seeds, Resolved, Keys]:
    """Draw the seeds, hash the rows, and settle every "auto"."""
    draws = check_random_state(estimator.random_state)
    first = [int(seed) for seed in draws.randint(LARGEST_SEED, size=3)] if previous is None else []
    fold_seed = first[0] if previous is None else previous.seeds.folds
    content = labelled.keys(fold_seed)
    folds = content if groups is None else group_keys(groups, fold_seed)
    n_distinct = len(labelled) if incremental else len(np.unique(content))
    n_foldable = n_distinct if groups is None else len(np.unique(folds))
    external = validation is not None
    resolved = resolve(estimator, trunk, len(labelled), n_distinct, n_foldable, external, incremental)
    if previous is None:
        members = tuple(int(seed) for seed in draws.randint(LARGEST_SEED, size=resolved.n_estimators))
        seeds = Seeds(first[0], first[1], first[2], members)
    else:
        seeds = previous.seeds
        if resolved.n_estimators != previous.resolved.n_estimators:
            raise ValueError(
                f"n_estimators={resolved.n_estimators} cannot continue a model of {previous.resolved.n_estimators} "
                "members. Set warm_start=False to start anew."
            )
        if repr(resolved.sharing) != repr(previous.resolved.sharing):
            raise ValueError(
                f"sharing={resolved.sharing!r} cannot continue a model with sharing={previous.resolved.sharing!r}. Set "
                "warm_start=False to start anew."
            )
        resolved = replace(resolved, dtype=previous.resolved.dtype)
    return seeds, resolved, Keys(content, folds)


def _tensors(
    model: Model,
    labelled: Labelled,
    labels: np.ndarray,
    weights: np.ndarray,
    held_out: np.ndarray | None,
    validation: Validation | None,
) -> tuple[Batches, Holdout | None]:
    """Put labels and weights where training reads them."""
    resolved = model.resolved
    place: dict[str, Any] = {"standardizer": model.standardizer, "dtype": resolved.dtype, "device": resolved.device}
    rows = Rows(labelled.X, labelled.kept, labels, weights, **place)
    variance = label_variance(labels, weights, model.groups)
    order = torch.Generator().manual_seed(model.seeds.order + model.n_fits)
    augmenter = None
    if resolved.augmentation:
        inputs = model.standardizer.inputs(resolved.dtype, resolved.device)
        if isinstance(model.reader, RepresentationReader):
            read = ", what the frozen model makes of it: texts and images are read once, before training"
            check_forms(resolved.augmentation, inputs.form, read)
        seed = [model.seeds.noise, model.n_fits]
        augmenter = Augmenter(resolved.augmentation, inputs, LabelDistances(model.groups, variance), seed)
    batches = Batches(rows, resolved.batch_size, held_out, resolved.n_estimators, order, variance, augmenter)
    return batches, _holdout(model, rows, labels, weights, variance, held_out, validation, place)


def _train(model: Model, batches: Batches, holdout: Holdout | None, incremental: bool, out_of_fold: bool) -> Fitted:
    """Run the epochs, and read the holdouts once more with the members' best states."""
    resolved, seeds, net, network = model.resolved, model.seeds, model.net, model.network
    snapshots = None
    if resolved.early_stopping:
        task_weights = model.objective.task_weights.cpu().double().numpy()
        snapshots = Snapshots(network, resolved.patience, task_weights, resolved.stops_together)
    foreign = resolved.trunk.draws_globally
    with ExitStack() as stack:
        work = min(resolved.batch_size, len(batches.rows)) * network.n_products
        stack.enter_context(few_threads(work))
        if foreign:
            stack.enter_context(global_draws(seeds.noise + model.n_fits, resolved.device))
        network.draw_from(torch.Generator(resolved.device).manual_seed(seeds.noise + model.n_fits))
        try:
            net.partial_fit(batches, holdout, snapshots=snapshots)
        finally:
            network.draw_from(None)
        if snapshots is not None and holdout is not None:
            _shrink_useless(model, holdout)
        predicted = holdout.predictions(network, model.objective) if holdout is not None and out_of_fold else None
    if not incremental:
        net.drop_optimizer()
    n_epochs = len(net.history)
    n_iter = np.full(resolved.n_estimators, n_epochs) if snapshots is None else snapshots.last_epochs
    if snapshots is not None:
        offset = len(net.task_history) - n_epochs
        net.task_history.best_epochs = np.where(snapshots.have_state, offset + snapshots.best_epochs, 0)
    _warn_of_divergence(net)
    return Fitted(model, net.task_history, n_iter, predicted, net.interrupted)


def _shrink_useless(model: Model, holdout: Holdout) -> None:
    """Let the network say less of tasks that it predicts worse than their best constants do, where it held rows out."""
    objective, network = model.objective, model.network
    start = torch.from_numpy(model.statistics.start).to(network.head.bias)
    shares = holdout.useful_shares(network, objective, start)
    if (shares < 1).any():
        network.shrink_outputs(
            objective.times(torch.ones_like(start[:1, None]), shares.view(1, 1, -1)).flatten(), start
        )


def _holdout(
    model: Model,
    rows: Rows,
    labels: np.ndarray,
    weights: np.ndarray,
    variance: np.ndarray,
    held_out: np.ndarray | None,
    validation: Validation | None,
    place: dict[str, Any],
) -> Holdout | None:
    if validation is not None:
        labels, weights = engine_labels(model.targets, model.tasks, validation.numbers, validation.weights)
        rows = Rows(validation.X, None, labels, weights, **place)
        return Holdout(rows, [np.arange(len(rows))], label_variance(labels, weights, model.groups))
    if held_out is None:
        return None
    places = [np.flatnonzero(held_out == member) for member in range(model.resolved.n_estimators)]
    chosen = held_out < model.resolved.n_estimators
    if not chosen.all():
        variance = label_variance(labels[chosen], weights[chosen], model.groups)
    return Holdout(rows, places, variance)


def _warn_of_divergence(net: MultiTaskNet) -> None:
    if net.diverged.any():
        warnings.warn(
            f"The loss of {net.diverged.sum()} of {len(net.diverged)} members diverged; they were set back to their "
            "best state. Lower learning_rate_init, or set max_grad_norm=1.",
            ConvergenceWarning,
            stacklevel=5,
        )
