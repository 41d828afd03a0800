"""Tasks in a chain: each can only happen where the one before has happened, as a conversion after a click."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np

from ..losses import LogLoss
from ._columns import Columns
from ._per_task import unknown_task
from ._structure import TaskStructure
from ._targets import Targets

# Where nearly all that reach a step pass it, its first conditional probability is no nearer to 1 than this, or it would
# never move again.
NEAREST_TO_ONE = 1e-3


@dataclass(frozen=True, init=False)
class EntireSpaceChain:
    """Binary tasks of which each can only happen where the one before has, such as a click and then a conversion.

    The network's outputs are the logits of conditional probabilities, and the probability of a task is the product of
    those of all steps so far: `P(conversion) = P(click) · P(conversion | click)`. What is trained are the products, on
    all rows, clicked or not; the conditional probability has no loss of its own. So it is right for rows that were
    never clicked, too, where one that is learned from clicked rows alone is right for rows like these only (Ma et al.
    2018). No task is ever predicted more probable than the one before.

    Parameters
    ----------
    *tasks : str or int
        Names or positions of the columns of y, in the order of the steps. The second class of each, in the order of
        `classes_`, says that it has happened.

    Raises
    ------
    ValueError
        If there is no task, one is repeated, or is neither a name nor a position.

    Notes
    -----
    A label that is missing where an earlier step has not happened is known: it has not happened either. These labels
    count just so much that rows with and without the earlier step are represented alike. If labels are missing wherever
    the earlier step has not happened, and nowhere else, they count fully; if as many are missing everywhere, not at
    all. Any other missing label masks its own task only.

    The conditional probability is the ratio of two columns of `predict_proba`: `P(conversion) / P(click)`.

    References
    ----------
    Ma, X., Zhao, L., Huang, G., Wang, Z., Hu, Z., Zhu, X., & Gai, K. (2018). Entire space multi-task model: an
    effective approach for estimating post-click conversion rate. SIGIR.

    Examples
    --------
    >>> from skmtl import MultiTaskClassifier
    >>> from skmtl.datasets import make_clicks
    >>> from skmtl.tasks import EntireSpaceChain
    >>> data = make_clicks(500, random_state=0)
    >>> chain = EntireSpaceChain("click", "conversion")
    >>> names = ["click", "conversion"]
    >>> model = MultiTaskClassifier(structure=chain, task_names=names, max_iter=5, random_state=0).fit(data.X, data.y)
    >>> click, conversion = (p[:, 1] for p in model.predict_proba(data.X))
    >>> bool((conversion <= click).all())
    True
    """

    tasks: tuple[str | int, ...]

    def __init__(self, *tasks: str | int) -> None:
        for task in tasks:
            if not isinstance(task, (str, Integral)) or isinstance(task, bool):
                raise ValueError(f"A chain holds names or positions of tasks, got {task!r}.")
        if not tasks or len(set(tasks)) < len(tasks):
            raise ValueError(f"A chain holds one task or more, each once, got {list(tasks)}.")
        object.__setattr__(self, "tasks", tasks)

    def __repr__(self) -> str:
        """Return what makes the same chain."""
        return f"EntireSpaceChain({', '.join(map(repr, self.tasks))})"


def with_chains(structure: TaskStructure, chains: Any) -> TaskStructure:
    """Return the structure with the columns of y in chains.

    Parameters
    ----------
    structure : TaskStructure
    chains : None, EntireSpaceChain or sequence of them
        Chains of one task are none.

    Raises
    ------
    ValueError
        If it is something else, a task is unknown, or in two chains.
    """
    listed = [chains] if isinstance(chains, EntireSpaceChain) else [] if chains is None else list(chains)
    for chain in listed:
        if not isinstance(chain, EntireSpaceChain):
            raise ValueError(
                f"structure must be None, a chain or a list of chains, such as EntireSpaceChain('click', "
                f"'conversion') of skmtl.tasks, got {chain!r}."
            )
    places = [tuple(_place(task, structure.columns) for task in chain.tasks) for chain in listed]
    together = [place for chain in places for place in chain]
    if repeated := sorted({structure.columns[place] for place in together if together.count(place) > 1}):
        raise ValueError(f"structure puts the task {repeated[0]!r} into a chain twice, or into two: {chains!r}.")
    return replace(structure, chains=tuple(chain for chain in places if len(chain) > 1))


def _place(task: str | int, names: Sequence[str]) -> int:
    if isinstance(task, str):
        if task not in names:
            raise unknown_task("structure", task, names)
        return names.index(task)
    if not -len(names) <= task < len(names):
        raise ValueError(f"structure names the column {task}, but y has {len(names)} columns: {list(names)}.")
    return int(task) % len(names)


def check_chains(structure: TaskStructure, targets: Targets, column_weights: np.ndarray) -> None:
    """Refuse chains of tasks that cannot be steps.

    Parameters
    ----------
    structure : TaskStructure
    targets : Targets
    column_weights : ndarray of shape (n_columns,)
        Weight of the loss of each column of y.

    Raises
    ------
    ValueError
        If a task in a chain has other than two classes, a loss other than the log loss, or task weight 0.
    """
    for place in (place for chain in structure.chains for place in chain):
        name, classes, loss = structure.columns[place], targets.classes[place], targets.losses[place]
        if len(classes) != 2:
            raise ValueError(
                f"Tasks in a chain have two classes, the second says that the step has happened, but task {name!r} has "
                f"{len(classes)}: {classes[:5].tolist()}{' …' if len(classes) > 5 else ''}. Take it out of structure."
            )
        if loss != LogLoss():
            raise ValueError(
                f"Tasks in a chain are learned with the loss 'log_loss', whose outputs are probabilities that can be "
                f"multiplied, but that of task {name!r} is {loss!r}."
            )
        if column_weights[place] <= 0:
            raise ValueError(
                f"Task {name!r} has task weight 0, but later steps of its chain are products that it is part of. Give "
                "it a positive weight, or take it out of structure."
            )


def check_chain_weights(structure: TaskStructure, class_weights: np.ndarray | None) -> None:
    """Refuse class weights of tasks in chains.

    Parameters
    ----------
    structure : TaskStructure
    class_weights : ndarray of shape (n_columns, K) or None

    Raises
    ------
    ValueError
        If there are any but 1.
    """
    for place in (place for chain in structure.chains for place in chain):
        if class_weights is not None and (class_weights[place] != 1).any():
            name = structure.columns[place]
            raise ValueError(
                f"class_weight gives the classes of task {name!r} the weights {class_weights[place].tolist()}, but the "
                "task is a step of a chain: with other shares of its classes, probabilities could not be multiplied. "
                f"Set class_weight to a dict by task without {name!r}."
            )


def settle_chains(
    structure: TaskStructure, targets: Targets, columns: Columns, weights: np.ndarray, parameter: str = "y"
) -> tuple[Columns, np.ndarray]:
    """Fill in labels that follow from earlier steps: what comes after a step that has not happened has not either.

    Parameters
    ----------
    structure : TaskStructure
    targets : Targets
    columns : Columns
    weights : ndarray of shape (n_samples, n_columns)
        Weight of each label, 0 where it is missing.
    parameter : str, default="y"
        What holds the columns, for messages.

    Returns
    -------
    columns : Columns
    weights : ndarray of shape (n_samples, n_columns)

    Raises
    ------
    ValueError
        If a step has happened where an earlier one has not; the rows are named.
    """
    if not structure.chains:
        return columns, weights
    numbers = targets.numbers(columns)
    values, missing, weights = list(columns.values), list(columns.missing), np.array(weights)
    for chain in structure.chains:
        _check_order(chain, structure.columns, numbers, parameter)
        for before, place in pairwise(chain):
            counts = _implied_weights(numbers[:, before], weights[:, before], weights[:, place])
            implied = counts > 0
            if implied.any():
                weights[implied, place], numbers[implied, place] = counts[implied], 0
                values[place] = _filled(values[place], implied, targets.classes[place][0])
                missing[place] = missing[place] & ~implied
    return replace(columns, values=values, missing=missing), weights


def _check_order(chain: Sequence[int], names: Sequence[str], numbers: np.ndarray, parameter: str) -> None:
    for step, place in enumerate(chain):
        for before in chain[:step]:
            rows = np.flatnonzero((numbers[:, place] == 1) & (numbers[:, before] == 0))
            if len(rows):
                listed = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
                raise ValueError(
                    f"structure says that {names[place]!r} happens only where {names[before]!r} has happened, but in "
                    f"{len(rows)} of {len(numbers)} rows of {parameter} it is the other way round: rows {listed}. "
                    f"Correct these labels, or leave {names[before]!r} missing there."
                )


def _implied_weights(before: np.ndarray, weights_before: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weight of each label that is missing where the step before has not happened, `(n,)`; else 0.

    Of `r` of the rows that reached the step and of `s` of the others the label is there. With weight
    `(r - s) / (1 - s)` of the labels that are not, `r` of the others count, too: neither kind has more than its share.
    """
    stopped, reached, there = before == 0, before == 1, weights > 0

    def share(rows: np.ndarray) -> float:
        total = weights_before[rows].sum()
        return float(weights_before[rows & there].sum() / total) if total > 0 else 0.0

    shown, shown_stopped = share(reached), share(stopped)
    factor = max(shown - shown_stopped, 0.0) / (1 - shown_stopped) if shown_stopped < 1 else 0.0
    implied: np.ndarray = np.where(stopped & ~there, factor * weights_before, 0.0)
    return implied


def _filled(values: np.ndarray, cells: np.ndarray, label: Any) -> np.ndarray:
    filled = values.astype(object) if values.dtype.kind in "SU" else values.copy()
    filled[cells] = label
    return filled


def chain_start(logits: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the logits of conditional probabilities whose products have these logits, `(K,)`.

    A step that is as probable as the one before, or more, starts at 0.999 of it, and one without a label at half of it.

    Parameters
    ----------
    logits : ndarray of shape (K,)
        Of the steps' probabilities.
    known : ndarray of bool of shape (K,)
        Which steps have labels.
    """
    raw = np.zeros(len(logits))
    odds_before = 0.0  # against the step before; see `skmtl.nn.chained_logits`
    for step, (logit, has_labels) in enumerate(zip(logits, known, strict=True)):
        stops = 1.0
        if has_labels:
            stops = (np.exp(-logit) - odds_before) / (1 + odds_before)
            stops = max(stops, NEAREST_TO_ONE) if step else stops
        raw[step] = -np.log(stops)
        odds_before += stops * (1 + odds_before)
    return raw
