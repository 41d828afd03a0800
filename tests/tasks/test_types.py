"""What kind of task a column is: said by the user, or guessed."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skmtl.tasks import TASK_TYPES, resolve_task_types, split_columns

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
        (whole(1), "classification"),
        (whole(2).astype(np.uint8), "classification"),
        (whole(60).astype(np.uint8), "regression"),
        (-whole(51), "regression"),
        (pd.Series(whole(60), dtype="Int16"), "regression"),
        (np.array([True, None] * 100, dtype=object), "classification"),
        (np.array([b"a", b"b"] * 100), "classification"),
        (np.where(whole(2) == 0, np.nan, rng.normal(size=N)), "regression"),
        (np.where(whole(2) == 0, np.nan, np.arange(N)), "regression"),  # whole, but far too many for classes
        (np.full(N, np.nan), "regression"),
        (pd.Series([None] * N), "classification"),
        (rng.normal(size=N).astype(np.float32), "regression"),
        (pd.Series(pd.Categorical(rng.normal(size=N))), "classification"),
        (np.array(["2020-01-01"] * N, "M8[D]"), "classification"),  # refused later, with a word on dates
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


def test_missing_labels_are_no_distinct_values():
    y = pd.DataFrame({"stars": pd.array([None, *range(10)] * 20, dtype="Int64")})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert types_of(y) == {"stars": "classification"}


@pytest.mark.parametrize(
    ("n_distinct", "warns"),
    [(1, True), (20, True), (21, False)],
)
def test_floats_beside_holes_are_doubtful_where_they_might_be_classes(n_distinct, warns):
    y = np.where(np.arange(N) < 2, np.nan, whole(n_distinct))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert types_of(y) == {"y0": "regression"}
    assert len(caught) == warns


def test_only_columns_that_are_guessed_are_doubted():
    y = pd.DataFrame({"a": whole(15), "b": whole(30)})
    with pytest.warns(UserWarning, match=r"guessed from the labels: 'b' \(30 distinct whole numbers\) is taken"):
        assert types_of(y, {"a": "ordinal"}) == {"a": "ordinal", "b": "regression"}


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


def test_groups_are_lists_tuples_or_arrays_of_columns():
    y = pd.DataFrame({"a": whole(2), "b": whole(2), "c": whole(2)})
    for group in (["a", "b"], ("a", "b"), np.array(["a", "b"])):
        assert types_of(y, {"g": group}) == {"g": "multilabel", "c": "classification"}
    assert types_of(y, {"g": ["c"], "h": ["a"]}) == {
        "h": "multilabel",
        "b": "classification",
        "g": "multilabel",
    }


def test_a_group_may_have_the_name_of_one_of_its_columns():
    y = pd.DataFrame({"a": whole(2), "b": whole(2), "c": whole(2)})
    structure = resolve_task_types({"b": ["a", "b"]}, split_columns(y), list(y))
    assert structure.names == ["b", "c"]
    assert structure.task_of_column.tolist() == [0, 0, 1]


def test_columns_of_type_multilabel_are_one_group():
    y = pd.DataFrame({"a": whole(2), "p": rng.normal(size=N), "b": whole(2)})
    expected = {"multilabel": "multilabel", "p": "regression"}
    assert types_of(y, {"a": "multilabel", "b": "multilabel"}) == expected
    assert types_of(y, ["multilabel", "regression", "multilabel"]) == expected
    assert types_of(y, "multilabel") == {"multilabel": "multilabel"}
    assert types_of(whole(2), "multilabel") == {"multilabel": "multilabel"}


def test_columns_may_be_named_by_what_is_no_string():
    assert types_of(pd.DataFrame({0: whole(2), 1: whole(2)}), {1: "ordinal"}) == {"0": "classification", "1": "ordinal"}


def test_arrays_have_numbered_columns():
    y = np.column_stack([whole(2), whole(2)])
    assert types_of(y, {"y1": "count"}) == {"y0": "classification", "y1": "count"}
    assert types_of(y, np.array(["count", "ordinal"])) == {"y0": "count", "y1": "ordinal"}
    assert types_of(y, ("count", "ordinal")) == {"y0": "count", "y1": "ordinal"}
    assert types_of(y, {}) == types_of(y)


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
        (["count", "ordinl"], r"Unknown type 'ordinl' of task 'b' in task_types\. Did you mean 'ordinal'\?"),
        ("x", "Known types: 'regression', 'count', 'classification', 'ordinal', 'multilabel'"),
        ({"zzz": "count"}, r"unknown column 'zzz'\. Known columns"),
        ({"g": ["a", "a"]}, "puts the column 'a' into the groups 'g' and 'g'"),
        ({"g": None}, "task_types of 'g' must be a type, .*; got None"),
        ({"a": 3}, "task_types of 'a' must be a type, .*; got 3"),
        ({"a": str}, "task_types of 'a' must be a type, .*; got <class 'str'>"),
        ({"b": ["a"]}, "is not in it: 'b'"),
        ({"g": ["a", "b", "multilabel"]}, "unknown column 'multilabel'"),
    ],
)
def test_wrong_types_are_refused(task_types, message):
    with pytest.raises(ValueError, match=message):
        types_of(pd.DataFrame({"a": whole(2), "b": whole(2)}), task_types)


@pytest.mark.parametrize("wrong", [None, 3, str])
def test_entries_of_a_sequence_that_are_no_types_are_refused(wrong):
    with pytest.raises(ValueError, match="'a'"):
        types_of(pd.DataFrame({"a": whole(2), "b": whole(2)}), [wrong, "count"])


@pytest.mark.parametrize(
    "task_types", [{"g": ["a", "b"], "a": "regression"}, {"a": "regression", "g": ["a", "b"]}], ids=["after", "before"]
)
def test_a_column_of_a_group_with_a_type_of_its_own_is_refused(task_types):
    with pytest.raises(ValueError, match="'a'"):
        types_of(pd.DataFrame({"a": whole(2), "b": whole(2)}), task_types)


def test_the_example_in_the_warning_is_a_doubtful_column():
    with pytest.warns(UserWarning, match="Task types were guessed") as caught:
        types_of(pd.DataFrame({"kind": ["a", "b"] * 100, "stars": whole(15)}))
    assert "task_types={'stars': " in str(caught[0].message)
