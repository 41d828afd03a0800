"""The rows that members do not train on: the loss that stops them, and their out-of-fold predictions."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..nn import Network
from ..tasks import Objective
from ._rows import Rows

CHUNK_VALUES = 2**21
# Shares of what a network says of a task, among which the best is looked for where constants say it better. Not 0:
# which of two rows is predicted higher may still be worth something, and stays.
SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)


@dataclass
class HoldoutResult:
    """What an evaluation found.

    Attributes
    ----------
    losses : Tensor of shape (M, T)
        Mean loss per label in units of the best constant's; NaN for a task without holdout labels.
    scores : Tensor of shape (T,)
        R² or accuracy over the holdouts of all members together.
    """

    losses: Tensor
    scores: Tensor


class Holdout:
    """The holdouts of all members, side by side.

    Parameters
    ----------
    rows : Rows
        Where the rows are.
    places : list of ndarray of int
        The holdout rows of each member; a single array is shared by all.
    variance : ndarray of shape (T,)
        What the mean error of a task is divided by in its score: the variance of the labels, or 1 for classes.
    """

    def __init__(self, rows: Rows, places: list[np.ndarray], variance: np.ndarray) -> None:
        self.rows = rows
        length = max(map(len, places))
        padded = np.zeros((len(places), length), dtype=np.int64)
        valid = np.zeros((len(places), length), dtype=bool)
        for member, own in enumerate(places):
            padded[member, : len(own)] = own
            valid[member, : len(own)] = True
        self.valid = valid  # (M or 1, H)
        self.places = torch.from_numpy(padded)  # (M or 1, H)
        local = self.places.to(rows.device)
        self.labels = rows.labels[local]  # (M or 1, H, T)
        counts = torch.from_numpy(valid).to(rows.dtype).to(rows.device).unsqueeze(2)  # (M or 1, H, 1)
        self.weights = counts.expand_as(self.labels) if rows.weights is None else rows.weights[local] * counts
        self.variance = torch.from_numpy(variance).to(rows.dtype).to(rows.device)

    def __len__(self) -> int:
        """Return the number of rows of the largest holdout."""
        return self.places.shape[1]

    def outputs(self, network: Network, *, raw: bool = False) -> Iterator[tuple[slice, Tensor]]:
        """Yield places and network outputs, `(M, C, O)`, `raw` before chains link them, some values at a time."""
        read = network.raw if raw else network
        n_members = network.head.weight.shape[0]
        step = max(8, CHUNK_VALUES // (n_members * max(network.widest, self.rows.n_features)))
        shared = len(self.places) == 1
        for first in range(0, len(self), step):
            chunk = slice(first, min(first + step, len(self)))
            places = self.places[:, chunk]
            yield chunk, read(self.rows.features(places[0] if shared else places))

    @torch.no_grad()
    def evaluate(self, network: Network, objective: Objective) -> HoldoutResult:
        """Measure each member on its own holdout, in evaluation mode."""
        losses, counted = torch.zeros_like(objective.share), torch.zeros_like(objective.share)  # (M, T)
        errors = torch.zeros_like(self.variance)  # (T,)
        for chunk, outputs in self.outputs(network):
            labels, weights = self.labels[:, chunk], self.weights[:, chunk]
            chunk_losses, chunk_weights = objective.holdout_losses(outputs, labels, weights)
            losses, counted = losses + chunk_losses, counted + chunk_weights
            errors += (objective.label_errors(outputs, labels) * weights).mean(0).sum(0)
        return HoldoutResult(losses / counted, 1 - errors / (self.weights.mean(0).sum(0) * self.variance))

    @torch.no_grad()
    def useful_shares(self, network: Network, objective: Objective, start: Tensor) -> Tensor:
        """Return how much of the way from its first outputs each task should go, `(T,)`.

        All of it, unless the holdouts of all members together are predicted worse than by the first outputs, which are
        the best constants: then the share of `SHARES` that has the least loss. The steps of a chain go together.

        Parameters
        ----------
        network : Network
        objective : Objective
        start : Tensor of shape (M, O)
            What heads said before training.
        """
        network.eval()
        options = (0.0, *SHARES)
        first, losses = start.unsqueeze(1), torch.zeros(len(options), len(self.variance)).to(self.variance)
        for chunk, raw in self.outputs(network, raw=True):
            labels, weights = self.labels[:, chunk], self.weights[:, chunk]
            for place, share in enumerate(options):
                outputs = network.head.linked(torch.lerp(first, raw, share))
                losses[place] += objective.holdout_losses(outputs, labels, weights)[0].sum(0)
        for group in objective.groups:
            if group.chained:
                own = losses[:, group.tasks]
                own.copy_((own @ objective.task_weights[group.tasks]).unsqueeze(1).expand_as(own))
        best = torch.tensor(SHARES, dtype=losses.dtype, device=losses.device)[losses[1:].argmin(0)]
        return torch.where(losses[-1] > losses[0], best, torch.ones_like(best))

    @torch.no_grad()
    def predictions(self, network: Network, objective: Objective) -> list[np.ndarray]:
        """Return out-of-fold predictions, one array a group: `(n_rows, T)` in encoded units, or `(n_rows, T, K)`.

        NaN where no member held the row out, or the one that did knows no label of the task.
        """
        network.eval()
        objective = copy.deepcopy(objective).cpu().double()
        known = objective.has_labels.numpy()
        table: list[np.ndarray] = []
        for chunk, outputs in self.outputs(network):
            parts = [part.numpy() for part in objective.predictions(outputs.cpu().double())]
            table = table or [np.full((len(self.rows), *part.shape[2:]), np.nan) for part in parts]
            for member, places in enumerate(self.places[:, chunk].numpy()):
                valid = self.valid[member, chunk]
                for group, part, column in zip(objective.groups, parts, table, strict=True):
                    values = part[member, valid]
                    values[:, ~known[member, group.tasks]] = np.nan
                    column[places[valid]] = values
        return table
