"""Which tasks read which units."""

import numpy as np
import pytest
import torch

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.inspection import SharedRepresentation, shared_representation

rng = np.random.default_rng(0)
X = rng.normal(size=(100, 3))
NETWORK = {"companions": None, "max_iter": 5, "n_estimators": 2, "random_state": 0}


def test_shares_are_weights_times_the_spread_of_units():
    model = MultiTaskRegressor((4,), **NETWORK).fit(X, X[:, :2])
    with torch.no_grad():
        model._model.network.head.weight[1] = torch.tensor([[1.0, 0.0], [-2.0, 3.0], [0.0, 1.0], [0.0, 0.0]])
    spread = model.transform(X)[:, 4:].std(axis=0)
    found = shared_representation(model, X).shares[1]
    expected = spread[:2] * [1, 2] / (spread[:2] * [1, 2]).sum()
    np.testing.assert_allclose(found[:, 0], [*expected, 0, 0], rtol=1e-5)
    assert found[0, 1] == found[3, 1] == 0
    np.testing.assert_allclose(found.sum(axis=0), 1)


def test_what_moves_all_logits_alike_is_not_read():
    model = MultiTaskClassifier((4,), **NETWORK).fit(X, np.digitize(X[:, 0], [-0.5, 0.5]))
    with torch.no_grad():
        model._model.network.head.weight[:] = torch.tensor([1.0, 1.0, 1.0])
        model._model.network.head.weight[:, 0] = torch.tensor([1.0, 2.0, 3.0])
    np.testing.assert_allclose(shared_representation(model, X).shares[0, :, 0], [1, 0, 0, 0], atol=1e-6)


def test_tasks_stand_in_the_order_of_y_and_tidy():
    y = np.column_stack([X[:, 0] > 0, X[:, 1], X[:, 2] > 0])
    types = {"y0": "classification", "y1": "regression", "y2": "classification"}
    model = MultiTaskEstimator((4,), task_types=types, **NETWORK).fit(X, y)
    found = shared_representation(model, X)
    assert found.task_names == ["y0", "y1", "y2"]
    frame = found.to_frame()
    assert list(frame) == ["member", "unit", "task", "share"]
    row = frame.query("member == 1 and unit == 2 and task == 'y1'")
    assert row["share"].item() == found.shares[1, 2, 1]


def test_overlap_is_the_common_part():
    same, apart = np.array([[1.0, 1.0], [0.0, 0.0]]), np.eye(2)
    assert SharedRepresentation(np.stack([same, apart]), ["a", "b"]).overlap.tolist() == [[1.0, 0.5], [0.5, 1.0]]


def test_tasks_with_representations_of_their_own_are_refused():
    model = MultiTaskRegressor((4,), sharing="independent", **NETWORK).fit(X, X[:, :2])
    with pytest.raises(ValueError, match="sharing='independent', each task reads a representation of its own"):
        shared_representation(model, X)
