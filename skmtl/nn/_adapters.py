"""Dense layers that all tasks share, with something of each task's own added inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ._layers import ACTIVATIONS, MemberLinear
from ._mlp import MLP
from ._modules import MemberModules
from ._sharing import SharedTrunk, run
from ._trunk import WITHOUT_LAYERS, Trunk


class DenseLayer(nn.Module):
    """A dense layer, and what stands around it.

    Attributes
    ----------
    linear : MemberLinear
    """

    linear: MemberLinear

    def prepared(self, x: Tensor, rows: Tensor | None) -> Tensor:
        """Return what the dense layer reads, `(M, K, B, F)`.

        Parameters
        ----------
        x : Tensor of shape (M, K, B, F)
        rows : Tensor of shape (M, B) or None
            Which rows a member trains on.
        """
        del rows
        return x

    def finished(self, units: Tensor, rows: Tensor | None) -> Tensor:
        """Return what becomes of its units, `(M, K, B, H)`.

        Parameters
        ----------
        units : Tensor of shape (M, K, B, H)
        rows : Tensor of shape (M, B) or None
        """
        raise NotImplementedError


class BuiltInDense(DenseLayer):
    """A layer of the built-in trunk.

    Parameters
    ----------
    layer : MLP
        Of one layer.
    """

    def __init__(self, layer: MLP) -> None:
        super().__init__()
        self.linear = cast(MemberLinear, layer.layers[0])
        self.dropout = layer.dropout
        self._activation = ACTIVATIONS[layer.activation].function

    def finished(self, units: Tensor, rows: Tensor | None) -> Tensor:
        """Return units after activation and dropout; see `DenseLayer.finished`."""
        del rows
        dropped: Tensor = self.dropout(self._activation(units))
        return dropped


class SequentialDense(DenseLayer):
    """A layer of an `nn.Sequential`: an `nn.Linear` a member, whose weights become one, and the modules around it.

    Parameters
    ----------
    members : sequence of nn.Sequential
        One a member, alike, each with one `nn.Linear` and no other matrix.
    """

    def __init__(self, members: Sequence[nn.Sequential]) -> None:
        super().__init__()
        place = next(place for place, part in enumerate(members[0]) if isinstance(part, nn.Linear))
        linears = [cast(nn.Linear, member[place]) for member in members]
        n_inputs, n_units = linears[0].in_features, linears[0].out_features
        self.linear = MemberLinear(len(members), n_inputs, n_units)
        with torch.no_grad():
            for member, linear in enumerate(linears):
                self.linear.weight[member] = linear.weight.T
                if linear.bias is not None:
                    self.linear.bias[member] = linear.bias
        self.linear.weight.requires_grad_(linears[0].weight.requires_grad)
        self.linear.bias.requires_grad_(linears[0].bias is not None and linears[0].bias.requires_grad)
        self.first = MemberModules([member[:place] for member in members], n_inputs) if place else None
        rest = [member[place + 1 :] for member in members]
        self.rest = MemberModules(rest, n_units) if place + 1 < len(members[0]) else None

    def prepared(self, x: Tensor, rows: Tensor | None) -> Tensor:
        """Return what the modules before the matrix make of rows; see `DenseLayer.prepared`."""
        return x if self.first is None else _run_rows(self.first, x, rows)

    def finished(self, units: Tensor, rows: Tensor | None) -> Tensor:
        """Return what the modules after the matrix make of units; see `DenseLayer.finished`."""
        return units if self.rest is None else _run_rows(self.rest, units, rows)


def _run_rows(modules: MemberModules, x: Tensor, rows: Tensor | None) -> Tensor:
    """Run a module a member on the rows of all its tasks, `(M, K, B, F)` → `(M, K, B, H)`."""
    told = None if rows is None else rows.repeat(1, x.shape[1])
    return run(modules, x.flatten(1, 2), told).view(*x.shape[:3], -1)


class AdaptedLayer(nn.Module):
    """A dense layer that all tasks share; a subclass says what each task adds to its units before activation.

    Parameters
    ----------
    layer : DenseLayer
    n_tasks : int

    Notes
    -----
    Shape: `(B, F)`, `(M, B, F)` or `(M, T, B, F)` → `(M, T, B, H)`.
    """

    decays = False

    def __init__(self, layer: DenseLayer, n_tasks: int) -> None:
        super().__init__()
        self.layer = layer
        self.n_tasks = n_tasks
        self.n_members, self.n_inputs, self.n_units = self.linear.weight.shape

    @property
    def linear(self) -> MemberLinear:
        """What tasks share."""
        return self.layer.linear

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

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Map `(B, F)`, `(M, B, F)` or `(M, T, B, F)` to `(M, T, B, H)`."""
        if x.dim() < 4:
            x = x.expand(self.n_members, -1, -1).unsqueeze(1)
        units = self.layer.finished(self.before(self.layer.prepared(x, rows)), rows)
        return units.expand(-1, self.n_tasks, -1, -1)


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
        for layer in self.layers:
            x = layer(x, rows)
        return x

    def task_parameters(self) -> list[nn.Parameter]:
        """Return what each layer holds beside the shared one."""
        return [parameter for layer in self.layers for parameter in layer.parameters(recurse=False)]


def dense_layers(
    trunk: Trunk, n_features: int, generators: Sequence[torch.Generator], sharing: str
) -> list[DenseLayer]:
    """Return the layers of a trunk, if they are dense: those of the built-in trunk, or of an `nn.Sequential`.

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
    layers: list[DenseLayer] = []
    for layer in trunk.build_layers(n_features, generators):
        if isinstance(layer, MLP):
            layers.append(BuiltInDense(layer))
        elif isinstance(layer, MemberModules) and all(map(_is_dense, layer.members)):
            layers.append(SequentialDense([cast(nn.Sequential, member) for member in layer.members]))
        else:
            raise ValueError(
                f"{sharing} changes the weights of dense layers, and {trunk!r} has others: use the built-in trunk, an "
                "nn.Sequential whose only matrices are those of nn.Linear, sharing='film', which changes the units of "
                f"any nn.Sequential, or {WITHOUT_LAYERS}."
            )
    return layers


def _is_dense(module: nn.Module) -> bool:
    """Whether a layer of an `nn.Sequential` has one matrix, that of a plain `nn.Linear`.

    Subclasses compute something else, and so do those whose weights are made of others, as by weight normalisation.
    """
    parts = list(module) if isinstance(module, nn.Sequential) else []
    matrices = [part for part in parts if any(parameter.dim() > 1 for parameter in part.parameters())]
    if len(matrices) != 1 or type(matrices[0]) is not nn.Linear:
        return False
    return {name for name, _ in matrices[0].named_parameters()} <= {"weight", "bias"}


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
