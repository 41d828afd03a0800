"""skorch's callbacks, the user's own, and the line that shows progress."""

import warnings

import numpy as np
import pytest
import torch
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    LRScheduler,
    PassthroughScoring,
)

from skmtl import MultiTaskRegressor
from skmtl.training import clone_callbacks

X = np.random.default_rng(0).normal(size=(60, 3))
y = X @ np.random.default_rng(1).normal(size=(3, 2)) + np.random.default_rng(2).normal(size=(60, 2))


def make(**settings):
    settings = {"hidden_layer_sizes": (4,), "max_iter": 6, "n_estimators": 2, "random_state": 0, **settings}
    return MultiTaskRegressor(**settings)


class Recorder(Callback):
    """Writes down the name of every event, and the columns of skorch's history."""

    def __init__(self, events=None):
        self.events = events

    def notify(self, method_name, net, **kwargs):
        self.seen_ = [*getattr(self, "seen_", []), method_name]
        super().notify(method_name, net, **kwargs)

    def on_train_begin(self, net, **kwargs):
        self.note("on_train_begin", net)

    def on_epoch_begin(self, net, **kwargs):
        self.note("on_epoch_begin", net)

    def on_batch_begin(self, net, **kwargs):
        self.note("on_batch_begin", net)

    def on_grad_computed(self, net, **kwargs):
        self.note("on_grad_computed", net)

    def on_batch_end(self, net, **kwargs):
        self.note("on_batch_end", net)

    def on_epoch_end(self, net, **kwargs):
        self.note("on_epoch_end", net)

    def on_train_end(self, net, **kwargs):
        self.note("on_train_end", net)

    def note(self, event, net):
        EVENTS.append((event, dict(net.history[-1]) if len(net.history) else {}))


EVENTS = []


@pytest.fixture
def events():
    EVENTS.clear()
    return EVENTS


@pytest.mark.parametrize("callback", [Recorder(), Recorder, ("mine", Recorder())])
def test_all_events_fire_in_order(events, callback):
    make(callbacks=[callback], max_iter=2, batch_size=30, early_stopping=False).fit(X, y)
    batch = ["on_batch_begin", "on_grad_computed", "on_batch_end"]
    epoch = ["on_epoch_begin", *batch, *batch, "on_epoch_end"]
    assert [event for event, _ in events] == ["on_train_begin", *epoch, *epoch, "on_train_end"]


def test_callbacks_see_losses_and_whether_the_holdout_loss_is_the_best(events):
    model = make(callbacks=[Recorder()]).fit(X, y)
    rows = [row for event, row in events if event == "on_epoch_end"]
    assert len(rows) == model.n_iter_ == 6
    np.testing.assert_allclose([row["train_loss"] for row in rows], model.history_.total("train_loss"))
    losses = [row["valid_loss"] for row in rows]
    assert [row["valid_loss_best"] for row in rows] == [
        loss < min([np.inf, *losses[:i]]) for i, loss in enumerate(losses)
    ]


def test_callbacks_are_cloned():
    callback = Recorder()
    model = make(callbacks=[callback]).fit(X, y)
    assert not hasattr(callback, "seen_")
    used = [own for _, own in model.net_.callbacks_ if isinstance(own, Recorder)]
    assert len(used) == 1
    assert used[0] is not callback


def test_skorchs_early_stopping_ends_training_without_an_interrupt():
    stopping = EarlyStopping(monitor="train_loss", patience=2, threshold=100, threshold_mode="abs", sink=print)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make(callbacks=[stopping], max_iter=50, early_stopping=False).fit(X, y)
    assert model.n_iter_ == 3
    assert model.predict(X).shape == (60, 2)


def test_early_stopping_on_the_holdout_loss_keeps_every_members_best_state():
    stopping = EarlyStopping(patience=1, threshold=100, threshold_mode="abs")
    model = make(callbacks=[stopping], max_iter=50).fit(X, y)
    assert model.n_iter_ == 2
    assert set(model.history_.best_epochs) <= {1, 2}
    assert np.isfinite(model.oof_score_)


def test_a_learning_rate_scheduler_sets_the_rate_of_every_epoch():
    scheduler = LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.1, event_name="event_lr")
    model = make(callbacks=[scheduler], max_iter=3, learning_rate_init=0.1).fit(X, y)
    np.testing.assert_allclose([row["event_lr"] for row in model.net_.history], [0.1, 0.01, 0.001])
    plain = make(max_iter=3, learning_rate_init=0.1).fit(X, y)
    assert not np.array_equal(model.predict(X), plain.predict(X))


def test_a_checkpoint_is_written_whenever_the_holdout_loss_is_the_best(tmp_path):
    checkpoint = Checkpoint(dirname=str(tmp_path), f_optimizer=None, f_criterion=None, event_name="saved")
    model = make(callbacks=[checkpoint], max_iter=8).fit(X, y)
    history = model.net_.history
    assert [row["saved"] for row in history] == [row["valid_loss_best"] for row in history]
    saved = torch.load(tmp_path / "params.pt", weights_only=True)
    assert saved.keys() == model.net_.module_.state_dict().keys()


@pytest.mark.parametrize("kind", [EpochScoring, BatchScoring, PassthroughScoring])
def test_callbacks_that_predict_on_the_data_are_refused_by_name(kind):
    callback = kind("r2") if kind is not PassthroughScoring else kind(name="r2")
    with pytest.raises(ValueError, match=rf"{kind.__name__} predicts on the data .* history_\['valid_score'\]"):
        make(callbacks=[callback]).fit(X, y)
    with pytest.raises(ValueError, match=kind.__name__):
        clone_callbacks([("score", kind)])


@pytest.mark.parametrize("thing", ["early_stopping", object, print])
def test_anything_but_a_callback_is_refused(thing):
    with pytest.raises(ValueError, match=r"callbacks must be skorch callbacks .*, got "):
        make(callbacks=[thing]).fit(X, y)


def test_no_callbacks_are_no_callbacks():
    assert clone_callbacks(None) == clone_callbacks([]) == []


class Spectator(Callback):
    """Predicts by another model while this one is trained."""

    def on_epoch_end(self, net, **kwargs):
        OTHERS[-1].predict(X)


OTHERS = []


def test_a_callback_that_uses_another_model_changes_nothing():
    other = make().fit(X, y)
    OTHERS.append(other)
    watched = make(callbacks=[Spectator()]).fit(X, y)
    np.testing.assert_array_equal(watched.predict(X), other.predict(X))
