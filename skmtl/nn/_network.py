"""The network that joins a trunk and the heads of all tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from ._embedding import MemberEmbedding
from ._layers import MemberDropout, MemberLinear
from ._mlp import MLP
from ._modules import MemberModules


class Network(nn.Module):
    """A shared trunk and one linear head for all tasks together.

    Parameters
    ----------
    trunk : nn.Module
        `(B, F)` or `(M, B, F)` → `(M, B, H)`, with `H` in its attribute `n_outputs`.
    start : Tensor of shape (M, O)
        Outputs before training. Head weights start at zero, so that the first prediction is the mean or the prior
        and no result depends on the order of the tasks.
    bias_only : sequence of bool or None, default=None
        Which outputs do not depend on the features; None: none.
    embedding : MemberEmbedding or None, default=None
        What replaces the last columns of the features before the trunk reads them.

    Notes
    -----
    Shape: `(B, F)` or `(M, B, F)` → `(M, B, O)`.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import MLP, Network
    >>> trunk = MLP(5, [8], "relu", 0.0, [torch.Generator()])
    >>> Network(trunk, torch.tensor([[0.0, 1.0]]))(torch.ones(1, 5))
    tensor([[[0., 1.]]], grad_fn=<BaddbmmBackward0>)
    """

    def __init__(
        self,
        trunk: nn.Module,
        start: Tensor,
        bias_only: Sequence[bool] | None = None,
        embedding: MemberEmbedding | None = None,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.trunk = trunk
        n_units = int(trunk.n_outputs)  # type: ignore[arg-type]
        self.head = MemberLinear(start.shape[0], n_units, start.shape[1], bias_only=bias_only)
        with torch.no_grad():
            self.head.bias.copy_(start.unsqueeze(1))  # (M, 1, O)

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Map features to the output block of all tasks, `(M, B, O)`.

        Parameters
        ----------
        x : Tensor of shape (B, F) or (M, B, F)
        rows : Tensor of shape (M, B) or None
            Which rows a member trains on; only trunks that mix rows ask.
        """
        x = self._embedded(x)
        outputs: Tensor = self.head(self.trunk(x) if rows is None else self.trunk(x, rows))
        return outputs

    def _embedded(self, x: Tensor) -> Tensor:
        """Replace places in the table of embeddings by their vectors."""
        return x if self.embedding is None else self.embedding(x)

    def forward_training(self, x: Tensor, rows: Tensor | None = None) -> tuple[Tensor, Callable[[Tensor], None]]:
        """Map like `forward`; return also the backward pass, which sets the gradients of all parameters.

        Parameters
        ----------
        x : Tensor of shape (B, F)
        rows : Tensor of shape (M, B) or None

        Returns
        -------
        outputs : Tensor of shape (M, B, O)
        backward : callable
            Takes the gradient with respect to the outputs.
        """
        trunk, head, embedding = self.trunk, self.head, self.embedding
        if not isinstance(trunk, MLP):
            self.zero_grad()
            outputs = self(x, rows)
            return outputs.detach(), outputs.backward
        with torch.no_grad():
            representation, records = trunk.forward_recorded(self._embedded(x))
            outputs = head(representation)

        def backward(gradient: Tensor) -> None:
            head.backward(representation, gradient)
            if not records and embedding is None:
                return
            gradient = trunk.backward(records, head.input_gradient(gradient))
            if embedding is not None:
                embedding.backward(x, trunk.input_gradient(records, gradient)[..., -embedding.n_outputs :])

        return outputs, backward

    def represent(self, x: Tensor) -> Tensor:
        """Return the shared representation, `(M, B, H)`."""
        representation: Tensor = self.trunk(self._embedded(x))
        return representation

    @torch.no_grad()
    def restart_outputs(self, outputs: slice, chosen: Tensor, start: np.ndarray) -> None:
        """Let some outputs start anew.

        Parameters
        ----------
        outputs : slice
            A part of the output block.
        chosen : Tensor of bool of shape (M, O)
            Which of them.
        start : ndarray of shape (M, O)
            Where they start.
        """
        bias = self.head.bias[:, 0, outputs]  # (M, O)
        bias.copy_(torch.where(chosen.to(bias.device), torch.from_numpy(start).to(bias), bias))

    def draw_from(self, generator: torch.Generator | None) -> None:
        """Let all dropout layers draw from `generator`."""
        for module in self.modules():
            if isinstance(module, MemberDropout):
                module.generator = generator

    @property
    def closed_form(self) -> bool:
        """Whether gradients are computed without automatic differentiation."""
        return isinstance(self.trunk, MLP)

    @property
    def mixes_rows(self) -> bool:
        """Whether the trunk may mix rows, and so must be told which ones a member trains on."""
        return isinstance(self.trunk, MemberModules)

    @property
    def n_members(self) -> int:
        """Number of members."""
        return int(self.head.weight.shape[0])

    @cached_property
    def n_parameters(self) -> int:
        """Number of parameters of all members."""
        return sum(parameter.numel() for parameter in self.parameters())

    @cached_property
    def widest(self) -> int:
        """Number of values per row and member in the widest layer that is known."""
        return max(parameter.shape[-1] for parameter in self.parameters() if parameter.dim())

    def member_tensors(self) -> list[tuple[Tensor, int | None]]:
        """Return all parameters and buffers, each with the member it belongs to; None: members are its first axis."""
        tensors: list[tuple[Tensor, int | None]] = []
        if isinstance(self.trunk, MemberModules):
            for member, module in enumerate(self.trunk.members):
                tensors += [(tensor, member) for tensor in (*module.parameters(), *module.buffers())]
        else:
            tensors += [(tensor, None) for tensor in (*self.trunk.parameters(), *self.trunk.buffers())]
        if self.embedding is not None:
            tensors.append((self.embedding.weight, None))
        return tensors + [(tensor, None) for tensor in self.head.parameters()]
