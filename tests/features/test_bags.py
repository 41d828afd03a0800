"""Lists of identifiers: what they are told by, and how they are hashed and counted."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from skmtl.features import BagEncoder, BagReader, Form, form_of, make_reader

ROWS = [["milk", "bread", "milk"], [], None, ["tea"]]


def reader(**settings):
    return BagEncoder(**settings).build()


def as_objects(rows):
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    return array


@pytest.mark.parametrize(
    "X",
    [
        ROWS,
        tuple(ROWS),
        as_objects(ROWS),
        pd.Series(ROWS, index=[5, 2, 9, 1]),
        pl.Series(ROWS),
        [None if row is None else tuple(row) for row in ROWS],
        [None if row is None else np.array(row) for row in ROWS],
        [None if row is None else [word.encode() for word in row] for row in ROWS],
        [None if row is None else [*row, None, np.nan, pd.NA] for row in ROWS],
    ],
    ids=range(9),
)
def test_lists_come_as_lists_arrays_and_series(X):
    assert form_of(X) is Form.BAG
    own = make_reader("auto", form=Form.BAG)
    assert isinstance(own, BagReader)
    np.testing.assert_array_equal(own.matrix(X).toarray(), own.matrix(ROWS).toarray())
    np.testing.assert_array_equal(own.matrix(X).sum(axis=1), [3, 0, 0, 1])


@pytest.mark.parametrize(
    ("X", "form"),
    [
        ([[1, 2], [3, 4]], Form.COLUMNS),
        ([("a", "b"), ("c", "d")], Form.COLUMNS),
        ([[1.5, "red"], [None, "blue"]], Form.COLUMNS),
        ([np.array([1, 2]), np.array([3, 4])], Form.COLUMNS),
        ([[7], [8]], Form.COLUMNS),
        ([[], []], Form.COLUMNS),
        (np.array([["a", "b"], ["c", "d"]], dtype=object), Form.COLUMNS),
        (pl.DataFrame({"a": [[1], [2]]}), Form.COLUMNS),
        ([np.zeros((2, 3)), np.zeros((1, 3))], Form.SEQUENCE),
        ([[1, 2], [3]], Form.BAG),
        ([[1, 2], None], Form.BAG),
        ([[1, 2], [3, 4], "5"], Form.BAG),
        ([{1, 2}, {3, 4}], Form.BAG),
        ([frozenset("ab"), frozenset("cd")], Form.BAG),
        (pd.Series([[1, 2], [3, 4]]), Form.BAG),
        (as_objects([(1, 2), (3, 4)]), Form.BAG),
        (pd.Series([None, [], []]), Form.BAG),
    ],
)
def test_nested_lists_of_one_length_stay_a_table(X, form):
    assert form_of(X) is form


def test_sets_count_each_identifier_once():
    np.testing.assert_array_equal(reader().matrix([{"a", "b"}, frozenset("a")]).sum(axis=1), [2, 1])


def test_whole_numbers_are_the_same_in_every_type_and_differ_from_their_digits():
    own = reader()
    assert len({own.bucket(value) for value in (3, 3.0, np.int8(3), np.float32(3), np.uint64(3))}) == 1
    assert own.bucket(3) != own.bucket("3")
    assert own.bucket("ä") == own.bucket("ä".encode())
    assert own.bucket(True) == own.bucket(np.True_) == own.bucket(1)
    assert own.bucket(10**40) != own.bucket(10**40 + 1)


@pytest.mark.slow
def test_buckets_are_the_same_in_every_process():
    program = "from skmtl.features import BagEncoder; print([BagEncoder().build().bucket(v) for v in ('a', 7, '😀')])"
    found = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert found == {f"{[reader().bucket(value) for value in ('a', 7, '😀')]}\n"}


def test_strange_identifiers_are_read():
    own = reader()
    values = ["😀", "", " ", "x" * 10**6, "\ud800", -1, 10**30, b"\xff"]
    assert own.matrix([values, []]).sum() == len(values)
    assert len({own.bucket(value) for value in values}) == len(values)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([["a"], "b", []], r"Row 1 of X holds 'b', a str, where others hold lists of identifiers\. Put it into a list"),
        ([["a"], {"b": 1}], r"Row 1 of X holds \{'b': 1\}, a dict, where others hold lists"),
        ([["a"], [{"b": 1}]], r"Row 1 of X holds \{'b': 1\}, a dict, in its list.*turn it into a string"),
        ([["a"], [["b"]]], r"Row 1 of X holds \['b'\], a list, in its list.*Flatten it"),
        (
            [[1], [0.5, "a"]],
            r"Row 1 of X holds 0\.5, a float, in its list.*strings or whole numbers.*as many in each row",
        ),
        ([[1], [np.inf]], r"Row 1 of X holds inf, a float"),
        ([], "no list of identifiers"),
        (np.array([["a", "b"]]), r"one list of identifiers a row, and has shape \(1, 2\)"),
        (pl.DataFrame({"a": [[1]]}), r"has shape \(1, 1\)"),
        (["a", "b"], r"Row 0 of X holds 'a', a str"),
    ],
)
def test_what_is_no_list_of_identifiers_is_refused(X, message):
    with pytest.raises(ValueError, match=message):
        reader().matrix(X)


def test_rare_identifiers_are_left_out_and_new_ones_have_no_influence():
    own = reader(min_rows=2)
    rows = [[number % 3, 100 + number] for number in range(400)]
    standardizer = own.standardizer().update(own.fit_matrix(rows), None, np.ones(400))
    assert standardizer.n_tokens == 3
    block = standardizer.tensor(own.matrix([[1], [1, "new"], ["new"], []]), torch.float64, "cpu")
    np.testing.assert_allclose(block[:, 1], [3, 3, 0, 0])
    assert standardizer.inputs(torch.float32, torch.device("cpu")).form is Form.BAG


@pytest.mark.parametrize(("settings", "message"), [({"n_buckets": 0}, "n_buckets"), ({"min_rows": 0}, "min_rows")])
def test_parameters_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        reader(**settings)
