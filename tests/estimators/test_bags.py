"""Estimators on lists of identifiers."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.features import BagEncoder, MultiModal
from skmtl.nn import BagTrunk, ConvTrunk, FittedTrunk, MLPTrunk, ModuleTrunk, MultiModalTrunk, TextTrunk

SMALL = BagTrunk(8, hidden_layer_sizes=(8, 8))
EFFECTS = np.random.default_rng(5).normal(size=(10, 2))


def problem(n_rows=150, seed=0):
    """One of ten identifiers decides; up to 40 others beside it say nothing."""
    rng = np.random.default_rng(seed)
    deciding = rng.integers(10, size=n_rows)
    X = [rng.permutation([*rng.integers(10, 200, size=rng.integers(5, 40)), one]).tolist() for one in deciding]
    return X, EFFECTS[deciding]


X, Y = problem()
LABELS = (Y > 0).astype(int)


def regressor(**settings):
    return MultiTaskRegressor(**{"trunk": SMALL, "max_iter": 3, "random_state": 0, "companions": None, **settings})


def test_the_trunk_follows_the_lists():
    model = MultiTaskRegressor(max_iter=1, random_state=0).fit(X, Y)
    assert type(model.net_.module_.embedding).__name__ == "AttentionBag"
    assert (model.n_estimators_, model.n_features_in_) == (1, 1)
    assert set(model.companions_) == {"linear"}
    assert model.mix_["y0"].keys() == {"network", "linear"}


@pytest.mark.parametrize("rows", [[[]] * 150, [["a", 3]] * 150])
def test_lists_of_one_length_say_which_encoder_reads_them(rows):
    with pytest.raises(ValueError, match=r"lists of one length.* Give encoder=BagEncoder\(\)"):
        regressor().fit(rows, Y)
    assert np.isfinite(regressor(encoder=BagEncoder()).fit(rows, Y).predict(rows[:2])).all()


def test_lists_of_one_length_at_fit_and_of_several_later_say_what_to_do():
    """Of 60 lists one is shorter: without it, those of a fold are a table."""
    lists, y = [["a", "b", "cd"[row % 2]] for row in range(60)], Y[:60]
    lists[7] = ["a", "b"]
    model = MultiTaskRegressor(max_iter=1, random_state=0)
    way_out = r"row 7, \['a', 'b'\], is not as long as row 0.*at fit.*pd\.Series.*encoder=BagEncoder\(\)"
    with pytest.raises(ValueError, match=way_out):
        cross_val_predict(model, lists, y, cv=KFold(3))
    with pytest.raises(ValueError, match=r"row 2, None, is not as long"):
        clone(model).fit(lists[10:], y[10:]).predict([*lists[:2], None])
    for apart, X in ((model, pd.Series(lists)), (clone(model).set_params(encoder=BagEncoder()), lists)):
        assert cross_val_predict(apart, X, y, cv=KFold(3)).shape == (60, 2)
    parts = {"numbers": y, "lists": lists[:7]}
    fitted = clone(model).fit(MultiModal({**parts, "numbers": y[:7]}), y[:7])
    with pytest.raises(ValueError, match=f"Part 'lists' of X: .*{way_out}"):
        fitted.predict(MultiModal({"lists": lists}))


def test_attention_finds_the_identifier_that_decides_where_the_mean_does_not():
    X, y = problem(200)
    others = problem(500, seed=1)
    attention = MultiTaskRegressor(companions=None, random_state=0).fit(X, y)
    mean = MultiTaskRegressor(trunk=BagTrunk(pooling="mean"), companions=None, random_state=0).fit(X, y)
    untrained = MultiTaskRegressor(companions=None, max_iter=1, random_state=0).fit(X, y)
    assert attention.score(*others) > 0.9
    assert attention.score(*others) > mean.score(*others) + 0.2
    assert attention.score(*others) > untrained.score(*others) + 0.5


@pytest.mark.parametrize("kind", [tuple, pd.Series, lambda rows: np.array([*rows, None], dtype=object)[:-1]])
def test_all_forms_of_lists_are_the_same(kind):
    expected = regressor().fit(X, Y).predict(X)
    np.testing.assert_array_equal(regressor().fit(kind(X), Y).predict(kind(X)), expected)


def test_lists_of_one_length_are_a_table_unless_the_encoder_says_otherwise():
    rows = [row[:5] for row in X]
    assert MultiTaskRegressor(max_iter=1, random_state=0).fit(rows, Y).n_features_in_ == 5
    settled = regressor(trunk="auto", encoder=BagEncoder(), max_iter=1).fit(rows, Y)
    alike = regressor(trunk="auto", max_iter=1).fit(pd.Series(rows), Y)
    np.testing.assert_array_equal(settled.predict(rows), alike.predict(rows))


def test_strange_lists_are_predicted():
    model = regressor().fit(X, Y)
    found = model.predict([[], None, ["never seen"], [3, "😀", "x" * 10**5], list(range(5000)), {3}, (3,)])
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_array_equal(found[5], found[6])
    np.testing.assert_allclose(model.predict(X[:1]), model.predict(X)[:1], rtol=1e-5, atol=1e-7)
    assert model.predict([[3, 4]]).shape == (1, 2)


def test_lists_of_nothing_are_predicted_as_the_mean():
    model = regressor().fit(pd.Series([[]] * 40), Y[:40])
    found = model.predict([[], [3]])
    np.testing.assert_allclose(found, found[:1].repeat(2, 0), rtol=1e-6)
    assert (np.abs(found[0] - Y[:40].mean(axis=0)) < 0.5).all()


def test_what_cannot_be_read_is_named():
    with pytest.raises(ValueError, match=r"Row 1 of X holds 0\.25, a float, in its list"):
        regressor().fit([[3], [0.25, 1]] * 10, Y[:20])
    model = regressor().fit(X, Y)
    with pytest.raises(ValueError, match="Row 0 of X holds 3, a int, where others hold lists"):
        model.predict([3, 4])
    with pytest.raises(ValueError, match=r"BagTrunk\(\) reads texts.*or lists of identifiers.* a row of columns"):
        MultiTaskRegressor(trunk=BagTrunk()).fit(np.zeros((20, 2)), Y[:20])
    with pytest.raises(ValueError, match="'trees' reads columns of numbers"):
        regressor(companions="trees").fit(X, Y)
    with pytest.raises(ValueError, match="reads images"):
        regressor(trunk=ConvTrunk()).fit(X, Y)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=.* a sample of X is a list of identifiers: BagTrunk"):
        MultiTaskRegressor((32,)).fit(X, Y)
    with pytest.raises(ValueError, match="pooling must be one of"):
        regressor(trunk=BagTrunk(pooling="max")).fit(X, Y)


@pytest.mark.parametrize("sharing", ["hard", "independent", "mmoe", "cross_stitch", "ple", "low_rank", "soft"])
@pytest.mark.parametrize("balancing", ["uniform", "nash_mtl", "moco", "graddrop"])
def test_sharing_and_balancing_serve_lists(sharing, balancing):
    model = regressor(sharing=sharing, balancing=balancing, max_iter=1).fit(X, Y)
    assert np.isfinite(model.predict(X[:3])).all()


@pytest.mark.parametrize("pooling", ["attention", "mean", "sum"])
def test_members_have_tables_and_holdouts_of_their_own(pooling):
    model = regressor(trunk=clone(SMALL).set_params(pooling=pooling), n_estimators=3).fit(X, Y)
    for parameter in model.net_.module_.embedding.parameters():
        assert not parameter[0].any() or not torch.equal(parameter[0], parameter[1])
    assert 0.5 < (~np.isnan(model.oof_prediction_[:, 0])).mean() < 0.7


def test_other_trunks_read_the_vector_of_a_list():
    MultiTaskRegressor(trunk=MLPTrunk((8,)), n_estimators=2, max_iter=1).fit(X, Y)
    MultiTaskRegressor(trunk=TextTrunk(8), max_iter=1).fit(X, Y)
    MultiTaskRegressor(trunk=ModuleTrunk(torch.nn.LazyLinear, out_features=4), max_iter=1).fit(X, Y)
    linear = regressor(trunk=BagTrunk(8, hidden_layer_sizes=()), max_iter=1).fit(X, Y)
    assert linear.transform(X[:2]).shape == (2, 8)


def test_texts_are_pooled_by_attention_on_request():
    texts = [" ".join(f"w{one}" for one in row) for row in X]
    model = MultiTaskRegressor(trunk=BagTrunk(8), max_iter=2, random_state=0).fit(texts, Y)
    assert np.isfinite(model.predict(texts[:3])).all()


def test_missing_labels_mixed_tasks_searches_and_pickles():
    y = pd.DataFrame({"sign": LABELS[:, 0], "value": Y[:, 1]})
    y.loc[::3, "value"] = np.nan
    mixed = MultiTaskEstimator(trunk=SMALL, max_iter=2, random_state=0).fit(pd.Series(X), y)
    assert np.isfinite(mixed.predict(X)["value"].to_numpy(float)).all()
    grid = {"trunk__pooling": ["attention", "mean"], "trunk__embedding_size": [4]}
    search = GridSearchCV(regressor(max_iter=1), grid, cv=KFold(2)).fit(X, Y)
    assert search.best_estimator_.net_.module_.embedding.n_outputs == 4
    assert np.isfinite(cross_val_score(regressor(max_iter=1), pd.Series(X), Y, cv=2)).all()
    encoded = regressor(encoder=BagEncoder(min_rows=1)).fit(X, Y)
    assert encoded._model.standardizer.n_tokens == len({one for row in X for one in row})
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(encoded)).predict(X), encoded.predict(X))
    np.testing.assert_array_equal(clone(encoded).fit(X, Y).predict(X), encoded.predict(X))


def test_identifiers_come_in_chunks_are_left_out_and_mixed():
    model = regressor().partial_fit(X[:100], Y[:100]).partial_fit(X[100:], Y[100:])
    assert model.predict(X[:2]).shape == (2, 2)
    for augmentation in ("word_dropout", "mixup"):
        assert np.isfinite(regressor(augmentation=augmentation).fit(X, Y).predict(X)).all()
    classifier = MultiTaskClassifier(trunk=SMALL, max_iter=2, random_state=0)
    assert classifier.fit(X, LABELS, X_val=X[:9], y_val=LABELS[:9]).predict(X[:3]).shape == (3, 2)


@pytest.mark.parametrize("freeze", [True, False])
def test_a_fitted_trunk_of_lists_goes_on(freeze):
    first = regressor().fit(X, Y)
    second = MultiTaskRegressor(trunk=FittedTrunk(first, freeze=freeze), max_iter=2, random_state=0).fit(X, Y[:, 0])
    ours, theirs = (model.net_.module_.embedding.hidden.weight for model in (first, second))
    assert torch.equal(ours, theirs) == freeze
    assert np.isfinite(second.predict(X[:3])).all()


def test_lists_are_a_part_of_several():
    rng = np.random.default_rng(0)
    size = rng.normal(size=(len(X), 1))
    y = np.column_stack([size[:, 0], Y[:, 0]])
    bags = [None if row % 9 == 0 else [] if row % 9 == 1 else one for row, one in enumerate(X)]
    both = MultiModal({"size": size, "seen": bags})
    model = MultiTaskRegressor(max_iter=2, random_state=0).fit(both, y)
    assert type(model.net_.module_.trunk.members[0].encoders[1].embedding).__name__ == "AttentionBag"
    without = model.predict(MultiModal({"size": size[:9]}))
    np.testing.assert_allclose(without[:2], model.predict(both[:9])[:2], rtol=1e-4, atol=1e-5)
    trunk = MultiModalTrunk({"seen": BagTrunk(4, pooling="sum")}, width=8)
    chosen = MultiTaskRegressor(trunk=trunk, max_iter=1, random_state=0).fit(both, y)
    assert chosen.net_.module_.trunk.members[0].encoders[1].embedding.weight.shape[2] == 4
    with pytest.raises(ValueError, match=r"cannot read the part 'seen', which holds lists of identifiers"):
        MultiTaskRegressor(trunk=MultiModalTrunk({"seen": MLPTrunk()}), max_iter=1).fit(both, y)
    with pytest.raises(ValueError, match=r"Part 'seen' of X: Row 1 of X holds 0\.5"):
        model.predict(MultiModal({"seen": [[1], [0.5]]}))
