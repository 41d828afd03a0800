from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skmtl.losses import AbsoluteError, Gamma, Huber, LogLoss, Poisson, SquaredError
from skmtl.tasks import MixedMeasured, Objective, group_tasks, label_variance, member_statistics

MIXED = [
    (LogLoss(), 3),
    (SquaredError(), 1),
    (LogLoss(), 2),
    (Poisson(), 1),
    (LogLoss(), 5),
    (AbsoluteError(), 1),
    (Gamma(), 1),
    (SquaredError(), 1),
    (Huber(), 1),
    (LogLoss(), 3),
]
SEEDS = st.integers(0, 2**32 - 1)
KINDS = st.lists(st.sampled_from(MIXED), min_size=1, max_size=8)


class Problem:
    """Labels in engine order, weights, holdouts, statistics and the objective over them, all in float64."""

    def __init__(self, kinds=MIXED, seed=0, n_rows=24, n_members=3, holdouts=True, hidden=0.3):
        rng = np.random.default_rng(seed)
        self.order, self.groups = group_tasks(*zip(*kinds, strict=True))
        self.n_members, self.n_tasks = n_members, len(kinds)
        columns = []
        for loss, n_classes in [kinds[task] for task in self.order]:
            if loss == LogLoss():
                columns.append(rng.integers(n_classes, size=n_rows).astype(float))
            elif loss.scaling == "mean":
                columns.append(rng.poisson(2.0, n_rows) + 1.0)
            else:
                columns.append(rng.normal(0.3, 2.0, n_rows))
        self.labels = np.stack(columns, axis=1)
        self.weights = np.where(rng.random(self.labels.shape) < hidden, 0.0, rng.integers(1, 4, self.labels.shape))
        self.weights[: n_members + 1] = 1
        self.held_out = None
        if holdouts:
            self.held_out = rng.integers(n_members + 2, size=n_rows)
            self.held_out[: n_members + 1] = np.arange(n_members + 1)
        self.task_weights = rng.uniform(0.1, 3, self.n_tasks)
        self.outputs = torch.from_numpy(rng.normal(size=(n_members, n_rows, self.groups[-1].outputs.stop)))

    def objective(self, class_weights=None, **changed):
        fields = {"labels": self.labels, "weights": self.weights, "held_out": self.held_out} | changed
        statistics = member_statistics(
            fields["labels"], fields["weights"], fields["held_out"], self.n_members, self.groups
        )
        return Objective(self.groups, statistics, self.task_weights, class_weights)

    def rows(self, held_out=None):
        held_out = self.held_out if held_out is None else held_out
        if held_out is None:
            return None
        return torch.from_numpy((held_out != np.arange(self.n_members)[:, None]).astype(float))

    def run(self, objective=None, outputs=None, labels=None, weights=None, rows=None):
        objective = self.objective() if objective is None else objective
        return losses_and_derivative(
            objective,
            self.outputs if outputs is None else outputs,
            torch.from_numpy(self.labels if labels is None else labels),
            torch.from_numpy(self.weights if weights is None else weights),
            self.rows() if rows is None else rows,
        )

    def kinds_in_order(self):
        """Yield loss, width, task and outputs of every task in engine order."""
        for group in self.groups:
            for position, task in enumerate(range(group.tasks.start, group.tasks.stop)):
                first = group.outputs.start + position * group.width
                yield group.loss, group.width, task, slice(first, first + group.width)


def losses_and_derivative(objective, *batch):
    measured = objective(*batch)
    return measured.losses, measured.derivative(objective.task_weights)


def loss_of_one_task(problem, loss, width, task, place, member):
    """The formula of the design, for one task and member alone, from its own rows and labels."""
    trains = np.ones(len(problem.labels), bool) if problem.held_out is None else problem.held_out != member
    weights = problem.weights[trains, task]
    present = weights > 0
    labels, weight = problem.labels[trains, task][present], weights[present]
    outputs = problem.outputs[member, torch.from_numpy(trains)][torch.from_numpy(present)][:, place]
    mean = np.average(labels, weights=weight)
    if loss.scaling == "standard":
        labels = (labels - mean) / np.sqrt(np.average((labels - mean) ** 2, weights=weight))
    elif loss.scaling == "mean":
        labels = labels / mean
    targets = torch.from_numpy(labels)[None, :, None]
    block = outputs[None, :, None, :] if width > 1 else outputs[None]
    each = loss.loss_and_derivative(block, targets)[0].ravel().numpy()
    return (weight @ each) / weight.sum() / max(loss.constant_loss(labels, weight), 0.1)


@settings(max_examples=30, deadline=None)
@given(kinds=KINDS, seed=SEEDS, n_members=st.integers(1, 3), holdouts=st.booleans())
def test_losses_of_all_tasks_and_members_equal_those_of_each_alone(kinds, seed, n_members, holdouts):
    problem = Problem(kinds, seed, n_members=n_members, holdouts=holdouts)
    losses, derivative = problem.run()
    assert losses.shape == (n_members, len(kinds))
    assert derivative.shape == problem.outputs.shape
    for loss, width, task, place in problem.kinds_in_order():
        for member in range(n_members):
            # Sums in another order; Huber's constant by root finding.
            expected = loss_of_one_task(problem, loss, width, task, place, member)
            assert losses[member, task].item() == pytest.approx(expected, rel=1e-10)


@settings(max_examples=30, deadline=None)
@given(kinds=KINDS, seed=SEEDS, holdouts=st.booleans(), class_weighted=st.booleans())
def test_derivative_of_the_total_equals_finite_differences(kinds, seed, holdouts, class_weighted):
    problem = Problem(kinds, seed, n_rows=8, n_members=2, holdouts=holdouts)
    table = np.random.default_rng(seed).uniform(0.2, 2, (problem.n_tasks, 5)) if class_weighted else None
    objective = problem.objective(class_weights=table)
    _, derivative = problem.run(objective)
    step = 1e-6
    differences = torch.zeros_like(problem.outputs)
    for index in np.ndindex(*problem.outputs.shape):
        totals = []
        for shift in (step, -step):
            outputs = problem.outputs.clone()
            outputs[index] += shift
            losses, _ = problem.run(objective, outputs)
            totals.append(float(losses[index[0]] @ objective.task_weights))
        differences[index] = (totals[0] - totals[1]) / (2 * step)
    # Central differences of totals near 100: rounding / step is 1e-8; a kink within the step has probability 1e-5.
    torch.testing.assert_close(derivative, differences, rtol=1e-6, atol=1e-7)


@settings(max_examples=30, deadline=None)
@given(kinds=KINDS, seed=SEEDS)
def test_integer_weights_equal_repeated_rows(kinds, seed):
    problem = Problem(kinds, seed)
    losses, derivative = problem.run()
    # Each row as often as its largest weight; cells of smaller weight are hidden in the last copies.
    times = problem.weights.max(axis=1).astype(int)
    copies = np.concatenate([np.arange(n) for n in times])[:, None]
    index = np.repeat(np.arange(len(times)), times)
    labels, held_out = problem.labels[index], problem.held_out[index]
    weights = (copies < problem.weights[index]).astype(float)
    other = problem.objective(labels=labels, weights=weights, held_out=held_out)
    repeated, each = problem.run(other, problem.outputs[:, index], labels, weights, problem.rows(held_out))
    summed = torch.zeros_like(derivative).index_add_(1, torch.from_numpy(index), each)
    # Sums of some dozen terms in another order; Huber's constant by root finding to 2e-12.
    tolerance = 1e-10 if any(loss == Huber() for loss, _ in kinds) else 1e-12
    torch.testing.assert_close(losses, repeated, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(derivative, summed, rtol=tolerance, atol=tolerance)


@settings(max_examples=30, deadline=None)
@given(kinds=KINDS, seed=SEEDS, data=st.data())
def test_what_stands_in_hidden_cells_never_matters(kinds, seed, data):
    problem = Problem(kinds, seed)
    hidden = problem.weights == 0
    filled = problem.labels.copy()
    for loss, width, task, _ in problem.kinds_in_order():
        if loss == LogLoss():
            value = data.draw(st.integers(0, max(width, 2) - 1))
        else:
            value = data.draw(st.sampled_from([1.0, 1e-30, 1e30] if loss.scaling == "mean" else [0.0, -1e30, 1e30]))
        filled[hidden[:, task], task] = value
    table = np.random.default_rng(seed).uniform(0.2, 2, (problem.n_tasks, 5))
    one, other = problem.objective(table), problem.objective(table, labels=filled)
    for before, after in zip(problem.run(one), problem.run(other, labels=filled), strict=True):
        assert torch.equal(before, after)  # not a bit
    weights = torch.from_numpy(problem.weights)
    for before, after in zip(
        one.holdout_losses(problem.outputs, torch.from_numpy(problem.labels)[None], weights[None]),
        other.holdout_losses(problem.outputs, torch.from_numpy(filled)[None], weights[None]),
        strict=True,
    ):
        assert torch.equal(before, after)


def test_mini_batches_estimate_the_loss_and_its_derivative_without_bias():
    problem = Problem(n_rows=7, n_members=2, holdouts=False)
    objective = problem.objective()
    losses, derivative = problem.run(objective)
    batches = list(combinations(range(7), 3))
    mean_losses, mean_derivative = torch.zeros_like(losses), torch.zeros_like(derivative)
    for batch in batches:
        rows = list(batch)
        part, slope = problem.run(objective, problem.outputs[:, rows], problem.labels[rows], problem.weights[rows])
        mean_losses += part / len(batches)
        mean_derivative[:, rows] += slope / len(batches)
    # 35 sums in another order.
    torch.testing.assert_close(mean_losses, losses, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(mean_derivative, derivative, rtol=1e-12, atol=1e-12)


def test_mini_batches_are_unbiased_with_holdouts_too():
    problem = Problem(n_rows=7, n_members=2)
    problem.held_out = np.array([0, 1, 2, 2, 2, 0, 2])  # each batch of three has a row for every member
    objective = problem.objective()
    losses, _ = problem.run(objective)
    batches = [list(batch) for batch in combinations(range(7), 3)]
    parts = [
        problem.run(
            objective,
            problem.outputs[:, rows],
            problem.labels[rows],
            problem.weights[rows],
            problem.rows(problem.held_out[rows]),
        )[0]
        for rows in batches
    ]
    # 35 sums in another order.
    torch.testing.assert_close(torch.stack(parts).mean(0), losses, rtol=1e-12, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(kinds=KINDS, seed=SEEDS, holdouts=st.booleans())
def test_every_task_starts_at_one_with_its_best_constant(kinds, seed, holdouts):
    problem = Problem(kinds, seed, holdouts=holdouts)
    statistics = member_statistics(problem.labels, problem.weights, problem.held_out, problem.n_members, problem.groups)
    start = torch.from_numpy(statistics.start)[:, None].expand(-1, len(problem.labels), -1)
    losses, derivative = problem.run(outputs=start)
    for loss, width, task, place in problem.kinds_in_order():
        for member in range(problem.n_members):
            labels = problem.labels[
                (problem.weights[:, task] > 0) & (problem.held_out is None or problem.held_out != member),
                task,
            ]
            all_classes = loss != LogLoss() or len(np.unique(labels)) == max(width, 2)
            if statistics.constant_loss[member, task] == 0.1 or not all_classes:
                continue
            if loss.name in ("absolute_error", "huber"):  # they start at the mean, which is not their best constant
                assert losses[member, task] >= 1 - 1e-12
                continue
            # A weighted mean of some dozen terms in another order; and the best constant has no slope.
            assert losses[member, task].item() == pytest.approx(1, rel=1e-12)
            np.testing.assert_allclose(derivative[member, :, place].sum(0), 0, atol=1e-12)


def test_a_nearly_constant_task_is_scaled_up_tenfold_at_most():
    _, groups = group_tasks([LogLoss()], [2])
    labels = np.zeros((1000, 1))
    labels[0] = 1
    statistics = member_statistics(labels, np.ones_like(labels), None, 1, groups)
    objective = Objective(groups, statistics, np.ones(1))
    losses, _ = losses_and_derivative(
        objective, torch.zeros(1, 1000, 1, dtype=torch.float64), torch.from_numpy(labels), None, None
    )
    assert losses.item() == pytest.approx(10 * np.log(2), rel=1e-12)  # a mean of a thousand equal terms


def test_rows_that_a_member_holds_out_do_not_touch_it():
    problem = Problem()
    objective = problem.objective()
    losses, derivative = problem.run(objective)
    held = torch.from_numpy(problem.held_out == np.arange(problem.n_members)[:, None])
    assert held.any()
    assert (derivative[held] == 0).all()
    outputs = torch.where(held[..., None], 100.0, problem.outputs)
    again, same = problem.run(objective, outputs)
    assert torch.equal(losses, again)
    assert torch.equal(derivative, same)


def test_a_batch_that_a_member_holds_out_whole_costs_it_nothing():
    problem = Problem(n_members=2)
    rows = torch.zeros(2, 4, dtype=torch.float64)
    rows[1] = 1
    losses, derivative = problem.run(
        outputs=problem.outputs[:, :4], labels=problem.labels[:4], weights=problem.weights[:4], rows=rows
    )
    assert (losses[0] == 0).all()
    assert (derivative[0] == 0).all()
    assert (losses[1] > 0).all()


def test_weights_and_rows_of_one_may_be_left_out():
    problem = Problem(holdouts=False)
    problem.weights[:] = 1
    objective = problem.objective()
    labels = torch.from_numpy(problem.labels)
    ones = torch.ones(problem.n_members, len(labels), dtype=torch.float64)
    with_ones = losses_and_derivative(objective, problem.outputs, labels, torch.ones_like(labels), ones)
    without = losses_and_derivative(objective, problem.outputs, labels, None, None)
    for one, other in zip(with_ones, without, strict=True):
        # The sum of the rows is divided by at another place.
        torch.testing.assert_close(one, other, rtol=1e-13, atol=1e-13)


def test_a_task_that_a_member_has_no_label_of_costs_it_nothing():
    problem = Problem()
    problem.weights[problem.held_out != 0, 2] = 0
    losses, derivative = problem.run()
    assert losses[0, 2] == 0
    *_, place = next(kind for kind in problem.kinds_in_order() if kind[2] == 2)
    assert (derivative[0, :, place] == 0).all()
    assert losses.isfinite().all()


def test_task_weights_multiply_the_derivative_but_not_the_losses_returned():
    problem = Problem()
    one_losses, one = problem.run()
    problem.task_weights = problem.task_weights * np.where(np.arange(problem.n_tasks) == 4, 8.0, 1.0)
    other_losses, other = problem.run()
    assert torch.equal(one_losses, other_losses)
    for _, _, task, place in problem.kinds_in_order():
        # One more product.
        torch.testing.assert_close(other[..., place], one[..., place] * (8.0 if task == 4 else 1.0), rtol=1e-14, atol=0)


@settings(max_examples=30, deadline=None)
@given(kinds=KINDS, seed=SEEDS)
def test_class_weights_are_label_weights(kinds, seed):
    problem = Problem(kinds, seed)
    table = np.ones((problem.n_tasks, 5))
    by_label = np.ones_like(problem.labels)
    for loss, width, task, _ in problem.kinds_in_order():
        if loss == LogLoss():
            table[task, : max(width, 2)] = np.random.default_rng(seed + task).uniform(0.1, 4, max(width, 2))
            by_label[:, task] = table[task, problem.labels[:, task].astype(int)]
    weights = problem.weights * by_label
    objective = problem.objective(weights=weights)
    weighted = problem.objective(class_weights=table, weights=weights)
    labels, plain = torch.from_numpy(problem.labels), torch.from_numpy(problem.weights)
    for one, other in zip(problem.run(objective, weights=weights), problem.run(weighted), strict=True):
        # One product at another place.
        torch.testing.assert_close(one, other, rtol=1e-13, atol=1e-13)
    for one, other in zip(
        objective.holdout_losses(problem.outputs, labels[None], torch.from_numpy(weights)[None]),
        weighted.holdout_losses(problem.outputs, labels[None], plain[None]),
        strict=True,
    ):
        torch.testing.assert_close(one, other.expand_as(one), rtol=1e-13, atol=1e-13)


def test_nothing_given_is_changed():
    problem = Problem()
    objective = problem.objective(np.ones((problem.n_tasks, 5)))
    given_tensors = [
        problem.outputs.clone(),
        torch.from_numpy(problem.labels.copy()),
        torch.from_numpy(problem.weights),
    ]
    before = [tensor.clone() for tensor in given_tensors]
    rows = problem.rows()
    objective(*given_tensors, rows)
    objective.holdout_losses(given_tensors[0], given_tensors[1][None], given_tensors[2][None])
    objective.label_errors(given_tensors[0], given_tensors[1])
    assert all(torch.equal(one, other) for one, other in zip(given_tensors, before, strict=True))
    assert torch.equal(rows, problem.rows())


def test_float32_objectives_agree_with_float64():
    problem = Problem()
    losses, derivative = problem.run()
    objective = problem.objective().to(torch.float32)
    assert objective.has_labels.dtype == torch.bool
    single, slope = losses_and_derivative(
        objective,
        problem.outputs.float(),
        torch.from_numpy(problem.labels).float(),
        torch.from_numpy(problem.weights).float(),
        problem.rows().float(),
    )
    assert single.dtype == slope.dtype == torch.float32
    # Some dozen operations of seven digits.
    torch.testing.assert_close(single.double(), losses, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(slope.double(), derivative, rtol=1e-5, atol=1e-6)


# Holdouts, predictions, errors


def test_holdout_losses_over_weights_are_the_losses_of_the_batch():
    problem = Problem(n_members=1, holdouts=False)
    objective = problem.objective()
    losses, _ = problem.run(objective)
    sums, counted = objective.holdout_losses(
        problem.outputs, torch.from_numpy(problem.labels)[None], torch.from_numpy(problem.weights)[None]
    )
    # One division at another place.
    torch.testing.assert_close(sums / counted, losses, rtol=1e-13, atol=0)


def test_holdout_labels_may_differ_by_member():
    problem = Problem(n_members=2)
    objective = problem.objective()
    rng = np.random.default_rng(5)
    picks = np.stack([rng.permutation(24)[:6], rng.permutation(24)[:6]])
    labels, weights = torch.from_numpy(problem.labels[picks]), torch.from_numpy(problem.weights[picks])
    outputs = problem.outputs[:, :6]
    sums, counted = objective.holdout_losses(outputs, labels, weights)
    for member in range(2):
        alone = objective.holdout_losses(outputs, labels[member][None], weights[member][None])
        # The same numbers in a tensor of another shape.
        torch.testing.assert_close(sums[member], alone[0][member], rtol=1e-13, atol=0)
        torch.testing.assert_close(counted[member], alone[1].expand(2, -1)[member], rtol=1e-13, atol=0)


def test_predictions_are_in_units_of_labels_or_probabilities():
    problem = Problem()
    objective = problem.objective()
    predictions = objective.predictions(problem.outputs)
    statistics = member_statistics(problem.labels, problem.weights, problem.held_out, 3, problem.groups)
    for group, predicted in zip(problem.groups, predictions, strict=True):
        block = problem.outputs[..., group.outputs].numpy()
        n_tasks = group.tasks.stop - group.tasks.start
        if group.loss == LogLoss():
            assert predicted.shape == (3, 24, n_tasks, max(group.width, 2))
            torch.testing.assert_close(predicted.sum(-1), torch.ones(3, 24, n_tasks, dtype=torch.float64))
            if group.width == 1:
                np.testing.assert_allclose(predicted[..., 1], 1 / (1 + np.exp(-block)), rtol=1e-14)
            else:
                logits = block.reshape(3, 24, n_tasks, group.width)
                exponents = np.exp(logits)
                np.testing.assert_allclose(predicted, exponents / exponents.sum(-1, keepdims=True), rtol=1e-13)
        else:
            unit = np.exp(block) if group.loss.scaling == "mean" else block
            expected = unit * statistics.scale[:, None, group.tasks] + statistics.shift[:, None, group.tasks]
            np.testing.assert_allclose(predicted, expected, rtol=1e-13, atol=1e-14)  # float64, as all above


def test_members_that_know_a_task_are_averaged_in_float64():
    problem = Problem()
    problem.weights[problem.held_out != 0, 0] = 0  # member 0 knows nothing of the first task
    objective = problem.objective().float()
    outputs = problem.outputs.float()
    predictions = [part.double() for part in objective.double().predictions(outputs.double())]
    for group, average, parts in zip(
        problem.groups, objective.float().member_average(outputs), predictions, strict=True
    ):
        assert average.dtype == torch.float64
        for position, task in enumerate(range(group.tasks.start, group.tasks.stop)):
            members = [1, 2] if task == 0 else [0, 1, 2]
            # Statistics in float32.
            torch.testing.assert_close(average[:, position], parts[members, :, position].mean(0), rtol=1e-6, atol=1e-6)


def test_label_errors_are_squares_or_wrong_classes():
    problem = Problem()
    objective = problem.objective()
    errors = objective.label_errors(problem.outputs, torch.from_numpy(problem.labels))
    assert errors.shape == (3, 24, problem.n_tasks)
    for group, predicted in zip(problem.groups, objective.predictions(problem.outputs), strict=True):
        truth = problem.labels[:, group.tasks]
        if group.loss == LogLoss():
            expected = (predicted.numpy().argmax(-1) != truth).astype(float)
        else:
            expected = (predicted.numpy() - truth) ** 2
        np.testing.assert_array_equal(errors[..., group.tasks], expected)


@pytest.mark.parametrize("kinds", [[(SquaredError(), 1)], [(LogLoss(), 3), (LogLoss(), 3)], [(LogLoss(), 2)]])
def test_a_single_group_needs_no_joining(kinds):
    problem = Problem(kinds, n_members=2)
    assert len(problem.groups) == 1
    losses, derivative = problem.objective().label_losses(problem.outputs, torch.from_numpy(problem.labels))
    assert losses.shape == (2, 24, len(kinds))
    assert derivative.shape == problem.outputs.shape


# Variance of labels


def test_label_variance_is_numpys_or_one_for_classes():
    problem = Problem()
    variance = label_variance(problem.labels, problem.weights, problem.groups)
    for loss, _, task, _ in problem.kinds_in_order():
        labels, weights = problem.labels[:, task], problem.weights[:, task]
        mean = np.average(labels, weights=weights)
        expected = 1.0 if loss == LogLoss() else np.average((labels - mean) ** 2, weights=weights)
        assert variance[task] == pytest.approx(expected, rel=1e-13)  # the same sums


@settings(max_examples=30, deadline=None)
@given(constant=st.sampled_from([0.0, 0.1, -3.3, 1e-17]), seed=SEEDS)
def test_a_task_of_equal_labels_or_none_has_no_variance(constant, seed):
    _, groups = group_tasks([SquaredError(), SquaredError(), LogLoss()], [1, 1, 2])
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.1, 2, (rng.choice([2, 30, 3000]), 3))
    weights[:, 1:] = 0
    weights[1, 0] = 0
    labels = np.full(weights.shape, constant)
    labels[1] = 7  # hidden
    variance = label_variance(labels, weights, groups)
    assert np.isnan(variance).all()


# Mixed rows ----------------------------------------------------------------------------------------------------------

SHARE = 0.3


def mixed(problem, partners, labels=None, weights=None, class_weights=None):
    """Measure rows of which each has a second label, that of its partner."""
    objective = problem.objective(class_weights)
    labels = torch.from_numpy(problem.labels) if labels is None else labels
    weights = torch.from_numpy(problem.weights) if weights is None else weights
    sides = (labels, SHARE * weights), (labels[partners], (1 - SHARE) * weights[partners])
    measured = [objective(problem.outputs, own, weight, None) for own, weight in sides]
    return objective, MixedMeasured(*measured), measured


def test_the_loss_of_mixed_rows_is_the_mix_of_losses_and_its_derivative_the_slope():
    problem = Problem(holdouts=False)
    partners = torch.randperm(24)
    objective, found, sides = mixed(problem, partners)
    torch.testing.assert_close(found.losses, sides[0].losses + sides[1].losses)
    outputs = problem.outputs.clone().requires_grad_()
    labels, weights = torch.from_numpy(problem.labels), torch.from_numpy(problem.weights)
    total = sum(
        (objective.label_losses(outputs, own)[0] * objective.share.unsqueeze(1) / 24 * weight).sum()
        for own, weight in ((labels, SHARE * weights), (labels[partners], (1 - SHARE) * weights[partners]))
    )
    torch.testing.assert_close(found.losses.sum(), total.detach())
    step, direction = 1e-6, torch.randn_like(outputs)
    with torch.no_grad():
        problem.outputs = outputs + step * direction
        above = mixed(problem, partners)[1].losses.sum()
        problem.outputs = outputs - step * direction
        below = mixed(problem, partners)[1].losses.sum()
    slope = (found.derivative(torch.ones(problem.n_tasks)) * direction).sum()
    torch.testing.assert_close((above - below) / (2 * step), slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("loss, n_classes", [(LogLoss(), 2), (LogLoss(), 3), (Poisson(), 1), (SquaredError(), 1)])
def test_mixing_losses_is_mixing_labels_where_a_loss_is_linear_in_them(loss, n_classes):
    problem = Problem([(loss, n_classes)] * 2, holdouts=False, hidden=0)
    problem.weights[:] = 1
    partners = torch.randperm(24)
    _, found, sides = mixed(problem, partners)
    derivative = found.derivative(torch.ones(2))
    if n_classes > 1:
        outputs = problem.outputs.view(3, 24, 2, -1)
        logits = outputs if n_classes > 2 else torch.cat([torch.zeros_like(outputs), outputs], -1)
        one_hot = torch.eye(n_classes, dtype=torch.float64)[torch.from_numpy(problem.labels).long()]
        soft = logits.softmax(-1) - (SHARE * one_hot + (1 - SHARE) * one_hot[partners])
        soft = (soft if n_classes > 2 else soft[..., 1:]).flatten(2)
        scale = (sides[0].objective.share / 24).unsqueeze(1).repeat_interleave(soft.shape[2] // 2, 2)
        torch.testing.assert_close(derivative, soft * scale)
    else:  # of squared error, up to a constant, which has no derivative
        labels = torch.from_numpy(problem.labels)
        objective = sides[0].objective
        plain = objective(problem.outputs, SHARE * labels + (1 - SHARE) * labels[partners], None, None)
        torch.testing.assert_close(derivative, plain.derivative(torch.ones(2)))


def test_a_missing_label_of_either_side_counts_for_nothing():
    problem = Problem(holdouts=False)
    partners = torch.randperm(24)
    hidden = torch.from_numpy(problem.weights) == 0
    labels = torch.from_numpy(problem.labels)
    other = torch.where(hidden, torch.ones_like(labels), labels)
    one, two = (mixed(problem, partners, own)[1] for own in (labels, other))
    torch.testing.assert_close(one.losses, two.losses)
    torch.testing.assert_close(*(each.derivative(torch.ones(problem.n_tasks)) for each in (one, two)))


@pytest.mark.parametrize("weighted", [True, False])
def test_losses_per_label_of_a_row_with_itself_are_those_of_the_row(weighted):
    problem = Problem(holdouts=False)
    weights = torch.from_numpy(problem.weights) if weighted else torch.ones(1, 1)
    objective, labels = problem.objective(), torch.from_numpy(problem.labels)
    plain = objective(problem.outputs, labels, weights if weighted else None, None)
    both = MixedMeasured(*(objective(problem.outputs, labels, part * weights, None) for part in (SHARE, 1 - SHARE)))
    for found, expected in zip(both.per_label(), plain.per_label(), strict=True):
        assert (found is None) == (expected is None)
        if found is not None:
            torch.testing.assert_close(found, expected)
    torch.testing.assert_close(both.losses, plain.losses)
