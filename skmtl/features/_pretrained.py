"""What a pretrained model reads: tokens of texts or normalised images, row by row, or what it makes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._arrays import ArrayReader, holds_integers
from ._backbone import Backbone
from ._chunks import as_tensor, row_chunks
from ._forms import Form
from ._inputs import Inputs
from ._layout import Layout
from ._represent import FrozenEncoder, Passage
from ._standardizer import Standardizer
from ._texts import texts_of

# Rows that are made ready for the model at once.
BLOCK_ROWS = 4096
# The largest byte, and how far beyond the range of pixels rounding may lead, as a share of it.
BYTE, SLACK = 255.0, 1e-3


class PretrainedReader:
    """Reader of the texts or images that a pretrained model is trained on further: its matrix holds what goes in.

    Pixels that are integers are bytes, from 0 to 255, whatever their dtype, and floats are numbers from 0 to 1. The
    matrix holds them in the units of fit.

    Parameters
    ----------
    backbone : Backbone
    max_length : int
        Tokens of a text that are read.

    Attributes
    ----------
    layout : Layout
    shape : tuple of int
        Of an image, from fit on; empty for texts.
    largest : float
        What a pixel of the matrix is at most: 255 where fit was given bytes, else 1.

    Raises
    ------
    ValueError
        If the model cannot be loaded.
    """

    layout: Layout

    def __init__(self, backbone: Backbone, max_length: int) -> None:
        self.backbone, self.max_length = backbone, max_length
        self.form = backbone.form
        self.shape: tuple[int, ...] = ()
        self.largest = 1.0
        self._images = ArrayReader(Form.IMAGE)

    @property
    def n_features(self) -> int:
        """Channels of an image; 1 for texts."""
        return self.shape[0] if self.shape else 1

    @property
    def width(self) -> int:
        """The most columns that what goes into the model can fill: tokens of a text, or values of an image."""
        return prod(self.shape) if self.shape else self.backbone.limit(self.max_length)

    def fit_matrix(self, X: Any, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the matrix; see `Reader.fit_matrix`.

        Raises
        ------
        ValueError
            If X holds anything but texts, or images that the model cannot read.
        """
        del rows
        if self.form is Form.IMAGE:
            inputs = self._images.fit_matrix(X)
            self.backbone.check_images(self._images.shape)
            self.shape = self._images.shape
            self.largest = BYTE if holds_integers(X) else 1.0
            matrix = self._matrix(self._in_units_of_fit(inputs, self.largest))
        else:
            matrix = self.matrix(X)
        self.layout = Layout.of_numbers(matrix.shape[1])
        return matrix

    def matrix(self, X: Any) -> np.ndarray:
        """Return the matrix of an X like that of fit; see `Reader.matrix`.

        Raises
        ------
        ValueError
            If X holds something else than texts, images unlike those of fit, or pixels beyond the range that is read.
        """
        if self.form is Form.TEXT:
            return self._matrix(texts_of(X))
        given = BYTE if holds_integers(X) else 1.0
        return self._matrix(self._in_units_of_fit(self._images.matrix(X), given))

    def _in_units_of_fit(self, inputs: np.ndarray, given: float) -> np.ndarray:
        """Return pixels from 0 to `given` in the units of fit, bytes as bytes; refuse those that lead out of it."""
        lowest, highest = _range_of(inputs)
        if lowest < -SLACK * given or highest > (1 + SLACK) * given:
            raise ValueError(
                f"X holds pixels from {lowest:.5g} to {highest:.5g}, as {'integers' if given == BYTE else 'floats'}, "
                "and a pretrained model reads integers from 0 to 255, or floats from 0 to 1. Give it floats: X / 255 "
                "where 255 is the largest that a pixel can be."
            )
        if given == BYTE and self.largest == 1 and highest == 1:
            raise ValueError(
                "X holds the integers 0 and 1, and those would be bytes, 255 for the largest, but fit was given floats "
                "from 0 to 1. Give floats again: X.astype(float)."
            )
        if given == BYTE and inputs.dtype != np.uint8 and not np.isnan(inputs).any():
            inputs = inputs.astype(np.uint8)
        return inputs if given == self.largest else (inputs * (self.largest / given)).astype(np.float32)

    def _matrix(self, inputs: Any) -> np.ndarray:
        """Return tokens of texts, or images as they are."""
        if self.form is Form.IMAGE:
            images: np.ndarray = inputs
            return images
        return self.backbone.tokens(inputs, self.max_length)

    def standardizer(self) -> PretrainedStandardizer | Standardizer:
        """Return what makes tensors of the matrix; see `Reader.standardizer`."""
        return PretrainedStandardizer(self.backbone, self.shape, self.largest)


class RepresentationReader(PretrainedReader):
    """Reader whose matrix is what a frozen pretrained model makes of texts or images, a row of numbers each.

    Equal rows are read once.

    Parameters
    ----------
    backbone : Backbone
    max_length : int
    passage : Passage
    device : torch.device
        Where the model runs. A pickled reader goes on on the CPU.
    """

    def __init__(self, backbone: Backbone, max_length: int, passage: Passage, device: torch.device) -> None:
        super().__init__(backbone, max_length)
        self.passage, self.device = passage, device

    def _matrix(self, inputs: Any) -> np.ndarray:
        """Return representations, `(n, H)`."""
        # The order follows from the rows alone, so that the same set of rows gives the same numbers to the bit.
        if self.form is Form.IMAGE:
            marks = [hashlib.blake2b(image.data, digest_size=16).digest() for image in inputs]
            first = {mark: row for row, mark in reversed(list(enumerate(marks)))}
            distinct = sorted(first)
            rows = np.array([first[mark] for mark in distinct])
            blocks = (inputs[rows[start : start + BLOCK_ROWS]] for start in range(0, len(rows), BLOCK_ROWS))
        else:
            marks = inputs
            distinct = sorted(set(inputs), key=lambda text: (len(text), text))
            blocks = (distinct[start : start + BLOCK_ROWS] for start in range(0, len(distinct), BLOCK_ROWS))
        places = {mark: place for place, mark in enumerate(distinct)}
        return self._represented(blocks)[[places[mark] for mark in marks]]

    @torch.no_grad()
    def _represented(self, blocks: Iterable[Any]) -> np.ndarray:
        standardizer = PretrainedStandardizer(self.backbone, self.shape, self.largest)
        encoder, parts = self.encoder(), []
        for block in blocks:
            rows = block if self.form is Form.IMAGE else self.backbone.tokens(block, self.max_length)
            x = standardizer.tensor(rows, torch.float32, "cpu")
            parts.append(encoder(x).numpy())
        return np.concatenate(parts)

    def standardizer(self) -> Standardizer:
        """Return a standardizer of representations; see `Reader.standardizer`."""
        return Standardizer(self.layout)

    def inward(self) -> PretrainedReader:
        """Return a reader whose matrix holds what goes into the model, and not what comes out."""
        result = PretrainedReader(self.backbone, self.max_length)
        result.shape, result.largest, result._images = self.shape, self.largest, self._images
        return result

    def encoder(self) -> FrozenEncoder:
        """Return the model that makes representations of what goes in."""
        return FrozenEncoder(self.backbone, replace(self.passage, shape=self.shape), self.device)

    def __getstate__(self) -> dict[str, Any]:
        """Go on on the CPU."""
        return {**self.__dict__, "device": torch.device("cpu")}


def _range_of(images: np.ndarray) -> tuple[float, float]:
    """Return the smallest and the largest pixel that is there, 0 among them."""
    lowest = highest = 0.0
    for _, chunk in row_chunks(images):
        lowest = float(np.fmin(lowest, np.fmin.reduce(chunk, axis=None)))
        highest = float(np.fmax(highest, np.fmax.reduce(chunk, axis=None)))
    return lowest, highest


class PretrainedStandardizer:
    """The map from rows of a `PretrainedReader` to tensors that a pretrained model reads; it measures nothing.

    Parameters
    ----------
    backbone : Backbone
    shape : tuple of int
        Of an image; empty for texts.
    largest : float, default=1.0
        What a pixel is at most: 255 for bytes, 1 for numbers from 0 to 1.

    Attributes
    ----------
    n_outputs : int
        Columns of a tensor, for samples like those of fit.
    """

    n_embedded = 0
    embedding_size = 0

    def __init__(self, backbone: Backbone, shape: tuple[int, ...], largest: float = 1.0) -> None:
        self.backbone, self.shape, self.largest = backbone, shape, largest
        self.n_outputs = max(1, prod(shape))

    @property
    def embedding_rows(self) -> list[int]:
        """Rows of a table of embeddings of columns: none."""
        return []

    def update(
        self, X: np.ndarray, rows: np.ndarray | None, weights: np.ndarray, keys: np.ndarray | None = None
    ) -> PretrainedStandardizer:
        """Take note of the usual number of columns.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_columns)
        rows, weights, keys
            Not used.
        """
        del rows, weights, keys
        self.n_outputs = X.shape[1]
        return self

    def inputs(self, dtype: torch.dtype, device: torch.device) -> Inputs:
        """Return what a row is, of images; refuse texts, whose tokens no augmentation knows.

        Parameters
        ----------
        dtype : torch.dtype
        device : torch.device

        Raises
        ------
        ValueError
            If rows are texts.
        """
        if not self.shape:
            raise ValueError(
                "augmentation does not know the tokens of a pretrained model that is trained further. Set "
                "augmentation=None."
            )
        none = torch.empty(0, dtype=dtype, device=device)
        return Inputs(Form.IMAGE, self.shape, torch.ones(self.n_outputs, dtype=dtype, device=device), none.long(), none)

    def tensor(self, rows: Any, dtype: torch.dtype, device: torch.device | str) -> Tensor:
        """Return tokens, none where they are NaN, or normalised images, flat.

        Parameters
        ----------
        rows : ndarray or Tensor of shape (n_rows, n_columns)
        dtype : torch.dtype
        device : torch.device or str
        """
        rows = rows if isinstance(rows, Tensor) else as_tensor(rows)
        if self.shape:
            images = self.backbone.normalised(rows.reshape(-1, *self.shape), self.largest)
            result: Tensor = images.view(*rows.shape[:-1], -1)
        else:
            result = rows.nan_to_num(0.0)
        return result.to(dtype).to(device)
