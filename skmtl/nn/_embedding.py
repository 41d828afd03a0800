"""Vectors for the categories of columns that have many of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

# Small beside the standardised numbers that stand next to them: a category's vector means nothing before it is learned.
START = 0.1


class MemberEmbedding(nn.Module):
    """A table of vectors for each member, shared by all tasks; it replaces the last columns of its input.

    Vectors start normal with a standard deviation of 0.1; that of each column's first row, which stands for categories
    that were not there at fit, at 0.

    Parameters
    ----------
    rows : sequence of int
        Rows of the table that belong to each column, one column's after the other's.
    size : int
        Length of a vector.
    generators : sequence of torch.Generator
        One a member: where its start is drawn from.

    Attributes
    ----------
    n_columns : int
        Columns of the input that hold a row of the table.
    n_outputs : int
        Columns that replace them.
    closed_form : bool
        Whether `backward` gives the gradients of all parameters.

    Notes
    -----
    Shape: `(B, F + C)` or `(M, B, F + C)` → `(M, B, F + C · size)`, for `C` columns that hold a row of the table.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import MemberEmbedding
    >>> layer = MemberEmbedding([4, 9], 3, [torch.Generator()])
    >>> layer(torch.tensor([[0.5, 1.0, 12.0]])).shape
    torch.Size([1, 1, 7])
    """

    closed_form = True

    def __init__(self, rows: Sequence[int], size: int, generators: Sequence[torch.Generator]) -> None:
        super().__init__()
        self.n_columns, self.n_outputs = len(rows), len(rows) * size
        start = [torch.randn(sum(rows), size, generator=generator, dtype=torch.float64) for generator in generators]
        table = START * torch.stack(start).float()
        first = 0
        for count in rows:
            table[:, first] = 0
            first += count
        self.weight = nn.Parameter(table)  # (M, V, D)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, F + C)` or `(M, B, F + C)` to `(M, B, F + C · size)`."""
        vectors = self.weight.flatten(0, 1)[self.places(x)].flatten(2)  # (M, B, C · D)
        dense = x[..., : -self.n_columns].expand(len(self.weight), -1, -1)
        return torch.cat([dense, vectors], 2)

    def places(self, x: Tensor) -> Tensor:
        """Return rows of the tables of all members, one below the other, `(M, B, C)`."""
        n_members, n_rows = self.weight.shape[:2]
        own = n_rows * torch.arange(n_members, device=x.device).view(-1, 1, 1)
        return x[..., -self.n_columns :].long() + own

    @torch.no_grad()
    def backward(self, x: Tensor, gradient: Tensor, rows: slice = slice(None)) -> None:
        """Set the gradient of the table.

        Parameters
        ----------
        x : Tensor of shape (B, F + C) or (M, B, F + C)
            What `forward` was given.
        gradient : Tensor of shape (M, R, C · size)
            Gradient with respect to the vectors that it returned, of some rows.
        rows : slice, default=slice(None)
            Which these are; the gradient of the others is 0.
        """
        if self.weight.grad is None:
            self.weight.grad = torch.empty_like(self.weight)
        flat = self.weight.grad.zero_().view(-1, self.weight.shape[2])
        flat.index_add_(0, self.places(x[..., rows, :]).flatten(), gradient.reshape(-1, self.weight.shape[2]))
