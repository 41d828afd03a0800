"""The kernel companion and the columns it reads."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from skmtl.companions import KernelCompanion, RankedColumns, _kernel
from skmtl.companions._kernel import SCALES, _search
from skmtl.companions._ridge import Cells


def wave(n_rows=120, n_columns=4, seed=0):
    """Two tasks that bend along the first column, standardised."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.7, 1.7, size=(n_rows, n_columns))
    y = np.column_stack([np.abs(X[:, 0]), np.cos(3 * X[:, 0])]) + 0.1 * rng.normal(size=(n_rows, 2))
    return X, (y - y.mean(0)) / y.std(0), np.ones((n_rows, 2))


# Columns


def test_columns_are_clipped_and_ranked():
    X = np.array([[-1.0, 5.0], [0.0, 5.0], [0.0, 6.0], [3.0, 5.0]])
    columns = RankedColumns(X, np.ones(4))
    found = columns.transform(X)
    assert found.shape == (4, 3)  # the second column has two values, and no ranks
    np.testing.assert_allclose(found[:, 0], X[:, 0] / np.sqrt(1 + (X[:, 0] / 3) ** 2))
    # Mid-ranks of -1, 0, 0, 3 are 1/8, 4/8, 4/8, 7/8.
    np.testing.assert_allclose(found[:, 1], (np.array([1, 4, 4, 7]) / 8 - 0.5) * np.sqrt(12))
    np.testing.assert_allclose(found[:, 2], np.array([0, 0, 1, 0]) * columns.gaps[0])
    np.testing.assert_array_equal(columns.sources, [0, 0, 1])


def test_columns_of_two_values_stay_between_them_and_constant_ones_are_left_out():
    columns = RankedColumns(np.array([[1.0, 7.0], [-1.0, 7.0]]), np.ones(2))
    np.testing.assert_array_equal(columns.sources, [0])
    np.testing.assert_allclose(
        columns.transform(np.array([[9.0, 0.0], [0.0, 0.0], [-9.0, 0.0]])), columns.gaps * np.array([[1], [0.5], [0]])
    )


def test_of_very_many_columns_there_are_no_ranks():
    X = np.random.default_rng(0).normal(size=(5, 601))
    assert RankedColumns(X[:, :600], np.ones(5)).transform(X[:, :600]).shape == (5, 1200)
    assert RankedColumns(X, np.ones(5)).transform(X).shape == (5, 601)


def test_distances_are_sums_over_columns_of_many_and_of_two_values():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(30, 3)), rng.integers(0, 2, size=(30, 4))])
    columns = RankedColumns(X, np.ones(30))
    weights = rng.uniform(0.1, 2, size=len(columns.sources))
    new = np.column_stack([rng.normal(size=(9, 3)), rng.uniform(-1, 2, size=(9, 4))])
    one, other = columns.transform(new), columns.transform(X)
    found = columns.distances(one, other, weights)
    np.testing.assert_allclose(found, cdist(one * weights, other * weights, "cityblock"), rtol=1e-12)
    assert (np.diagonal(columns.distances(other, other, weights)) >= 0).all()


def test_ranks_run_on_between_values_and_stay_beyond_them():
    columns = RankedColumns(np.array([[0.0], [1.0], [2.0], [3.0]]), np.ones(4))
    found = columns.transform(np.array([[-1e30], [0.5], [1.0 + 1e-9], [1e30]]))
    np.testing.assert_allclose(found[:, 1], (np.array([1, 2, 3, 7]) / 8 - 0.5) * np.sqrt(12), atol=1e-8)
    np.testing.assert_allclose(found[[0, 3], 0], [-3, 3])


def test_a_weight_of_two_ranks_as_two_rows():
    X = np.array([[0.0], [1.0], [4.0]])
    weighted = RankedColumns(X, np.array([1.0, 2.0, 1.0])).transform(X)
    repeated = RankedColumns(X[[0, 1, 1, 2]], np.ones(4)).transform(X)
    np.testing.assert_allclose(weighted, repeated)


# The model


def chosen(model, task):
    choice = model._choices[task]
    weights = model.feature_weights_[choice.round]
    return choice, np.exp(-cdist(model._rows * weights, model._rows * weights, "cityblock") / choice.scale)


def test_rows_are_left_out_as_by_a_refit(monkeypatch):
    monkeypatch.setattr(_kernel, "N_ROUNDS", 1)
    X, y, weights = wave(40)
    model = KernelCompanion().fit(X, y, weights, np.ones(2))
    for task in range(2):
        choice, kernel = chosen(model, task)
        fitted = kernel @ choice.coefficients
        residual = y[:, task] - fitted
        ridge = np.median(residual / choice.coefficients)  # (K + λ) a = y
        np.testing.assert_allclose(residual, ridge * choice.coefficients, rtol=1e-6, atol=1e-9)
        for row in range(0, 40, 7):
            others = np.arange(40) != row
            inner = kernel[np.ix_(others, others)] + ridge * np.eye(39)
            expected = kernel[row, others] @ np.linalg.solve(inner, y[others, task])
            assert model.left_out_[row, task] == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_rows_of_a_number_are_left_out_together_as_by_a_refit(monkeypatch):
    monkeypatch.setattr(_kernel, "N_ROUNDS", 1)
    X, y, weights = wave(40)
    together = np.arange(40) // 7
    model = KernelCompanion().fit(X, y, weights, np.ones(2), together)
    choice, kernel = chosen(model, 0)
    ridge = np.median((y[:, 0] - kernel @ choice.coefficients) / choice.coefficients)
    for number in range(6):
        others = together != number
        inner = kernel[np.ix_(others, others)] + ridge * np.eye(others.sum())
        expected = kernel[np.ix_(~others, others)] @ np.linalg.solve(inner, y[others, 0])
        np.testing.assert_allclose(model.left_out_[~others, 0], expected, rtol=1e-3, atol=1e-5)


def test_predictions_follow_from_the_kernel():
    X, y, weights = wave(40)
    model = KernelCompanion().fit(X, y, weights, np.ones(2))
    fitted = np.column_stack([chosen(model, task)[1] @ chosen(model, task)[0].coefficients for task in range(2)])
    np.testing.assert_allclose(model.predict(X), fitted, rtol=1e-9, atol=1e-12)


def test_feature_weights_follow_from_the_slopes_of_the_fit_before():
    X, y, weights = wave(60)
    model = KernelCompanion().fit(X, y, weights, np.ones(2))
    rows, step = model._rows, 1e-6
    cells = Cells(y, weights)
    distances = cdist(rows, rows, "cityblock")
    choices = _search(distances, set(SCALES), cells, np.arange(60), 0)
    squares = np.zeros(rows.shape[1])
    for choice in choices:
        for column in range(rows.shape[1]):
            up, down = rows.copy(), rows.copy()
            up[:, column] += step
            down[:, column] -= step
            ends = [np.exp(-cdist(moved, rows, "cityblock") / choice.scale) for moved in (up, down)]
            # A row's distance to itself has a kink there: without slope, as in the middle of both sides.
            slope = (ends[0] - ends[1]) @ choice.coefficients / (2 * step)
            squares[column] += (slope**2).mean()
    expected = np.sqrt(squares)
    expected = np.maximum(expected / expected.mean(), 0.05)
    assert (model.feature_weights_[0] == 1).all()
    np.testing.assert_allclose(model.feature_weights_[1], expected, rtol=1e-4)


def test_noise_is_not_made_much_of():
    rng = np.random.default_rng(0)
    for n_rows, n_columns in [(100, 60), (40, 20)]:
        X, y = rng.normal(size=(n_rows, n_columns)), rng.normal(size=(n_rows, 2))
        y = (y - y.mean(0)) / y.std(0)
        model = KernelCompanion().fit(X, y, np.ones(y.shape), np.ones(2))
        assert (1 - ((y - model.left_out_) ** 2).mean(0) < 0.05).all()


def test_learned_feature_weights_are_judged_by_parts_that_they_do_not_know():
    X, y, weights = wave(120, 12)
    model = KernelCompanion().fit(X, y, weights, np.ones(2))
    assert {choice.round for choice in model._choices} & {1, 2}
    fresh, truth, _ = wave(1000, 12, seed=1)
    left_out = 1 - ((y - model.left_out_) ** 2).mean(0)
    unseen = 1 - ((truth - model.predict(fresh)) ** 2).mean(0)
    np.testing.assert_allclose(left_out, unseen, atol=0.08)


def test_what_does_not_matter_loses_its_say():
    X, y, weights = wave(200, 12)
    plain = np.delete(X, 0, axis=1)
    model = KernelCompanion().fit(X, y, weights, np.ones(2))
    explained = 1 - ((y - model.left_out_) ** 2).mean(0)
    assert (explained > 0.85).all()
    useless = KernelCompanion().fit(plain, y, weights, np.ones(2))
    assert (1 - ((y - useless.left_out_) ** 2).mean(0) < 0.1).all()


def test_a_task_without_weight_has_no_say_in_the_feature_weights():
    X, y, weights = wave(100)
    y[:, 1] = X[:, 2]
    alone = KernelCompanion().fit(X, y, weights, np.array([1.0, 0.0]))
    assert np.argmax(alone.feature_weights_[-1][:4]) == 0
    both = KernelCompanion().fit(X, y, weights, np.array([1.0, 1.0]))
    assert both.feature_weights_[-1][2] > 2 * alone.feature_weights_[-1][2]


def test_later_rounds_try_the_scales_that_served_a_task_before(monkeypatch):
    asked = []

    def spy(distances, scales, cells, together, turn):
        asked.append(set(scales))
        found.append(_search(distances, scales, cells, together, turn))
        return found[-1]

    found = []
    monkeypatch.setattr(_kernel, "_search", spy)
    X, y, weights = wave(60)
    KernelCompanion().fit(X, y, weights, np.ones(2))
    assert asked[0] == set(SCALES)
    for before, scales in zip(found, asked[1:], strict=False):
        assert scales == {choice.relative_scale for choice in before}


def test_order_of_rows_and_tasks_does_not_matter():
    X, y, weights = wave(60)
    order = np.random.default_rng(0).permutation(60)
    plain = KernelCompanion().fit(X, y, weights, np.ones(2), np.arange(60))
    shuffled = KernelCompanion().fit(X[order], y[order][:, ::-1], weights, np.ones(2), order)
    np.testing.assert_allclose(shuffled.predict(X)[:, ::-1], plain.predict(X), rtol=1e-6, atol=1e-8)


def test_weights_of_rows_are_repetitions():
    X, y, _ = wave(30)
    counts = np.random.default_rng(0).integers(1, 3, size=30).astype(float)
    y = y - np.average(y, axis=0, weights=counts)
    model = KernelCompanion().fit(X, y, np.tile(counts[:, None], (1, 2)), np.ones(2))
    choice, kernel = chosen(model, 0)
    rows = np.repeat(np.arange(30), counts.astype(int))
    # (K + λ D⁻¹) a = y, with weights of mean 1; on repeated rows, the copies share the coefficient.
    ridge = np.median((y[:, 0] - kernel @ choice.coefficients) / choice.coefficients * counts / counts.mean())
    repeated = kernel[np.ix_(rows, rows)] + ridge * counts.mean() * np.eye(len(rows))
    expected = kernel[:, rows] @ np.linalg.solve(repeated, y[rows, 0])
    np.testing.assert_allclose(model.predict(X)[:, 0], expected, rtol=1e-6, atol=1e-8)


def test_labels_that_are_hidden_are_not_looked_at():
    X, y, weights = wave(80)
    hidden = np.zeros(y.shape, bool)
    hidden[::4, 0] = True
    weights = np.where(hidden, 0.0, weights)
    some = KernelCompanion().fit(X, np.where(hidden, 1e6, y), weights, np.ones(2))
    other = KernelCompanion().fit(X, np.where(hidden, -3.0, y), weights, np.ones(2))
    np.testing.assert_array_equal(some.predict(X), other.predict(X))
    assert np.corrcoef(some.left_out_[~hidden[:, 0], 0], y[~hidden[:, 0], 0])[0, 1] > 0.9


@pytest.mark.parametrize("X", [np.zeros((6, 2)), np.arange(6.0)[:, None], np.eye(6), np.full((6, 1), 1e300)])
@pytest.mark.parametrize("y", [np.zeros((6, 1)), np.arange(6.0)[:, None] - 2.5])
def test_what_cannot_be_learned_is_finite(X, y):
    model = KernelCompanion().fit(X, y, np.ones((6, 1)), np.ones(1))
    assert np.isfinite(model.predict(X)).all()
    assert np.isfinite(model.left_out_).all()


def test_one_row_is_enough():
    model = KernelCompanion().fit(np.ones((1, 2)), np.zeros((1, 1)), np.ones((1, 1)), np.ones(1))
    np.testing.assert_array_equal(model.predict(np.zeros((2, 2))), np.zeros((2, 1)))
