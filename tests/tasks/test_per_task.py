import numpy as np
import pytest

from skmtl.losses import (
    CLASSIFICATION_LOSSES,
    REGRESSION_LOSSES,
    AbsoluteError,
    Focal,
    Huber,
    LogLoss,
    Multilabel,
    Ordinal,
    Poisson,
    Quantile,
    SquaredError,
)
from skmtl.tasks import TaskStructure, losses_by_task, losses_by_type, resolve_task_names, task_weights_by_task

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


# Losses of tasks of several types

STRUCTURE = TaskStructure(
    ["price", "tall", "visits", "kind", "wide", "rating"],
    ["price", "tags", "visits", "kind", "rating"],
    ["regression", "multilabel", "count", "classification", "ordinal"],
    np.array([0, 1, 2, 3, 1, 4]),
)
OWN = [SquaredError(), Multilabel(), Poisson(), LogLoss(), Multilabel(), Ordinal()]


def changed(**losses):
    """Return the types' own losses, a column each, but for some columns."""
    return [losses.get(name, own) for name, own in zip(STRUCTURE.columns, OWN, strict=True)]


def test_each_type_has_a_loss_of_its_own():
    assert losses_by_type(None, STRUCTURE) == OWN
    assert losses_by_type({}, STRUCTURE) == OWN


def test_a_single_loss_serves_the_types_that_it_suits():
    assert losses_by_type("huber", STRUCTURE) == changed(price=Huber(), visits=Huber())
    assert losses_by_type(Quantile(0.3), STRUCTURE) == changed(price=Quantile(0.3), visits=Quantile(0.3))
    focal = Focal(gamma=1.0)
    assert losses_by_type(focal, STRUCTURE) == changed(tall=focal, kind=focal, wide=focal, rating=focal)
    balanced = Multilabel(balanced=True)
    assert losses_by_type(balanced, STRUCTURE) == changed(tall=balanced, wide=balanced)


def test_losses_by_task_serve_all_columns_of_a_group():
    balanced = Multilabel(balanced=True)
    expected = changed(tall=balanced, wide=balanced, price=Huber())
    assert losses_by_type({"tags": balanced, "price": "huber"}, STRUCTURE) == expected
    assert losses_by_type(["huber", balanced, None, None, "ordinal"], STRUCTURE) == expected
    assert losses_by_type({"price": None}, STRUCTURE) == OWN


def test_ordered_classes_may_be_learned_as_plain_ones_and_the_other_way_round():
    assert losses_by_type({"rating": "log_loss"}, STRUCTURE) == changed(rating=LogLoss())
    assert losses_by_type({"kind": "ordinal"}, STRUCTURE) == changed(kind=Ordinal())


def test_a_loss_that_suits_no_task_is_refused_with_what_each_takes():
    structure = TaskStructure.of_columns(["price", "kind"], ["regression", "classification"])
    for unfit in ("multilabel", Multilabel(), "hubr"):
        with pytest.raises(
            ValueError, match=r"suits none of the tasks: 'price' \(regression\) takes .*'huber'.*; 'kind' \(classif"
        ):
            losses_by_type(unfit, structure)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ({"kind": "squared_error"}, r"Unknown loss 'squared_error' of task 'kind'\. Known losses: 'log_loss'"),
        ({"tags": "ordinal"}, r"Unknown loss 'ordinal' of task 'tags'\. Known losses: .*'multilabel'"),
        ({"price": "hubr"}, r"Unknown loss 'hubr' of task 'price'\. Did you mean 'huber'\?"),
        ({"price": LogLoss()}, r"Unknown loss LogLoss\(label_smoothing=0\.0\) of task 'price'"),
        ({"tall": "multilabel"}, "loss names an unknown task 'tall'"),  # a column of a group is no task
        (["huber"] * 6, "loss has 6 entries, but y has 5 tasks"),
        (3, "Unknown loss 3 of task 'price'"),
    ],
)
def test_losses_that_do_not_suit_their_task_are_refused(loss, message):
    with pytest.raises(ValueError, match=message):
        losses_by_type(loss, STRUCTURE)
