"""RegMean: dense layers that answer as each trunk's did on the rows it knows."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from ..nn import MemberLinear, Network
from ._merging import Merging


class RegMean(Merging):
    """Dense layers by least squares, `W = (Σ G_i)⁻¹ Σ G_i W_i`; all other weights by their mean.

    `G_i = X_iᵀ X_i` of what a layer reads, in the `i`-th network, of that network's rows; a column of ones folds the
    bias in. Of all layers, this one answers nearest to what each network's own layer answers on its rows. Where the
    products are singular, as units that are never active make them, a small ridge draws towards the mean of the `W_i`.
    Layers that are not called as such, as those inside of attention and the pooling of lists, are averaged too.
    Costs one forward pass of all rows, and a solve a layer.

    Parameters
    ----------
    ridge : float, default=1e-6
        The ridge, in units of the mean of the diagonal of `Σ G_i`.

    References
    ----------
    Jin, X., Ren, X., Preotiuc-Pietro, D., and Cheng, P. (2023). Dataless knowledge fusion by merging weights of
    language models. ICLR.

    Examples
    --------
    >>> from skmtl.fusion import RegMean, as_merging
    >>> as_merging("regmean")
    RegMean()
    """

    needs_rows = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {"ridge": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, ridge: float = 1e-6) -> None:
        self.ridge = ridge

    @torch.no_grad()
    def refine(self, network: Network, networks: Sequence[Network], rows: Sequence[Sequence[Tensor]]) -> None:
        """Set the dense layers; see `Merging.refine`.

        Raises
        ------
        ValueError
            If the trunk has none.
        """
        names = [name for name, part in network.trunk.named_modules() if isinstance(part, (MemberLinear, nn.Linear))]
        if not names:
            raise ValueError("method='regmean' merges dense layers, and this trunk has none. Use method='average'.")
        layers = [[dict(own.trunk.named_modules())[name] for name in names] for own in networks]
        grams = [_gramians(*each) for each in zip(networks, layers, rows, strict=True)]
        for place, name in enumerate(names):
            weights = torch.stack([_folded(own[place]) for own in layers])  # (N, M, F + 1, H)
            products = torch.stack([own[place] for own in grams])  # (N, M, F + 1, F + 1)
            if not products.any():  # no network called it: it stays the mean
                continue
            _set_folded(dict(network.trunk.named_modules())[name], self.solved(products, weights))

    def solved(self, products: Tensor, weights: Tensor) -> Tensor:
        """Return the merged layer.

        Parameters
        ----------
        products : Tensor of shape (N, ..., F, F)
            `G_i`.
        weights : Tensor of shape (N, ..., F, H)
            `W_i`.

        Returns
        -------
        Tensor of shape (..., F, H)
        """
        total, right = products.sum(0), torch.matmul(products, weights).sum(0)
        mean = total.diagonal(dim1=-2, dim2=-1).mean(-1).clamp(min=torch.finfo(total.dtype).tiny)
        ridge = (self.ridge * mean)[..., None, None]
        eye = torch.eye(total.shape[-1], dtype=total.dtype)
        return torch.linalg.solve(total + ridge * eye, right + ridge * weights.mean(0))


def _gramians(network: Network, layers: Sequence[nn.Module], batches: Sequence[Tensor]) -> list[Tensor]:
    """Return products of what each layer reads of some rows, `(M, F + 1, F + 1)`, in float64; 0 where it reads none."""
    found: dict[int, Tensor] = {}
    for layer in layers:
        folded = _folded(layer)
        found[id(layer)] = folded.new_zeros(*folded.shape[:2], folded.shape[1])

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], _: Any) -> None:
        x = inputs[0].double()
        x = x if isinstance(layer, MemberLinear) else x.reshape(1, -1, x.shape[-1])
        x = x.expand(_folded(layer).shape[0], -1, -1)
        x = torch.cat([x, x.new_ones(*x.shape[:2], 1)], 2)
        found[id(layer)] += torch.bmm(x.transpose(1, 2), x)

    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        network.eval()
        for batch in batches:
            network.represent(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return [found[id(layer)] for layer in layers]


def _folded(layer: Any) -> Tensor:
    """Return weights with the biases below them, `(M, F + 1, H)`, in float64."""
    weight = layer.weight.detach().double()
    bias = None if layer.bias is None else layer.bias.detach().double()
    if not isinstance(layer, MemberLinear):
        weight = weight.T.unsqueeze(0)
        bias = None if bias is None else bias.view(1, 1, -1)
    return torch.cat([weight, weight.new_zeros(*weight.shape[:1], 1, weight.shape[2]) if bias is None else bias], 1)


def _set_folded(layer: nn.Module, folded: Tensor) -> None:
    weight, bias = folded[:, :-1], folded[:, -1:]
    if isinstance(layer, MemberLinear):
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    elif isinstance(layer, nn.Linear):
        layer.weight.copy_(weight[0].T)
        if layer.bias is not None:
            layer.bias.copy_(bias[0, 0])
