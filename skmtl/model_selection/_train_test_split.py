"""scikit-learn's `train_test_split`, with the labels of all tasks divided alike."""

from __future__ import annotations

from typing import Any

from sklearn.model_selection import train_test_split as plain_split
from sklearn.utils import _safe_indexing, indexable

from ._splitters import MultiTaskStratifiedShuffleSplit

DEFAULT_TEST_SIZE = 0.25


def train_test_split(
    X: Any,
    y: Any,
    *more: Any,
    test_size: float | int | None = None,
    train_size: float | int | None = None,
    random_state: Any = None,
    shuffle: bool = True,
    stratify_tasks: bool = True,
) -> list[Any]:
    """Split arrays and frames into a training and a test set that hold the same shares of every task's labels.

    Parameters
    ----------
    X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
    y : array-like or DataFrame of shape (n_samples,) or (n_samples, n_tasks)
        Labels, of any kind each; missing ones are NaN, None or NA.
    *more : array-likes of length n_samples
        Further things to split alike, such as sample weights or groups.
    test_size : float or int, default=None
        Rows of the test set, or their share of all rows. None: those that `train_size` leaves, or 25 %.
    train_size : float or int, default=None
        Rows of the training set, or their share. None: those that `test_size` leaves.
    random_state : int, RandomState instance or None, default=None
        Makes the split repeatable.
    shuffle : bool, default=True
        Whether rows are drawn. False cuts them in their order, first the training set, and needs
        `stratify_tasks=False`.
    stratify_tasks : bool, default=True
        Whether the labels of y are divided alike. False draws as scikit-learn's function does.

    Returns
    -------
    list, length 2 · (2 + len(more))
        X_train, X_test, y_train, y_test and so on, each of the type it came in, as scikit-learn returns them.

    Raises
    ------
    ValueError
        If the arrays differ in length, the sizes leave a set empty, y is None or unfit to be stratified, or
        `shuffle=False` meets `stratify_tasks=True`.

    See Also
    --------
    MultiTaskStratifiedShuffleSplit : Several such splits.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.model_selection import train_test_split
    >>> y = np.column_stack([np.arange(40) < 8, np.arange(40) % 2])
    >>> X_train, X_test, y_train, y_test = train_test_split(np.arange(40), y, random_state=0)
    >>> y_train.sum(axis=0), y_test.sum(axis=0)
    (array([ 6, 15]), array([2, 5]))
    """
    if not stratify_tasks:
        return list(
            plain_split(
                X, y, *more, test_size=test_size, train_size=train_size, random_state=random_state, shuffle=shuffle
            )
        )
    if not shuffle:
        raise ValueError(
            "shuffle=False cuts the rows in their order, and stratify_tasks=True chooses them by their labels: pass "
            "stratify_tasks=False as well, or leave shuffle out."
        )
    arrays = indexable(X, y, *more)
    splitter = MultiTaskStratifiedShuffleSplit(1, test_size=test_size, train_size=train_size, random_state=random_state)
    splitter._default_test_size = DEFAULT_TEST_SIZE
    train, test = next(splitter.split(X, y))
    return [_safe_indexing(array, rows) for array in arrays for rows in (train, test)]
