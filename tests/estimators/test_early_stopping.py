"""Holdouts: members stop each for itself, keep their best state, and predict out of fold."""

import numpy as np
import pytest

from skmtl import MultiTaskClassifier, MultiTaskRegressor
from skmtl.estimators import _parameters
from skmtl.estimators._parameters import automatic_patience
from skmtl.training import content_keys, deal_folds

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 5))
Y = X @ rng.normal(size=(5, 2)) + 3 * rng.normal(size=(60, 2))
C = np.column_stack([Y[:, 0] > 0, np.digitize(Y[:, 1], [-1, 1])]).astype(int)


def make(classifier=False, **params):
    params = {
        "hidden_layer_sizes": (32,),
        "max_iter": 100,
        "encoder": "passthrough",
        "n_iter_no_change": 5,
        "companions": None,
        "random_state": 0,
        **params,
    }
    return (MultiTaskClassifier if classifier else MultiTaskRegressor)(**params)


@pytest.fixture(scope="module")
def overfitted():
    return make(learning_rate_init=0.01).fit(X, Y)


def folds(model, keys=None):
    keys = content_keys(X, None, model._model.seeds.folds) if keys is None else keys
    return deal_folds(keys, model.n_estimators_, model.validation_fraction)


def member_predictions(model, member):
    """What one member predicts for all rows, from its weights alone."""
    import torch

    network, statistics, targets = model.net_.module_, model._model.statistics, model._model.targets
    parameter = next(network.parameters())
    Z = torch.from_numpy((X - X.mean(0)) / X.std(0)).to(parameter.dtype)
    outputs = network(Z)[member].detach().double().numpy()
    encoded = outputs * statistics.scale[member] + statistics.shift[member]
    return encoded * targets.unit_ + targets.center_


def test_members_stop_at_different_epochs_on_data_that_overfit(overfitted):
    assert overfitted.early_stopping_
    assert overfitted.n_iter_ == overfitted.n_iter_per_member_.max() < 100
    assert len(set(overfitted.n_iter_per_member_)) > 2
    assert len(overfitted.history_) == overfitted.n_iter_


@pytest.mark.parametrize(
    ("n_rows", "patience"), [(1, 20), (2**14, 20), (2**16, 10), (100_000, 8), (10**6, 3), (10**8, 3)]
)
def test_patience_is_shorter_where_epochs_are_long(n_rows, patience):
    assert automatic_patience(n_rows) == patience


def test_automatic_patience_is_that_of_few_rows(monkeypatch):
    few = make(learning_rate_init=0.01, n_iter_no_change="auto").fit(X, Y)
    np.testing.assert_array_equal(few.n_iter_per_member_, few.history_.best_epochs + 20)
    monkeypatch.setattr(_parameters, "PATIENT_ROWS", 15)  # 60 are four times as many
    many = make(learning_rate_init=0.01, n_iter_no_change="auto").fit(X, Y)
    np.testing.assert_array_equal(many.n_iter_per_member_, many.history_.best_epochs + 10)


def test_every_member_stops_n_iter_no_change_epochs_after_its_best_one(overfitted):
    np.testing.assert_array_equal(overfitted.n_iter_per_member_, overfitted.history_.best_epochs + 5)


def test_out_of_fold_predictions_are_those_of_the_member_that_held_the_row_out(overfitted):
    member_of = folds(overfitted)
    assert set(member_of) == set(range(8))
    for member in range(8):
        own = member_of == member
        np.testing.assert_allclose(
            overfitted.oof_prediction_[own], member_predictions(overfitted, member)[own], rtol=1e-4, atol=1e-4
        )


def test_the_best_state_reproduces_the_best_holdout_loss():
    # Of one member, whose holdout loss is the history's.
    model = make(n_estimators=1, validation_fraction=0.3).fit(X, Y)
    own = folds(model) == 0
    assert own.sum() == 18
    truth, predicted = Y[own], model.predict(X)[own]
    variance = Y[~own].var(0)
    loss = ((truth - predicted) ** 2 / variance).mean(0).sum()
    assert loss == pytest.approx(model.history_.total("valid_loss").min(), rel=1e-4)
    assert np.argmin(model.history_.total("valid_loss")) + 1 == model.history_.best_epochs[0]
    assert model.oof_score_ == pytest.approx(model.score(X[own], Y[own]))
    assert np.isnan(model.oof_prediction_[~own]).all()


def test_out_of_fold_scores_are_means_over_tasks(overfitted):
    from sklearn.metrics import r2_score

    expected = r2_score(Y, overfitted.oof_prediction_, multioutput="raw_values")
    assert overfitted.oof_task_scores_ == pytest.approx(dict(zip(["y0", "y1"], expected, strict=True)))
    assert overfitted.oof_score_ == pytest.approx(expected.mean())


def test_a_classifiers_out_of_fold_predictions_are_probabilities():
    model = make(True).fit(X, C)
    assert [table.shape for table in model.oof_prediction_] == [(60, 2), (60, 3)]
    for table in model.oof_prediction_:
        np.testing.assert_allclose(table.sum(1), 1)
    accuracy = [(table.argmax(1) == C[:, task]).mean() for task, table in enumerate(model.oof_prediction_)]
    assert model.oof_score_ == pytest.approx(np.mean(accuracy))
    assert make(True).fit(X, C[:, 1]).oof_prediction_.shape == (60, 3)


def test_few_members_leave_rows_that_nobody_held_out():
    model = make(n_estimators=2).fit(X, Y)
    assert np.isnan(model.oof_prediction_).all(1).sum() == 36
    np.testing.assert_array_equal(np.isnan(model.oof_prediction_[:, 0]), folds(model) >= 2)


def test_a_one_dimensional_target_has_one_dimensional_out_of_fold_predictions():
    assert make(n_estimators=5).fit(X, Y[:, 0]).oof_prediction_.shape == (60,)


def test_rows_of_a_group_are_held_out_together():
    groups = np.array([f"g{i % 12}" for i in range(60)])
    model = make(n_estimators=2).fit(X, Y, groups=groups)
    held_out = ~np.isnan(model.oof_prediction_[:, 0])
    assert 0 < held_out.sum() < 60
    for group in set(groups):
        assert len(set(held_out[groups == group])) == 1
    ungrouped = make(n_estimators=2).fit(X, Y)
    assert (np.isnan(ungrouped.oof_prediction_) != np.isnan(model.oof_prediction_)).any()


def test_duplicates_never_leak_into_a_holdout():
    doubled = make().fit(np.tile(X, (2, 1)), np.concatenate([Y, Y + rng.normal(size=Y.shape)]))
    np.testing.assert_array_equal(doubled.oof_prediction_[:60], doubled.oof_prediction_[60:])


def test_validation_data_replace_all_holdouts():
    model = make().fit(X[:40], Y[:40], X_val=X[40:], y_val=Y[40:])
    assert model.early_stopping_
    assert not hasattr(model, "oof_prediction_")
    assert not hasattr(model, "oof_score_")
    assert (model.n_iter_per_member_ < 100).all()
    # Which member saw which rows would show in what they start from.
    assert (model._model.statistics.shift == model._model.statistics.shift[0]).all()
    other = make().fit(X[:40], Y[:40], X_val=X[40:], y_val=Y[40:][::-1])
    assert not np.array_equal(other.predict(X), model.predict(X))


def test_validation_data_with_early_stopping_off_are_only_watched():
    model = make(early_stopping=False, max_iter=7).fit(X[:40], Y[:40], X_val=X[40:], y_val=Y[40:])
    assert model.n_iter_ == 7
    assert np.isfinite(model.history_["valid_loss"]).all()
    assert model.history_.best_epochs is None
    np.testing.assert_array_equal(
        model.predict(X), make(early_stopping=False, max_iter=7).fit(X[:40], Y[:40]).predict(X)
    )


def test_missing_validation_labels_are_left_out():
    y_val = Y[40:].copy()
    y_val[:, 1] = np.nan
    model = make().fit(X[:40], Y[:40], X_val=X[40:], y_val=y_val)
    assert np.isnan(model.history_["valid_loss"][:, 1]).all()
    np.testing.assert_allclose(model.history_.total("valid_loss"), model.history_["valid_loss"][:, 0])


def test_early_stopping_off_runs_exactly_max_iter_epochs():
    model = make(early_stopping=False, max_iter=12, n_iter_no_change=1).fit(X, Y)
    assert model.n_iter_ == 12
    assert not model.early_stopping_
    assert not hasattr(model, "oof_prediction_")
    assert np.isnan(model.history_["valid_loss"]).all()


def test_auto_stops_early_unless_a_holdout_would_be_too_small():
    assert make(max_iter=2).fit(X[:32], Y[:32]).early_stopping_
    assert make(max_iter=2).fit(X[:8], Y[:8]).early_stopping_  # eight members: a row to a holdout
    assert not make(max_iter=2).fit(X[:7], Y[:7]).early_stopping_
    assert make(max_iter=2, n_estimators=1, validation_fraction=0.4).fit(X[:10], Y[:10]).early_stopping_
    assert not make(max_iter=2, n_estimators=1).fit(X[:10], Y[:10]).early_stopping_
    repeated = np.tile(X[:7], (4, 1)), np.tile(Y[:7], (4, 1))
    assert not make(max_iter=2).fit(*repeated).early_stopping_  # distinct rows count
    assert (
        not make(max_iter=2).fit(X, Y, groups=np.arange(60) % 7).early_stopping_
    )  # seven groups make no eight holdouts
    assert make(max_iter=2).fit(X, Y, groups=np.arange(60) % 9).early_stopping_


def test_members_whose_holdouts_are_a_few_rows_stop_together():
    few = make().fit(X[:31], Y[:31])  # three rows to a holdout
    assert len(set(few.n_iter_per_member_)) == len(set(few.history_.best_epochs)) == 1
    enough = make().fit(X, Y)
    assert len(set(enough.history_.best_epochs)) > 1


def test_a_few_rows_of_noise_are_predicted_about_as_well_as_by_their_mean():
    rng = np.random.default_rng(0)
    rows, noise = rng.normal(size=(24, 5)), rng.normal(size=(24, 2))
    fresh = MultiTaskRegressor(random_state=0).fit(rows, noise).predict(rng.normal(size=(500, 5)))
    assert (fresh - noise.mean(0)).std() < 0.5  # trained to the end, members would follow the noise as far as it goes


def test_a_member_without_a_training_label_of_a_task_leaves_it_out():
    # All labels of the second task lie in the holdout of one member.
    plain = make(n_estimators=5, max_iter=3).fit(X, Y)
    member_of = folds(plain)
    y = Y.copy()
    y[member_of != 2, 1] = np.nan
    model = make(n_estimators=5, max_iter=3).fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    np.testing.assert_array_equal(np.isnan(model.oof_prediction_[:, 1]), member_of == 2)
    assert list(model.oof_task_scores_) == ["y0"]
    assert np.isfinite(model.oof_prediction_[:, 0]).all()
    others = [member_predictions(model, member)[:, 1] for member in (0, 1, 3, 4)]
    np.testing.assert_allclose(model.predict(X)[:, 1], np.mean(others, axis=0), rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def beside_noise():
    """A task that can be learned, alone and beside ten of noise; tested on rows without noise."""
    draws = np.random.default_rng(1)
    features = draws.uniform(size=(1150, 4))
    signal = np.sin(4 * features[:, 0]) + features[:, 1] * features[:, 2]
    Y = np.column_stack([signal + 0.1 * draws.normal(size=1150), draws.normal(size=(1150, 10))])
    settings = {"companions": None, "random_state": 0}
    alone = MultiTaskRegressor(**settings).fit(features[:150], Y[:150, 0]).predict(features[150:])
    model = MultiTaskRegressor(**settings).fit(features[:150], Y[:150])
    among = model.predict(features[150:])
    return signal[150:], alone, among, Y, model


def test_tasks_of_noise_do_not_spoil_one_that_can_be_learned(beside_noise):
    signal, alone, among, _, _ = beside_noise
    assert np.std(signal - among[:, 0]) < 1.3 * np.std(signal - alone)


def test_a_task_of_noise_is_predicted_as_well_as_by_its_mean(beside_noise):
    _, _, among, Y, model = beside_noise
    errors = ((Y[150:, 1:] - among[:, 1:]) ** 2).mean(0) / ((Y[150:, 1:] - Y[:150, 1:].mean(0)) ** 2).mean(0)
    assert errors.mean() < 1.01
    held_out = model.oof_prediction_[:, 1:]
    known = ~np.isnan(held_out[:, 0])
    of_mean = ((Y[:150, 1:] - Y[:150, 1:].mean(0))[known] ** 2).mean(0)
    assert (((Y[:150, 1:] - held_out)[known] ** 2).mean(0) < 1.05 * of_mean).all()


def test_what_is_drawn_back_to_a_constant_keeps_its_order():
    """Two classes of few labels, predicted surely and often wrongly: worse than by their shares, in log loss."""
    draws = np.random.default_rng(3)
    features = draws.normal(size=(60, 30))
    noisy = features[:, 0] + 2 * draws.normal(size=60)
    y = np.column_stack([(noisy > 0).astype(int), draws.integers(0, 2, size=60)])
    model = make(classifier=True, learning_rate_init=0.03, random_state=1, calibration=None).fit(features, y)
    for part in model.predict_proba(features):
        assert len(np.unique(part[:, 1])) > 50
