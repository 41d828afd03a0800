"""The linear companion: equal to plain ridge regression, and to refits without each row."""

import numpy as np
import pytest

from skmtl.companions import LinearCompanion


def problem(n_rows=30, n_columns=4, n_tasks=3, seed=0):
    """Columns, targets of weighted mean 0 and weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_columns))
    y = X @ rng.normal(size=(n_columns, n_tasks)) + rng.normal(size=(n_rows, n_tasks))
    return X, y - y.mean(0), np.ones(y.shape)


def plain_ridge(X, y, row_weights, ridge):
    """Weighted ridge regression with an intercept, by its normal equations."""
    mean = np.average(X, axis=0, weights=row_weights)
    level = np.average(y, axis=0, weights=row_weights)
    centred = X - mean
    gram = centred.T @ (row_weights[:, None] * centred) + ridge * np.eye(X.shape[1])
    coef = np.linalg.solve(gram, centred.T @ (row_weights[:, None] * (y - level)))
    return lambda rows: (rows - mean) @ coef + level


@pytest.mark.parametrize(("n_rows", "n_columns"), [(30, 4), (12, 40)])
def test_coefficients_are_those_of_ridge_regression(n_rows, n_columns):
    X, y, weights = problem(n_rows, n_columns)
    model = LinearCompanion().fit(X, y, weights, np.ones(3))
    expected = plain_ridge(X, y, np.ones(n_rows), model.ridge_)
    np.testing.assert_allclose(model.predict(X), expected(X), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("n_rows", "n_columns"), [(30, 4), (12, 40)])
def test_rows_are_left_out_as_by_a_refit(n_rows, n_columns):
    X, y, weights = problem(n_rows, n_columns)
    model = LinearCompanion().fit(X, y, weights, np.ones(3))
    for row in range(n_rows):
        others = np.arange(n_rows) != row
        refit = plain_ridge(X[others], y[others], np.ones(n_rows - 1), model.ridge_)
        np.testing.assert_allclose(model.left_out_[row], refit(X[row]), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("n_rows", "n_columns"), [(30, 4), (12, 40)])
def test_rows_of_a_number_are_left_out_together_as_by_a_refit(n_rows, n_columns):
    X, y, weights = problem(n_rows, n_columns)
    together = np.arange(n_rows) // 6
    together[-1] = 99
    model = LinearCompanion().fit(X, y, weights, np.ones(3), together)
    for number in np.unique(together):
        others = together != number
        refit = plain_ridge(X[others], y[others], np.ones(others.sum()), model.ridge_)
        np.testing.assert_allclose(model.left_out_[~others], refit(X[~others]), rtol=1e-5, atol=1e-6)


def test_weights_of_rows_weigh_their_errors():
    X, y, _ = problem()
    row_weights = np.random.default_rng(1).uniform(0.5, 3, size=len(X))
    y = y - np.average(y, axis=0, weights=row_weights)
    model = LinearCompanion().fit(X, y, np.tile(row_weights[:, None], (1, 3)), np.ones(3))
    expected = plain_ridge(X, y, row_weights / row_weights.mean(), model.ridge_)
    np.testing.assert_allclose(model.predict(X), expected(X), rtol=1e-6, atol=1e-9)


def test_each_task_is_solved_on_its_own_cells():
    X, y, weights = problem(60)
    hidden = np.random.default_rng(2).random(y.shape) < 0.3
    hidden[hidden.all(1), 0] = False
    weights = np.where(hidden, 0.0, weights)
    y = np.where(hidden, 1e9, y)  # nobody looks
    y = y - (weights * np.where(hidden, 0, y)).sum(0) / weights.sum(0)
    model = LinearCompanion().fit(X, y, weights, np.ones(3))
    for task in range(3):
        seen = ~hidden[:, task]
        # All rows centre the columns; the task's own cells centre its targets.
        centred = X - X.mean(0)
        gram = centred[seen].T @ centred[seen] + model.ridge_ * np.eye(4)
        coef = np.linalg.solve(gram, centred[seen].T @ y[seen, task])
        spread = np.abs(coef).max()
        np.testing.assert_allclose(model.coef_[:, task], coef, atol=0.02 * spread)


def test_hidden_cells_do_not_change_other_tasks_but_for_the_common_ridge():
    X, y, weights = problem()
    plain = LinearCompanion().fit(X, y, weights, np.array([1.0, 1.0, 0.0]))
    other = y.copy()
    other[:, 2] = np.random.default_rng(3).normal(size=len(y))
    changed = LinearCompanion().fit(X, other, weights, np.array([1.0, 1.0, 0.0]))
    np.testing.assert_allclose(changed.coef_[:, :2], plain.coef_[:, :2], rtol=1e-12)


def test_a_task_weight_moves_the_common_ridge_to_what_the_task_needs():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 30))
    signal, noise = X @ rng.normal(size=(30, 1)), rng.normal(size=(80, 1))
    y = np.hstack([signal, noise - noise.mean()]) - [signal.mean(), 0]
    weights = np.ones(y.shape)
    ridges = [
        LinearCompanion().fit(X, y, weights, np.array(pair)).ridge_ for pair in ([1.0, 0.0], [1.0, 1.0], [0, 1.0])
    ]
    assert ridges[0] < ridges[2]
    assert ridges[0] <= ridges[1] <= ridges[2]


def test_more_columns_than_rows_do_not_look_perfect():
    shares = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(20, 200)), rng.normal(size=(20, 1))
        y = y - y.mean()
        model = LinearCompanion().fit(X, y, np.ones((20, 1)), np.ones(1))
        shares.append(((y - model.left_out_) ** 2).mean() / y.var())
    assert np.mean(shares) > 0.9  # of 25 ridges the best, so a little below 1


@pytest.mark.parametrize("y", [np.zeros((5, 2)), np.arange(10.0).reshape(5, 2) - [[4, 5]]])
@pytest.mark.parametrize("X", [np.zeros((5, 1)), np.ones((5, 3)), np.empty((5, 0)), np.arange(5.0)[:, None]])
def test_columns_and_targets_that_are_constant_are_fine(X, y):
    model = LinearCompanion().fit(X, y, np.ones(y.shape), np.ones(2))
    assert np.isfinite(model.predict(X)).all()
    assert np.isfinite(model.left_out_).all()


def test_one_row_is_predicted_as_the_mean():
    model = LinearCompanion().fit(np.ones((1, 2)), np.zeros((1, 1)), np.ones((1, 1)), np.ones(1))
    np.testing.assert_array_equal(model.predict(np.ones((3, 2))), np.zeros((3, 1)))
