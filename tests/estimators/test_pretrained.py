"""Estimators on pretrained models: frozen, with adapters, with layers of their own trained."""

import json
import pickle
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from skmtl import MultiTaskClassifier, MultiTaskEstimator
from skmtl.features import Backbone, FrozenEncoder, MultiModal, RepresentationReader, TextEncoder
from skmtl.nn import SHARINGS, MLPTrunk, MultiModalTrunk, PretrainedTrunk
from tests.pretrained import WORDS

draws = np.random.default_rng(0)
N = 160
MOOD, TOPIC = draws.integers(2, size=N), draws.integers(3, size=N)
MOODS, TOPICS = ["bad", "good"], ["film", "phone", "food"]
FILLING = [" ".join(draws.choice(["the", "was", "a", "very"], draws.integers(1, 7))) for _ in range(N)]
X = [f"{filling} {TOPICS[topic]} {MOODS[mood]}" for filling, topic, mood in zip(FILLING, TOPIC, MOOD, strict=True)]
Y = np.column_stack([TOPIC, MOOD])
IMAGES = draws.uniform(size=(N, 1, 8, 8)) * 0.2
IMAGES[MOOD == 1, :, :4] += 0.4
IMAGES[TOPIC == 1, :, 4:] += 0.4

UNFROZEN = {"lora": {"adapters": "lora"}, "last": {"trainable": 1}, "all": {"trainable": "all"}}


@pytest.fixture
def classifier(pretrained_models):
    def make(kind="bert", trunk=None, **settings):
        own = {"model": pretrained_models[kind], "hidden_layer_sizes": (16,), "dropout": 0.0, **(trunk or {})}
        specification = PretrainedTrunk(**own)
        fast = {"max_iter": 2, "random_state": 0, "companions": None, "n_estimators": 1 if own.get("adapters") else 2}
        return MultiTaskClassifier(**{"trunk": specification, **fast, **settings})

    return make


def accuracies(model, inputs=X, labels=Y):
    return (model.predict(inputs) == labels).mean(axis=0)


@pytest.mark.parametrize(
    ("kind", "trunk", "inputs"),
    [
        ("bert", {}, X),
        ("bert", {"adapters": "lora", "learning_rate": 1e-2}, X),
        ("gpt2", {"trainable": "all", "pooling": "last", "learning_rate": 3e-3}, X),
        ("vit", {}, IMAGES),
        ("vit", {"trainable": "all", "learning_rate": 3e-3}, IMAGES),
        ("resnet", {"trainable": "all", "learning_rate": 3e-3}, IMAGES),
    ],
)
def test_what_was_trained_beats_the_most_frequent_class(classifier, kind, trunk, inputs):
    labels = Y if inputs is X else np.column_stack([TOPIC == 1, MOOD])
    model = classifier(kind, trunk, max_iter=20 if trunk else 60, early_stopping=False, learning_rate_init=1e-2)
    model.fit(inputs[:120], labels[:120])
    frequent = np.array([np.unique(column[:120], return_counts=True)[1].max() / 120 for column in labels.T])
    assert (accuracies(model, inputs[120:], labels[120:]) > frequent + 0.15).all()


def test_a_frozen_model_reads_each_distinct_text_once_at_fit_and_once_at_predict(classifier, monkeypatch):
    seen = []
    original = FrozenEncoder.__call__

    def read(self, x):
        seen.append(len(x))
        return original(self, x)

    monkeypatch.setattr(FrozenEncoder, "__call__", read)
    model = classifier(max_iter=5).fit([*X, *X[:50]], np.concatenate([Y, Y[:50]]))
    assert model.n_estimators_ == 2
    model.predict([X[0], X[1], X[0]])
    assert seen == [len(set(X)), 2]


def test_a_frozen_model_reads_each_distinct_image_once(classifier, monkeypatch):
    seen = []
    original = Backbone.normalised

    def normalised(self, pixels, largest):
        seen.append(len(pixels))
        return original(self, pixels, largest)

    monkeypatch.setattr(Backbone, "normalised", normalised)
    model = classifier("vit", max_iter=1).fit(np.concatenate([IMAGES, IMAGES[:50]]), np.concatenate([Y, Y[:50]]))
    found = model.predict_proba(IMAGES[[3, 7, 3, 3]])[1]
    assert seen == [N, 2]
    np.testing.assert_array_equal(found[[0, 0]], found[2:])
    reader = model._model.reader
    np.testing.assert_allclose(reader.matrix(IMAGES[[7, 3, 7]]), reader.matrix(IMAGES)[[7, 3, 7]], rtol=1e-4, atol=1e-6)


FRAME = pd.DataFrame(
    {"price": np.arange(N) % 5.0, "review": [f"{text}, said number {row}" for row, text in enumerate(X)]}
)
HALF = [text if row % 2 else None for row, text in enumerate(X)]
READ = {
    "texts": ("bert", X),
    "column": ("bert", pd.DataFrame({"review": list(FRAME["review"])})),
    "frame": ("bert", FRAME),
    "parts": ("bert", MultiModal({"columns": FRAME[["price"]], "review": HALF})),
    "images": ("vit", IMAGES),
    "images of parts": ("vit", MultiModal({"columns": FRAME[["price"]], "review": [*IMAGES[:-9], *[None] * 9]})),
}


@pytest.mark.parametrize(("kind", "inputs"), READ.values(), ids=READ)
def test_how_many_rows_go_through_a_frozen_model_at_once_changes_no_holdout(pretrained_models, kind, inputs):
    """Rounding differs with the chunks, and that is no reason to hold out other rows."""

    def fitted(chunk_size):
        trunk = PretrainedTrunk(pretrained_models[kind], hidden_layer_sizes=(8,), chunk_size=chunk_size)
        if isinstance(inputs, MultiModal) or inputs is FRAME:
            trunk = MultiModalTrunk({"review": trunk}, width=8)
        model = MultiTaskClassifier(trunk=trunk, max_iter=2, random_state=0, companions=None, n_estimators=2)
        return model.fit(inputs, Y)

    few, many = fitted(4), fitted(64)
    for one, other in zip(few.oof_prediction_, many.oof_prediction_, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
    np.testing.assert_allclose(few.predict_proba(inputs)[0], many.predict_proba(inputs)[0], rtol=0, atol=1e-5)


def test_without_dropout_chunks_change_no_training(classifier, pretrained_models, tmp_path):
    folder = shutil.copytree(pretrained_models["bert"], tmp_path / "bert")
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    few, many = (
        classifier(trunk={"model": folder, "trainable": "all", "chunk_size": size}, n_estimators=1).fit(X, Y)
        for size in (4, 32)
    )
    np.testing.assert_allclose(few.predict_proba(X)[0], many.predict_proba(X)[0], rtol=0, atol=1e-4)


def test_texts_of_the_same_tokens_share_a_holdout(classifier):
    """A tokenizer that makes small letters of large ones tells the model nothing of them."""
    loud = [text.upper() for text in X]
    model = classifier(max_iter=1, n_estimators=5).fit([*X, *loud], np.concatenate([Y, Y]))
    one, other = np.split(model.oof_prediction_[0], 2)
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("trainable", [True, False])
def test_a_number_of_layers_is_no_boolean(classifier, trainable):
    with pytest.raises(ValueError, match=f"trainable.* must be .*ot {trainable}"):
        classifier(trunk={"trainable": trainable}).fit(X, Y)


def test_a_frozen_model_is_a_table_of_representations(classifier, pretrained_models):
    model = classifier(max_iter=3).fit(X, Y)
    backbone = Backbone(pretrained_models["bert"])
    (ids,) = backbone.tokenizer()([X[0]])["input_ids"]
    with torch.no_grad():
        first, last = backbone.load()(torch.tensor([ids]), output_hidden_states=True).hidden_states[1:]
    expected = torch.cat([last.mean(1), first.mean(1)], 1)
    np.testing.assert_allclose(model._model.reader.matrix(X[:1]), expected, rtol=1e-5, atol=1e-6)
    assert model.transform(X[:2]).shape == (2, 2 * 16)
    assert model.n_features_in_ == 1


@pytest.mark.parametrize(
    ("kind", "trunk", "n_layers"),
    [
        ("bert", {}, 2),  # of four that are asked for, it has two
        ("gpt2", {"pooled_layers": 1}, 1),
        ("vit", {}, 2),
        ("bert", {"adapters": "lora"}, 1),
        ("vit", {"trainable": 1, "pooled_layers": 2}, 2),
    ],
)
def test_the_last_layers_that_are_asked_for_are_read(classifier, kind, trunk, n_layers):
    model = classifier(kind, trunk, max_iter=1, sharing="hard").fit(IMAGES if kind == "vit" else X, Y)
    assert model.net_.module_.trunk.layers[0].weight.shape[1:] == (n_layers * 16, 16)


BYTES = (IMAGES * 255).astype(np.uint8)


@pytest.mark.parametrize("trunk", [{}, {"adapters": "lora"}], ids=["frozen", "lora"])
@pytest.mark.parametrize(
    "make",
    [
        lambda X: [None, *X[1:]],
        lambda X: X.astype(np.int64),
        lambda X: X / 255,
        lambda X: [None, *X[1:].astype(np.int16)],
    ],
)
def test_bytes_of_any_dtype_and_with_a_hole_are_read_as_bytes_at_predict(classifier, trunk, make):
    model = classifier("vit", trunk, max_iter=1).fit(BYTES, Y)
    for found, expected in zip(model.predict_proba(make(BYTES)), model.predict_proba(BYTES), strict=True):
        np.testing.assert_allclose(found[1:-1], expected[1:-1], rtol=1e-5)


@pytest.mark.parametrize("trunk", [{}, {"adapters": "lora"}], ids=["frozen", "lora"])
@pytest.mark.parametrize(
    "make",
    [
        lambda X: [None, *X[1:]],
        lambda X: X.astype(np.int64),
        lambda X: pd.DataFrame({"scan": [None, *X[1:].astype(np.uint16)]}),
    ],
)
def test_bytes_are_told_at_fit_from_integers_and_the_model_reads_what_they_stand_for(classifier, trunk, make):
    model = classifier("vit", trunk, max_iter=1).fit(make(BYTES), Y)
    reader = getattr(model._model.reader, "inner", model._model.reader)
    assert reader.largest == 255
    inward = reader.inward() if hasattr(reader, "inward") else reader
    matrix, expected = (one.reshape(N, -1) for one in (inward.matrix(list(BYTES)), BYTES))
    np.testing.assert_array_equal(matrix, expected)
    read = inward.standardizer().tensor(matrix, torch.float32, "cpu")
    np.testing.assert_allclose(read, expected / 255 * 2 - 1, atol=1e-6)


@pytest.mark.parametrize("trunk", [{}, {"adapters": "lora"}], ids=["frozen", "lora"])
def test_pixels_in_other_units_than_those_that_are_read_name_the_way_out(classifier, trunk):
    for wrong in (BYTES.astype(float), [None, *BYTES[1:].astype(float)], BYTES.astype(np.int64) * 256, IMAGES - 0.5):
        with pytest.raises(ValueError, match=r"X holds pixels from .* floats from 0 to 1\. Give it floats: X / 255"):
            classifier("vit", trunk).fit(wrong, Y)
    model = classifier("vit", trunk, max_iter=1).fit(BYTES, Y)
    with pytest.raises(ValueError, match=r"X holds pixels from .*, as floats, .* X / 255"):
        model.predict(BYTES.astype(float))
    model = classifier("vit", trunk, max_iter=1).fit(BYTES / 255 * (1 + 1e-6), Y)
    np.testing.assert_allclose(model.predict_proba(BYTES)[1], model.predict_proba(BYTES / 255)[1], rtol=1e-4)
    with pytest.raises(ValueError, match=r"the integers 0 and 1, .* X.astype\(float\)"):
        model.predict(np.ones((2, 1, 8, 8), int))


@pytest.mark.parametrize("trunk", [{}, *UNFROZEN.values()], ids=["frozen", *UNFROZEN])
def test_padding_and_neighbours_never_change_a_prediction(classifier, trunk):
    model = classifier(trunk=trunk).fit(X, Y)
    long = " ".join(WORDS)
    for whole, alone in zip(model.predict_proba([*X[:9], long]), model.predict_proba(X[:1]), strict=True):
        np.testing.assert_allclose(whole[:1], alone, rtol=1e-4)  # products of other sizes round differently


@pytest.mark.parametrize("trunk", [{}, *UNFROZEN.values()], ids=["frozen", *UNFROZEN])
def test_the_same_seed_gives_the_same_model_and_leaves_random_numbers_alone(classifier, trunk):
    state = torch.get_rng_state()
    first, second = (classifier(trunk=trunk).fit(X, Y).predict_proba(X)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("trunk", [{}, *UNFROZEN.values()], ids=["frozen", *UNFROZEN])
def test_pickles_and_clones_predict_the_same(classifier, trunk):
    model = classifier(trunk=trunk).fit(X, Y)
    expected = model.predict_proba(X)[1]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X)[1], expected)
    np.testing.assert_array_equal(clone(model).fit(X, Y).predict_proba(X)[1], expected)


@pytest.mark.parametrize("trunk", [{}, {"trainable": "all"}], ids=["frozen", "all"])
def test_statistics_of_batches_stay_those_of_the_folder(classifier, trunk):
    """A pickle holds what was trained, and training on batches must not have moved anything else."""
    model = classifier("resnet", trunk, max_iter=3).fit(IMAGES, Y)
    expected = model.predict_proba(IMAGES)[1]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(IMAGES)[1], expected)


def test_a_model_file_without_its_folder_says_so_when_it_is_used(classifier, pretrained_models, tmp_path):
    folder = shutil.copytree(pretrained_models["bert"], tmp_path / "model")
    for trunk in ({}, {"adapters": "lora"}):
        model = classifier(trunk=trunk).set_params(trunk__model=str(folder)).fit(X, Y)
        pickled = pickle.dumps(model)
        expected = model.predict(X)
        shutil.move(folder, tmp_path / "away")
        later = pickle.loads(pickled)
        assert later.get_params()["trunk__model"] == str(folder)
        with pytest.raises(ValueError, match=r"is not there. A fitted estimator needs the folder"):
            later.predict(X)
        shutil.move(tmp_path / "away", folder)
        np.testing.assert_array_equal(later.predict(X), expected)


def test_one_member_is_the_default_of_what_is_trained_further(classifier):
    settings = {"n_estimators": "auto", "companions": "auto", "max_iter": 1}
    model = classifier(trunk={"adapters": "lora"}, **settings).fit(X, Y)
    assert model.n_estimators_ == 1
    assert model.batch_size_ == 32
    assert classifier(**settings).fit(X, Y).n_estimators_ == 8
    assert not hasattr(model, "companions_")
    several = classifier(trunk={"adapters": "lora"}, n_estimators=2, max_iter=1).fit(X, Y)
    assert several.transform(X[:3]).shape == (3, 2 * 16)
    assert 0.3 < (~np.isnan(several.oof_prediction_[0][:, 0])).mean() < 0.5


@pytest.mark.parametrize("sharing", SHARINGS)
def test_every_sharing_serves_what_stands_above_the_model(classifier, sharing):
    for own in ({}, {"adapters": "lora"}):
        trunk = {"hidden_layer_sizes": (8, 8), **own}
        model = classifier(trunk=trunk, sharing=sharing, max_iter=1).fit(X[:80], Y[:80])
        assert np.isfinite(model.predict_proba(X[:3])[0]).all()


@pytest.mark.parametrize("balancing", ["nash_mtl", "uncertainty", "graddrop", "famo", "moco", "gradnorm"])
def test_every_balancing_serves_adapters(classifier, balancing):
    model = classifier(trunk={"adapters": "lora"}, balancing=balancing, max_iter=1).fit(X[:80], Y[:80])
    assert np.isfinite(model.predict_proba(X[:3])[0]).all()


def test_missing_labels_mixed_tasks_and_searches(classifier):
    y = pd.DataFrame({"mood": MOOD.astype(float), "words": [float(len(text.split())) for text in X]})
    y.loc[::3, "words"], y.loc[1::4, "mood"] = np.nan, np.nan
    trunk = classifier(trunk={"adapters": "lora"}).trunk
    types = {"mood": "classification", "words": "regression"}
    mixed = MultiTaskEstimator(trunk=trunk, task_types=types, max_iter=2, random_state=0).fit(pd.Series(X), y)
    assert np.isfinite(mixed.predict(X)["words"].to_numpy(float)).all()
    grid = {"trunk__rank": [2, 4]}
    search = GridSearchCV(classifier(trunk={"adapters": "lora"}, max_iter=1), grid, cv=KFold(2)).fit(X, Y)
    (encoder,) = search.best_estimator_.net_.module_.embedding.members
    assert encoder.trained[0].shape[0] == search.best_params_["trunk__rank"]


def test_training_goes_on_and_comes_in_chunks(classifier):
    model = classifier(trunk={"adapters": "lora"}, warm_start=True).fit(X, Y).fit(X, Y)
    assert len(model.history_) == 4
    classes = [np.unique(column) for column in Y.T]
    online = classifier(trunk={"adapters": "lora"}).partial_fit(X[:80], Y[:80], classes=classes)
    before = online.predict_proba(X)[1]
    online.partial_fit(X[80:], Y[80:])
    assert not np.array_equal(before, online.predict_proba(X)[1])
    checked = classifier(trunk={"adapters": "lora"}).fit(X[:110], Y[:110], X_val=X[110:], y_val=Y[110:])
    assert checked.history_["valid_loss"].shape[1] == 2


@pytest.mark.parametrize("trunk", [{}, {"adapters": "lora"}], ids=["frozen", "lora"])
def test_strange_texts_are_predicted(classifier, trunk):
    model = classifier(trunk=trunk).fit([*X[:-3], "", None, b"good film"], Y)
    texts = ["", None, np.nan, "😀 👍🏽", "我爱这部电影", "x" * 10**5, "\n\t ", "qwertz", b"good"]
    probabilities = model.predict_proba(texts)
    assert all(np.isfinite(part).all() for part in probabilities)
    np.testing.assert_array_equal(probabilities[0][0], probabilities[0][1])
    np.testing.assert_array_equal(probabilities[0][0], probabilities[0][2])
    assert model.predict(["good"]).shape == (1, 2)


def test_an_empty_text_without_special_tokens_is_a_row_of_zeros(classifier):
    model = classifier("gpt2", {}).fit(X, Y)
    model._model.reader.backbone.tokenizer().backend_tokenizer.post_processor = None
    assert not model._model.reader.matrix([""]).any()


def test_checkpoints_and_low_precision_train_too(classifier):
    exact = classifier(trunk={"adapters": "lora"}, max_iter=1).fit(X, Y).predict_proba(X)[1]
    chunks = classifier(trunk={"adapters": "lora", "chunk_size": 5, "checkpointing": True}, max_iter=1).fit(X, Y)
    low = classifier(trunk={"adapters": "lora", "precision": "bfloat16"}, max_iter=1).fit(X, Y)
    for model in (chunks, low):
        assert np.abs(model.predict_proba(X)[1] - exact).max() < 0.2


@pytest.mark.parametrize(
    ("trunk", "message"),
    [
        ({"pooling": "median"}, "'pooling' parameter of PretrainedTrunk must be"),
        ({"pooled_layers": 0}, "'pooled_layers' parameter of PretrainedTrunk must be"),
        ({"pooled_layers": 3}, "pooled_layers=3, but a BertModel returns the units of 2 layers"),
        ({"pooled_layers": 3, "adapters": "lora"}, "pooled_layers=3, but a BertModel returns the units of 2 layers"),
        ({"rank": 0}, "'rank' parameter of PretrainedTrunk must be"),
        ({"adapters": "prefix"}, r"adapters must be None, one of \['dora', 'lora', 'rslora'\] .* got 'prefix'"),
        ({"adapters": 3}, "or a configuration of peft, got 3"),
        ({"trainable": "adapters"}, "trainable='adapters', but adapters is None"),
        ({"adapters": "lora", "trainable": "all"}, "but trainable is 'all'. Leave trainable at 'auto'"),
        ({"trainable": 9}, "trainable=9 asks for more layers than the 2 of a BertModel"),
        (
            {"max_length": 1},
            "max_length=1 leaves no room for a word: .* puts 2 special tokens .* Set max_length=3 or more",
        ),
        ({"max_length": 2}, "max_length=2 leaves no room for a word"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
    ],
)
def test_parameters_out_of_range_are_named(classifier, trunk, message):
    with pytest.raises(ValueError, match=message):
        classifier(trunk=trunk).fit(X, Y)


def test_a_configuration_of_peft_serves_and_stays_as_it_was(classifier):
    peft = pytest.importorskip("peft", reason="needs peft: pip install 'skmtl[pretrained]'")
    own = peft.LoraConfig(r=2, target_modules=["query"])
    model = classifier("bert", {"adapters": own}).fit(X, Y)
    assert all("query.lora" in name for name in model.net_.module_.embedding.members[0].names)
    with pytest.raises(ValueError, match=r"do not fit a ResNetModel: .* give a configuration of peft"):
        classifier("resnet", {"adapters": "lora"}).fit(IMAGES, Y)
    with pytest.raises(ValueError, match="do not fit a BertModel"):
        classifier("bert", {"adapters": peft.LoraConfig(target_modules=["nowhere"])}).fit(X, Y)


@pytest.mark.parametrize(("name", "augmentation", "rows"), [("vit", "crop", IMAGES), ("bert", "word_dropout", X)])
def test_what_a_frozen_model_reads_cannot_be_augmented(classifier, name, augmentation, rows):
    with pytest.raises(ValueError, match=rf"'{augmentation}' .* a row of columns, what the frozen model makes of it"):
        classifier(name, augmentation=augmentation).fit(rows, Y)
    assert np.isfinite(classifier(name, augmentation="noise", max_iter=1).fit(rows, Y).score(rows, Y))


def test_texts_images_and_columns_do_not_mix(classifier):
    with pytest.raises(ValueError, match=r"reads texts, a list, .* a sample of X is a row of columns"):
        classifier().fit(np.zeros((N, 3)), Y)
    with pytest.raises(ValueError, match=r"reads images, an array .* sample of X is a text"):
        classifier("vit").fit(X, Y)
    with pytest.raises(ValueError, match=r"have 3 channels, and the model in .* reads 1"):
        classifier("vit").fit(np.repeat(IMAGES, 3, axis=1), Y)
    with pytest.raises(ValueError, match=r"have 6 × 6 pixels, and the model in .* reads 8 × 8"):
        classifier("vit").fit(IMAGES[:, :, :6, :6], Y)
    with pytest.raises(ValueError, match=r"encoder=TextEncoder\(\) was given, but PretrainedTrunk reads X itself"):
        classifier(encoder=TextEncoder()).fit(X, Y)
    model = classifier("vit").fit(IMAGES, Y)
    with pytest.raises(ValueError, match="Each sample of X was an image"):
        model.predict(X)
    with pytest.raises(ValueError, match="images of shape"):
        model.predict(IMAGES[:, :, :6])
    with pytest.raises(ValueError, match="is read as one text a row, and has shape"):
        classifier().fit(X, Y).predict(IMAGES)


@pytest.mark.parametrize("trunk", [{}, {"adapters": "lora"}])
def test_a_frame_of_one_column_of_texts_is_read_as_texts(classifier, trunk):
    texts = [f"{text}, said customer number {row}" for row, text in enumerate(X)]
    frame = pd.DataFrame({"review": texts})
    model = classifier(trunk=trunk, max_iter=1).fit(frame, Y)
    alone = classifier(trunk=trunk, max_iter=1).fit(texts, Y)
    assert model.feature_names_in_.tolist() == ["review"]
    np.testing.assert_array_equal(model.predict_proba(frame)[0], alone.predict_proba(texts)[0])
    with pytest.raises(ValueError, match=r"samples of one kind, and X holds texts, lists or arrays in \['review'\]"):
        classifier().fit(frame.assign(price=1.0), Y)


PRICES = draws.normal(size=(N, 2))


def of_parts(pretrained_models, kind="bert", part="review", **settings):
    """A classifier of several parts, of which one has a pretrained trunk."""
    own = PretrainedTrunk(pretrained_models[kind], hidden_layer_sizes=(8,), **settings)
    trunk = MultiModalTrunk({part: own, "columns": MLPTrunk((4,))}, width=8)
    return MultiTaskClassifier(trunk=trunk, max_iter=2, random_state=0, n_estimators=1)


@pytest.mark.parametrize(("kind", "inputs"), [("bert", X), ("vit", IMAGES)])
def test_a_frozen_model_reads_a_part_once_and_as_it_would(classifier, pretrained_models, monkeypatch, kind, inputs):
    passes = []
    original = RepresentationReader._matrix
    monkeypatch.setattr(
        RepresentationReader, "_matrix", lambda self, rows: passes.append(len(rows)) or original(self, rows)
    )
    parts = MultiModal({"columns": PRICES, "review": inputs})
    model = of_parts(pretrained_models, kind).fit(parts, Y)
    assert passes == [N]
    alone = classifier(kind, max_iter=1).fit(inputs, Y)._model.reader
    block = model._model.standardizer.blocks[1]
    np.testing.assert_allclose(
        model._model.reader.matrix(parts)[:, block.columns].toarray(), alone.matrix(inputs), rtol=1e-5, atol=1e-6
    )
    (encoder,) = [one for one in model.net_.module_.trunk.members[0].encoders if one.n_outputs == 8]
    assert encoder.trunk.layers[0].weight.shape == (1, 32, 8)
    expected = model.predict_proba(parts)[0]
    np.testing.assert_array_equal(clone(model).fit(parts, Y).predict_proba(parts)[0], expected)
    pickled = pickle.dumps(model)
    np.testing.assert_array_equal(pickle.loads(pickled).predict_proba(parts)[0], expected)
    model._model.reader.readers["review"].backbone.load()
    assert len(pickle.dumps(model)) < len(pickled) + 100  # without the model's weights


def test_a_missing_text_of_a_part_is_none_that_the_model_reads(pretrained_models):
    texts = [None if row % 3 == 0 else "" if row % 3 == 1 else text for row, text in enumerate(X)]
    model = of_parts(pretrained_models).fit(MultiModal({"columns": PRICES, "review": texts}), Y)
    for nothing in ([None] * N, [""] * N):
        np.testing.assert_allclose(
            model.predict_proba(MultiModal({"columns": PRICES, "review": nothing}))[0],
            model.predict_proba(MultiModal({"columns": PRICES}))[0],
            rtol=1e-5,
        )
    pictures = [None if row % 2 else image for row, image in enumerate(IMAGES)]
    model = of_parts(pretrained_models, "vit").fit(MultiModal({"columns": PRICES, "review": pictures}), Y)
    held = model._model.standardizer.blocks[1].standardizer.mean_
    shown = RepresentationReader._matrix(model._model.reader.readers["review"], IMAGES[::2])
    np.testing.assert_allclose(held, shown.mean(0), rtol=1e-4, atol=1e-6)


def test_a_frame_of_texts_beside_columns_takes_a_pretrained_trunk(pretrained_models):
    frame = pd.DataFrame(PRICES, columns=["price", "weight"])
    frame["review"] = [f"{text}, said customer number {row}" for row, text in enumerate(X)]
    model = of_parts(pretrained_models).fit(frame, Y)
    parts = MultiModal({"columns": frame[["price", "weight"]], "review": list(frame["review"])})
    np.testing.assert_allclose(
        model.predict_proba(frame)[0], of_parts(pretrained_models).fit(parts, Y).predict_proba(parts)[0], rtol=1e-5
    )


def test_what_a_pretrained_trunk_of_a_part_cannot_read_is_named(pretrained_models):
    parts = MultiModal({"columns": PRICES, "review": X})
    with pytest.raises(ValueError, match=r"Part 'review' of X: .*does/not/exist"):
        of_parts({"bert": "/does/not/exist"}).fit(parts, Y)
    with pytest.raises(ValueError, match=r"Part 'review' of X: The model in .* reads images"):
        of_parts(pretrained_models, "vit").fit(parts, Y)
    with pytest.raises(ValueError, match="the part 'review' a PretrainedTrunk whose model is trained further"):
        of_parts(pretrained_models, trainable=1).fit(parts, Y)
    with pytest.raises(ValueError, match=r"Part 'review' of X: Row 1 of X holds 3"):
        of_parts(pretrained_models).fit(MultiModal({"columns": PRICES, "review": [X[0], 3, *X[2:]]}), Y)


def test_bytes_and_holes_in_images_are_read(classifier):
    pixels = (255 * IMAGES.clip(0, 1)).astype(np.uint8)
    model = classifier("vit", {}, max_iter=1).fit(pixels, Y)
    np.testing.assert_allclose(
        model.predict_proba(pixels)[1], model.predict_proba(pixels.astype(float) / 255)[1], rtol=1e-4
    )
    holes = IMAGES.copy()
    holes[0, 0, 0] = np.nan
    assert np.isfinite(model.predict_proba(holes)[0]).all()
