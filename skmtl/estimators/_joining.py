"""Fitted estimators made of others: heads of different tasks side by side, or means of the same tasks' heads."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor

from ..nn import Network
from ..tasks import (
    ClassificationTargets,
    Columns,
    FrameFormat,
    MemberStatistics,
    MixedTargets,
    Objective,
    RegressionTargets,
    Targets,
    TaskGroup,
    TaskStructure,
)
from ._building import make_balancer, make_history, make_net
from ._engine_labels import engine_order
from ._estimator import MultiTaskEstimator
from ._fitting import Fitted
from ._kinship import common_start, lineage, models_of
from ._model import Model
from ._parameters import resolve_balancing

STATISTICS = ("shift", "scale", "constant_loss", "mean_weight")


@dataclass(frozen=True)
class Place:
    """Where a column of the joined model comes from: the model, and the place in its engine."""

    model: int
    task: int
    outputs: slice


def joined(estimators: Sequence[Any], network: Network) -> Any:
    """Return a fitted estimator of all tasks of some estimators, whose heads read one trunk.

    Parameters
    ----------
    estimators : sequence of estimator
        Fitted, of different tasks and a common start. They stay as they are.
    network : Network
        With the trunk; its heads are of no account.

    Raises
    ------
    ValueError
        If two of them have a task of one name, or targets of a kind that cannot be put side by side.
    """
    models = models_of(estimators)
    structure = _structure(models)
    places = _places(models)
    result = _unfitted(estimators, structure)
    targets = _targets(models, structure, isinstance(result, MultiTaskEstimator))
    column_weights = np.zeros(len(structure.columns))
    for column, place in places.items():
        column_weights[column] = float(models[place.model].objective.task_weights[place.task])
    tasks, groups = engine_order(targets, column_weights)
    sources = [places[int(column)] for column in tasks]
    statistics = _statistics(models, sources)
    history, order = make_history(structure, tasks, column_weights)
    whole = _with_heads(network, models, sources, statistics.start, groups, order)
    first = models[0]
    numbers = all(group.loss.scaling != "classes" for group in groups)
    resolved = replace(
        first.resolved,
        balancing=resolve_balancing(result.balancing, of_numbers=numbers),
        companions=(),
        calibration=None,
    )
    whole = whole.to(resolved.dtype).to(resolved.device)
    objective = Objective(groups, statistics, column_weights[tasks], _class_weights(models, sources))
    objective = objective.to(resolved.dtype).to(resolved.device)
    balancer = make_balancer(resolved, first.seeds, structure.names, history, None, False)
    net = make_net(result, whole, objective, balancer, history, order, False)
    net.drop_optimizer()
    sums = np.array([models[place.model].seen[0][place.task] for place in sources])
    model = Model(
        structure, targets, tasks, groups, copy.deepcopy(first.reader), copy.deepcopy(first.standardizer), first.seeds,
        resolved, statistics, (sums, max(model.seen[1] for model in models)), net,
        max(model.n_fits for model in models), starts=_ancestors(models),
    )  # fmt: skip
    return _stored(result, estimators[0], model, [c for e in estimators for c in e._constants], _frame(estimators))


def averaged(estimators: Sequence[Any], network: Network) -> Any:
    """Return a fitted estimator like the first of some of the same tasks, with the mean of their heads.

    Parameters
    ----------
    estimators : sequence of estimator
        Fitted, of the same tasks and a common start. They stay as they are.
    network : Network
        With the trunk; its heads are of no account.

    Raises
    ------
    ValueError
        If they have other tasks, classes, losses or numbers that are scaled in another way.
    """
    models = models_of(estimators)
    first = models[0]
    for place, model in enumerate(models[1:], 1):
        _check_same_tasks(first, model, place)
    heads = [_head_in_units_of(first, model) for model in models]
    model = copy.deepcopy(first)
    whole = model.network
    whole.trunk, whole.embedding = network.trunk.to(whole.head.weight), network.embedding
    for name in ("closed_form", "_shared", "_has_own", "mixes_rows"):
        whole.__dict__.pop(name, None)
    if whole.embedding is not None:
        whole.embedding = whole.embedding.to(whole.head.weight)
    with torch.no_grad():
        for name, parts in zip(("weight", "bias"), zip(*heads, strict=True), strict=True):
            getattr(whole.head, name).copy_(torch.stack(parts).mean(0))
    model.blend, model.temperatures, model.held_out = None, None, None
    model.starts = _ancestors(models)
    history, _ = make_history(model.structure, model.tasks, _weights_by_column(model))
    model.net.task_history = history
    model.resolved = replace(model.resolved, companions=(), calibration=None)
    estimator = clone(estimators[0])
    frame = getattr(estimators[0], "_frame", None)
    return _stored(estimator, estimators[0], model, estimators[0]._constants, frame, one=estimators[0]._one_dimensional)


def _with_heads(
    network: Network,
    models: Sequence[Model],
    sources: Sequence[Place],
    start: np.ndarray,
    groups: Sequence[TaskGroup],
    order: np.ndarray,
) -> Network:
    """Return a network of a trunk and the heads of all learned columns."""
    owners = [int(task) for group in groups for task in np.repeat(order[group.tasks], group.width)]
    bias_only = [fixed for group in groups for fixed in group.bias_only]
    whole = Network(network.trunk, torch.from_numpy(start), bias_only, network.embedding, owners)
    with torch.no_grad():
        for name in ("weight", "bias"):
            heads = [getattr(models[source.model].network.head, name).cpu()[..., source.outputs] for source in sources]
            getattr(whole.head, name).copy_(torch.cat(heads, -1))
    return whole


# Tasks side by side ---------------------------------------------------------------------------------------------------


def _structure(models: Sequence[Model]) -> TaskStructure:
    columns = [name for model in models for name in model.structure.columns]
    names = [name for model in models for name in model.structure.names]
    repeated = sorted({name for name in [*columns, *names] if columns.count(name) > 1 or names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"Several estimators have a task named {repeated[0]!r}. Fit them with other task_names; estimators of the "
            "same tasks are averaged by skmtl.fusion.soup."
        )
    first = np.cumsum([0, *(len(model.structure.names) for model in models)])
    owners = [model.structure.task_of_column + start for model, start in zip(models, first[:-1], strict=True)]
    types = [kind for model in models for kind in model.structure.types]
    return TaskStructure(columns, names, types, np.concatenate(owners))


def _places(models: Sequence[Model]) -> dict[int, Place]:
    """Return where each learned column comes from."""
    places, first = {}, 0
    for number, model in enumerate(models):
        for group in model.groups:
            for position, task in enumerate(range(group.tasks.start, group.tasks.stop)):
                start = group.outputs.start + position * group.width
                column = first + int(model.tasks[task])
                places[column] = Place(number, task, slice(start, start + group.width))
        first += len(model.structure.columns)
    return places


def _targets(models: Sequence[Model], structure: TaskStructure, mixed: bool) -> Targets:
    """Return one encoder of all columns: of numbers, of classes, or of both."""
    numeric: list[tuple[int, RegressionTargets, int]] = []
    classed: list[tuple[int, ClassificationTargets, int]] = []
    first = 0
    for model in models:
        targets = model.targets
        whole = np.arange(len(model.structure.columns))
        for own, part in targets.parts if isinstance(targets, MixedTargets) else [(whole, targets)]:
            for place, column in enumerate(own.tolist()):
                if type(part) is RegressionTargets:
                    numeric.append((first + column, part, place))
                elif type(part) is ClassificationTargets:
                    classed.append((first + column, part, place))
                else:
                    raise ValueError(
                        f"Task {part.names[place]!r} is encoded by {type(part).__name__}, which cannot stand beside "
                        "tasks of another estimator."
                    )
        first += len(whole)
    numbers = _of_numbers(numeric, structure)
    names, losses = [structure.columns[c] for c, _, _ in classed], [part.losses[k] for _, part, k in classed]
    classes = ClassificationTargets(names, losses, [part.classes[k] for _, part, k in classed])
    if not mixed:
        return numbers if numeric else classes
    parts = [(np.array([c for c, _, _ in numeric], dtype=np.intp), numbers)]
    return MixedTargets(structure.columns, [*parts, (np.array([c for c, _, _ in classed], dtype=np.intp), classes)])


def _of_numbers(numeric: Sequence[tuple[int, RegressionTargets, int]], structure: TaskStructure) -> RegressionTargets:
    names, losses = [structure.columns[c] for c, _, _ in numeric], [part.losses[k] for _, part, k in numeric]
    numbers = RegressionTargets(names, losses)
    numbers.center_ = np.array([part.center_[place] for _, part, place in numeric])
    numbers.unit_ = np.array([part.unit_[place] for _, part, place in numeric])
    return numbers


def _statistics(models: Sequence[Model], sources: Sequence[Place]) -> MemberStatistics:
    columns = {
        name: np.stack([getattr(models[s.model].statistics, name)[:, s.task] for s in sources], 1)
        for name in STATISTICS
    }
    start = np.concatenate([models[s.model].statistics.start[:, s.outputs] for s in sources], 1)
    return MemberStatistics(start=start, **columns)


def _class_weights(models: Sequence[Model], sources: Sequence[Place]) -> np.ndarray | None:
    tables = [models[s.model].objective.class_weights for s in sources]
    known = [table for table in tables if table is not None]
    if not known:
        return None
    result = np.ones((len(sources), max(table.shape[1] for table in known)))
    for row, (source, table) in enumerate(zip(sources, tables, strict=True)):
        if table is not None:
            result[row, : table.shape[1]] = table[source.task].cpu().numpy()
    return result


def _frame(estimators: Sequence[Any]) -> FrameFormat | None:
    """Return the format of a frame of all tasks, if each estimator predicts one of the same library."""
    frames = [getattr(estimator, "_frame", None) for estimator in estimators]
    known = [frame for frame in frames if frame is not None]
    if len(known) < len(frames) or len({frame.library for frame in known}) > 1:
        return None
    labels, dtypes = [x for frame in known for x in frame.labels], [x for frame in known for x in frame.dtypes]
    return FrameFormat(known[0].library, labels, dtypes)


def _unfitted(estimators: Sequence[Any], structure: TaskStructure) -> Any:
    """Return an estimator of the common class, or of mixed types, with the parameters that all have in common."""
    kinds = {type(estimator) for estimator in estimators}
    result = clone(estimators[0]) if len(kinds) == 1 else MultiTaskEstimator()
    defaults = type(result)().get_params(deep=False)
    own = {name: [getattr(estimator, name, None) for estimator in estimators] for name in defaults}
    settings = {name: values[0] for name, values in own.items() if all(_same(value, values[0]) for value in values[1:])}
    by_task = ("loss", "task_weights", "task_types")  # of one estimator's tasks, if they are not of all
    settings = {
        name: value for name, value in settings.items() if name not in by_task or isinstance(value, (str, type(None)))
    }
    return result.set_params(**{**defaults, **settings, "task_names": list(structure.columns)})


def _same(value: Any, other: Any) -> bool:
    return value is other or repr(value) == repr(other)


# The same tasks -------------------------------------------------------------------------------------------------------


def _check_same_tasks(first: Model, model: Model, place: int) -> None:
    ours, theirs = first.structure, model.structure
    if ours.columns != theirs.columns or not np.array_equal(first.tasks, model.tasks):
        raise ValueError(
            f"estimators[{place}] learned the tasks {theirs.columns}, and estimators[0] {ours.columns}. A soup is of "
            "the same tasks; skmtl.fusion.merge joins different ones."
        )
    for column, name in enumerate(ours.columns):
        if not np.array_equal(first.targets.classes[column], model.targets.classes[column]):
            raise ValueError(f"Task {name!r} has other classes in estimators[{place}] than in estimators[0].")
        if first.targets.losses[column] != model.targets.losses[column]:
            raise ValueError(f"Task {name!r} has another loss in estimators[{place}] than in estimators[0].")


def _head_in_units_of(first: Model, model: Model) -> tuple[Tensor, Tensor]:
    """Return weights and biases of heads, in which outputs are in the first model's units.

    Members scale numbers by the labels that they were trained on; where those differ, so do the units.
    """
    weight, bias = (getattr(model.network.head, name).detach().cpu().double().clone() for name in ("weight", "bias"))
    scales, shifts = _units(model)
    own_scales, own_shifts = _units(first)
    for group in model.groups:
        tasks, outputs = group.tasks, group.outputs
        scale = torch.from_numpy(scales[:, tasks] / own_scales[:, tasks]).unsqueeze(1)  # (M, 1, T)
        shift = torch.from_numpy((shifts[:, tasks] - own_shifts[:, tasks]) / own_scales[:, tasks]).unsqueeze(1)
        if group.loss.scaling == "classes" or bool((scale == 1).all() and (shift == 0).all()):
            continue
        if group.loss.scaling == "mean":
            bias[..., outputs] += scale.log()
        elif group.width == 1:
            weight[..., outputs] *= scale
            bias[..., outputs] = bias[..., outputs] * scale + shift
        else:
            raise ValueError(
                f"Tasks with the loss {group.loss.name!r} can only be averaged where all estimators were fitted to the "
                "same labels and hold out the same rows: give them one random_state."
            )
    return weight, bias


def _units(model: Model) -> tuple[np.ndarray, np.ndarray]:
    """Return scale and shift of each engine column, `(M, T)`, from outputs to labels; of classes, 1 and 0."""
    scale, shift = model.statistics.scale.copy(), model.statistics.shift.copy()
    targets = model.targets
    parts = targets.parts if isinstance(targets, MixedTargets) else [(np.arange(len(targets.names)), targets)]
    for own, part in parts:
        if not isinstance(part, RegressionTargets):
            continue
        for place, column in enumerate(own.tolist()):
            task = np.flatnonzero(model.tasks == column)
            scale[:, task] *= part.unit_[place]
            shift[:, task] = shift[:, task] * part.unit_[place] + part.center_[place]
    return scale, shift


def _weights_by_column(model: Model) -> np.ndarray:
    weights = np.zeros(len(model.structure.columns))
    weights[model.tasks] = model.objective.task_weights.cpu().double().numpy()
    return weights


# What both leave behind -----------------------------------------------------------------------------------------------


def _ancestors(models: Sequence[Model]) -> tuple[bytes, ...]:
    """Return what the first model came from, up to the common start."""
    whole = lineage(models[0])
    return whole[: whole.index(common_start(models)) + 1]


def _stored(
    estimator: Any,
    like: Any,
    model: Model,
    constants: list[np.ndarray],
    frame: FrameFormat | None,
    *,
    one: bool = False,
) -> Any:
    """Set the fitted attributes of an estimator, as a fit does that trained for no epoch."""
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(like, name):
            setattr(estimator, name, getattr(like, name))
    estimator._constants = copy.deepcopy(constants)
    columns = Columns([np.empty(0)], [np.empty(0, dtype=bool)], None, one, frame=frame)
    epochs = np.zeros(model.network.n_members, dtype=np.int64)
    estimator._store(Fitted(model, model.net.task_history, epochs, None, False), None, columns)
    return estimator
