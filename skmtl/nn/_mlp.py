"""The built-in trunk: a multi-layer perceptron whose members train in one batched module."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from ._layers import ACTIVATIONS, MemberDropout, MemberLinear
from ._trunk import Trunk


class MLPTrunk(Trunk):
    """Specification of the built-in trunk: linear layers, each with an activation and dropout.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(128, 128)
        Units of each layer. Empty: no trunk at all, and the network is linear.
    activation : str, default="relu"
        A name of `skmtl.nn.ACTIVATIONS`.
    dropout : float, default=0.0
        Share of the units of each layer that are dropped while training, in [0, 1).

    Examples
    --------
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.nn import MLPTrunk
    >>> MultiTaskRegressor(trunk=MLPTrunk(hidden_layer_sizes=(32,))).get_params()["trunk__hidden_layer_sizes"]
    (32,)
    """

    batched = True
    draws_globally = False

    def __init__(
        self, hidden_layer_sizes: Sequence[int] = (128, 128), *, activation: str = "relu", dropout: float = 0.0
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout

    @property
    def wants_codes(self) -> bool:
        """Whether numbers get codes: with a hidden layer; without one the network is to be linear in the numbers."""
        return bool(np.size(self.hidden_layer_sizes))

    def build(self, n_features: int, generators: Sequence[torch.Generator]) -> MLP:
        """Return the batched perceptron, one member a generator; see `Trunk.build`.

        Raises
        ------
        ValueError
            If a size is not a positive integer, the activation is unknown or the dropout is outside [0, 1).
        """
        return MLP(n_features, self._sizes(), self.activation, self.dropout, generators)

    def build_layers(self, n_features: int, generators: Sequence[torch.Generator]) -> list[nn.Module]:
        """Return one perceptron of one layer a layer, which start as those of `build`; see `Trunk.build_layers`.

        Raises
        ------
        ValueError
            If there is no hidden layer, or a parameter is out of range.
        """
        sizes = self._sizes()
        if not sizes:
            raise ValueError("hidden_layer_sizes is empty: without a hidden layer, tasks have nothing to share.")
        widths = pairwise([n_features, *sizes])
        return [MLP(inputs, [units], self.activation, self.dropout, generators) for inputs, units in widths]

    def _sizes(self) -> list[int]:
        given = self.hidden_layer_sizes
        sizes = [given] if isinstance(given, Integral) else list(given)
        if any(not isinstance(size, Integral) or size < 1 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be positive integers, got {self.hidden_layer_sizes!r}.")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {sorted(ACTIVATIONS)}, got {self.activation!r}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout!r}.")
        return [int(size) for size in sizes]


class Record(NamedTuple):
    """What the backward pass of a layer needs: its input, its units before and after activation, its dropout mask."""

    x: Tensor
    before: Tensor
    after: Tensor
    mask: Tensor | None

    def part(self, rows: slice) -> Record:
        """Return what belongs to some rows."""
        x, before, after = (block[..., rows, :] for block in (self.x, self.before, self.after))
        return Record(x, before, after, None if self.mask is None else self.mask[:, rows])


class MLP(nn.Module):
    """A multi-layer perceptron for each member.

    Parameters
    ----------
    n_features : int
    sizes : sequence of int
        Units of each layer.
    activation : str
        A name of `skmtl.nn.ACTIVATIONS`.
    dropout : float
    generators : sequence of torch.Generator
        One a member; its length is the number of members.

    Notes
    -----
    Shape: `(B, F)` or `(M, B, F)` → `(M, B, H)`, where `H` is the last size, or `F` without layers.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import MLP
    >>> draws = [torch.Generator().manual_seed(member) for member in range(3)]
    >>> MLP(5, [16, 8], "relu", 0.0, draws)(torch.ones(4, 5)).shape
    torch.Size([3, 4, 8])
    """

    def __init__(
        self,
        n_features: int,
        sizes: Sequence[int],
        activation: str,
        dropout: float,
        generators: Sequence[torch.Generator],
    ) -> None:
        super().__init__()
        self.n_members = len(generators)
        self.n_outputs = sizes[-1] if sizes else n_features
        self.activation = activation
        widths = [n_features, *sizes]
        self.layers = nn.ModuleList(
            MemberLinear(self.n_members, n_inputs, n_units, generators) for n_inputs, n_units in pairwise(widths)
        )
        self.dropout = MemberDropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, F)` or `(M, B, F)` to `(M, B, H)`."""
        activate = ACTIVATIONS[self.activation].function
        for layer in self.layers:
            x = self.dropout(activate(layer(x)))
        return x.expand(self.n_members, -1, -1)

    @torch.no_grad()
    def forward_recorded(self, x: Tensor) -> tuple[Tensor, list[Record]]:
        """Map like `forward`, without automatic differentiation; return also what `backward` needs.

        In steps this small, recording every operation would cost as much as a third of the step.
        """
        activate = ACTIVATIONS[self.activation].function
        records = []
        for layer in self.layers:
            before = layer(x)
            after = activate(before)
            mask = self.dropout.mask(after)
            records.append(Record(x, before, after, mask))
            x = after if mask is None else after * mask
        return x.expand(self.n_members, -1, -1), records

    @torch.no_grad()
    def backward(self, records: list[Record], gradient: Tensor) -> Tensor:
        """Set the gradients of all parameters; return that with respect to the first layer's units.

        Parameters
        ----------
        records : list of Record
            From `forward_recorded`.
        gradient : Tensor of shape (M, B, H)
            Gradient with respect to the representation.

        Returns
        -------
        Tensor of shape (M, B, H)
            Gradient with respect to the first layer's units before activation; without layers, what was given.
        """
        slope = ACTIVATIONS[self.activation].backward
        for place in reversed(range(len(records))):
            record, layer = records[place], cast(MemberLinear, self.layers[place])
            if record.mask is not None:
                gradient = gradient * record.mask
            gradient = slope(gradient, record.before, record.after)
            layer.backward(record.x, gradient)
            if place:
                gradient = layer.input_gradient(gradient)
        return gradient

    @torch.no_grad()
    def jacobian(self, records: list[Record], gradients: Tensor, parts: list[Tensor]) -> Tensor:
        """Find the gradients of several tasks; return those with respect to the first layer's units.

        Parameters
        ----------
        records : list of Record
            From `forward_recorded`.
        gradients : Tensor of shape (M, T, B, H)
            Each task's gradient with respect to the representation.
        parts : list of Tensor
            Where each task's gradient of a parameter is written, `(M, T, …)`, in the order of `parameters()`.

        Returns
        -------
        Tensor of shape (M, T, B, H)
            As from `backward`, for each task.
        """
        slope = ACTIVATIONS[self.activation].backward
        for place in reversed(range(len(records))):
            record, layer = records[place], cast(MemberLinear, self.layers[place])
            if record.mask is not None:
                gradients = gradients * record.mask.unsqueeze(1)
            before, after = (units.unsqueeze(1).expand_as(gradients) for units in (record.before, record.after))
            gradients = slope(gradients, before, after)
            layer.jacobian(record.x, gradients, *parts[2 * place : 2 * place + 2])
            if place:
                gradients = layer.input_gradient(gradients.flatten(1, 2)).view(*gradients.shape[:3], -1)
        return gradients

    @torch.no_grad()
    def input_gradient(self, records: list[Record], gradient: Tensor) -> Tensor:
        """Return the gradient with respect to the features, `(M, B, F)`, of what `backward` returned."""
        return cast(MemberLinear, self.layers[0]).input_gradient(gradient) if records else gradient
