"""How far labels lie apart."""

import numpy as np
import pytest
import torch

from skmtl.losses import LogLoss, Poisson, SquaredError
from skmtl.tasks import LabelDistances, group_tasks

VARIANCE = np.array([4.0, 1.0, 1.0, 0.25])
_, GROUPS = group_tasks([SquaredError(), LogLoss(), LogLoss(), Poisson()], [1, 2, 3, 1])


def problem():
    rng = np.random.default_rng(0)
    labels = np.column_stack([rng.normal(9, 2, 9), rng.integers(2, size=9), rng.integers(3, size=9), rng.poisson(3, 9)])
    weights = rng.integers(0, 3, size=(9, 4)).astype(float)
    weights[0] = weights[1] = 0
    weights[0, 0] = weights[1, 1] = 1  # without a common task
    return labels, weights


def by_hand(labels, weights, i, j):
    common = [task for task in range(4) if weights[i, task] > 0 and weights[j, task] > 0]
    if not common:
        return 2.0
    parts = []
    for task in common:
        if task in (1, 2):
            parts.append(2.0 * (labels[i, task] != labels[j, task]))
        else:
            parts.append((labels[i, task] - labels[j, task]) ** 2 / VARIANCE[task])
    return np.mean(parts)


@pytest.mark.parametrize("rows", [slice(None), slice(2, 5)])
@pytest.mark.parametrize("weighted", [True, False])
def test_distances_are_means_over_common_tasks(rows, weighted):
    labels, weights = problem()
    weights = weights if weighted else np.ones_like(weights)
    found = LabelDistances(GROUPS, VARIANCE)(torch.tensor(labels), torch.tensor(weights) if weighted else None, rows)
    expected = [[by_hand(labels, weights, i, j) for j in range(9)] for i in range(9)[rows]]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_a_task_without_variance_does_not_count():
    labels, _ = problem()
    variance = np.array([np.nan, 1.0, 1.0, 0.0])
    found = LabelDistances(GROUPS, variance)(torch.tensor(labels), None)
    classes = by_hand(labels, np.array([[0, 1, 1, 0]] * 9), 2, 3)
    assert found[2, 3].item() == pytest.approx(classes)


def test_large_labels_keep_their_differences():
    labels = torch.tensor([[1e6], [1e6 + 1], [1e6 + 3]])
    _, groups = group_tasks([SquaredError()], [1])
    found = LabelDistances(groups, np.ones(1))(labels, None)
    torch.testing.assert_close(found[0], torch.tensor([0.0, 1.0, 9.0]))
