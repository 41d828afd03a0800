"""What the network must equal: known linear models, and each of its members alone."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import GammaRegressor, LinearRegression, LogisticRegression, PoissonRegressor, Ridge

from skmtl import MultiTaskClassifier, MultiTaskRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
W = rng.normal(size=(4, 3))
WEIGHT = rng.integers(1, 4, size=120).astype(float)

# Plain gradient descent with momentum on one full batch in float64, long enough to stand still.
LINEAR = {
    "hidden_layer_sizes": (),
    "solver": "sgd",
    "learning_rate_init": 0.1,
    "alpha": 0.0,
    "max_iter": 1500,
    "batch_size": 4096,
    "early_stopping": False,
    "n_estimators": 1,
    "random_state": 0,
}


def standardised(weight):
    mean = np.average(X, axis=0, weights=weight)
    return (X - mean) / np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw"])
def test_a_linear_network_is_least_squares(solver):
    y = X @ W[:, 0] + rng.normal(size=120)
    rate = 0.1 if solver == "sgd" else 0.01
    params = {**LINEAR, "solver": solver, "learning_rate_init": rate, "learning_rate": "cosine"}
    model = MultiTaskRegressor(**params).fit(X, y, WEIGHT)
    np.testing.assert_allclose(model.predict(X), LinearRegression().fit(X, y, WEIGHT).predict(X), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.03, 0.5])
def test_a_linear_network_with_an_l2_penalty_is_ridge(alpha):
    y = X @ W[:, 0] + rng.normal(size=120)
    model = MultiTaskRegressor(**{**LINEAR, "alpha": alpha}).fit(X, y, WEIGHT)
    # The network minimises  mean(½ r²)/½ + ½ alpha |w|²  over standardised X and y; Ridge  sum(weight r²) + a |w|².
    Z = standardised(WEIGHT)
    ridge = Ridge(alpha=alpha / 2 * WEIGHT.sum()).fit(Z, y, WEIGHT)
    np.testing.assert_allclose(model.predict(X), ridge.predict(Z), rtol=1e-7, atol=1e-7)
    wrong = Ridge(alpha=alpha * WEIGHT.sum()).fit(Z, y, WEIGHT)
    assert np.abs(model.predict(X) - wrong.predict(Z)).max() > 1e-3


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_linear_network_with_log_loss_is_logistic_regression(n_classes):
    alpha = 0.1
    logits = X @ W[:, :n_classes]
    y = (logits + rng.gumbel(size=logits.shape)).argmax(1)
    model = MultiTaskClassifier(**{**LINEAR, "alpha": alpha}).fit(X, y, WEIGHT)
    # log loss / c + ½ alpha |w|², with c the entropy of the class shares.
    shares = np.bincount(y, weights=WEIGHT) / WEIGHT.sum()
    entropy = -(shares * np.log(shares)).sum()
    Z = standardised(WEIGHT)
    logistic = LogisticRegression(C=1 / (alpha * entropy * WEIGHT.sum()), tol=1e-10, max_iter=5000).fit(Z, y, WEIGHT)
    np.testing.assert_allclose(model.predict_proba(X), logistic.predict_proba(Z), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss, reference", [("poisson", PoissonRegressor), ("gamma", GammaRegressor)])
def test_a_linear_network_with_a_log_link_is_the_generalised_linear_model(loss, reference):
    mean = np.exp(0.5 * X @ W[:, 0])
    y = rng.poisson(mean).astype(float) if loss == "poisson" else mean * rng.gamma(2.0, 0.5, size=120)
    expected = reference(alpha=0, tol=1e-8, max_iter=5000).fit(X, y, WEIGHT).predict(X)
    params = {**LINEAR, "learning_rate_init": 0.02, "max_iter": 1200}
    np.testing.assert_allclose(
        MultiTaskRegressor(loss=loss, **params).fit(X, y, WEIGHT).predict(X), expected, rtol=1e-4
    )
    for wrong in {"poisson", "gamma", "squared_error"} - {loss}:
        if wrong != "gamma" or (y > 0).all():
            other = MultiTaskRegressor(loss=wrong, **{**params, "max_iter": 300}).fit(X, y, WEIGHT)
            assert np.abs(other.predict(X) / expected - 1).max() > 1e-2


def test_absolute_error_of_a_constant_network_is_the_median():
    y = rng.exponential(size=121)
    model = MultiTaskRegressor(**{**LINEAR, "learning_rate": "cosine"}, loss="absolute_error").fit(np.ones((121, 1)), y)
    assert model.predict(np.ones((1, 1)))[0] == pytest.approx(np.median(y), abs=1e-3)
    assert abs(np.mean(y) - np.median(y)) > 0.1


def test_losses_are_weighted_by_task_weights():
    # Two tasks on one linear unit: how much each decides about it follows from its weight alone.
    Y = np.column_stack([X[:, 0], X[:, 1]])

    def errors(weights):
        params = {**LINEAR, "hidden_layer_sizes": (1,), "activation": "identity", "solver": "adam"}
        params |= {"learning_rate_init": 0.01, "max_iter": 800}
        model = MultiTaskRegressor(task_weights=weights, **params).fit(X, Y)
        return ((model.predict(X) - Y) ** 2).mean(0)

    first, second = errors([10, 1]), errors([1, 10])
    assert first[0] < 0.1 * first[1]
    assert second[1] < 0.1 * second[0]


@pytest.mark.parametrize("classifier", [False, True])
@pytest.mark.parametrize("batch_size, tolerance", [(4096, 1e-9), (16, 1e-4)])  # float64, float32
def test_a_member_among_others_is_the_same_network_alone(classifier, batch_size, tolerance):
    y = X @ W + rng.normal(size=(120, 3))
    y = (y > 0).astype(int) if classifier else y
    params = {
        "hidden_layer_sizes": (6, 5),
        "activation": "tanh",
        "max_iter": 8,
        "early_stopping": False,
        "batch_size": batch_size,
        "task_weights": [1, 2, 3],
        "max_grad_norm": 0.1,
        "random_state": 4,
    }
    estimator = MultiTaskClassifier if classifier else MultiTaskRegressor
    together, alone = (estimator(n_estimators=n, **params).fit(X, y) for n in (3, 1))
    layers = zip(together.net_.module_.parameters(), alone.net_.module_.parameters(), strict=True)
    for ours, theirs in layers:
        torch.testing.assert_close(ours[:1], theirs, rtol=tolerance, atol=tolerance)
    assert not torch.equal(together.net_.module_.head.weight[0], together.net_.module_.head.weight[1])


@pytest.mark.parametrize("classifier", [False, True])
def test_predictions_are_the_average_of_all_members(classifier):
    y = X @ W + rng.normal(size=(120, 3))
    y = (y > 0).astype(int) if classifier else y
    estimator = MultiTaskClassifier if classifier else MultiTaskRegressor
    params = {"n_estimators": 3, "max_iter": 5, "random_state": 0, "batch_size": 4096, "encoder": "passthrough"}
    params |= {"calibration": None} if classifier else {}
    model = estimator(hidden_layer_sizes=(4,), companions=None, **params).fit(X, y)
    Z = torch.from_numpy((X - X.mean(0)) / X.std(0))
    with torch.no_grad():
        outputs = model.net_.module_(Z).numpy()  # (M, n, T)
    if classifier:
        expected = (1 / (1 + np.exp(-outputs))).mean(0)
        predicted = np.stack([table[:, 1] for table in model.predict_proba(X)], 1)
    else:
        statistics, targets = model._model.statistics, model._model.targets
        encoded = (outputs * statistics.scale[:, None] + statistics.shift[:, None]).mean(0)
        expected, predicted = encoded * targets.unit_ + targets.center_, model.predict(X)
    np.testing.assert_allclose(predicted, expected, rtol=1e-10)
