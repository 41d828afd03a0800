"""A trunk that starts where a fitted estimator's trunk ended."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self, TypeVar, cast

import torch
from torch import nn

from ._embedding import MemberEmbedding
from ._encoders import MemberEncoders
from ._frozen import Frozen, freeze_embedding, freeze_layers, freeze_member, n_frozen, thawed
from ._layers import MemberLinear
from ._mlp import MLP
from ._modules import MemberModules, layers_of
from ._network import Network
from ._samples import Unflattened
from ._text import BagEmbedding
from ._trunk import WITHOUT_GATES, Trunk

Batched = TypeVar("Batched", MLP, MemberEmbedding, BagEmbedding)
# Way out of most errors.
NEEDED = "It needs a fitted MultiTaskRegressor, MultiTaskClassifier or MultiTaskEstimator with sharing='hard'"


class FittedTrunk(Trunk):
    """Specification of a trunk that starts from a fitted estimator's, to learn new tasks on the same columns.

    The new estimator reads X as the fitted one does: the same columns, codes and statistics, which stay as they were;
    `encoder` must be left at "auto". Its heads are new. With `sharing="hard"` tasks learn on together, with
    `sharing="independent"` each continues from the common start for itself, with `sharing="low_rank"` and `freeze=True`
    each adapts the trunk by a matrix of low rank a layer. Ways of sharing whose experts must differ are refused, and so
    are those that join between layers where the trunk is one module. The fitted estimator itself is never changed.

    Member `m` starts from the fitted member `m`, counted from the first again where there are fewer of those;
    `n_estimators="auto"` is their number. Costs what a trunk of this kind costs; a frozen one needs no gradients.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of this package, with `sharing="hard"`. Copies of the specification share it, so that
        `clone` and searches keep its fit, and it is pickled with the new estimator.
    freeze : bool or int, default=False
        What is not trained further. False: nothing. True: the whole trunk, embeddings and dropout included: its
        representation stays what the fitted estimator's `transform` returns, and new tasks are linear in it, companions
        apart. A number: embeddings and so many of the first layers (or stages).

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.datasets import load_energy
    >>> from skmtl.nn import FittedTrunk
    >>> X, y = load_energy(return_X_y=True)
    >>> heating = MultiTaskRegressor(max_iter=5, random_state=0).fit(X, y[:, 0])
    >>> trunk = FittedTrunk(heating, freeze=True)
    >>> cooling = MultiTaskRegressor(trunk=trunk, max_iter=5, random_state=0).fit(X[:50], y[:50, 1])
    >>> np.allclose(cooling.transform(X), heating.transform(X), atol=1e-5)
    True
    """

    starts_alike = True
    n_members = 0

    def __init__(self, estimator: Any, *, freeze: bool | int = False) -> None:
        self.estimator = estimator
        self.freeze = freeze

    # What scikit-learn asks for ---------------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; those of the fitted estimator are none of them: to change them would change nothing.

        Parameters
        ----------
        deep : bool, default=True
            Makes no difference.

        Returns
        -------
        dict
        """
        del deep
        return {"estimator": self.estimator, "freeze": self.freeze}

    def __sklearn_clone__(self) -> FittedTrunk:
        """Return a copy with the same fitted estimator, whose clone would have forgotten what it learned."""
        return type(self)(self.estimator, freeze=self.freeze)

    # What is known of the trunk before it is built --------------------------------------------------------------------

    @property
    def network(self) -> Network:
        """The fitted network.

        Raises
        ------
        ValueError
            If the estimator is none of this package, is not fitted, or has no trunk that is common to all tasks.
        """
        network = getattr(getattr(self.estimator, "net_", None), "module_", None)
        kind = type(self.estimator).__name__
        if not isinstance(network, Network):
            if hasattr(self.estimator, "steps"):
                raise ValueError(
                    f"FittedTrunk cannot start from a {kind}: give its last step, and put the steps before it in front "
                    "of the new estimator, too."
                )
            if hasattr(self.estimator, "best_estimator_"):
                raise ValueError(
                    f"FittedTrunk cannot start from a {kind}: give the estimator that it found, its best_estimator_."
                )
            raise ValueError(f"FittedTrunk cannot start from this {kind}: it is not fitted. {NEEDED}.")
        if isinstance(network.embedding, MemberEncoders):
            raise ValueError(
                f"FittedTrunk cannot start from a {kind} with trunk={self.estimator.trunk!r}, whose large model was "
                "trained with it. Give that trunk itself to the new estimator, with the folder of a model saved anew."
            )
        if not isinstance(network.trunk, (MLP, MemberModules)):
            raise ValueError(
                f"FittedTrunk cannot start from a {kind} with sharing={self.estimator.sharing!r}, in which tasks have "
                f"paths of their own. {NEEDED}."
            )
        return network

    @property
    def batched(self) -> bool:
        """Whether members train in one batched module."""
        return isinstance(self.network.trunk, MLP) and not isinstance(self.network.embedding, BagEmbedding)

    @property
    def draws_globally(self) -> bool:
        """Whether the module draws from torch's global generator."""
        return isinstance(self.network.trunk, MemberModules)

    @property
    def any_length(self) -> bool:
        """Whether sequences may be longer later than at fit."""
        return isinstance(self.network.trunk, MemberModules)

    @property
    def usual_members(self) -> int:
        """Members where an estimator's `n_estimators` is "auto": those of the fitted one."""
        return self.network.n_members

    # Building ---------------------------------------------------------------------------------------------------------

    def of_members(self, n_members: int) -> Self:
        """Return a copy that builds for so many members; see `Trunk.of_members`."""
        bound = copy.copy(self)
        bound.n_members = n_members
        return bound

    def build(self, n_features: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return copies of the fitted trunk, one or several a member; see `Trunk.build`.

        Raises
        ------
        ValueError
            If there is no fitted trunk to start from, or `freeze` does not suit it.
        """
        asked, origins = self._asked(), self._origins(len(generators))
        trunk = self.network.trunk
        if isinstance(trunk, MLP):
            taken = _members_of(trunk, origins)
            return freeze_layers(taken, asked)
        assert isinstance(trunk, MemberModules)
        members = [freeze_member(self._member(trunk, origin), asked) for origin in origins]
        return MemberModules(members, n_features)

    def build_layers(self, n_features: int, generators: Sequence[torch.Generator]) -> list[nn.Module]:
        """Return copies of the fitted trunk's layers; see `Trunk.build_layers`.

        Raises
        ------
        ValueError
            If the trunk is one opaque module, or as in `build`.
        """
        asked, origins = self._asked(), self._origins(len(generators))
        trunk = self.network.trunk
        if isinstance(trunk, MLP):
            layers = _layers_of_mlp(_members_of(trunk, origins), generators)
            count = n_frozen(len(layers), asked)
            return [freeze_layers(layer, None if place < count else 0) for place, layer in enumerate(layers)]
        assert isinstance(trunk, MemberModules)
        members = [_layers_of_member(self._member(trunk, origin)) for origin in origins]
        count = n_frozen(len(members[0]), asked)
        result: list[nn.Module] = []
        for place, copies in enumerate(zip(*members, strict=True)):
            result.append(MemberModules([Frozen(one) if place < count else one for one in copies], n_features))
            n_features = int(cast(MemberModules, result[-1]).n_outputs)
        return result

    def build_embedding(self, n_members: int) -> MemberEmbedding | BagEmbedding | None:
        """Return a copy of what stands before the fitted trunk, with a table a member; None if nothing does.

        Parameters
        ----------
        n_members : int
        """
        embedding = self.network.embedding
        if embedding is None or isinstance(embedding, MemberEncoders):
            return None
        taken = _members_of(cast(BagEmbedding, embedding), self._origins(n_members))  # or the other kind
        freeze_embedding(taken, frozen=self._asked() != 0, silent=self._asked() is None)
        return taken

    def _asked(self) -> int | None:
        """Return how many layers are frozen; None: all."""
        if isinstance(self.freeze, bool):
            return None if self.freeze else 0
        if not isinstance(self.freeze, Integral) or self.freeze < 0:
            raise ValueError(f"freeze must be True, False or the number of layers to freeze, got {self.freeze!r}.")
        return int(self.freeze)

    def _origins(self, n_copies: int) -> list[int]:
        """Return the fitted member that each of some copies starts from: all copies of a member from the same one."""
        n_members = self.n_members or n_copies
        return [copy // (n_copies // n_members) % self.network.n_members for copy in range(n_copies)]

    def _member(self, trunk: MemberModules, origin: int) -> nn.Module:
        return thawed(copy.deepcopy(trunk.members[origin]).cpu())


def _members_of(module: Batched, origins: Sequence[int]) -> Batched:
    """Return a copy of a batched module with these of its members, trainable throughout."""
    taken: Any = copy.deepcopy(module).cpu()
    chosen = torch.tensor(origins)
    for part in taken.modules():
        for name, parameter in part.named_parameters(recurse=False):
            setattr(part, name, nn.Parameter(parameter.detach()[chosen]))
    if isinstance(taken, MLP):
        taken.n_members = len(origins)
    if isinstance(taken, BagEmbedding) and isinstance(module, BagEmbedding):
        taken.n_products = module.n_products // len(module.weight) * len(origins)
    if not isinstance(taken, MemberEmbedding):
        taken.dropout.active = True
    result: Batched = taken
    return result


def _layers_of_mlp(trunk: MLP, generators: Sequence[torch.Generator]) -> list[MLP]:
    """Cut a perceptron into one of one layer a layer."""
    if not len(trunk.layers):
        raise ValueError("The fitted trunk has no hidden layer: without one, tasks have nothing to share.")
    layers = []
    for linear in trunk.layers:
        assert isinstance(linear, MemberLinear)
        _, n_inputs, n_units = linear.weight.shape
        layer = MLP(n_inputs, [n_units], trunk.activation, trunk.dropout.rate, generators)
        layer.layers[0] = linear
        layers.append(layer)
    return layers


def _layers_of_member(member: nn.Module) -> list[nn.Module]:
    """Cut a module into its layers, of which the first reads flat rows."""
    module = member.module if isinstance(member, Unflattened) else member
    if not isinstance(module, nn.Sequential):
        raise ValueError(
            "The fitted trunk is one module, and no nn.Sequential: it has no layers between which tasks could share. "
            f"Use {WITHOUT_GATES}."
        )
    first, *rest = layers_of(module)
    return [Unflattened(first, member.shape) if isinstance(member, Unflattened) else first, *rest]
