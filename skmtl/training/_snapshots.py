"""Each member's own early stopping: best loss so far, patience, and a copy of the best state."""

from __future__ import annotations

import numpy as np
import torch

from ..nn import Network


class Snapshots:
    """The best state of every member.

    Parameters
    ----------
    network : Network
    patience : int
        Epochs without a lower holdout loss after which a member stops.
    together : bool, default=False
        Whether all members stop, and go back, by the mean of their losses: for holdouts of a few rows each.

    Attributes
    ----------
    best_losses : ndarray of shape (n_members,)
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
    >>> snapshots = Snapshots(network, patience=1)
    >>> snapshots.update(network, 1, np.array([0.5, 0.5]))
    >>> snapshots.update(network, 2, np.array([0.4, 0.6]))
    >>> snapshots.stopped, snapshots.best_epochs
    (array([False,  True]), array([2, 1]))
    """

    def __init__(self, network: Network, patience: int, together: bool = False) -> None:
        n_members = network.n_members
        self.patience = patience
        self.together = together
        self.best_losses = np.full(n_members, np.inf)
        self.best_epochs = np.zeros(n_members, dtype=np.int64)
        self.last_epochs = np.zeros(n_members, dtype=np.int64)
        self.stopped = np.zeros(n_members, dtype=bool)
        self._states = [tensor.detach().clone() for tensor, _ in network.member_tensors()]

    @property
    def have_state(self) -> np.ndarray:
        """Which members have a best state, `(n_members,)`."""
        return self.best_epochs > 0

    def update(self, network: Network, epoch: int, losses: np.ndarray) -> None:
        """Take note of the holdout losses of an epoch, `(n_members,)`; NaN never is the best."""
        running = ~self.stopped
        if self.together:
            known = running & ~np.isnan(losses)
            losses = np.where(running, losses[known].mean() if known.any() else np.nan, losses)
        self.last_epochs[running] = epoch
        improved = running & (losses < self.best_losses)
        self.best_losses[improved] = losses[improved]
        self.best_epochs[improved] = epoch
        self.stopped |= running & (epoch - self.best_epochs >= self.patience)
        if improved.any():
            self._copy(network, improved, save=True)

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
