"""What words and pixels add to a prediction, through a pretrained model."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import logit

from skmtl import MultiTaskClassifier, MultiTaskRegressor
from skmtl.features import Backbone, MultiModal, Passage
from skmtl.inspection import AttributionsDisplay, attributions, shared_representation
from skmtl.nn import FittedTrunk, MultiModalTrunk, PretrainedTrunk

draws = np.random.default_rng(0)
N = 120
MOOD, TOPIC = draws.integers(2, size=N), draws.integers(3, size=N)
FILLING = [" ".join(draws.choice(["the", "was", "a", "very"], draws.integers(1, 6))) for _ in range(N)]
TEXTS = [
    f"{filling} {['film', 'phone', 'food'][topic]} {['bad', 'good'][mood]}"
    for filling, topic, mood in zip(FILLING, TOPIC, MOOD, strict=True)
]
IMAGES = draws.uniform(size=(N, 1, 8, 8)) * 0.2
IMAGES[MOOD == 1, :, :4] += 0.4
NUMBERS = np.column_stack([3 * MOOD - 1.0, TOPIC])

TRUNKS = {
    "frozen": {},
    "lora": {"adapters": "lora", "learning_rate": 3e-3},
    "last": {"trainable": 1, "learning_rate": 1e-3},
    "all": {"trainable": "all", "learning_rate": 1e-3},
}
MEMBERS = {"frozen": 2, "lora": 2, "last": 1, "all": 1}


@pytest.fixture(scope="module")
def fitted(pretrained_models):
    """Estimators by the kind of the model and what of it is trained, each fitted once."""
    known = {}

    def make(kind, trained, estimator=MultiTaskClassifier):
        if (kind, trained, estimator) not in known:
            trunk = PretrainedTrunk(pretrained_models[kind], hidden_layer_sizes=(8,), dropout=0.0, **TRUNKS[trained])
            settings = {"companions": None, "max_iter": 12, "early_stopping": False, "learning_rate_init": 0.01}
            model = estimator(trunk=trunk, n_estimators=MEMBERS[trained], random_state=0, **settings)
            y = np.column_stack([TOPIC, MOOD]) if estimator is MultiTaskClassifier else NUMBERS
            known[kind, trained, estimator] = model.fit(IMAGES if kind == "vit" else TEXTS, y)
        return known[kind, trained, estimator]

    return make


def assert_complete(found, share=0.05):
    moved = np.abs(found.predicted - found.baseline).max()
    assert moved > 0.1  # something was learned
    assert np.abs(found.residual).max() < share * moved


# Words


@pytest.mark.parametrize("trained", TRUNKS)
@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_words_sum_to_what_predict_proba_says(fitted, kind, trained):
    model = fitted(kind, trained)
    found = attributions(model, TEXTS[:20], task="y1", n_steps=128)
    np.testing.assert_allclose(found.predicted, logit(model.predict_proba(TEXTS[:20])[1][:, 1]), rtol=1e-3, atol=1e-4)
    assert found.words == [text.split() for text in TEXTS[:20]]
    assert [len(own) for own in found.values] == [len(words) for words in found.words]
    assert_complete(found, 0.1)
    best = [found.words[row][int(np.abs(own).argmax())] for row, own in enumerate(found.values)]
    if trained != "frozen":  # a random model that stays as it is mixes all words
        assert sum(word in ("good", "bad") for word in best) > 10


@pytest.mark.parametrize("trained", ["frozen", "lora"])
def test_numbers_and_classes_of_several_are_explained(fitted, trained):
    model = fitted("bert", trained, MultiTaskRegressor)
    found = attributions(model, TEXTS[:9], task="y0", n_steps=128)
    np.testing.assert_allclose(found.predicted, model.predict(TEXTS[:9])[:, 0], rtol=1e-3, atol=1e-4)
    assert_complete(found)
    model = fitted("bert", trained)
    found = attributions(model, TEXTS[:9], task="y0", n_steps=128)
    np.testing.assert_allclose(found.predicted, logit(model.predict_proba(TEXTS[:9])[0].max(axis=1)), rtol=1e-3)
    assert_complete(found)


@pytest.mark.parametrize("trained", ["frozen", "lora"])
def test_more_steps_are_exacter(fitted, trained):
    model = fitted("bert", trained)
    errors = [np.abs(attributions(model, TEXTS[:8], task="y1", n_steps=n).residual).max() for n in (2, 16, 128)]
    assert errors[0] > errors[1] > errors[2]


def test_words_have_the_integral_over_vectors_of_their_tokens(fitted):
    model = fitted("bert", "frozen")
    text, n_steps = "the food was filmed", 400
    found = attributions(model, [text], task="y1", n_steps=n_steps)
    own, network = model._model, model.net_.module_
    bert, tokenizer = own.reader.backbone.load(), own.reader.backbone.tokenizer()
    read = tokenizer([text], return_offsets_mapping=True, return_tensors="pt")
    table = bert.embeddings.word_embeddings
    end = table(read["input_ids"])
    start = torch.where((read["input_ids"] > 3).unsqueeze(2), table.weight[tokenizer.pad_token_id], end)
    along = ((torch.arange(n_steps) + 0.5) / n_steps).view(-1, 1, 1)
    vectors = (start + along * (end - start)).detach().requires_grad_()
    given = {"inputs_embeds": vectors, "attention_mask": torch.ones(vectors.shape[:2]), "output_hidden_states": True}
    units = torch.cat([layer.mean(1) for layer in bert(**given).hidden_states[:0:-1]], 1)  # of two layers
    mean, scale = (torch.from_numpy(one) for one in (own.standardizer.mean_, own.standardizer.inverse_scale_))
    outputs = network(((units - mean) * scale).to(network.head.weight.dtype))
    (members,) = [
        part[:, place] for group, part in zip(own.groups, own.objective.member_average(outputs), strict=True)
        for place, task in enumerate(own.tasks[group.tasks]) if task == 1
    ]  # fmt: skip
    odds = members[:, 1].log() - members[:, 0].log()
    slopes = torch.autograd.grad(odds.sum(), vectors)[0].mean(0)
    expected = ((end - start)[0] * slopes).sum(1).tolist()
    pieces = [(int(first), int(last)) for first, last in read["offset_mapping"][0]]
    by_word = {}
    for (first, last), value in zip(pieces, expected, strict=True):
        if last > first:
            word = len(text[:first].split()) - (first > 0 and not text[first - 1].isspace())
            by_word[word] = by_word.get(word, 0) + value
    assert len(pieces) > 6  # the last word has several pieces, and the ends have tokens of their own
    assert found.words == [text.split()]
    np.testing.assert_allclose(found.values[0], [by_word[word] for word in range(4)], rtol=0.02, atol=2e-3)


@pytest.mark.parametrize("trained", ["frozen", "lora"])
@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_texts_of_nothing_are_the_baseline_and_what_is_not_read_adds_nothing(fitted, kind, trained):
    model = fitted(kind, trained)
    long = " ".join(["good"] * 30)  # of which the model reads 16 tokens
    found = attributions(model, ["", long, "  ", None, "good, BAD!"], task="y1", n_steps=16)
    assert found.words[0] == found.words[3] == [""]
    for row in (0, 2, 3):
        assert found.values[row].tolist() == [0.0]
        np.testing.assert_allclose(found.predicted[row], found.baseline[row], rtol=1e-5)
    assert len(found.words[1]) == 30
    assert found.values[1][:14].all()
    assert not found.values[1][16:].any()
    assert found.words[4] == ["good", ",", "BAD", "!"]


def test_padding_and_neighbours_make_no_difference(fitted):
    model = fitted("bert", "lora")
    rows = ["good", TEXTS[0], *TEXTS[1:12]]
    together, alone = attributions(model, rows, task="y1"), attributions(model, rows[:1], task="y1")
    np.testing.assert_allclose(together.values[0], alone.values[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("trained", ["frozen", "lora"])
def test_no_more_rows_go_through_at_once_than_chunk_size_says(fitted, trained, monkeypatch):
    model, seen = fitted("bert", trained), []
    original = Passage.represent

    def represent(self, model, x, *others):
        seen.append(len(x))
        return original(self, model, x, *others)

    monkeypatch.setattr(Passage, "represent", represent)
    attributions(model, TEXTS[:20], task="y1", n_steps=4)
    assert max(seen) == 8


def test_pickles_frames_and_fitted_trunks_are_explained(fitted, pretrained_models):
    for trained in ("frozen", "lora"):
        model = fitted("bert", trained)
        again = pickle.loads(pickle.dumps(model))
        found, other = (attributions(one, TEXTS[:3], task="y1", n_steps=8) for one in (model, again))
        for own, expected in zip(other.values, found.values, strict=True):
            np.testing.assert_allclose(own, expected, rtol=1e-4, atol=1e-5)
    notes = [f"{text} and this is note number {row} of the sale" for row, text in enumerate(TEXTS)]
    frame = pd.DataFrame({"note": notes})
    settings = {"companions": None, "max_iter": 3, "n_estimators": 1, "random_state": 0}
    first = MultiTaskClassifier(trunk=PretrainedTrunk(pretrained_models["bert"]), **settings).fit(frame, MOOD)
    found = attributions(first, frame[:3], n_steps=8)
    assert found.words[0] == notes[0].split()
    np.testing.assert_allclose(found.predicted, logit(first.predict_proba(frame[:3])[:, 1]), rtol=1e-3, atol=1e-4)
    second = MultiTaskRegressor(trunk=FittedTrunk(first, freeze=True), **settings).fit(frame, TOPIC)
    found = attributions(second, frame[:3], n_steps=8)
    assert found.words[0] == notes[0].split()
    np.testing.assert_allclose(found.predicted, second.predict(frame[:3]), rtol=1e-3, atol=1e-4)


def test_companions_beside_a_frozen_model_are_refused(pretrained_models):
    trunk = PretrainedTrunk(pretrained_models["bert"], hidden_layer_sizes=(8,))
    model = MultiTaskRegressor(trunk=trunk, max_iter=3, n_estimators=2, random_state=0).fit(TEXTS, NUMBERS[:, 0])
    with pytest.raises(ValueError, match="Companions have a part"):
        attributions(model, TEXTS[:2])
    assert attributions(model, TEXTS[:2], part="network", n_steps=4).words == [text.split() for text in TEXTS[:2]]


def test_a_linear_head_above_a_model_is_not_taken_for_a_linear_network(pretrained_models):
    for trained in ("frozen", "lora"):
        trunk = PretrainedTrunk(pretrained_models["bert"], hidden_layer_sizes=(), **TRUNKS[trained])
        settings = {"companions": None, "max_iter": 12, "early_stopping": False, "learning_rate_init": 0.01}
        model = MultiTaskRegressor(trunk=trunk, n_estimators=1, random_state=0, **settings).fit(TEXTS, NUMBERS[:, 0])
        assert_complete(attributions(model, TEXTS[:5], n_steps=128))


def test_what_has_no_words_or_vectors_is_refused(fitted, monkeypatch):
    model = fitted("bert", "frozen")
    with pytest.raises(ValueError, match="the only baseline of texts and lists is an empty one"):
        attributions(model, TEXTS[:2], task="y1", baseline=["good"])
    tokenizer = model._model.reader.backbone.tokenizer()
    with monkeypatch.context() as patch:
        patch.setattr(type(tokenizer), "is_fast", False)
        with pytest.raises(ValueError, match="does not tell where in a text its tokens stand"):
            attributions(model, TEXTS[:2], task="y1")
    bert = model._model.reader.backbone.load()
    with monkeypatch.context() as patch:
        patch.setattr(bert, "forward", lambda tokens: tokens)
        with pytest.raises(ValueError, match="A BertModel takes tokens and no vectors in their place"):
            attributions(model, TEXTS[:2], task="y1")


# Pictures


@pytest.mark.parametrize("trained", TRUNKS)
def test_pixels_sum_to_what_predict_proba_says(fitted, trained):
    model = fitted("vit", trained)
    mean = IMAGES.mean(axis=0, keepdims=True)
    found = attributions(model, IMAGES[:9], task="y1", baseline=mean, n_steps=128)
    assert found.values.shape == (9, 1, 8, 8)
    np.testing.assert_allclose(found.predicted, logit(model.predict_proba(IMAGES[:9])[1][:, 1]), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.baseline, logit(model.predict_proba(mean)[1][0, 1]), rtol=1e-3, atol=1e-4)
    assert_complete(found)
    upper, lower = (np.abs(found.values[:, :, rows]).sum() for rows in (slice(4), slice(4, 8)))
    assert upper > lower


@pytest.mark.parametrize("trained", ["frozen", "all"])
def test_pixels_have_the_slopes_along_the_way(fitted, trained):
    model, away = fitted("vit", trained), 0.01
    start, end = np.full((1, 8, 8), 0.5), IMAGES[3]  # the mean colour of a folder that says nothing
    found = attributions(model, IMAGES[3:4], task="y1", n_steps=256)
    along = (np.arange(256) + 0.5).reshape(-1, 1, 1, 1) / 256
    path = start + along * (end - start)
    for row, column in ((0, 0), (5, 2)):
        step = np.zeros((1, 8, 8))
        step[0, row, column] = away
        ends = [logit(model.predict_proba(path + sign * step)[1][:, 1]) for sign in (1, -1)]
        slope = ((ends[0] - ends[1]) / (2 * away)).mean()
        expected = slope * (end - start)[0, row, column]
        np.testing.assert_allclose(found.values[0, 0, row, column], expected, rtol=0.1, atol=0.02)


def test_pictures_are_drawn(fitted):
    display = AttributionsDisplay.from_estimator(fitted("vit", "frozen"), IMAGES[:3], n_steps=4, row=1)
    assert [len(ax.images) for ax in display.axes_] == [2, 2]


# Beside other parts


@pytest.fixture(scope="module")
def beside(pretrained_models):
    """Classifiers of a table beside texts or pictures that a frozen model reads, some of which are missing."""

    def make(kind):
        given = IMAGES if kind == "vit" else TEXTS
        parts = {"table": NUMBERS[:, 1:] + draws.normal(0, 2, (N, 1)), "review": [None, *given[1:-1], None]}
        trunk = MultiModalTrunk(
            {"review": PretrainedTrunk(pretrained_models[kind], hidden_layer_sizes=(8,), dropout=0.0)}, width=8
        )
        settings = {"companions": None, "max_iter": 30, "early_stopping": False, "learning_rate_init": 0.01}
        model = MultiTaskClassifier(trunk=trunk, random_state=0, **settings)
        return model.fit(MultiModal(parts), np.column_stack([TOPIC, MOOD])), MultiModal(parts)

    known = {kind: make(kind) for kind in ("bert", "vit")}
    return known.__getitem__


@pytest.mark.parametrize("kind", ["bert", "vit"])
def test_a_frozen_model_that_reads_a_part_is_explained(beside, kind):
    model, X = beside(kind)
    found = attributions(model, X[:20], task="y1", n_steps=128)
    np.testing.assert_allclose(found.predicted, logit(model.predict_proba(X[:20])[1][:, 1]), rtol=1e-3, atol=1e-4)
    assert_complete(found)
    assert found.feature_names == ["table", "review"]
    np.testing.assert_allclose(found.values[0, 1], 0, atol=1e-6)  # is missing
    review = found.parts["review"]
    sums = [float(own.sum()) for own in review.values]
    np.testing.assert_allclose(sums, found.values[:, 1], rtol=1e-4, atol=1e-5)
    if kind == "vit":
        assert review.values.shape == (20, 1, 8, 8)
    else:
        assert review.words == [[""], *(text.split() for text in TEXTS[1:20])]
    alone = attributions(model, X[7:8], task="y1", n_steps=128)
    np.testing.assert_allclose(alone.parts["review"].values[0], review.values[7], rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("kind", ["bert", "vit"])
def test_a_part_by_itself_begins_where_its_baseline_says(beside, kind):
    """The mean colour of a picture; of a text, as many tokens of padding as it has tokens of its own."""
    model, X = beside(kind)
    rows = X.parts["review"][3:9]
    found = attributions(model, MultiModal({"review": rows}), task="y1", n_steps=128)
    starts = [np.full((1, 8, 8), 0.5) if kind == "vit" else " ".join(["[PAD]"] * len(row.split())) for row in rows]
    for given, said in ((starts, found.baseline), (rows, found.predicted)):
        np.testing.assert_allclose(
            logit(model.predict_proba(MultiModal({"review": given}))[1][:, 1]), said, rtol=1e-3, atol=1e-4
        )
    assert_complete(found)
    assert not found.values[:, 0].any()


def test_a_row_of_ones_own_may_be_the_baseline_of_a_picture_and_a_text_of_it_must_be_missing(beside):
    model, X = beside("vit")
    found = attributions(model, X[3:9], task="y1", baseline=X[10:11], n_steps=128)
    np.testing.assert_allclose(found.baseline, [logit(model.predict_proba(X[10:11])[1][0, 1])] * 6, rtol=1e-3)
    assert_complete(found)
    model, X = beside("bert")
    with pytest.raises(ValueError, match="baseline must leave 'review' empty"):
        attributions(model, X[3:9], task="y1", baseline=X[10:11])
    assert attributions(model, X[3:9], task="y1", baseline=X[:1]).values.shape == (6, 2)


def test_what_is_missing_of_all_rows_and_what_says_nothing_adds_nothing(beside):
    model, X = beside("bert")
    for nothing in ([None] * 3, ["", None, ""]):
        found = attributions(model, MultiModal({"table": X.parts["table"][:3], "review": nothing}), task="y0")
        assert not found.values[:, 1].any()
        assert found.parts["review"].words == [[""]] * 3
    absent = attributions(model, MultiModal({"table": X.parts["table"][:3]}), task="y0")
    np.testing.assert_allclose(absent.values, found.values, rtol=1e-5, atol=1e-6)


def test_a_column_of_a_frame_that_a_frozen_model_reads_is_explained(pretrained_models):
    notes = [f"{text} and this is note number {row} of the sale" for row, text in enumerate(TEXTS)]
    frame = pd.DataFrame({"note": notes, "price": NUMBERS[:, 1]})
    trunk = MultiModalTrunk({"note": PretrainedTrunk(pretrained_models["bert"], hidden_layer_sizes=(8,))}, width=8)
    model = MultiTaskClassifier(trunk=trunk, companions=None, max_iter=5, random_state=0).fit(frame, MOOD)
    found = attributions(model, frame[:5], n_steps=64)
    assert found.feature_names == ["note", "price"]
    assert found.parts["note"].words[0] == notes[0].split()
    np.testing.assert_allclose(found.predicted, logit(model.predict_proba(frame[:5])[:, 1]), rtol=1e-3, atol=1e-4)
    again = attributions(pickle.loads(pickle.dumps(model)), frame[:5], n_steps=64)
    np.testing.assert_allclose(again.values, found.values, rtol=1e-3, atol=1e-5)


# What lies below


def test_vectors_in_the_place_of_tokens_change_nothing(pretrained_models):
    texts = ["good film", "", "the food was not very good"]
    for kind in ("bert", "gpt2"):
        backbone, passage = Backbone(pretrained_models[kind]), Passage("mean", 2, 2)
        x = torch.from_numpy(backbone.tokens(texts, 99)).float()
        with torch.no_grad():
            vectors = passage.vectors(backbone.load(), x, backbone.padding)
            read = passage.represent(backbone.load(), x, backbone.padding, vectors)
            torch.testing.assert_close(read, passage.represent(backbone.load(), x, backbone.padding))


@pytest.mark.parametrize(("kind", "trained"), [("bert", "frozen"), ("bert", "lora"), ("vit", "all")])
def test_shared_representations_are_measured(fitted, kind, trained):
    found = shared_representation(fitted(kind, trained), IMAGES if kind == "vit" else TEXTS)
    assert found.shares.shape == (MEMBERS[trained], 8, 2)
    np.testing.assert_allclose(found.shares.sum(axis=1), 1)
