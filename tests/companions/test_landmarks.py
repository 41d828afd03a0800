"""The kernel companion on more rows than an exact kernel can have."""

from dataclasses import replace

import numpy as np
import pytest

from skmtl.companions import KernelCompanion, _kernel


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(_kernel, "EXACT_ROWS", 80)
    monkeypatch.setattr(_kernel, "LANDMARKS", 60)


pytestmark = pytest.mark.usefixtures("few")


def wave(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.7, 1.7, size=(n_rows, 3))
    y = np.column_stack([np.abs(X[:, 0]), np.cos(3 * X[:, 0]) + X[:, 1]]) + 0.2 * rng.normal(size=(n_rows, 2))
    return X, (y - y.mean(0)) / y.std(0), np.ones((n_rows, 2))


def share_explained(model, X, y):
    return 1 - ((y - model.predict(X)) ** 2).mean(0) / y.var(0)


def test_all_rows_are_fitted_to():
    X, y, weights = wave(900)
    some = KernelCompanion().fit(X[:80], y[:80], weights[:80], np.ones(2))
    many = KernelCompanion().fit(X[:600], y[:600], weights[:600], np.ones(2))
    assert (share_explained(many, X[600:], y[600:]) > share_explained(some, X[600:], y[600:]) + 0.01).all()
    assert len(many._rows) == 60
    assert many.left_out_.shape == (600, 2)


def test_rows_are_left_out_as_by_a_refit_with_the_same_landmarks():
    X, y, weights = wave(150)
    model = KernelCompanion().fit(X, y, weights, np.ones(2))
    for row in (3, 100, 149):  # among the landmarks, and not
        lighter = weights.copy()
        lighter[row] = 1e-9  # as good as gone, while landmarks and ranks stay
        other = KernelCompanion().fit(X, y, weights, np.ones(2))
        other._choices = other._refit(
            [replace(c, error=np.inf, slopes=None) for c in model._choices],
            X,
            _kernel.Cells(y, lighter),
            np.arange(150),
        )
        np.testing.assert_allclose(other.predict(X[[row]])[0], model.left_out_[row], atol=2e-2)


def test_rows_beyond_the_most_are_predicted(monkeypatch):
    monkeypatch.setattr(_kernel, "MOST_ROWS", 200)
    X, y, weights = wave(260)
    model = KernelCompanion().fit(X, y, weights, np.ones(2))
    np.testing.assert_allclose(model.left_out_[200:], model.predict(X[200:]))
    changed = y.copy()
    changed[230] = 1e6
    np.testing.assert_allclose(
        KernelCompanion().fit(X, changed, weights, np.ones(2)).predict(X), model.predict(X), rtol=1e-9
    )


def test_columns_stand_beside_the_landmarks():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 20))
    y = X @ rng.normal(size=(20, 1))
    y = (y - y.mean()) / y.std()
    model = KernelCompanion().fit(X[:300], y[:300], np.ones((300, 1)), np.ones(1))
    assert share_explained(model, X[300:], y[300:])[0] > 0.95  # sixty landmarks alone could not
