"""What an augmentation draws from: noise, and rows that may lend something to others."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

# Parts that tell rows apart; of more, every 60th shares a bit.
CODE_BITS = 60


class Draws:
    """The random numbers of one batch, and which of its rows may meet.

    A row that one member holds out must not reach that member through another row: rows meet only if the same members
    train on them. Of samples of several parts, those meet that have the same: a label of which no part that is there
    says anything only teaches doubt.

    Parameters
    ----------
    x : Tensor of shape (B, F)
        The batch; numbers have its type and device.
    rows : Tensor of shape (M, B) or None
        1 where a member trains on a row; None if all do.
    generator : torch.Generator
        On the device of the batch.
    scalars : numpy.random.Generator
        For the few numbers that a batch has in common.
    there : Tensor of bool of shape (B, K) or None, default=None
        Which parts a row has; None if samples have no parts.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmtl.augmentation import Draws
    >>> trains = torch.tensor([[1.0, 1.0, 1.0, 0.0, 0.0]])
    >>> draws = Draws(torch.zeros(5, 1), trains, torch.Generator().manual_seed(0), np.random.default_rng(0))
    >>> sorted(draws.partners()[:3].tolist()), sorted(draws.partners()[3:].tolist())
    ([0, 1, 2], [3, 4])
    """

    def __init__(
        self,
        x: Tensor,
        rows: Tensor | None,
        generator: torch.Generator,
        scalars: np.random.Generator,
        there: Tensor | None = None,
    ) -> None:
        self.n_rows = len(x)
        self.generator, self.scalars = generator, scalars
        self._dtype, self._device = x.dtype, x.device
        if rows is None:
            self.circle = torch.zeros(self.n_rows, dtype=x.dtype, device=x.device)
        else:  # a row is held out by one member at most, whose number it gets
            members = torch.arange(1, len(rows) + 1, dtype=x.dtype, device=x.device)
            self.circle = members @ (1 - rows)  # (B,)
        if there is not None:
            bits = torch.arange(there.shape[1], device=there.device) % CODE_BITS
            codes = (there.long() << bits).sum(1)
            kinds, kind = codes.unique(return_inverse=True)  # type: ignore[no-untyped-call]
            self.circle = self.circle * len(kinds) + kind

    def uniform(self, *shape: int) -> Tensor:
        """Draw numbers in [0, 1)."""
        return torch.rand(*shape, generator=self.generator, dtype=self._dtype, device=self._device)

    def normal(self, *shape: int) -> Tensor:
        """Draw standard normal numbers."""
        return torch.randn(*shape, generator=self.generator, dtype=self._dtype, device=self._device)

    def beta(self, alpha: float) -> float:
        """Draw one number of the distribution Beta(alpha, alpha)."""
        return float(self.scalars.beta(alpha, alpha))

    def partners(self) -> Tensor:
        """Draw a partner for each row, `(B,)`, another one wherever there is one; each row is the partner of one."""
        order, first, size = self._circles
        place = torch.arange(self.n_rows, device=order.device)
        following = first + (place - first + 1) % size
        partners = torch.empty_like(order)
        partners[order] = order[following]
        return partners

    def lenders(self, count: int) -> Tensor:
        """Draw `count` rows for each row, `(B, count)`, from those that may lend to it; it may be among them.

        Parameters
        ----------
        count : int
        """
        order, first, size = self._circles
        drawn = (self.uniform(self.n_rows, count) * size.unsqueeze(1)).long()
        lenders = torch.empty_like(drawn)
        lenders[order] = order[first.unsqueeze(1) + torch.minimum(drawn, size.unsqueeze(1) - 1)]
        return lenders

    @cached_property
    def _circles(self) -> tuple[Tensor, Tensor, Tensor]:
        """Rows in random order, circle after circle; for each place where its circle begins, and its size, `(B,)`."""
        order = torch.argsort(self.uniform(self.n_rows))
        order = order[torch.argsort(self.circle[order], stable=True)]
        circle = self.circle[order]
        first = torch.searchsorted(circle, circle)
        return order, first, torch.searchsorted(circle, circle, right=True) - first
