import pickle
from functools import partial

import numpy as np
import pytest
from sklearn import metrics

from skmtl import metrics as ours
from skmtl.metrics import multitask

rng = np.random.default_rng(0)
N, T = 40, 3
NUMBERS = rng.normal(size=(N, T))
GUESSES = NUMBERS + 0.5 * rng.normal(size=(N, T))
CLASSES = rng.integers(0, 2, size=(N, T))
VOTES = np.where(rng.random((N, T)) < 0.3, 1 - CLASSES, CLASSES)
HOLES = rng.random((N, T)) < 0.3
WEIGHTS = rng.integers(0, 3, size=(N, T)).astype(float)

REGRESSION = [
    (ours.r2_score, metrics.r2_score),
    (ours.root_mean_squared_error, metrics.root_mean_squared_error),
    (ours.mean_absolute_error, metrics.mean_absolute_error),
    (ours.mean_squared_error, metrics.mean_squared_error),
    (ours.median_absolute_error, metrics.median_absolute_error),
    (ours.d2_absolute_error_score, metrics.d2_absolute_error_score),
]
CLASSIFICATION = [
    (ours.accuracy_score, metrics.accuracy_score),
    (ours.balanced_accuracy_score, metrics.balanced_accuracy_score),
    (ours.precision_score, metrics.precision_score),
    (ours.recall_score, metrics.recall_score),
    (ours.f1_score, metrics.f1_score),
    (partial(ours.f1_score, average="macro"), partial(metrics.f1_score, average="macro")),
    (ours.jaccard_score, metrics.jaccard_score),
    (ours.matthews_corrcoef, metrics.matthews_corrcoef),
    (ours.cohen_kappa_score, metrics.cohen_kappa_score),
    (ours.hamming_loss, metrics.hamming_loss),
]
PAIRS = [(*pair, NUMBERS, GUESSES) for pair in REGRESSION] + [(*pair, CLASSES, VOTES) for pair in CLASSIFICATION]


def holed(table):
    return np.where(HOLES, np.nan, table.astype(float))


# Agreement with scikit-learn


@pytest.mark.parametrize(("mine", "theirs", "truth", "predicted"), PAIRS)
def test_one_target_gives_the_metric_itself(mine, theirs, truth, predicted):
    assert mine(truth[:, 0], predicted[:, 0]) == pytest.approx(theirs(truth[:, 0], predicted[:, 0]), abs=1e-12)


@pytest.mark.parametrize(("mine", "theirs", "truth", "predicted"), PAIRS)
def test_several_targets_give_the_mean_over_tasks(mine, theirs, truth, predicted):
    expected = np.mean([theirs(truth[:, task], predicted[:, task]) for task in range(T)])
    assert mine(truth, predicted) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("mine", "theirs", "truth", "predicted"), PAIRS)
def test_missing_labels_are_left_out(mine, theirs, truth, predicted):
    present = ~HOLES
    expected = np.mean([theirs(truth[present[:, task], task], predicted[present[:, task], task]) for task in range(T)])
    assert mine(holed(truth), predicted) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("mine", "theirs", "truth", "predicted"), PAIRS)
def test_weights_of_cells_reach_their_tasks(mine, theirs, truth, predicted):
    expected = []
    for task in range(T):
        rows = ~HOLES[:, task] & (WEIGHTS[:, task] > 0)
        weights = WEIGHTS[rows, task]
        expected.append(theirs(truth[rows, task], predicted[rows, task], sample_weight=weights))
    found = mine(holed(truth), predicted, sample_weight=WEIGHTS)
    assert found == pytest.approx(np.mean(expected), abs=1e-12)


def test_weights_of_rows_are_weights_of_all_their_cells():
    rows = WEIGHTS[:, 0]
    assert ours.r2_score(NUMBERS, GUESSES, sample_weight=rows) == pytest.approx(
        ours.r2_score(NUMBERS, GUESSES, sample_weight=np.repeat(rows[:, None], T, axis=1)), abs=1e-12
    )


def test_a_cell_of_weight_0_is_a_missing_label():
    cells = (~HOLES).astype(float)
    assert ours.r2_score(NUMBERS, GUESSES, sample_weight=cells) == ours.r2_score(holed(NUMBERS), GUESSES)
    assert ours.f1_score(CLASSES, VOTES, average="macro", sample_weight=cells) == pytest.approx(
        ours.f1_score(holed(CLASSES), VOTES, average="macro"), abs=1e-12
    )


def test_poisson_deviance_is_the_mean_over_tasks():
    truth, predicted = rng.poisson(2, (N, T)), 0.5 + rng.random((N, T))
    expected = np.mean([metrics.mean_poisson_deviance(truth[:, task], predicted[:, task]) for task in range(T)])
    assert ours.mean_poisson_deviance(truth, predicted) == pytest.approx(expected, abs=1e-12)


# Kinds of data


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_give_what_arrays_give(library):
    frames = pytest.importorskip(library)
    y = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])
    truth = frames.DataFrame({"a": [1, 0, None, 0], "b": ["x", None, "y", "x"]})
    predicted = frames.DataFrame({"a": [1, 1, 1, 0], "b": ["x", "x", "x", "x"]})
    by_task = multitask(metrics.accuracy_score, average="none")(truth, predicted)
    assert by_task == pytest.approx({"a": 2 / 3, "b": 2 / 3})
    assert ours.accuracy_score(frames.DataFrame({"a": y[:, 0], "b": y[:, 1]}), y) == 1


def test_columns_of_frames_are_matched_by_name():
    pd = pytest.importorskip("pandas")
    truth = pd.DataFrame({"a": [1.0, 2.0], "b": [5.0, 7.0]})
    assert ours.r2_score(truth, truth[["b", "a"]]) == 1
    assert ours.r2_score(truth, truth.rename(columns={"a": "c", "b": "d"})) == 1
    with pytest.raises(ValueError, match="y_pred has columns 'a', 'c', but lacks task 'b' of y_true"):
        ours.r2_score(truth, truth.rename(columns={"b": "c"}))


def test_a_dict_of_predictions_is_matched_by_name():
    truth = {"a": [1.0, 2.0, 3.0], "b": [1.0, 3.0, 2.0]}
    assert ours.r2_score(np.column_stack(list(truth.values())), truth) == 1
    pd = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="y_pred lacks task 'b' of y_true; it has 'a'"):
        ours.r2_score(pd.DataFrame(truth), {"a": truth["a"]})


def test_labels_of_several_kinds_stand_side_by_side():
    truth = np.array([["a", 1], [None, 2], ["b", None]], dtype=object)
    predicted = np.array([["a", 1], ["a", 1], ["a", 1]], dtype=object)
    assert multitask(metrics.accuracy_score, average="none")(truth, predicted) == {"y0": 0.5, "y1": 0.5}


# Averages


def test_averages_join_the_values_of_tasks():
    values = multitask(metrics.r2_score, average="none")(NUMBERS, GUESSES)
    by_hand = [metrics.r2_score(NUMBERS[:, task], GUESSES[:, task]) for task in range(T)]
    assert values == pytest.approx(dict(zip(["y0", "y1", "y2"], by_hand, strict=True)), abs=1e-12)
    assert multitask(metrics.r2_score, average="median")(NUMBERS, GUESSES) == pytest.approx(np.median(by_hand))
    weighted = np.average(by_hand, weights=[1, 2, 0])
    assert multitask(metrics.r2_score, average=[1, 2, 0])(NUMBERS, GUESSES) == pytest.approx(weighted)
    by_name = multitask(metrics.r2_score, average={"y1": 2, "y2": 0})
    assert by_name(NUMBERS, GUESSES) == pytest.approx(weighted)


def test_weights_of_tasks_are_renewed_over_those_that_have_labels():
    truth = NUMBERS.copy()
    truth[:, 1] = np.nan
    by_hand = [metrics.r2_score(NUMBERS[:, task], GUESSES[:, task]) for task in (0, 2)]
    found = multitask(metrics.r2_score, average=[3, 5, 1])(truth, GUESSES)
    assert found == pytest.approx(np.average(by_hand, weights=[3, 1]))


@pytest.mark.parametrize(
    ("average", "message"),
    [
        ("macro", r"got 'macro'\. 'macro' joins classes, not tasks: pass it when the metric is called"),
        ("sum", "average must be 'mean', 'median', 'none', or weights by task, got 'sum'"),
        (3, "got 3"),
        (None, "got None"),
    ],
)
def test_other_averages_are_refused(average, message):
    with pytest.raises(ValueError, match=message):
        multitask(metrics.r2_score, average=average)


@pytest.mark.parametrize(
    ("average", "message"),
    [
        ([1, 2], "average has 2 weights, but there are 3 tasks: 'y0', 'y1', 'y2'"),
        ({"y11": 1}, r"average names an unknown task 'y11'\. Did you mean 'y1'\? Known tasks: 'y0', 'y1', 'y2'"),
        ([1, -2, 1], "that of task 'y1' is -2"),
        ([1, "2", 1], "that of task 'y1' is '2'"),
        ([0, 0, 0], "r2_score: the tasks that have labels, 'y0', 'y1', 'y2', all have weight 0"),
    ],
)
def test_weights_that_do_not_fit_are_refused(average, message):
    with pytest.raises(ValueError, match=message):
        multitask(metrics.r2_score, average=average)(NUMBERS, GUESSES)


# What is left out


def test_a_task_without_labels_is_left_out():
    truth = NUMBERS.copy()
    truth[:, 1] = np.nan
    assert list(multitask(metrics.r2_score, average="none")(truth, GUESSES)) == ["y0", "y2"]
    with pytest.raises(ValueError, match="r2_score: no task is left to score; without labels: 'y0', 'y1', 'y2'"):
        ours.r2_score(np.full((N, T), np.nan), GUESSES)
    with pytest.raises(ValueError, match="no task is left"):
        ours.r2_score(NUMBERS, GUESSES, sample_weight=np.zeros(N))


def test_a_task_with_an_undefined_metric_is_left_out_with_a_warning():
    truth = NUMBERS.copy()
    truth[1:, 1] = np.nan
    with pytest.warns(UserWarning, match=r"r2_score leaves out the tasks 'y1' \(a single label\)"):
        assert list(multitask(metrics.r2_score, average="none")(truth, GUESSES)) == ["y0", "y2"]
    with pytest.raises(ValueError, match=r"no task is left to score; undefined: 'y0' \(a single label\)"):
        ours.r2_score([1.0], [1.0])


def test_a_metric_of_ones_own_may_be_undefined():
    def picky(y_true, y_pred):
        return np.nan if y_true[0] > 5 else float(y_pred[0])

    truth = np.array([[1.0, 9.0, 9.0], [2.0, 9.0, 8.0]])
    with pytest.warns(UserWarning, match=r"picky .* 'y1' \(all labels are 9\.0\), 'y2' \(undefined\)"):
        assert multitask(picky)(truth, truth) == 1


def test_labels_without_a_prediction_are_refused():
    predicted = GUESSES.copy()
    predicted[[3, 5], 1] = np.nan
    with pytest.raises(
        ValueError, match=r"Task 'y1' has labels without a prediction \(NaN\) in 2 of 40 rows, first in row 3"
    ):
        ours.r2_score(NUMBERS, predicted)
    truth = NUMBERS.copy()
    truth[[3, 5], 1] = np.nan
    assert np.isfinite(ours.r2_score(truth, predicted))


def test_a_task_without_any_prediction_is_left_out_with_a_warning():
    predicted = GUESSES.copy()
    predicted[:, 1] = np.nan
    with pytest.warns(UserWarning, match=r"'y1' \(no prediction\)"):
        assert list(multitask(metrics.r2_score, average="none")(NUMBERS, predicted)) == ["y0", "y2"]


# Arguments


def test_keywords_reach_the_metric():
    expected = metrics.fbeta_score(CLASSES[:, 0], VOTES[:, 0], beta=2)
    assert multitask(metrics.fbeta_score)(CLASSES[:, 0], VOTES[:, 0], beta=2) == expected


def test_a_dict_by_task_gives_each_task_its_own_keyword():
    truth, predicted = np.array([["a", "x"], ["b", "y"], ["a", "y"]]), np.array([["a", "y"], ["b", "y"], ["b", "y"]])
    found = multitask(metrics.recall_score, average="none")(truth, predicted, pos_label={"y0": "a", "y1": "y"})
    assert found == {"y0": 0.5, "y1": 1.0}
    with pytest.raises(ValueError, match="pos_label names an unknown task 'z'"):
        ours.recall_score(truth, predicted, pos_label={"y0": "a", "z": "y"})


def test_a_metric_without_weights_takes_cells_or_leaves_them():
    cells = (~HOLES).astype(float)
    worst = multitask(metrics.max_error)
    assert worst(NUMBERS, GUESSES, sample_weight=cells) == worst(holed(NUMBERS), GUESSES)
    with pytest.raises(ValueError, match=r"max_error takes no sample_weight: only 0 and 1 .* of task 'y0' is 2"):
        worst(NUMBERS, GUESSES, sample_weight=np.full(N, 2.0))


def test_a_function_of_unknown_signature_is_taken_to_have_no_weights():
    with pytest.raises(ValueError, match="max takes no sample_weight"):
        multitask(max)([1.0], [2.0], sample_weight=[2.0])


def test_a_metric_gives_one_value_a_task():
    with pytest.raises(ValueError, match="f1_score gives 2 values for task 'y0', and must give one; choose an average"):
        ours.f1_score(CLASSES, VOTES, average=None)


def test_probabilities_may_be_objects():
    table = np.array([[0.5, 0.5], [0.2, 0.8]])
    assert ours.log_loss([0, 1], table.astype(object)) == ours.log_loss([0, 1], table)
    assert ours.log_loss([0, 1], [[1, 0], [0, 1]]) == pytest.approx(0)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(N - 1), r"sample_weight.shape == \(39,\), expected \(40,\) or \(40, 3\)"),
        (np.ones((N, 2)), r"sample_weight.shape == \(40, 2\)"),
        (np.full(N, -1.0), r"in row 0 it is -1\.0"),
        (np.full((N, T), np.nan), "in row 0, task 'y0' it is nan"),
    ],
)
def test_weights_that_are_none_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        ours.r2_score(NUMBERS, GUESSES, sample_weight=weights)


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="y_pred holds 2 tasks, but y_true 3: 'y0', 'y1', 'y2'"):
        ours.r2_score(NUMBERS, GUESSES[:, :2])
    with pytest.raises(ValueError, match="y_pred of task 'y0' has 39 rows, but y_true 40"):
        ours.r2_score(NUMBERS, GUESSES[1:])


def test_an_error_of_the_metric_names_the_task():
    with pytest.raises(ValueError, match=r"Task 'y1': .*average='binary'"):
        ours.f1_score(np.array([[0, 0], [1, 1], [1, 2]]), np.array([[0, 0], [1, 1], [1, 2]]))


# The object


def test_it_can_be_pickled_and_says_what_it_is():
    metric = multitask(metrics.r2_score, average={"y0": 2})
    copy = pickle.loads(pickle.dumps(metric))
    assert copy(NUMBERS, GUESSES) == metric(NUMBERS, GUESSES)
    assert repr(metric) == "multitask(r2_score, average={'y0': 2})"
    assert repr(multitask(metrics.log_loss)) == "multitask(log_loss)"
    assert repr(multitask(partial(metrics.fbeta_score, beta=2))) == "multitask(partial(fbeta_score, beta=2))"


def test_scikit_learn_makes_scorers_of_it():
    from sklearn.linear_model import Ridge

    model = Ridge().fit(NUMBERS, GUESSES)
    scorer = metrics.make_scorer(ours.mean_absolute_error, greater_is_better=False)
    assert scorer(model, NUMBERS, GUESSES) == -ours.mean_absolute_error(GUESSES, model.predict(NUMBERS))
