"""Dense layers that all tasks share, with something of each task's own added inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ._layers import ACTIVATIONS, MemberLinear
from ._mlp import MLP
from ._modules import CallableTrunk, FixedTrunk, ModuleTrunk
from ._sharing import SharedTrunk
from ._trunk import WITHOUT_LAYERS, Trunk


class AdaptedLayer(nn.Module):
    """A dense layer that all tasks share; a subclass says what each task adds to its units before activation.

    Parameters
    ----------
    layer : MLP
        Of one layer.
    n_tasks : int

    Notes
    -----
    Shape: `(B, F)`, `(M, B, F)` or `(M, T, B, F)` → `(M, T, B, H)`.
    """

    decays = False

    def __init__(self, layer: MLP, n_tasks: int) -> None:
        super().__init__()
        self.layer = layer
        self.n_tasks = n_tasks
        linear = self.linear
        self.n_members, self.n_inputs, self.n_units = linear.weight.shape

    @property
    def linear(self) -> MemberLinear:
        """What tasks share."""
        return cast(MemberLinear, self.layer.layers[0])

    def before(self, x: Tensor) -> Tensor:
        """Return units before activation, `(M, T, B, H)`, or `(M, 1, B, H)` if tasks differ nowhere.

        Parameters
        ----------
        x : Tensor of shape (M, 1, B, F) or (M, T, B, F)
        """
        raise NotImplementedError

    def shared(self, x: Tensor) -> Tensor:
        """Run the shared layer, `(M, K, B, F)` → `(M, K, B, H)`: its rows are those of all tasks.

        Parameters
        ----------
        x : Tensor of shape (M, K, B, F)
        """
        units: Tensor = self.linear(x.flatten(1, 2))
        return units.view(*x.shape[:3], self.n_units)

    def own(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Run a layer of each task's own, `(M, K, B, F)` → `(M, T, B, H)`.

        Parameters
        ----------
        x : Tensor of shape (M, K, B, F)
        weight : Tensor of shape (M, T, F, H)
        bias : Tensor of shape (M, 1, 1, H) or (M, T, 1, H)
        """
        shape = (self.n_members, self.n_tasks)
        biases, inputs = bias.expand(*shape, -1, -1).flatten(0, 1), x.expand(*shape, -1, -1).flatten(0, 1)
        return torch.baddbmm(biases, inputs, weight.flatten(0, 1)).view(*shape, -1, self.n_units)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, F)`, `(M, B, F)` or `(M, T, B, F)` to `(M, T, B, H)`."""
        if x.dim() < 4:
            x = x.expand(self.n_members, -1, -1).unsqueeze(1)
        units = ACTIVATIONS[self.layer.activation].function(self.before(x))
        dropped: Tensor = self.layer.dropout(units)
        return dropped.expand(-1, self.n_tasks, -1, -1)


class AdaptedTrunk(SharedTrunk):
    """Layers that all tasks share, with something of each task's own inside.

    Parameters
    ----------
    layers : sequence of AdaptedLayer

    Notes
    -----
    Shape: `(B, F)` or `(M, B, F)` → `(M, T, B, H)`.
    """

    def __init__(self, layers: Sequence[AdaptedLayer]) -> None:
        super().__init__(layers[0].n_members, layers[0].n_tasks, layers[-1].n_units)
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Map `(B, F)` or `(M, B, F)` to `(M, T, B, H)`."""
        del rows  # dense layers mix none
        for layer in self.layers:
            x = layer(x)
        return x

    def task_parameters(self) -> list[nn.Parameter]:
        """Return what each layer holds beside the shared one."""
        return [parameter for layer in self.layers for parameter in layer.parameters(recurse=False)]


def dense_layers(trunk: Trunk, n_features: int, generators: Sequence[torch.Generator], sharing: str) -> list[MLP]:
    """Return the layers of a trunk, if they are dense.

    Parameters
    ----------
    trunk : Trunk
    n_features : int
    generators : sequence of torch.Generator
    sharing : str
        Who asks, for the message.

    Raises
    ------
    ValueError
        If they are not.
    """
    foreign = isinstance(trunk, (ModuleTrunk, CallableTrunk, FixedTrunk))
    layers: list[nn.Module] = [] if foreign else trunk.build_layers(n_features, generators)
    if foreign or not all(isinstance(layer, MLP) for layer in layers):
        raise ValueError(
            f"{sharing} changes the weights of dense layers, and {trunk!r} has others: use the built-in trunk, "
            f"sharing='film', which changes the units of an nn.Sequential, or use {WITHOUT_LAYERS}."
        )
    return cast(list[MLP], layers)


def task_start(generators: Sequence[torch.Generator], shape: Sequence[int], bound: float) -> nn.Parameter:
    """Return a parameter `(M, *shape)` that starts uniformly in ±bound, from each member's own draws.

    Parameters
    ----------
    generators : sequence of torch.Generator
    shape : sequence of int
    bound : float
    """
    draws = [torch.rand(tuple(shape), generator=generator, dtype=torch.float64) for generator in generators]
    return nn.Parameter(((2 * torch.stack(draws) - 1) * bound).float())
