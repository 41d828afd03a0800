"""What kind of task a column is: said by the user, or guessed."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skmtl.tasks import TASK_TYPES, TaskStructure, resolve_task_types, split_columns

rng = np.random.default_rng(0)
N = 200


def types_of(y, task_types=None):
    columns = split_columns(y)
    names = columns.names or [f"y{place}" for place in range(len(columns.values))]
    structure = resolve_task_types(task_types, columns, names)
    return dict(zip(structure.names, structure.types, strict=True))


def whole(n_distinct):
    return np.arange(N) % n_distinct


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (rng.normal(size=N), "regression"),
        (whole(3).astype(float), "regression"),
        (np.array(["a", "b"] * 100), "classification"),
        (pd.Series(["a", None] * 100), "classification"),
        (np.array([True, False] * 100), "classification"),
        (pd.Series([True, None] * 100, dtype="boolean"), "classification"),
        (pd.Series(pd.Categorical(whole(30))), "classification"),
        (whole(2), "classification"),
        (whole(10), "classification"),
        (whole(51), "regression"),
        (pd.Series([1, None] * 100, dtype="Int64"), "classification"),
        (np.array([1, "a"] * 100, dtype=object), "classification"),
        (np.array([1.5, None] * 100, dtype=object), "regression"),
    ],
)
def test_types_are_guessed_from_the_labels_without_a_word(labels, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(types_of(labels).values()) == [expected]


@pytest.mark.parametrize(
    ("n_distinct", "expected"), [(11, "classification"), (20, "classification"), (21, "regression"), (50, "regression")]
)
def test_a_doubtful_guess_is_named_in_a_warning(n_distinct, expected):
    message = (
        rf"Task types were guessed from the labels: 'stars' \({n_distinct} distinct whole numbers\) is taken for "
        rf"{expected}\. To be sure, name them, for example task_types=\{{'stars': 'regression'\}}"
    )
    with pytest.warns(UserWarning, match=message):
        assert types_of(pd.DataFrame({"stars": whole(n_distinct)})) == {"stars": expected}


def test_whole_numbers_that_holes_made_floats_are_named_too():
    y = pd.DataFrame({"sold": np.where(whole(5) == 0, np.nan, whole(2))})
    with pytest.warns(UserWarning, match=r"'sold' \(2 distinct whole numbers, as floats\) is taken for regression"):
        assert types_of(y) == {"sold": "regression"}


def test_one_warning_names_all_doubtful_columns():
    y = pd.DataFrame({"a": whole(15), "b": whole(30), "c": rng.normal(size=N)})
    with pytest.warns(UserWarning) as caught:
        types_of(y)
    assert len(caught) == 1
    assert "'a' (15 distinct" in str(caught[0].message)
    assert "'b' (30 distinct" in str(caught[0].message)
    assert "'c'" not in str(caught[0].message)


def test_what_is_said_is_not_guessed():
    y = pd.DataFrame({"a": whole(15), "b": whole(30), "c": rng.normal(size=N)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert types_of(y, "regression") == dict.fromkeys("abc", "regression")
        assert types_of(y, ["ordinal", "count", "regression"]) == {"a": "ordinal", "b": "count", "c": "regression"}
        said = {"a": "ordinal", "b": "count"}
        assert types_of(y, said) == {**said, "c": "regression"}
    assert set(TASK_TYPES) == {"regression", "count", "classification", "ordinal", "multilabel"}


def test_a_list_of_columns_is_a_group_that_stands_where_its_first_column_does():
    y = pd.DataFrame({"a": whole(2), "p": rng.normal(size=N), "b": whole(2), "c": whole(3)})
    structure = resolve_task_types({"tags": ["b", "a"]}, split_columns(y), list(y))
    assert structure.names == ["tags", "p", "c"]
    assert structure.types == ["multilabel", "regression", "classification"]
    assert structure.task_of_column.tolist() == [0, 1, 0, 2]
    assert structure.columns_of(0).tolist() == [0, 2]
    grouped = resolve_task_types({"a": "multilabel", "b": "multilabel"}, split_columns(y), list(y))
    assert grouped.names == ["multilabel", "p", "c"]


@pytest.mark.parametrize(
    ("task_types", "message"),
    [
        ({"a": "regresion"}, r"Unknown type 'regresion' of task 'a' in task_types\. Did you mean 'regression'"),
        ({"aa": "count"}, r"task_types names an unknown column 'aa'\. Did you mean 'a'\? Known columns: 'a', 'b'"),
        ({"g": ["a", "z"]}, "task_types names an unknown column 'z'"),
        ({"g": ["a"], "h": ["a", "b"]}, "puts the column 'a' into the groups 'g' and 'h'"),
        ({"a": ["b"]}, "gives a group the name of a column that is not in it: 'a'"),
        ({"g": []}, "task_types of 'g' must be a type, one of .* or a list of the columns"),
        (["count"], "task_types has 1 entries, but y has 2 columns: 'a', 'b'"),
        ("numbers", "Unknown type 'numbers' of task 'a'"),
    ],
)
def test_wrong_types_are_refused(task_types, message):
    with pytest.raises(ValueError, match=message):
        types_of(pd.DataFrame({"a": whole(2), "b": whole(2)}), task_types)


def test_values_of_tasks_are_spread_over_their_columns_and_gathered_again():
    structure = TaskStructure(["a", "b", "c"], ["g", "c"], ["multilabel", "regression"], np.array([0, 0, 1]))
    assert structure.column_values([2.0, 3.0]).tolist() == [1, 1, 3]
    assert structure.by_task({0: 0.5, 1: 0.7, 2: 1.0}) == {"g": 0.6, "c": 1.0}
    assert structure.by_task({1: 0.7}) == {"g": 0.7}
