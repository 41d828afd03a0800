import numpy as np
import pytest

from skmtl.losses import LogLoss, Multilabel
from skmtl.tasks import ClassificationTargets, TaskStructure, class_weight_table
from skmtl.tasks._class_weights import class_weights_by_column

CLASSES = [np.array(["no", "yes"]), np.array(["a", "b", "yes"])]
COUNTS = [np.array([30.0, 10.0]), np.array([5.0, 0.0, 15.0])]


def by_column(given, names, classes, counts=None):
    structure = TaskStructure.of_columns(names, "classification")
    return class_weights_by_column(given, structure, classes, lambda column: counts[column])


def class_weights(given):
    return by_column(given, ["sold", "kind"], CLASSES, COUNTS)


def test_an_unknown_task_is_refused_with_the_likely_one():
    with pytest.raises(ValueError, match=r"class_weight names an unknown task 'room'\. Did you mean 'rooms'"):
        by_column({"room": "balanced"}, ["rooms"], [np.array([0, 1])])


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
    (weights,) = by_column({1: 2.0}, ["t"], [np.array([0.0, 1.0])])
    assert weights.tolist() == [1, 2]
    (weights,) = by_column({True: 2.0}, ["t"], [np.array([False, True])])
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


# Tasks without classes, and groups of columns


def test_balanced_for_all_leaves_out_tasks_without_classes():
    weights = by_column("balanced", ["price", "sold"], [np.empty(0), CLASSES[0]], [None, COUNTS[0]])
    assert as_lists(weights) == [None, [40 / 60, 2]]


def test_class_weights_of_a_task_without_classes_are_refused():
    with pytest.raises(ValueError, match=r"class_weight of task 'price' is 'balanced', but the task has no classes"):
        by_column({"price": "balanced"}, ["price", "sold"], [np.empty(0), CLASSES[0]])


def test_columns_of_a_group_share_its_class_weight():
    structure = TaskStructure(["a", "b", "c"], ["kind", "c"], ["multilabel", "classification"], np.array([0, 0, 1]))
    classes = [np.array([0, 1])] * 3
    weights = class_weights_by_column({"kind": {1: 5.0}}, structure, classes, lambda _: np.ones(2))
    assert as_lists(weights) == [[1, 5], [1, 5], None]


def test_the_table_of_a_balanced_loss_balances_its_columns_alone():
    structure = TaskStructure.of_columns(["a", "b"], "multilabel")
    losses = [Multilabel(balanced=True), Multilabel()]
    targets = ClassificationTargets(["a", "b"], losses, [np.array([0, 1])] * 2)
    numbers = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    table = class_weight_table(None, structure, targets, numbers, np.ones((4, 2)))
    np.testing.assert_allclose(table, [[4 / 6, 2], [1, 1]])


def test_without_weights_there_is_no_table():
    structure = TaskStructure.of_columns(["a"], "classification")
    targets = ClassificationTargets(["a"], [LogLoss()], [np.array([0, 1])])
    assert class_weight_table(None, structure, targets, np.zeros((2, 1)), np.ones((2, 1))) is None
