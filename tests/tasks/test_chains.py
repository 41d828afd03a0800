"""Tasks in chains: which they are, where they start, and which of their labels follow from others."""

import copy
import pickle

import numpy as np
import pytest
import torch
from scipy.special import expit, logit

from skmtl.losses import Focal, LogLoss
from skmtl.nn import Links, chained_logits
from skmtl.tasks import (
    ClassificationTargets,
    EntireSpaceChain,
    Objective,
    TaskStructure,
    check_chain_weights,
    check_chains,
    group_tasks,
    member_statistics,
    settle_chains,
    split_columns,
    with_chains,
)
from skmtl.tasks._chains import chain_start

NAN = np.nan
NAMES = ["click", "cart", "conversion"]
PLAIN = TaskStructure.of_columns(NAMES, "classification")
CHAINED = with_chains(PLAIN, EntireSpaceChain(*NAMES))


def settled(y, sample_weight=None, names=NAMES):
    y = np.asarray(y, dtype=float)
    structure = with_chains(TaskStructure.of_columns(names, "classification"), EntireSpaceChain(*names))
    targets = ClassificationTargets(names, [LogLoss()] * len(names), [np.array([0.0, 1.0])] * len(names))
    columns = split_columns(y)
    weights = np.where(np.isnan(y), 0.0, 1.0 if sample_weight is None else np.asarray(sample_weight)[:, None])
    columns, weights = settle_chains(structure, targets, columns, weights)
    return targets.numbers(columns), weights


# What a chain is -----------------------------------------------------------------------------------------------------


def test_chains_are_values():
    chain = EntireSpaceChain("click", 2)
    assert repr(chain) == "EntireSpaceChain('click', 2)"
    assert chain == EntireSpaceChain("click", 2) != EntireSpaceChain(2, "click")
    assert {chain, copy.deepcopy(chain), pickle.loads(pickle.dumps(chain))} == {chain}


@pytest.mark.parametrize("tasks", [(), ("a", "a"), (1.5,), (True, "a"), (["a", "b"],)])
def test_chains_of_anything_else_are_refused(tasks):
    with pytest.raises(ValueError, match="A chain holds"):
        EntireSpaceChain(*tasks)


def test_names_and_positions_mean_the_same_columns():
    assert with_chains(PLAIN, EntireSpaceChain("conversion", "click")).chains == ((2, 0),)
    assert with_chains(PLAIN, [EntireSpaceChain(-1, 0)]).chains == ((2, 0),)
    assert with_chains(PLAIN, None).chains == with_chains(PLAIN, EntireSpaceChain("cart")).chains == ()


@pytest.mark.parametrize(
    "chains, message",
    [
        (EntireSpaceChain("clik", "cart"), "unknown task 'clik'.*'click'"),
        (EntireSpaceChain(0, 3), "the column 3, but y has 3 columns"),
        ([EntireSpaceChain(0, 1), EntireSpaceChain("cart", 2)], "the task 'cart' into a chain twice, or into two"),
        (EntireSpaceChain("click", 0), "the task 'click' into a chain twice"),
        (["click", "cart"], "a list of chains.*got 'click'"),
    ],
)
def test_chains_that_do_not_fit_the_columns_are_refused(chains, message):
    with pytest.raises(ValueError, match=message):
        with_chains(PLAIN, chains)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"classes": [0, 1, 2]}, r"task 'cart' has 3: \[0, 1, 2\]"),
        ({"classes": [0]}, r"task 'cart' has 1: \[0\]"),
        ({"loss": Focal()}, "'log_loss'.*task 'cart' is Focal"),
        ({"loss": LogLoss(label_smoothing=0.1)}, "task 'cart' is LogLoss"),
        ({"weight": 0.0}, "Task 'cart' has task weight 0"),
    ],
)
def test_tasks_that_cannot_be_steps_are_refused_by_name(change, message):
    classes = [np.array([0, 1]), np.array(change.get("classes", [0, 1])), np.array(["no", "yes"])]
    losses = [LogLoss(), change.get("loss", LogLoss()), LogLoss()]
    weights = np.array([1.0, change.get("weight", 2.0), 1.0])
    with pytest.raises(ValueError, match=message):
        check_chains(CHAINED, ClassificationTargets(NAMES, losses, classes), weights)
    check_chains(PLAIN, ClassificationTargets(NAMES, losses, classes), weights)


def test_class_weights_of_steps_are_refused():
    structure = with_chains(PLAIN, EntireSpaceChain("click", "conversion"))
    check_chain_weights(structure, np.array([[1, 1], [1, 9], [1, 1]]))
    check_chain_weights(structure, None)
    with pytest.raises(ValueError, match=r"task 'conversion' the weights \[1, 2\].*by task without 'conversion'"):
        check_chain_weights(structure, np.array([[1, 1], [1, 9], [1, 2]]))


# Where it stands and starts ------------------------------------------------------------------------------------------


def test_the_steps_of_a_chain_are_a_group_in_their_order():
    order, groups = group_tasks([LogLoss()] * 5, [2] * 5, [(4, 0), (1, 3)])
    assert order.tolist() == [4, 0, 1, 3, 2]
    assert [(group.tasks, group.chained) for group in groups] == [
        (slice(0, 2), True),
        (slice(2, 4), True),
        (slice(4, 5), False),
    ]


def test_a_chain_starts_at_the_shares_of_its_steps_among_the_rows_that_a_member_trains_on():
    labels = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 1, 1], [1, 1, 0], [0, 0, 0.0]])
    held_out = np.array([0, 2, 2, 2, 1, 1])
    _, groups = group_tasks([LogLoss()] * 3, [2] * 3, [(0, 1, 2)])
    start = member_statistics(labels, np.ones((6, 3)), held_out, 2, groups).start
    found = chained_logits(torch.from_numpy(start)).sigmoid().numpy()
    for member in range(2):
        np.testing.assert_allclose(found[member], labels[held_out != member].mean(0), rtol=1e-12)


def test_starts_undo_chains():
    probabilities = np.array([0.7, 0.2, 0.19, 1e-6])
    raw = chain_start(logit(probabilities), np.ones(4, dtype=bool))
    np.testing.assert_allclose(expit(raw).cumprod(), probabilities, rtol=1e-9)


def test_steps_that_are_likelier_than_the_one_before_start_at_nearly_its_probability():
    raw = chain_start(logit(np.array([0.2, 0.6, 0.1])), np.ones(3, dtype=bool))
    np.testing.assert_allclose(expit(raw).cumprod(), [0.2, 0.2 * 0.999, 0.1], rtol=1e-5)


def test_steps_without_labels_start_at_half_of_the_one_before():
    raw = chain_start(logit(np.array([0.2, 0.5, 0.05])), np.array([True, False, True]))
    np.testing.assert_allclose(expit(raw).cumprod(), [0.2, 0.1, 0.05])


# What it is trained for ---------------------------------------------------------------------------------------------


def problem(n_rows=7):
    rng = np.random.default_rng(0)
    labels = np.sort(rng.integers(0, 2, (n_rows, 3)), axis=1)[:, ::-1].astype(float)
    weights = rng.integers(0, 3, (n_rows, 3)).astype(float)
    _, groups = group_tasks([LogLoss()] * 3, [2] * 3, [(0, 1, 2)])
    statistics = member_statistics(labels, weights, None, 2, groups)
    objective = Objective(groups, statistics, np.array([1.0, 2.0, 0.5])).double()
    raw = torch.from_numpy(rng.normal(size=(2, n_rows, 3)) * 2)
    return objective, raw, torch.from_numpy(labels), torch.from_numpy(weights)


def measured(objective, raw, labels, weights):
    links = Links(raw, [slice(0, 3)], torch.arange(3), 3)
    result = objective(links.outputs, labels, weights, None)
    return result.losses, links.combined(result.derivative(objective.task_weights))


def test_the_derivative_of_the_total_equals_finite_differences():
    objective, raw, labels, weights = problem()
    derivative, step = measured(objective, raw, labels, weights)[1], 1e-6
    differences = torch.zeros_like(raw)
    for index in np.ndindex(*raw.shape):
        totals = []
        for shift in (step, -step):
            moved = raw.clone()
            moved[index] += shift
            totals.append(float(measured(objective, moved, labels, weights)[0][index[0]] @ objective.task_weights))
        differences[index] = (totals[0] - totals[1]) / (2 * step)
    torch.testing.assert_close(derivative, differences, rtol=1e-6, atol=1e-8)


def test_losses_are_those_of_products_of_probabilities_over_all_rows():
    objective, raw, labels, weights = problem()
    losses, _ = measured(objective, raw, labels, weights)
    p = raw.sigmoid().cumprod(-1)
    each = -(labels * p.log() + (1 - labels) * (1 - p).log())  # (M, B, T)
    torch.testing.assert_close(losses, (each * weights * objective.share.unsqueeze(1)).mean(1))


def test_a_missing_label_masks_its_own_step_only():
    objective, raw, labels, weights = problem()
    weights[:] = 1
    whole, _ = measured(objective, raw, labels, weights)
    weights[2, 1] = 0
    losses, derivative = measured(objective, raw, labels, weights)
    assert (losses == whole).tolist() == [[True, False, True]] * 2
    weights[2, 2] = 0  # the last step's output moves by its own label alone, the first one's by all
    without = measured(objective, raw, labels, weights)[1]
    assert (without[:, 2, 2] == 0).all()
    assert (derivative[:, 2, 2] != 0).all()
    assert (without[:, 2, 0] != 0).all()


# Labels that follow from others --------------------------------------------------------------------------------------


def test_what_comes_after_a_step_that_has_not_happened_has_not_either():
    numbers, weights = settled([[0, NAN, NAN], [1, 0, NAN], [1, 1, 0], [1, 1, 1]])
    assert numbers.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert (weights == 1).all()


def test_labels_that_are_there_stay_as_they_are():
    y = [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    numbers, weights = settled(y)
    assert numbers.tolist() == y
    assert (weights == 1).all()


def test_a_label_that_is_missing_after_a_step_that_has_happened_masks_its_own_task_only():
    numbers, weights = settled([[1, 1, NAN], [1, NAN, 1], [NAN, 1, 0], [1, 1, 1]])
    assert weights.tolist() == [[1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1]]
    assert np.isnan(numbers[weights == 0]).all()


def test_labels_missing_everywhere_alike_do_not_follow():
    clicks = np.repeat([0.0, 1.0], 50)
    numbers, weights = settled(np.column_stack([clicks, np.tile([0.0, NAN], 50)]), names=["a", "b"])
    assert weights.sum(0).tolist() == [100, 50]
    assert np.isnan(numbers).sum() == 50


@pytest.mark.parametrize("shown, shown_stopped", [(0.8, 0.0), (0.8, 0.4), (1.0, 0.5)])
def test_rows_with_and_without_the_step_before_are_represented_alike(shown, shown_stopped):
    rng = np.random.default_rng(0)
    clicks = np.repeat([0.0, 1.0], [600, 200])
    conversions = np.where(rng.random(800) < 0.4, clicks, 0.0)
    conversions[rng.random(800) > np.where(clicks == 1, shown, shown_stopped)] = NAN
    numbers, weights = settled(np.column_stack([clicks, conversions]), rng.integers(1, 4, 800), ["a", "b"])
    counted = [weights[clicks == k, 1].sum() / weights[clicks == k, 0].sum() for k in (0, 1)]
    assert counted[0] == pytest.approx(counted[1])
    assert (numbers[(clicks == 0) & (weights[:, 1] > 0), 1] == 0).all()


def test_repeated_rows_count_as_weights_do():
    y = np.array([[0, NAN], [1, NAN], [1, 1], [0, 0]])
    repeats = np.array([3, 1, 2, 1])
    numbers, weights = settled(y, repeats, ["a", "b"])
    again, unit = settled(np.repeat(y, repeats, axis=0), None, ["a", "b"])
    np.testing.assert_allclose(np.repeat(weights / repeats[:, None], repeats, axis=0), unit)
    np.testing.assert_array_equal(np.repeat(numbers, repeats, axis=0), again)


def test_labels_keep_their_kind():
    targets = ClassificationTargets(["a", "b"], [LogLoss()] * 2, [np.array(["no", "yes"])] * 2)
    structure = with_chains(TaskStructure.of_columns(["a", "b"], "classification"), EntireSpaceChain(0, 1))
    columns = split_columns([["no", None], ["yes", "yes"], ["yes", "no"]])
    weights = np.array([[1, 0], [1, 1], [1, 1.0]])
    filled, _ = settle_chains(structure, targets, columns, weights)
    assert targets.numbers(filled).tolist() == [[0, 0], [1, 1], [1, 0]]
    assert columns.missing[1].tolist() == [True, False, False], "the caller's labels are not touched"


def test_steps_without_the_one_before_are_refused_and_their_rows_named():
    y = np.zeros((40, 3))
    y[[3, 17], 2], y[5:12, 1] = 1, 1
    y[3:12, 0], y[17, 1] = 1, NAN
    with pytest.raises(ValueError, match=r"'conversion' happens only where 'click'.* 1 of 40 rows of y .*rows 17\."):
        settled(y)
