"""What a pretrained model reads: tokens of texts or normalised images, row by row, or what it makes of them."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._arrays import ArrayReader
from ._backbone import Backbone
from ._chunks import as_tensor
from ._forms import Form
from ._inputs import Inputs
from ._layout import Layout
from ._represent import FrozenEncoder, Passage, represent_frozen
from ._standardizer import Standardizer
from ._texts import texts_of

# Rows that are made ready for the model at once.
BLOCK_ROWS = 4096


class PretrainedReader:
    """Reader of the texts or images that a pretrained model is trained on further: its matrix holds what goes in.

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
        self._images = ArrayReader(Form.IMAGE)

    @property
    def n_features(self) -> int:
        """Channels of an image; 1 for texts."""
        return self.shape[0] if self.shape else 1

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
            matrix = self._matrix(inputs)
        else:
            matrix = self.matrix(X)
        self.layout = Layout.of_numbers(matrix.shape[1])
        return matrix

    def matrix(self, X: Any) -> np.ndarray:
        """Return the matrix of an X like that of fit; see `Reader.matrix`."""
        return self._matrix(self._images.matrix(X) if self.form is Form.IMAGE else texts_of(X))

    def _matrix(self, inputs: Any) -> np.ndarray:
        """Return tokens of texts, or images as they are."""
        if self.form is Form.IMAGE:
            images: np.ndarray = inputs
            return images
        return self.backbone.tokens(inputs, self.max_length)

    def standardizer(self) -> PretrainedStandardizer | Standardizer:
        """Return what makes tensors of the matrix; see `Reader.standardizer`."""
        return PretrainedStandardizer(self.backbone, self.shape)


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
        if self.form is Form.IMAGE:
            return self._represented(
                [inputs[first : first + BLOCK_ROWS] for first in range(0, len(inputs), BLOCK_ROWS)]
            )
        # The order follows from the texts alone, so that the same set of texts gives the same numbers to the bit.
        distinct = sorted(set(inputs), key=lambda text: (len(text), text))
        places = {text: place for place, text in enumerate(distinct)}
        blocks = [distinct[first : first + BLOCK_ROWS] for first in range(0, len(distinct), BLOCK_ROWS)]
        return self._represented(blocks)[[places[text] for text in inputs]]

    def _represented(self, blocks: list[Any]) -> np.ndarray:
        standardizer = PretrainedStandardizer(self.backbone, self.shape)
        passage = replace(self.passage, shape=self.shape)
        parts = []
        for block in blocks:
            rows = block if self.form is Form.IMAGE else self.backbone.tokens(block, self.max_length)
            x = standardizer.tensor(rows, torch.float32, "cpu")
            parts.append(represent_frozen(self.backbone, passage, x, self.device).numpy())
        return np.concatenate(parts)

    def standardizer(self) -> Standardizer:
        """Return a standardizer of representations; see `Reader.standardizer`."""
        return Standardizer(self.layout)

    def inward(self) -> PretrainedReader:
        """Return a reader whose matrix holds what goes into the model, and not what comes out."""
        result = PretrainedReader(self.backbone, self.max_length)
        result.shape, result._images = self.shape, self._images
        return result

    def encoder(self) -> FrozenEncoder:
        """Return the model that makes representations of what goes in."""
        return FrozenEncoder(self.backbone, replace(self.passage, shape=self.shape), self.device)

    def __getstate__(self) -> dict[str, Any]:
        """Go on on the CPU."""
        return {**self.__dict__, "device": torch.device("cpu")}


class PretrainedStandardizer:
    """The map from rows of a `PretrainedReader` to tensors that a pretrained model reads; it measures nothing.

    Parameters
    ----------
    backbone : Backbone
    shape : tuple of int
        Of an image; empty for texts.

    Attributes
    ----------
    n_outputs : int
        Columns of a tensor, for samples like those of fit.
    """

    n_embedded = 0
    embedding_size = 0

    def __init__(self, backbone: Backbone, shape: tuple[int, ...]) -> None:
        self.backbone, self.shape = backbone, shape
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
        """Return tokens as they are, or normalised images, flat.

        Parameters
        ----------
        rows : ndarray or Tensor of shape (n_rows, n_columns)
        dtype : torch.dtype
        device : torch.device or str
        """
        rows = rows if isinstance(rows, Tensor) else as_tensor(rows)
        if self.shape:
            images = self.backbone.normalised(rows.reshape(-1, *self.shape))
            rows = images.view(*rows.shape[:-1], -1)
        result: Tensor = rows.to(dtype).to(device)
        return result
