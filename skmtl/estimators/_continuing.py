"""Going on with a model: its tasks, encoders and constants must mean the same as before."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tasks import Targets, TaskStructure, with_chains
from ._model import Model


def continued_structure(previous: Model, names: list[str], chains: Any) -> TaskStructure:
    """Return the tasks of a model that is trained further; columns of y and chains must be the same."""
    if names != previous.structure.columns:
        raise ValueError(f"Tasks {names} cannot continue a model of the tasks {previous.structure.columns}.")
    structure = previous.structure
    if set(with_chains(structure, chains).chains) != set(structure.chains):
        known = [[names[place] for place in chain] for chain in structure.chains]
        raise ValueError(f"structure={chains!r} cannot continue a model whose tasks have the chains {known}.")
    return structure


def continued_targets(previous: Model, targets: Targets, task_weights: np.ndarray) -> Targets:
    """Return a copy of the previous encoder; the new one must mean the same."""
    if targets.losses != previous.targets.losses:
        raise ValueError(f"Losses {targets.losses} cannot continue a model trained with {previous.targets.losses}.")
    learned = set(np.flatnonzero((task_weights > 0) & targets.learnable).tolist())
    if learned != set(previous.tasks.tolist()):
        raise ValueError(
            f"task_weights make the network learn the tasks {[targets.names[task] for task in sorted(learned)]}, but "
            f"the model to continue learned {[targets.names[task] for task in sorted(previous.tasks)]}."
        )
    return previous.targets.continued(targets)


def continued_constants(earlier: list[np.ndarray], now: list[np.ndarray]) -> list[np.ndarray]:
    """Return what each column predicts without features: the first chunk that has labels decides."""
    return [new if np.isnan(old).any() else old for old, new in zip(earlier, now, strict=True)]
