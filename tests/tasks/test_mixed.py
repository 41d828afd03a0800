"""Encoders of several kinds side by side: each column is served as by its own encoder alone."""

import numpy as np
import pytest

from skmtl.losses import LogLoss, Poisson, Quantile, SquaredError
from skmtl.tasks import ClassificationTargets, MixedTargets, RegressionTargets, split_columns

NAMES = ["price", "size", "visits", "open"]
LABELS = [
    [10.0, "l", 2, True],
    [None, "s", 4, False],
    [30.0, "l", None, None],
    [20.0, None, 0, True],
]
NUMERIC, CLASSED = np.array([0, 2]), np.array([1, 3])
CLASSES = [np.array(["l", "s"]), np.array([False, True])]


def parts(losses=None):
    first, second = losses or (SquaredError(), Poisson())
    regression = RegressionTargets(["price", "visits"], [first, second])
    classification = ClassificationTargets(["size", "open"], [LogLoss(), LogLoss(0.1)], CLASSES)
    return regression, classification


def mixed(losses=None):
    regression, classification = parts(losses)
    return MixedTargets(NAMES, [(NUMERIC, regression), (CLASSED, classification)])


COLUMNS = split_columns(LABELS)
WEIGHTS = 1.0 - np.stack(COLUMNS.missing, axis=1)
NUMBERS = np.array([[10, 0, 2, 1], [np.nan, 1, 4, 0], [30, 0, np.nan, np.nan], [20, np.nan, 0, 1]])


def fitted(losses=None):
    return mixed(losses).fit(NUMBERS, WEIGHTS)


# What each column has


def test_columns_keep_what_their_encoders_say_of_them():
    targets = mixed()
    assert targets.names == NAMES
    assert targets.losses == [SquaredError(), LogLoss(), Poisson(), LogLoss(0.1)]
    assert [classes.tolist() for classes in targets.classes] == [[], ["l", "s"], [], [False, True]]
    assert targets.n_classes == [1, 2, 1, 2]
    assert targets.neutral().tolist() == [0, 0, 1, 0]  # a count of 1, as 0 has no logarithm


def test_a_column_of_one_class_is_not_learnable():
    single = ClassificationTargets(["k", "l"], [LogLoss()] * 2, [np.array([1]), np.array([1, 2])])
    price = RegressionTargets(["price"], [SquaredError()])
    targets = MixedTargets(["k", "price", "l"], [(np.array([0, 2]), single), (np.array([1]), price)])
    assert targets.learnable.dtype == bool
    assert targets.learnable.tolist() == [False, True, True]


def test_encoders_without_columns_are_left_out():
    regression = RegressionTargets(["a"], [SquaredError()])
    nothing = ClassificationTargets([], [], [])
    targets = MixedTargets(["a"], [(np.array([0]), regression), (np.array([], dtype=int), nothing)])
    assert [part for _, part in targets.parts] == [regression]
    assert targets.numbers(split_columns([1.0, 2.0])).tolist() == [[1], [2]]


# Labels and numbers


def test_labels_become_numbers_in_their_own_columns():
    np.testing.assert_array_equal(mixed().numbers(COLUMNS), NUMBERS)
    np.testing.assert_array_equal(mixed().known_numbers(COLUMNS), NUMBERS)


def test_an_unknown_class_is_refused_or_minus_one():
    strange = split_columns([[1.0, "xl", 2, True]])
    with pytest.raises(ValueError, match=r"Task 'size' holds the label 'xl', .* \['l', 's'\]"):
        mixed().numbers(strange)
    assert mixed().known_numbers(strange).tolist() == [[1, -1, 2, 1]]


def test_what_a_loss_refuses_names_the_column():
    with pytest.raises(ValueError, match="Task 'visits': loss 'poisson' needs labels >= 0"):
        mixed().numbers(split_columns([[1.0, "l", -2, True]]))


def test_the_order_of_encoders_does_not_matter():
    regression, classification = parts()
    other = MixedTargets(NAMES, [(CLASSED, classification), (NUMERIC, regression)]).fit(NUMBERS, WEIGHTS)
    np.testing.assert_array_equal(other.encode(NUMBERS), fitted().encode(NUMBERS))
    assert other.losses == fitted().losses


def test_encoding_is_that_of_the_encoders_alone():
    regression, classification = parts()
    regression.fit(NUMBERS[:, NUMERIC], WEIGHTS[:, NUMERIC])
    encoded = fitted().encode(NUMBERS)
    np.testing.assert_array_equal(encoded[:, NUMERIC], regression.encode(NUMBERS[:, NUMERIC]))
    np.testing.assert_array_equal(encoded[:, CLASSED], classification.encode(NUMBERS[:, CLASSED]))
    # mean 20, deviation sqrt(200 / 3); counts are divided by their mean, 2
    np.testing.assert_allclose(encoded[:, 0], [-np.sqrt(1.5), np.nan, np.sqrt(1.5), 0])
    np.testing.assert_allclose(encoded[:, 2], [1, 2, np.nan, 0])


def test_decoding_undoes_encoding():
    targets = fitted()
    encoded = targets.encode(NUMBERS)
    for column in range(len(NAMES)):
        np.testing.assert_allclose(targets.decode(encoded[:, column], column), NUMBERS[:, column])


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(IndexError, match="There is no column 4 among 4"):
        fitted().decode(np.zeros(3), 4)


# Predictions


PREDICTED = [
    np.array([10.0, 20.0, 30.0, 20.0]),
    np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.5, 0.5]]),
    np.array([2.0, 4.0, 9.0, 0.0]),
    np.array([[0.1, 0.9], [0.2, 0.8], [0.5, 0.5], [0.4, 0.6]]),
]


def test_predictions_become_labels_of_each_columns_own_kind():
    price, size, visits, is_open = fitted().labels(PREDICTED)
    assert price.tolist() == [10, 20, 30, 20]
    assert size.tolist() == ["l", "s", "s", "l"]
    assert visits.tolist() == [2, 4, 9, 0]
    assert is_open.tolist() == [True, True, False, True]
    assert [values.dtype.kind for values in (price, size, visits, is_open)] == ["f", "U", "f", "b"]


def test_scores_stand_at_the_positions_of_their_columns():
    scores = fitted().scores(COLUMNS, PREDICTED, WEIGHTS)
    assert list(scores) == [0, 1, 2, 3]
    # R² of exact numbers; 2 of 3 sizes and 2 of 3 openings are right; missing labels are left out
    assert scores == pytest.approx({0: 1.0, 1: 2 / 3, 2: 1.0, 3: 2 / 3})


def test_columns_without_labels_have_no_score():
    weights = WEIGHTS.copy()
    weights[:, [1, 2]] = 0
    assert list(fitted().scores(COLUMNS, PREDICTED, weights)) == [0, 3]


def test_an_unknown_class_is_scored_as_wrong():
    columns = split_columns([[10.0, "xl", 2, True], [30.0, "l", 3, False]])
    predicted = [values[:2] for values in PREDICTED]
    assert fitted().scores(columns, predicted, np.ones((2, 4)))[1] == 0


def test_constants_are_means_and_class_shares():
    price, size, visits, is_open = fitted().constants(NUMBERS, WEIGHTS)
    assert price == pytest.approx(20)
    np.testing.assert_allclose(size, [2 / 3, 1 / 3])
    assert visits == pytest.approx(2)
    np.testing.assert_allclose(is_open, [1 / 3, 2 / 3])


def test_quantiles_are_predicted_by_the_middle_one():
    targets = fitted((Quantile((0.1, 0.5, 0.9)), Poisson()))
    table = np.array([[1.0, 5.0, 6.0]] * 4)
    assert targets.labels([table, *PREDICTED[1:]])[0].tolist() == [5.0] * 4
    assert targets.constants(NUMBERS, WEIGHTS)[0].shape == (3,)


# Going on


def test_a_model_that_goes_on_keeps_its_units():
    earlier = fitted()
    later = mixed().fit(10 * NUMBERS, WEIGHTS)
    going_on = earlier.continued(later)
    np.testing.assert_array_equal(going_on.encode(NUMBERS), earlier.encode(NUMBERS))
    assert going_on.parts[0][1] is not earlier.parts[0][1]  # what is trained further leaves the earlier one alone


def test_a_model_that_goes_on_needs_the_same_classes():
    regression, _ = parts()
    other = ClassificationTargets(["size", "open"], [LogLoss(), LogLoss(0.1)], [np.array(["l", "m"]), CLASSES[1]])
    with pytest.raises(ValueError, match=r"The classes of task 'size' were \['l', 's'\] and are \['l', 'm'\] now"):
        fitted().continued(MixedTargets(NAMES, [(NUMERIC, regression), (CLASSED, other)]))
