import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score

from skmtl.metrics import average_relative_rmse, hamming_loss, subset_accuracy_score

rng = np.random.default_rng(0)


def test_relative_rmse_is_the_root_of_what_r2_leaves():
    truth, predicted = rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    weights = rng.random(30)
    expected = np.mean([np.sqrt(1 - r2_score(truth[:, t], predicted[:, t], sample_weight=weights)) for t in (0, 1)])
    assert average_relative_rmse(truth, predicted, sample_weight=weights) == pytest.approx(expected, abs=1e-12)


def test_relative_rmse_by_hand():
    # Squared errors 1 + 0 + 1 over squared distances 4 + 0 + 4 from the mean 3.
    assert average_relative_rmse([1.0, 3.0, 5.0], [2.0, 3.0, 4.0]) == 0.5


def test_relative_rmse_of_constant_labels_counts_as_r2_does():
    assert average_relative_rmse([2.0, 2.0], [2.0, 2.0]) == 0
    assert average_relative_rmse([2.0, 2.0], [2.0, 3.0]) == 1


def test_relative_rmse_of_infinity_is_refused():
    with pytest.raises(ValueError, match="Task 'y0': y_true or y_pred contains NaN or infinity"):
        average_relative_rmse([1.0, 2.0], [np.inf, 2.0])


def test_relative_rmse_of_a_single_label_is_undefined():
    with pytest.raises(ValueError, match=r"no task is left to score; undefined: 'y0' \(all labels are 2\.0\)"):
        average_relative_rmse([2.0], [3.0])


def test_a_row_is_right_if_all_its_present_labels_are():
    truth = [[1, "a"], [1, None], [None, None], [0, "b"]]
    predicted = [[1, "a"], [1, "z"], [5, "z"], [0, "a"]]
    assert subset_accuracy_score(truth, predicted) == 2 / 3
    assert hamming_loss(truth, predicted) == np.mean([0, 1 / 2])


def test_subset_accuracy_of_one_target_is_the_accuracy():
    truth, predicted, weights = rng.integers(0, 3, 30), rng.integers(0, 3, 30), rng.random(30)
    assert subset_accuracy_score(truth, predicted, sample_weight=weights) == pytest.approx(
        accuracy_score(truth, predicted, sample_weight=weights), abs=1e-12
    )


def test_subset_accuracy_of_complete_labels_is_scikit_learns():
    truth, predicted = rng.integers(0, 2, (30, 3)), rng.integers(0, 2, (30, 3))
    assert subset_accuracy_score(truth, predicted) == accuracy_score(truth, predicted)


def test_a_row_weighs_the_mean_of_its_present_cells():
    truth = np.array([[1, 1], [1, 0]])
    predicted = np.array([[1, 1], [0, 0]])
    weights = np.array([[1.0, 3.0], [5.0, 0.0]])
    assert subset_accuracy_score(truth, predicted, sample_weight=weights) == pytest.approx(2 / 7)
    weights[1] = [0.0, 5.0]  # a wrong label of weight 0 is a missing one
    assert subset_accuracy_score(truth, predicted, sample_weight=weights) == 1


def test_rows_without_labels_or_predictions_are_told():
    with pytest.raises(ValueError, match="No task is left to score; without labels: 'y0', 'y1'"):
        subset_accuracy_score([[None, None]], [[1, 1]])
    with pytest.raises(ValueError, match="Task 'y1' has labels without a prediction"):
        subset_accuracy_score([[1, 1]], [[1, None]])


def test_labels_of_another_kind_are_wrong():
    assert subset_accuracy_score(np.array(["a", "b"]), np.array([1, 2])) == 0
