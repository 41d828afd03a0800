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


def watch(network, patience=10, **settings):
    return Snapshots(network, patience, np.ones(1), **settings)


def of_one_task(losses):
    return np.array(losses, dtype=float)[:, None]


def progress(*losses):
    return np.log(np.array(losses) + 0.1)


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
    snapshots = watch(network)
    for epoch, losses in enumerate([[3, 1, 2], [2, 2, np.nan], [1, 3, 3]], 1):
        fill(network, epoch)
        snapshots.update(network, epoch, of_one_task(losses))
    snapshots.restore(network)
    assert values(network) == [3, 1, 1]
    np.testing.assert_array_equal(snapshots.best_epochs, [3, 1, 1])
    np.testing.assert_allclose(snapshots.best, progress(1, 1, 2))


def test_a_member_stops_after_patience_epochs_without_a_lower_loss():
    network = batched(2)
    snapshots = watch(network, 2)
    for epoch, losses in enumerate([[5, 5], [5, 4], [6, 3], [0, 2]], 1):
        snapshots.update(network, epoch, of_one_task(losses))
    np.testing.assert_array_equal(snapshots.stopped, [True, False])
    np.testing.assert_array_equal(snapshots.best_epochs, [1, 4])
    np.testing.assert_array_equal(snapshots.last_epochs, [3, 4])


@pytest.mark.parametrize("make", [batched, looped])
def test_what_happens_after_a_member_stopped_changes_nothing(make):
    network = make()
    snapshots = watch(network)
    fill(network, 1)
    snapshots.update(network, 1, of_one_task([2, 2, 2]))
    snapshots.freeze(np.array([False, True, False]))
    fill(network, 2)
    snapshots.update(network, 2, of_one_task([1, 1, 1]))
    snapshots.restore(network)
    assert values(network) == [2, 1, 2]


def test_a_member_without_a_best_state_stays_as_it_is():
    network = batched()
    snapshots = watch(network)
    fill(network, 1)
    snapshots.update(network, 1, of_one_task([1, np.nan, 1]))
    fill(network, 2)
    snapshots.restore(network)
    assert values(network) == [1, 2, 1]
    np.testing.assert_array_equal(snapshots.have_state, [True, False, True])


def test_members_that_stop_together_follow_the_mean_of_their_losses():
    network = batched(2)
    snapshots = watch(network, 2, together=True)
    for epoch, losses in enumerate([[1.0, 3.0], [0.5, 3.1], [2.5, 0.9], [0.1, 4.0], [np.nan, np.nan]], 1):
        snapshots.update(network, epoch, of_one_task(losses))
    np.testing.assert_allclose(snapshots.best, progress(1.7, 1.7))
    assert snapshots.best_epochs.tolist() == [3, 3]
    assert snapshots.stopped.all()
    assert snapshots.last_epochs.tolist() == [5, 5]


def test_a_task_that_grows_ever_worse_does_not_hold_up_one_that_learns():
    network = batched(1)
    snapshots = Snapshots(network, 10, np.ones(2))
    for epoch, losses in enumerate([[0.9, 0.99], [0.5, 1.2], [0.2, 3.0], [0.1, 9.0]], 1):
        snapshots.update(network, epoch, np.array([losses]))
    # It counts up to half of what it had gained: (0.99 + 1) / 2.
    np.testing.assert_allclose(snapshots.best, progress(0.1) + progress(0.995))
    assert snapshots.best_epochs.tolist() == [4]


def test_what_a_task_loses_counts_until_half_of_its_gain_is_lost():
    network = batched(1)
    snapshots = Snapshots(network, 10, np.ones(2))
    for epoch, losses in enumerate([[0.5, 0.4], [0.49, 0.6]], 1):
        snapshots.update(network, epoch, np.array([losses]))
    assert snapshots.best_epochs.tolist() == [1]


@pytest.mark.parametrize("weight, best", [(1.0, 1), (4.0, 2)])
def test_progress_follows_task_weights(weight, best):
    network = batched(1)
    snapshots = Snapshots(network, 10, np.array([weight, 1.0]))
    for epoch, losses in enumerate([[0.5, 0.4], [0.45, 0.6]], 1):
        snapshots.update(network, epoch, np.array([losses]))
    assert snapshots.best_epochs.tolist() == [best]


def test_a_state_with_an_infinite_loss_is_never_the_best():
    network = batched(1)
    snapshots = Snapshots(network, 10, np.ones(2))
    for epoch, losses in enumerate([[0.9, 0.9], [0.1, np.inf]], 1):
        snapshots.update(network, epoch, np.array([losses]))
    assert snapshots.best_epochs.tolist() == [1]
