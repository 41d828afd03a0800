import numpy as np
import pytest
from sklearn import metrics
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor

from skmtl.metrics import METRICS, get_scorer, get_scorer_names

rng = np.random.default_rng(0)
N = 80
X = rng.normal(size=(N, 4))
COUNTS = 1.0 + rng.poisson(np.exp(0.5 * X[:, :2]))
BINARY = (X[:, :3] + rng.normal(size=(N, 3)) > 0).astype(int)
SEVERAL = rng.choice(["a", "b", "c"], size=(N, 2))
SEVERAL[X[:, 0] > 0, 0] = "a"

OURS = {"cohen_kappa", "quadratic_kappa", "neg_arrmse", "subset_accuracy", "neg_hamming_loss"}
OURS |= {name for name in ("d2_brier_score",) if name not in metrics.get_scorer_names()}
REGRESSION = [name for name, metric in METRICS.items() if metric.kind == "regression" and name not in OURS]
CLASSIFICATION = [name for name, metric in METRICS.items() if metric.kind == "classification" and name not in OURS]
TWO_CLASSES = [name for name in CLASSIFICATION if not METRICS[name].several_classes or name == "roc_auc"]
THEIRS = {
    "cohen_kappa": metrics.make_scorer(metrics.cohen_kappa_score),
    "quadratic_kappa": metrics.make_scorer(metrics.cohen_kappa_score, weights="quadratic"),
    "neg_hamming_loss": metrics.make_scorer(metrics.hamming_loss, greater_is_better=False),
    "subset_accuracy": metrics.make_scorer(metrics.accuracy_score),
    "neg_arrmse": lambda e, X, y: -np.sqrt(1 - metrics.r2_score(y, e.predict(X))),
}


class Positive(LinearRegression):
    """Predicts no number below 0.5, as deviances ask for."""

    def predict(self, X):
        return np.maximum(super().predict(X), 0.5)


def theirs(name):
    return THEIRS[name] if name in THEIRS else metrics.get_scorer(name)


# Agreement with scikit-learn


@pytest.mark.parametrize("name", [*REGRESSION, "neg_arrmse"])
def test_a_scorer_of_one_number_is_scikit_learns(name):
    model = Positive().fit(X, COUNTS[:, 0])
    expected = theirs(name)(model, X, COUNTS[:, 0])
    assert get_scorer(name)(model, X, COUNTS[:, 0]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", [*REGRESSION, "neg_arrmse"])
def test_a_scorer_of_several_numbers_is_the_mean_over_tasks(name):
    singles = [Positive().fit(X, column) for column in COUNTS.T]
    expected = np.mean([theirs(name)(model, X, y) for model, y in zip(singles, COUNTS.T, strict=True)])
    model = MultiOutputRegressor(Positive()).fit(X, COUNTS)
    assert get_scorer(name)(model, X, COUNTS) == pytest.approx(expected, abs=1e-12)
    holes = rng.random(COUNTS.shape) < 0.3
    expected = np.mean(
        [theirs(name)(model, X[~hole], y[~hole]) for model, y, hole in zip(singles, COUNTS.T, holes.T, strict=True)]
    )
    found = get_scorer(name)(model, X, np.where(holes, np.nan, COUNTS))
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", [*CLASSIFICATION, *sorted(OURS - {"neg_arrmse", "d2_brier_score"})])
def test_a_scorer_of_two_classes_is_scikit_learns(name):
    y = BINARY[:, 0]
    model = LogisticRegression().fit(X, y)
    assert get_scorer(name)(model, X, y) == pytest.approx(theirs(name)(model, X, y), abs=1e-12)


@pytest.mark.parametrize(
    "name", sorted((set(CLASSIFICATION) - set(TWO_CLASSES)) | OURS - {"neg_arrmse", "d2_brier_score"})
)
def test_a_scorer_of_several_classes_is_scikit_learns(name):
    y = SEVERAL[:, 0]
    for model in (RandomForestClassifier(10, max_depth=3, random_state=0), LogisticRegression()):
        expected = theirs(name)(model.fit(X, y), X, y)
        assert get_scorer(name)(model, X, y) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "name", sorted(set(CLASSIFICATION) | OURS - {"neg_arrmse", "d2_brier_score", "subset_accuracy"})
)
def test_a_scorer_of_several_classifications_is_the_mean_over_tasks(name):
    singles = [LogisticRegression().fit(X, column) for column in BINARY.T]
    model = MultiOutputClassifier(LogisticRegression()).fit(X, BINARY)
    expected = [theirs(name)(single, X, y) for single, y in zip(singles, BINARY.T, strict=True)]
    assert get_scorer(name)(model, X, BINARY) == pytest.approx(np.mean(expected), abs=1e-12)
    holes = rng.random(BINARY.shape) < 0.3
    expected = [
        theirs(name)(single, X[~hole], y[~hole]) for single, y, hole in zip(singles, BINARY.T, holes.T, strict=True)
    ]
    found = get_scorer(name)(model, X, np.where(holes, np.nan, BINARY))
    assert found == pytest.approx(np.mean(expected), abs=1e-12)


def test_every_scorer_is_compared():
    assert set(REGRESSION) | set(CLASSIFICATION) | OURS == set(get_scorer_names()) == set(METRICS)
    assert {name for name in get_scorer_names() if name not in OURS} <= set(metrics.get_scorer_names())
