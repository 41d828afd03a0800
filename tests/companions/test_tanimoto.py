"""The kernel companion of fingerprints: equal to plain kernel regression, and to refits without each row."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from skmtl import MultiTaskClassifier
from skmtl.companions import KernelCompanion, TanimotoCompanion, _tanimoto, are_fingerprints
from skmtl.companions._blend import _inside

N_BITS = 80


def bits(n_rows=40, share=0.1, seed=0):
    rng = np.random.default_rng(seed)
    X = (rng.random((n_rows, N_BITS)) < share).astype(float)
    X[:2] = [[0], [1]]  # every column has both values
    return X


def problem(n_rows=40, seed=0):
    """Bits, targets of mean 0, and weights."""
    X = bits(n_rows, seed=seed)
    y = X[:, :20] @ np.random.default_rng(1).normal(size=(20, 3))
    return X, y - y.mean(0), np.ones(y.shape)


def tanimoto(a, b):
    either = sum(p or q for p, q in zip(a, b, strict=True))
    return sum(p and q for p, q in zip(a, b, strict=True)) / either if either else 1.0


def plain(X, y, rows, power, ridge):
    """Kernel ridge regression, each similarity by hand."""
    kernel = np.array([[tanimoto(a, b) ** power for b in X] for a in X])
    coefficients = np.linalg.solve(kernel + ridge * np.eye(len(X)), y)
    return np.array([[tanimoto(a, b) ** power for b in X] for a in rows]) @ coefficients


def test_predictions_are_those_of_kernel_regression():
    X, y, weights = problem()
    model = TanimotoCompanion().fit(X, y, weights, np.ones(3))
    fresh = bits(8, seed=7)
    np.testing.assert_allclose(model.predict(fresh), plain(X, y, fresh, model.power_, model.ridge_), atol=1e-6)


@pytest.mark.parametrize("size", [1, 5])
def test_rows_are_left_out_as_by_a_refit(size):
    X, y, weights = problem()
    together = np.arange(len(X)) // size
    model = TanimotoCompanion().fit(X, y, weights, np.ones(3), together)
    for number in np.unique(together):
        others = together != number
        refit = plain(X[others], y[others], X[~others], model.power_, model.ridge_)
        np.testing.assert_allclose(model.left_out_[~others], refit, atol=1e-6)


def test_a_weight_is_as_many_copies():
    X, y, weights = problem()
    counts = 1 + np.arange(len(X)) % 3
    weighted = TanimotoCompanion().fit(X, y, weights * counts[:, None], np.ones(3))
    place = np.repeat(np.arange(len(X)), counts)
    kernel = np.array([[tanimoto(a, b) for b in X] for a in X])[np.ix_(place, place)] ** weighted.power_
    ridge = weighted.ridge_ * counts.mean()  # weights have mean 1
    copies = np.linalg.solve(kernel + ridge * np.eye(len(place)), y[place])
    fitted = kernel[np.unique(place, return_index=True)[1]] @ copies
    np.testing.assert_allclose(weighted.predict(X), fitted, atol=1e-6)


def test_a_missing_label_is_at_the_mean_whatever_stands_there():
    X, y, weights = problem()
    weights[::3, 1] = 0
    spoilt = np.where(weights > 0, y, 1e6)
    clean = TanimotoCompanion().fit(X, np.where(weights > 0, y, 0), weights, np.ones(3))
    np.testing.assert_array_equal(TanimotoCompanion().fit(X, spoilt, weights, np.ones(3)).predict(X), clean.predict(X))


def test_which_value_stands_for_presence_does_not_matter():
    X, y, weights = problem()
    turned = np.where(np.arange(N_BITS) % 2, 5 - 3 * X, X - 1)
    fit = TanimotoCompanion().fit(X, y, weights, np.ones(3))
    np.testing.assert_array_equal(TanimotoCompanion().fit(turned, y, weights, np.ones(3)).left_out_, fit.left_out_)


def test_rows_without_any_bit_are_alike():
    X, y, weights = problem()
    X[3:6] = 0
    model = TanimotoCompanion().fit(X, y, weights, np.ones(3))
    assert np.isfinite(model.left_out_).all()
    np.testing.assert_array_equal(model.predict(X)[3], model.predict(X)[5])


def test_rows_beyond_those_that_are_affordable_are_predicted(monkeypatch):
    X, y, weights = problem(60)
    monkeypatch.setattr(_tanimoto, "SEARCHED_ROWS", 50)
    monkeypatch.setattr(_tanimoto, "MOST_ROWS", 50)
    model = TanimotoCompanion().fit(X, y, weights, np.ones(3))
    np.testing.assert_allclose(model.left_out_[50:], model.predict(X[50:]), atol=1e-12)


def test_power_and_ridge_come_from_the_first_rows_of_many(monkeypatch):
    X, y, weights = problem(60)
    monkeypatch.setattr(_tanimoto, "SEARCHED_ROWS", 40)
    model, some = (TanimotoCompanion().fit(X[:n], y[:n], weights[:n], np.ones(3)) for n in (60, 40))
    assert (model.power_, model.ridge_) == (some.power_, some.ridge_)


def test_fingerprints_are_many_bits_that_are_mostly_absent():
    sparse, dense = bits(200), bits(200, share=0.5)
    assert are_fingerprints(sparse)
    assert are_fingerprints(1 - 2 * sparse)
    assert not are_fingerprints(dense)
    assert not are_fingerprints(sparse[:, : _tanimoto.FEWEST_BITS - 1])
    assert not are_fingerprints(np.column_stack([sparse, np.arange(200)]))
    assert not are_fingerprints(sparse[:1])
    assert not are_fingerprints(np.empty((0, N_BITS)))


@pytest.mark.parametrize("make", [bits, lambda n: csr_array(bits(n))])
def test_the_estimator_takes_it_for_fingerprints(make):
    X = bits(120)
    labels = (X[:, :12].sum(1) > 1).astype(int)
    labels[::7] = 1 - labels[::7]
    settings = {"companions": "kernel", "max_iter": 2, "random_state": 0}
    model = MultiTaskClassifier(**settings).fit(make(120), np.column_stack([labels, 1 - labels]))
    assert isinstance(model.companions_["kernel"], TanimotoCompanion)
    others = MultiTaskClassifier(**settings).fit(bits(120, share=0.5), np.column_stack([labels, 1 - labels]))
    assert isinstance(others.companions_["kernel"], KernelCompanion)


def test_predictions_read_as_probabilities_keep_their_order_and_are_never_certain():
    values = np.linspace(-2, 3, 501)[:, None]
    for share in (0.001, 0.05, 0.5, 0.97):
        found = _inside(values, np.array([share]))
        assert ((found > 0) & (found < 1)).all()
        assert (np.diff(found[:, 0]) >= 0).all()
        assert (np.diff(found[(values[:, 0] > -share) & (values[:, 0] < 2 - share), 0]) > 0).all()
        middle = (values >= share / 2) & (values <= 1 - (1 - share) / 2)
        np.testing.assert_array_equal(found[middle], values[middle])
