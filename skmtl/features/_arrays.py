"""Samples that are arrays themselves, images and sequences, as one flat matrix."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from scipy.sparse import issparse

from .._errors import enough_memory
from ._array_standardizer import ArrayStandardizer, steps_there
from ._chunks import row_chunks
from ._forms import Form, form_of
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
            array = array[:, : max(1, int(steps_there(array)[rows].sum(1).max()))]
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
        return [np.flatnonzero(row) for row in steps_there(self._gathered(X))]

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


def _in_front(array: np.ndarray) -> np.ndarray:
    """Return sequences with the steps that are there first, and no longer than the longest; padding changes nothing."""
    there = steps_there(array)
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
