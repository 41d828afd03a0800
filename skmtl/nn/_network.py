"""The network that joins a trunk and the heads of all tasks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from ._autograd_passes import AutogradPass, MixturePass
from ._closed_pass import ClosedPass
from ._embedding import MemberEmbedding
from ._encoders import MemberEncoders, Pace
from ._heads import Heads
from ._layers import MemberDropout
from ._mixing import Mixing
from ._mlp import MLP
from ._modules import MemberModules
from ._sharing import SharedTrunk
from ._text import BagEmbedding
from ._training_pass import TrainingPass
from ._trunk import n_outputs_of


class Network(nn.Module):
    """A shared trunk and the linear heads of all tasks.

    Parameters
    ----------
    trunk : nn.Module
        `(B, F)` or `(M, B, F)` → `(M, B, H)`, with `H` in its attribute `n_outputs`; or a `SharedTrunk`.
    start : Tensor of shape (M, O)
        Outputs of the heads before training. Head weights start at zero, so that the first prediction is the mean or
        the prior and no result depends on the order of the tasks.
    bias_only : sequence of bool or None, default=None
        Which outputs do not depend on the features; None: none.
    embedding : MemberEmbedding, BagEmbedding, MemberEncoders or None, default=None
        What replaces the last columns of the features, or all, before the trunk reads them.
    owners : sequence of int or None, default=None
        The task that each output belongs to; None: each is a task.
    chains : sequence of slice, default=()
        Outputs that are the steps of a chain; see `Heads`.

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
        embedding: MemberEmbedding | BagEmbedding | MemberEncoders | None = None,
        owners: Sequence[int] | None = None,
        chains: Sequence[slice] = (),
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.trunk = trunk
        n_units = n_outputs_of(trunk)
        owners = range(start.shape[1]) if owners is None else owners
        self.head = Heads(len(start), n_units, owners, bias_only, chains)
        with torch.no_grad():
            self.head.bias.copy_(start.unsqueeze(1))  # (M, 1, O)

    def forward(self, x: Tensor, rows: Tensor | None = None, mixing: Mixing | None = None) -> Tensor:
        """Map features to the output block of all tasks, `(M, B, O)`.

        Parameters
        ----------
        x : Tensor of shape (B, F) or (M, B, F)
        rows : Tensor of shape (M, B) or None
            Which rows a member trains on; only trunks that mix rows ask.
        mixing : Mixing or None, default=None
            How rows are mixed before the trunk reads them.
        """
        return self.head.linked(self.raw(x, rows, mixing))

    def raw(self, x: Tensor, rows: Tensor | None = None, mixing: Mixing | None = None) -> Tensor:
        """Map features to what heads say, before chains link it, `(M, B, O)`.

        Parameters
        ----------
        x : Tensor of shape (B, F) or (M, B, F)
        rows : Tensor of shape (M, B) or None
        mixing : Mixing or None, default=None
        """
        x = self._embedded(x, mixing)
        outputs: Tensor = self.head(self.trunk(x) if rows is None else self.trunk(x, rows))
        return outputs

    def _embedded(self, x: Tensor, mixing: Mixing | None = None) -> Tensor:
        """Replace places in the table of embeddings by their vectors, and mix rows."""
        x = x if self.embedding is None else self.embedding(x)
        return x if mixing is None else mixing.mixed(x)

    def forward_training(self, x: Tensor, rows: Tensor | None = None, mixing: Mixing | None = None) -> TrainingPass:
        """Map like `forward`; return outputs and what gives the gradients of all parameters.

        Parameters
        ----------
        x : Tensor of shape (B, F)
        rows : Tensor of shape (M, B) or None
        mixing : Mixing or None, default=None
        """
        if isinstance(self.trunk, MLP) and self.closed_form and not isinstance(self.embedding, MemberEncoders):
            return ClosedPass(self.head, self.trunk, self.embedding, x, mixing)
        self.zero_grad()
        x = self._embedded(x, mixing)
        if isinstance(self.trunk, SharedTrunk):
            mixture = self.trunk.mixture(x, rows)
            if mixture is not None:
                return MixturePass(self.head, self.trunk, *mixture, self._shared)
        representation = self.trunk(x) if rows is None else self.trunk(x, rows)
        return AutogradPass(self.head, self.trunk, representation, self._shared, self._has_own)

    @cached_property
    def _shared(self) -> list[tuple[nn.Parameter, int | None]]:
        """Parameters that no task has for itself and that are trained, each with its member."""
        own = self.trunk.task_parameters() if isinstance(self.trunk, SharedTrunk) else []
        apart = {id(parameter) for parameter in (*own, *self.head.parameters())}
        return [
            (tensor, owner)
            for tensor, owner in self.member_tensors()
            if isinstance(tensor, nn.Parameter) and tensor.requires_grad and id(tensor) not in apart
        ]

    @cached_property
    def _has_own(self) -> bool:
        """Whether the trunk holds parameters of one task each."""
        return isinstance(self.trunk, SharedTrunk) and bool(self.trunk.task_parameters())

    @property
    def shares(self) -> bool:
        """Whether any parameter belongs to several tasks."""
        return self.head.n_tasks > 1 and bool(self._shared)

    def after_step(self, learning_rate: float) -> None:
        """Do what a way of sharing does after a step of the solver.

        Parameters
        ----------
        learning_rate : float
        """
        if isinstance(self.trunk, SharedTrunk):
            self.trunk.after_step(learning_rate)

    def represent(self, x: Tensor) -> Tensor:
        """Return the shared representation, `(M, B, H)`, or those of the tasks side by side, `(M, B, T · H)`."""
        representation: Tensor = self.trunk(self._embedded(x))
        return representation if representation.dim() == 3 else representation.transpose(1, 2).flatten(2)

    def gates(self, x: Tensor) -> list[Tensor]:
        """Return which task uses which expert, `(M, T, B, E)` a level; nothing where there are no experts."""
        return self.trunk.gates(self._embedded(x)) if isinstance(self.trunk, SharedTrunk) else []

    def expert_owners(self) -> list[list[int | None]]:
        """Return the task that owns each expert, level by level; None: it is shared."""
        return self.trunk.expert_owners() if isinstance(self.trunk, SharedTrunk) else []

    @property
    def n_units(self) -> int:
        """Length of what `represent` returns for a row and member."""
        n_tasks = self.trunk.n_tasks if isinstance(self.trunk, SharedTrunk) else 1
        return int(self.head.weight.shape[1]) * n_tasks

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

    @torch.no_grad()
    def shrink_outputs(self, shares: Tensor, start: Tensor) -> None:
        """Let outputs go only a share of the way from where they started.

        Parameters
        ----------
        shares : Tensor of shape (O,)
        start : Tensor of shape (M, O)
        """
        self.head.weight.mul_(shares)
        self.head.bias.copy_(torch.lerp(start.unsqueeze(1), self.head.bias, shares))

    @property
    def generator(self) -> torch.Generator | None:
        """Where dropout layers draw from; None before `draw_from`, and without dropout."""
        layers = (module for module in self.modules() if isinstance(module, MemberDropout))
        return next((layer.generator for layer in layers), None)

    def draw_from(self, generator: torch.Generator | None) -> None:
        """Let all dropout layers draw from `generator`."""
        for module in self.modules():
            if isinstance(module, MemberDropout):
                module.generator = generator

    @cached_property
    def closed_form(self) -> bool:
        """Whether gradients are computed without automatic differentiation: those of all parameters, or of none."""
        trained = all(parameter.requires_grad for parameter in self.trunk.parameters())
        embedded = self.embedding is None or bool(self.embedding.closed_form)
        return isinstance(self.trunk, MLP) and trained and embedded

    @property
    def draws_globally(self) -> bool:
        """Whether foreign layers may draw from torch's global generator."""
        return self.mixes_rows or isinstance(self.embedding, MemberEncoders)

    @property
    def paces(self) -> list[tuple[Pace, list[nn.Parameter]]]:
        """Parameters that learn at a pace of their own."""
        if not isinstance(self.embedding, MemberEncoders):
            return []
        return [(self.embedding.pace, [weight for weight in self.embedding.parameters() if weight.requires_grad])]

    @cached_property
    def mixes_rows(self) -> bool:
        """Whether the trunk mixes rows, perhaps in a penalty, and so must be told which ones a member trains on."""
        parts = self.trunk.modules()
        return any(isinstance(part, MemberModules) or getattr(part, "mixes_rows", False) for part in parts)

    @property
    def n_members(self) -> int:
        """Number of members."""
        return int(self.head.weight.shape[0])

    @cached_property
    def n_parameters(self) -> int:
        """Number of parameters of all members."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def widest(self) -> int:
        """Number of values per row and member in the widest layer that is known."""
        return self.widest_of(1.0)

    def widest_of(self, length: float) -> int:
        """Return the number of values per row and member in the widest layer that is known, of rows of some length.

        Parameters
        ----------
        length : float
            Of the longest sequence among the rows, where the longest of fit is 1.
        """
        fixed, growing = self._widths
        return max(fixed, int(length * growing))

    @cached_property
    def _widths(self) -> tuple[int, int]:
        """Values per row and member in the widest layer, and in the widest whose values grow with the steps of rows."""
        copies = self.trunk.n_copies if isinstance(self.trunk, SharedTrunk) else 1
        known = {True: [0], False: [parameter.shape[-1] for parameter in self.parameters() if parameter.dim()]}
        for module in self.trunk.modules():
            known[bool(getattr(module, "grows", False))].append(int(getattr(module, "n_values", 1)))
        return copies * max(known[False]), copies * max(known[True])

    @cached_property
    def n_products(self) -> int:
        """Number of multiplications of a row, of all members: one a parameter, where a module does not know better."""
        known = [part for child in self.children() for part in child.modules() if hasattr(part, "n_products")]
        counted = sum(parameter.numel() for module in known for parameter in module.parameters())
        return self.n_parameters - counted + sum(int(getattr(module, "n_products", 0)) for module in known)

    def member_tensors(self) -> list[tuple[Tensor, int | None]]:
        """Return all parameters and buffers, each with the member it belongs to.

        None: members are its first axis, each perhaps with several copies, for tasks or experts, one after the other.
        """
        tensors: list[tuple[Tensor, int | None]] = []
        foreign: set[int] = set()
        for module in self.trunk.modules():
            if isinstance(module, MemberModules):
                copies = len(module.members) // self.n_members
                for place, member in enumerate(module.members):
                    own = (*member.parameters(), *member.buffers())
                    tensors += [(tensor, place // copies) for tensor in own]
                    foreign |= {id(tensor) for tensor in own}
        tensors += [(tensor, None) for tensor in self.trunk.parameters() if id(tensor) not in foreign]
        if isinstance(self.embedding, MemberEncoders):
            tensors += self.embedding.member_tensors()
        elif self.embedding is not None:
            tensors += [(tensor, None) for tensor in self.embedding.parameters()]
        return tensors + [(tensor, None) for tensor in self.head.parameters()]
