"""Each member's own early stopping."""

import numpy as np
import pytest
import torch
from torch import nn

from skmtl.nn import MLP, MemberModules, Network
from skmtl.training import Snapshots


def batched(n_members=3):
    draws = [torch.Generator().manual_seed(member) for member in range(n_members)]
    return Network(MLP(4, [5], "relu", 0.0, draws), torch.zeros(n_members, 2))


def looped(n_members=3):
    modules = [nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5)) for _ in range(n_members)]
    return Network(MemberModules(modules, 4), torch.zeros(n_members, 2))


def fill(network, value):
    with torch.no_grad():
        for tensor, _ in network.member_tensors():
            tensor.fill_(value)


def values(network):
    """The value of each member's tensors, all of which hold one value."""
    per_member = [set() for _ in range(network.n_members)]
    for tensor, owner in network.member_tensors():
        for member in range(network.n_members) if owner is None else [owner]:
            own = tensor[member] if owner is None else tensor
            per_member[member] |= set(own.flatten().tolist())
    return [own.pop() for own in per_member if len(own) == 1]


@pytest.mark.parametrize("make", [batched, looped])
def test_each_member_returns_to_its_own_best_state(make):
    network = make()
    snapshots = Snapshots(network, patience=10)
    for epoch, losses in enumerate([[3, 1, 2], [2, 2, np.nan], [1, 3, 3]], 1):
        fill(network, epoch)
        snapshots.update(network, epoch, np.array(losses, dtype=float))
    snapshots.restore(network)
    assert values(network) == [3, 1, 1]
    np.testing.assert_array_equal(snapshots.best_epochs, [3, 1, 1])
    np.testing.assert_array_equal(snapshots.best_losses, [1, 1, 2])


def test_a_member_stops_after_patience_epochs_without_a_lower_loss():
    network = batched(2)
    snapshots = Snapshots(network, patience=2)
    for epoch, losses in enumerate([[5, 5], [5, 4], [6, 3], [0, 2]], 1):
        snapshots.update(network, epoch, np.array(losses, dtype=float))
    np.testing.assert_array_equal(snapshots.stopped, [True, False])
    np.testing.assert_array_equal(snapshots.best_epochs, [1, 4])
    np.testing.assert_array_equal(snapshots.last_epochs, [3, 4])


@pytest.mark.parametrize("make", [batched, looped])
def test_what_happens_after_a_member_stopped_changes_nothing(make):
    network = make()
    snapshots = Snapshots(network, patience=10)
    fill(network, 1)
    snapshots.update(network, 1, np.full(3, 2.0))
    snapshots.freeze(np.array([False, True, False]))
    fill(network, 2)
    snapshots.update(network, 2, np.full(3, 1.0))
    snapshots.restore(network)
    assert values(network) == [2, 1, 2]


def test_a_member_without_a_best_state_stays_as_it_is():
    network = batched()
    snapshots = Snapshots(network, patience=10)
    fill(network, 1)
    snapshots.update(network, 1, np.array([1, np.nan, 1]))
    fill(network, 2)
    snapshots.restore(network)
    assert values(network) == [1, 2, 1]
    np.testing.assert_array_equal(snapshots.have_state, [True, False, True])


def test_members_that_stop_together_follow_the_mean_of_their_losses():
    network = batched(2)
    snapshots = Snapshots(network, patience=2, together=True)
    for epoch, losses in enumerate([[1.0, 3.0], [0.5, 3.1], [2.5, 0.9], [0.1, 4.0], [np.nan, np.nan]], 1):
        snapshots.update(network, epoch, np.array(losses))
    assert snapshots.best_losses.tolist() == [1.7, 1.7]
    assert snapshots.best_epochs.tolist() == [3, 3]
    assert snapshots.stopped.all()
    assert snapshots.last_epochs.tolist() == [5, 5]
