"""Lists of identifiers: pooled embeddings, by attention, as a mean or as a sum, and dense layers above them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ._layers import MemberLinear
from ._text import USUAL_TOKENS, BagEmbedding, TextTrunk

# Matrix products of fewer rows round differently, and a list's vector must not depend on its neighbours.
FEWEST_ROWS = 8


class BagTrunk(TextTrunk):
    """Specification of the trunk of lists of identifiers: their pooled embeddings, and dense layers.

    What identifiers are, and what they weigh, says `skmtl.features.BagEncoder`. An empty list, and one of which nothing
    was there at fit, has the vector 0. Costs some `identifiers · embedding_size` multiplications a row, with attention
    `embedding_size` times as many; a step changes the whole table, `embedding_size` numbers an identifier.

    Parameters
    ----------
    embedding_size : int, default=32
        Length of an identifier's embedding.
    hidden_layer_sizes : sequence of int, default=(64,)
        Units of each dense layer; empty: none, and tasks are linear in a list's vector.
    activation : str, default="relu"
        A name of `skmtl.nn.ACTIVATIONS`.
    dropout : float, default=0.3
        Share of a list's vector, and of the units of each layer, that are dropped while training, in [0, 1).
    pooling : {"attention", "mean", "sum"}, default="attention"
        How the embeddings `e_i` of a list become one vector, with the weights `w_i` of its identifiers. "attention":
        their mean by `w_i exp(s(e_i))`, whose score `s`, a small network, learns which identifiers matter; it starts
        as "mean". "mean": by `w_i`. "sum": `Σ w_i e_i`, as for texts.

    References
    ----------
    Ilse, M., Tomczak, J., and Welling, M. (2018). Attention-based deep multiple instance learning. ICML.

    Zhou, G., et al. (2018). Deep interest network for click-through rate prediction. KDD.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl import MultiTaskClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.choice(50, size=rng.integers(1, 9)).tolist() for _ in range(100)]
    >>> y = np.array([[7 in row or 8 in row, len(row) > 4] for row in X])
    >>> MultiTaskClassifier(max_iter=2, random_state=0).fit(X, y).predict([[7, 12], []]).shape
    (2, 2)
    """

    def __init__(
        self,
        embedding_size: int = 32,
        *,
        hidden_layer_sizes: Sequence[int] = (64,),
        activation: str = "relu",
        dropout: float = 0.3,
        pooling: str = "attention",
    ) -> None:
        super().__init__(embedding_size, hidden_layer_sizes=hidden_layer_sizes, activation=activation, dropout=dropout)
        self.pooling = pooling

    def embedding(self, n_tokens: int, generators: Sequence[torch.Generator]) -> BagEmbedding:
        """Return the table of embeddings that stands before the trunk; see `TextTrunk.embedding`.

        Raises
        ------
        ValueError
            If the length of embeddings or the pooling is out of range.
        """
        if self.pooling not in BAG_POOLINGS:
            raise ValueError(f"pooling must be one of {sorted(BAG_POOLINGS)}, got {self.pooling!r}.")
        return BAG_POOLINGS[self.pooling](n_tokens, self._size(), float(self.dropout), generators)


class MeanBag(BagEmbedding):
    """The mean of the vectors of a row's tokens, by their weights; 0 of a row without any.

    Parameters and attributes as of :class:`BagEmbedding`.
    """

    def shares(self, x: Tensor, member: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return places, shares that sum to 1 in each row, and counts; see `BagEmbedding.shares`."""
        places, weights, counts = super().shares(x, member)
        row = _rows(counts)
        return places, weights / _sums(weights, row, len(counts))[row], counts


class AttentionBag(BagEmbedding):
    """The mean of the vectors `e_i` of a row's tokens by `w_i exp(s(e_i))`, `s(e) = v · tanh(e W + b)`; 0 without any.

    The last layer of the score, `v`, starts at zero, so that the mean by weights is the start. Parameters and
    attributes as of :class:`BagEmbedding`.
    """

    closed_form = False

    def __init__(self, n_tokens: int, size: int, dropout: float, generators: Sequence[torch.Generator]) -> None:
        super().__init__(n_tokens, size, dropout, generators)
        self.hidden = MemberLinear(len(generators), size, size, generators)
        self.score = MemberLinear(len(generators), size, 1)
        self.n_products += len(generators) * USUAL_TOKENS * size * (size + 1)

    def shares(self, x: Tensor, member: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return places, shares that sum to 1 in each row, and counts; see `BagEmbedding.shares`."""
        places, weights, counts = super().shares(x, member)
        row = _rows(counts)
        distinct, which = torch.unique(places, return_inverse=True)
        scores = self._scores(distinct, member)[which] + weights.log()  # (N,)
        highest = scores.new_zeros(len(counts)).scatter_reduce(0, row, scores.detach(), "amax", include_self=False)
        shares = (scores - highest[row]).exp()
        return places, shares / _sums(shares, row, len(counts))[row], counts

    def _scores(self, places: Tensor, member: int) -> Tensor:
        """Return the scores of some rows of a member's table, and some more: few rows would be rounded differently."""
        vectors = self.weight[member][torch.cat([places, places.new_zeros(FEWEST_ROWS)])]  # (N, D)
        units = torch.tanh(torch.addmm(self.hidden.bias[member], vectors, self.hidden.weight[member]))
        return torch.addmm(self.score.bias[member], units, self.score.weight[member])[:, 0]


def _rows(counts: Tensor) -> Tensor:
    """Return the row of each token, `(N,)`."""
    return torch.arange(len(counts), device=counts.device).repeat_interleave(counts)


def _sums(values: Tensor, row: Tensor, n_rows: int) -> Tensor:
    """Return the sum of the values of each row, `(B,)`."""
    return values.new_zeros(n_rows).index_add(0, row, values)


BAG_POOLINGS: dict[str, type[BagEmbedding]] = {"attention": AttentionBag, "mean": MeanBag, "sum": BagEmbedding}
