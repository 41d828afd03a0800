"""Tasks over the columns of y."""

import dataclasses

import numpy as np
import pytest

from skmtl.tasks import TaskStructure

# Columns a and c are one group, b and d are tasks of their own.
MIXED = TaskStructure(
    ["a", "b", "c", "d"], ["tags", "b", "d"], ["multilabel", "regression", "ordinal"], np.array([0, 1, 0, 2])
)


def test_each_column_is_a_task_of_the_same_or_of_its_own_type():
    same = TaskStructure.of_columns(("a", "b"), "count")
    assert same.columns == same.names == ["a", "b"]
    assert same.types == ["count", "count"]
    assert same.task_of_column.tolist() == [0, 1]
    assert TaskStructure.of_columns(["a", "b"], ("count", "ordinal")).types == ["count", "ordinal"]


def test_the_names_of_columns_and_tasks_are_separate_lists():
    names = ["a", "b"]
    structure = TaskStructure.of_columns(names, "count")
    names.append("c")
    structure.names.append("d")
    assert structure.columns == ["a", "b"]


def test_a_groups_columns_need_not_be_neighbours():
    assert [MIXED.columns_of(task).tolist() for task in range(3)] == [[0, 2], [1], [3]]


def test_every_column_belongs_to_one_task():
    found = np.concatenate([MIXED.columns_of(task) for task in range(3)])
    assert sorted(found) == [0, 1, 2, 3]


def test_a_tasks_value_is_shared_evenly_by_its_columns():
    assert MIXED.column_values([3.0, 5.0, 0.0]).tolist() == [1.5, 5, 1.5, 0]
    assert MIXED.column_values(np.array([1, 1, 1])).dtype == float
    values = np.array([0.3, 2.0, 7.0])
    shares = MIXED.column_values(values)
    np.testing.assert_allclose([shares[MIXED.columns_of(task)].sum() for task in range(3)], values)


def test_without_groups_columns_have_the_values_of_their_tasks():
    values = np.array([0.25, 0.0, 3.0])
    np.testing.assert_array_equal(TaskStructure.of_columns(list("abc"), "count").column_values(values), values)


def test_scores_are_means_over_a_tasks_columns_in_the_order_of_tasks():
    assert MIXED.by_task({3: 0.1, 2: 0.8, 1: 0.5, 0: 0.4}) == pytest.approx({"tags": 0.6, "b": 0.5, "d": 0.1})
    assert list(MIXED.by_task({3: 0.1, 0: 0.4})) == ["tags", "d"]


def test_columns_without_a_score_do_not_count():
    assert MIXED.by_task({2: 0.8, 3: 0.1}) == {"tags": 0.8, "d": 0.1}
    assert MIXED.by_task({}) == {}
    assert type(MIXED.by_task({0: np.float32(0.5)})["tags"]) is float


def test_a_structure_is_not_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        MIXED.names = []
