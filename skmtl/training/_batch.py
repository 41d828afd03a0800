"""A batch of training rows."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..nn import Mixing


@dataclass
class Batch:
    """A batch, common to all members.

    Attributes
    ----------
    x : Tensor of shape (B, F)
    labels : Tensor of shape (B, T)
    weights : Tensor of shape (B, T) or None
        Label weights, 0 where hidden; None if all are 1.
    rows : Tensor of shape (M, B) or None
        1 where the member trains on the row; None if all do.
    mixing : Mixing or None, default=None
        How rows are mixed on their way into the trunk; the same members train on both rows of a pair.
    """

    x: Tensor
    labels: Tensor
    weights: Tensor | None
    rows: Tensor | None
    mixing: Mixing | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.labels)

    def part(self, place: slice) -> Batch:
        """Return some of the rows, sharing memory."""
        return Batch(
            self.x[place],
            self.labels[place],
            None if self.weights is None else self.weights[place],
            None if self.rows is None else self.rows[:, place],
        )

    def sides(self) -> list[tuple[Tensor, Tensor | None]]:
        """Return labels and weights of the rows; of mixed rows also those of their partners, each with its share.

        Weights are `(B, T)`, or `(1, 1)` where all are the same.
        """
        if self.mixing is None:
            return [(self.labels, self.weights)]
        partners, share = self.mixing.partners, self.mixing.share
        weights = self.labels.new_ones(1, 1) if self.weights is None else self.weights
        others = weights if self.weights is None else weights[partners]
        return [(self.labels, share * weights), (self.labels[partners], (1 - share) * others)]
