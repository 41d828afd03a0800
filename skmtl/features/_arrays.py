"""Samples that are arrays themselves, images and sequences: one flat matrix, standardised by channel or feature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

from .._errors import enough_memory
from ._chunks import as_tensor, row_chunks
from ._clipping import Scaling, ordinary_limit
from ._forms import Form, form_of
from ._inputs import Inputs
from ._kinds import is_missing
from ._layout import Layout


class ArrayReader:
    """Reader of images `(n, channels, height, width)` and of sequences `(n, time, features)`.

    Their matrix has a row a sample, and shares memory with X where it can. Sequences of different lengths come as a
    list, Series or array of arrays `(time, features)`; they are padded with NaN, and a step of which every feature is
    NaN is not there, wherever it stands: those that are there come first, and what no sequence has is cut. None is an
    empty sequence, or an image all of whose values are missing. A single NaN elsewhere counts as the mean.

    Parameters
    ----------
    form : Form
    any_length : bool, default=True
        Whether later sequences may be longer than those of fit. Shorter ones are padded.

    Attributes
    ----------
    shape : tuple of int
        Of one sample at fit: `(channels, height, width)` or `(time, features)`.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.features import ArrayReader, Form
    >>> reader = ArrayReader(Form.SEQUENCE)
    >>> reader.fit_matrix([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]])])
    array([[ 1.,  2., nan, nan],
           [ 3.,  4.,  5.,  6.]])
    >>> reader.shape
    (2, 2)
    """

    layout: Layout
    shape: tuple[int, ...]

    def __init__(self, form: Form, any_length: bool = True) -> None:
        self.form, self.any_length = form, any_length

    @property
    def n_features(self) -> int:
        """Channels of an image, or features of a step."""
        return self.shape[0] if self.form is Form.IMAGE else self.shape[1]

    def fit_matrix(self, X: Any, rows: np.ndarray | None = None) -> np.ndarray:
        """Learn the shape of a sample, and return the matrix; see `Reader.fit_matrix`.

        Where later sequences may be longer, the matrix ends with the longest of those that count: others are cut.

        Raises
        ------
        ValueError
            If X is empty, is not of this form, holds infinity, or holds anything but numbers.
        """
        array = self._array(X)
        if rows is not None and len(rows) and self.form is Form.SEQUENCE and self.any_length:
            array = array[:, : max(1, int(_there(array)[rows].sum(1).max()))]
        self.shape = array.shape[1:]
        self.layout = Layout.of_numbers(prod(self.shape), padded=self.form is Form.SEQUENCE)
        return array.reshape(len(array), -1)

    def matrix(self, X: Any) -> np.ndarray:
        """Return the matrix of samples like those of fit; see `Reader.matrix`.

        Raises
        ------
        ValueError
            As in `fit_matrix`, or if samples have another shape than at fit.
        """
        if getattr(X, "ndim", 1) == 1 and len(X) and all(is_missing(sample) for sample in X):
            return np.full((len(X), prod(self.shape)), np.nan)
        if form_of(X) is not self.form:
            given = getattr(X, "shape", None)
            raise ValueError(
                f"Each sample of X was {self.form} of shape {self.shape} at fit, and now X "
                + (f"has shape {given}." if given is not None else f"is a {type(X).__name__} of other things.")
            )
        array = self._array(X)
        same = array.shape[1:] == self.shape if self.form is Form.IMAGE else array.shape[2] == self.shape[1]
        if not same:
            what = "images of shape" if self.form is Form.IMAGE else "sequences of shape (time, features) ="
            raise ValueError(f"X holds {what} {array.shape[1:]}, but held {self.shape} at fit.")
        if self.form is Form.SEQUENCE and array.shape[1] > self.shape[0] and not self.any_length:
            raise ValueError(
                f"X holds sequences of {array.shape[1]} steps, and at fit the longest had {self.shape[0]}, each of "
                "which is read for itself by this network's gates or dense layers. Cut them, or use a ConvTrunk or "
                "RecurrentTrunk with sharing='hard'."
            )
        if self.form is Form.SEQUENCE and array.shape[1] < self.shape[0]:
            longer = np.full((len(array), *self.shape), np.nan, np.result_type(array.dtype, np.float32))
            longer[:, : array.shape[1]] = array
            array = longer
        return array.reshape(len(array), -1)

    def standardizer(self) -> ArrayStandardizer:
        """Return a standardizer that has not measured anything yet; see `Reader.standardizer`."""
        return ArrayStandardizer(self.form, self.shape)

    def steps(self, X: Any) -> list[np.ndarray]:
        """Return which steps of each sequence are there: the steps of its row of the matrix, in their order.

        Parameters
        ----------
        X : array or sequence of sequences
        """
        if getattr(X, "ndim", 1) == 1 and all(is_missing(sample) for sample in X):
            return [np.empty(0, np.intp) for _ in X]
        return [np.flatnonzero(row) for row in _there(self._gathered(X))]

    def _array(self, X: Any) -> np.ndarray:
        """Return all samples as one array in C order, of bytes or floats; of sequences, what is there comes first."""
        array = self._gathered(X)
        holes = False
        if array.dtype != np.uint8:
            for place, chunk in row_chunks(array.reshape(len(array), -1), None):
                if np.isfinite(chunk).all():
                    continue
                holes = True
                if (infinite := np.isinf(chunk).any(axis=1)).any():
                    raise ValueError(
                        f"X holds infinity in row {place.start + int(infinite.argmax())}. Replace it by NaN, which "
                        "counts as missing, or by a number."
                    )
        if holes and self.form is Form.SEQUENCE:
            array = _in_front(array)
        return np.ascontiguousarray(array)

    def _gathered(self, X: Any) -> np.ndarray:
        """Return all samples as one array of bytes or floats, as they are."""
        gather = _stacked if self.form is Form.IMAGE else _padded
        array = np.asarray(X) if getattr(X, "ndim", 1) > 1 else gather(X)
        if not array.size:
            raise ValueError(f"X has shape {array.shape}: it holds no value.")
        if array.dtype.kind not in "biuf":
            raise ValueError(f"X must hold numbers where each sample is {self.form}, but its dtype is {array.dtype}.")
        if array.dtype not in (np.uint8, np.float32, np.float64):
            array = array.astype(np.float32 if array.dtype.itemsize < 4 else np.float64)
        return array


def _chunks(X: np.ndarray, rows: np.ndarray | None, limit: np.ndarray | None) -> Iterator[tuple[slice, np.ndarray]]:
    """Walk through X as `row_chunks` does; what is farther from 0 than its column's limit is NaN."""
    for place, chunk in row_chunks(X, rows):
        if limit is not None:
            chunk = chunk.astype(np.float64)
            chunk[np.abs(chunk) > limit] = np.nan
        yield place, chunk


def _there(array: np.ndarray) -> np.ndarray:
    """Return which steps of sequences hold a value, `(n, time, features)` → `(n, time)`."""
    if array.dtype == np.uint8:
        return np.ones(array.shape[:2], bool)
    flat = array.reshape(len(array), -1)
    parts = [~np.isnan(chunk.reshape(len(chunk), *array.shape[1:])).all(2) for _, chunk in row_chunks(flat)]
    return np.concatenate(parts)


def _in_front(array: np.ndarray) -> np.ndarray:
    """Return sequences with the steps that are there first, and no longer than the longest; padding changes nothing."""
    there = _there(array)
    rows = np.flatnonzero((there[:, 1:] > there[:, :-1]).any(1))
    if len(rows):
        order = np.argsort(~there[rows], axis=1, kind="stable")
        array = array.copy()
        array[rows] = np.take_along_axis(array[rows], order[:, :, None], 1)
    return array[:, : max(1, int(there.sum(1).max()))]


def holds_integers(X: Any) -> bool:
    """Whether images are of integers, all of them, whatever a missing one beside them makes of their array.

    Parameters
    ----------
    X : array of images, or sequence of them
    """
    if getattr(X, "ndim", 1) > 1:
        return np.asarray(X).dtype.kind in "iu"
    return all(np.asarray(image).dtype.kind in "iu" for image in X if not is_missing(image))


def _dense(sample: Any, place: int) -> np.ndarray:
    """Return one sample as an array."""
    if issparse(sample):
        raise ValueError(
            f"Row {place} of X holds a sparse array of shape {sample.shape}. Where each sample is a row of features, "
            "put them into one: scipy.sparse.vstack; where it is a sequence or an image, make it dense: .toarray()."
        )
    return np.asarray(sample)


def _stacked(X: Sequence[Any]) -> np.ndarray:
    """Return images as one array, NaN where one is missing."""
    images = [None if is_missing(image) else _dense(image, place) for place, image in enumerate(X)]
    known = [(place, image) for place, image in enumerate(images) if image is not None]
    first, shape = next((place, image.shape) for place, image in known if image.ndim == 3)
    for place, image in known:
        if image.shape != shape:
            raise ValueError(
                f"Image {place} of X has shape {image.shape}, but image {first} has {shape}. Resize them to one "
                "shape (channels, height, width)."
            )
    if len(known) == len(images):
        return np.stack([image for _, image in known])
    missing = np.full(shape, np.nan, np.result_type(np.float32, *(image.dtype for _, image in known)))
    return np.stack([missing if image is None else image for image in images])


def _padded(X: Sequence[Any]) -> np.ndarray:
    """Return sequences of different lengths as one array, padded with NaN."""
    samples = [None if is_missing(sample) else _dense(sample, place) for place, sample in enumerate(X)]
    known = [(place, sample) for place, sample in enumerate(samples) if sample is not None]
    first, n_features = next((place, sample.shape[1]) for place, sample in known if sample.ndim == 2)
    for place, sample in known:
        if sample.ndim != 2 or sample.shape[1] != n_features:
            raise ValueError(
                f"Sample {place} of X has shape {sample.shape}, but each must be a sequence (time, features) with "
                f"{n_features} features, as sample {first}."
            )
        if sample.dtype.kind not in "biuf":
            raise ValueError(f"Sample {place} of X must hold numbers, but its dtype is {sample.dtype}.")
    lengths = [0 if sample is None else len(sample) for sample in samples]
    longest = int(np.argmax(lengths))
    dtype = np.result_type(np.float32, *(sample.dtype for _, sample in known))
    what = f"Padding all sequences to the longest, row {longest} of {lengths[longest]} steps,"
    with enough_memory(what, "Cut it, or shorten all, for example to the means of every few steps."):
        array = np.full((len(samples), max(lengths[longest], 1), n_features), np.nan, dtype)
    for place, sample in known:
        array[place, : len(sample)] = sample
    return array


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
        lows, highs = self._extremes(X, rows)
        if not self._measured:
            self._limit = ordinary_limit(np.maximum(-lows, highs), weights)
        absurd = np.flatnonzero((np.maximum(-lows, highs) > self._limit).any(axis=1))
        limit = self._of_cells(self._limit) if len(absurd) else None
        if len(absurd):
            lows[absurd], highs[absurd] = self._extremes(X, absurd if rows is None else rows[absurd], limit)
        self._low = np.fmin(self._low, np.fmin.reduce(lows))
        self._high = np.fmax(self._high, np.fmax.reduce(highs))
        if not self._measured:
            self._measure(X, rows, weights, limit)
            self._measured = True
        return self

    def _extremes(
        self, X: np.ndarray, rows: np.ndarray | None, limit: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the greatest value of each sample, `(n, features)`, NaN where all are missing."""
        found = []
        for _, chunk in _chunks(X, rows, limit):
            values = self._by_feature(as_tensor(chunk)).numpy()
            least, most = values.min(axis=1), values.max(axis=1)
            if np.isnan(least).any():
                least, most = np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1)
            found.append(np.stack([least, most]).astype(np.float64))
        lows, highs = np.concatenate(found, axis=1)
        return lows, highs

    def _measure(self, X: np.ndarray, rows: np.ndarray | None, weights: np.ndarray, limit: np.ndarray | None) -> None:
        """Set means and scales."""
        centre: np.ndarray | None = None
        total, first, second = (np.zeros(len(self.mean_)) for _ in range(3))
        cell_total, cell_sum = np.zeros(X.shape[1]), np.zeros(X.shape[1])
        for place, chunk in _chunks(X, rows, limit):
            values = self._by_feature(torch.from_numpy(chunk.astype(np.float64))).numpy()  # (n, values, features)
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
        mean = self._of_cells(self.mean_)
        self.mean_sample_ = np.where(cell_total > 0, cell_sum / np.where(cell_total > 0, cell_total, 1), mean)

    def _of_cells(self, features: np.ndarray) -> np.ndarray:
        """Return a number per feature as one per column of the matrix."""
        repeats = prod(self.shape) // len(features)
        return np.repeat(features, repeats) if self.form is Form.IMAGE else np.tile(features, repeats)

    def lengths(self, X: np.ndarray) -> np.ndarray | None:
        """Return how many steps of sequences are there, `(n,)`, where the longest of fit counts 1; None: images.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_columns)
        """
        if self.form is Form.IMAGE:
            return None
        steps: np.ndarray = _there(X.reshape(len(X), -1, self.shape[1])).sum(1)
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
