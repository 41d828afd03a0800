"""Layers with a leading member dimension: one `baddbmm` serves all members."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "gelu": nn.functional.gelu,
    "silu": nn.functional.silu,
    "selu": nn.functional.selu,
    "mish": nn.functional.mish,
}


class MemberLinear(nn.Module):
    """A linear layer for each member, `x W_m + b_m`.

    Weights start at zero unless `draws` gives a generator per member; then they start uniformly in ±1/√F, biases
    included (the usual start of a linear layer). Each member draws from its own generator: it starts the same, alone
    or among others.

    Parameters
    ----------
    n_members, n_inputs, n_outputs : int
    draws : sequence of torch.Generator or None, default=None
        Where each member's start is drawn from; None starts at zero.

    Notes
    -----
    Shape: `(B, F)` or `(M, B, F)` → `(M, B, O)`.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import MemberLinear
    >>> MemberLinear(3, 5, 2)(torch.ones(4, 5)).shape
    torch.Size([3, 4, 2])
    """

    def __init__(
        self, n_members: int, n_inputs: int, n_outputs: int, draws: Sequence[torch.Generator] | None = None
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_members, n_inputs, n_outputs))
        self.bias = nn.Parameter(torch.zeros(n_members, 1, n_outputs))
        if draws is not None:
            bound = max(n_inputs, 1) ** -0.5
            with torch.no_grad():
                for member, generator in enumerate(draws):
                    for parameter in (self.weight, self.bias):
                        start = torch.rand(parameter.shape[1:], generator=generator, dtype=torch.float64)
                        parameter[member] = (2 * start - 1) * bound

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, F)` or `(M, B, F)` to `(M, B, O)`."""
        return torch.baddbmm(self.bias, x.expand(self.weight.shape[0], -1, -1), self.weight)


class MemberDropout(nn.Module):
    """Dropout that draws from a generator of its own, never from torch's global one.

    Parameters
    ----------
    rate : float
        Share of the units that are set to zero while training; the others grow by 1 / (1 - rate).

    Attributes
    ----------
    generator : torch.Generator or None
        Where masks are drawn from; the training engine sets it, and it is part of no copy or pickle.

    Notes
    -----
    Shape: any → the same.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import MemberDropout
    >>> layer = MemberDropout(0.5)
    >>> layer.generator = torch.Generator().manual_seed(0)
    >>> sorted(set(layer(torch.ones(1, 4, 8)).flatten().tolist()))
    [0.0, 2.0]
    >>> layer.eval()(torch.ones(1, 1, 2))
    tensor([[[1., 1.]]])
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Drop units while training; do nothing otherwise."""
        if not self.training or self.rate == 0:
            return x
        keep = torch.empty_like(x).bernoulli_(1 - self.rate, generator=self.generator)
        return x * keep.div_(1 - self.rate)

    def __getstate__(self) -> dict[str, object]:
        """Leave the generator out of pickles and copies."""
        return {**self.__dict__, "generator": None}
