"""A forward pass of the built-in trunk while training, whose gradients are in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from ._chain import ALL
from ._embedding import MemberEmbedding
from ._heads import Heads
from ._mixing import Mixing
from ._mlp import MLP, Record
from ._text import BagEmbedding
from ._training_pass import TrainingPass


class ClosedPass(TrainingPass):
    """A pass through the built-in trunk, all of whose gradients are in closed form.

    Parameters
    ----------
    heads : Heads
    trunk : MLP
    embedding : MemberEmbedding, BagEmbedding or None
    x : Tensor of shape (B, F)
    mixing : Mixing or None, default=None
        How rows are mixed before the trunk reads them.
    """

    def __init__(
        self,
        heads: Heads,
        trunk: MLP,
        embedding: MemberEmbedding | BagEmbedding | None,
        x: Tensor,
        mixing: Mixing | None = None,
    ) -> None:
        self.trunk, self.embedding, self.x, self.mixed_by = trunk, embedding, x, mixing
        self.records: list[Record]
        with torch.no_grad():
            read = x if embedding is None else embedding(x)
            representation, self.records = trunk.forward_recorded(read if mixing is None else mixing.mixed(read))
        tensors = [*trunk.parameters(), *([] if embedding is None else embedding.parameters())]
        super().__init__(heads, representation, [(tensor, None) for tensor in tensors])

    def backward_trunk(self, gradient: Tensor) -> None:
        """Set the gradients of all parameters but the heads'; see `TrainingPass.backward_trunk`."""
        if not self.records and self.embedding is None:
            return
        gradient = self.trunk.backward(self.records, gradient)
        if self.embedding is not None:
            self._backward_embedding(self.embedding, self.records, gradient)

    def _backward_embedding(
        self, embedding: MemberEmbedding | BagEmbedding, records: list[Record], gradient: Tensor, rows: slice = ALL
    ) -> None:
        """Set the gradient of the table, from that with respect to the first layer's units of some rows."""
        vectors = self.trunk.input_gradient(records, gradient)[..., -embedding.n_outputs :]
        if self.mixed_by is not None:  # each row of the trunk is made of two of the table
            mixed = vectors.new_zeros(len(vectors), len(self.x), vectors.shape[2])
            mixed[:, rows] = vectors
            vectors, rows = self.mixed_by.unmixed(mixed), ALL
        embedding.backward(self.x, vectors, rows)

    @torch.no_grad()
    def jacobian(self, gradient: Tensor, rows: slice = ALL) -> Tensor:
        """Return each task's gradient with respect to the shared parameters; see `TrainingPass.jacobian`."""
        own = self.task_gradients(gradient, rows)  # (M, T, R, H)
        records = self.records if rows == ALL else [record.part(rows) for record in self.records]
        shapes = [(*own.shape[:2], *parameter.shape[1:]) for parameter, _ in self.shared]
        sizes = [parameter.numel() // len(own) for parameter, _ in self.shared]
        result = own.new_empty(*own.shape[:2], sum(sizes))
        parts = [part.view(shape) for part, shape in zip(torch.split(result, sizes, 2), shapes, strict=True)]
        own = self.trunk.jacobian(records, own, parts)
        if self.embedding is not None:
            for task in range(own.shape[1]):
                self._backward_embedding(self.embedding, records, own[:, task], rows)
                assert self.embedding.weight.grad is not None
                parts[-1][:, task] = self.embedding.weight.grad
        return result
