import datetime

import numpy as np
import pytest

from skmtl.losses import LogLoss
from skmtl.tasks import ClassificationTargets, find_classes, sorted_classes, split_columns, stack_labels


def names_of(columns):
    return [f"t{task}" for task in range(len(columns.values))]


def targets_of(y):
    """Return y's columns and the encoder of their labels."""
    columns = split_columns(y)
    names = names_of(columns)
    losses = [LogLoss()] * len(names)
    classes = find_classes(columns, names, 1.0 - np.stack(columns.missing, axis=1), losses)
    return columns, ClassificationTargets(names, losses, classes)


def decode(targets, probabilities):
    return stack_labels(targets.labels(probabilities))


def one_hot(codes, n_classes):
    """Return certain probabilities, a row of zeros where a label is missing."""
    present = ~np.isnan(codes)
    table = np.zeros((len(codes), n_classes))
    table[np.flatnonzero(present), codes[present].astype(int)] = 1
    return table


# Classes


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["b", "a", "b"], ["a", "b"]),
        ([3, -1, 3], [-1, 3]),
        ([2.0, 0.0, -4.0], [-4.0, 0.0, 2.0]),
        ([True, False], [False, True]),
        (np.array(["b", "a"], "S1"), [b"a", b"b"]),
        (np.array([2, 1], np.uint8), [1, 2]),
        (["x"], ["x"]),
        ([True, 2], [True, 2]),
    ],
)
def test_classes_are_sorted_and_distinct(labels, classes):
    labels = split_columns(labels).values[0]
    found = sorted_classes(labels, "t")
    assert found.tolist() == classes
    assert found.dtype == labels.dtype


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            np.array([1.0, 0.5]),
            r"Unknown label type: continuous\. Task 't' holds 0\.5; .*MultiTaskRegressor",
        ),
        (np.array([1.0, np.inf]), "Task 't' contains infinity; mark a missing label as NaN"),
        (np.array(["2020-01-01"], "M8[D]"), r"Unknown label type: datetime64\[D\] in task 't'"),
        (np.array([1], "m8[s]"), r"Unknown label type: timedelta64\[s\] in task 't'"),
        (
            np.array(["a", 1], dtype=object),
            r"Task 't' mixes labels of types \['int', 'str'\], which cannot be compared",
        ),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        sorted_classes(labels, "t")


def test_only_labels_that_count_make_classes():
    columns = split_columns([["a", 1], ["b", None], ["c", 3]])
    weights = np.array([[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]])
    found = find_classes(columns, ["t0", "t1"], weights, [LogLoss()] * 2)
    assert [classes.tolist() for classes in found] == [["a", "c"], [1, 3]]


# Codes


def test_labels_become_codes_and_missing_ones_nan():
    columns, targets = targets_of([["b", 5, True], ["a", None, False], [None, 2, True]])
    np.testing.assert_array_equal(targets.numbers(columns), [[1, 1, 1], [0, np.nan, 0], [np.nan, 0, 1]])
    assert targets.n_classes == [2, 2, 2]


@pytest.mark.parametrize("label", ["z", "A", "", 7, 2.5, None])
def test_unknown_labels_are_refused_or_coded_minus_one(label):
    _, targets = targets_of(["a", "b"])
    columns = split_columns(["b", label])
    if label is None:
        np.testing.assert_array_equal(targets.known_numbers(columns), [[1], [np.nan]])
        return
    np.testing.assert_array_equal(targets.known_numbers(split_columns([label])), [[-1]])
    with pytest.raises(ValueError, match=rf"Task 't0' holds the label .*{label}.*not among its classes \['a', 'b'\]"):
        targets.numbers(split_columns([label]))


def test_labels_of_another_kind_are_none_of_the_classes():
    for classes, labels in (([1, 2], ["a", "b"]), (["a", "b"], np.array([1, 2])), ([1, 2], np.array(["a", "b"]))):
        _, targets = targets_of(classes)
        assert targets.known_numbers(split_columns(labels)).tolist() == [[-1], [-1]]


def test_equal_labels_of_another_dtype_are_the_same_classes():
    _, targets = targets_of([1, 2])
    assert targets.numbers(split_columns([2.0, 1.0])).tolist() == [[1], [0]]
    _, targets = targets_of(np.array(["a", "b"]))
    assert targets.numbers(split_columns(np.array(["b", "a"], dtype=object))).tolist() == [[1], [0]]


def test_a_task_without_classes_codes_every_label_minus_one():
    targets = ClassificationTargets(["t0"], [LogLoss()], [np.array([])])
    assert targets.known_numbers(split_columns([1, 2])).tolist() == [[-1], [-1]]
    with pytest.raises(ValueError, match=r"not among its classes \[\]"):
        targets.numbers(split_columns([1, 2]))
    assert targets.numbers(split_columns([None, None])).shape == (2, 1)


def test_only_tasks_of_two_classes_or_more_are_learnable():
    targets = ClassificationTargets(["a", "b", "c"], [LogLoss()] * 3, [np.array([]), np.array([1]), np.array([1, 2])])
    assert targets.learnable.tolist() == [False, False, True]
    assert targets.neutral().tolist() == [0, 0, 0]


def test_codes_need_no_units():
    columns, targets = targets_of([1, 2, None])
    numbers = targets.numbers(columns)
    assert targets.fit(numbers, np.ones_like(numbers)) is targets
    assert targets.encode(numbers) is numbers


# And back


@pytest.mark.parametrize(
    "y",
    [
        np.array([3, 1, 3]),
        np.array([3, 1, 3], np.int8),
        np.array([1.0, 0.0, np.nan], np.float32),
        np.array([True, False, True]),
        np.array(["b", "a", "b"]),
        np.array(["b", "a", None], dtype=object),
        np.array([[1, 2], [3, 2], [1, 5]], np.uint16),
        np.array([["long", "b"], ["c", "d"], ["c", "b"]]),
        np.array([[1.0, np.nan], [2.0, 3.0], [np.nan, 4.0]]),
    ],
)
def test_decoding_gives_labels_in_the_dtype_they_came_in(y):
    columns, targets = targets_of(y)
    codes = targets.numbers(columns)
    probabilities = [one_hot(codes[:, task], n) for task, n in enumerate(targets.n_classes)]
    decoded = decode(targets, probabilities)
    assert decoded.dtype == y.dtype
    present = ~np.isnan(codes)
    np.testing.assert_array_equal(decoded[present], y.reshape(len(y), -1)[present])


@pytest.mark.parametrize("name", ["Int64", "boolean"])
def test_decoding_gives_nullable_labels_their_plain_dtype(name):
    pd = pytest.importorskip("pandas")
    columns, targets = targets_of(pd.Series([1, 0, None], dtype=name))
    decoded = decode(targets, [np.array([[0.0, 1.0], [1.0, 0.0]])])
    assert decoded.dtype == {"Int64": np.int64, "boolean": bool}[name]
    assert decoded.ravel().tolist() == [1, 0]
    assert targets.numbers(columns)[:2].ravel().tolist() == [1, 0]


def test_columns_of_different_kinds_decode_to_objects():
    columns, targets = targets_of([["b", 5], ["a", 2]])
    codes = targets.numbers(columns)
    decoded = decode(targets, [one_hot(codes[:, task], 2) for task in range(2)])
    assert decoded.dtype == object
    assert decoded.tolist() == [["b", 5], ["a", 2]]


def test_the_most_probable_class_wins():
    _, targets = targets_of([10, 20, 30])
    assert decode(targets, [np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])]).tolist() == [[20], [10]]


def test_a_task_without_classes_decodes_to_nan():
    targets = ClassificationTargets(["a", "b"], [LogLoss()] * 2, [np.array([]), np.array([1, 2])])
    decoded = decode(targets, [np.zeros((2, 0)), np.array([[0.0, 1.0], [1.0, 0.0]])])
    assert np.isnan(decoded[:, 0].astype(float)).all()
    assert decoded[:, 1].tolist() == [2, 1]


# Training further


def test_a_continued_model_needs_the_same_classes():
    _, targets = targets_of([["a", 1], ["b", 2]])
    _, same = targets_of([["b", 2], ["a", 1]])
    _, other = targets_of([["a", 1], ["b", 3]])
    assert targets.continued(same) is targets
    with pytest.raises(ValueError, match=r"classes of task 't1' were \[1, 2\] and are \[1, 3\] now.*warm_start=False"):
        targets.continued(other)


def test_dates_in_a_list_are_not_numbers_but_can_be_told_apart():
    # Whatever Python can compare is a class; only NumPy's own dates are refused, since they are often a slip.
    _, targets = targets_of([datetime.date(2020, 1, 2), datetime.date(2020, 1, 1)])
    assert targets.n_classes == [2]
