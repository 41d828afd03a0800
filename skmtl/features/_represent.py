"""What a pretrained model makes of texts or images: a vector a row and layer, pooled over its tokens."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ._backbone import Backbone


def _mean(units: Tensor, there: Tensor) -> Tensor:
    return (units * there.unsqueeze(2)).sum(1) / there.sum(1, keepdim=True).clamp(min=1)


def _max(units: Tensor, there: Tensor) -> Tensor:
    largest = units.masked_fill(~there.bool().unsqueeze(2), -torch.inf).amax(1)
    return torch.where(there.any(1, keepdim=True), largest, 0)


def _first(units: Tensor, there: Tensor) -> Tensor:
    return units[:, 0] * there[:, :1]


def _last(units: Tensor, there: Tensor) -> Tensor:
    place = (there.sum(1).long() - 1).clamp(min=0)
    return units[torch.arange(len(units), device=units.device), place] * there[:, :1]


# From the last units of each token, `(B, L, H)`, and which tokens are there, `(B, L)`, 1 or 0, to `(B, H)`.
POOLINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"mean": _mean, "max": _max, "first": _first, "last": _last}

# Rows that go through at once. A processor gains more from chunks of equal length than from large ones.
CHUNK_ROWS = {"cpu": 8, "other": 64}


@dataclass(frozen=True)
class Passage:
    """How rows go through a pretrained model.

    Attributes
    ----------
    pooling : str
        A name of `POOLINGS`.
    layers : int
        Last layers whose units are pooled, each by itself; their vectors stand side by side, the last layer's first.
    chunk_size : int or None
        Rows that go through at once; None: as `CHUNK_ROWS` says. Rows are sorted by length first, and each chunk is as
        long as its longest.
    precision : {"float32", "bfloat16"}
        Of matrix products; weights and what is returned are float32.
    checkpointing : bool
        Whether a chunk's units are computed again on the way back, and not kept: memory is that of one chunk.
    shape : tuple of int
        Of an image; empty for texts.
    """

    pooling: str = "mean"
    layers: int = 1
    chunk_size: int | None = None
    precision: str = "float32"
    checkpointing: bool = False
    shape: tuple[int, ...] = ()

    def rows_at_once(self, device: torch.device) -> int:
        """Return how many rows go through at once.

        Parameters
        ----------
        device : torch.device
        """
        return CHUNK_ROWS.get(device.type, CHUNK_ROWS["other"]) if self.chunk_size is None else self.chunk_size

    def vectors(self, model: nn.Module, x: Tensor, padding: int = 0) -> Tensor:
        """Return the vectors of tokens as the model looks them up, `(B, L, E)`.

        Parameters
        ----------
        model : nn.Module
            Of transformers.
        x : Tensor of shape (B, L)
            Tokens.
        padding : int, default=0

        Raises
        ------
        ValueError
            If the model takes tokens only.
        """
        table = None
        if "inputs_embeds" in inspect.signature(model.forward).parameters:
            with suppress(NotImplementedError):  # of models that look up several
                table = cast(Any, model).get_input_embeddings()
        if table is None:
            raise ValueError(
                f"A {type(model).__name__} takes tokens and no vectors in their place, so that it has no slopes along "
                "words, and they cannot be explained."
            )
        vectors: Tensor = table(_tokens(x, padding))
        return vectors

    def represent(
        self, model: nn.Module, x: Tensor, padding: int = 0, vectors: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Return the vectors of the layers, `(B, H)` each, the last layer's first.

        Parameters
        ----------
        model : nn.Module
            Of transformers.
        x : Tensor of shape (B, L)
            Tokens as from `Backbone.tokens`, or normalised images, flat.
        padding : int, default=0
            The token that is put behind a text's end.
        vectors : Tensor of shape (B, L, E) or None, default=None
            Read in the place of those of the tokens; None: these.

        Raises
        ------
        ValueError
            If the model does not return the units of as many layers.
        """
        lengths = (x > 0).sum(1) if not self.shape else torch.zeros(len(x), dtype=torch.long, device=x.device)
        order = lengths.argsort(stable=True)
        again = self.checkpointing and torch.is_grad_enabled()
        parts = []
        for rows in torch.split(order, self.rows_at_once(x.device)):
            own = x[rows] if self.shape else x[rows, : max(1, int(lengths[rows].max()))]
            read = None if vectors is None else vectors[rows, : own.shape[1]]
            if again:
                parts.append(checkpoint(self._chunk, model, own, padding, read, use_reentrant=False))
            else:
                parts.append(self._chunk(model, own, padding, read))
        back = order.argsort()
        return tuple(torch.cat(own)[back] for own in zip(*parts, strict=True))

    def _chunk(self, model: nn.Module, x: Tensor, padding: int, vectors: Tensor | None) -> tuple[Tensor, ...]:
        """Run one chunk, `(B, L)` → `(B, H)` of each layer."""
        low = self.precision == "bfloat16"
        inputs: dict[str, Any]
        if self.shape:
            inputs, there = {"pixel_values": x.view(len(x), *self.shape)}, None
        else:
            there = (x > 0).to(torch.float32)  # (B, L)
            read = there.long()
            read[:, 0] = 1  # a text without any token: attention needs something to attend to
            inputs = {"input_ids": _tokens(x, padding)} if vectors is None else {"inputs_embeds": vectors}
            inputs["attention_mask"] = read
        with torch.autocast(x.device.type, torch.bfloat16) if low else nullcontext():
            layers = self._units(model, inputs)
        return tuple(self._pooled(units.float(), there) for units in layers)

    def _units(self, model: nn.Module, inputs: dict[str, Any]) -> list[Tensor]:
        """Return the units of the last layers, the last one first."""
        if self.layers == 1:
            return [model(**inputs).last_hidden_state]
        found = model(**inputs, output_hidden_states=True)
        # The first are no layer's, but what goes into the first one; of the last, a norm may follow.
        inner = (getattr(found, "hidden_states", None) or ())[1:-1]
        if len(inner) + 1 < self.layers:
            raise ValueError(
                f"pooled_layers={self.layers}, but a {type(model).__name__} returns the units of {len(inner) + 1} "
                f"layers. Set pooled_layers={len(inner) + 1} or less."
            )
        return [found.last_hidden_state, *inner[: -self.layers : -1]]

    def _pooled(self, units: Tensor, there: Tensor | None) -> Tensor:
        """Return one vector a row, `(B, H)`."""
        if units.dim() == 4:  # a map of features (B, H, height, width)
            units = units.flatten(2).transpose(1, 2)  # (B, L, H)
        there = units.new_ones(units.shape[:2]) if there is None else there
        return POOLINGS[self.pooling](units, there)


def _tokens(x: Tensor, padding: int) -> Tensor:
    """Return the numbers of tokens as the model counts them, `(B, L)`."""
    return torch.where(x > 0, x.long() - 1, padding)


class FrozenEncoder:
    """A pretrained model as it is.

    Parameters
    ----------
    backbone : Backbone
    passage : Passage
    device : torch.device
        Where it runs.
    """

    def __init__(self, backbone: Backbone, passage: Passage, device: torch.device) -> None:
        self.backbone, self.passage, self.device = backbone, passage, device
        self._model = backbone.load() if device.type == "cpu" else backbone.copy().to(device)
        self._padding = 0 if passage.shape else backbone.padding

    def vectors(self, x: Tensor) -> Tensor:
        """Return the vectors of tokens, `(B, L)` → `(B, 1, L, E)`."""
        return self.passage.vectors(self._model, x.to(self.device), self._padding).unsqueeze(1)

    def __call__(self, x: Tensor, vectors: Tensor | None = None) -> Tensor:
        """Return what it makes of rows, all layers side by side, `(B, L)` → `(B, H)` on the CPU.

        Parameters
        ----------
        x : Tensor of shape (B, L)
        vectors : Tensor of shape (B, 1, L, E) or None, default=None
            Read in the place of those of the tokens.
        """
        own = None if vectors is None else vectors[:, 0]
        return torch.cat(self.passage.represent(self._model, x.to(self.device), self._padding, own), 1).cpu()
