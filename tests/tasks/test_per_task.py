import numpy as np
import pytest

from skmtl.losses import CLASSIFICATION_LOSSES, REGRESSION_LOSSES, AbsoluteError, Huber, LogLoss, SquaredError
from skmtl.tasks import class_weights_by_task, losses_by_task, resolve_task_names, task_weights_by_task

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
    with pytest.raises(ValueError, match="class_weight names an unknown task 'room'"):
        class_weights_by_task({"room": "balanced"}, ["rooms"], [np.array([0, 1])], lambda _: np.ones(2))


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
    with pytest.raises(ValueError, match=r"Unknown loss LogLoss\(\) of task 'rooms'\."):
        losses(["huber", LogLoss(), "huber"])
    with pytest.raises(ValueError, match=r"Unknown loss 3 of task 'price'\. Known losses: .*'gamma'"):
        losses(3)
    with pytest.raises(ValueError, match=r"Unknown loss <class 'skmtl\.losses\.Huber'>"):
        losses(Huber)


# Class weights

CLASSES = [np.array(["no", "yes"]), np.array(["a", "b", "yes"])]
COUNTS = [np.array([30.0, 10.0]), np.array([5.0, 0.0, 15.0])]


def class_weights(given):
    return class_weights_by_task(given, ["sold", "kind"], CLASSES, lambda task: COUNTS[task])


def as_lists(weights):
    return [None if weight is None else weight.tolist() for weight in weights]


def test_without_class_weight_no_task_has_any():
    assert class_weights(None) == [None, None]
    assert class_weights([None, None]) == [None, None]


def test_balanced_gives_every_class_that_is_there_the_same_say():
    weights = class_weights("balanced")
    assert as_lists(weights) == [[40 / 60, 2.0], [2.0, 10.0, 20 / 30]]
    for weight, count in zip(weights, COUNTS, strict=True):
        totals = (weight * count)[count > 0]
        np.testing.assert_allclose(totals, totals[0], rtol=1e-15)  # one division each
        assert totals.sum() == pytest.approx(count.sum(), rel=1e-15)


def test_a_dict_of_numbers_is_by_class_for_every_task_that_has_it():
    assert as_lists(class_weights({"yes": 3, "a": 0.5})) == [[1, 3], [0.5, 1, 3]]
    assert as_lists(class_weights({"b": 2})) == [[1, 1], [1, 2, 1]]


def test_a_dict_of_dicts_strings_or_none_is_by_task():
    assert as_lists(class_weights({"kind": {"b": 2}})) == [None, [1, 2, 1]]
    assert as_lists(class_weights({"sold": "balanced", "kind": None})) == [[40 / 60, 2.0], None]
    assert as_lists(class_weights({"sold": {"no": 4}, "kind": "balanced"})) == [[4, 1], [2.0, 10.0, 20 / 30]]


def test_a_sequence_is_in_column_order():
    assert as_lists(class_weights([{"no": 4}, None])) == [[4, 1], None]


def test_classes_of_any_kind_can_be_named():
    (weights,) = class_weights_by_task({1: 2.0}, ["t"], [np.array([0.0, 1.0])], lambda _: np.ones(2))
    assert weights.tolist() == [1, 2]
    (weights,) = class_weights_by_task({True: 2.0}, ["t"], [np.array([False, True])], lambda _: np.ones(2))
    assert weights.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"maybe": 2},
            r"class_weight names 'maybe', which is a class of no task; classes are 'sold': \['no', 'yes'\]; ",
        ),
        ({"sold": {"a": 2}}, r"class_weight of task 'sold' names class 'a'; its classes are \['no', 'yes'\]"),
        ({"sold": {"no": -1}}, r"task 'sold', class 'no', must be a finite number >= 0, got -1"),
        ({"yes": np.nan}, r"task 'sold', class 'yes', must be a finite number >= 0, got nan"),
        ({"sold": {"no": "x"}}, r"class 'no', must be a finite number >= 0, got 'x'"),
        ({"sold": "evenly"}, r"class_weight of task 'sold' must be 'balanced', None or a dict by class, got 'evenly'"),
        ([2.0, 3.0], r"class_weight of task 'sold' must be 'balanced', None or a dict by class, got 2.0"),
    ],
)
def test_wrong_class_weights_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        class_weights(given)
