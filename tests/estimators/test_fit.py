"""Fitting in general: kinds of X, rows that count, trunks of the user's own."""

import numpy as np
import pandas as pd
import pytest
import torch

from skmtl import MultiTaskClassifier, MultiTaskRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = X @ rng.normal(size=(3, 2)) + rng.normal(size=(60, 2))
BOTH = pytest.mark.parametrize("estimator", [MultiTaskRegressor, MultiTaskClassifier])


def make(estimator=MultiTaskRegressor, **params):
    params = {"max_iter": 5, "n_estimators": 2, "random_state": 0, **params}
    if "trunk" not in params:
        params = {"hidden_layer_sizes": (6,), **params}
    return estimator(**params)


@BOTH
def test_fit_returns_the_estimator_and_leaves_its_arguments_as_they_were(estimator):
    y, weight = (Y > 0).astype(int), np.ones((60, 2))
    before = [array.copy() for array in (X, y, weight)]
    model = make(estimator, batch_size=8)
    assert model.fit(X, y, sample_weight=weight) is model
    for array, copy in zip((X, y, weight), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_read_only_memory_map_is_fitted_like_an_array(tmp_path, dtype):
    np.save(tmp_path / "X.npy", X.astype(dtype))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    np.testing.assert_array_equal(
        make().fit(mapped, Y).predict(mapped), make().fit(X.astype(dtype), Y).predict(X.astype(dtype))
    )


@pytest.mark.parametrize("kind", [np.asfortranarray, lambda x: x.tolist(), lambda x: x[::-1][::-1], pd.DataFrame])
def test_layouts_of_x_give_the_same_model(kind):
    np.testing.assert_array_equal(make().fit(kind(X), Y).predict(kind(X)), make().fit(X, Y).predict(X))


def test_foreign_trunks_of_several_members_differ_and_see_no_holdout():
    model = make(trunk=lambda n: torch.nn.Sequential(torch.nn.Linear(n, 5), torch.nn.BatchNorm1d(5)), n_estimators=3)
    model.fit(X, Y)
    members = model.net_.module_.trunk.members
    assert not torch.equal(members[0][0].weight, members[1][0].weight)
    assert not torch.equal(members[0][1].running_mean, members[1][1].running_mean)
    assert np.isfinite(model.predict(X)).all()
    np.testing.assert_array_equal(model.predict(X), model.predict(X))


class Scaled(torch.nn.Module):
    """A trunk with a parameter of no dimension."""

    def __init__(self, n_features):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(1.0))
        self.layer = torch.nn.Linear(n_features, 4)

    def forward(self, x):
        return self.factor * self.layer(x)


@pytest.mark.parametrize("n_estimators", [1, 2])
def test_a_trunk_may_have_a_scalar_parameter(n_estimators):
    model = make(trunk=Scaled, n_estimators=n_estimators, max_grad_norm=1.0).fit(X, Y)
    assert model.net_.module_.trunk.members[0].factor.item() != 1
    assert np.isfinite(model.oof_score_)


def test_a_trunk_without_parameters_is_a_linear_model():
    assert make(trunk=torch.nn.Identity(), max_iter=200).fit(X, Y).score(X, Y) > 0.3


def test_a_frozen_trunk_stays_as_it_is():
    module = torch.nn.Linear(3, 8).requires_grad_(False)
    model = make(trunk=module).fit(X, Y)
    assert torch.equal(model.net_.module_.trunk.members[0].weight, module.weight)
    assert make(trunk=module, max_grad_norm=1.0).fit(X, Y).n_iter_ == 5


def test_history_has_losses_and_scores_of_every_task():
    model = make().fit(X, Y)
    assert model.history_.task_names == ["y0", "y1"]
    for column in ("train_loss", "valid_loss", "train_score", "valid_score"):
        assert model.history_[column].shape == (5, 2)
        assert np.isfinite(model.history_[column]).all()
    assert len(model.history_.to_frame()) == 15


def test_tasks_of_different_losses_keep_their_columns_in_the_history():
    y = np.column_stack([Y[:, 0], np.exp(Y[:, 1]), Y[:, 1]])
    linear = {"hidden_layer_sizes": (), "early_stopping": False, "balancing": "uniform"}
    mixed = make(loss=["squared_error", "poisson", "squared_error"], **linear).fit(X, y)
    alone = make(loss="poisson", **linear).fit(X, y[:, 1])
    assert mixed.history_.task_names == ["y0", "y1", "y2"]
    np.testing.assert_allclose(mixed.history_["train_loss"][:, 1], alone.history_["train_loss"][:, 0], rtol=1e-4)


def test_a_task_of_weight_zero_counts_labels_of_rows_that_train_nothing():
    y = Y.copy()
    y[:30, 0] = np.nan  # rows with labels of the idle task only
    model = make(task_weights=[1, 0]).fit(X, y)
    np.testing.assert_allclose(model.predict(X)[:, 1], Y[:, 1].mean())


def test_a_weight_of_zero_for_all_labels_that_are_learned_is_refused():
    y = Y.copy()
    y[:, 0] = np.nan
    with pytest.raises(ValueError, match="Task 'y0' has no label of positive weight"):
        make(task_weights=[1, 0]).fit(X, y)


def test_names_of_groups_may_be_of_any_kind():
    groups = np.array([None, "a", 3, 4.5, "b", "c"] * 10, dtype=object)
    assert make().fit(X, Y, groups=groups).early_stopping_
