"""Each member's own early stopping: progress so far, patience, and a copy of the best state."""

from __future__ import annotations

import numpy as np
import torch

from ..nn import Network
from ._history import member_mean

# Share of what a task had gained on its constant whose loss counts: what loses more has stopped, and holds up no other.
COUNTED = 0.5
# Added to losses before logarithms are taken: below a tenth of a constant's loss, halving it counts ever less.
FLOOR = 0.1


class Snapshots:
    """The best state of every member, by its holdout.

    A member's progress is `Σ_t w_t log(min(L_t, l_t + (1 − l_t) / 2) + 0.1)`, less is better; `L_t` is a task's holdout
    loss in units of its best constant's, and `l_t` the lowest so far. Each task counts by the share of its loss that it
    gains or loses, and one that learns no more cannot, by growing ever worse, outweigh others that still learn.

    Parameters
    ----------
    network : Network
    patience : int
        Epochs without progress after which a member stops.
    task_weights : ndarray of shape (n_tasks,)
        `w_t`.
    together : bool, default=False
        Whether all members stop, and go back, by the means of their losses: for holdouts of a few rows each.

    Attributes
    ----------
    best : ndarray of shape (n_members,)
        Progress of the best state.
    best_epochs, last_epochs : ndarray of int of shape (n_members,)
        Epochs, from 1, of the best and the last state; 0 before the first.
    stopped : ndarray of bool of shape (n_members,)

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmtl.nn import MLP, Network
    >>> from skmtl.training import Snapshots
    >>> draws = [torch.Generator().manual_seed(member) for member in range(2)]
    >>> network = Network(MLP(3, [4], "relu", 0.0, draws), torch.zeros(2, 1))
    >>> snapshots = Snapshots(network, patience=1, task_weights=np.ones(1))
    >>> snapshots.update(network, 1, np.array([[0.5], [0.5]]))
    >>> snapshots.update(network, 2, np.array([[0.4], [0.6]]))
    >>> snapshots.stopped, snapshots.best_epochs
    (array([False,  True]), array([2, 1]))
    """

    def __init__(self, network: Network, patience: int, task_weights: np.ndarray, together: bool = False) -> None:
        n_members = network.n_members
        self.patience = patience
        self.task_weights = task_weights
        self.together = together
        self.best = np.full(n_members, np.inf)
        self._lowest = np.full((n_members, len(task_weights)), np.inf)
        self.best_epochs = np.zeros(n_members, dtype=np.int64)
        self.last_epochs = np.zeros(n_members, dtype=np.int64)
        self.stopped = np.zeros(n_members, dtype=bool)
        self._states = [tensor.detach().clone() for tensor, _ in network.member_tensors()]

    @property
    def have_state(self) -> np.ndarray:
        """Which members have a best state, `(n_members,)`."""
        return self.best_epochs > 0

    def update(self, network: Network, epoch: int, losses: np.ndarray) -> None:
        """Take note of the holdout losses of an epoch, `(n_members, n_tasks)`; tasks without holdout labels are NaN."""
        running = ~self.stopped
        if self.together:
            losses = np.where(running[:, None], member_mean(np.where(running[:, None], losses, np.nan)), losses)
        progress = self._progress(losses)
        self.last_epochs[running] = epoch
        improved = running & (progress < self.best)  # never where it is NaN
        self.best[improved] = progress[improved]
        self.best_epochs[improved] = epoch
        self.stopped |= running & (epoch - self.best_epochs >= self.patience)
        if improved.any():
            self._copy(network, improved, save=True)

    def _progress(self, losses: np.ndarray) -> np.ndarray:
        """Return each member's progress, `(n_members,)`; NaN if no task was measured, or a loss is infinite."""
        self._lowest = np.fmin(self._lowest, losses)
        measured = ~np.isnan(losses)
        most = self._lowest + COUNTED * np.maximum(1 - self._lowest, 0)
        counted = np.where(measured, np.minimum(losses, most), 0)
        logs = np.where(measured, np.log(counted + FLOOR), 0)
        known = measured.any(1) & ~np.isinf(losses).any(1)
        return np.where(known, logs @ self.task_weights, np.nan)

    def freeze(self, members: np.ndarray) -> None:
        """Stop members, `(n_members,)` booleans, at their best state."""
        self.stopped |= members

    def restore(self, network: Network) -> None:
        """Put the best states back into the network; a member that has none stays as it is."""
        self._copy(network, self.have_state, save=False)

    @torch.no_grad()
    def _copy(self, network: Network, members: np.ndarray, save: bool) -> None:
        for (tensor, owner), state in zip(network.member_tensors(), self._states, strict=True):
            target, source = (state, tensor) if save else (tensor, state)
            if owner is not None:
                if members[owner]:
                    target.copy_(source)
            elif members.all():
                target.copy_(source)
            else:
                chosen = torch.from_numpy(np.flatnonzero(members)).to(tensor.device)
                by_member = (len(members), -1)  # a member may have several copies, for tasks or experts
                target.view(by_member).index_copy_(0, chosen, source.view(by_member).index_select(0, chosen))
