"""What each part of a sample, and what is in it, adds to a prediction."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import logit

from skmtl import MultiTaskClassifier, MultiTaskRegressor
from skmtl.features import MultiModal
from skmtl.inspection import attributions, shared_representation
from skmtl.nn import BagTrunk, ConvTrunk, FittedTrunk, MLPTrunk, MultiModalTrunk, RecurrentTrunk, TextTrunk
from skmtl.nn._modal_net import MultiModalNet

rng = np.random.default_rng(0)
N = 150
WORDS = [f"word{number}" for number in range(30)]
FRAME = pd.DataFrame(
    {
        "size": rng.normal(size=N),
        "note": [" ".join(rng.choice(WORDS, 8)) for _ in range(N)],
        "town": rng.choice([f"town {number}" for number in range(25)], N),
        "tags": [rng.integers(9, size=rng.integers(1, 5)).tolist() for _ in range(N)],
        "kind": rng.choice(list("abc"), N),
    }
)
TARGETS = pd.DataFrame(
    {
        "size": FRAME["size"],
        "note": [float("word3" in note.split()) for note in FRAME["note"]],
        "tags": [float(3 in tags) for tags in FRAME["tags"]],
    }
)
TABLE = ["size", "town", "kind"]
SMALL = MultiModalTrunk(
    {
        "columns": MLPTrunk((8,), dropout=0.0),
        "note": TextTrunk(8, hidden_layer_sizes=(), dropout=0.0),
        "tags": BagTrunk(8, hidden_layer_sizes=(), dropout=0.0),
    },
    width=12,
    dropout=0.0,
    part_dropout=0.0,
)
SETTINGS = {"max_iter": 25, "early_stopping": False, "learning_rate_init": 0.01, "random_state": 0}

PICTURES = rng.normal(size=(N, 1, 3, 3)).astype(np.float32)
SOUNDS = [rng.normal(size=(length, 2)).astype(np.float32) for length in rng.integers(2, 5, N)]
SEEN = [rng.integers(9, size=rng.integers(1, 5)).tolist() for _ in range(N)]
SAMPLES = MultiModal({"picture": PICTURES, "sound": SOUNDS, "seen": SEEN})
SUMS = PICTURES[:, 0, 0].sum(axis=1) + [sound[:, 1].sum() for sound in SOUNDS] + np.array([3 in one for one in SEEN])
SMOOTH = MultiModalTrunk(
    {
        "picture": MLPTrunk((6,), activation="tanh", dropout=0.0),
        "sound": RecurrentTrunk(6, dropout=0.0),
        "seen": BagTrunk(6, hidden_layer_sizes=(), dropout=0.0),
    },
    width=12,
    dropout=0.0,
    part_dropout=0.0,
)


def regressor(trunk=SMALL, **settings):
    return MultiTaskRegressor(**{"trunk": trunk, **SETTINGS, **settings})


@pytest.fixture(scope="module")
def on_frame():
    return regressor().fit(FRAME, TARGETS)


@pytest.fixture(scope="module")
def on_samples():
    return regressor(SMOOTH).fit(SAMPLES, SUMS)


def mean_sound(n_steps):
    """The mean of each step, over the sounds that have it."""
    return np.stack([np.mean([one[step] for one in SOUNDS if len(one) > step], axis=0) for step in range(n_steps)])


def nets_of(model):
    return [module for module in model.net_.module_.modules() if isinstance(module, MultiModalNet)]


def assert_complete(found, share=0.02):
    moved = np.abs(found.predicted - found.baseline).max()
    assert moved > 0.1  # something was learned
    assert np.abs(found.residual).max() < share * moved


# Frames


def test_each_column_of_a_frame_has_a_value_in_the_frames_order(on_frame):
    for place, task in enumerate(TARGETS):
        found = attributions(on_frame, FRAME, task=task)
        assert found.feature_names == list(FRAME)
        assert found.values.shape == FRAME.shape
        assert list(found.to_frame()) == list(FRAME)
        assert found.words is None
        np.testing.assert_allclose(found.predicted, on_frame.predict(FRAME)[:, place], rtol=1e-4, atol=1e-5)
        assert_complete(found)
    means = [np.abs(attributions(on_frame, FRAME, task=task).values).mean(axis=0).argmax() for task in TARGETS]
    assert means == [0, 1, 3]  # each task follows from one column


def test_parts_of_a_frame_hold_its_columns_words_and_identifiers(on_frame):
    found = attributions(on_frame, FRAME[:9], task="note")
    assert list(found.parts) == ["columns", "note", "tags"]
    table, note, tags = found.parts.values()
    assert table.feature_names == TABLE
    np.testing.assert_array_equal(table.values, found.to_frame()[TABLE])
    assert note.words == [text.split() for text in FRAME["note"][:9]]
    np.testing.assert_allclose([own.sum() for own in note.values], found.to_frame()["note"], rtol=1e-6)
    assert tags.words == [[str(tag) for tag in dict.fromkeys(own)] for own in FRAME["tags"][:9]]
    np.testing.assert_allclose([own.sum() for own in tags.values], found.to_frame()["tags"], rtol=1e-6, atol=1e-12)
    for part in found.parts.values():
        assert (part.task, part.target) == ("note", None)
        np.testing.assert_array_equal(part.predicted, found.predicted)
        np.testing.assert_allclose(part.residual, 0, atol=1e-9)
    assert table.parts == {}


def test_the_word_that_matters_has_the_largest_value(on_frame):
    rows = FRAME[[("word3" in note.split()) for note in FRAME["note"]]]
    note = attributions(on_frame, rows, task="note").parts["note"]
    best = [max(note.of_row(row), key=lambda pair: pair[1])[0] for row in range(len(rows))]
    assert best.count("word3") > 0.8 * len(rows)


def test_columns_may_come_in_another_order(on_frame):
    found = attributions(on_frame, FRAME[:5], task="size")
    turned = attributions(on_frame, FRAME[:5][list(FRAME)[::-1]], task="size")
    assert turned.feature_names == list(FRAME)
    np.testing.assert_allclose(turned.values, found.values, rtol=1e-5, atol=1e-6)


def test_frames_of_texts_alone_have_no_other_part():
    frame = FRAME[["tags", "note"]]
    model = regressor(MultiModalTrunk(width=8), max_iter=5).fit(frame, TARGETS)
    found = attributions(model, frame[:5], task="note")
    assert (list(found.parts), found.feature_names) == (["tags", "note"], ["tags", "note"])


def test_classes_and_members_and_sharing_are_explained():
    kinds = pd.DataFrame({"big": FRAME["size"] > 0, "kind": FRAME["kind"]})
    model = MultiTaskClassifier(trunk=SMALL, n_estimators=2, sharing="independent", **SETTINGS).fit(FRAME, kinds)
    big, kind = model.predict_proba(FRAME)
    found = attributions(model, FRAME, task="big")
    np.testing.assert_allclose(found.predicted, logit(big[:, 1]), rtol=1e-3, atol=1e-3)
    assert_complete(found, 0.05)
    found = attributions(model, FRAME, task="kind")
    np.testing.assert_allclose(found.predicted, logit(kind.max(axis=1)), rtol=1e-3, atol=1e-3)
    assert_complete(found, 0.05)
    assert set(found.parts["note"].target) <= set("abc")


# Other parts


@pytest.mark.parametrize("fusion", ["concat", "gated", "attention"])
def test_every_fusion_is_complete(fusion):
    parts = {**SMOOTH.trunks, "picture": ConvTrunk(channels=4, dropout=0.0)}
    trunk = MultiModalTrunk(parts, fusion=fusion, width=12, dropout=0.0, part_dropout=0.0)
    model = regressor(trunk, n_estimators=2, max_iter=10).fit(SAMPLES, SUMS)
    found = attributions(model, SAMPLES)
    np.testing.assert_allclose(found.predicted, model.predict(SAMPLES), rtol=1e-4, atol=1e-5)
    assert_complete(found, 0.05)


def test_parts_have_the_values_that_they_would_have_alone(on_samples):
    found = attributions(on_samples, SAMPLES)
    assert found.feature_names == list(found.parts) == ["picture", "sound", "seen"]
    assert found.values.shape == (N, 3)
    assert found.parts["picture"].values.shape == PICTURES.shape
    assert found.parts["sound"].values.shape == (N, 4, 2)
    for own, sound in zip(found.parts["sound"].values, SOUNDS, strict=True):
        assert not own[len(sound) :].any()  # padding
    assert found.parts["seen"].words[0] == [str(one) for one in dict.fromkeys(SEEN[0])]
    sums = [part.values.reshape(N, -1).sum(axis=1) for part in list(found.parts.values())[:2]]
    np.testing.assert_allclose(found.values[:, :2], np.stack(sums, 1), rtol=1e-5, atol=1e-9)
    assert_complete(found)


def test_more_steps_are_exacter(on_samples):
    errors = [np.abs(attributions(on_samples, SAMPLES, n_steps=steps).residual).max() for steps in (2, 8, 64)]
    assert errors[0] > errors[1] > errors[2]


def test_the_path_begins_at_the_usual_baseline_of_each_part(on_samples):
    found = attributions(on_samples, SAMPLES)
    for length in (2, 4):
        same = [row for row, sound in enumerate(SOUNDS) if len(sound) == length]
        picture = PICTURES.mean(axis=0, keepdims=True)
        start = MultiModal({"picture": picture, "sound": [mean_sound(length)], "seen": [["never seen"]]})
        np.testing.assert_allclose(found.baseline[same], on_samples.predict(start)[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("row", [0, 1])
def test_values_are_slopes_along_the_way(on_samples, row):
    model, n_steps, away = pickle.loads(pickle.dumps(on_samples)), len(SOUNDS[row]), 0.02
    along = (np.arange(64) + 0.5) / 64
    # The shares of identifiers grow along the way, and with them the pooled vector.
    grown = torch.tensor(along, dtype=torch.float32).view(1, -1, 1)
    nets_of(model)[0].encoders[2].embedding.register_forward_hook(lambda _module, _rows, output: output * grown)
    start = np.concatenate([PICTURES.mean(axis=0).ravel(), mean_sound(n_steps).ravel()])
    end = np.concatenate([PICTURES[row].ravel(), SOUNDS[row].ravel()])

    def predicted(values):
        pictures, sounds = values[:, :9].reshape(-1, 1, 3, 3), list(values[:, 9:].reshape(-1, n_steps, 2))
        return model.predict(MultiModal({"picture": pictures, "sound": sounds, "seen": [SEEN[row]] * len(values)}))

    found = attributions(on_samples, SAMPLES[[row]]).parts
    own = np.concatenate([found["picture"].values[0].ravel(), found["sound"].values[0].ravel()])
    path = start + along[:, None] * (end - start)
    for place, step in enumerate(away * np.eye(len(start))):
        slope = ((predicted(path + step) - predicted(path - step)) / (2 * away)).mean()
        np.testing.assert_allclose(own[place], slope * (end - start)[place], rtol=0.03, atol=2e-3)


def test_a_linear_network_gives_a_list_what_its_prediction_loses_without_it(on_samples):
    model = pickle.loads(pickle.dumps(on_samples))
    (net,) = nets_of(model)
    with torch.no_grad():
        net.fusion.layer.bias += 100  # no unit is ever cut off at zero
    found = attributions(model, SAMPLES[:9])
    without = model.predict(MultiModal({**SAMPLES[:9].parts, "seen": [["never seen"]] * 9}))
    np.testing.assert_allclose(found.values[:, 2], found.predicted - without, rtol=1e-2, atol=1e-3)


def test_a_missing_part_adds_nothing(on_samples, on_frame):
    sounds = [None if row % 2 else sound for row, sound in enumerate(SOUNDS)]
    gone = MultiModal({"picture": [None, *PICTURES[1:]], "sound": sounds, "seen": [[], None, *SEEN[2:]]})
    found = attributions(on_samples, gone)
    np.testing.assert_allclose(found.predicted, on_samples.predict(gone), rtol=1e-4, atol=1e-5)
    assert not found.values[1::2, 1].any()
    assert not found.values[0, 0]
    assert not found.values[:2, 2].any()
    assert found.values[2:, 2].all()
    assert_complete(found)
    only = attributions(on_samples, MultiModal({"seen": SEEN}))
    assert not only.values[:, :2].any()
    assert only.parts["picture"].values.shape == (N, 1, 3, 3)
    assert_complete(only)
    found = attributions(on_frame, FRAME.assign(note=None, size=np.nan, town=None, kind=None)[:9], task="tags")
    assert not found.values[:, [0, 1, 2, 4]].any()
    assert found.parts["note"].words == [[""]] * 9
    assert found.values[:, 3].any()


def test_a_part_that_the_network_ignores_adds_nothing(on_samples):
    model = pickle.loads(pickle.dumps(on_samples))
    (net,) = nets_of(model)
    sizes = [encoder.n_outputs for encoder in net.encoders]
    with torch.no_grad():
        net.fusion.layer.weight[:, sizes[0] : sizes[0] + sizes[1]] = 0
    found = attributions(model, SAMPLES)
    np.testing.assert_allclose(found.values[:, 1], 0, atol=1e-6)
    assert np.abs(found.values[:, [0, 2]]).min(axis=0).max() > 1e-6


def test_a_baseline_of_ones_own_is_taken_for_the_parts_that_it_has(on_samples, on_frame):
    start = MultiModal({"picture": PICTURES[:1], "seen": [None]})
    found = attributions(on_samples, SAMPLES[:3], baseline=start)
    np.testing.assert_allclose(found.parts["picture"].values[0], 0, atol=1e-6)
    usual = attributions(on_samples, SAMPLES[:3])
    assert found.baseline[0] != usual.baseline[0]
    same = attributions(on_samples, SAMPLES[:3], baseline=MultiModal({"seen": [None]}))
    np.testing.assert_allclose(same.values, usual.values, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="baseline must leave 'seen' empty"):
        attributions(on_samples, SAMPLES[:3], baseline=SAMPLES[:1])
    with pytest.raises(ValueError, match="baseline must be one row; got 2 rows"):
        attributions(on_samples, SAMPLES[:3], baseline=SAMPLES[:2])
    with pytest.raises(ValueError, match="baseline must leave 'note' empty"):
        attributions(on_frame, FRAME[:3], task="size", baseline=FRAME[:1])
    found = attributions(on_frame, FRAME[:3], task="size", baseline=FRAME[:1].assign(note=None, tags=None))
    assert not found.to_frame()[TABLE].to_numpy()[0].any()


def test_a_sequence_among_the_parts_of_a_baseline_is_as_long_as_those_of_the_rows():
    rng = np.random.default_rng(0)
    sounds, table = [rng.normal(size=(2 + row % 5, 2)) for row in range(40)], rng.normal(size=(40, 1))
    frame = pd.DataFrame({"sound": sounds, "number": table[:, 0]})
    model = MultiTaskRegressor(max_iter=2, companions=None, random_state=0).fit(
        frame, table + frame.index.to_numpy()[:, None] % 5
    )
    rows = frame.iloc[[1, 6]].assign(sound=[sounds[1], None])  # what lacks the part has no steps to compare
    start = frame.iloc[[11]]
    found = attributions(model, rows, baseline=start)
    np.testing.assert_allclose(found.baseline[0], np.ravel(model.predict(start))[0], rtol=1e-5)
    with pytest.raises(ValueError, match="'sound': baseline is a sequence of 4 steps, and row 0 has 3"):
        attributions(model, rows, baseline=frame.iloc[[2]])
    without = attributions(model, rows, baseline=frame.iloc[[2]].assign(sound=[None]), n_steps=200)
    np.testing.assert_allclose(without.residual, 0, atol=1e-3)


def test_chunks_of_rows_make_no_difference(on_samples, monkeypatch):
    whole = attributions(on_samples, SAMPLES[:30])
    monkeypatch.setattr("skmtl.inspection._attributions.CHUNK_VALUES", 1)
    cut = attributions(on_samples, SAMPLES[:30])
    np.testing.assert_allclose(cut.values, whole.values, rtol=1e-3, atol=1e-5)


def test_the_estimator_stays_as_it_is(on_samples):
    before, nets = on_samples.predict(SAMPLES), nets_of(on_samples)
    attributions(on_samples, SAMPLES[:3])
    np.testing.assert_array_equal(on_samples.predict(SAMPLES), before)
    assert nets[0].encoders[2].embedding is not None
    assert all(parameter.grad is None or not parameter.grad.any() for parameter in nets[0].encoders[0].parameters())


@pytest.mark.parametrize("freeze", [True, False])
def test_a_fitted_trunk_of_several_parts_is_explained(on_frame, freeze):
    again = MultiTaskRegressor(trunk=FittedTrunk(on_frame, freeze=freeze), **SETTINGS).fit(FRAME, TARGETS[["note"]])
    found = attributions(again, FRAME)
    assert found.feature_names == list(FRAME)
    assert_complete(found)


def test_shared_representations_are_measured(on_frame, on_samples):
    found = shared_representation(on_frame, FRAME)
    assert found.shares.shape == (1, 12, 3)
    np.testing.assert_allclose(found.shares.sum(axis=1), 1)
    assert shared_representation(on_samples, SAMPLES).shares.shape == (1, 12, 1)


def test_longer_sequences_than_at_fit_are_explained_row_by_row(monkeypatch):
    monkeypatch.setattr("skmtl.inspection._attributions.CHUNK_VALUES", 1)  # chunks of eight rows
    rng = np.random.default_rng(0)
    sounds, table = [rng.normal(size=(2 + row, 2)) for row in range(30)], rng.normal(size=(30, 2))
    X, y = MultiModal({"sound": sounds, "table": table}), rng.normal(size=30)
    model = MultiTaskRegressor(max_iter=1, random_state=0).fit(X[:20], y[:20])
    found = attributions(model, X, n_steps=64)
    assert found.parts["sound"].values.shape == (30, 31, 2)
    np.testing.assert_allclose(found.residual, 0, atol=1e-3)
    few = attributions(model, X[:9], n_steps=64).parts["sound"].values
    np.testing.assert_allclose(found.parts["sound"].values[:9, :10], few, rtol=1e-4, atol=1e-6)
    assert not found.parts["sound"].values[0, 2:].any()
