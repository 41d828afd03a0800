"""Layers with a leading member dimension: one `baddbmm` serves all members."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_backward = torch.ops.aten
# The two constants of Klambauer et al. (2017), as torch has them.
SELU = (1.6732632423543772848170429916717, 1.0507009873554804934193349852946)


@dataclass(frozen=True)
class Activation:
    """An activation with its derivative in closed form.

    Attributes
    ----------
    function : callable
        Units before → units after the activation.
    backward : callable
        Gradient with respect to the units after, units before, units after → gradient with respect to the units
        before.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import ACTIVATIONS
    >>> before = torch.tensor([-1.0, 2.0])
    >>> ACTIVATIONS["relu"].backward(torch.ones(2), before, ACTIVATIONS["relu"].function(before))
    tensor([0., 1.])
    """

    function: Callable[[Tensor], Tensor]
    backward: Callable[[Tensor, Tensor, Tensor], Tensor]


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(lambda x: x, lambda gradient, _before, _after: gradient),
    "logistic": Activation(torch.sigmoid, lambda gradient, _before, after: _backward.sigmoid_backward(gradient, after)),
    "tanh": Activation(torch.tanh, lambda gradient, _before, after: _backward.tanh_backward(gradient, after)),
    "relu": Activation(torch.relu, lambda gradient, _before, after: _backward.threshold_backward(gradient, after, 0)),
    "gelu": Activation(nn.functional.gelu, lambda gradient, before, _after: _backward.gelu_backward(gradient, before)),
    "silu": Activation(nn.functional.silu, lambda gradient, before, _after: _backward.silu_backward(gradient, before)),
    "selu": Activation(
        nn.functional.selu,
        lambda gradient, before, _after: _backward.elu_backward(gradient, *SELU, 1, False, before),
    ),
    "mish": Activation(nn.functional.mish, lambda gradient, before, _after: _backward.mish_backward(gradient, before)),
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
    bias_only : sequence of bool or None, default=None
        Which outputs are constants, without weights; None: none. Only for layers that start at zero.

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

    mask: Tensor | None

    def __init__(
        self,
        n_members: int,
        n_inputs: int,
        n_outputs: int,
        draws: Sequence[torch.Generator] | None = None,
        bias_only: Sequence[bool] | None = None,
    ) -> None:
        super().__init__()
        mask = None if bias_only is None or not any(bias_only) else ~torch.tensor(list(bias_only))
        self.register_buffer("mask", mask, persistent=False)
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
        weight = self.weight if self.mask is None else self.weight * self.mask
        return torch.baddbmm(self.bias, x.expand(self.weight.shape[0], -1, -1), weight)

    def backward(self, x: Tensor, gradient: Tensor) -> None:
        """Set the gradients of weights and biases.

        Parameters
        ----------
        x : Tensor of shape (B, F) or (M, B, F)
            What `forward` was given.
        gradient : Tensor of shape (M, B, O)
            Gradient with respect to what it returned.
        """
        for parameter in (self.weight, self.bias):
            if parameter.requires_grad and parameter.grad is None:
                parameter.grad = torch.empty_like(parameter)
        if self.weight.requires_grad:
            inputs = x.expand(self.weight.shape[0], -1, -1)  # (M, B, F)
            torch.bmm(inputs.transpose(1, 2), gradient, out=self.weight.grad)
            if self.mask is not None and self.weight.grad is not None:
                self.weight.grad.mul_(self.mask)
        if self.bias.requires_grad:
            torch.sum(gradient, 1, keepdim=True, out=self.bias.grad)

    def jacobian(self, x: Tensor, gradients: Tensor, weight: Tensor, bias: Tensor) -> None:
        """Write several tasks' gradients of weights and biases, for a layer without constant outputs.

        Parameters
        ----------
        x : Tensor of shape (B, F) or (M, B, F)
            What `forward` was given.
        gradients : Tensor of shape (M, T, B, O)
            Each task's gradient with respect to what it returned.
        weight : Tensor of shape (M, T, F, O)
        bias : Tensor of shape (M, T, 1, O)
        """
        inputs = x.expand(len(gradients), -1, -1).transpose(1, 2)  # (M, F, B)
        for member, own in enumerate(gradients):  # one after the other: as one product, inputs had to be repeated
            torch.bmm(inputs[member].expand(len(own), -1, -1), own, out=weight[member])
        torch.sum(gradients, 2, keepdim=True, out=bias)

    def input_gradient(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to the input, `(M, B, F)`."""
        return torch.bmm(gradient, self.weight.transpose(1, 2))


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
    active : bool
        Whether anything is dropped while training; not in what is frozen.

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

    active = True

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Drop units while training; do nothing otherwise."""
        mask = self.mask(x)
        return x if mask is None else x * mask

    def mask(self, x: Tensor) -> Tensor | None:
        """Draw what units are multiplied by, of the shape of `x`: 0, or 1 / (1 - rate); None if nothing is dropped."""
        if not (self.training and self.active) or self.rate == 0:
            return None
        return torch.empty_like(x).bernoulli_(1 - self.rate, generator=self.generator).div_(1 - self.rate)

    def __getstate__(self) -> dict[str, object]:
        """Leave the generator out of pickles and copies."""
        return {**self.__dict__, "generator": None}
