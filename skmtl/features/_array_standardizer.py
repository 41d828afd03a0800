"""Images and sequences as a network reads them: standardised by channel or feature, and which steps are there."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._chunks import as_tensor, row_chunks
from ._clipping import Scaling, ordinary_limit
from ._forms import Form
from ._inputs import Inputs


class ArrayStandardizer:
    """Statistics of the channels of images, or of the features of sequences, and the map to what a network reads.

    An image becomes its standardised values, flat. A sequence becomes its standardised values, flat, and behind them a
    1 for each step that is there and a 0 for each of padding; values there are 0. Missing values become 0, the mean.
    Statistics are weighted, taken in float64, once; constant channels become 0. Values that lie beyond all that was
    fitted by more than its whole span are taken for the farthest that do not, as those of columns are. Those a million
    times as far from 0 as the farthest of the median sample are no measure of the others: at fit they do not count.

    Parameters
    ----------
    form : Form
    shape : tuple of int
        Of one sample: `(channels, height, width)` or `(time, features)`.

    Attributes
    ----------
    mean_, inverse_scale_ : ndarray of shape (n_features,)
    mean_sample_ : ndarray of shape (n_columns,)
        The mean of each value over samples; that of its channel or feature where it was always missing.
    n_outputs : int
        Columns of a tensor, for samples of this shape.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmtl.features import ArrayStandardizer, Form
    >>> X = np.array([[1.0, np.nan], [3.0, 5.0]])
    >>> ArrayStandardizer(Form.SEQUENCE, (2, 1)).update(X, None, np.ones(2)).tensor(X, torch.float64, "cpu")
    tensor([[-1.2247,  0.0000,  1.0000,  0.0000],
            [ 0.0000,  1.2247,  1.0000,  1.0000]], dtype=torch.float64)
    """

    n_embedded = 0
    embedding_size = 0

    def __init__(self, form: Form, shape: tuple[int, ...]) -> None:
        self.form, self.shape = form, shape
        n_features = shape[0] if form is Form.IMAGE else shape[1]
        self.mean_, self.inverse_scale_ = np.zeros(n_features), np.zeros(n_features)
        self.mean_sample_ = np.zeros(prod(shape))
        self._low, self._high = np.full(n_features, np.inf), np.full(n_features, -np.inf)  # of all samples so far
        self._limit = np.full(n_features, np.inf)
        self._measured = False

    @property
    def n_outputs(self) -> int:
        """Columns of a tensor."""
        return prod(self.shape) + (self.shape[0] if self.form is Form.SEQUENCE else 0)

    @property
    def embedding_rows(self) -> list[int]:
        """Rows of a table of embeddings: none."""
        return []

    @property
    def uncoded(self) -> np.ndarray:
        """Places of the columns of a tensor that hold values."""
        return np.arange(prod(self.shape))

    @property
    def uncoded_columns(self) -> np.ndarray:
        """The column of the matrix behind each of `uncoded`."""
        return self.uncoded

    def update(
        self, X: np.ndarray, rows: np.ndarray | None, weights: np.ndarray, keys: np.ndarray | None = None
    ) -> ArrayStandardizer:
        """Measure channels or features, unless that was done before, and how far their values reach.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_columns)
        rows : ndarray of int or None
            The rows that count; None for all.
        weights : ndarray of shape (n_rows,)
            How much each of these rows counts.
        keys : ndarray or None, default=None
            Not used.
        """
        del keys
        if not len(weights):
            return self
        lows, highs = self._extremes(X, rows, np.inf)
        if not self._measured:
            self._limit = ordinary_limit(np.maximum(-lows, highs), weights)
        absurd = np.flatnonzero((np.maximum(-lows, highs) > self._limit).any(axis=1))
        if len(absurd):
            lows[absurd], highs[absurd] = self._extremes(X, absurd if rows is None else rows[absurd], self._limit)
        self._low = np.fmin(self._low, np.fmin.reduce(lows))
        self._high = np.fmax(self._high, np.fmax.reduce(highs))
        if not self._measured:
            self._measure(X, rows, weights, self._limit if len(absurd) else np.inf)
            self._measured = True
        return self

    def _extremes(
        self, X: np.ndarray, rows: np.ndarray | None, limit: np.ndarray | float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the greatest value of each sample, `(n, features)`, NaN where all are missing."""
        found = []
        for _, _, values in self._chunks(X, rows, limit):
            least, most = values.min(axis=1), values.max(axis=1)
            if np.isnan(least).any():
                least, most = np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1)
            found.append(np.stack([least, most]).astype(np.float64))
        lows, highs = np.concatenate(found, axis=1)
        return lows, highs

    def _measure(self, X: np.ndarray, rows: np.ndarray | None, weights: np.ndarray, limit: np.ndarray | float) -> None:
        """Set means and scales."""
        centre: np.ndarray | None = None
        total, first, second = (np.zeros(len(self.mean_)) for _ in range(3))
        cell_total, cell_sum = np.zeros(X.shape[1]), np.zeros(X.shape[1])
        for place, chunk, values in self._chunks(X, rows, limit):
            values = values.astype(np.float64, copy=False)
            there = ~np.isnan(values)
            if centre is None:
                counts = there.sum((0, 1))
                centre = np.where(there, values, 0).sum((0, 1)) / np.maximum(counts, 1)
            away = np.where(there, values - centre, 0)
            weight = weights[place][:, None, None] * there
            total += weight.sum((0, 1))
            first += (weight * away).sum((0, 1))
            second += (weight * away * away).sum((0, 1))
            cell_total += weights[place] @ ~np.isnan(chunk)
            cell_sum += weights[place] @ np.nan_to_num(chunk, nan=0.0)
        assert centre is not None
        safe = np.where(total > 0, total, 1)
        shift = first / safe
        variance = second / safe - shift**2
        self.mean_ = centre + shift
        # Equal values have no spread, whatever rounding makes of it.
        spread = np.sqrt(np.maximum(variance, 0))
        varies = spread > 1e-12 * np.abs(self.mean_)
        self.inverse_scale_ = np.where(varies, 1 / np.where(varies, spread, 1), 0)
        repeats = prod(self.shape) // len(self.mean_)
        mean = np.repeat(self.mean_, repeats) if self.form is Form.IMAGE else np.tile(self.mean_, repeats)
        self.mean_sample_ = np.where(cell_total > 0, cell_sum / np.where(cell_total > 0, cell_total, 1), mean)

    def _chunks(
        self, X: np.ndarray, rows: np.ndarray | None, limit: np.ndarray | float
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Walk through X as `row_chunks` does, chunks also by feature; what is farther from 0 than a limit is NaN."""
        for place, chunk in row_chunks(X, rows):
            limited = np.isfinite(limit).any()
            own = chunk.astype(np.float64) if limited else chunk
            values = self._by_feature(as_tensor(own)).numpy()  # (n, values, features), in the memory of the chunk
            if limited:
                values[np.abs(values) > limit] = np.nan
            yield place, own, values

    def lengths(self, X: np.ndarray) -> np.ndarray | None:
        """Return how many steps of sequences are there, `(n,)`, where the longest of fit counts 1; None: images.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_columns)
        """
        if self.form is Form.IMAGE:
            return None
        steps: np.ndarray = steps_there(X.reshape(len(X), -1, self.shape[1])).sum(1)
        return steps / self.shape[0]

    def tensor(self, rows: Any, dtype: torch.dtype, device: torch.device | str) -> Tensor:
        """Return samples as a standardised tensor.

        Parameters
        ----------
        rows : ndarray or Tensor of shape (n_rows, n_columns)
        dtype : torch.dtype
        device : torch.device or str
        """
        rows = rows if isinstance(rows, Tensor) else as_tensor(rows)
        values = self._by_feature(rows.reshape(-1, rows.shape[-1]))  # (n, values, features)
        values = values.to(dtype) if values.dtype != torch.float64 else values
        missing = values.isnan()
        scaling = Scaling(self.mean_, self.inverse_scale_, self._low, self._high, values.dtype)
        scaled = scaling.apply(values.clone()).masked_fill_(missing, 0).to(dtype)
        if self.form is Form.IMAGE:
            flat = scaled.transpose(1, 2).flatten(1)
        else:
            flat = torch.cat([scaled.flatten(1), (~missing.all(2)).to(dtype)], 1)
        return flat.view(*rows.shape[:-1], -1).to(device)

    def inputs(self, dtype: torch.dtype, device: torch.device) -> Inputs:
        """Return what each column of a tensor means.

        Parameters
        ----------
        dtype : torch.dtype
        device : torch.device
        """
        varies = torch.from_numpy(self.inverse_scale_ > 0).to(device, dtype)
        if self.form is Form.IMAGE:
            varies = varies.repeat_interleave(prod(self.shape[1:]))
        rest = torch.zeros(self.n_outputs, dtype=dtype, device=device)
        return Inputs(self.form, self.shape, varies, rest[:0].long(), rest)

    def _by_feature(self, rows: Tensor) -> Tensor:
        """Return flat samples as `(n, values, features)`."""
        n_features = len(self.mean_)
        if self.form is Form.IMAGE:
            return rows.view(len(rows), n_features, -1).transpose(1, 2)
        return rows.view(len(rows), -1, n_features)


def steps_there(array: np.ndarray) -> np.ndarray:
    """Return which steps of sequences hold a value, `(n, time, features)` → `(n, time)`.

    Parameters
    ----------
    array : ndarray of shape (n, time, features)
    """
    if array.dtype == np.uint8:
        return np.ones(array.shape[:2], bool)
    flat = array.reshape(len(array), -1)
    parts = [~np.isnan(chunk.reshape(len(chunk), *array.shape[1:])).all(2) for _, chunk in row_chunks(flat)]
    return np.concatenate(parts)
