"""What stands where in the rows that a network reads, for those who change them while training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ._bins import Bins


@dataclass(frozen=True)
class Inputs:
    """What each input of a row means: a row's numbers stand first, then their codes, then the rest.

    Attributes
    ----------
    form : str
        What a sample is, a value of `Form`.
    shape : tuple of int
        Of a sample: `(channels, height, width)` or `(time, features)`, of which later chunks may hold longer ones; not
        used for columns and texts.
    varies : Tensor of shape (V,)
        For each of the first inputs that are standardised numbers, 1, or 0 if it was constant at fit; of sequences, for
        each feature. Texts have none.
    owner : Tensor of int of shape (F,)
        For each input of a row of columns, the column of X that it comes from, counted among those that are read.
    rest : Tensor of shape (F,)
        What a column reads as of which nothing is known: the mean of numbers and its codes, the average of categories,
        the vector of categories that have none of their own.
    bins : Bins or None, default=None
        What makes the codes of numbers.
    n_parts : int, default=0
        Of samples of several parts, how many there are.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmtl.features import Standardizer
    >>> X = np.array([[1.0, 7.0], [3.0, 7.0]])
    >>> Standardizer(2).update(X, None, np.ones(2)).inputs(torch.float32, torch.device("cpu")).varies
    tensor([1., 0.])
    """

    form: str
    shape: tuple[int, ...]
    varies: Tensor
    owner: Tensor
    rest: Tensor
    bins: Bins | None = None
    n_parts: int = 0

    @property
    def n_columns(self) -> int:
        """Number of columns of X that are read."""
        return int(self.owner.max()) + 1 if len(self.owner) else 0

    def steps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sequences, `(B, time, features)`, and which of their steps are there, `(B, time)`, 1 or 0.

        Parameters
        ----------
        x : Tensor of shape (B, time · features + time)
        """
        n_features = self.shape[1]
        n_steps = x.shape[1] // (n_features + 1)
        return x[:, : n_steps * n_features].view(len(x), n_steps, n_features), x[:, n_steps * n_features :]

    def parts_there(self, x: Tensor) -> Tensor | None:
        """Return which parts each row has, `(B, K)`; None if samples have no parts.

        Parameters
        ----------
        x : Tensor of shape (B, F)
        """
        return x[:, self.n_parts : 2 * self.n_parts] > 0 if self.n_parts else None

    def with_numbers(self, x: Tensor, numbers: Tensor) -> Tensor:
        """Return rows with other numbers, and the codes of those.

        Parameters
        ----------
        x : Tensor of shape (B, F)
            Stays as it is.
        numbers : Tensor of shape (B, V)
        """
        parts, first = [numbers], numbers.shape[1]
        if self.bins is not None:
            parts.append(self.bins.codes(numbers))
            first += len(self.bins)
        return torch.cat([*parts, x[:, first:]], 1)
