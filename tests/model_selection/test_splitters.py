import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    cross_validate,
)

from skmtl.model_selection import (
    MultiTaskStratifiedGroupKFold,
    MultiTaskStratifiedKFold,
    MultiTaskStratifiedShuffleSplit,
)


def random_labels(seed, n_samples=300, n_tasks=5):
    """Return classes of which some are rare, and missing labels."""
    generator = np.random.default_rng(seed)
    labels = np.minimum(generator.geometric(0.5, size=(n_samples, n_tasks)), 6).astype(float)
    labels[generator.random(labels.shape) < 0.1] = np.nan
    return labels


def fold_of_row(splitter, y, groups=None):
    folds = np.full(len(y), -1)
    for number, (train, test) in enumerate(splitter.split(np.zeros(len(y)), y, groups)):
        assert (folds[test] == -1).all()
        np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(len(y)))
        folds[test] = number
    assert (folds >= 0).all()
    return folds


def label_masks(y):
    return [np.isnan(column) if np.isnan(value) else column == value for column in y.T for value in np.unique(column)]


def deviation(folds, y):
    shares = [[mask[folds == fold].mean() - mask.mean() for mask in label_masks(y)] for fold in range(folds.max() + 1)]
    return np.abs(shares).mean()


@pytest.mark.parametrize("n_splits", [2, 5, 7])
def test_sizes_of_folds_differ_by_one_row_at_most(n_splits):
    sizes = np.bincount(fold_of_row(MultiTaskStratifiedKFold(n_splits), random_labels(0)))
    assert np.ptp(sizes) <= 1
    assert (np.diff(sizes) <= 0).all()  # the first folds are the larger ones, as in KFold


@pytest.mark.parametrize(("n_samples", "n_splits"), [(300, 300), (1000, 100)])
def test_many_folds_are_no_trouble(n_samples, n_splits):
    y = random_labels(0, n_samples=n_samples, n_tasks=3)
    folds = fold_of_row(MultiTaskStratifiedKFold(n_splits), y)
    assert np.ptp(np.bincount(folds)) == 0
    for mask in label_masks(y):
        if mask.sum() >= n_splits:
            assert len(np.unique(folds[mask])) == n_splits


@pytest.mark.parametrize("seed", range(25))
def test_every_fold_holds_every_class_of_enough_rows(seed):
    n_splits = 2 + seed % 9
    y = random_labels(seed, n_samples=60 + 10 * seed, n_tasks=1 + seed % 7)
    folds = fold_of_row(MultiTaskStratifiedKFold(n_splits, shuffle=True, random_state=seed), y)
    for mask in label_masks(y):
        if mask.sum() >= n_splits:
            assert len(np.unique(folds[mask])) == n_splits


def test_one_task_of_classes_is_divided_as_evenly_as_rows_allow():
    y = np.random.default_rng(0).choice(["a", "b", "c"], size=101, p=[0.7, 0.2, 0.1])
    folds = fold_of_row(MultiTaskStratifiedKFold(4), y)
    for label in "abc":
        assert np.ptp(np.bincount(folds[y == label], minlength=4)) <= 1


def test_labels_of_several_tasks_are_within_one_row_of_their_share():
    y = random_labels(1, n_samples=1000, n_tasks=4)
    folds = fold_of_row(MultiTaskStratifiedKFold(5), y)
    for mask in label_masks(y):
        counts = np.bincount(folds[mask], minlength=5)
        assert np.abs(counts - mask.sum() / 5).max() <= 1.0


def test_numbers_have_the_same_distribution_in_all_folds():
    y = np.random.default_rng(0).lognormal(size=(500, 3))
    folds = fold_of_row(MultiTaskStratifiedKFold(5), y)
    chance = fold_of_row(KFold(5, shuffle=True, random_state=0), y)

    def spread(own):
        return np.std([np.log(y[own == fold]).mean(axis=0) for fold in range(5)], axis=0).mean()

    assert spread(folds) < spread(chance) / 3
    for column in y.T:
        assert (np.bincount(folds[column <= np.median(column)]) == 50).all()


def test_without_shuffle_the_folds_follow_from_y():
    y = random_labels(2)
    np.testing.assert_array_equal(
        fold_of_row(MultiTaskStratifiedKFold(5), y), fold_of_row(MultiTaskStratifiedKFold(5), y)
    )


@pytest.mark.parametrize("group", [False, True])
def test_random_state_repeats_and_varies_the_folds(group):
    y = random_labels(3)
    groups = np.arange(300) // 5 if group else None
    kind = MultiTaskStratifiedGroupKFold if group else MultiTaskStratifiedKFold
    first, again, other = (fold_of_row(kind(5, shuffle=True, random_state=seed), y, groups) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    state = np.random.RandomState(0)
    splitter = kind(5, shuffle=True, random_state=state)
    assert (fold_of_row(splitter, y, groups) != fold_of_row(splitter, y, groups)).any()


def test_names_of_classes_do_not_matter():
    y = random_labels(4)
    names = pd.DataFrame(y).replace({value: f"class {value:.0f}" for value in range(1, 7)})
    folds = fold_of_row(MultiTaskStratifiedKFold(5), y)
    np.testing.assert_array_equal(folds, fold_of_row(MultiTaskStratifiedKFold(5), names))


def test_frames_lists_and_arrays_are_divided_alike():
    polars = pytest.importorskip("polars")
    kinds = {"class": ["a", "b", None, "a"] * 10, "count": [0, 1, 1, None] * 10, "number": list(np.arange(40) + 0.5)}
    y = np.array(list(kinds.values()), dtype=object).T
    expected = fold_of_row(MultiTaskStratifiedKFold(4), y)
    for same in (y.tolist(), pd.DataFrame(kinds), polars.DataFrame(kinds)):
        np.testing.assert_array_equal(fold_of_row(MultiTaskStratifiedKFold(4), same), expected)


def test_groups_stay_whole_and_are_as_even_as_in_scikit_learn():
    generator = np.random.default_rng(0)
    groups = generator.integers(60, size=600)
    y = (generator.random(600) < 0.1 + 0.5 * (groups % 3 == 0)).astype(float)[:, None]
    folds = fold_of_row(MultiTaskStratifiedGroupKFold(5), y, groups)
    assert all(len(np.unique(folds[groups == group])) == 1 for group in range(60))
    peer = np.empty(600, dtype=int)
    for number, (_, test) in enumerate(StratifiedGroupKFold(5).split(y, y.ravel(), groups)):
        peer[test] = number
    assert deviation(folds, y) <= deviation(peer, y)
    assert np.ptp(np.bincount(folds)) <= np.ptp(np.bincount(peer))


@pytest.mark.parametrize("seed", range(10))
def test_a_class_that_enough_groups_hold_is_in_every_fold(seed):
    y, generator = random_labels(seed, n_tasks=3), np.random.default_rng(seed)
    groups = np.array([f"group {number}" for number in generator.integers(80, size=300)])
    folds = fold_of_row(MultiTaskStratifiedGroupKFold(4), y, groups)
    for mask in label_masks(y):
        if len(np.unique(groups[mask])) >= 4:
            assert len(np.unique(folds[mask])) == 4


def test_single_rows_as_groups_have_folds_of_equal_size():
    assert np.ptp(np.bincount(fold_of_row(MultiTaskStratifiedGroupKFold(4), random_labels(0), np.arange(300)))) <= 1


@pytest.mark.parametrize("sizes", [{}, {"test_size": 30}, {"train_size": 0.5, "test_size": 0.2}, {"train_size": 40}])
def test_shuffle_split_has_the_sizes_of_scikit_learn(sizes):
    y = random_labels(0)
    ours = MultiTaskStratifiedShuffleSplit(2, random_state=0, **sizes).split(y, y)
    theirs = ShuffleSplit(2, random_state=0, **sizes).split(y, y)
    for (train, test), (plain_train, plain_test) in zip(ours, theirs, strict=True):
        assert (len(train), len(test)) == (len(plain_train), len(plain_test))
        assert len(np.unique(np.concatenate([train, test]))) == len(train) + len(test)


@pytest.mark.parametrize("sizes", [{"test_size": 0.25}, {"train_size": 0.4, "test_size": 0.3}, {"test_size": 0.9}])
def test_shuffle_split_has_the_shares_of_all_rows_in_both_sets(sizes):
    y = random_labels(5, n_samples=600, n_tasks=4)
    splits = list(MultiTaskStratifiedShuffleSplit(3, random_state=0, **sizes).split(y, y))
    for own in (rows for split in splits for rows in split):
        for mask in label_masks(y):
            assert abs(mask[own].sum() - mask.sum() * len(own) / 600) < 2
    assert set(splits[0][1]) != set(splits[1][1])


def test_a_class_of_two_rows_is_trained_on_and_tested():
    y = np.array([0] * 18 + [1] * 2)
    for train, test in MultiTaskStratifiedShuffleSplit(5, test_size=0.5, random_state=0).split(y, y):
        assert y[train].sum() == y[test].sum() == 1


def test_cv_of_scikit_learn_takes_them_where_an_integer_means_plain_folds():
    X, y = np.random.default_rng(0).normal(size=(90, 3)), random_labels(0, n_samples=90, n_tasks=2)
    y = np.nan_to_num(y)
    splitter = MultiTaskStratifiedKFold(3, shuffle=True, random_state=0)
    found = cross_validate(Ridge(), X, y, cv=splitter, return_indices=True)
    for ours, (_, test) in zip(found["indices"]["test"], splitter.split(X, y), strict=True):
        np.testing.assert_array_equal(ours, test)
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 10.0]}, cv=MultiTaskStratifiedShuffleSplit(4, random_state=0))
    assert search.fit(X, y).n_splits_ == 4
    groups = np.arange(90) // 3
    assert len(cross_validate(Ridge(), X, y, groups=groups, cv=MultiTaskStratifiedGroupKFold(3))["test_score"]) == 3


def test_groups_are_routed_to_the_splitter_that_asks_for_them():
    X, y, groups = np.zeros((12, 1)), np.tile([0, 1], 6), np.repeat(np.arange(4), 3)
    with config_context(enable_metadata_routing=True):
        found = cross_validate(
            DummyClassifier(), X, y, params={"groups": groups}, cv=MultiTaskStratifiedGroupKFold(2), return_indices=True
        )
    for train, test in zip(found["indices"]["train"], found["indices"]["test"], strict=True):
        assert not set(groups[train]) & set(groups[test])


def test_they_say_what_they_are():
    assert " ".join(repr(MultiTaskStratifiedKFold(3)).split()) == (
        "MultiTaskStratifiedKFold(n_bins=10, n_splits=3, random_state=None, shuffle=False)"
    )
    assert repr(MultiTaskStratifiedShuffleSplit(test_size=0.2)).startswith("MultiTaskStratifiedShuffleSplit(n_bins=10")
    assert MultiTaskStratifiedGroupKFold(4).get_n_splits() == 4
    assert MultiTaskStratifiedShuffleSplit(6).get_n_splits() == 6


@pytest.mark.parametrize("splitter", [MultiTaskStratifiedKFold(2), MultiTaskStratifiedShuffleSplit(2)])
def test_groups_that_are_ignored_are_warned_of(splitter):
    with pytest.warns(UserWarning, match="groups parameter is ignored by MultiTaskStratified"):
        next(splitter.split(np.zeros(4), [0, 0, 1, 1], [0, 1, 2, 3]))


@pytest.mark.parametrize("kind", [MultiTaskStratifiedKFold, MultiTaskStratifiedGroupKFold])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_splits": 1}, "n_splits of MultiTask.* at least 2, got 1"),
        ({"n_splits": 2.5}, "n_splits of MultiTask.* got 2.5"),
        ({"shuffle": "yes"}, "shuffle of MultiTask.* got 'yes'"),
        ({"random_state": 3}, "random_state=3 of MultiTask.* pass shuffle=True"),
        ({"n_bins": 0}, "n_bins of MultiTask.* got 0"),
    ],
)
def test_wrong_parameters_of_folds_are_named(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**arguments)


def test_wrong_parameters_of_shuffle_split_are_named():
    with pytest.raises(ValueError, match=r"n_splits of MultiTaskStratifiedShuffleSplit .* got 0"):
        MultiTaskStratifiedShuffleSplit(0)
    with pytest.raises(ValueError, match=r"n_bins of MultiTaskStratifiedShuffleSplit .* got True"):
        MultiTaskStratifiedShuffleSplit(n_bins=True)
    with pytest.raises(ValueError, match="test_size=9"):
        next(MultiTaskStratifiedShuffleSplit(test_size=9).split(np.zeros(4), [0, 0, 1, 1]))


@pytest.mark.parametrize(
    ("X", "y", "groups", "message"),
    [
        (np.zeros(4), None, np.arange(4), "but y is None"),
        (np.zeros(3), [0, 0, 1, 1], np.arange(4), "X has 3 rows, but y has 4"),
        (np.zeros(2), [0, 1], np.arange(2), "n_splits=3 is more than the 2 rows"),
        (np.zeros(4), [0, 0, 1, 1], None, "groups is None"),
        (np.zeros(4), [0, 0, 1, 1], [0, 0, 1, 1], "n_splits=3 is more than the 2 distinct groups"),
        (np.zeros(4), [0, 0, 1, 1], [0, 1, 2], "groups has 3 rows, but y has 4"),
        (np.zeros(4), [0, 0, 1, 1], ["a", "b", None, "c"], "missing in 1 rows, first in row 2"),
        (np.zeros(4), [0, 0, 1, 1], np.zeros((4, 2)), "groups has 2 columns"),
    ],
)
def test_data_that_cannot_be_divided_are_refused(X, y, groups, message):
    with pytest.raises(ValueError, match=message):
        next(MultiTaskStratifiedGroupKFold(3).split(X, y, groups))


@pytest.mark.slow
def test_many_rows_and_tasks_take_seconds():
    generator = np.random.default_rng(0)
    y = (generator.random((100_000, 50)) < generator.uniform(0.01, 0.5, size=50)).astype(float)
    folds = fold_of_row(MultiTaskStratifiedKFold(5), y)
    counts = np.stack([y[folds == fold].sum(axis=0) for fold in range(5)])
    assert np.abs(counts - counts.mean(axis=0)).max() < 20  # by chance: about 300
