"""Splitters of scikit-learn's kind that divide the labels of all tasks alike."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit
from sklearn.model_selection._split import GroupsConsumerMixin, _validate_shuffle_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples

from ..tasks import Columns, split_columns
from ._division import divide_groups, divide_rows
from ._strata import label_strata, object_codes

N_BINS = 10


class _StratifiedFolds(BaseCrossValidator):
    """What the two splitters into folds share."""

    n_splits: int
    shuffle: bool
    random_state: Any
    n_bins: int

    def __init__(self, n_splits: int, shuffle: bool, random_state: Any, n_bins: int) -> None:
        name = type(self).__name__
        if not isinstance(n_splits, Integral) or isinstance(n_splits, bool) or n_splits < 2:
            raise ValueError(f"n_splits of {name} must be a whole number of at least 2, got {n_splits!r}.")
        if not isinstance(shuffle, (bool, np.bool_)):
            raise ValueError(f"shuffle of {name} must be True or False, got {shuffle!r}.")
        if not shuffle and random_state is not None:
            raise ValueError(
                f"random_state={random_state!r} of {name} has no effect while shuffle=False: pass shuffle=True too, or "
                "leave it out."
            )
        self.n_splits = int(n_splits)
        self.shuffle = shuffle
        self.random_state = random_state
        self.n_bins = _checked_bins(n_bins, name)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object, default=None
            Ignored; scikit-learn passes them.

        Returns
        -------
        int
        """
        return self.n_splits

    def _split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        columns = _columns(X, y, type(self).__name__)
        if columns.n_samples < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} is more than the {columns.n_samples} rows of y: some folds would be empty. "
                "Pass fewer splits."
            )
        generator = _generator(self.random_state) if self.shuffle else None
        fold = self._folds(columns, groups, generator)
        for number in range(self.n_splits):
            yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)

    def _folds(self, columns: Columns, groups: Any, generator: np.random.Generator | None) -> np.ndarray:
        """Return the fold of each row."""
        raise NotImplementedError


class MultiTaskStratifiedKFold(_StratifiedFolds):
    """Folds of equal size that each hold the same shares of every task's labels.

    All tasks are stratified at once: classes as they are, numbers by bins of equal frequency, missing labels as a class
    of their own. Rows are dealt in the order of iterative stratification [1]_, then exchanged between folds for as
    long as that brings the shares in the folds nearer to those of all rows. A class of at least `n_splits` rows is in
    each fold wherever the other classes leave room for it.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether chance decides which of several equally good divisions is taken. Without it the folds follow from y.
    random_state : int, RandomState instance or None, default=None
        Makes the chance of `shuffle=True` repeatable.
    n_bins : int, default=10
        Most bins of a column of numbers; fewer where a bin had fewer than `n_splits` rows. Numbers are floats that are
        not all whole, and whole numbers of more than 20 distinct values.

    See Also
    --------
    MultiTaskStratifiedGroupKFold : Keeps groups of rows together.
    MultiTaskStratifiedShuffleSplit : Draws test sets that may overlap.

    Notes
    -----
    scikit-learn's `StratifiedKFold` takes one column without missing labels; its `cv=5` with several columns means
    `KFold`. The work grows with n_samples · n_tasks · log(n_samples).

    References
    ----------
    .. [1] Sechidis, Tsoumakas, Vlahavas: On the Stratification of Multi-label Data. ECML PKDD 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.model_selection import MultiTaskStratifiedKFold
    >>> y = np.array([[0, 1], [0, np.nan], [0, 1], [0, np.nan], [1, 1], [1, np.nan], [1, 1], [1, np.nan]])
    >>> for train, test in MultiTaskStratifiedKFold(2).split(np.zeros((8, 1)), y):
    ...     print(y[test].tolist())
    [[0.0, 1.0], [0.0, nan], [1.0, 1.0], [1.0, nan]]
    [[0.0, 1.0], [0.0, nan], [1.0, 1.0], [1.0, nan]]
    """

    def __init__(
        self, n_splits: int = 5, *, shuffle: bool = False, random_state: Any = None, n_bins: int = N_BINS
    ) -> None:
        super().__init__(n_splits, shuffle, random_state, n_bins)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows to train on and to test on, fold by fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Only its length is read.
        y : array-like or DataFrame of shape (n_samples,) or (n_samples, n_tasks)
            Labels, of any kind each; missing ones are NaN, None or NA.
        groups : object, default=None
            Ignored, with a warning.

        Yields
        ------
        train : ndarray of int
        test : ndarray of int

        Raises
        ------
        ValueError
            If y is None or unfit, has fewer rows than there are folds, or another number of rows than X.
        """
        if groups is not None:
            warnings.warn(f"The groups parameter is ignored by {type(self).__name__}", UserWarning, stacklevel=2)
        return self._split(X, y)

    def _folds(self, columns: Columns, groups: Any, generator: np.random.Generator | None) -> np.ndarray:
        n_samples = columns.n_samples
        sizes = n_samples // self.n_splits + (np.arange(self.n_splits) < n_samples % self.n_splits)
        strata = label_strata(columns, self.n_bins, self.n_splits)
        return divide_rows(strata, sizes, self.n_splits, generator)


class MultiTaskStratifiedGroupKFold(GroupsConsumerMixin, _StratifiedFolds):
    """Folds that share no group, as equal in size and in every task's shares of labels as the groups allow.

    As :class:`MultiTaskStratifiedKFold`, with all rows of a group in one fold. Groups are dealt one by one, large ones
    first, each to the fold that lacks its labels most; then groups move and change places. Sizes of folds count as
    much as all tasks together. A class that at least `n_splits` groups hold is in each fold wherever possible.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether chance decides the order in which groups of about the same size are dealt. Without it the folds follow
        from y and the groups.
    random_state : int, RandomState instance or None, default=None
        Makes the chance of `shuffle=True` repeatable.
    n_bins : int, default=10
        Most bins of a column of numbers.

    See Also
    --------
    MultiTaskStratifiedKFold : For rows without groups.

    Notes
    -----
    Under scikit-learn's metadata routing it asks for `groups` by itself, as `GroupKFold` does.

    References
    ----------
    .. [1] Sechidis, Tsoumakas, Vlahavas: On the Stratification of Multi-label Data. ECML PKDD 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.model_selection import MultiTaskStratifiedGroupKFold
    >>> groups = np.array(["ann", "ann", "bob", "bob", "cid", "dan"])
    >>> y = np.array([["a", "x"], ["b", "x"], ["a", "y"], ["b", "y"], ["a", "x"], ["b", "y"]])
    >>> for train, test in MultiTaskStratifiedGroupKFold(2).split(y, y, groups):
    ...     print(groups[test])
    ['ann' 'ann' 'dan']
    ['bob' 'bob' 'cid']
    """

    def __init__(
        self, n_splits: int = 5, *, shuffle: bool = False, random_state: Any = None, n_bins: int = N_BINS
    ) -> None:
        super().__init__(n_splits, shuffle, random_state, n_bins)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows to train on and to test on, fold by fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Only its length is read.
        y : array-like or DataFrame of shape (n_samples,) or (n_samples, n_tasks)
            Labels, of any kind each; missing ones are NaN, None or NA.
        groups : array-like of shape (n_samples,)
            The group of each row.

        Yields
        ------
        train : ndarray of int
        test : ndarray of int

        Raises
        ------
        ValueError
            If y is None or unfit, has another number of rows than X, or there are fewer groups than folds.
        """
        return self._split(X, y, groups)

    def _folds(self, columns: Columns, groups: Any, generator: np.random.Generator | None) -> np.ndarray:
        numbers = _group_numbers(groups, columns.n_samples, type(self).__name__)
        n_groups = int(numbers.max()) + 1
        if n_groups < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} is more than the {n_groups} distinct groups: some folds would be empty. "
                "Pass fewer splits."
            )
        strata = label_strata(columns, self.n_bins, self.n_splits)
        return divide_groups(strata, numbers, self.n_splits, generator)


class MultiTaskStratifiedShuffleSplit(BaseShuffleSplit):
    """Random training and test sets that hold the same shares of every task's labels.

    Every split divides anew, as :class:`MultiTaskStratifiedKFold` does: training set, test set and the rows in neither,
    if sizes leave any. A class is in both sets if its share of rows in each is at least one row.

    Parameters
    ----------
    n_splits : int, default=10
        Number of splits.
    test_size : float or int, default=None
        Rows of the test set, or their share of all rows. None: those that `train_size` leaves, or 10 %.
    train_size : float or int, default=None
        Rows of the training set, or their share. None: those that `test_size` leaves.
    random_state : int, RandomState instance or None, default=None
        Makes the splits repeatable.
    n_bins : int, default=10
        Most bins of a column of numbers; fewer where the smaller set had not a row for each.

    See Also
    --------
    train_test_split : One such split of arrays and frames.

    References
    ----------
    .. [1] Sechidis, Tsoumakas, Vlahavas: On the Stratification of Multi-label Data. ECML PKDD 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.model_selection import MultiTaskStratifiedShuffleSplit
    >>> y = np.column_stack([np.arange(100) < 20, np.arange(100) % 2])
    >>> splitter = MultiTaskStratifiedShuffleSplit(2, test_size=0.2, random_state=0)
    >>> for train, test in splitter.split(y, y):
    ...     print(y[train].sum(axis=0), y[test].sum(axis=0))
    [16 40] [ 4 10]
    [16 40] [ 4 10]
    """

    n_bins: int

    def __init__(
        self,
        n_splits: int = 10,
        *,
        test_size: Any = None,
        train_size: Any = None,
        random_state: Any = None,
        n_bins: int = N_BINS,
    ) -> None:
        name = type(self).__name__
        if not isinstance(n_splits, Integral) or isinstance(n_splits, bool) or n_splits < 1:
            raise ValueError(f"n_splits of {name} must be a whole number of at least 1, got {n_splits!r}.")
        super().__init__(int(n_splits), test_size=test_size, train_size=train_size, random_state=random_state)
        self.n_bins = _checked_bins(n_bins, name)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows to train on and to test on, split by split.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Only its length is read.
        y : array-like or DataFrame of shape (n_samples,) or (n_samples, n_tasks)
            Labels, of any kind each; missing ones are NaN, None or NA.
        groups : object, default=None
            Ignored, with a warning.

        Yields
        ------
        train : ndarray of int
        test : ndarray of int

        Raises
        ------
        ValueError
            If y is None or unfit, has another number of rows than X, or the sizes leave a set empty.
        """
        if groups is not None:
            warnings.warn(f"The groups parameter is ignored by {type(self).__name__}", UserWarning, stacklevel=2)
        return self._split(X, y)

    def _split(self, X: Any, y: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        columns = _columns(X, y, type(self).__name__)
        n_samples = columns.n_samples
        n_train, n_test = _validate_shuffle_split(
            n_samples, self.test_size, self.train_size, default_test_size=self._default_test_size
        )
        sizes = np.array([size for size in (n_train, n_test, n_samples - n_train - n_test) if size])
        strata = label_strata(columns, self.n_bins, n_samples / min(n_train, n_test))
        generator = _generator(self.random_state)
        for _ in range(self.n_splits):
            part = divide_rows(strata, sizes, 2, generator)
            yield generator.permutation(np.flatnonzero(part == 0)), generator.permutation(np.flatnonzero(part == 1))


def _checked_bins(n_bins: Any, name: str) -> int:
    if not isinstance(n_bins, Integral) or isinstance(n_bins, bool) or n_bins < 1:
        raise ValueError(f"n_bins of {name} must be a whole number of at least 1, got {n_bins!r}.")
    return int(n_bins)


def _columns(X: Any, y: Any, name: str) -> Columns:
    """Return the columns of y, of as many rows as X."""
    if y is None:
        raise ValueError(f"{name} divides the labels of y, but y is None: pass split(X, y).")
    columns = split_columns(y)
    n_rows = _num_samples(X)
    if n_rows != columns.n_samples:
        raise ValueError(f"X has {n_rows} rows, but y has {columns.n_samples}: each row of X needs one of y.")
    return columns


def _group_numbers(groups: Any, n_samples: int, name: str) -> np.ndarray:
    """Return the place of each row's group among the sorted distinct ones."""
    if groups is None:
        raise ValueError(f"{name} keeps groups together, but groups is None: pass split(X, y, groups).")
    columns = split_columns(groups, "groups")
    if len(columns.values) > 1:
        raise ValueError(f"groups has {len(columns.values)} columns; one is needed, the group of each row.")
    labels, missing = columns.values[0], columns.missing[0]
    if len(labels) != n_samples:
        raise ValueError(f"groups has {len(labels)} rows, but y has {n_samples}: each row needs its group.")
    if missing.any():
        raise ValueError(
            f"groups is missing in {missing.sum()} rows, first in row {int(missing.argmax())}: give each row "
            "without a group a group of its own."
        )
    return object_codes(labels) if labels.dtype == object else np.unique(labels, return_inverse=True)[1]


def _generator(random_state: Any) -> np.random.Generator:
    return np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
