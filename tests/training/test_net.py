"""The training loop."""

import copy
import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skmtl.augmentation import GaussianNoise, Mixup
from skmtl.balancing import FAMO, Uniform
from skmtl.features import Standardizer
from skmtl.losses import LogLoss, SquaredError
from skmtl.nn import MLP, Network
from skmtl.tasks import LabelDistances, Objective, group_tasks, label_variance, member_statistics
from skmtl.training import Augmenter, Batches, History, Holdout, MultiTaskNet, Rows, Snapshots
from skmtl.training._balancing import BalancedBackward
from skmtl.training._batch import Batch

N_ROWS = 40
CPU = torch.device("cpu")
WEIGHTS = np.array([1.0, 2.0])


def make(n_members=2, batch_size=10, held_out=None, first=0, **settings):
    """A net over a regression task and one of two classes, with its batches and holdout."""
    draws = np.random.default_rng(0)
    X = draws.normal(size=(N_ROWS, 3))
    labels = np.column_stack([X @ [1.0, 2, 3], X[:, 0] > 0]).astype(float)
    weights = np.ones((N_ROWS, 2))
    _, groups = group_tasks([SquaredError(), LogLoss()], [1, 2])
    statistics = member_statistics(labels, weights, held_out, n_members, groups)
    trunk = MLP(3, [6], "tanh", 0.0, [torch.Generator().manual_seed(first + m) for m in range(n_members)])
    network = Network(trunk, torch.from_numpy(statistics.start)).double()
    objective = Objective(groups, statistics, WEIGHTS).double()
    rows = Rows(X, None, labels, weights, Standardizer(3).update(X, None, np.ones(N_ROWS)), torch.float64, CPU)
    variance = label_variance(labels, weights, groups)
    batches = Batches(rows, batch_size, held_out, n_members, torch.Generator().manual_seed(0), variance)
    holdout = None
    if held_out is not None:
        holdout = Holdout(rows, [np.flatnonzero(held_out == m) for m in range(n_members)], variance)
    settings = {
        "solver": "adamw",
        "alpha": 0.0,
        "schedule": "constant",
        "max_grad_norm": None,
        "task_history": History(["second", "first"], np.array([2.0, 1.0])),
        "task_order": np.array([1, 0]),
        "balancer": Uniform().start(n_members, 2, [2.0, 1.0]),
        "lr": 0.05,
        "max_epochs": 3,
        "verbose": 0,
        **settings,
    }
    return MultiTaskNet(network, objective, **settings).initialize(), batches, holdout


def test_the_loss_falls_and_is_recorded_for_skorch_and_per_task():
    net, batches, _ = make(max_epochs=15)
    net.partial_fit(batches)
    losses = net.task_history["train_loss"]
    assert losses.shape == (15, 2)
    assert (losses[-1] < 0.6 * losses[0]).all()
    np.testing.assert_allclose([row["train_loss"] for row in net.history], net.task_history.total("train_loss"))
    assert np.isnan(net.task_history["valid_loss"]).all()


def test_tasks_are_recorded_in_the_order_of_the_history():
    net, batches, _ = make(max_epochs=1, batch_size=N_ROWS, lr=1e-9)
    net.partial_fit(batches)
    # Before the first step, R² is 0 and accuracy the share of the larger class.
    share = max(batches.rows.labels[:, 1].mean().item(), 1 - batches.rows.labels[:, 1].mean().item())
    np.testing.assert_allclose(net.task_history["train_score"], [[share, 0]], atol=1e-6)


def test_a_step_is_the_gradient_of_the_weighted_loss():
    net, batches, _ = make(n_members=2, batch_size=N_ROWS, solver="sgd")
    (batch,) = batches
    before = copy.deepcopy(net.module_)
    net._steps = 0
    net._balanced = BalancedBackward(net.balancer, net.module_, net.criterion_, net.task_order)
    step = net.train_step(batch)
    outputs = before(batch.x)
    target = (batch.labels[:, 0] - net.criterion_.shift[:, 0, :1]) / net.criterion_.scale[:, 0, :1]
    squared = 0.5 * (outputs[..., 0] - target).square().mean(1)
    logistic = torch.nn.functional.binary_cross_entropy_with_logits(
        outputs[..., 1], batch.labels[:, 1].expand(2, -1), reduction="none"
    ).mean(1)
    losses = torch.stack([squared, logistic], 1) * net.criterion_.per_label
    torch.testing.assert_close(step["losses"], losses.detach())
    (losses @ torch.tensor([1.0, 2.0]).double()).sum().backward()
    for ours, theirs in zip(net.module_.parameters(), before.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_cosine_takes_every_step_at_its_own_rate():
    rates = []

    class Watch(Callback):
        def on_batch_end(self, net, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    net, batches, _ = make(schedule="cosine", callbacks=[Watch()], max_epochs=2)
    net.partial_fit(batches)
    np.testing.assert_allclose(rates, [0.05 * 0.5 * (1 + np.cos(np.pi * step / 8)) for step in range(8)])


def test_training_ends_when_every_member_has_stopped():
    held_out = np.arange(N_ROWS) % 5
    net, batches, holdout = make(held_out=held_out, max_epochs=60, lr=0.5)
    measured = []

    class Noted(Snapshots):
        def update(self, network, epoch, losses):
            measured.append(losses)
            super().update(network, epoch, losses)

    snapshots = Noted(net.module_, 2, WEIGHTS)
    net.partial_fit(batches, holdout, snapshots=snapshots)
    assert snapshots.stopped.all()
    assert len(net.history) == snapshots.last_epochs.max() < 60
    at_best = np.array(measured)[snapshots.best_epochs - 1, [0, 1]]
    np.testing.assert_allclose(holdout.evaluate(net.module_, net.criterion_).losses, at_best)


def test_diverging_training_names_the_epoch_and_the_task():
    net, batches, _ = make(lr=1e30, solver="sgd")
    with pytest.raises(
        ValueError, match=r"diverged in epoch 2: the loss of task 'first' is .* Lower learning_rate_init"
    ):
        net.partial_fit(batches)


def test_weights_that_are_lost_in_the_last_step_are_noticed():
    net, batches, _ = make(batch_size=N_ROWS, max_epochs=1, solver="sgd", lr=1e300)
    net.module_.head.weight.data.fill_(1e10)
    with pytest.raises(ValueError, match="diverged in epoch 1"):
        net.partial_fit(batches)


def test_a_diverged_member_goes_back_to_its_best_state_and_the_others_train_on():
    held_out = np.arange(N_ROWS) % 5
    net, batches, holdout = make(held_out=held_out, max_epochs=4)
    best = []

    class Spoil(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 2:
                with net._average.in_place():
                    best.append(net.module_.head.weight[0].detach().clone())
                net.module_.head.weight.data[0] = float("nan")

    net.callbacks_.append(("spoil", Spoil()))
    snapshots = Snapshots(net.module_, 10, WEIGHTS)
    net.partial_fit(batches, holdout, snapshots=snapshots)
    np.testing.assert_array_equal(net.diverged, [True, False])
    np.testing.assert_array_equal(snapshots.last_epochs, [2, 4])
    torch.testing.assert_close(net.module_.head.weight[0], best[0], rtol=0, atol=0)


@pytest.mark.parametrize("member", [0, 1, 2])
def test_a_member_among_others_is_the_same_network_alone_on_its_own_rows(member):
    held_out = np.random.default_rng(1).permutation(np.arange(N_ROWS) % 5)
    settings = {"batch_size": N_ROWS, "max_epochs": 20, "max_grad_norm": 0.5, "alpha": 0.1}
    together, batches, holdout = make(n_members=3, held_out=held_out, **settings)
    together.partial_fit(batches, holdout, snapshots=Snapshots(together.module_, 100, WEIGHTS))
    alone, batches, holdout = make(n_members=1, held_out=np.where(held_out == member, 0, 1), first=member, **settings)
    alone.partial_fit(batches, holdout, snapshots=Snapshots(alone.module_, 100, WEIGHTS))
    for ours, theirs in zip(together.module_.parameters(), alone.module_.parameters(), strict=True):
        torch.testing.assert_close(ours[member : member + 1], theirs, rtol=1e-9, atol=1e-9)


def test_a_step_on_the_meta_device_makes_no_tensor_elsewhere():
    net, batches, _ = make(max_grad_norm=1.0)
    net._balanced = BalancedBackward(net.balancer, net.module_, net.criterion_, net.task_order)
    (network, objective), (batch, *_) = (net.module_.to("meta"), net.criterion_.to("meta")), batches
    net.initialize_optimizer()
    net._steps = 0
    batch = Batch(batch.x.to("meta"), batch.labels.to("meta"), None, None)
    step = net.train_step(batch)
    assert {value.device.type for value in step.values()} == {"meta"}
    assert {p.grad.device.type for p in network.parameters()} == {"meta"}
    assert objective.share.device.type == "meta"


def test_a_copied_and_a_pickled_net_have_the_same_weights():
    net, batches, _ = make()
    net.partial_fit(batches)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        for ours, theirs in zip(net.module_.parameters(), twin.module_.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_a_holdout_loss_that_is_nan_once_does_not_hide_a_later_best(monkeypatch):
    net, batches, holdout = make(held_out=np.arange(N_ROWS) % 2, max_epochs=2, batch_size=N_ROWS)
    evaluate, results = holdout.evaluate, []

    def evaluate_nan_first(*arguments):
        results.append(evaluate(*arguments))
        if len(results) == 1:
            results[0].losses.fill_(np.nan)
        return results[-1]

    monkeypatch.setattr(holdout, "evaluate", evaluate_nan_first)
    net.partial_fit(batches, holdout)
    assert [row["valid_loss_best"] for row in net.history] == [False, True]


def test_what_a_step_did_is_measured_on_the_same_mixed_rows(monkeypatch):
    net, batches, _ = make(lr=1e-12, balancer=FAMO().start(2, 2, [2.0, 1.0]), max_epochs=1)
    inputs = batches.rows.standardizer.inputs(torch.float64, CPU)
    distances = LabelDistances(net.criterion_.groups, np.ones(2))
    batches.augmenter = Augmenter([Mixup(5.0), GaussianNoise(1.0)], inputs, distances, [0])
    pairs = []
    monkeypatch.setattr(BalancedBackward, "follow_up", lambda _, before, after: pairs.append((before, after)))
    net.partial_fit(batches)
    assert len(pairs) == len(batches)
    for before, after in pairs:
        torch.testing.assert_close(before.losses, after.losses, rtol=1e-6, atol=1e-9)


def test_the_training_score_of_mixed_rows_counts_the_labels_of_both_sides():
    net, batches, _ = make(max_epochs=1, batch_size=N_ROWS, lr=1e-12)
    net.partial_fit(batches)
    mixed, mixed_batches, _ = make(max_epochs=1, batch_size=N_ROWS, lr=1e-12)
    inputs = mixed_batches.rows.standardizer.inputs(torch.float64, CPU)
    mixed_batches.augmenter = Augmenter([Mixup()], inputs, LabelDistances(net.criterion_.groups, np.ones(2)), [0])
    mixed.partial_fit(mixed_batches)
    # An untrained network predicts the same for all rows, so that all labels are missed as they are without mixing.
    np.testing.assert_allclose(mixed.task_history["train_score"], net.task_history["train_score"], atol=1e-9)
    np.testing.assert_allclose(mixed.task_history["train_loss"], net.task_history["train_loss"], atol=1e-9)
