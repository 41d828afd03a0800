"""The trunk of several kinds of data: a trunk a part, and what joins their representations."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Self

import torch
from torch import nn

from .._named_parts import NamedParts
from ._bag import BagTrunk
from ._conv import ConvTrunk
from ._fitted import FittedTrunk
from ._fusions import FUSIONS
from ._mlp import MLPTrunk
from ._modal_net import MultiModalNet, Part, PartNet
from ._modules import LoopedTrunk, as_trunk
from ._pretrained import PretrainedTrunk
from ._recurrent import RecurrentTrunk
from ._text import TextTrunk
from ._trunk import WITHOUT_GATES, Trunk

# Shares of the samples that lose a part where some lack one anyway, and where none does.
OFTEN_LOST, SELDOM_LOST = 0.5, 0.2


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
    fusion : {"auto", "concat", "gated", "attention"}, default="auto"
        How representations `h_k` of the parts are joined. "concat": a dense layer of all of them side by side and of
        marks of what is there, with a learned vector in the place of what is not. "gated": `Σ_k z_k ∘ tanh(W_k h_k)`,
        with gates `z` that sum to 1 over the parts that are there, unit by unit, a softmax of a linear map of all
        representations; learns more slowly. "attention": each part looks at those that are there, itself included, by
        attention of four heads (two or one if `width` is no multiple of 4) with a path around it; their mean. "auto":
        "attention" where a part holds images or sequences and none texts or lists of identifiers, else "concat".
    width : int, default=64
        Units of the joint representation.
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
        fusion: str = "auto",
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
        if self.fusion not in ("auto", *FUSIONS):
            raise ValueError(f"fusion must be 'auto' or one of {sorted(FUSIONS)}, got {self.fusion!r}.")
        if not isinstance(self.width, Integral) or self.width < 1:
            raise ValueError(f"width must be a positive integer, got {self.width!r}.")
        part_dropout = self.part_dropout
        if _is_auto(part_dropout):
            part_dropout = OFTEN_LOST if any(part.lacking for part in self.parts) else SELDOM_LOST
        for name, value in (("dropout", self.dropout), ("part_dropout", part_dropout)):
            if not isinstance(value, Real) or not 0 <= value < 1:
                raise ValueError(f"{name} must be in [0, 1), got {value!r}.")
        if not self.parts:
            raise ValueError(
                f"{self!r} reads a skmtl.features.MultiModal of several parts, and X is not one. Make it one, or leave "
                "trunk at 'auto', which follows X."
            )
        encoders = [_encoder(part, given.get(part.name, _usual_trunk(part))) for part in self.parts]
        name = _usual_fusion(self.parts) if _is_auto(self.fusion) else self.fusion
        fusion = FUSIONS[name]([encoder.n_outputs for encoder in encoders], int(self.width))
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


def _usual_fusion(parts: Sequence[Part]) -> str:
    arrays, tokens = any(len(part.shape) > 1 for part in parts), any(part.n_tokens for part in parts)
    return "attention" if arrays and not tokens else "concat"


def _kind(part: Part) -> str:
    if part.n_tokens:
        return "lists of identifiers" if part.is_bag else "texts"
    return {1: "columns", 2: "sequences", 3: "images"}[len(part.shape)]
