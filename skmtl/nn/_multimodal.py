"""The trunk of several kinds of data: a trunk a part, and what joins their representations."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from .._named_parts import NamedParts
from ._bag import BagTrunk
from ._conv import ConvTrunk
from ._embedding import MemberEmbedding
from ._fitted import FittedTrunk
from ._fusions import FUSIONS, N_HEADS
from ._mlp import MLPTrunk
from ._modules import LoopedTrunk, MemberModules, as_trunk
from ._pretrained import PretrainedTrunk
from ._recurrent import RecurrentTrunk
from ._text import TextTrunk, bag_of
from ._trunk import WITHOUT_GATES, Trunk, n_outputs_of

# Shares of the samples that lose a part where some lack one anyway, and where none does.
OFTEN_LOST, SELDOM_LOST = 0.5, 0.2


class Part(NamedTuple):
    """What a trunk must know of a part of the samples.

    Attributes
    ----------
    name : str
    shape : tuple of int
        `(features,)`, `(channels, height, width)` or `(time, features)`; of texts and lists of identifiers, `()`.
    width : int
        Usual columns of its flat rows.
    n_tokens : int
        Of texts and lists of identifiers: rows of the table of embeddings.
    embedding_rows : tuple of int
        Of columns: rows of the table of embeddings that belong to each embedded one.
    embedding_size : int
    is_bag : bool
        Whether tokens are identifiers of a list, and not of a text.
    lacking : bool
        Whether a sample of fit lacks it.
    """

    name: str
    shape: tuple[int, ...]
    width: int
    n_tokens: int = 0
    embedding_rows: tuple[int, ...] = ()
    embedding_size: int = 0
    is_bag: bool = False
    lacking: bool = False


class MultiModalTrunk(NamedParts, LoopedTrunk):
    """Specification of the trunk of a `skmtl.features.MultiModal`: a trunk a part, joined to one representation.

    The parameters of each trunk in `trunks` are parameters under the part's name: a search over
    `trunk__<part>__<parameter>` or, for another trunk in its place, `trunk__<part>`. A part that is called as one of
    the parameters below, or whose name holds "__", is only set by `trunks`.

    A part that a sample lacks has no influence on what is made of the others. While training, a sample that has several
    parts sometimes loses one, so that tasks learn to do without. Costs what its parts' trunks cost.

    Parameters
    ----------
    trunks : mapping of str to Trunk, nn.Module or callable, or "auto", default="auto"
        The trunk of each part by its name; a part that is not named has that of its kind: `MLPTrunk()`,
        `TextTrunk()`, `BagTrunk()`, `ConvTrunk()` or `RecurrentTrunk()`. Of texts and images it may be a frozen
        `PretrainedTrunk`, which reads the part once, before training.
    fusion : {"concat", "gated", "attention"}, default="concat"
        How representations `h_k` of the parts are joined. "concat": a dense layer of all of them side by side and of
        marks of what is there, with a learned vector in the place of what is not. "gated": `Σ_k z_k ∘ tanh(W_k h_k)`,
        with gates `z` that sum to 1 over the parts that are there, unit by unit, a softmax of a linear map of all
        representations; learns more slowly. "attention": each part looks at those that are there, itself included, by
        attention of four heads with a path around it; their mean.
    width : int, default=64
        Units of the joint representation; for "attention" a multiple of 4.
    dropout : float, default=0.1
        Share of the joint units that are dropped while training, in [0, 1).
    part_dropout : float or "auto", default="auto"
        Share of the samples with several parts that lose one of them while training, in [0, 1). "auto": .5 where a
        sample of fit lacks a part, .2 where none does.

    References
    ----------
    Arevalo, J., Solorio, T., Montes-y-Gómez, M., and González, F. A. (2017). Gated multimodal units for information
    fusion. ICLR workshop.

    Neverova, N., Wolf, C., Taylor, G., and Nebout, F. (2016). ModDrop: adaptive multi-modal gesture recognition. IEEE
    Transactions on Pattern Analysis and Machine Intelligence 38(8).

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.features import MultiModal
    >>> from skmtl.nn import MultiModalTrunk
    >>> rng = np.random.default_rng(0)
    >>> numbers, pictures = rng.normal(size=(60, 3)), rng.normal(size=(60, 1, 4, 4))
    >>> X = MultiModal({"numbers": numbers, "pictures": [*pictures[:50], *[None] * 10]})
    >>> y = np.column_stack([numbers[:, 0], pictures.mean((1, 2, 3))])
    >>> model = MultiTaskRegressor(trunk=MultiModalTrunk(width=16), max_iter=2, random_state=0).fit(X, y)
    >>> model.predict(X[:4]).shape
    (4, 2)
    """

    holder = "trunks"
    usual_augmentation = "mixup"

    def __init__(
        self,
        trunks: Mapping[str, Trunk] | str = "auto",
        *,
        fusion: str = "concat",
        width: int = 64,
        dropout: float = 0.1,
        part_dropout: float | str = "auto",
    ) -> None:
        self.trunks = trunks
        self.fusion = fusion
        self.width = width
        self.dropout = dropout
        self.part_dropout = part_dropout

    parts: tuple[Part, ...] = ()

    def _named(self) -> dict[str, Trunk]:
        """Return the specifications of parts whose names can be parts of a parameter's name."""
        given = self.trunks if isinstance(self.trunks, Mapping) else {}
        own = self._get_param_names()
        return {
            name: trunk
            for name, trunk in given.items()
            if isinstance(trunk, Trunk) and isinstance(name, str) and name not in own and "__" not in name
        }

    def _with(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return the trunks, with others in the place of some."""
        assert isinstance(self.trunks, Mapping)
        return {**self.trunks, **changes}

    def of_parts(self, parts: Sequence[Part]) -> Self:
        """Return a copy that builds for samples of several parts.

        Parameters
        ----------
        parts : sequence of Part

        Returns
        -------
        MultiModalTrunk

        Raises
        ------
        ValueError
            If a trunk is given for a part that is not there, or what is given is none that can serve a part.
        """
        given, names = self.given, [part.name for part in parts]
        if unknown := [name for name in given if name not in names]:
            raise ValueError(
                f"trunks names the part {unknown[0]!r}, which X does not have; its parts are {names}. If it is a "
                "column of short texts in a frame, name it: encoder=TableEncoder(text_columns=[...])."
            )
        bound = copy.copy(self)
        bound.parts = tuple(parts)
        return bound

    @property
    def given(self) -> dict[str, Trunk]:
        """The trunks of the parts that are named and whose trunk is not "auto".

        Raises
        ------
        ValueError
            If one is no trunk, or none that can serve a part; the part is named.
        """
        if isinstance(self.trunks, str) and self.trunks == "auto":
            return {}
        if not isinstance(self.trunks, Mapping):
            raise ValueError(f"trunks must be 'auto' or a mapping of part to trunk, got {self.trunks!r}.")
        named = {name: trunk for name, trunk in self.trunks.items() if not _is_auto(trunk)}
        return {name: _trunk_of_part(name, trunk) for name, trunk in named.items()}

    def any_length_of(self, name: str) -> bool:
        """Tell whether the trunk of a part of sequences reads longer ones than those of fit.

        Parameters
        ----------
        name : str
            The part's name.
        """
        given = self.given
        return name not in given or given[name].any_length

    def build_layers(self, n_features: int, generators: Sequence[torch.Generator]) -> list[nn.Module]:
        """Refuse: parts are joined to one module; see `Trunk.build_layers`.

        Raises
        ------
        ValueError
            Always.
        """
        del n_features, generators
        raise ValueError(
            f"{self!r} joins parts in one module, which has no layers between which tasks could share. Use "
            f"{WITHOUT_GATES}."
        )

    def _make(self, n_features: int) -> nn.Module:
        del n_features
        given = self.given
        if self.fusion not in FUSIONS:
            raise ValueError(f"fusion must be one of {sorted(FUSIONS)}, got {self.fusion!r}.")
        if not isinstance(self.width, Integral) or self.width < 1:
            raise ValueError(f"width must be a positive integer, got {self.width!r}.")
        part_dropout = self.part_dropout
        if _is_auto(part_dropout):
            part_dropout = OFTEN_LOST if any(part.lacking for part in self.parts) else SELDOM_LOST
        for name, value in (("dropout", self.dropout), ("part_dropout", part_dropout)):
            if not isinstance(value, Real) or not 0 <= value < 1:
                raise ValueError(f"{name} must be in [0, 1), got {value!r}.")
        if self.fusion == "attention" and self.width % N_HEADS:
            raise ValueError(f"width must be a multiple of {N_HEADS} for fusion='attention', got {self.width}.")
        if not self.parts:
            raise ValueError(
                f"{self!r} reads a skmtl.features.MultiModal of several parts, and X is not one. Make it one, or leave "
                "trunk at 'auto', which follows X."
            )
        encoders = [_encoder(part, given.get(part.name, _usual_trunk(part))) for part in self.parts]
        fusion = FUSIONS[self.fusion]([encoder.n_outputs for encoder in encoders], int(self.width))
        return MultiModalNet(encoders, [part.width for part in self.parts], fusion, self.dropout, float(part_dropout))


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def _trunk_of_part(name: str, given: Any) -> Trunk:
    """Return what is given for a part as a trunk that can serve one."""
    try:
        trunk = as_trunk(given, MLPTrunk)
    except ValueError as error:
        raise ValueError(f"trunks[{name!r}]: {error}") from error
    if isinstance(trunk, MultiModalTrunk):
        raise ValueError(f"trunks gives the part {name!r} a MultiModalTrunk, but a part is of one kind.")
    if isinstance(trunk, FittedTrunk):
        raise ValueError(
            f"trunks gives the part {name!r} a FittedTrunk, but parts are read and standardised anew, which it "
            "does not know. Fit an estimator to all parts, and give FittedTrunk(estimator) as the trunk of the whole."
        )
    if isinstance(trunk, PretrainedTrunk) and not trunk.frozen:
        raise ValueError(
            f"trunks gives the part {name!r} a PretrainedTrunk whose model is trained further, which it can only be "
            "where it reads all of X. Freeze it here: adapters=None and trainable='auto'."
        )
    return trunk


def _encoder(part: Part, trunk: Trunk) -> PartNet:
    if isinstance(trunk, TextTrunk) != bool(part.n_tokens):
        raise ValueError(f"{trunk!r} cannot read the part {part.name!r}, which holds {_kind(part)}.")
    try:
        return PartNet(trunk, part)
    except ValueError as error:
        raise ValueError(f"The trunk of the part {part.name!r}, which holds {_kind(part)}: {error}") from error


def _usual_trunk(part: Part) -> Trunk:
    if part.n_tokens:
        return BagTrunk() if part.is_bag else TextTrunk()
    usual: Trunk = {1: MLPTrunk, 2: RecurrentTrunk, 3: ConvTrunk}[len(part.shape)]()
    return usual


def _kind(part: Part) -> str:
    if part.n_tokens:
        return "lists of identifiers" if part.is_bag else "texts"
    return {1: "columns", 2: "sequences", 3: "images"}[len(part.shape)]


class PartNet(nn.Module):
    """A trunk of one part, and the table of embeddings before it.

    Parameters
    ----------
    trunk : Trunk
    part : Part

    Attributes
    ----------
    n_outputs : int

    Notes
    -----
    Shape: `(B, F)`, flat rows of the part → `(B, H)`.
    """

    def __init__(self, trunk: Trunk, part: Part) -> None:
        super().__init__()
        generators = [torch.Generator().manual_seed(int(torch.randint(2**62, ())))]
        self.embedding: nn.Module | None = None
        n_inputs, shape = part.width, part.shape
        if part.n_tokens:
            self.embedding = bag_of(trunk, part.n_tokens, generators)
            n_inputs = self.embedding.n_outputs
            shape = (n_inputs,)
        elif part.embedding_rows:
            self.embedding = MemberEmbedding(part.embedding_rows, part.embedding_size, generators)
            n_inputs += len(part.embedding_rows) * (part.embedding_size - 1)
        built = trunk.of_samples(shape).build(n_inputs, generators)
        # Of a trunk that runs members in a loop, this member's module: loops inside of loops would be counted twice.
        self.trunk = built.members[0] if isinstance(built, MemberModules) else built
        self.n_outputs = n_outputs_of(built)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, F)` to `(B, H)`."""
        if self.embedding is not None:
            x = self.embedding(x)[0]
        result: Tensor = self.trunk(x)
        return result if result.dim() == 2 else result[0]


class MultiModalNet(nn.Module):
    """Trunks of several parts, and what joins them.

    Parameters
    ----------
    encoders : sequence of PartNet
    widths : sequence of int
        Usual columns of each part's flat rows.
    fusion : nn.Module
        `(B, H_k)` of each part, and which are there, `(B, K)` → `(B, H)`.
    dropout, part_dropout : float

    Notes
    -----
    Shape: `(B, 2 K + F)`, columns of each of `K` parts, marks of those that are there, and the parts → `(B, H)`.
    """

    def __init__(
        self,
        encoders: Sequence[PartNet],
        widths: Sequence[int],
        fusion: nn.Module,
        dropout: float,
        part_dropout: float,
    ) -> None:
        super().__init__()
        self.encoders, self.fusion, self.dropout = nn.ModuleList(encoders), fusion, nn.Dropout(dropout)
        self.widths, self.part_dropout = list(widths), part_dropout

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, 2 K + F)` to `(B, H)`."""
        n_parts = len(self.encoders)
        widths = [round(width) for width in x[0, :n_parts].tolist()] if x[0, :n_parts].any() else self.widths
        there = x[:, n_parts : 2 * n_parts] > 0  # (B, K)
        if self.training and self.part_dropout:
            there = _lose_one(there, self.part_dropout)
        ends = torch.tensor([2 * n_parts, *widths]).cumsum(0).tolist()
        read = _read_those_there if self.training else _read_all
        units = [
            read(encoder, x[:, first:last], own)
            for encoder, (first, last), own in zip(self.encoders, pairwise(ends), there.unbind(1), strict=True)
        ]
        result: Tensor = self.dropout(self.fusion(units, there))
        return result


def _read_all(encoder: nn.Module, x: Tensor, there: Tensor) -> Tensor:
    """Return what an encoder makes of all rows."""
    del there
    units: Tensor = encoder(x)
    return units


def _read_those_there(encoder: nn.Module, x: Tensor, there: Tensor) -> Tensor:
    """Return what an encoder makes of the rows that have its part, zeros for the others, which cost nothing.

    Nor do they count in the statistics of a batch. Of fewer than two rows there are none: then all are read.
    """
    places = there.nonzero().squeeze(1)
    if not 1 < len(places) < len(x):
        return _read_all(encoder, x, there)
    units: Tensor = encoder(x.index_select(0, places))
    return units.new_zeros(len(x), units.shape[1]).index_copy(0, places, units)


def _lose_one(there: Tensor, share: float) -> Tensor:
    """Return marks in which a share of the rows with several parts lack one of them more."""
    scores = torch.rand(there.shape, device=there.device).masked_fill(~there, -1)
    lost = torch.zeros_like(there).scatter_(1, scores.argmax(1, keepdim=True), True)
    chosen = (torch.rand(len(there), 1, device=there.device) < share) & (there.sum(1, keepdim=True) > 1)
    return there & ~(lost & chosen)
