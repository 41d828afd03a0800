"""Rows as tensors: whole tensors made once, batches by permutation and slices, features standardised on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

from ..features import AnyStandardizer, as_tensor
from ._augmenter import Augmenter
from ._batch import Batch

# Values of X that are gathered and standardised at once, some megabyte: small batches share the cost of the calls.
BLOCK_VALUES = 2**18


class Rows:
    """Labelled rows: X where it lies, labels and weights as tensors.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n_samples, n_features)
    index : ndarray of int of shape (n_rows,) or None
        The rows of X that count; None for all.
    labels : ndarray of shape (n_rows, T)
        Encoded labels, finite also where hidden.
    weights : ndarray of shape (n_rows, T)
        Weight of each label, 0 where hidden.
    standardizer : Standardizer
    dtype : torch.dtype
    device : torch.device

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmtl.features import Standardizer
    >>> from skmtl.training import Batches, Rows
    >>> X, y, weights = np.eye(6), np.ones((6, 1)), np.ones((6, 1))
    >>> scales = Standardizer(6).update(X, None, np.ones(6))
    >>> rows = Rows(X, None, y, weights, scales, torch.float32, torch.device("cpu"))
    >>> rows.features(torch.tensor([0, 5])).shape
    torch.Size([2, 6])
    """

    def __init__(
        self,
        X: Any,
        index: np.ndarray | None,
        labels: np.ndarray,
        weights: np.ndarray,
        standardizer: AnyStandardizer,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.X = X
        self.dense = None if issparse(X) else as_tensor(X)
        self.index = None if index is None else torch.from_numpy(index)
        self.standardizer = standardizer
        self.dtype, self.device = dtype, device
        self.labels = torch.from_numpy(labels).to(dtype).to(device)
        uniform = bool((weights == 1).all())  # a broadcast array of ones, mostly
        self.weights = None if uniform else torch.from_numpy(weights).to(dtype).to(device)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.labels)

    @property
    def n_features(self) -> int:
        """Number of columns of a batch."""
        return self.standardizer.n_outputs + self.standardizer.n_embedded

    def features(self, places: Tensor) -> Tensor:
        """Return standardised features of the rows at `places`, a tensor of one or two dimensions on the CPU."""
        flat = places.flatten()
        source = flat if self.index is None else self.index.index_select(0, flat)
        rows = self.X[source.numpy()] if self.dense is None else self.dense.index_select(0, source)
        x = self.standardizer.tensor(rows, self.dtype, self.device)
        return x.view(*places.shape, x.shape[-1])


class Batches:
    """The training batches of an epoch: one permutation, cut into slices of nearly equal size. Can be iterated again.

    Parameters
    ----------
    rows : Rows
    batch_size : int
        Largest number of rows in a batch; `len(rows)` or more: one batch in the given order.
    held_out : ndarray of int of shape (n_rows,) or None
        The member that holds out a row.
    n_members : int
    generator : torch.Generator
        Draws the permutations, on the CPU.
    variance : ndarray of shape (T,)
        What the mean error of a task is divided by in its score: the variance of its labels, or 1 for classes.
    augmenter : Augmenter or None, default=None
        What changes each batch.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmtl.features import Standardizer
    >>> from skmtl.training import Batches, Rows
    >>> X, y, weights = np.eye(6), np.ones((6, 1)), np.ones((6, 1))
    >>> scales = Standardizer(6).update(X, None, np.ones(6))
    >>> rows = Rows(X, None, y, weights, scales, torch.float32, torch.device("cpu"))
    >>> batches = Batches(rows, 4, None, 1, torch.Generator().manual_seed(0), np.ones(1))
    >>> [len(batch) for batch in batches]
    [3, 3]
    """

    def __init__(
        self,
        rows: Rows,
        batch_size: int,
        held_out: np.ndarray | None,
        n_members: int,
        generator: torch.Generator,
        variance: np.ndarray,
        augmenter: Augmenter | None = None,
    ) -> None:
        self.rows = rows
        self.augmenter = augmenter
        self.variance = torch.from_numpy(variance).to(rows.dtype).to(rows.device)
        self.generator = generator
        self.places = torch.arange(len(rows))
        self.trains: Tensor | None = None
        if held_out is not None and n_members == 1:
            self.places = torch.from_numpy(np.flatnonzero(held_out != 0))
        elif held_out is not None:
            members = np.arange(n_members)[:, None]
            self.trains = torch.from_numpy(held_out != members).to(rows.device)  # (M, n_rows)
        self.n_batches = max(1, -(-len(self.places) // batch_size))
        self._whole: Batch | None = None

    def __len__(self) -> int:
        """Return the number of batches."""
        return self.n_batches

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of one epoch."""
        plain = self._plain()
        return plain if self.augmenter is None else map(self.augmenter, plain)

    def _plain(self) -> Iterator[Batch]:
        """Yield the batches as they are."""
        if self.n_batches == 1:
            if self._whole is None:
                self._whole = self._batch(self.places)
            yield self._whole
            return
        order = self.places[torch.randperm(len(self.places), generator=self.generator)]
        batches = order.tensor_split(self.n_batches)
        per_block = max(1, BLOCK_VALUES // max(1, self.rows.n_features * len(batches[0])))
        for first in range(0, self.n_batches, per_block):
            block = self._batch(torch.cat(batches[first : first + per_block]))
            stop = 0
            for places in batches[first : first + per_block]:
                start, stop = stop, stop + len(places)
                yield block.part(slice(start, stop))

    def _batch(self, places: Tensor) -> Batch:
        rows = self.rows
        local = places.to(rows.device)
        return Batch(
            rows.features(places),
            rows.labels.index_select(0, local),
            None if rows.weights is None else rows.weights.index_select(0, local),
            None if self.trains is None else self.trains.index_select(1, local).to(rows.dtype),
        )
