"""Parameters that all estimators share: their ranges, and what "auto" stands for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval, StrOptions

from .._spelling import likely_and_known
from ..augmentation import Augmentation, as_augmentations
from ..balancing import Balancing, as_balancing
from ..companions import COMPANIONS, READ_BY, serves, sizes_of
from ..features import AnyStandardizer, ModalStandardizer
from ..nn import (
    ACTIVATIONS,
    FittedTrunk,
    MLPTrunk,
    MultiModalTrunk,
    Sharing,
    Trunk,
    as_sharing,
)
from ..tasks import TaskGroup
from ..training import SCHEDULES, SOLVERS, n_folds, n_held_out

# Of estimators that predict probabilities.
CALIBRATION: list[Any] = [None, StrOptions({"auto", "temperature"})]
CONSTRAINTS: dict[str, Any] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "solver": [StrOptions(set(SOLVERS))],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions(set(SCHEDULES))],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "early_stopping": [StrOptions({"auto"}), "boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "warm_start": ["boolean"],
    "n_estimators": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "task_weights": [None, Real, dict, "array-like"],
    "task_names": [None, "array-like"],
    "max_grad_norm": [None, Interval(Real, 0, None, closed="neither")],
    "callbacks": [None, list, tuple],
    "device": [str, torch.device],
    "random_state": ["random_state"],
    "verbose": [Interval(Integral, 0, 2, closed="both"), "boolean"],
    "trunk": "no_validation",  # as_trunk says what it may be
    "sharing": "no_validation",  # as_sharing says what it may be
    "balancing": "no_validation",  # as_balancing says what it may be
    "companions": [None, StrOptions({"auto", *COMPANIONS}), list, tuple],
    "encoder": "no_validation",  # make_reader says what it may be
    "augmentation": "no_validation",  # as_augmentations says what it may be
}

# Below this many rows a holdout alone says nothing about when to stop; those of several members are then pooled.
SMALLEST_HOLDOUT = 4
# Epochs without progress after which a member stops: of up to so many rows, and at least of however many.
PATIENCE, PATIENT_ROWS, LEAST_PATIENCE = 20, 2**14, 3
# Times as many where samples lack some of several parts.
MORE_PATIENCE = 3
# A set of few distinct rows is one batch, unless its repetitions are too many to be held in memory side by side.
LARGEST_WHOLE_BATCH = 4096


@dataclass(frozen=True)
class Resolved:
    """Parameters whose "auto" has been settled.

    Attributes
    ----------
    trunk : Trunk
    sharing : Sharing
    balancing : Balancing
    n_estimators : int
    early_stopping : bool
    stops_together : bool
        Whether holdouts are so small that members stop by all of them together.
    patience : int
        Epochs without progress after which a member stops.
    batch_size : int
    device : torch.device
    dtype : torch.dtype
    companions : tuple of str
        Names of the models beside the network.
    calibration : str or None
        "auto" or "temperature"; None without holdouts, or where there are no classes.
    augmentation : tuple of Augmentation
    """

    trunk: Trunk
    sharing: Sharing
    balancing: Balancing
    n_estimators: int
    early_stopping: bool
    stops_together: bool
    patience: int
    batch_size: int
    device: torch.device
    dtype: torch.dtype
    companions: tuple[str, ...] = ()
    calibration: str | None = None
    augmentation: tuple[Augmentation, ...] = ()


def resolve(
    estimator: BaseEstimator,
    trunk: Trunk,
    n_rows: int,
    n_distinct: int,
    n_foldable: int,
    external: bool,
    incremental: bool,
) -> Resolved:
    """Settle every "auto" from the number of rows and the trunk.

    Parameters
    ----------
    estimator : BaseEstimator
    trunk : Trunk
    n_rows, n_distinct : int
        Rows with a label of positive weight, and how many of them differ.
    n_foldable : int
        How many parts the rows can be dealt out in: distinct rows or groups.
    external : bool
        Whether the holdout is given (`X_val`).
    incremental : bool
        Whether this is a chunk of `partial_fit`, which has no holdouts.

    Raises
    ------
    ValueError
        If early stopping is asked for and a holdout would be empty, the device is not there, or sharing, balancing or
        augmentation are none, or have a parameter out of range.
    """
    # Copies: a parameter that is set later does not change what was fitted.
    sharing, balancing = clone(as_sharing(estimator.sharing)), resolve_balancing(estimator.balancing)
    sharing.check()
    balancing.check()
    asked = usual_augmentation(trunk) if _is_auto(estimator.augmentation) else estimator.augmentation
    augmentation = tuple(clone(part) for part in as_augmentations(asked))
    for part in augmentation:
        part.check()
    n_estimators = trunk.usual_members if estimator.n_estimators == "auto" else estimator.n_estimators
    smallest = n_held_out(n_foldable, n_estimators, estimator.validation_fraction)
    smallest_rows = n_held_out(n_distinct, n_estimators, estimator.validation_fraction)
    early_stopping = estimator.early_stopping
    if incremental:
        early_stopping = False
    elif early_stopping == "auto":
        early_stopping = external or (smallest > 0 and (smallest_rows >= SMALLEST_HOLDOUT or n_estimators > 1))
    elif early_stopping and not external and smallest < 1:
        needed = n_folds(n_estimators) if n_estimators > 1 else int(np.ceil(1 / estimator.validation_fraction))
        raise ValueError(
            f"early_stopping=True needs a holdout, and {n_foldable} distinct rows or groups leave none for "
            f"n_estimators={n_estimators}, validation_fraction={estimator.validation_fraction}: give at least "
            f"{max(needed, 2)}, or early_stopping='auto'."
        )
    usual_batch = int(np.clip(n_distinct // 32, 32, trunk.largest_batch))
    batch_size = usual_batch if estimator.batch_size == "auto" else estimator.batch_size
    if n_distinct <= batch_size and n_rows <= max(batch_size, LARGEST_WHOLE_BATCH):
        batch_size = max(n_rows, 1)
    device = check_device(estimator.device)
    exact = not incremental and trunk.batched and device.type == "cpu" and n_rows <= batch_size
    dtype = torch.float64 if exact else torch.float32
    chosen = resolve_companions(estimator, trunk, bool(early_stopping), incremental)
    together = not external and n_estimators > 1 and smallest_rows < SMALLEST_HOLDOUT
    patience = automatic_patience(n_distinct) if estimator.n_iter_no_change == "auto" else estimator.n_iter_no_change
    sizes = int(n_estimators), bool(early_stopping), together, int(patience), int(batch_size)
    calibration = resolve_calibration(getattr(estimator, "calibration", None), bool(early_stopping), incremental)
    return Resolved(trunk, sharing, balancing, *sizes, device, dtype, chosen, calibration, augmentation)


def usual_augmentation(trunk: Trunk) -> str | None:
    """Return the name of a trunk's augmentation where a task is one of classes; of a fitted one, that of its own trunk.

    Parameters
    ----------
    trunk : Trunk
    """
    if isinstance(trunk, FittedTrunk):
        return usual_augmentation(trunk.estimator._model.resolved.trunk)
    return trunk.usual_augmentation


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def automatic_patience(n_rows: int) -> int:
    """Return after how many epochs without progress a member stops: of many rows, an epoch has many steps.

    Parameters
    ----------
    n_rows : int
    """
    return max(LEAST_PATIENCE, round(PATIENCE * min(1.0, (PATIENT_ROWS / max(n_rows, 1)) ** 0.5)))


def resolve_calibration(asked: str | None, has_holdouts: bool, incremental: bool) -> str | None:
    """Return how probabilities are calibrated; None: not at all.

    Parameters
    ----------
    asked : {"auto", "temperature"} or None
    has_holdouts : bool
        Whether members hold rows out.
    incremental : bool

    Raises
    ------
    ValueError
        If temperatures are asked for where there are no rows to find them on.
    """
    if asked == "temperature" and not has_holdouts:
        reason = "partial_fit holds no rows out" if incremental else "here members hold no rows out"
        raise ValueError(
            f"calibration='temperature' needs rows that members are not trained on, and {reason}. Set "
            "calibration=None, or 'auto'."
        )
    return asked if has_holdouts else None


def settle(
    resolved: Resolved,
    estimator: BaseEstimator,
    groups: list[TaskGroup],
    n_rows: int,
    standardizer: AnyStandardizer,
) -> Resolved:
    """Settle what depends on the tasks and on what was measured of the samples.

    Companions must have a task to serve, something to read, and, if they were not named, not too much of it. The usual
    augmentation is there for a task of classes, and of several parts where these suit it. Parts are learned one after
    another, that which says most first: where some are missing, training has to go on for longer before all are.

    Parameters
    ----------
    resolved : Resolved
    estimator : BaseEstimator
    groups : list of TaskGroup
    n_rows : int
    standardizer : Standardizer

    Raises
    ------
    ValueError
        If a companion was named that can read nothing of X.
    """
    numbers, sizes = all(group.loss.scaling != "classes" for group in groups), sizes_of(standardizer)
    parts = standardizer if isinstance(standardizer, ModalStandardizer) else None
    balancing = resolve_balancing(estimator.balancing, of_numbers=numbers)
    names = resolved.companions if any(map(serves, groups)) else ()
    if names and estimator.companions == "auto":
        names = sizes.affordable(n_rows)
    elif strange := [name for name in names if name not in sizes.readers]:
        way_out = f"'auto', or one of {list(sizes.readers)}" if sizes.readers else "None, or 'auto'"
        raise ValueError(
            f"companions={estimator.companions!r} cannot be fitted: {strange[0]!r} reads {READ_BY[strange[0]]}, and "
            f"there are none in X. Set companions={way_out}."
        )
    suits = (parts is None or parts.usually_mixed) and not numbers
    augmentation = resolved.augmentation if suits or not _is_auto(estimator.augmentation) else ()
    waits = parts is not None and parts.lacking and estimator.n_iter_no_change == "auto"
    patience = resolved.patience * (MORE_PATIENCE if waits else 1)
    return replace(resolved, balancing=balancing, companions=names, augmentation=augmentation, patience=patience)


def resolve_balancing(balancing: Any, *, of_numbers: bool = False) -> Balancing:
    """Return a copy of the specification; "auto" depends on whether all tasks are numbers.

    Parameters
    ----------
    balancing : str or Balancing
    of_numbers : bool, default=False

    Raises
    ------
    ValueError
        If it is none.
    """
    if _is_auto(balancing):
        balancing = "scale_invariant" if of_numbers else "uniform"
    return clone(as_balancing(balancing))


def resolve_companions(
    estimator: BaseEstimator, trunk: Trunk, has_holdouts: bool, incremental: bool
) -> tuple[str, ...]:
    """Return the names of the models that are fitted beside the network.

    Parameters
    ----------
    estimator : BaseEstimator
    trunk : Trunk
    has_holdouts : bool
        Whether members hold rows out.
    incremental : bool

    Raises
    ------
    ValueError
        If a name is unknown, or companions are asked for where there are none.
    """
    asked = estimator.companions
    if asked is None:
        return ()
    if asked == "auto":
        built_in = isinstance(trunk, (MLPTrunk, MultiModalTrunk)) or (isinstance(trunk, FittedTrunk) and trunk.batched)
        suits = built_in and has_holdouts and not incremental and not estimator.warm_start
        return tuple(COMPANIONS) if suits else ()
    names = (asked,) if isinstance(asked, str) else tuple(asked)
    for name in names:
        if name not in COMPANIONS:
            hint = likely_and_known(name, COMPANIONS, "companions")
            raise ValueError(f"companions must be None, 'auto', or names, got {name!r}.{hint}")
    reason = (
        "partial_fit sees no rows twice"
        if incremental
        else "warm_start continues networks only"
        if estimator.warm_start
        else "they are mixed by out-of-fold predictions, and here members hold no rows out"
        if not has_holdouts
        else None
    )
    if names and reason:
        raise ValueError(f"companions={asked!r} cannot be fitted: {reason}. Set companions=None, or 'auto'.")
    return names


def check_device(device: str | torch.device) -> torch.device:
    """Return the device to train on; "auto" is the CPU.

    Raises
    ------
    ValueError
        If torch does not know the device, or it is not there.
    """
    try:
        found = torch.device("cpu" if device == "auto" else device)
        torch.empty(1, device=found)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device={device!r} cannot be used: {error}") from error
    if found.type == "meta":
        raise ValueError(f"device={device!r} holds no data, so nothing can be trained on it; use a real device.")
    return found
