"""Classifiers whose tasks are chained: clicks, and the conversions that can only follow them."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from skmtl import MultiTaskClassifier
from skmtl.balancing import BALANCINGS
from skmtl.losses import LogLoss
from skmtl.nn import SHARINGS
from skmtl.tasks import EntireSpaceChain

CHAIN = EntireSpaceChain(0, 1)
FAST = {"hidden_layer_sizes": (6, 6), "max_iter": 6, "n_estimators": 2, "random_state": 0}
rng = np.random.default_rng(0)
X = rng.normal(size=(150, 4))
CLICK = X[:, 0] + rng.logistic(size=150) > 0.3
Y = np.column_stack([CLICK, CLICK & (X[:, 1] + rng.logistic(size=150) > 0.5)]).astype(int)
LOOSE = (X[:, 2] > 0).astype(int)  # a task beside the chain


def fit(y=Y, structure=CHAIN, features=X, **params):
    given = {name: params.pop(name) for name in ("sample_weight", "X_val", "y_val") if name in params}
    return MultiTaskClassifier(structure=structure, **{**FAST, **params}).fit(features, y, **given)


def second(model, features=X):
    """The probabilities of the second classes, (n, T)."""
    return np.column_stack([p[:, 1] for p in model.predict_proba(features)])


def in_order(probabilities):
    return (np.diff(probabilities, axis=1) <= 1e-15).all()


@pytest.mark.parametrize("sharing", list(SHARINGS))
def test_no_step_is_likelier_than_the_one_before_with_any_sharing(sharing):
    model = fit(sharing=sharing)
    assert in_order(second(model))
    out_of_fold = np.column_stack([p[:, 1] for p in model.oof_prediction_])
    assert in_order(out_of_fold[~np.isnan(out_of_fold[:, 0])])
    assert np.isfinite(second(model)).all()
    assert second(model).std(axis=0).min() > 1e-5, "both tasks learn"


@pytest.mark.parametrize("balancing", list(BALANCINGS))
def test_every_balancing_trains_chains(balancing):
    model = fit(np.column_stack([Y, LOOSE]), balancing=balancing, max_iter=3, early_stopping=False)
    probabilities = second(model)
    assert in_order(probabilities[:, :2])
    assert np.isfinite(probabilities).all()
    assert probabilities.std(axis=0).min() > 1e-4


@pytest.mark.parametrize("sharing", ["mmoe", "cross_stitch", "independent"])
@pytest.mark.parametrize("balancing", ["pcgrad", "graddrop"])
def test_methods_on_gradients_train_chains_with_every_form_of_trunk(sharing, balancing):
    model = fit(sharing=sharing, balancing=balancing, max_iter=3, early_stopping=False)
    assert in_order(second(model))
    assert second(model).std(axis=0).min() > 1e-4


@pytest.mark.parametrize("columns", [[0, 1, 2], [1, 0, 2], [2, 1, 0]])
def test_the_first_prediction_is_the_share_of_each_step(columns):
    cart = Y[:, 0] * (np.arange(150) % 3 > 0)
    y = np.column_stack([Y[:, 0], cart, cart * Y[:, 1]])[:, columns]
    chain = EntireSpaceChain(*(columns.index(step) for step in range(3)))
    still = {"learning_rate_init": 1e-12, "max_iter": 1, "early_stopping": False}
    expected = np.tile(y.mean(0), (150, 1))
    np.testing.assert_allclose(second(fit(y, chain, **still)), expected, rtol=1e-6)  # in single precision


def test_a_chain_of_one_task_is_none():
    chained, plain = fit(structure=EntireSpaceChain("y1")), fit(structure=None)
    np.testing.assert_array_equal(second(chained), second(plain))
    assert chained.mix_ == plain.mix_


def test_members_train_among_others_as_they_do_alone():
    # Starts are drawn member by member, in one order: the first of two is the only one of one.
    settings = {"early_stopping": False, "max_iter": 5, "batch_size": 150}  # in float64
    both, alone = fit(n_estimators=2, **settings), fit(n_estimators=1, **settings)
    for mine, theirs in zip(both.net_.module_.parameters(), alone.net_.module_.parameters(), strict=True):
        np.testing.assert_allclose(mine[0].detach(), theirs[0].detach(), rtol=1e-9, atol=1e-12)


def test_rows_without_a_click_move_the_conditional_probability():
    settings = {"early_stopping": False, "max_iter": 3}
    some = np.ones((150, 2))
    some[(Y[:, 0] == 0) & (X[:, 3] > 0), 1] = 0.25
    bias = [
        model.net_.module_.head.bias.detach()[:, 0, 1]
        for model in (fit(**settings), fit(**settings, sample_weight=some))
    ]
    assert (bias[0] != bias[1]).all()


def test_conversions_need_no_label_where_nothing_was_clicked():
    hidden = np.where((np.arange(2) == 1) & (Y[:, :1] == 0), np.nan, Y)
    np.testing.assert_array_equal(second(fit(hidden)), second(fit(Y)))
    validation = {"X_val": X[:40], "y_val": hidden[:40]}
    full = {"X_val": X[:40], "y_val": Y[:40]}
    np.testing.assert_array_equal(second(fit(hidden, **validation)), second(fit(Y, **full)))


def test_a_missing_conversion_after_a_click_is_a_label_of_weight_0():
    rows = np.flatnonzero(Y[:, 0])[::3]
    y, weights = Y.astype(float), np.ones((150, 2))
    y[rows, 1], weights[rows, 1] = np.nan, 0
    np.testing.assert_array_equal(second(fit(y)), second(fit(Y, sample_weight=weights)))
    assert not np.array_equal(second(fit(y)), second(fit(Y)))


def test_a_missing_click_masks_the_click_only():
    y = Y.astype(float)
    y[::4, 0] = np.nan
    probabilities = second(fit(y))
    assert in_order(probabilities)
    weights = np.ones((150, 2))
    weights[::4, 0] = 0
    np.testing.assert_array_equal(probabilities, second(fit(Y, sample_weight=weights)))


def test_several_chains_and_tasks_beside_them_are_learned_at_once():
    y = pd.DataFrame({"buy": Y[:, 1], "loose": LOOSE, "click": Y[:, 0], "share": Y[:, 1] * LOOSE, "see": LOOSE})
    chains = [EntireSpaceChain("click", "buy"), EntireSpaceChain("see", "share")]
    found = second(fit(y, chains))
    assert in_order(found[:, [2, 0]])
    assert in_order(found[:, [4, 3]])
    by_position = second(fit(y.to_numpy(), [EntireSpaceChain(2, 0), EntireSpaceChain(4, 3)]))
    np.testing.assert_array_equal(found, by_position)


def test_companions_and_temperatures_serve_the_other_tasks_only():
    y = np.column_stack([Y, LOOSE])
    model = fit(y, n_estimators=5, max_iter=20, companions="linear", calibration="temperature")
    assert set(model.mix_) == {"y2"}
    assert model.temperatures_["y0"] == model.temperatures_["y1"] == 1
    assert model.temperatures_["y2"] != 1
    assert in_order(second(model)[:, :2])
    assert not hasattr(fit(), "mix_")


def test_useless_chains_are_drawn_back_together():
    noise = np.random.default_rng(1)
    features = noise.normal(size=(60, 30))
    click = noise.random(60) < 0.5
    y = np.column_stack([click, click & (noise.random(60) < 0.5)]).astype(int)
    model = fit(y, features=features, max_iter=60, learning_rate_init=0.05, n_iter_no_change=50, batch_size=8)
    assert in_order(second(model, features))


@pytest.mark.parametrize(
    "params, message",
    [
        ({"y": np.column_stack([Y[:, 0], np.arange(150) % 3])}, r"task 'y1' has 3: \[0, 1, 2\]"),
        ({"y": np.column_stack([Y[:, 0], np.zeros(150)])}, r"task 'y1' has 1: \[0\.0\]"),
        ({"y": Y[:, ::-1]}, r"'y1' happens only where 'y0' has happened.*rows \d+, "),
        ({"class_weight": "balanced"}, "class_weight gives the classes of task 'y0'"),
        ({"loss": {"y1": "focal"}}, "'log_loss'.*'y1' is Focal"),
        ({"loss": LogLoss(label_smoothing=0.1)}, "'y0' is LogLoss"),
        ({"task_weights": {"y1": 0}}, "'y1' has task weight 0"),
        ({"structure": EntireSpaceChain("y0", "buy")}, "structure names an unknown task 'buy'"),
        ({"structure": [EntireSpaceChain(0, 1), EntireSpaceChain(1)]}, "'y1' into a chain twice, or into two"),
        ({"structure": ["y0", "y1"]}, "EntireSpaceChain"),
        ({"X_val": X[:9], "y_val": [[0, 1]] * 9}, "9 of 9 rows of y_val"),
    ],
)
def test_what_cannot_be_chained_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        fit(**params)


def test_class_weights_and_losses_of_tasks_beside_the_chain_are_free():
    y = np.column_stack([Y, LOOSE])
    model = fit(y, class_weight={"y2": "balanced"}, loss={"y2": "focal"})
    assert in_order(second(model)[:, :2])


def test_labels_may_be_strings_and_booleans():
    words = np.where(Y == 1, "yes", "no")
    np.testing.assert_array_equal(second(fit(words)), second(fit(Y)))
    np.testing.assert_array_equal(second(fit(Y.astype(bool))), second(fit(Y)))


def test_chunks_train_chains_and_must_have_the_same_ones():
    model = MultiTaskClassifier(structure=CHAIN, **FAST)
    for rows in (slice(0, 75), slice(75, 150)):
        model.partial_fit(X[rows], Y[rows], classes=[[0, 1], [0, 1]])
    assert in_order(second(model))
    with pytest.raises(ValueError, match=r"structure=None cannot continue.*\[\['y0', 'y1'\]\]"):
        model.set_params(structure=None).partial_fit(X, Y)


def test_warm_starts_go_on_from_the_chain():
    model = fit(warm_start=True, early_stopping=False, max_iter=3)
    before = second(model)
    after = second(model.fit(X, Y))
    assert in_order(after)
    assert 0 < np.abs(after - before).max() < 0.3


def test_chained_models_are_cloned_searched_and_pickled():
    model = fit()
    assert clone(model).structure == CHAIN
    np.testing.assert_array_equal(second(pickle.loads(pickle.dumps(model))), second(model))
    search = GridSearchCV(MultiTaskClassifier(**FAST), {"structure": [None, CHAIN]}, cv=KFold(2)).fit(X, Y)
    assert len(search.cv_results_["params"]) == 2


def test_no_prediction_depends_on_which_column_is_which():
    turned = fit(Y[:, ::-1], EntireSpaceChain(1, 0))
    np.testing.assert_allclose(second(turned)[:, ::-1], second(fit()), rtol=1e-6)
