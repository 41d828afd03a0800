import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array, issparse
from sklearn.model_selection import train_test_split as plain_split

from skmtl.model_selection import train_test_split

N_SAMPLES = 80
Y = np.column_stack([np.arange(N_SAMPLES) % 4 == 0, np.arange(N_SAMPLES) < 20]).astype(float)
Y[::8, 1] = np.nan


def test_both_sets_hold_the_same_shares_of_labels():
    rows = np.arange(N_SAMPLES)
    train, test, y_train, y_test = train_test_split(rows, Y, random_state=0)
    assert sorted([*train, *test]) == rows.tolist()
    assert len(test) == 20
    np.testing.assert_array_equal(y_train, Y[train])
    np.testing.assert_array_equal(y_test, Y[test])
    assert y_test[:, 0].sum() == 5
    assert np.isnan(y_test[:, 1]).sum() in (2, 3)
    assert np.nansum(y_test[:, 1]) in (4, 5)


def test_things_come_back_in_their_own_kind_and_order():
    polars = pytest.importorskip("polars")
    numbers = np.arange(N_SAMPLES)
    things = [
        pd.DataFrame({"x": numbers}, index=numbers + 100),
        pd.DataFrame(Y, columns=["a", "b"]),
        polars.DataFrame({"x": numbers}),
        csr_array(numbers[:, None]),
        numbers.tolist(),
    ]
    parts = train_test_split(*things, test_size=10, random_state=0)
    assert len(parts) == 10
    for place, thing in enumerate(things):
        assert all(type(part) is type(thing) for part in parts[2 * place : 2 * place + 2])
    for place, size in enumerate([70, 10]):
        frame, labels, other, sparse, listed = parts[place::2]
        assert len(listed) == size
        assert issparse(sparse)
        np.testing.assert_array_equal(frame["x"], listed)
        np.testing.assert_array_equal(frame.index, np.array(listed) + 100)
        np.testing.assert_array_equal(labels, Y[listed])
        np.testing.assert_array_equal(other["x"].to_numpy(), listed)
        np.testing.assert_array_equal(sparse.toarray().ravel(), listed)


@pytest.mark.parametrize("options", [{}, {"test_size": 0.3}, {"train_size": 20}, {"shuffle": False}])
def test_without_stratification_it_is_scikit_learns(options):
    options = {"random_state": 0, **options}
    for ours, theirs in zip(
        train_test_split(Y, Y, stratify_tasks=False, **options), plain_split(Y, Y, **options), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("options", [{"test_size": 0.3}, {"train_size": 20}, {"train_size": 0.5, "test_size": 7}])
def test_sizes_are_scikit_learns(options):
    ours, theirs = train_test_split(Y, Y, random_state=0, **options), plain_split(Y, Y, **options)
    assert [len(part) for part in ours] == [len(part) for part in theirs]


def test_random_state_repeats_the_split():
    first, again, other = (train_test_split(np.arange(N_SAMPLES), Y, random_state=seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


def test_what_cannot_be_split_is_refused():
    with pytest.raises(ValueError, match="pass stratify_tasks=False as well"):
        train_test_split(Y, Y, shuffle=False)
    with pytest.raises(ValueError, match="y is None"):
        train_test_split(Y, None)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        train_test_split(Y, Y, np.arange(3))
