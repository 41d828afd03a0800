"""Sparse X: the same model from CSR and CSC, and never dense as a whole."""

import numpy as np
import pytest
import scipy.sparse
from scipy.sparse import csc_array, csc_matrix, csr_array, csr_matrix, random_array

from skmtl import MultiTaskClassifier, MultiTaskRegressor

rng = np.random.default_rng(0)
X = random_array((80, 12), density=0.3, rng=rng, format="csr")
Y = X @ rng.normal(size=(12, 2)) + 0.1 * rng.normal(size=(80, 2))


def make(classifier=False, **params):
    params = {
        "hidden_layer_sizes": (6,),
        "max_iter": 5,
        "n_estimators": 2,
        "random_state": 0,
        "batch_size": 16,
        **params,
    }
    return (MultiTaskClassifier if classifier else MultiTaskRegressor)(**params)


@pytest.mark.parametrize("classifier", [False, True])
@pytest.mark.parametrize("kind", [csc_array, csr_matrix, csc_matrix])
def test_csr_and_csc_give_the_same_model(kind, classifier):
    y = Y > 0 if classifier else Y
    first, second = make(classifier).fit(X, y), make(classifier).fit(kind(X), y)
    np.testing.assert_array_equal(first.transform(X), second.transform(kind(X)))
    np.testing.assert_array_equal(first.predict(X), second.predict(kind(X)))


def test_duplicate_entries_are_summed_and_the_callers_matrix_stays_as_it_is():
    doubled = csr_array(
        (np.concatenate([X.data / 2, X.data / 2]), (np.tile(X.tocoo().row, 2), np.tile(X.tocoo().col, 2))),
        shape=X.shape,
    )
    raw = csr_array((80, 12))
    raw.indptr = 2 * X.indptr
    order = [i for row in range(80) for i in 2 * list(range(X.indptr[row], X.indptr[row + 1]))]
    raw.indices, raw.data = X.indices[order], X.data[order] / 2
    raw.has_canonical_format = False
    before = raw.data.copy()
    expected = make().fit(X, Y).predict(X)
    np.testing.assert_allclose(make().fit(raw, Y).predict(raw), expected, rtol=1e-5)
    np.testing.assert_array_equal(raw.data, before)
    np.testing.assert_allclose(make().fit(doubled, Y).predict(doubled), expected, rtol=1e-5)


def test_a_model_fitted_on_sparse_rows_predicts_dense_ones_alike():
    model = make().fit(X, Y)
    np.testing.assert_allclose(model.predict(X.toarray()), model.predict(X), rtol=1e-4, atol=1e-5)


def test_rows_without_labels_are_dropped():
    y = Y.copy()
    y[:20] = np.nan
    assert np.isnan(make().fit(X, y).oof_prediction_[:20]).all()
    np.testing.assert_array_equal(make().fit(X, y).predict(X), make().fit(X[20:], y[20:]).predict(X))


def test_sparse_validation_data_and_chunks():
    model = make().fit(X[:60], Y[:60], X_val=csc_array(X[60:]), y_val=Y[60:])
    assert np.isfinite(model.history_.total("valid_loss")).all()
    model = make().partial_fit(X[:40], Y[:40]).partial_fit(csc_array(X[40:]), Y[40:])
    assert np.isfinite(model.predict(X)).all()


def test_a_wide_matrix_is_never_dense_as_a_whole(monkeypatch):
    wide = random_array((3000, 2000), density=0.002, rng=rng, format="csr")
    largest = []

    def watch(kind, name):
        original = getattr(kind, name)

        def watched(self, *args, **kwargs):
            largest.append(self.shape[0] * self.shape[1])
            return original(self, *args, **kwargs)

        monkeypatch.setattr(kind, name, watched)

    for kind in (scipy.sparse.csr_array, scipy.sparse.csc_array, scipy.sparse.coo_array):
        for name in ("toarray", "todense"):
            watch(kind, name)
    y = rng.normal(size=(3000, 2))
    # A few megabytes at a time: what this bounds must count the columns of X, not only the units of the network.
    monkeypatch.setattr("skmtl.estimators._model.CHUNK_VALUES", 2**18)
    monkeypatch.setattr("skmtl.training._holdout.CHUNK_VALUES", 2**18)
    model = make(max_iter=1, batch_size=64, companions=None).fit(csc_array(wide), y)
    model.predict(wide)
    model.transform(wide)
    assert largest
    assert max(largest) <= 2**18
