"""Rows mixed in pairs: what a trunk reads, and the way back of its gradient."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Mixing:
    """How rows are mixed: `share` of each, and the rest of its partner.

    Rows are mixed where the trunk reads them, behind embeddings: a place in a table cannot be mixed, the vectors can.

    Attributes
    ----------
    partners : Tensor of int of shape (B,)
        The partner of each row.
    share : float
        In [0, 1]; 1 leaves rows as they are.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import Mixing
    >>> Mixing(torch.tensor([1, 0]), 0.75).mixed(torch.tensor([[0.0], [4.0]]))
    tensor([[1.],
            [3.]])
    """

    partners: Tensor
    share: float

    def mixed(self, x: Tensor) -> Tensor:
        """Mix rows, `(B, F)` or `(M, B, F)`."""
        return torch.lerp(x.index_select(-2, self.partners), x, self.share)

    def unmixed(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to rows, `(M, B, F)`, of that with respect to what they were mixed to."""
        own = self.share * gradient
        return own.index_add_(-2, self.partners, gradient, alpha=1 - self.share)
