"""Pretrained models where they lie."""

import copy
import pickle
import shutil
import sys

import numpy as np
import pytest
import torch

from skmtl.features import Backbone, Form, need
from tests.pretrained import WORDS


def same_memory(ours, theirs):
    return all(a.data_ptr() == b.data_ptr() for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_models_are_told_apart_by_what_they_read(pretrained_models):
    forms = {name: Backbone(folder).form for name, folder in pretrained_models.items()}
    assert forms == {"bert": Form.TEXT, "gpt2": Form.TEXT, "vit": Form.IMAGE, "resnet": Form.IMAGE}


def test_a_model_is_loaded_once_and_copies_share_its_weights(pretrained_models):
    first, second = Backbone(pretrained_models["bert"]), Backbone(pretrained_models["bert"])
    assert first.load() is second.load()
    own = first.copy()
    assert own is not first.load()
    assert same_memory(own, first.load())
    assert not any(weight.requires_grad for weight in own.parameters())
    assert not any(module.training for module in own.modules())


def test_loading_leaves_random_numbers_and_messages_alone(pretrained_models, capfd):
    state = torch.get_rng_state()
    Backbone(pretrained_models["gpt2"]).load()
    assert torch.equal(torch.get_rng_state(), state)
    assert capfd.readouterr() == ("", "")


def test_tokens_are_numbered_from_one_and_padded_with_zeros(pretrained_models):
    backbone = Backbone(pretrained_models["bert"])
    texts = ["good film", "", "the food was not very good"]
    table = backbone.tokens(texts, 256)
    words = backbone.tokenizer()
    for row, text in zip(table, texts, strict=True):
        ids = words(text)["input_ids"]
        assert (row[: len(ids)] - 1).tolist() == ids
        assert not row[len(ids) :].any()
    assert backbone.tokens([""], 256).tolist() == [[3, 4]]  # [CLS] and [SEP] are 2 and 3


def test_long_texts_are_cut_at_what_is_asked_and_at_what_the_model_reads(pretrained_models):
    backbone = Backbone(pretrained_models["bert"])
    assert backbone.tokens([" ".join(WORDS * 9)], 256).shape == (1, 16)
    assert backbone.tokens([" ".join(WORDS * 9)], 5).shape == (1, 5)
    assert backbone.tokens(["x" * 10**6], 256).shape[1] <= 16


def test_it_is_known_where_tokens_stand_and_which_are_none_of_the_text(pretrained_models):
    texts = ["Good  film", "", "bad " * 30]
    backbone = Backbone(pretrained_models["bert"])
    first, empty, long = backbone.spans(texts, 99)
    assert first.tolist() == [[0, 0], [0, 4], [6, 10], [0, 0]]
    assert empty.tolist() == [[0, 0], [0, 0]]
    assert len(long) == 16  # as many as the model reads
    assert [len(own) for own in (first, empty, long)] == (backbone.tokens(texts, 99) > 0).sum(axis=1).tolist()
    assert len(backbone.spans(texts, 5)[2]) == 5
    unknown, *others = backbone.tokenizer().convert_tokens_to_ids(["[UNK]", "[PAD]", "[CLS]", "[SEP]"])
    assert backbone.special.tolist() == sorted(others)
    assert unknown not in backbone.special


def test_pixels_are_scaled_as_the_folder_says(pretrained_models, tmp_path):
    backbone = Backbone(pretrained_models["vit"])
    bytes_ = torch.tensor([0, 255, 51], dtype=torch.uint8).view(1, 1, 1, 3)
    torch.testing.assert_close(backbone.normalised(bytes_, 255).flatten(), torch.tensor([-1.0, 1.0, -0.6]))
    numbers = torch.tensor([0.25, torch.nan]).view(1, 1, 1, 2)
    assert backbone.normalised(numbers).flatten().tolist() == [-0.5, 0.0]
    folder = shutil.copytree(pretrained_models["vit"], tmp_path / "vit")
    (folder / "preprocessor_config.json").write_text('{"image_mean": [0.25], "image_std": [0.25]}')
    torch.testing.assert_close(Backbone(folder).normalised(bytes_, 255).flatten(), torch.tensor([-1.0, 3.0, -0.2]))


def test_pickles_and_copies_hold_the_place_and_not_the_weights(pretrained_models):
    backbone = Backbone(pretrained_models["bert"])
    backbone.load()
    backbone.tokenizer()
    pickled = pickle.dumps(backbone)
    assert len(pickled) < 1000
    for again in (pickle.loads(pickled), copy.deepcopy(backbone)):
        assert again.load() is backbone.load()


def test_a_folder_that_holds_something_else_now_is_refused(pretrained_models, tmp_path):
    folder = shutil.copytree(pretrained_models["bert"], tmp_path / "model")
    backbone = Backbone(folder)
    backbone.load()
    later = pickle.loads(pickle.dumps(backbone))
    shutil.rmtree(folder)
    shutil.copytree(pretrained_models["gpt2"], folder)
    with pytest.raises(ValueError, match="not the one that was there at fit"):
        later.load()
    shutil.rmtree(folder)
    with pytest.raises(ValueError, match=r"is not there. A fitted estimator needs the folder .* put a link there"):
        pickle.loads(pickle.dumps(backbone)).load()


def test_a_relative_folder_is_found_from_another_directory(pretrained_models, tmp_path, monkeypatch):
    monkeypatch.chdir(shutil.copytree(pretrained_models["bert"], tmp_path / "models" / "bert").parent)
    backbone = Backbone("bert")
    backbone.load()
    pickled = pickle.dumps(backbone)
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickled).load()
    shutil.rmtree(tmp_path / "models")
    with pytest.raises(ValueError, match=r"models.bert', is not there. .* the folder that it was fitted with"):
        pickle.loads(pickled).load()


def test_what_is_no_model_is_named(pretrained_models, tmp_path):
    (tmp_path / "note.txt").write_text("nothing")
    with pytest.raises(ValueError, match=r"holds no config.json, .* it holds \['note.txt'\]"):
        Backbone(tmp_path).load()
    with pytest.raises(ValueError, match="is a file"):
        Backbone(tmp_path / "note.txt").load()
    with pytest.raises(ValueError, match=r"There is no folder 'no/such-model'.* nothing is fetched"):
        Backbone("no/such-model").load()
    empty = tmp_path / "empty"
    shutil.copytree(pretrained_models["bert"], empty, ignore=shutil.ignore_patterns("*.safetensors"))
    with pytest.raises(ValueError, match="holds no model that transformers can load"):
        Backbone(empty).load()


def test_a_folder_without_a_tokenizer_is_named(pretrained_models, tmp_path):
    folder = tmp_path / "bert"
    shutil.copytree(pretrained_models["bert"], folder, ignore=shutil.ignore_patterns("tokenizer*", "special*"))
    with pytest.raises(ValueError, match=r"no tokenizer .* tokenizer.save_pretrained\(folder\)"):
        Backbone(folder).tokens(["a"], 9)


def test_models_of_two_kinds_of_input_are_refused(tmp_path):
    transformers = pytest.importorskip("transformers", reason="needs transformers: pip install 'skmtl[pretrained]'")
    sizes = {"num_layers": 1, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_heads": 2, "vocab_size": 9}
    transformers.T5Model(transformers.T5Config(decoder_start_token_id=0, **sizes)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="a T5Model, reads neither texts alone nor images alone"):
        Backbone(tmp_path).load()


def test_images_of_the_wrong_form_are_named(pretrained_models):
    backbone = Backbone(pretrained_models["vit"])
    backbone.check_images((1, 8, 8))
    with pytest.raises(ValueError, match=r"have 3 channels, .* reads 1\. Convert X"):
        backbone.check_images((3, 8, 8))
    with pytest.raises(ValueError, match=r"have 8 × 9 pixels, .* reads 8 × 8\. Resize X"):
        backbone.check_images((1, 8, 9))


def test_a_missing_package_says_how_to_install_it(monkeypatch, pretrained_models):
    for package in ("transformers", "peft"):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(ImportError, match=rf"needs the package {package}.*pip install 'skmtl\[pretrained\]'"):
            need(package)
    with pytest.raises(ImportError, match="transformers"):
        Backbone(pretrained_models["bert"]).tokenizer()
    assert np.__name__ == need("numpy").__name__
