"""Ctrl-C: the best state is kept, a warning says so, and the interrupt goes on, so that a search stops too."""

import signal
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from skmtl import MultiTaskClassifier, MultiTaskRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = X @ rng.normal(size=(3, 2)) + rng.normal(size=(60, 2))


class CtrlC(Callback):
    """Presses Ctrl-C at an event of one epoch."""

    def __init__(self, epoch=4, event="on_epoch_end"):
        self.epoch = epoch
        self.event = event

    def press(self, net, event):
        if event == self.event and len(net.history) == self.epoch:
            signal.raise_signal(signal.SIGINT)

    def on_batch_end(self, net, **kwargs):
        self.press(net, "on_batch_end")

    def on_epoch_end(self, net, **kwargs):
        self.press(net, "on_epoch_end")


@pytest.fixture(autouse=True)
def pythons_own_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def make(estimator=MultiTaskRegressor, **params):
    params = {"hidden_layer_sizes": (8,), "max_iter": 40, "n_estimators": 2, "random_state": 0, **params}
    return estimator(**params)


@pytest.mark.parametrize("event", ["on_batch_end", "on_epoch_end"])
@pytest.mark.parametrize("early_stopping", [True, False])
def test_an_interrupted_fit_keeps_the_best_state_and_raises(event, early_stopping):
    model = make(callbacks=[CtrlC(event=event)], early_stopping=early_stopping)
    with (
        pytest.warns(ConvergenceWarning, match="interrupted after [34] of 40 epochs; the best state so far is kept"),
        pytest.raises(KeyboardInterrupt),
    ):
        model.fit(X, Y)
    assert model.n_iter_ == (3 if event == "on_batch_end" and early_stopping else model.n_iter_)
    assert np.isfinite(model.predict(X)).all()
    assert hasattr(model, "oof_prediction_") == early_stopping
    if early_stopping and event == "on_epoch_end":
        # The state is the one that four whole epochs leave.
        finished = make(max_iter=4).fit(X, Y)
        np.testing.assert_array_equal(model.predict(X), finished.predict(X))


def test_an_interrupted_classifier_is_usable():
    model = make(MultiTaskClassifier, callbacks=[CtrlC()])
    with pytest.warns(ConvergenceWarning, match="interrupted"), pytest.raises(KeyboardInterrupt):
        model.fit(X, Y > 0)
    assert model.score(X, Y > 0) > 0.4
    model.set_params(callbacks=None).fit(X, Y > 0)
    assert model.n_iter_ > 4


def test_an_interrupted_partial_fit_raises_too():
    model = make(callbacks=[CtrlC(1)])
    with pytest.warns(ConvergenceWarning, match="interrupted in partial_fit"), pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, Y)
    assert np.isfinite(model.predict(X)).all()


def test_an_interrupt_stops_a_search():
    search = GridSearchCV(make(callbacks=[CtrlC()]), {"alpha": [0.1, 1]}, cv=2)
    with warnings.catch_warnings(), pytest.raises(KeyboardInterrupt):
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(X, Y)
    assert not hasattr(search, "best_params_")


class PressedWhileReadingData:
    """Array-like that presses Ctrl-C before training begins."""

    def __array__(self, *args, **kwargs):
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_before_training_leaves_the_estimator_as_it_was():
    model = make().fit(X, Y)
    before = model.__dict__.copy()
    with pytest.raises(KeyboardInterrupt):
        model.fit(PressedWhileReadingData(), Y)
    assert model.__dict__ == before
