"""Trunks that a user brings: a class with arguments, a callable, or a module; members run one after another."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ._mlp import MLPTrunk
from ._samples import Unflattened, is_sequence
from ._trunk import WITHOUT_LAYERS, Trunk, n_outputs_of

PROBE_ROWS = 8


class MemberModules(nn.Module):
    """One foreign module a member, run in a loop.

    Parameters
    ----------
    modules : sequence of nn.Module
        One a member, each `(B, F)` → `(B, H)`.
    n_features : int

    Raises
    ------
    ValueError
        If a module cannot take a batch of shape `(8, n_features)`, or returns anything but a float32 tensor `(8, H)`.

    Notes
    -----
    Shape: `(B, F)` or `(M, B, F)` → `(M, B, H)`. Lazy layers take their shape at construction.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import MemberModules
    >>> MemberModules([torch.nn.Linear(5, 2), torch.nn.Linear(5, 2)], n_features=5)(torch.ones(4, 5)).shape
    torch.Size([2, 4, 2])
    """

    def __init__(self, modules: Sequence[nn.Module], n_features: int) -> None:
        super().__init__()
        self.members = nn.ModuleList(modules)
        self.n_outputs = [_probe(module, n_features) for module in modules][-1]

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Map `(B, F)` or `(M, B, F)` to `(M, B, H)`.

        With `rows`, `(M, B)`, each module sees only the rows marked for its member, so that layers which mix rows
        (BatchNorm) see no holdout; the representation of the others is 0.
        """
        if rows is None:
            return torch.stack([module(x if x.dim() == 2 else x[m]) for m, module in enumerate(self.members)])
        block = x.new_zeros(len(self.members), x.shape[-2], self.n_outputs)  # (M, B, H)
        for m, module in enumerate(self.members):
            own = rows[m].nonzero().squeeze(1)
            if len(own):
                features = x if x.dim() == 2 else x[m]
                block = block.index_put((torch.full_like(own, m), own), module(features[own]))
        return block


def _probe(module: nn.Module, n_features: int) -> int:
    """Run a module once without training it; return the width of its representation."""
    batch = torch.zeros(PROBE_ROWS, n_features, dtype=torch.float32)
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            output = module(batch)
    except Exception as error:
        raise ValueError(f"The trunk failed on a batch of shape {tuple(batch.shape)}: {error}") from error
    finally:
        module.train(was_training)
    if not isinstance(output, Tensor) or output.dtype != batch.dtype:
        kind = output.dtype if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(f"A trunk must return one float32 tensor (n_rows, n_units) for a float32 batch, got {kind}.")
    if output.dim() != 2 or len(output) != PROBE_ROWS:
        raise ValueError(
            f"A trunk must return a tensor of shape (n_rows, n_units); for a batch of shape {tuple(batch.shape)} it "
            f"returned {tuple(output.shape)}. Flatten or pool the other dimensions."
        )
    return int(output.shape[1])


class LoopedTrunk(Trunk):
    """A trunk that makes one module a member, each started from the member's own generator."""

    any_length = True

    def _make(self, n_features: int) -> nn.Module:
        """Return a module; of images and sequences, `n_features` are the channels, or the features of a step."""
        raise NotImplementedError

    def _whole(self, module: nn.Module) -> nn.Module:
        """Return the module as one of flat rows."""
        return module if len(self.shape) < 2 else Unflattened(module, self.shape)

    def build(self, n_features: int, generators: Sequence[torch.Generator]) -> MemberModules:
        """Return the members' modules; see `Trunk.build`."""
        return MemberModules([self._whole(module) for module in self._start(n_features, generators)], n_features)

    def build_layers(self, n_features: int, generators: Sequence[torch.Generator]) -> list[nn.Module]:
        """Return the layers of an `nn.Sequential`: each begins with a module that holds a matrix; see `Trunk`.

        Raises
        ------
        ValueError
            If the module is no `nn.Sequential`, or a layer does not return `(n_rows, n_units)`.
        """
        members = [layers_of(module) for module in self._start(n_features, generators)]
        for own in members:
            own[0] = self._whole(own[0])
        layers: list[nn.Module] = []
        for copies in zip(*members, strict=True):
            layers.append(MemberModules(copies, n_features))
            n_features = n_outputs_of(layers[-1])
        return layers

    def _start(self, n_features: int, generators: Sequence[torch.Generator]) -> list[nn.Module]:
        """Make a module a member, started from its own seed."""
        modules = []
        n_inputs = n_features if len(self.shape) < 2 else self.shape[1 if is_sequence(self.shape) else 0]
        with torch.random.fork_rng(devices=[]):
            for generator in generators:
                torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
                module = copy.deepcopy(self._make(n_inputs))  # a user's module is never trained in place
                if not isinstance(module, nn.Module):
                    raise ValueError(f"A trunk must be an nn.Module, but {self!r} made a {type(module).__name__}.")
                module = module.float()
                _probe(self._whole(module), n_features)  # lazy layers draw their start here, from this member's seed
                modules.append(module)
        return modules


def layers_of(module: nn.Module) -> list[nn.Module]:
    """Cut an `nn.Sequential` before each part that holds a matrix; what stands before the first belongs to it.

    Parameters
    ----------
    module : nn.Module

    Raises
    ------
    ValueError
        If it is no `nn.Sequential`.
    """
    if not isinstance(module, nn.Sequential):
        raise ValueError(
            f"The trunk {type(module).__name__} is one module, which has no layers between which tasks could share. "
            f"Make it an nn.Sequential, or use {WITHOUT_LAYERS}."
        )
    layers: list[list[nn.Module]] = [[]]
    whole = False  # whether the last layer has its matrix
    for part in module:
        has_matrix = any(parameter.dim() > 1 for parameter in part.parameters())
        if has_matrix and whole:
            layers.append([])
        layers[-1].append(part)
        whole = whole or has_matrix
    return [nn.Sequential(*parts) for parts in layers]


class ModuleTrunk(LoopedTrunk):
    """A trunk of your own: a module's class and its arguments, searchable as `trunk__<argument>`.

    If the constructor has one required argument that is not given here, it receives the number of features; a class
    without one can use lazy layers.

    Parameters
    ----------
    module : type
        Class of an `nn.Module` that maps `(n_rows, n_features)` to `(n_rows, n_units)`.
    **settings
        Arguments of the class.

    Raises
    ------
    ValueError
        From `set_params`, if an argument is not one of the class.

    Examples
    --------
    >>> import torch
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.nn import ModuleTrunk
    >>> class Narrow(torch.nn.Module):
    ...     def __init__(self, n_features, width=8):
    ...         super().__init__()
    ...         self.layer = torch.nn.Linear(n_features, width)
    ...
    ...     def forward(self, x):
    ...         return torch.relu(self.layer(x))
    >>> model = MultiTaskRegressor(trunk=ModuleTrunk(Narrow, width=4))
    >>> model.set_params(trunk__width=16).get_params()["trunk__width"]
    16
    """

    def __init__(self, module: Callable[..., nn.Module], **settings: Any) -> None:
        self.module = module
        self.__dict__.update(settings)
        self._settings = tuple(settings)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the class and its arguments.

        Parameters
        ----------
        deep : bool, default=True
            Makes no difference: arguments of a module have no parameters of their own.

        Returns
        -------
        dict
        """
        del deep
        return {"module": self.module, **{name: getattr(self, name) for name in self._settings}}

    def set_params(self, **params: Any) -> ModuleTrunk:
        """Set the class or its arguments; an argument that was left at its default may be set too.

        Parameters
        ----------
        **params

        Returns
        -------
        self
        """
        known = inspect.signature(params.get("module", self.module)).parameters
        open_ended = any(p.kind is p.VAR_KEYWORD for p in known.values())
        for name, value in params.items():
            if name != "module" and name not in self._settings:
                if name not in known and not open_ended:
                    raise ValueError(
                        f"Invalid parameter {name!r} for {params.get('module', self.module)!r}; its arguments are "
                        f"{sorted(known)}."
                    )
                self._settings += (name,)
            setattr(self, name, value)
        return self

    def _make(self, n_features: int) -> nn.Module:
        settings = {name: getattr(self, name) for name in self._settings}
        unset = [
            parameter.name
            for parameter in inspect.signature(self.module).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            and parameter.name not in settings
        ]
        if len(unset) > 1:
            raise ValueError(f"{self.module!r} needs the arguments {unset}: give all but the number of features.")
        return self.module(**settings, **dict.fromkeys(unset, n_features))


class CallableTrunk(LoopedTrunk):
    """A trunk made by a callable `n_features -> nn.Module`, called once a member.

    Parameters
    ----------
    function : callable

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import CallableTrunk
    >>> CallableTrunk(lambda n_features: torch.nn.Linear(n_features, 4)).build(3, [torch.Generator()]).n_outputs
    4
    """

    def __init__(self, function: Callable[[int], nn.Module]) -> None:
        self.function = function

    def _make(self, n_features: int) -> nn.Module:
        return self.function(n_features)


class FixedTrunk(LoopedTrunk):
    """A trunk that starts from a given module: each member trains a copy, the module itself stays as it is.

    Parameters
    ----------
    module : nn.Module

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import FixedTrunk
    >>> FixedTrunk(torch.nn.LazyLinear(4)).build(3, [torch.Generator()]).n_outputs
    4
    """

    starts_alike = True

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def _make(self, n_features: int) -> nn.Module:
        del n_features
        return self.module


def as_trunk(trunk: Any, default: Callable[[], MLPTrunk]) -> Trunk:
    """Return the specification that the `trunk` parameter of an estimator stands for.

    Parameters
    ----------
    trunk : "auto", Trunk, callable or nn.Module
    default : callable
        Makes the specification behind "auto".

    Raises
    ------
    ValueError
        If `trunk` is none of these.
    """
    if isinstance(trunk, str) and trunk == "auto":
        return default()
    if isinstance(trunk, Trunk):
        return trunk
    if isinstance(trunk, nn.Module):
        return FixedTrunk(trunk)
    if callable(trunk):
        return CallableTrunk(trunk)
    raise ValueError(
        "trunk must be 'auto', a trunk specification, an nn.Module or a callable n_features -> nn.Module, got "
        f"{trunk!r}."
    )
