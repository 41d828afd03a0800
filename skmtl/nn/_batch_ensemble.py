"""BatchEnsemble: one trunk, whose inputs and units each task scales in its own way."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ._adapters import AdaptedLayer, AdaptedTrunk, DenseLayer, dense_layers
from ._sharing import Sharing
from ._trunk import Trunk


class BatchEnsemble(Sharing):
    """Rank-one adapters: a task scales a layer's inputs and units and adds a bias, `((x ∘ r_t) W + b) ∘ s_t + b_t`.

    Each task has weights of its own, `W ∘ (r_t s_tᵀ)`, at the price of three vectors. `r_t` and `s_t` start at 1, `b_t`
    at 0, so that this starts as hard sharing; none of them decays. Parameters beyond the heads: a trunk and, a layer of
    `F` inputs and `H` units, `T · (F + 2 H)`. Serves the built-in trunk, and an `nn.Sequential` of dense layers.
    Gradients are compared with respect to the parameters that tasks share. In the paper, ensemble members take the
    place of tasks, and vectors start at random signs.

    References
    ----------
    Wen, Y., Tran, D., and Ba, J. (2020). BatchEnsemble: an alternative approach to efficient ensemble and lifelong
    learning. ICLR.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import BatchEnsemble, MLPTrunk
    >>> BatchEnsemble().build(MLPTrunk((8,)), 5, 3, [torch.Generator()])(torch.ones(4, 5)).shape
    torch.Size([1, 3, 4, 8])
    """

    needs_layers = True

    def build(self, trunk: Trunk, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return shared layers with vectors a task; see `Sharing.build`."""
        layers = dense_layers(trunk, n_features, generators, "BatchEnsemble")
        return AdaptedTrunk([ScaledLayer(layer, n_tasks) for layer in layers])


class ScaledLayer(AdaptedLayer):
    """A dense layer with scales of inputs and units, and a bias, a task.

    Parameters
    ----------
    layer : DenseLayer
    n_tasks : int

    Notes
    -----
    Shape: `(B, F)`, `(M, B, F)` or `(M, T, B, F)` → `(M, T, B, H)`.
    """

    def __init__(self, layer: DenseLayer, n_tasks: int) -> None:
        super().__init__(layer, n_tasks)
        self.input_scale = nn.Parameter(torch.ones(self.n_members, n_tasks, 1, self.n_inputs))
        self.unit_scale = nn.Parameter(torch.ones(self.n_members, n_tasks, 1, self.n_units))
        self.unit_bias = nn.Parameter(torch.zeros(self.n_members, n_tasks, 1, self.n_units))

    def before(self, x: Tensor) -> Tensor:
        """Return units before activation; see `AdaptedLayer.before`."""
        weight, bias = self.linear.weight.unsqueeze(1), self.linear.bias.unsqueeze(1)
        own = self.input_scale.transpose(2, 3) * weight * self.unit_scale  # (M, T, F, H): smaller than the units
        return self.own(x, own, torch.addcmul(self.unit_bias, bias, self.unit_scale))
