"""How rows go through a pretrained model."""

from dataclasses import replace

import pytest
import torch

from skmtl.features import POOLINGS, Backbone, Passage

TEXTS = ["good film", "", "the food was not very good", "bad", "awful awful plot", "great phone"]


@pytest.fixture
def bert(pretrained_models):
    return Backbone(pretrained_models["bert"])


def tokens(backbone, texts):
    return torch.from_numpy(backbone.tokens(texts, 99)).float()


def side_by_side(backbone, passage, x, model=None):
    return torch.cat(passage.represent(backbone.load() if model is None else model, x, backbone.padding), 1)


UNITS = torch.tensor([[[1.0, -1.0], [3.0, 5.0], [9.0, 9.0]], [[2.0, 0.0], [7.0, 7.0], [7.0, 7.0]]])
THERE = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("mean", [[2.0, 2.0], [2.0, 0.0]]),
        ("max", [[3.0, 5.0], [2.0, 0.0]]),
        ("first", [[1.0, -1.0], [2.0, 0.0]]),
        ("last", [[3.0, 5.0], [2.0, 0.0]]),
    ],
)
def test_pooling_reads_the_tokens_that_are_there(pooling, expected):
    assert POOLINGS[pooling](UNITS, THERE).tolist() == expected
    assert POOLINGS[pooling](UNITS, torch.zeros(2, 3)).tolist() == [[0.0, 0.0]] * 2


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_padding_never_changes_a_representation(pretrained_models, kind, pooling, layers):
    backbone, passage = Backbone(pretrained_models[kind]), Passage(pooling, layers)
    x = tokens(backbone, TEXTS)
    longer = torch.cat([x, torch.zeros(len(x), 3)], 1)
    with torch.no_grad():
        together = side_by_side(backbone, passage, x)
        padded = side_by_side(backbone, passage, longer)
        alone = torch.cat([side_by_side(backbone, passage, tokens(backbone, [text])) for text in TEXTS])
    torch.testing.assert_close(padded, together, rtol=0, atol=0)
    torch.testing.assert_close(alone, together, rtol=1e-5, atol=1e-6)  # sums of other sizes round differently


def test_the_mean_is_that_of_the_models_own_units(bert):
    (ids,) = bert.tokenizer()([TEXTS[2]])["input_ids"]
    with torch.no_grad():
        units = bert.load()(torch.tensor([ids])).last_hidden_state
        (found,) = Passage("mean").represent(bert.load(), tokens(bert, TEXTS[2:3]))
    torch.testing.assert_close(found, units.mean(1))


@pytest.mark.parametrize(("kind", "second"), [("bert", "encoder.layer.1"), ("gpt2", "h.1")])
def test_layers_are_pooled_each_by_itself_the_last_one_first(pretrained_models, kind, second):
    """What the first of two layers makes is what the second one reads."""
    backbone, read = Backbone(pretrained_models[kind]), []
    model, x = backbone.copy(), tokens(backbone, TEXTS[2:3])
    model.get_submodule(second).register_forward_pre_hook(lambda _, given: read.append(given[0]))
    with torch.no_grad():
        last, first = Passage("mean", 2).represent(model, x, backbone.padding)
        (alone,) = Passage("mean").represent(model, x, backbone.padding)
    torch.testing.assert_close(last, alone, rtol=0, atol=0)
    torch.testing.assert_close(first, read[0].mean(1))
    assert not torch.allclose(first, last)


def test_more_layers_than_there_are_are_refused(bert):
    with pytest.raises(ValueError, match="pooled_layers=3, but a BertModel returns the units of 2 layers"):
        Passage("mean", 3).represent(bert.load(), tokens(bert, TEXTS))


@pytest.mark.parametrize("chunk_size", [1, 2, 4])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_chunks_and_checkpoints_change_no_gradient(bert, chunk_size, checkpointing):
    x, whole = tokens(bert, TEXTS), Passage("mean", 2, 99)
    gradients = []
    for passage in (whole, replace(whole, chunk_size=chunk_size, checkpointing=checkpointing)):
        model = bert.copy().requires_grad_(True)
        units = side_by_side(bert, passage, x, model)
        (units * torch.arange(1.0, 7).view(-1, 1)).sum().backward()
        gradients.append([weight.grad for weight in model.parameters()])
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)  # sums in another order


def test_bfloat16_is_close_and_returned_as_float32(bert):
    x = tokens(bert, TEXTS)
    with torch.no_grad():
        exact, close = (side_by_side(bert, Passage(precision=one), x) for one in ("float32", "bfloat16"))
    assert close.dtype == torch.float32
    assert not torch.equal(exact, close)
    torch.testing.assert_close(close, exact, rtol=0, atol=0.1)  # eight bits of about 1


def test_images_are_pooled_over_their_patches(pretrained_models):
    backbone = Backbone(pretrained_models["vit"])
    images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        units = backbone.load()(images).last_hidden_state
        found = {
            name: Passage(name, 2, 2, shape=(1, 8, 8)).represent(backbone.load(), images.flatten(1))
            for name in POOLINGS
        }
    torch.testing.assert_close(found["first"][0], units[:, 0])
    torch.testing.assert_close(found["mean"][0], units.mean(1))
    assert found["mean"][1].shape == (3, 16)


def test_stages_of_a_convolutional_model_are_pooled_over_their_places(pretrained_models):
    backbone = Backbone(pretrained_models["resnet"])
    images = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert backbone.n_layers == 2
    with torch.no_grad():
        first, last = backbone.load()(images, output_hidden_states=True).hidden_states[1:]
        found = Passage("mean", 2, shape=(1, 16, 16)).represent(backbone.load(), images.flatten(1))
    assert [layer.shape for layer in found] == [(3, 6), (3, 4)]
    for ours, theirs in zip(found, (last, first), strict=True):
        torch.testing.assert_close(ours, theirs.mean((2, 3)))
