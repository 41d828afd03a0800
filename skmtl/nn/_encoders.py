"""Pretrained models that are trained further: one a member, with adapters, or with some or all of its own weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from ..features import Backbone, Passage, need

# What low-rank changes are multiplied by, in units of 1 / rank, and the share of their inputs that is dropped.
ADAPTER_ALPHA, ADAPTER_DROPOUT = 2, 0.05
# Tokens of a usual row, to count products.
USUAL_TOKENS = 32


@dataclass(frozen=True)
class Pace:
    """How fast some of a network's parameters learn, where that is not as fast as the rest.

    Attributes
    ----------
    learning_rate : float
    warm_up : float
        Epochs over which it rises from 0.
    """

    learning_rate: float
    warm_up: float


def _low_rank(rank: int, **settings: Any) -> Any:
    return need("peft").LoraConfig(
        r=rank, lora_alpha=ADAPTER_ALPHA * rank, lora_dropout=ADAPTER_DROPOUT, target_modules="all-linear", **settings
    )


# From the rank to a configuration of peft.
ADAPTERS: dict[str, Callable[[int], Any]] = {
    "lora": _low_rank,
    "dora": lambda rank: _low_rank(rank, use_dora=True),
    "rslora": lambda rank: _low_rank(rank, use_rslora=True),
}


@dataclass(frozen=True)
class Tuning:
    """What of a pretrained model is trained.

    Attributes
    ----------
    adapters : str, object or None
        A name of `ADAPTERS`, a configuration of peft, or None.
    rank : int
    layers : int or None
        Without adapters: how many of the last layers, with all that follows them; None: all weights.
    """

    adapters: Any
    rank: int
    layers: int | None

    def apply(self, model: nn.Module) -> dict[str, nn.Parameter]:
        """Add adapters, or give weights that are trained memory of their own; return what is trained, by name.

        Parameters
        ----------
        model : nn.Module
            Changed in place.

        Raises
        ------
        ValueError
            If peft knows no place for adapters, or the model has fewer layers.
        """
        if self.adapters is not None:
            self._adapt(model)
        else:
            trained = set(self._chosen(model))
            for module in model.modules():
                for name, weight in module.named_parameters(recurse=False):
                    if id(weight) in trained:
                        setattr(module, name, nn.Parameter(weight.detach().clone()))
        return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}

    def _adapt(self, model: nn.Module) -> None:
        peft = need("peft")
        named = isinstance(self.adapters, str)
        config = ADAPTERS[self.adapters](self.rank) if named else copy.deepcopy(self.adapters)
        if hasattr(config, "fan_in_fan_out"):  # GPT-2 keeps its matrices transposed
            config.fan_in_fan_out = any(type(module).__name__ == "Conv1D" for module in model.modules())
        try:
            peft.inject_adapter_in_model(config, model)
        except Exception as error:
            raise ValueError(
                f"adapters={self.adapters!r} do not fit a {type(model).__name__}: {error} Set adapters=None and "
                "trainable='all', or give a configuration of peft that names layers of the model."
            ) from error

    def _chosen(self, model: nn.Module) -> Iterator[int]:
        """Yield the identities of the weights that are trained: of the last layers, and of what stands behind them."""
        place, blocks = layers_of(model) if self.layers is not None else ("", nn.ModuleList())
        if self.layers is not None and self.layers > len(blocks):
            raise ValueError(
                f"trainable={self.layers} asks for more layers than the {len(blocks)} of a {type(model).__name__}. "
                "Give fewer, or 'all'."
            )
        behind = self.layers is None
        for name, weight in model.named_parameters():
            if place and name.startswith(f"{place}."):
                layer = int(name[len(place) + 1 :].split(".")[0])
                behind = layer >= len(blocks) - (self.layers or 0)
            if behind:  # what follows the last layer, a norm, comes last here, too
                yield id(weight)


def layers_of(model: nn.Module) -> tuple[str, nn.ModuleList]:
    """Return the name and the list of a model's layers: the longest list of modules of one class.

    Parameters
    ----------
    model : nn.Module

    Raises
    ------
    ValueError
        If there is no such list.
    """
    lists = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len({type(part) for part in module}) == 1
    ]
    if not lists:
        raise ValueError(f"A {type(model).__name__} has no list of layers. Set trainable='all', or use adapters.")
    return max(lists, key=lambda found: len(found[1]))


class PretrainedEncoder(nn.Module):
    """One copy of a pretrained model, some of which is trained; what a layer makes of a row has mean 0 and variance 1.

    Weights that are not trained share memory with those of other copies, and are no part of a pickle: they are read
    from the model's folder when the copy is first used.

    Parameters
    ----------
    backbone : Backbone
    passage : Passage
    tuning : Tuning

    Notes
    -----
    Shape: `(B, L)` → `(B, H)`.
    """

    def __init__(self, backbone: Backbone, passage: Passage, tuning: Tuning) -> None:
        super().__init__()
        self.backbone, self.passage, self.tuning = backbone, passage, tuning
        self.model: nn.Module | None = backbone.copy()
        trained = tuning.apply(self.model)
        self.names = list(trained)
        self.trained = nn.ParameterList(trained.values())
        self.train(False)

    def forward(self, x: Tensor, vectors: Tensor | None = None) -> Tensor:
        """Map `(B, L)` to `(B, H)`; with `vectors`, `(B, L, E)`, in the place of those of the tokens."""
        model = self._restored() if self.model is None else self.model
        layers = self.passage.represent(model, x, self._padding, vectors)
        return torch.cat([layer_norm(own, own.shape[1:]) for own in layers], 1)

    def vectors(self, x: Tensor) -> Tensor:
        """Return the vectors of tokens, `(B, L)` → `(B, L, E)`."""
        model = self._restored() if self.model is None else self.model
        return self.passage.vectors(model, x, self._padding)

    @property
    def _padding(self) -> int:
        return 0 if self.passage.shape else self.backbone.padding

    def train(self, mode: bool = True) -> PretrainedEncoder:
        """Set the mode of what is trained; the rest stays in evaluation mode: its dropout would only be noise.

        So do norms of batches, whose statistics are no parameters: those of the folder stay.
        """
        super().train(mode)
        if self.model is not None:
            self.model.eval()
            if mode:
                trained = {id(weight) for weight in self.trained}
                for part in self._parts(self.model):
                    if all(id(weight) in trained for weight in part.parameters()):
                        part.train()
                for layer in self.model.modules():
                    if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                        layer.eval()
        return self

    def _parts(self, model: nn.Module) -> Iterator[nn.Module]:
        """Yield what may be trained as a whole: what adapters consist of, layers, or the model itself."""
        if self.tuning.adapters is not None:
            kind = need("peft.tuners.tuners_utils").BaseTunerLayer
            for layer in model.modules():
                if isinstance(layer, kind):
                    yield from (part for name, part in layer.named_children() if name != "base_layer")
        elif self.tuning.layers is None:
            yield model
        else:
            yield from layers_of(model)[1]

    def _restored(self) -> nn.Module:
        """Return the model, loaded again around what was trained."""
        model = self.backbone.copy()
        with torch.random.fork_rng(devices=[]):  # adapters are drawn, and then replaced
            self.tuning.apply(model)
        for name, weight in zip(self.names, self.trained, strict=True):
            owner, _, last = name.rpartition(".")
            setattr(model.get_submodule(owner), last, weight)
        self.model = model.to(self.trained[0].device)
        self.train(self.training)
        return self.model

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the model: what was trained of it stands in `trained`."""
        return {**self.__dict__, "_modules": {**self._modules, "model": None}}


class MemberEncoders(nn.Module):
    """A pretrained model a member, trained further.

    Stands before the trunk: all tasks read it.

    Parameters
    ----------
    backbone : Backbone
    passage : Passage
    tuning : Tuning
    pace : Pace
    generators : sequence of torch.Generator
        One a member: where adapters start.

    Attributes
    ----------
    n_outputs : int
        Length of a representation.
    n_products : int
        Multiplications of a forward pass of a usual row.
    closed_form : bool
        Whether the gradients of all parameters are known without automatic differentiation: never.

    Notes
    -----
    Shape: `(B, L)` or `(M, B, L)`, tokens or normalised images → `(M, B, H)`.
    """

    closed_form = False

    def __init__(
        self,
        backbone: Backbone,
        passage: Passage,
        tuning: Tuning,
        pace: Pace,
        generators: Sequence[torch.Generator],
    ) -> None:
        super().__init__()
        self.pace = pace
        members = []
        for generator in generators:
            with _seeded(generator):
                members.append(PretrainedEncoder(backbone, passage, tuning))
        self.members = nn.ModuleList(members)
        with torch.no_grad():
            row = torch.zeros(1, *passage.shape).flatten(1) if passage.shape else torch.ones(1, 1)
            self.n_outputs = int(members[0](row).shape[1])
        self.n_products = sum(weight.numel() for weight in self.parameters()) * USUAL_TOKENS

    def forward(self, x: Tensor, vectors: Tensor | None = None) -> Tensor:
        """Map `(B, L)` or `(M, B, L)` to `(M, B, H)`.

        With `vectors`, `(B, M, L, E)`, in the place of those of the tokens.
        """
        parts = [
            member(x if x.dim() == 2 else x[place], None if vectors is None else vectors[:, place])
            for place, member in enumerate(self.members)
        ]
        return torch.stack(parts)

    def vectors(self, x: Tensor) -> Tensor:
        """Return the vectors of tokens in all members, `(B, L)` → `(B, M, L, E)`.

        Parameters
        ----------
        x : Tensor of shape (B, L)

        Raises
        ------
        ValueError
            If the model takes tokens only.
        """
        return torch.stack([cast(PretrainedEncoder, member).vectors(x) for member in self.members], 1)

    @property
    def passage(self) -> Passage:
        """How rows go through each of the models."""
        return cast(PretrainedEncoder, self.members[0]).passage

    def member_tensors(self) -> list[tuple[Tensor, int | None]]:
        """Return what is trained, each with the member it belongs to; see `Network.member_tensors`."""
        owned = ((place, cast(PretrainedEncoder, member)) for place, member in enumerate(self.members))
        return [(weight, place) for place, member in owned for weight in member.trained]


@contextmanager
def _seeded(generator: torch.Generator) -> Iterator[None]:
    """Let foreign code draw from torch's global generator, seeded by one of ours, and put it back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        yield
