"""What is not trained further: layers whose parameters no solver steps, and whose dropout is off."""

from __future__ import annotations

from typing import Any, Self

from torch import Tensor, nn

from ._conv import ImageNet, SequenceNet
from ._embedding import MemberEmbedding
from ._mlp import MLP
from ._modules import layers_of
from ._recurrent import RecurrentNet
from ._samples import Unflattened
from ._text import BagEmbedding


class Frozen(nn.Module):
    """A module that stays as it is, dropout and statistics of batches included, whatever is trained around it.

    Parameters
    ----------
    module : nn.Module

    Attributes
    ----------
    trainable : list of str
        Names of its parameters that were trained before.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn._frozen import Frozen
    >>> frozen = Frozen(torch.nn.Dropout(0.5)).train()
    >>> frozen(torch.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.trainable = [name for name, parameter in module.named_parameters() if parameter.requires_grad]
        module.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Take note of the mode, and leave the module in that of evaluation."""
        super().train(mode)
        self.module.eval()
        return self

    def forward(self, *inputs: Tensor) -> Any:
        """Map as the module does."""
        return self.module(*inputs)

    def thaw(self) -> nn.Module:
        """Return the module itself, as trainable as it was before."""
        parameters = dict(self.module.named_parameters())
        for name in self.trainable:
            parameters[name].requires_grad_(True)
        return self.module


def thawed(module: nn.Module) -> nn.Module:
    """Return a module in which nothing is `Frozen`, changed in place.

    Parameters
    ----------
    module : nn.Module
    """
    if isinstance(module, Frozen):
        return module.thaw()
    for name, child in module.named_children():
        setattr(module, name, thawed(child))
    return module


def freeze_layers(trunk: MLP, n_layers: int | None) -> MLP:
    """Freeze the first layers of a perceptron, in place; with all of them, dropout.

    Parameters
    ----------
    trunk : MLP
    n_layers : int or None
        None: all.

    Raises
    ------
    ValueError
        If it has fewer.
    """
    for layer in list(trunk.layers)[: n_frozen(len(trunk.layers), n_layers)]:
        layer.requires_grad_(False)
    trunk.dropout.active = n_layers is not None
    return trunk


def freeze_member(module: nn.Module, n_layers: int | None) -> nn.Module:
    """Freeze a module, or the first of its stages, in place.

    Parameters
    ----------
    module : nn.Module
        Of one member.
    n_layers : int or None
        None: all of it.

    Raises
    ------
    ValueError
        If the module has fewer, or none that are known.
    """
    if n_layers is None:
        return Frozen(module)
    if n_layers == 0:
        return module
    if isinstance(module, (ImageNet, SequenceNet, RecurrentNet)):
        stages = module.layers if isinstance(module, RecurrentNet) else module.stages
        for place in range(n_frozen(len(stages), n_layers)):
            stages[place] = Frozen(stages[place])
        return module
    inner = module.module if isinstance(module, Unflattened) else module
    if not isinstance(inner, nn.Sequential):
        raise ValueError(
            f"freeze={n_layers} layers, but {type(inner).__name__} is one module, whose layers are not known. Set "
            "freeze to True or False."
        )
    layers = layers_of(inner)
    count = n_frozen(len(layers), n_layers)
    frozen = nn.Sequential(*(Frozen(layer) for layer in layers[:count]), *layers[count:])
    return Unflattened(frozen, module.shape) if isinstance(module, Unflattened) else frozen


def freeze_embedding(embedding: MemberEmbedding | BagEmbedding, *, frozen: bool, silent: bool) -> None:
    """Freeze a table of embeddings, in place.

    Parameters
    ----------
    embedding : MemberEmbedding or BagEmbedding
    frozen : bool
    silent : bool
        Whether nothing of its sums is dropped.
    """
    embedding.requires_grad_(not frozen)
    if isinstance(embedding, BagEmbedding):
        embedding.dropout.active = not silent


def n_frozen(n_layers: int, asked: int | None) -> int:
    """Return how many of some layers are frozen.

    Parameters
    ----------
    n_layers : int
        How many there are.
    asked : int or None
        None: all.

    Raises
    ------
    ValueError
        If there are fewer.
    """
    if asked is not None and asked > n_layers:
        raise ValueError(f"freeze={asked} layers, but the fitted trunk has {n_layers}. Set freeze=True for all.")
    return n_layers if asked is None else asked
