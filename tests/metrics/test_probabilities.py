import numpy as np
import pytest
from sklearn import metrics
from sklearn.preprocessing import label_binarize

from skmtl import metrics as ours
from skmtl.metrics import METRICS, multitask

rng = np.random.default_rng(0)
N = 60
BINARY = rng.integers(0, 2, N)
SEVERAL = rng.choice(["a", "b", "c"], N)
P2 = rng.dirichlet([1, 1], N)
P3 = rng.dirichlet([1, 1, 1], N)
WEIGHTS = rng.integers(1, 4, N).astype(float)
ALL = [SEVERAL, BINARY]


def of_name(name):
    """Return a registered metric as a function of one target."""
    metric = METRICS[name]
    return lambda *args, **kwargs: metric.function(*args, **{**metric.kwargs, **kwargs})


# Agreement with scikit-learn

BOTH = [
    (ours.log_loss, metrics.log_loss),
    (ours.d2_log_loss_score, metrics.d2_log_loss_score),
    (ours.brier_score_loss, metrics.brier_score_loss),
]


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize(("mine", "theirs"), BOTH)
def test_losses_of_probabilities_are_scikit_learns(mine, theirs, weights):
    for truth, table in ((BINARY, P2), (SEVERAL, P3)):
        expected = theirs(truth, table, sample_weight=weights)
        assert mine(truth, table, sample_weight=weights) == pytest.approx(expected, abs=1e-12)
    assert mine(BINARY, P2[:, 1], sample_weight=weights) == pytest.approx(
        theirs(BINARY, P2[:, 1], sample_weight=weights), abs=1e-12
    )


@pytest.mark.skipif(not hasattr(metrics, "d2_brier_score"), reason="came with scikit-learn 1.8")
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_d2_of_the_brier_score_is_scikit_learns(weights):
    for truth, table in ((BINARY, P2), (SEVERAL, P3)):
        expected = metrics.d2_brier_score(truth, table, sample_weight=weights)
        assert of_name("d2_brier_score")(truth, table, sample_weight=weights) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_areas_are_scikit_learns(weights):
    for mine, theirs in (
        (ours.roc_auc_score, metrics.roc_auc_score),
        (ours.average_precision_score, metrics.average_precision_score),
    ):
        assert mine(BINARY, P2, sample_weight=weights) == pytest.approx(
            theirs(BINARY, P2[:, 1], sample_weight=weights), abs=1e-12
        )
    for average in ("macro", "weighted", "micro"):
        assert ours.roc_auc_score(SEVERAL, P3, sample_weight=weights, average=average) == pytest.approx(
            metrics.roc_auc_score(SEVERAL, P3, sample_weight=weights, average=average, multi_class="ovr"), abs=1e-12
        )
        assert ours.average_precision_score(SEVERAL, P3, sample_weight=weights, average=average) == pytest.approx(
            metrics.average_precision_score(SEVERAL, P3, sample_weight=weights, average=average), abs=1e-12
        )


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_one_against_one_is_scikit_learns(average):
    expected = metrics.roc_auc_score(SEVERAL, P3, average=average, multi_class="ovo")
    assert ours.roc_auc_score(SEVERAL, P3, average=average, multi_class="ovo") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_one_against_one_knows_weights(average):
    repeated = np.repeat(np.arange(N), WEIGHTS.astype(int))
    assert ours.roc_auc_score(SEVERAL, P3, average=average, multi_class="ovo", sample_weight=WEIGHTS) == pytest.approx(
        metrics.roc_auc_score(SEVERAL[repeated], P3[repeated], average=average, multi_class="ovo"), abs=1e-12
    )


def test_weighted_kappas_are_scikit_learns():
    truth, predicted = rng.integers(0, 4, N), rng.integers(0, 4, N)
    for weights in (None, "linear", "quadratic"):
        expected = metrics.cohen_kappa_score(truth, predicted, weights=weights, sample_weight=WEIGHTS)
        found = ours.cohen_kappa_score(truth, predicted, weights=weights, sample_weight=WEIGHTS)
        assert found == pytest.approx(expected, abs=1e-12)


# Several tasks


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        *BOTH,
        (ours.roc_auc_score, lambda y, p, **kw: metrics.roc_auc_score(y, _greater(p), multi_class="ovr", **kw)),
        (ours.average_precision_score, lambda y, p, **kw: metrics.average_precision_score(y, _greater(p), **kw)),
    ],
)
def test_lists_and_dicts_of_probabilities_hold_a_table_a_task(mine, theirs):
    truth = np.column_stack([SEVERAL.astype(object), BINARY.astype(object)])
    truth[::3, 0] = None
    truth[1::4, 1] = None
    weights = rng.integers(1, 3, (N, 2)).astype(float)
    expected = []
    for task, table in enumerate((P3, P2)):
        rows = np.array([label is not None for label in truth[:, task]])
        labels = ALL[task][rows]
        expected.append(theirs(labels, table[rows], sample_weight=weights[rows, task]))
    for tables in ([P3, P2], {"y0": P3, "y1": P2}):
        assert mine(truth, tables, sample_weight=weights) == pytest.approx(np.mean(expected), abs=1e-12)


def _greater(table):
    return table[:, 1] if table.shape[1] == 2 else table


def test_a_table_holds_the_probabilities_of_the_greater_classes():
    truth = rng.integers(0, 2, (N, 3))
    chances = rng.random((N, 3))
    tables = [np.column_stack([1 - p, p]) for p in chances.T]
    for metric in (ours.log_loss, ours.brier_score_loss, ours.roc_auc_score, ours.average_precision_score):
        assert metric(truth, chances) == pytest.approx(metric(truth, tables), abs=1e-12)


def test_multitask_gives_the_same_metrics():
    assert multitask(metrics.log_loss).metric is ours.log_loss.metric
    assert multitask(metrics.roc_auc_score)(SEVERAL, P3) == ours.roc_auc_score(SEVERAL, P3)


# Classes that are absent or new


def test_labels_say_what_the_columns_stand_for():
    rows = SEVERAL != "b"
    expected = metrics.log_loss(SEVERAL[rows], P3[rows], labels=["a", "b", "c"])
    assert ours.log_loss(SEVERAL[rows], P3[rows], labels=["a", "b", "c"]) == pytest.approx(expected, abs=1e-12)
    truth = np.column_stack([SEVERAL, BINARY.astype(str)])[rows]
    for labels in ([["a", "b", "c"], ["0", "1"]], {"y0": ["a", "b", "c"], "y1": ["0", "1"]}):
        assert ours.log_loss(truth, [P3[rows], P2[rows]], labels=labels) == pytest.approx(
            np.mean([expected, metrics.log_loss(BINARY[rows], P2[rows])]), abs=1e-12
        )


def test_tables_of_more_classes_than_occur_need_labels():
    with pytest.raises(
        ValueError, match=r"Task 'y0': There are probabilities of 3 classes, but 2 classes \['a', 'c'\] "
    ):
        ours.log_loss(SEVERAL[SEVERAL != "b"], P3[SEVERAL != "b"])
    with pytest.raises(ValueError, match=r"3 classes, but 2 classes \['a', 'b'\] in labels"):
        ours.log_loss(SEVERAL, P3, labels=["a", "b"])
    with pytest.raises(ValueError, match="labels holds the classes of 1 tasks, but y has 2"):
        ours.log_loss(np.column_stack([SEVERAL, SEVERAL]), [P3, P3], labels=[["a", "b", "c"]])


def test_a_new_class_has_probability_0():
    truth = np.array(["a", "b", "z"])
    table = np.array([[0.5, 0.5], [0.2, 0.8], [0.5, 0.5]])
    smallest = np.finfo(float).eps
    assert ours.log_loss(truth, table, labels=["a", "b"]) == pytest.approx(
        -np.mean(np.log([0.5, 0.8, smallest])), abs=1e-9
    )
    # Half of the squared distances, as for two classes: 0.25, 0.04, and (0.25 + 0.25 + 1) / 2.
    assert ours.brier_score_loss(truth, table, labels=["a", "b"]) == pytest.approx((0.25 + 0.04 + 0.75) / 3)
    # The known classes are ranked in the middle of the rows, the new one not at all.
    a = metrics.roc_auc_score([1, 0, 0], table[:, 0])
    b = metrics.roc_auc_score([0, 1, 0], table[:, 1])
    assert ours.roc_auc_score(truth, table, labels=["a", "b"]) == pytest.approx((a + b + 0.5) / 3)
    assert np.isfinite(ours.average_precision_score(truth, table, labels=["a", "b"]))
    assert np.isfinite(ours.roc_auc_score(truth, table, labels=["a", "b"], multi_class="ovo"))


def test_classes_that_do_not_occur_are_left_out_of_means_over_classes():
    rows = SEVERAL != "b"
    hot = label_binarize(SEVERAL[rows], classes=["a", "b", "c"])
    for mine, theirs in (
        (ours.roc_auc_score, metrics.roc_auc_score),
        (ours.average_precision_score, metrics.average_precision_score),
    ):
        expected = np.mean([theirs(hot[:, code], P3[rows, code]) for code in (0, 2)])
        assert mine(SEVERAL[rows], P3[rows], labels=["a", "b", "c"]) == pytest.approx(expected, abs=1e-12)


def test_an_absent_class_still_takes_its_step_in_quadratic_kappa():
    truth, predicted = [1, 2, 5, 5], [1, 5, 5, 5]
    with_steps = metrics.cohen_kappa_score(truth, predicted, weights="quadratic", labels=[1, 2, 3, 4, 5])
    assert ours.cohen_kappa_score(truth, predicted, weights="quadratic", labels=[1, 2, 3, 4, 5]) == pytest.approx(
        with_steps
    )
    assert with_steps != pytest.approx(metrics.cohen_kappa_score(truth, predicted, weights="quadratic"))


@pytest.mark.parametrize("metric", [ours.roc_auc_score, ours.average_precision_score, ours.d2_log_loss_score])
def test_tasks_of_one_class_are_left_out_with_a_warning(metric):
    truth = np.column_stack([BINARY, np.ones(N, dtype=int)])
    alone = metric(BINARY, P2)
    with pytest.warns(UserWarning, match=r"leaves out the tasks 'y1' \(all labels are 1\)"):
        assert metric(truth, [P2, P2]) == alone
    with pytest.raises(ValueError, match="no task is left"):
        metric(np.ones(N), P2)


def test_log_loss_of_one_class_needs_no_other():
    assert ours.log_loss([1, 1], [[0.5, 0.5], [0.2, 0.8]]) == pytest.approx(-np.log([0.5, 0.8]).mean())
    assert ours.log_loss([-1, -1], [0.5, 0.2]) == pytest.approx(-np.log([0.5, 0.8]).mean())
    with pytest.raises(ValueError, match=r"2 classes, but 1 classes \['a'\] occur"):
        ours.log_loss(["a", "a"], [0.5, 0.2])


def test_a_model_of_one_class_is_undefined_until_another_occurs():
    with pytest.raises(ValueError, match="no task is left"):
        ours.log_loss(["a", "a"], np.ones((2, 1)), labels=["a"])
    with pytest.raises(ValueError, match="no task is left"):
        ours.brier_score_loss(["a", "a"], np.ones((2, 1)), labels=["a"])
    truth = np.array([[0, 1], [0, 0]])
    with pytest.warns(UserWarning, match=r"leaves out the tasks 'y0' \(all labels are 0\)"):
        assert ours.log_loss(truth, [np.ones((2, 1)), P2[:2]]) == ours.log_loss(truth[:, 1], P2[:2])
    found = ours.log_loss(["a", "b"], np.ones((2, 1)), labels=["a"])
    assert found == pytest.approx(-np.log(np.finfo(float).eps) / 2)


def test_kappa_of_one_class_is_undefined():
    with pytest.raises(ValueError, match="no task is left"):
        ours.cohen_kappa_score([1, 1], [1, 1])
    assert ours.cohen_kappa_score([1, 1], [1, 2]) == 0


# Keywords


def test_the_positive_class_may_be_the_smaller_one():
    truth = np.where(BINARY == 1, "yes", "no")
    assert ours.brier_score_loss(truth, P2[:, 0], pos_label="no") == pytest.approx(
        metrics.brier_score_loss(truth, P2[:, 0], pos_label="no"), abs=1e-12
    )
    expected = metrics.average_precision_score(truth, P2[:, 0], pos_label="no")
    assert ours.average_precision_score(truth, P2[:, 0], pos_label="no") == pytest.approx(expected, abs=1e-12)
    assert ours.average_precision_score(truth, P2, pos_label="no") == pytest.approx(expected, abs=1e-12)


def test_keywords_of_scikit_learn_are_there():
    assert ours.log_loss(BINARY, P2, normalize=False) == pytest.approx(
        metrics.log_loss(BINARY, P2, normalize=False), abs=1e-9
    )
    assert ours.roc_auc_score(BINARY, P2, max_fpr=0.3) == pytest.approx(
        metrics.roc_auc_score(BINARY, P2[:, 1], max_fpr=0.3), abs=1e-12
    )
    assert ours.brier_score_loss(SEVERAL, P3, scale_by_half=True) == pytest.approx(
        metrics.brier_score_loss(SEVERAL, P3, scale_by_half=True), abs=1e-12
    )


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"multi_class": "both"}, "multi_class must be 'ovr' or 'ovo', got 'both'"),
        ({"average": "samples"}, "average must be 'macro', 'micro' or 'weighted', got 'samples'"),
        ({"average": "micro", "multi_class": "ovo"}, "average must be 'macro' or 'weighted' with multi_class='ovo'"),
        ({"max_fpr": 0.5}, "max_fpr=0.5 is for two classes; here are 3"),
    ],
)
def test_keywords_that_do_not_suit_are_refused(keywords, message):
    with pytest.raises(ValueError, match=message):
        ours.roc_auc_score(SEVERAL, P3, **keywords)


def test_labels_of_mixed_kinds_are_refused():
    with pytest.raises(ValueError, match="Task 'y0': The labels are of kinds that cannot be compared"):
        ours.log_loss(np.array(["a", 1, "b"], dtype=object), np.ones((3, 2)) / 2)
