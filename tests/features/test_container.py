"""A container of several parts behaves as an array of samples does."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold, train_test_split
from sklearn.utils import resample

from skmtl.features import MultiModal


def container(n_rows=10):
    return MultiModal(
        {
            "table": pd.DataFrame({"a": np.arange(n_rows)}),
            "picture": np.arange(n_rows * 4).reshape(n_rows, 1, 2, 2),
            "text": [f"number {row}" for row in range(n_rows)],
        }
    )


def numbers_of(X):
    """Which samples these are, by each part."""
    by_part = [
        X.parts["table"]["a"].tolist(),
        [int(picture[0, 0, 0]) // 4 for picture in X.parts["picture"]],
        [int(text.split()[1]) for text in X.parts["text"]],
    ]
    assert by_part[0] == by_part[1] == by_part[2]
    return by_part[0]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (slice(2, 4), [2, 3]),
        ([7, 0, 7], [7, 0, 7]),
        (np.arange(10) > 7, [8, 9]),
        (3, [3]),
        ((np.array([1, 2]), ...), [1, 2]),
        (slice(0, 0), []),
    ],
)
def test_samples_are_chosen_in_all_parts(key, expected):
    X = container()
    if not expected:
        assert len(X[key]) == 0
        return
    assert numbers_of(X[key]) == expected
    assert X[key].shape == (len(expected), 3)


def test_scikit_learn_splits_and_draws_samples():
    X, y = container(), np.arange(10)
    train, test, y_train, y_test = train_test_split(X, y, random_state=0)
    assert numbers_of(train) == y_train.tolist()
    assert numbers_of(test) == y_test.tolist()
    assert [len(part) for part, _ in KFold(5).split(X)] == [8] * 5
    assert len(numbers_of(resample(X, random_state=0))) == 10


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "at least one part"),
        ({"a": [1, 2], "b": np.zeros((3, 2))}, r"as many samples, but these have \{'a': 2, 'b': 3\}"),
        ({"a": "word"}, "Part 'a' of a MultiModal must hold a value a sample, got a str"),
        ({"a": 3}, "got a int"),
        (
            {"a": [1, 2], "b": MultiModal({"c": [1, 2]})},
            "Part 'b' of a MultiModal is MultiModal.* side by side, in one",
        ),
    ],
)
def test_what_is_no_container_is_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        MultiModal(parts)
