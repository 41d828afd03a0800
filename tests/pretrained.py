"""Small random models of transformers, in folders as `save_pretrained` writes them."""

import torch

WORDS = ["good", "bad", "great", "awful", "film", "phone", "food", "plot", "service", "very", "not", "the", "was", "a"]


def tokenizer():
    """Return a WordPiece tokenizer trained on a few words, which puts [CLS] before and [SEP] behind a text."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    pieces = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    pieces.normalizer, pieces.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    pieces.train_from_iterator(WORDS, trainers.WordPieceTrainer(vocab_size=120, special_tokens=special))
    pieces.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), special, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=pieces, **names)


def save_models(folder):
    """Write models below a folder, and return their paths.

    `bert`, `gpt2` and `vit` have two layers of 16 units, `resnet` has a stage of 4 channels and one of 6.
    """
    import transformers

    sizes = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "hidden_size": 16}
    words = tokenizer()
    configs = {
        "bert": transformers.BertConfig(vocab_size=len(words), max_position_embeddings=16, **sizes),
        "gpt2": transformers.GPT2Config(
            vocab_size=len(words), n_embd=16, n_layer=2, n_head=2, n_positions=16, bos_token_id=2, eos_token_id=3
        ),
        "vit": transformers.ViTConfig(image_size=8, patch_size=4, num_channels=1, **sizes),
        "resnet": transformers.ResNetConfig(
            num_channels=1, embedding_size=4, hidden_sizes=[4, 6], depths=[1, 1], layer_type="basic"
        ),
    }
    transformers.utils.logging.disable_progress_bar()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for name, config in configs.items():
            transformers.AutoModel.from_config(config).save_pretrained(folder / name)
            if name in ("bert", "gpt2"):
                words.save_pretrained(folder / name)
    return {name: str(folder / name) for name in configs}
