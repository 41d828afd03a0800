"""The linear companion of texts: equal to plain ridge regression, task by task, and to refits without a part."""

import numpy as np
import pytest
from scipy.sparse import csr_array, hstack, random_array
from sklearn.linear_model import Ridge

from skmtl.companions import SparseLinearCompanion
from skmtl.companions._sparse_linear import N_PARTS, RIDGES, SCALES, solve_ridges


def problem(n_rows=60, n_columns=200, n_tasks=3, seed=0):
    """Mostly zeros, targets of mean 0 and weights of which some are 0."""
    rng = np.random.default_rng(seed)
    X = csr_array(random_array((n_rows, n_columns), density=0.2, rng=rng))
    y = X @ rng.normal(size=(n_columns, n_tasks)) + 0.5 * rng.normal(size=(n_rows, n_tasks))
    weights = rng.uniform(0.5, 2, size=y.shape)
    weights[rng.random(y.shape) < 0.2] = 0
    weights[:, 0] = 1
    return X, y - y.mean(0), weights


def plain_ridge(X, y, weights, ridge):
    """Each task on its own labels, in weights of mean 1."""
    there = weights > 0
    model = Ridge(ridge, solver="cholesky").fit(X[there].toarray(), y[there], weights[there] / weights[there].mean())
    return model.coef_, model.intercept_


def test_all_ridges_and_tasks_are_solved_as_each_alone():
    X, y, weights = problem()
    ridges = np.array([0.3, 3.0])
    coefficients, intercepts = solve_ridges(X, y, weights, ridges, tolerance=1e-9)
    for place, ridge in enumerate(ridges):
        for task in range(3):
            coef, intercept = plain_ridge(X, y[:, task], weights[:, task], ridge)
            np.testing.assert_allclose(coefficients[place, :, task], coef, atol=1e-6)
            np.testing.assert_allclose(intercepts[place, task], intercept, atol=1e-6)


def test_the_fit_is_that_of_the_ridge_it_chose():
    X, y, weights = problem()
    model = SparseLinearCompanion().fit(X, y, weights, np.ones(3))
    assert model.ridge_ in RIDGES
    size = (X.toarray() ** 2).sum(1).mean()
    coef, intercept = plain_ridge(X, y[:, 1], weights[:, 1], size * model.ridge_)
    np.testing.assert_allclose(model.predict(X)[:, 1], X @ coef + intercept, atol=1e-2 * y.std())


def test_parts_are_predicted_by_a_fit_to_the_others():
    X, y, weights = problem()
    together = np.arange(60) // 3
    model = SparseLinearCompanion().fit(X, y, weights, np.ones(3), together)
    part_of = together * N_PARTS // 20
    size = (X.toarray() ** 2).sum(1).mean()
    for part in range(N_PARTS):
        kept, out = part_of != part, part_of == part
        coef, intercept = plain_ridge(X[kept], y[kept, 2], weights[kept, 2], size * model.ridge_)
        np.testing.assert_allclose(model.left_out_[out, 2], X[out] @ coef + intercept, atol=5e-3 * y.std())


def test_repeated_rows_equal_weights():
    X, y, weights = problem()
    twice = np.arange(60) % 4 == 0
    rows = np.concatenate([np.arange(60), np.flatnonzero(twice)])
    once = solve_ridges(X, y, weights * np.where(twice, 2, 1)[:, None] * 3, np.array([1.0]))
    # The mean weight of a task's labels is 1, whether rows are repeated or weighted: per row, the ridge differs.
    n_labels, n_repeated = (weights > 0).sum(0), (weights[rows] > 0).sum(0)
    for task in range(3):
        ridge = np.array([n_repeated[task] / n_labels[task]])
        repeated = solve_ridges(X[rows], y[rows, task : task + 1], weights[rows, task : task + 1], ridge)
        np.testing.assert_allclose(repeated[0][0, :, 0], once[0][0, :, task], atol=1e-2)


def test_the_ridge_follows_the_noise():
    X, y, weights = problem(200, 100)
    noisy = np.random.default_rng(1).normal(size=y.shape)
    assert SparseLinearCompanion().fit(X, noisy, weights, np.ones(3)).ridge_ == RIDGES[-1]
    assert SparseLinearCompanion().fit(X, y, weights, np.ones(3)).ridge_ < RIDGES[-1]


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_few_rows_and_labels_of_nobody_are_finite(n_rows):
    X, y, _ = problem(n_rows)
    weights = np.ones(y.shape) * [1, 1, 0]
    model = SparseLinearCompanion().fit(X, y, weights, np.ones(3))
    assert np.isfinite(model.left_out_).all()
    np.testing.assert_array_equal(model.predict(X)[:, 2], 0)


def test_a_matrix_of_zeros_predicts_the_mean():
    X = csr_array((8, 5))
    y = np.arange(8.0)[:, None] - 3.5
    model = SparseLinearCompanion().fit(X, y, np.ones((8, 1)), np.ones(1))
    np.testing.assert_allclose(model.predict(X), 0, atol=1e-12)


def beside(n_columns, gain, told=1.0, n_rows=300, seed=0):
    """Columns beside tokens, and a target that follows from the first column and a tenth of the tokens."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(n_rows, n_columns))
    tokens = csr_array(random_array((n_rows, 400), density=0.05, rng=rng))
    said = tokens[:, :40].sum(1)
    y = gain * columns[:, :1] + told * (said - said.mean())[:, None] + 0.3 * rng.normal(size=(n_rows, 1))
    return csr_array(hstack([csr_array(columns), tokens], format="csr")), y - y.mean()


def test_columns_beside_tokens_are_fitted_as_if_they_had_the_length_that_was_chosen():
    X, y = beside(5, gain=1.0)
    model = SparseLinearCompanion(5).fit(X, y, np.ones(y.shape), np.ones(1))
    dense = X.toarray()
    sizes = [(block**2).sum(1) for block in (dense[:, :5], dense[:, 5:])]
    sizes = [size[size > 0].mean() for size in sizes]
    dense[:, :5] *= model.scale_ * np.sqrt(sizes[1] / sizes[0])
    coef, intercept = plain_ridge(csr_array(dense), y[:, 0], np.ones(len(y)), sizes[1] * model.ridge_)
    np.testing.assert_allclose(model.predict(X)[:, 0], dense @ coef + intercept, atol=1e-2 * y.std())


def test_the_unit_of_columns_does_not_matter():
    X, y = beside(5, gain=1.0)
    model = SparseLinearCompanion(5).fit(X, y, np.ones(y.shape), np.ones(1))
    units = np.r_[np.full(5, 1e3), np.ones(400)]
    larger = csr_array(X * units)
    other = SparseLinearCompanion(5).fit(larger, y, np.ones(y.shape), np.ones(1))
    # Conjugate gradients stop at some step: no nearer to each other than to the solution.
    np.testing.assert_allclose(other.predict(larger), model.predict(X), atol=1e-2 * y.std())


def test_columns_that_say_much_are_held_down_less_than_many_that_say_little():
    few, many = beside(5, gain=1.0, told=0.0), beside(200, gain=0.0)
    ones = np.ones((300, 1)), np.ones(1)
    assert SparseLinearCompanion(5).fit(*few, *ones).scale_ == SCALES[1]
    assert SparseLinearCompanion(200).fit(*many, *ones).scale_ == SCALES[0]
    assert SparseLinearCompanion().fit(*many, *ones).scale_ == 1
