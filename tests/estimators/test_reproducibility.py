"""The same random_state gives the same bits, and the process stays as it was."""

import copy
import io
import pickle
import random
import threading
import warnings

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed

from skmtl import MultiTaskClassifier, MultiTaskRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(64, 3))
Y = X @ rng.normal(size=(3, 2)) + rng.normal(size=(64, 2))
C = np.column_stack([Y[:, 0] > 0, np.digitize(Y[:, 1], [-1, 1])]).astype(int)


def foreign(n_features):
    return torch.nn.Sequential(torch.nn.Linear(n_features, 6), torch.nn.ReLU(), torch.nn.Dropout(0.3))


VARIANTS = {
    "one batch": {"hidden_layer_sizes": (6,), "n_estimators": 2, "batch_size": 100},
    "batches": {"hidden_layer_sizes": (6,), "n_estimators": 2, "batch_size": 16},
    "dropout": {"hidden_layer_sizes": (6,), "n_estimators": 2, "batch_size": 16, "dropout": 0.3},
    "foreign": {"trunk": foreign, "batch_size": 16},
}
ALL = pytest.mark.parametrize("variant", VARIANTS)


def make(variant, classifier=False, **params):
    params = {"max_iter": 5, "random_state": 0, **VARIANTS[variant], **params}
    return (MultiTaskClassifier if classifier else MultiTaskRegressor)(**params)


def fitted_predictions(variant):
    return make(variant).fit(X, Y).predict(X)


@ALL
def test_a_rerun_gives_the_same_bits(variant):
    first, second = (make(variant).fit(X, Y) for _ in range(2))
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    np.testing.assert_array_equal(first.transform(X), second.transform(X))
    np.testing.assert_array_equal(first.oof_prediction_, second.oof_prediction_)
    np.testing.assert_array_equal(first.history_["train_loss"], second.history_["train_loss"])


@ALL
def test_the_global_generators_do_not_matter(variant):
    first = fitted_predictions(variant)
    torch.manual_seed(torch.initial_seed() % 1000 + 1)
    np.random.seed(123)  # noqa: NPY002
    np.testing.assert_array_equal(fitted_predictions(variant), first)


@ALL
def test_another_seed_gives_another_model(variant):
    assert not np.array_equal(make(variant, random_state=1).fit(X, Y).predict(X), fitted_predictions(variant))


def test_without_a_seed_every_fit_differs():
    first, second = (make("batches", random_state=None).fit(X, Y).predict(X) for _ in range(2))
    assert not np.array_equal(first, second)


def test_a_random_state_object_is_drawn_from():
    state = np.random.RandomState(0)
    first, second = (make("batches", random_state=state).fit(X, Y).predict(X) for _ in range(2))
    assert not np.array_equal(first, second)
    again = make("batches", random_state=np.random.RandomState(0)).fit(X, Y).predict(X)
    np.testing.assert_array_equal(first, again)


@ALL
def test_threads_that_fit_at_once_give_the_bits_of_one_after_another(variant):
    expected = fitted_predictions(variant)
    for result in Parallel(n_jobs=2, backend="threading")(delayed(fitted_predictions)(variant) for _ in range(4)):
        np.testing.assert_array_equal(result, expected)


@pytest.mark.slow
def test_processes_give_the_same_bits():
    # The worker cannot import this file: it gets the estimators themselves.
    models = [make(variant) for variant in ("one batch", "dropout")]
    expected = [model.fit(X, Y).predict(X) for model in models]
    fitted = Parallel(n_jobs=2, backend="loky")(delayed(model.fit)(X, Y) for model in models)
    for model, predicted in zip(fitted, expected, strict=True):
        np.testing.assert_array_equal(model.predict(X), predicted)


def process_state():
    return {
        "torch": torch.get_rng_state().tolist(),
        "numpy": repr(np.random.get_state()),  # noqa: NPY002
        "python": random.getstate(),
        "threads": torch.get_num_threads(),
        "filters": list(warnings.filters),
        "grad": torch.is_grad_enabled(),
        "dtype": torch.get_default_dtype(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "errors": np.geterr(),
        "python threads": {thread.name for thread in threading.enumerate()},
    }


@ALL
@pytest.mark.parametrize("classifier", [False, True])
def test_the_process_stays_as_it_was(variant, classifier):
    y = C if classifier else Y
    before = process_state()
    model = make(variant, classifier).fit(X, y)
    model.predict(X)
    model.transform(X)
    model.score(X, y)
    model.partial_fit(X, y)
    with pytest.raises(ValueError):
        make(variant, classifier, learning_rate_init=1e30, solver="sgd", early_stopping=False, max_iter=30).fit(X, y)
    assert process_state() == before


def test_the_thread_count_is_the_one_of_before_after_fits_at_once_in_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        seen = Parallel(n_jobs=3, backend="threading")(delayed(fitted_predictions)("batches") for _ in range(6))
        assert len(seen) == 6
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


# Pickles and copies --------------------------------------------------------------------------------------------------


def copies(model):
    yield pickle.loads(pickle.dumps(model))
    yield copy.deepcopy(model)
    yield copy.copy(model)


@pytest.mark.parametrize("variant", ["one batch", "batches", "dropout", "foreign"])
@pytest.mark.parametrize("classifier", [False, True])
def test_pickles_and_copies_predict_the_same_bits(variant, classifier):
    model = make(variant, classifier).fit(X, C if classifier else Y)
    for twin in copies(model):
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
        np.testing.assert_array_equal(twin.transform(X), model.transform(X))
        assert twin.oof_score_ == model.oof_score_


def test_a_copy_can_be_trained_further():
    model = make("dropout", warm_start=True).fit(X, Y)
    before = model.predict(X)
    expected = copy.deepcopy(model).fit(X, Y).predict(X)
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(twin.fit(X, Y).predict(X), expected)
        twin.partial_fit(X, Y)
    np.testing.assert_array_equal(model.predict(X), before)


def test_partial_fit_goes_on_after_a_pickle():
    model = make("batches").partial_fit(X, Y)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.partial_fit(X, Y).predict(X), model.partial_fit(X, Y).predict(X))


class Inspector(pickle.Pickler):
    """Notes every array and tensor on its way into a pickle."""

    def __init__(self):
        super().__init__(io.BytesIO())
        self.arrays = []

    def reducer_override(self, thing):
        if isinstance(thing, (np.ndarray, torch.Tensor)):
            self.arrays.append(thing)
        return NotImplemented


@pytest.mark.parametrize("classifier", [False, True])
@pytest.mark.parametrize("incremental", [False, True])
def test_a_pickle_holds_no_training_data_and_only_tensors_of_the_cpu(classifier, incremental, monkeypatch):
    n_rows = 4999  # a number that no layer has
    monkeypatch.setattr("skmtl.uncertainty._held_out.MOST_ROWS", 100)  # what intervals keep does not grow with X
    many = rng.normal(size=(n_rows, 3))
    y = many @ rng.normal(size=(3, 2))
    y = (y > 0).astype(int) if classifier else y
    model = make("batches", classifier, max_iter=1, batch_size=512, companions=None)
    if incremental:
        model.partial_fit(many, y, **({"classes": [[0, 1], [0, 1]]} if classifier else {}))
    else:
        model.fit(many, y)
    for name in ("oof_prediction_",):  # the user's to keep or to delete
        model.__dict__.pop(name, None)
    inspector = Inspector()
    inspector.dump(model)
    assert inspector.arrays
    assert max(np.prod(array.shape) for array in inspector.arrays) < n_rows / 2
    assert {t.device.type for t in inspector.arrays if isinstance(t, torch.Tensor)} == {"cpu"}
    assert len(pickle.dumps(model)) < 50_000
