"""Texts: bags of embeddings, and dense layers above them."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from ._embedding import START
from ._layers import MemberDropout
from ._mlp import MLPTrunk
from ._trunk import Trunk

# Of trunks that do not say: length of a token's embedding.
EMBEDDING_SIZE = 64
# Tokens of a usual text, to count products.
USUAL_TOKENS = 256


class TextTrunk(MLPTrunk):
    """Specification of the trunk of texts: the weighted sum of its tokens' embeddings, and dense layers.

    What tokens are, and what they weigh, says `skmtl.features.TextEncoder`. Costs some `tokens · embedding_size`
    multiplications a text, and a step changes the whole table, `embedding_size` numbers a token that was kept.

    Parameters
    ----------
    embedding_size : int, default=64
        Length of a token's embedding.
    hidden_layer_sizes : sequence of int, default=(64,)
        Units of each dense layer; empty: none, and tasks are linear in the text's vector.
    activation : str, default="relu"
        A name of `skmtl.nn.ACTIVATIONS`.
    dropout : float, default=0.6
        Share of a text's vector, and of the units of each layer, that are dropped while training, in [0, 1).

    References
    ----------
    Joulin, A., Grave, E., Bojanowski, P., and Mikolov, T. (2017). Bag of tricks for efficient text classification.
    EACL.

    Examples
    --------
    >>> from skmtl import MultiTaskClassifier
    >>> from skmtl.datasets import load_sentences
    >>> X, y = load_sentences(return_X_y=True)
    >>> model = MultiTaskClassifier(max_iter=2, random_state=0).fit(X[::8], y[::8])
    >>> model.predict(["Great phone!", "The plot was a mess."]).shape
    (2, 2)
    """

    batched = False  # a table of embeddings a member is dear, however they train

    def __init__(
        self,
        embedding_size: int = EMBEDDING_SIZE,
        *,
        hidden_layer_sizes: Sequence[int] = (64,),
        activation: str = "relu",
        dropout: float = 0.6,
    ) -> None:
        super().__init__(hidden_layer_sizes, activation=activation, dropout=dropout)
        self.embedding_size = embedding_size

    def embedding(self, n_tokens: int, generators: Sequence[torch.Generator]) -> BagEmbedding:
        """Return the table of embeddings that stands before the trunk.

        Parameters
        ----------
        n_tokens : int
        generators : sequence of torch.Generator
            One a member.

        Raises
        ------
        ValueError
            If the length of embeddings is out of range.
        """
        return BagEmbedding(n_tokens, self._size(), float(self.dropout), generators)

    def _size(self) -> int:
        if not isinstance(self.embedding_size, Integral) or self.embedding_size < 1:
            raise ValueError(f"embedding_size must be a positive integer, got {self.embedding_size!r}.")
        return int(self.embedding_size)


def bag_of(trunk: Trunk, n_tokens: int, generators: Sequence[torch.Generator]) -> BagEmbedding:
    """Return the table of embeddings that stands before a trunk, be it one of tokens or not.

    Parameters
    ----------
    trunk : Trunk
    n_tokens : int
    generators : sequence of torch.Generator
        One a member.

    Raises
    ------
    ValueError
        If the trunk has settings of its own for it, and one is out of range.
    """
    if isinstance(trunk, TextTrunk):
        return trunk.embedding(n_tokens, generators)
    return BagEmbedding(n_tokens, EMBEDDING_SIZE, 0.0, generators)


class BagEmbedding(nn.Module):
    """A table of vectors for each member, and the weighted sum of those of a row's tokens.

    Vectors start normal with a standard deviation of 0.1.

    Parameters
    ----------
    n_tokens, size : int
        Rows of the table, and their length.
    dropout : float
        Share of the sum that is dropped while training.
    generators : sequence of torch.Generator
        One a member: where its start is drawn from.

    Attributes
    ----------
    n_outputs : int
        Length of the sum.
    n_products : int
        Multiplications of a forward pass of a usual row.
    closed_form : bool
        Whether `backward` gives the gradients of all parameters.

    Notes
    -----
    Shape: `(B, 2 L)` or `(M, B, 2 L)`, places of `L` tokens and their weights, 0 for padding → `(M, B, size)`.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import BagEmbedding
    >>> BagEmbedding(9, 3, 0.0, [torch.Generator()])(torch.tensor([[4.0, 7.0, 0.5, 0.0]])).shape
    torch.Size([1, 1, 3])
    """

    closed_form = True

    def __init__(self, n_tokens: int, size: int, dropout: float, generators: Sequence[torch.Generator]) -> None:
        super().__init__()
        self.n_outputs, self.n_products = size, len(generators) * USUAL_TOKENS * size
        start = [torch.randn(n_tokens, size, generator=generator) for generator in generators]
        self.weight = nn.Parameter(START * torch.stack(start))  # (M, V, D)
        self.dropout = MemberDropout(dropout)
        self._mask: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, 2 L)` or `(M, B, 2 L)` to `(M, B, D)`."""
        sums = []
        for member in range(len(self.weight)):
            places, weights, counts = self.shares(x if x.dim() == 2 else x[member], member)
            offsets = counts.cumsum(0) - counts
            sums.append(embedding_bag(places, self.weight[member], offsets, mode="sum", per_sample_weights=weights))
        block = torch.stack(sums)
        self._mask = self.dropout.mask(block)
        return block if self._mask is None else block * self._mask

    def shares(self, x: Tensor, member: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return places of the tokens of all rows, one after the other, what they are multiplied by, and their counts.

        Parameters
        ----------
        x : Tensor of shape (B, 2 L)
        member : int
            Whose table it is.

        Returns
        -------
        places, shares : Tensor of shape (N,)
        counts : Tensor of int of shape (B,)
            How many tokens each row has.
        """
        del member
        n_tokens = x.shape[1] // 2
        there = x[:, n_tokens:] != 0
        return x[:, :n_tokens][there].long(), x[:, n_tokens:][there], there.sum(1)

    def padded_shares(self, x: Tensor) -> Tensor:
        """Return what the vectors of tokens are multiplied by, 0 for padding, `(B, M, L)`.

        Parameters
        ----------
        x : Tensor of shape (B, 2 L)
        """
        there = x.chunk(2, 1)[1] != 0
        result = x.new_zeros(len(x), len(self.weight), there.shape[1])
        for member in range(len(self.weight)):
            result[:, member][there] = self.shares(x, member)[1]
        return result

    def pooled(self, places: Tensor, shares: Tensor) -> Tensor:
        """Return the sums of tokens' vectors times their shares, `(M, B, D)`.

        Parameters
        ----------
        places : Tensor of shape (B, L)
        shares : Tensor of shape (B, M, L)
        """
        tokens = places.long()
        sums = [
            embedding_bag(tokens, table, mode="sum", per_sample_weights=own.contiguous())
            for table, own in zip(self.weight, shares.unbind(1), strict=True)
        ]
        return torch.stack(sums)

    @torch.no_grad()
    def backward(self, x: Tensor, gradient: Tensor, rows: slice = slice(None)) -> None:
        """Set the gradient of the table.

        Parameters
        ----------
        x : Tensor of shape (B, 2 L) or (M, B, 2 L)
            What `forward` was given last.
        gradient : Tensor of shape (M, R, D)
            Gradient with respect to the sums that it returned, of some rows.
        rows : slice, default=slice(None)
            Which these are; the gradient of the others is 0.
        """
        gradient = gradient if self._mask is None else gradient * self._mask[:, rows]
        if self.weight.grad is None:
            self.weight.grad = torch.empty_like(self.weight)
        for member, table in enumerate(self.weight.grad.zero_()):
            places, weights, counts = self.shares((x if x.dim() == 2 else x[member])[rows], member)
            own = gradient[member].repeat_interleave(counts, 0).mul_(weights.unsqueeze(1))
            table.index_add_(0, places, own)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to a batch."""
        return {**self.__dict__, "_mask": None}
