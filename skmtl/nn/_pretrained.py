"""The pretrained trunk: a large model of texts or images, frozen or trained further, and dense layers above it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval, StrOptions

from ..features import (
    POOLINGS,
    Backbone,
    Form,
    Passage,
    PretrainedReader,
    PretrainedStandardizer,
    RepresentationReader,
)
from ._encoders import ADAPTERS, MemberEncoders, Pace, Tuning
from ._mlp import MLPTrunk

# Learning rates of what is added to a pretrained model, and of its own weights.
ADAPTERS_RATE, WEIGHTS_RATE = 1e-3, 3e-5
# Last layers of a frozen model that are pooled, where it has as many.
POOLED_LAYERS = 4
# What models read, and how it is given.
KINDS = {
    Form.TEXT: "texts, a list, Series or array of strings",
    Form.IMAGE: "images, an array (n, channels, height, width)",
}


class PretrainedTrunk(MLPTrunk):
    """Specification of a pretrained model of transformers that reads texts or images, with dense layers above it.

    The model is loaded from a folder and nothing is downloaded. By default it is frozen: what it makes of each row of X
    is computed once, before training, and once a row at predict; what is trained are dense layers, and that is as fast
    as on a table of numbers. With `adapters` or `trainable`, a part of it is trained with the tasks, which costs about
    three times a pass through the model a row and epoch. Either way the model is one for all tasks, and `sharing` says
    how they share the dense layers: every way serves.

    A pickled estimator holds what was trained, and reads the rest from the same folder when it is first used.

    Parameters
    ----------
    model : str or path
        A folder that `save_pretrained` wrote, with a tokenizer for texts; or the name of a model that transformers has
        in its cache. It must read either texts or images: BERT, GPT-2, ViT and their like.
    adapters : {"lora", "dora", "rslora"}, a configuration of peft, or None, default=None
        What is added to every linear layer of the model and trained in the place of its own weights: a product of two
        narrow matrices, which starts at zero.
    rank : int, default=8
        Of these products: larger learns more and overfits sooner.
    trainable : {"auto", "none", "adapters", "all"} or int, default="auto"
        What of the model is trained: an integer stands for as many of its last layers. "auto": the adapters, if there
        are any, else nothing.
    pooling : {"mean", "first", "last", "max"}, default="mean"
        How one vector is made of the last units of a row's tokens. "first" suits models with a token for the whole
        in front, as BERT and ViT; "last" those that read from left to right, as GPT-2. Padding never counts.
    pooled_layers : int or "auto", default="auto"
        How many of the model's last layers are pooled; their vectors stand side by side. "auto": 4 of a frozen model,
        as earlier layers know what the last has forgotten (Devlin et al. 2019, table 7), or all that it has; 1 of a
        model that is trained.
    max_length : int, default=256
        Tokens of a text that are read, the special ones of the tokenizer included; the model's own limit holds, too.
    hidden_layer_sizes : sequence of int, default=(512,)
        Units of each dense layer above the model; empty: none.
    activation : str, default="relu"
        A name of `skmtl.nn.ACTIVATIONS`.
    dropout : float, default=0.5
        Share of the units of each dense layer that are dropped while training, in [0, 1).
    learning_rate : float or "auto", default="auto"
        Of the model's part; the estimator's `learning_rate_init` is that of all else, and its schedule that of both.
        "auto": 1e-3 for adapters, 3e-5 for the model's own weights.
    warm_up : float, default=0.5
        Epochs over which the learning rate of the model's part rises from 0.
    chunk_size : int or "auto", default="auto"
        Rows that go through the model at once, those of like length together. A batch of more is cut, and its gradient
        accumulated, as if all went through at once, up to rounding; but the dropout of what is trained of the model is
        drawn chunk by chunk, so that another size is noise of the kind of another seed. A frozen model draws none.
        "auto": 8 on the CPU, 64 elsewhere.
    checkpointing : bool, default=False
        Whether the units of a chunk are computed again for its gradient rather than kept: training needs the memory of
        one chunk, whatever `batch_size` is, and a third more time.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the model's matrix products. "bfloat16" is faster where the processor has it; weights stay float32.
    local_files_only : bool, default=True
        False lets transformers fetch a model by name from the internet.

    See Also
    --------
    TextTrunk : A small trunk for texts that needs no pretrained model.

    References
    ----------
    Devlin, J., Chang, M.-W., Lee, K., and Toutanova, K. (2019). BERT: Pre-training of deep bidirectional transformers
    for language understanding. NAACL.

    Hu, E. J., Shen, Y., Wallis, P., Allen-Zhu, Z., Li, Y., Wang, S., Wang, L., and Chen, W. (2022). LoRA: Low-rank
    adaptation of large language models. ICLR.

    Reimers, N., and Gurevych, I. (2019). Sentence-BERT: Sentence embeddings using Siamese BERT-networks. EMNLP.

    Examples
    --------
    >>> from skmtl import MultiTaskClassifier
    >>> from skmtl.nn import PretrainedTrunk
    >>> model = MultiTaskClassifier(trunk=PretrainedTrunk("models/minilm", adapters="lora"))
    >>> model.set_params(trunk__rank=16).trunk
    PretrainedTrunk(adapters='lora', model='models/minilm', rank=16)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "model": [str, os.PathLike],
        "rank": [Interval(Integral, 1, None, closed="left")],
        "trainable": [StrOptions({"auto", "none", "adapters", "all"}), Interval(Integral, 1, None, closed="left")],
        "pooling": [StrOptions(set(POOLINGS))],
        "pooled_layers": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_length": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "warm_up": [Interval(Real, 0, None, closed="left")],
        "chunk_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "checkpointing": ["boolean"],
        "precision": [StrOptions({"float32", "bfloat16"})],
        "local_files_only": ["boolean"],
    }

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        adapters: Any = None,
        rank: int = 8,
        trainable: str | int = "auto",
        pooling: str = "mean",
        pooled_layers: int | str = "auto",
        max_length: int = 256,
        hidden_layer_sizes: Sequence[int] = (512,),
        activation: str = "relu",
        dropout: float = 0.5,
        learning_rate: float | str = "auto",
        warm_up: float = 0.5,
        chunk_size: int | str = "auto",
        checkpointing: bool = False,
        precision: str = "float32",
        local_files_only: bool = True,
    ) -> None:
        super().__init__(hidden_layer_sizes, activation=activation, dropout=dropout)
        self.model = model
        self.adapters = adapters
        self.rank = rank
        self.trainable = trainable
        self.pooling = pooling
        self.pooled_layers = pooled_layers
        self.max_length = max_length
        self.learning_rate = learning_rate
        self.warm_up = warm_up
        self.chunk_size = chunk_size
        self.checkpointing = checkpointing
        self.precision = precision
        self.local_files_only = local_files_only

    @property
    def frozen(self) -> bool:
        """Whether nothing of the model is trained."""
        return self.adapters is None and self.trainable in ("auto", "none")

    @property
    def batched(self) -> bool:  # type: ignore[override]
        """Whether members train in one batched module: where all that is trained are dense layers."""
        return self.frozen

    @property
    def draws_globally(self) -> bool:  # type: ignore[override]
        """Whether torch's global generator is drawn from: by the dropout of what is trained of the model."""
        return not self.frozen

    @property
    def largest_batch(self) -> int:  # type: ignore[override]
        """Largest number of rows of a batch: a model that knows much learns from few, and each is dear."""
        return 256 if self.frozen else 32

    @property
    def wants_codes(self) -> bool:
        """Whether numbers get codes beside them: never, as there are no columns of numbers."""
        return False

    def reader(self, form: Form, device: torch.device) -> PretrainedReader:
        """Return what reads X for the model; see `Trunk.reader`.

        Raises
        ------
        InvalidParameterError
            If a parameter has the wrong type or value; a `ValueError`.
        ImportError
            If transformers, or peft for adapters, is not installed.
        ValueError
            If parameters contradict each other, the model cannot be loaded, or X is not of the kind that it reads.
        """
        self._check()
        backbone = Backbone(self.model, self.local_files_only)
        if backbone.form is not form:
            raise ValueError(
                f"The model in {backbone.source!r} reads {KINDS[backbone.form]}, and here a sample of X is {form}. "
                "Change X, or the trunk."
            )
        if form is Form.TEXT:
            backbone.check_length(self.max_length)
        if not self.frozen:
            return PretrainedReader(backbone, self.max_length)
        return RepresentationReader(backbone, self.max_length, self._passage(backbone, ()), device)

    def encoders(self, standardizer: PretrainedStandardizer, generators: Sequence[torch.Generator]) -> MemberEncoders:
        """Return the models of all members, of which a part is trained.

        Parameters
        ----------
        standardizer : PretrainedStandardizer
        generators : sequence of torch.Generator
            One a member.
        """
        own = self.trainable if isinstance(self.trainable, Integral) else None
        tuning = Tuning(self.adapters, self.rank, None if own is None else int(own))
        rate = self.learning_rate
        if isinstance(rate, str):
            rate = WEIGHTS_RATE if self.adapters is None else ADAPTERS_RATE
        pace = Pace(float(rate), float(self.warm_up))
        passage = self._passage(standardizer.backbone, standardizer.shape)
        return MemberEncoders(standardizer.backbone, passage, tuning, pace, generators)

    def _passage(self, backbone: Backbone, shape: tuple[int, ...]) -> Passage:
        layers, size = self.pooled_layers, None if isinstance(self.chunk_size, str) else int(self.chunk_size)
        if isinstance(layers, str):
            layers = min(POOLED_LAYERS, backbone.n_layers) if self.frozen else 1
        return Passage(self.pooling, int(layers), size, self.precision, self.checkpointing, shape)

    def _check(self) -> None:
        self._validate_params()
        if isinstance(self.trainable, bool):  # which would count as an integer
            raise ValueError(
                f"trainable must be 'auto', 'none', 'adapters', 'all' or a number of layers, got {self.trainable!r}."
            )
        known = self.adapters is None or self.adapters in ADAPTERS if isinstance(self.adapters, str | None) else None
        if known is False or (known is None and not hasattr(self.adapters, "peft_type")):
            raise ValueError(
                f"adapters must be None, one of {sorted(ADAPTERS)} or a configuration of peft, got {self.adapters!r}."
            )
        if self.adapters is None and self.trainable == "adapters":
            raise ValueError("trainable='adapters', but adapters is None. Give for example adapters='lora'.")
        if self.adapters is not None and self.trainable not in ("auto", "adapters"):
            raise ValueError(
                f"adapters={self.adapters!r} are trained in the place of the model's own weights, but trainable is "
                f"{self.trainable!r}. Leave trainable at 'auto', or set adapters=None."
            )
