"""The rows that members do not train on."""

import copy

import numpy as np
import pytest
import torch

from skmtl.features import Standardizer
from skmtl.losses import LogLoss, SquaredError
from skmtl.nn import MLP, Network
from skmtl.tasks import Objective, group_tasks, label_variance, member_statistics
from skmtl.training import Holdout, Rows
from skmtl.training import _holdout as module

N_ROWS, N_MEMBERS = 23, 3


@pytest.fixture
def parts():
    """A network of three members over a regression task and one of two classes, all rows dealt into five folds."""
    draws = np.random.default_rng(0)
    X = draws.normal(size=(N_ROWS, 4))
    labels = np.column_stack([draws.normal(size=N_ROWS), draws.integers(0, 2, size=N_ROWS)]).astype(float)
    weights = draws.integers(0, 3, size=(N_ROWS, 2)).astype(float)
    held_out = draws.permutation(np.arange(N_ROWS) % 5)
    order, groups = group_tasks([SquaredError(), LogLoss()], [1, 2])
    assert order.tolist() == [0, 1]
    statistics = member_statistics(labels, weights, held_out, N_MEMBERS, groups)
    trunk = MLP(4, [6], "tanh", 0.0, [torch.Generator().manual_seed(m) for m in range(N_MEMBERS)])
    network = Network(trunk, torch.from_numpy(statistics.start)).double()
    torch.nn.init.normal_(network.head.weight, generator=torch.Generator().manual_seed(9))
    objective = Objective(groups, statistics, np.array([1.0, 2.0])).double()
    standardizer = Standardizer(4).update(X, None, np.ones(N_ROWS))
    rows = Rows(X, None, labels, weights, standardizer, torch.float64, torch.device("cpu"))
    return rows, network, objective, held_out, labels, weights


def make_holdout(rows, places, labels, weights, groups):
    chosen = np.concatenate(places)
    return Holdout(rows, places, label_variance(labels[chosen], weights[chosen], groups))


def test_each_member_is_measured_on_its_own_holdout(parts):
    rows, network, objective, held_out, labels, weights = parts
    places = [np.flatnonzero(held_out == m) for m in range(N_MEMBERS)]
    result = make_holdout(rows, places, labels, weights, objective.groups).evaluate(network, objective)
    for member, own in enumerate(places):
        outputs = network(rows.features(torch.from_numpy(own)))[member].detach().numpy()
        target = (labels[own, 0] - objective.shift[member, 0, 0].item()) / objective.scale[member, 0, 0].item()
        squared = np.average(0.5 * (outputs[:, 0] - target) ** 2, weights=weights[own, 0])
        logistic = np.average(np.logaddexp(0, (1 - 2 * labels[own, 1]) * outputs[:, 1]), weights=weights[own, 1])
        expected = np.array([squared, logistic]) * objective.per_label[member].numpy()
        np.testing.assert_allclose(result.losses[member], expected, rtol=1e-10)


def test_scores_are_over_the_holdouts_of_all_members_together(parts):
    rows, network, objective, held_out, labels, weights = parts
    places = [np.flatnonzero(held_out == m) for m in range(N_MEMBERS)]
    holdout = make_holdout(rows, places, labels, weights, objective.groups)
    value, probabilities = holdout.predictions(network, objective)
    chosen = np.concatenate(places)
    truth, weight = labels[chosen], weights[chosen]
    mean = np.average(truth[:, 0], weights=weight[:, 0])
    r2 = 1 - (weight[:, 0] @ (value[chosen, 0] - truth[:, 0]) ** 2) / (weight[:, 0] @ (truth[:, 0] - mean) ** 2)
    accuracy = np.average(probabilities[chosen, 0].argmax(1) == truth[:, 1], weights=weight[:, 1])
    np.testing.assert_allclose(holdout.evaluate(network, objective).scores, [r2, accuracy], rtol=1e-10)


def test_a_row_is_predicted_by_the_member_that_held_it_out_and_else_by_none(parts):
    rows, network, objective, held_out, labels, weights = parts
    places = [np.flatnonzero(held_out == m) for m in range(N_MEMBERS)]
    value, probabilities = make_holdout(rows, places, labels, weights, objective.groups).predictions(network, objective)
    assert np.isnan(value[held_out >= N_MEMBERS]).all()
    assert np.isnan(probabilities[held_out >= N_MEMBERS]).all()
    everywhere = objective.predictions(network(rows.features(torch.arange(N_ROWS))).detach())
    for member, own in enumerate(places):
        np.testing.assert_allclose(value[own], everywhere[0][member, own], rtol=1e-10)
        np.testing.assert_allclose(probabilities[own], everywhere[1][member, own], rtol=1e-10)


def test_a_shared_holdout_measures_every_member_on_the_same_rows(parts):
    rows, network, objective, _, labels, weights = parts
    own = np.arange(4, 15)
    shared = make_holdout(rows, [own], labels, weights, objective.groups)
    repeated = make_holdout(rows, [own] * N_MEMBERS, labels, weights, objective.groups)
    assert len(shared) == 11
    for ours, theirs in zip(
        vars(shared.evaluate(network, objective)).values(),
        vars(repeated.evaluate(network, objective)).values(),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_the_result_does_not_depend_on_chunks(parts, monkeypatch):
    rows, network, objective, _, labels, weights = parts
    places = np.split(np.random.default_rng(3).permutation(N_ROWS), [13, 21])
    holdout = make_holdout(rows, places, labels, weights, objective.groups)
    whole, predictions = holdout.evaluate(network, objective), holdout.predictions(network, objective)
    monkeypatch.setattr(module, "CHUNK_VALUES", 1)
    assert len(list(holdout.outputs(network))) > 1
    torch.testing.assert_close(holdout.evaluate(network, objective).losses, whole.losses)
    for ours, theirs in zip(holdout.predictions(network, objective), predictions, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_a_task_without_holdout_labels_has_no_loss(parts):
    rows, network, objective, _, labels, weights = parts
    unlabelled = np.flatnonzero(weights[:, 0] == 0)
    result = make_holdout(rows, [unlabelled], labels, weights, objective.groups).evaluate(network, objective)
    assert torch.isnan(result.losses[:, 0]).all()
    assert torch.isfinite(result.losses[:, 1]).all()


def test_a_member_that_knows_no_label_of_a_task_does_not_predict_it(parts):
    rows, network, objective, held_out, labels, weights = parts
    objective.has_labels[1, 0] = False
    places = [np.flatnonzero(held_out == m) for m in range(N_MEMBERS)]
    value, probabilities = make_holdout(rows, places, labels, weights, objective.groups).predictions(network, objective)
    assert np.isnan(value[places[1]]).all()
    assert np.isfinite(probabilities[places[1]]).all()
    assert np.isfinite(value[places[0]]).all()


def test_a_task_that_is_predicted_worse_than_its_constant_keeps_the_best_share_of_what_is_said_of_it(parts):
    rows, network, objective, held_out, labels, weights = parts
    places = [np.flatnonzero(held_out == m) for m in range(N_MEMBERS)]
    holdout = make_holdout(rows, places, labels, weights, objective.groups)
    start = network.head.bias[:, 0].detach().clone()
    with torch.no_grad():
        network.head.bias.add_(0.3)  # training moves both
    shares = holdout.useful_shares(network, objective, start)
    options = (0.1, 0.25, 0.5, 0.75, 1.0)
    found = []
    for share in (0.0, *options):
        part = copy.deepcopy(network)
        part.shrink_outputs(torch.full((2,), share, dtype=torch.float64), start)
        losses = holdout.evaluate(part, objective).losses
        counts = torch.stack([holdout.weights[m].sum(0) for m in range(N_MEMBERS)])
        found.append((losses * counts).sum(0))
    found = torch.stack(found)
    assert (found[-1] > found[0]).all(), "both tasks are predicted worse than by constants"
    assert shares.tolist() == [options[place] for place in found[1:].argmin(0)]


def test_a_task_that_is_predicted_better_than_its_constant_keeps_all(parts):
    rows, network, objective, held_out, labels, weights = parts
    places = [np.flatnonzero(held_out == m) for m in range(N_MEMBERS)]
    holdout = make_holdout(rows, places, labels, weights, objective.groups)
    start = network.head.bias[:, 0].detach().clone()
    with torch.no_grad():  # a step down the holdouts' own loss: better there, if far from good
        network.head.weight.zero_()
    network.head.bias.requires_grad_(True)
    holdout.evaluate.__wrapped__(holdout, network, objective).losses.sum().backward()
    with torch.no_grad():
        network.head.bias -= 0.05 * network.head.bias.grad
    assert holdout.useful_shares(network, objective, start).tolist() == [1, 1]


def test_a_task_without_holdout_labels_keeps_all(parts):
    rows, network, objective, held_out, labels, weights = parts
    places = [np.flatnonzero(held_out == m) for m in range(N_MEMBERS)]
    holdout = make_holdout(rows, places, labels, weights, objective.groups)
    holdout.weights[..., 1] = 0
    assert holdout.useful_shares(network, objective, network.head.bias[:, 0].detach())[1] == 1


def test_the_steps_of_a_chain_are_drawn_back_together_and_measured_as_they_will_be():
    draws = np.random.default_rng(0)
    X, labels = draws.normal(size=(40, 4)), np.array([[0, 0], [1, 0], [1, 1], [0, 0.0]] * 10)
    _, groups = group_tasks([LogLoss()] * 2, [2] * 2, [(0, 1)])
    statistics = member_statistics(labels, np.ones((40, 2)), None, 2, groups)
    trunk = MLP(4, [6], "tanh", 0.0, [torch.Generator().manual_seed(m) for m in range(2)])
    network = Network(trunk, torch.from_numpy(statistics.start), chains=[slice(0, 2)]).double()
    start = network.head.bias[:, 0].detach().clone()
    with torch.no_grad():  # the click is said better than before, the conversion much worse
        network.head.bias[..., 1] += 3.0
    objective = Objective(groups, statistics, np.array([1.0, 3.0])).double()
    rows = Rows(
        X,
        None,
        labels,
        np.ones((40, 2)),
        Standardizer(4).update(X, None, np.ones(40)),
        torch.float64,
        torch.device("cpu"),
    )
    holdout = make_holdout(rows, [np.arange(40)], labels, np.ones((40, 2)), groups)
    shares = holdout.useful_shares(network, objective, start)
    found = []
    for share in (0.1, 0.25, 0.5, 0.75, 1.0):
        part = copy.deepcopy(network)
        part.shrink_outputs(torch.full((2,), share, dtype=torch.float64), start)
        found.append((holdout.evaluate(part, objective).losses.sum(0) @ objective.task_weights).item())
    assert shares.tolist() == [(0.1, 0.25, 0.5, 0.75, 1.0)[int(np.argmin(found))]] * 2
    assert shares[0] < 1
