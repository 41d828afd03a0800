"""Everything that a fit leaves behind: how to encode X and y, the trained net, and how to read its outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..companions import Blend, Readings, readings_of
from ..features import AnyStandardizer, ArrayStandardizer, ModalStandardizer, Reader
from ..nn import Network
from ..tasks import MemberStatistics, Objective, Targets, TaskGroup, TaskStructure
from ..training import MultiTaskNet, few_threads
from ..uncertainty import HeldOut, tempered
from ._parameters import Resolved

# Values per layer that a chunk of rows may take while predicting: some 16 megabytes.
CHUNK_VALUES = 2**22
# Matrix products of fewer rows round differently, and a prediction must not depend on its neighbours.
FEWEST_ROWS = 8


@dataclass(frozen=True)
class Seeds:
    """Where randomness comes from: each use has a seed of its own.

    Attributes
    ----------
    folds, order, noise : int
        Seeds of the holdouts, of the order of batches, and of dropout and foreign modules.
    members : tuple of int
        Seed of each member's start.
    """

    folds: int
    order: int
    noise: int
    members: tuple[int, ...]


@dataclass
class Model:
    """A fitted network with its encoders.

    Attributes
    ----------
    structure : TaskStructure
    targets : Targets
    tasks : ndarray of int of shape (T,)
        Position of each column of y that the network learns, in the order of the engine.
    groups : list of TaskGroup
    reader : Reader
        How X becomes a matrix.
    standardizer : Standardizer
    seeds : Seeds
    resolved : Resolved
    statistics : MemberStatistics
    seen : tuple of ndarray of shape (T,) and int
        Sum of the label weights and number of rows that `partial_fit` has seen.
    net : MultiTaskNet
    n_fits : int
        How often the model was continued.
    blend : Blend or None
        The companions, and how they are mixed with the network.
    held_out : HeldOut or None
        What predictions missed on rows that were held out; None without such rows.
    temperatures : ndarray of shape (T,) or None
        How sure the probabilities of classes are made; None: as they are.
    starts : tuple of bytes
        Fingerprints of the trained trunks from which its own came, the earliest first.
    """

    structure: TaskStructure
    targets: Targets
    tasks: np.ndarray
    groups: list[TaskGroup]
    reader: Reader
    standardizer: AnyStandardizer
    seeds: Seeds
    resolved: Resolved
    statistics: MemberStatistics
    seen: tuple[np.ndarray, int]
    net: MultiTaskNet
    n_fits: int
    blend: Blend | None = None
    held_out: HeldOut | None = None
    temperatures: np.ndarray | None = None
    starts: tuple[bytes, ...] = ()

    @property
    def network(self) -> Network:
        """The network of all members."""
        network: Network = self.net.module_
        return network

    @property
    def objective(self) -> Objective:
        """The objective it was trained for."""
        objective: Objective = self.net.criterion_
        return objective

    def predictions(self, X: Any) -> list[np.ndarray]:
        """Return a prediction per group, of all parts together: `(n, T)` in encoded units or `(n, T, K)`."""
        parts = self._mixed([self.network_predictions(X)], X)[0]
        if self.temperatures is None:
            return parts
        return [
            tempered(part, self.temperatures[group.tasks]) if group.loss.scaling == "classes" else part
            for group, part in zip(self.groups, parts, strict=True)
        ]

    def member_predictions(self, X: Any) -> list[list[np.ndarray]]:
        """Return, for each member, the mix with that network in the place of their average, without temperatures."""
        groups = self.network_member_predictions(X)
        return self._mixed([[part[member] for part in groups] for member in range(self.network.n_members)], X)

    def _mixed(self, networks: list[list[np.ndarray]], X: Any) -> list[list[np.ndarray]]:
        """Mix each of some predictions of the network with the companions'."""
        if self.blend is None:
            return networks
        companions = self.blend.predict(self.readings(X))
        return [self.blend.mixed(self.blend.parts(network, companions)) for network in networks]

    def readings(self, X: Any) -> Readings:
        """Return what companions read."""
        return readings_of(self.standardizer, X)

    def network_predictions(self, X: Any) -> list[np.ndarray]:
        """Return the network's prediction per group, averaged over members: `(n, T)` or `(n, T, K)`."""
        return self._gathered(X, lambda x: self.objective.member_average(self.network(x)))

    def network_member_predictions(self, X: Any) -> list[np.ndarray]:
        """Return each member's prediction per group: `(M, n, T)` or `(M, n, T, K)`."""
        return self._gathered(X, lambda x: self.objective.predictions(self.network(x).cpu().double()), axis=1)

    def representation(self, X: Any) -> np.ndarray:
        """Return the representation, members side by side, `(n, M · H)`."""
        return self._gathered(X, lambda x: [self.network.represent(x).transpose(0, 1).flatten(1)])[0]

    def gates(self, X: Any) -> tuple[list[np.ndarray], list[list[int | None]]]:
        """Return the gates of all tasks, `(M, T, n, E)` a level, and the task that owns each expert."""
        return self._gathered(X, self.network.gates, axis=2), self.network.expert_owners()

    def _gathered(self, X: Any, read: Callable[[Tensor], list[Tensor]], axis: int = 0) -> list[np.ndarray]:
        """Return what `read` makes of features, with the rows of X, in their order, along an axis of each array.

        Features are read some rows at a time, padded to eight.
        """
        network = self.network
        weight = network.head.weight
        if network.training:
            network.eval()
        n_rows, tables = X.shape[0], list[np.ndarray]()
        with torch.no_grad(), few_threads(min(self._step(1.0), n_rows) * network.n_products):
            for rows in self._chunks(X):
                x = self.standardizer.tensor(X[rows], weight.dtype, weight.device)
                n_own = len(x)
                if n_own < FEWEST_ROWS:
                    x = torch.cat([x, x[-1:].expand(FEWEST_ROWS - n_own, -1)])
                parts = [part.narrow(axis, 0, n_own).cpu().numpy() for part in read(x)]
                if not tables:
                    tables = [np.empty((*p.shape[:axis], n_rows, *p.shape[axis + 1 :]), p.dtype) for p in parts]
                for table, part in zip(tables, parts, strict=True):
                    table[(*[slice(None)] * axis, rows)] = part
        return tables

    def _chunks(self, X: Any) -> Iterator[slice | np.ndarray]:
        """Yield which rows are read at once: sequences with those of like length, the longest first, if not all."""
        standardizer, n_rows, first = self.standardizer, X.shape[0], 0
        lengths = None
        if isinstance(standardizer, (ArrayStandardizer, ModalStandardizer)):
            lengths = standardizer.lengths(X)
        longest = 1.0 if lengths is None else float(lengths.max())
        step = self._step(longest, longest)
        if lengths is None or step >= n_rows:
            yield from (slice(first, first + step) for first in range(0, n_rows, step))
            return
        order = np.argsort(-lengths, kind="stable")
        while first < n_rows:
            rows = order[first : first + self._step(float(lengths[order[first]]), longest)]
            yield rows
            first += len(rows)

    def _step(self, length: float, longest: float = 1.0) -> int:
        """Return how many rows are read at once, of sequences up to some length, in a matrix as wide as the longest."""
        of_network = self.network.n_members * self.network.widest_of(length)
        of_tensor = self.standardizer.n_outputs * max(1, longest)
        return max(FEWEST_ROWS, int(CHUNK_VALUES // max(of_network, of_tensor)))

    def place_groups(self, groups: list[np.ndarray]) -> dict[int, np.ndarray]:
        """Map the position of each learned column of y to its part, `(n,)` or `(n, K)`, of the groups' arrays."""
        return {
            int(task): array[:, place]
            for group, array in zip(self.groups, groups, strict=True)
            for place, task in enumerate(self.tasks[group.tasks])
        }
