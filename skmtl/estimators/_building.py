"""What is trained: network, histories, balancing and net, made for the tasks and the columns of a fit."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from sklearn.base import clone

from ..balancing import Balancer
from ..features import AnyStandardizer, Form, ModalStandardizer, PretrainedStandardizer, TextStandardizer, width_of
from ..nn import (
    BagEmbedding,
    FittedTrunk,
    MemberEmbedding,
    MemberEncoders,
    MultiModalTrunk,
    Network,
    Part,
    PretrainedTrunk,
    Trunk,
    bag_of,
)
from ..tasks import MemberStatistics, Objective, TaskGroup, TaskStructure
from ..training import History, MultiTaskNet, ProgressLine, clone_callbacks, global_draws
from ._model import Model, Seeds
from ._parameters import Resolved


def make_network(
    trunk: Trunk,
    seeds: Seeds,
    resolved: Resolved,
    statistics: MemberStatistics,
    standardizer: AnyStandardizer,
    previous: Model | None,
    groups: list[TaskGroup],
    task_order: np.ndarray,
) -> Network:
    """Return a new network, or a copy of the previous one in which new tasks start at their prior."""
    if previous is not None:
        network = copy.deepcopy(previous.network).to(resolved.device)
        new = statistics.has_labels & ~previous.statistics.has_labels
        for group in groups:
            outputs = np.repeat(new[:, group.tasks], group.width, axis=1)
            network.restart_outputs(group.outputs, torch.from_numpy(outputs), statistics.start[:, group.outputs])
        return network
    generators = [torch.Generator().manual_seed(seed) for seed in seeds.members]
    with global_draws(seeds.noise, resolved.device) if trunk.draws_globally else nullcontext():
        n_vectors, size = standardizer.n_embedded, standardizer.embedding_size
        n_tasks = int(task_order.max()) + 1 if len(task_order) else 1
        started = trunk.build_embedding(len(generators)) if isinstance(trunk, FittedTrunk) else None
        bag: BagEmbedding | MemberEncoders | None = started if isinstance(started, BagEmbedding) else None
        if bag is None and isinstance(standardizer, TextStandardizer):
            bag = bag_of(trunk, standardizer.n_tokens, generators)
        elif isinstance(standardizer, PretrainedStandardizer) and isinstance(trunk, PretrainedTrunk):
            bag = trunk.encoders(standardizer, generators)
        n_features = standardizer.n_outputs + n_vectors * size if bag is None else bag.n_outputs
        shape = standardizer.shape if bag is None else (n_features,)
        bound = trunk.of_samples(shape).of_members(len(generators))
        if isinstance(bound, MultiModalTrunk) and isinstance(standardizer, ModalStandardizer):
            bound = bound.of_parts(_parts_of(standardizer))
        built = resolved.sharing.build(bound, n_features, n_tasks, generators)
    embedding = started or (MemberEmbedding(standardizer.embedding_rows, size, generators) if n_vectors else bag)
    bias_only = [fixed for group in groups for fixed in group.bias_only]
    owners = [int(task) for group in groups for task in np.repeat(task_order[group.tasks], group.width)]
    chains = [group.outputs for group in groups if group.chained]
    network = Network(built, torch.from_numpy(statistics.start), bias_only, embedding, owners, chains)
    return network.to(resolved.dtype).to(resolved.device)


def _parts_of(standardizer: ModalStandardizer) -> list[Part]:
    """Return what a trunk must know of each part of the samples."""
    parts = []
    for block in standardizer.blocks:
        own = block.standardizer
        n_tokens = own.n_tokens if isinstance(own, TextStandardizer) else 0
        is_bag = isinstance(own, TextStandardizer) and own.form is Form.BAG
        embedded = tuple(own.embedding_rows), own.embedding_size
        parts.append(Part(block.name, own.shape, width_of(own), n_tokens, *embedded, is_bag, block.lacking))
    return parts


def make_history(structure: TaskStructure, tasks: np.ndarray, column_weights: np.ndarray) -> tuple[History, np.ndarray]:
    """Return an empty history of the learned tasks, and the place in it of each of the engine's columns."""
    owners = structure.task_of_column[tasks]
    learned, order = np.unique(owners, return_inverse=True)
    weights = np.bincount(order, weights=column_weights[tasks], minlength=len(learned))
    return History([structure.names[task] for task in learned], weights), order


def make_balancer(
    resolved: Resolved,
    seeds: Seeds,
    task_names: Sequence[str],
    history: History,
    previous: Model | None,
    incremental: bool,
) -> Balancer:
    """Return the balancing at work; chunk after chunk, it goes on as long as tasks and parameters are the same."""
    method = resolved.balancing.among(task_names, history.task_names)
    n_fits = 0 if previous is None else previous.n_fits + 1
    if incremental and previous is not None:
        before = previous.net.balancer
        same = repr(before.method) == repr(method) and before.n_tasks == len(history.task_names)
        if same and np.array_equal(before.task_weights, history.task_weights):
            return copy.deepcopy(before)
    generators = [np.random.default_rng([seed, n_fits]) for seed in seeds.members]
    n_tasks = len(history.task_names)
    return clone(method).start(resolved.n_estimators, n_tasks, history.task_weights, generators)


def make_net(
    estimator: Any,
    network: Network,
    objective: Objective,
    balancer: Balancer,
    history: History,
    order: np.ndarray,
    incremental: bool,
) -> MultiTaskNet:
    """Return the net that trains the network, with a copy of the estimator's callbacks; without schedule for chunks."""
    callbacks = clone_callbacks(estimator.callbacks)
    if estimator.verbose and not incremental:
        callbacks.append(ProgressLine(type(estimator).__name__, keep_lines=estimator.verbose > 1))
    net = MultiTaskNet(
        network,
        objective,
        solver=estimator.solver,
        alpha=estimator.alpha,
        schedule="constant" if incremental else estimator.learning_rate,
        max_grad_norm=estimator.max_grad_norm,
        task_history=history,
        task_order=order,
        balancer=balancer,
        lr=estimator.learning_rate_init,
        max_epochs=1 if incremental else estimator.max_iter,
        callbacks=callbacks,
        verbose=0,
        device=str(next(network.parameters()).device),
    )
    return net.initialize()
