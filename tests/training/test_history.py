"""Losses and scores per epoch and task."""

import numpy as np
import pytest

from skmtl.training import History


@pytest.fixture
def history():
    history = History(["a", "b"], np.array([1.0, 2.0]))
    history.record(train_loss=np.array([1.0, 3.0]), train_score=np.array([0.5, 0.7]))
    history.record(train_loss=np.array([0.5, np.nan]), valid_score=np.array([np.nan, 0.25]))
    return history


def test_a_column_has_a_row_an_epoch_and_a_column_a_task(history):
    assert len(history) == 2
    np.testing.assert_array_equal(history["train_loss"], [[1, 3], [0.5, np.nan]])
    assert np.isnan(history["valid_loss"]).all()


def test_a_column_of_no_epochs_is_empty():
    assert History(["a", "b"], np.ones(2))["train_loss"].shape == (0, 2)


def test_total_loss_is_the_weighted_sum_over_measured_tasks(history):
    np.testing.assert_array_equal(history.total("train_loss"), [7, 0.5])
    assert np.isnan(history.total("valid_loss")).all()


def test_total_score_is_the_mean_over_measured_tasks(history):
    np.testing.assert_allclose(history.total("train_score"), [0.6, np.nan])
    np.testing.assert_allclose(history.total("valid_score"), [np.nan, 0.25])


def test_an_unknown_column_is_an_error_that_names_the_known_ones(history):
    with pytest.raises(KeyError, match="'loss' is none of train_loss, valid_loss, train_score, valid_score"):
        history["loss"]


def test_to_frame_has_a_row_per_epoch_and_task_and_the_total(history):
    frame = history.to_frame()
    assert list(frame.columns) == [
        "epoch",
        "task",
        "train_loss",
        "valid_loss",
        "train_score",
        "valid_score",
        "task_weight",
    ]
    assert frame["epoch"].tolist() == [1, 1, 1, 2, 2, 2]
    assert frame["task"].tolist() == ["a", "b", "(all)"] * 2
    np.testing.assert_array_equal(frame["train_loss"], [1, 3, 7, 0.5, np.nan, 0.5])


def test_an_earlier_history_is_put_before_and_unknown_tasks_are_nan_there(history):
    later = History(["b", "new"], np.ones(2))
    later.record(train_loss=np.array([0.1, 0.2]))
    later.extend(history)
    np.testing.assert_array_equal(later["train_loss"], [[3, np.nan], [np.nan, np.nan], [0.1, 0.2]])
    assert len(history) == 2


def test_repr_summarises_the_last_epoch(history):
    assert repr(history) == "History(2 epochs, tasks ['a', 'b']; last: train_loss 0.5, valid_score 0.25)"
    assert repr(History(["a"], np.ones(1))) == "History(0 epochs, tasks ['a'])"
