"""Augmentation in a fit: it changes training alone, and never what labels, weights, members and holdouts mean."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.augmentation import AUGMENTATIONS, Augmentation, Chain, CMixup, GaussianNoise, Mixup
from skmtl.features import Form, MultiModal
from skmtl.nn import ConvTrunk, FittedTrunk, Mixing, MLPTrunk, RecurrentTrunk

RNG = np.random.default_rng(0)
N = 90
X = RNG.normal(size=(N, 4))
Y = np.column_stack([X @ [1.0, 2, 0, -1], X[:, 0] * X[:, 1], X[:, 2]])
FRAME = pd.DataFrame(
    {
        "number": np.where(RNG.uniform(size=N) < 0.1, np.nan, X[:, 0]),
        "few": RNG.choice(list("abc"), N),
        "many": RNG.choice([f"city {place}" for place in range(25)], N),
    }
)
MIXED = pd.DataFrame({"price": Y[:, 0], "kind": np.where(Y[:, 1] > 0, "up", "down"), "calls": RNG.poisson(2, N)})
BY_FORM = {
    Form.COLUMNS: (FRAME, {"hidden_layer_sizes": (8,), "n_estimators": 2, "companions": None}),
    Form.IMAGE: (RNG.normal(size=(N, 2, 6, 6)), {"trunk": ConvTrunk((4,))}),
    Form.SEQUENCE: (RNG.normal(size=(N, 6, 3)), {"trunk": RecurrentTrunk(4)}),
    Form.TEXT: ([f"{a} word and more of {b}" for a, b in zip(FRAME["few"], FRAME["many"], strict=True)], {}),
    Form.SEVERAL: (MultiModal({"table": FRAME[["number"]], "scan": RNG.normal(size=(N, 1, 6, 6))}), {}),
    Form.BAG: (pd.Series([[a, b, "all"] for a, b in zip(FRAME["few"], FRAME["many"], strict=True)]), {}),
}


def make(estimator=MultiTaskRegressor, **params):
    settings = {"hidden_layer_sizes": (8,), "n_estimators": 2, "max_iter": 4, "companions": None, "random_state": 0}
    return estimator(**{**settings, **params})


def parameters(model, member=None):
    tensors = [parameter.detach() for parameter in model.net_.module_.parameters()]
    return [tensor if member is None else tensor[member] for tensor in tensors]


def assert_same_network(one, other):
    for mine, theirs in zip(parameters(one), parameters(other), strict=True):
        assert mine.equal(theirs)


@pytest.mark.parametrize(
    "form, name", [(form, name) for form in Form for name, kind in AUGMENTATIONS.items() if form in kind.forms]
)
def test_every_augmentation_changes_what_is_learned_and_is_repeated_by_the_seed(form, name):
    data, settings = BY_FORM[form]
    model = MultiTaskEstimator(**settings, augmentation=None, max_iter=2, batch_size=32, random_state=0)
    plain = clone(model).fit(data, MIXED)
    one, again = (clone(model).set_params(augmentation=name).fit(data, MIXED) for _ in range(2))
    assert_same_network(one, again)
    assert not all(map(torch.equal, parameters(plain), parameters(one)))
    assert all(parameter.isfinite().all() for parameter in parameters(one))
    pd.testing.assert_frame_equal(one.predict(data), one.predict(data))
    restored = pickle.loads(pickle.dumps(one))
    pd.testing.assert_frame_equal(restored.predict(data), one.predict(data))


@pytest.mark.parametrize("form", BY_FORM)
def test_by_default_images_and_sequences_are_mixed_where_a_task_is_one_of_classes(form):
    data, settings = BY_FORM[form]
    model = MultiTaskEstimator(**settings, max_iter=2, batch_size=32, random_state=0)
    usual = "mixup" if form in (Form.IMAGE, Form.SEQUENCE, Form.SEVERAL) else None
    numbers = MIXED[["price"]]
    for y, augmentation in ((MIXED, usual), (numbers, None)):
        expected = clone(model).set_params(augmentation=augmentation).fit(data, y)
        assert_same_network(clone(model).fit(data, y), expected)
    if form in (Form.IMAGE, Form.SEQUENCE):
        started = FittedTrunk(clone(model).fit(data, numbers), freeze=False)
        new = [clone(model).set_params(trunk=started, augmentation=name) for name in ("auto", usual)]
        assert_same_network(*(one.fit(data, MIXED) for one in new))


class NextRow(Augmentation):
    """Mix each row with the next."""

    mixes = True

    def __init__(self, share=1.0):
        self.share = share

    def mixing(self, draws, distances):
        return Mixing(torch.arange(draws.n_rows).roll(-1), self.share)


@pytest.mark.parametrize("nothing", [NextRow(1.0), GaussianNoise(0.0)])
@pytest.mark.parametrize("balancing", ["uniform", "cagrad"])
def test_what_changes_nothing_is_as_none_to_the_bit(nothing, balancing):
    for missing in (False, True):
        y = Y.copy()
        y[::3, 0] = np.nan if missing else 0
        model = make(balancing=balancing, batch_size=16)
        assert_same_network(clone(model).fit(X, y), clone(model).set_params(augmentation=nothing).fit(X, y))


@pytest.mark.parametrize("augmentation", ["cmixup", ["noise", "mixup"]])
def test_a_label_of_weight_zero_is_a_missing_label(augmentation):
    weights = RNG.integers(0, 3, size=(N, 3)).astype(float)
    weights[:, 2] = 1
    hidden = np.where(weights == 0, np.nan, Y)
    model = make(augmentation=augmentation, batch_size=16)
    other = np.where(weights == 0, 1e3, Y)
    assert_same_network(
        clone(model).fit(X, hidden, np.where(weights == 0, 7, weights)), clone(model).fit(X, other, weights)
    )


def test_weights_of_rows_are_weights_of_all_their_labels():
    weights = RNG.uniform(0.5, 2, N)
    model = make(augmentation=["noise", "mixup"], batch_size=16)
    wide = np.repeat(weights[:, None], 3, 1)
    assert_same_network(clone(model).fit(X, Y, weights), clone(model).fit(X, Y, wide))


@pytest.mark.parametrize("name", [name for name, kind in AUGMENTATIONS.items() if Form.COLUMNS in kind.forms])
def test_a_member_among_others_is_the_same_alone(name):
    model = make(augmentation=name, early_stopping=False, batch_size=32, max_iter=3)
    together = clone(model).set_params(n_estimators=3).fit(FRAME, Y)
    alone = clone(model).set_params(n_estimators=1).fit(FRAME, Y)
    for mine, theirs in zip(parameters(together, 0), parameters(alone, 0), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)  # float32: sums of a batched product round


@pytest.mark.parametrize("balancing", ["famo", "dwa", "mgda", "nash_mtl", "graddrop", "sdmgrad"])
@pytest.mark.parametrize("sharing", ["hard", "mmoe"])
def test_every_kind_of_balancing_works_on_mixed_rows(balancing, sharing):
    y = Y.copy()
    y[RNG.uniform(size=y.shape) < 0.3] = np.nan
    model = make(balancing=balancing, sharing=sharing, augmentation="mixup", batch_size=32, max_iter=2)
    assert np.isfinite(model.fit(FRAME, y).predict(FRAME)).all()


def test_companions_and_holdouts_see_rows_as_they_are():
    model = make(companions="linear", early_stopping=True, batch_size=16)
    plain, noisy = model.fit(X, Y), make(companions="linear", augmentation=GaussianNoise(5.0), batch_size=16).fit(X, Y)
    ridge, other = (each.companions_["linear"] for each in (plain, noisy))
    for name, value in vars(ridge).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, vars(other)[name])
    mixed = make(augmentation="mixup", early_stopping=True, batch_size=16, max_iter=30, learning_rate_init=0.02).fit(
        X, Y
    )
    losses = mixed.history_["valid_loss"]
    assert losses[-1].mean() < losses[0].mean()


def test_heavy_mixing_smooths():
    """Mixed evenly, rows say little of their own labels: training losses are higher than those of rows as they are."""
    settings = {"early_stopping": False, "max_iter": 40, "learning_rate_init": 0.01}
    plain = make(**settings).fit(X, Y).history_["train_loss"][-1]
    mixed = make(**settings, augmentation=Mixup(10.0)).fit(X, Y).history_["train_loss"][-1]
    near = make(**settings, augmentation=CMixup(10.0, bandwidth=0.1)).fit(X, Y).history_["train_loss"][-1]
    assert (mixed > plain).all()
    assert near.mean() < mixed.mean()


def test_chunks_are_augmented_and_training_goes_on():
    model = make(augmentation="mixup")
    for chunk in range(3):
        model.partial_fit(X[chunk::3], Y[chunk::3])
    assert np.isfinite(model.predict(X)).all()
    going = make(augmentation="mixup", warm_start=True, early_stopping=False)
    first = [tensor.clone() for tensor in parameters(going.fit(X, Y))]
    assert not all(map(torch.equal, first, parameters(going.fit(X, Y))))


def test_later_chunks_may_hold_longer_sequences():
    short, long = ([RNG.normal(size=(steps, 3)) for _ in range(20)] for steps in (5, 9))
    model = make(augmentation=["noise", "spectrogram_mask"], trunk=RecurrentTrunk(4), hidden_layer_sizes=(128, 128))
    for chunk in (short, long):
        model.partial_fit(chunk, Y[:20])
    assert np.isfinite(model.predict(long)).all()


# Specifications -------------------------------------------------------------------------------------------------------


def test_parameters_are_searched():
    cv = KFold(2)
    grid = {"augmentation__alpha": [0.1, 1.0]}
    assert GridSearchCV(make(augmentation=Mixup()), grid, cv=cv).fit(X, Y).best_params_.keys() == grid.keys()
    grid = {"augmentation__noise__scale": [0.1, 5.0], "augmentation__mixup": [CMixup(), Mixup()]}
    search = GridSearchCV(make(augmentation=Chain([GaussianNoise(), Mixup()]), max_iter=20), grid, cv=cv).fit(X, Y)
    assert search.best_params_["augmentation__noise__scale"] == 0.1
    assert GridSearchCV(make(), {"augmentation": [None, "mixup", ["noise", CMixup()]]}, cv=cv).fit(X, Y)


@pytest.mark.parametrize("augmentation", [None, "mixup", ["mixup", GaussianNoise()]])
def test_what_has_no_parameters_says_so(augmentation):
    with pytest.raises(ValueError, match=r"augmentation__alpha cannot be set.* augmentation=Mixup\(\)"):
        make(augmentation=augmentation).set_params(augmentation__alpha=0.1)


def test_settings_are_those_of_the_fit():
    augmentation = Mixup()
    model = make(augmentation=augmentation, warm_start=True).fit(X, Y)
    other = make(augmentation=Mixup(), warm_start=True).fit(X, Y)
    augmentation.alpha = 7.0
    assert_same_network(model, other)
    assert model._model.resolved.augmentation[0].alpha == 0.2


@pytest.mark.parametrize(
    "data, augmentation, message",
    [
        (X, "spectrogram_mask", r"'spectrogram_mask' changes a sequence, and here a sample of X is a row of columns"),
        (BY_FORM[Form.IMAGE][0], ["mixup", "corruption"], r"'corruption' changes a row of columns, and .* an image"),
        (BY_FORM[Form.TEXT][0], "noise", r"'noise' changes .* a text. For those there are: .*'word_dropout'"),
        (
            MultiModal({"words": FRAME["many"]}),
            "mixup",
            r"cannot mix the parts \['words'\] of X: words, identifiers and cat",
        ),
        (X, "mixupp", "Did you mean 'mixup'"),
        (X, Mixup(-1.0), "alpha"),
        (X, ["mixup", "cmixup"], "both"),
    ],
)
def test_wrong_combinations_are_refused(data, augmentation, message):
    model = make(augmentation=augmentation)
    if data is not X:
        model.set_params(hidden_layer_sizes=(128, 128))
    with pytest.raises(ValueError, match=message):
        model.fit(data, Y)


def test_every_estimator_takes_it():
    for estimator, y in ((MultiTaskRegressor, Y), (MultiTaskClassifier, Y > 0), (MultiTaskEstimator, MIXED)):
        assert make(estimator).augmentation == "auto"
        model = make(estimator, augmentation="mixup", trunk=MLPTrunk((4,)), hidden_layer_sizes=(128, 128))
        assert model.fit(X, y).score(X, y) <= 1
