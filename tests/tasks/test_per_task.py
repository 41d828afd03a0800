import numpy as np
import pytest

from skmtl.losses import CLASSIFICATION_LOSSES, REGRESSION_LOSSES, AbsoluteError, Huber, LogLoss, SquaredError
from skmtl.tasks import losses_by_task, resolve_task_names, task_weights_by_task

NAMES = ["price", "rooms", "two words__x"]


def losses(loss, names=NAMES):
    return losses_by_task(loss, names, REGRESSION_LOSSES, "squared_error")


# Names


def test_names_are_the_users_then_those_of_y_then_numbered():
    assert resolve_task_names(["a", "b"], ["p", "q"], 2) == ["a", "b"]
    assert resolve_task_names(None, ["p", "q"], 2) == ["p", "q"]
    assert resolve_task_names(None, None, 3) == ["y0", "y1", "y2"]
    assert resolve_task_names([1, "b"], None, 2) == ["1", "b"]


def test_wrong_names_are_refused():
    with pytest.raises(ValueError, match=r"task_names has 1 names \['a'\], but y has 2 tasks"):
        resolve_task_names(["a"], None, 2)
    with pytest.raises(ValueError, match=r"task_names must be unique; repeated: \['1'\]"):
        resolve_task_names(["1", "b", 1], None, 3)


# Task weights


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, [1, 1, 1]),
        (2.5, [2.5] * 3),
        (np.float32(2), [2] * 3),
        ([1, 0, 3], [1, 0, 3]),
        ((1, 2, 3), [1, 2, 3]),
        (np.array([0.5, 1, 2]), [0.5, 1, 2]),
        ({}, [1, 1, 1]),
        ({"rooms": 4}, [1, 4, 1]),
        ({"two words__x": 0, "price": np.int64(2)}, [2, 1, 0]),
    ],
)
def test_task_weights_are_one_value_a_sequence_or_a_dict(given, expected):
    weights = task_weights_by_task(given, NAMES)
    assert weights.dtype == float
    assert weights.tolist() == expected


@pytest.mark.parametrize("wrong", [-1, np.nan, np.inf, "much", None, 1j])
def test_weights_that_are_not_numbers_from_zero_are_refused_with_the_task(wrong):
    with pytest.raises(ValueError, match=r"finite numbers >= 0; that of task 'rooms' is"):
        task_weights_by_task([1, wrong, 1], NAMES)
    with pytest.raises(ValueError, match=r"finite numbers >= 0; that of task 'rooms' is"):
        task_weights_by_task({"rooms": wrong}, NAMES)


def test_weights_that_are_all_zero_are_refused():
    with pytest.raises(ValueError, match=r"All task_weights are 0 \(\[0.0, 0.0, 0.0\]\)"):
        task_weights_by_task(0, NAMES)


def test_a_sequence_of_the_wrong_length_is_refused_with_the_tasks():
    message = "has 2 entries, but y has 3 tasks: 'price', 'rooms', 'two words__x'"
    with pytest.raises(ValueError, match=f"task_weights {message}"):
        task_weights_by_task([1, 2], NAMES)
    with pytest.raises(ValueError, match=f"loss {message}"):
        losses(["huber", "huber"])


def test_an_unknown_task_is_refused_with_the_likely_one_and_all():
    with pytest.raises(
        ValueError,
        match=r"unknown task 'prise'\. Did you mean 'price'\? Known tasks: 'price', 'rooms', 'two words__x'\.",
    ):
        task_weights_by_task({"prise": 1}, NAMES)
    with pytest.raises(ValueError, match=r"task_weights names an unknown task 0\. Known tasks"):
        task_weights_by_task({0: 1}, NAMES)
    with pytest.raises(ValueError, match=r"loss names an unknown task 'room'\. Did you mean 'rooms'"):
        losses({"room": "huber"})


def test_the_callers_dict_is_not_changed():
    given = {"rooms": 2}
    task_weights_by_task(given, NAMES)
    assert given == {"rooms": 2}


# Losses


def test_losses_are_names_or_objects_for_all_or_by_task():
    squared, absolute, huber = SquaredError(), AbsoluteError(), Huber(delta=0.5)
    assert losses(None) == [squared] * 3
    assert losses("absolute_error") == [absolute] * 3
    assert losses(huber) == [huber] * 3
    assert losses(["huber", huber, "squared_error"]) == [Huber(), huber, squared]
    assert losses({"rooms": huber}) == [squared, huber, squared]
    assert losses_by_task("log_loss", ["a"], CLASSIFICATION_LOSSES, "log_loss") == [LogLoss()]


def test_an_unknown_loss_is_refused_with_the_likely_one_and_all():
    with pytest.raises(
        ValueError, match=r"Unknown loss 'hubr' of task 'price'\. Did you mean 'huber'\? Known losses: "
    ):
        losses("hubr")
    with pytest.raises(ValueError, match=r"Unknown loss LogLoss\(label_smoothing=0\.0\) of task 'rooms'\."):
        losses(["huber", LogLoss(), "huber"])
    with pytest.raises(ValueError, match=r"Unknown loss 3 of task 'price'\. Known losses: .*'gamma'"):
        losses(3)
    with pytest.raises(ValueError, match=r"Unknown loss <class 'skmtl\.losses\._location\.Huber'>"):
        losses(Huber)
