"""Companions and network as one model: fitted beside each other, and mixed by how well they predict rows left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax
from threadpoolctl import threadpool_limits

from ..tasks import TaskGroup
from ._mix import least_squares_mix, log_probabilities, logistic_mix
from ._readings import Readings

# Rows from which several threads pay; beside another busy process, they cost ten times as much on fewer.
WORTH_THREADS = 1000


def serves(group: TaskGroup) -> bool:
    """Whether companions can predict what the tasks of a group are.

    Parameters
    ----------
    group : TaskGroup
    """
    return (group.loss.scaling == "classes" and not group.chained) or group.loss.name == "squared_error"


@dataclass
class Rows:
    """What companions are fitted to: rows of different content.

    Attributes
    ----------
    X : Readings
        Standardised columns and weights of tokens.
    labels : ndarray of shape (n, T)
        Encoded labels, in the order of the engine: means over rows of equal content.
    shares : list of ndarray of shape (n, T, K)
        For each group of classes, the share of each class among a row's labels; empty for others.
    weights : ndarray of shape (n, T)
        Sums of weights; 0 without a label.
    first : ndarray of int of shape (n,)
        The first row of the data with this content.
    place : ndarray of int of shape (n_rows,)
        Where each row of the data went.
    together : ndarray of int of shape (n,)
        Rows of equal number are left out together.
    """

    X: Readings
    labels: np.ndarray
    shares: list[np.ndarray]
    weights: np.ndarray
    first: np.ndarray
    place: np.ndarray
    together: np.ndarray


def distinct_rows(
    X: Readings,
    labels: np.ndarray,
    weights: np.ndarray,
    keys: np.ndarray,
    folds: np.ndarray,
    groups: Sequence[TaskGroup],
) -> Rows:
    """Merge rows of equal content, so that leaving out one leaves out every copy.

    Parameters
    ----------
    X : Readings
    labels, weights : ndarray of shape (n_rows, T)
    keys : ndarray of uint64 of shape (n_rows,)
        Equal where rows of X are; they also decide the order of rows.
    folds : ndarray of uint64 of shape (n_rows,)
        Equal where rows are to be left out together.
    groups : sequence of TaskGroup
    """
    _, first, place = np.unique(np.column_stack([keys, folds]), axis=0, return_index=True, return_inverse=True)
    place = place.ravel()

    def summed(values: np.ndarray) -> np.ndarray:
        result = np.zeros((len(first), *values.shape[1:]))
        np.add.at(result, place, values)
        return result

    totals = summed(weights)
    shown = np.where(weights > 0, labels, 0)
    safe = np.where(totals > 0, totals, 1)
    shares = []
    for group in groups:
        if group.loss.scaling != "classes":
            shares.append(np.empty((len(first), 0, 0)))
            continue
        onehot = np.eye(group.n_classes)[shown[:, group.tasks].astype(np.intp)] * weights[:, group.tasks, None]
        shares.append(summed(onehot) / safe[:, group.tasks, None])
    together = np.unique(folds[first], return_inverse=True)[1]
    return Rows(X[first], summed(shown * weights) / safe, shares, totals, first, place, together)


class Blend:
    """Companions of all tasks that they can serve, and the weights with which they and the network are mixed.

    Companions serve tasks with squared error, and tasks of classes, whose classes are targets of 0 and 1. All tasks of
    a group have the same weights, found on predictions of rows that no part was fitted to. Where X has several parts,
    not all of which a companion reads, tasks that gain by it have their own, drawn to those of the group.

    Parameters
    ----------
    names : sequence of str
        Names of `COMPANIONS`.
    groups : sequence of TaskGroup
    task_weights : ndarray of shape (T,)

    Attributes
    ----------
    companions : dict
        The fitted ones by name.
    mix : dict
        For each group that is served, by its place, the weights of "network" and of each companion, `(T,)`.
    """

    def __init__(self, names: Sequence[str], groups: Sequence[TaskGroup], task_weights: np.ndarray) -> None:
        self.names, self.groups, self.task_weights = list(names), list(groups), task_weights
        self.companions: dict[str, Any] = {}
        self.mix: dict[int, dict[str, np.ndarray]] = {}
        self.intercepts: dict[int, np.ndarray] = {}

    @property
    def served(self) -> list[int]:
        """The groups that companions serve, by their place."""
        return [place for place, group in enumerate(self.groups) if serves(group)]

    def fit(self, rows: Rows) -> dict[str, np.ndarray]:
        """Fit companions to rows; return what each predicts of them, left out, in its own targets, `(n, Y)`.

        Parameters
        ----------
        rows : Rows
        """
        targets, weights, task_weights = self._targets(rows)
        labelled = (weights > 0).any(1)  # rows with labels of other tasks only are predicted, not fitted to
        known, left_out = slice(None) if labelled.all() else labelled, {}
        with threadpool_limits(1 if len(rows.labels) < WORTH_THREADS else None, "blas"):
            for name in self.names if self.served else []:
                model, X = rows.X.companion(name), rows.X.of(name)
                model.fit(X[known], targets[known], weights[known], task_weights, rows.together[known])
                self.companions[name], left_out[name] = model, np.empty_like(targets)
                left_out[name][known], left_out[name][~labelled] = model.left_out_, model.predict(X[~labelled])
                del model.left_out_  # of the data, a fitted model keeps nothing that it does not need
        return left_out

    def predict(self, X: Readings) -> dict[str, np.ndarray]:
        """Return what each companion predicts in its own targets, `(n, Y)`.

        Parameters
        ----------
        X : Readings
        """
        return {name: model.predict(X.of(name)) for name, model in self.companions.items()}

    def parts(self, network: Sequence[np.ndarray], companions: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
        """Return, for each group, what each part predicts: `(n, T)` or `(n, T, K)`.

        Parameters
        ----------
        network : sequence of ndarray
            The network's predictions, one array a group; NaN where there are none.
        companions : dict
            From `fit`, of rows left out, or from `predict`.
        """
        parts = [{"network": own} for own in network]
        for name, block in companions.items():
            for place, predicted in self._by_group(block).items():
                parts[place][name] = predicted
        return parts

    def mixed(self, parts: list[dict[str, np.ndarray]], means: np.ndarray | None = None) -> list[np.ndarray]:
        """Return the mixed predictions, one array a group.

        Parameters
        ----------
        parts : list of dict
        means : ndarray of shape (n, Y) or None, default=None
            From `left_out_means`, where parts are predictions of rows left out.
        """
        return [self._mixed(place, own, means) for place, own in enumerate(parts)]

    def left_out_means(self, rows: Rows) -> np.ndarray:
        """Return the targets' means over all rows but those that are left out together with a row, `(n, Y)`.

        Parameters
        ----------
        rows : Rows
            Those of the fit.
        """
        targets, weights = self._values(rows)[:2]
        left = [np.zeros((rows.together.max(initial=0) + 1, targets.shape[1])) for _ in range(2)]
        for totals, values in zip(left, (weights, weights * targets), strict=True):
            np.add.at(totals, rows.together, values)
        rest, sums = (totals.sum(0) - totals[rows.together] for totals in left)
        lone = rest <= 1e-12 * weights.sum(0)
        means: np.ndarray = np.where(lone, self._means, sums / np.where(lone, 1, rest))
        return means

    # Targets ---------------------------------------------------------------------------------------------------------

    def _values(self, rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return targets and their weights, `(n, Y)`, and what each counts for, `(Y,)`."""
        n_rows = len(rows.labels)
        blocks, weights, counts, first = [np.empty((n_rows, 0))], [np.empty((n_rows, 0))], [np.empty(0)], 0
        self._columns: dict[int, slice] = {}
        for place in self.served:
            group = self.groups[place]
            if group.loss.scaling == "classes":
                shares = rows.shares[place][:, :, first_class(group) :]  # (n, T, K), or of two classes the second
                width, block = shares.shape[2], shares.reshape(len(shares), -1)
            else:
                width, block = 1, rows.labels[:, group.tasks]
            blocks.append(block)
            weights.append(np.repeat(rows.weights[:, group.tasks], width, axis=1))
            counts.append(np.repeat(self.task_weights[group.tasks], width) / width)
            self._columns[place] = slice(first, first + block.shape[1])
            first += block.shape[1]
        return np.hstack(blocks), np.hstack(weights), np.concatenate(counts)

    def _targets(self, rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return standardised targets and their weights, `(n, Y)`, and what each counts for, `(Y,)`."""
        block, weight, counts = self._values(rows)
        totals = np.where(weight.sum(0) > 0, weight.sum(0), 1)
        self._means = (weight * block).sum(0) / totals
        spread = np.sqrt((weight * (block - self._means) ** 2).sum(0) / totals)
        # Equal labels have no spread, whatever rounding makes of it.
        self._spreads = np.where(spread > 1e-12 * np.abs(self._means), spread, 0)
        standardised = (block - self._means) / np.where(self._spreads > 0, self._spreads, 1)
        return np.where((weight > 0) & (self._spreads > 0), standardised, 0), weight, counts

    def _by_group(self, block: np.ndarray) -> dict[int, np.ndarray]:
        """Turn predictions of targets into those of groups: `(n, T)` in encoded units, or probabilities `(n, T, K)`."""
        values, result = block * self._spreads + self._means, {}
        for place, columns in self._columns.items():
            group, own = self.groups[place], values[:, columns]
            if group.loss.scaling == "classes":
                own = _inside(own, self._means[columns]).reshape(len(values), -1, group.n_classes - first_class(group))
                if own.shape[2] < group.n_classes:
                    own = np.concatenate([1 - own, own], 2)
                own = own / own.sum(2, keepdims=True)
            result[place] = own
        return result

    # Mixing ----------------------------------------------------------------------------------------------------------

    def fit_mix(self, rows: Rows, parts: list[dict[str, np.ndarray]]) -> Blend:
        """Find the weights of the mix on rows that no part was fitted to.

        Parameters
        ----------
        rows : Rows
        parts : list of dict
            What each part predicts of them, from `parts`.
        """
        for place in self.served if self.companions else []:
            own, weights = parts[place], self._seen(rows, place, parts[place]["network"])
            n_tasks = weights.shape[1]
            found, self.intercepts[place] = self._found(place, rows, own, weights, slice(None))
            self.mix[place] = {name: np.full(n_tasks, share) for name, share in zip(own, found, strict=True)}
            if rows.X.several and n_tasks > 1:
                self._take_own(place, rows, own, weights, found)
        return self

    def _take_own(
        self, place: int, rows: Rows, parts: dict[str, np.ndarray], weights: np.ndarray, found: np.ndarray
    ) -> None:
        """Give those tasks of a group weights of their own that gain more by them than their number costs (BIC)."""
        before, pooled, intercepts = self._misses(place, rows, parts, weights), self.mix[place], self.intercepts[place]
        each = [
            self._found(place, rows, parts, weights, slice(task, task + 1), found) for task in range(weights.shape[1])
        ]
        own = np.stack([shares for shares, _ in each], 1)  # (P, T)
        self.mix[place] = dict(zip(parts, own, strict=True))
        self.intercepts[place] = np.concatenate([other for _, other in each])
        n_rows = (weights > 0).sum(0)
        gains = n_rows * (before - self._misses(place, rows, parts, weights))
        better = gains > len(parts) * np.log(np.maximum(n_rows, 2))
        self.mix[place] = {name: np.where(better, self.mix[place][name], pooled[name]) for name in parts}
        self.intercepts[place] = np.where(better[:, None], self.intercepts[place], intercepts)

    def _misses(self, place: int, rows: Rows, parts: dict[str, np.ndarray], weights: np.ndarray) -> np.ndarray:
        """Return minus twice each task's mean log-likelihood under the mix, but for a constant, `(T,)`."""
        mixed, tiny = self._mixed(place, parts, None), np.finfo(float).tiny
        if self.groups[place].loss.scaling == "classes":
            missed = -2 * (rows.shares[place] * log_probabilities(mixed)).sum(2)
        else:
            missed = (rows.labels[:, self.groups[place].tasks] - mixed) ** 2
        mean = np.where(weights > 0, weights * missed, 0).sum(0) / np.maximum(weights.sum(0), tiny)
        misses: np.ndarray = mean if self.groups[place].loss.scaling == "classes" else np.log(np.maximum(mean, tiny))
        return misses

    def _seen(self, rows: Rows, place: int, network: np.ndarray) -> np.ndarray:
        """Return what a group's cells count for, `(n, T)`: 0 where the network has no out-of-fold prediction."""
        own = self.groups[place].tasks
        known = ~np.isnan(network if network.ndim == 2 else network.sum(2))
        weights = np.where(known, rows.weights[:, own], 0)
        totals = weights.sum(0)
        counted: np.ndarray = weights / np.where(totals > 0, totals, 1) * self.task_weights[own]
        return counted

    def _found(
        self,
        place: int,
        rows: Rows,
        parts: dict[str, np.ndarray],
        weights: np.ndarray,
        tasks: slice,
        towards: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return weights of the mix for some tasks of a group, `(P,)`, and intercepts of classes, `(T, K)`."""
        own, weights = [part[:, tasks] for part in parts.values()], weights[:, tasks]
        if self.groups[place].loss.scaling == "classes":
            # A row whose copies have different labels counts for each of its classes.
            shares = rows.shares[place][:, tasks]
            n_rows, n_tasks, n_classes = shares.shape
            labels = np.repeat(np.arange(n_classes), n_rows)[:, None].repeat(n_tasks, 1)
            split = np.concatenate([weights * shares[:, :, code] for code in range(n_classes)])
            return logistic_mix([np.tile(part, (n_classes, 1, 1)) for part in own], labels, split, towards)
        mean, spread = (unit[tasks] for unit in self._units(place))
        labels = (rows.labels[:, self.groups[place].tasks][:, tasks] - mean) / spread
        found = least_squares_mix([(part - mean) / spread for part in own], labels, weights, towards)
        return found, np.zeros((labels.shape[1], 0))

    def _units(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of a group's targets; 1 for targets that are constant."""
        own = self._columns[place]
        return self._means[own], np.where(self._spreads[own] > 0, self._spreads[own], 1)

    def _mixed(self, place: int, parts: dict[str, np.ndarray], means: np.ndarray | None) -> np.ndarray:
        mix = self.mix.get(place)
        if mix is None:
            return parts["network"]
        if self.groups[place].loss.scaling == "classes":
            raw = sum(share[:, None] * log_probabilities(parts[name]) for name, share in mix.items())
            raw = raw + self.intercepts[place]
            probabilities: np.ndarray = softmax(raw, axis=2)
            return probabilities
        mean = (self._means if means is None else means)[..., self._columns[place]]
        mixed: np.ndarray = mean + sum(share * (parts[name] - mean) for name, share in mix.items())
        return mixed


def first_class(group: TaskGroup) -> int:
    """Return the first class that is a target: of two classes, one says it all."""
    return 1 if group.n_classes == 2 else 0


def _inside(values: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return predictions of 0 and 1 as probabilities that are never certain, in the same order.

    From half of a class's share on downwards, and half of the rest's on upwards, they approach 0 and 1 exponentially:
    of a rare class, most predictions are near 0 on either side, and which is larger still says something.

    Parameters
    ----------
    values : ndarray of shape (n, Y)
    shares : ndarray of shape (Y,)
        Share of each class among the labels.
    """
    low, high = np.maximum(shares / 2, 1e-6), np.maximum((1 - shares) / 2, 1e-6)
    below = low * np.exp(np.minimum((values - low) / low, 0))
    above = 1 - high * np.exp(np.minimum((1 - high - values) / high, 0))
    inside = np.where(values < low, below, np.where(values > 1 - high, above, values))
    return np.clip(inside, 1e-12, 1 - 1e-12)
