"""Several kinds of data at once, as a network reads them: a standardizer a part, and marks of what is there."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from ._array_standardizer import ArrayStandardizer
from ._forms import Form
from ._inputs import Inputs
from ._pretrained import PretrainedStandardizer
from ._standardizer import Standardizer
from ._texts import TextStandardizer

PartStandardizer = Standardizer | ArrayStandardizer | TextStandardizer | PretrainedStandardizer


@dataclass
class Block:
    """A part of what a network reads.

    Attributes
    ----------
    name : str
    columns : slice
        Its columns of the matrix.
    standardizer : Standardizer, ArrayStandardizer, TextStandardizer or PretrainedStandardizer
    lacking : bool
        Whether a row that was measured lacks the part.
    """

    name: str
    columns: slice
    standardizer: PartStandardizer
    lacking: bool = False


class ModalStandardizer:
    """Standardizers of several parts, and the map from a matrix of them to what a network reads.

    A row of a tensor begins with the number of columns of each part, which follows from the batch where sequences or
    texts differ in length, and a mark a part: 1, or 0 where it is missing. Behind them are the parts as their
    standardizers make them.

    Parameters
    ----------
    standardizers : dict
        By name of the part.
    widths : list of int
        Columns of each part in the matrix.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmtl.features import ModalReader, MultiModal
    >>> reader = ModalReader()
    >>> X = reader.fit_matrix(MultiModal({"a": np.array([[1.0], [3.0]]), "b": [np.ones((1, 1, 1)), None]}))
    >>> standardizer = reader.standardizer().update(X, None, np.ones(2))
    >>> standardizer.tensor(X, torch.float32, "cpu")[:, :4]
    tensor([[1., 1., 1., 1.],
            [1., 1., 1., 0.]])
    """

    n_embedded = 0
    embedding_size = 0

    def __init__(self, standardizers: dict[str, PartStandardizer], widths: list[int]) -> None:
        ends = np.cumsum([0, *widths]).tolist()
        self.blocks = [
            Block(name, slice(first, last), own)
            for (name, own), first, last in zip(standardizers.items(), ends, ends[1:], strict=False)
        ]

    @property
    def n_outputs(self) -> int:
        """Usual columns of a tensor."""
        return sum(2 + width_of(block.standardizer) for block in self.blocks)

    @property
    def embedding_rows(self) -> list[int]:
        """Rows of a table of embeddings before the trunk: none; a part's own table is inside of it."""
        return []

    @property
    def shape(self) -> tuple[int, ...]:
        """What a sample is for a trunk of columns."""
        return (self.n_outputs,)

    def update(
        self, X: csr_array, rows: np.ndarray | None, weights: np.ndarray, keys: np.ndarray | None = None
    ) -> ModalStandardizer:
        """Measure each part, by the rows in which it is not missing; see `Standardizer.update`.

        Parameters
        ----------
        X : CSR array of shape (n_samples, n_columns)
        rows : ndarray of int or None
        weights : ndarray of shape (n_rows,)
        keys : ndarray of uint64 of shape (n_rows,) or None, default=None
        """
        if not len(weights):
            return self
        X = X if rows is None else X[rows]
        for block in self.blocks:
            part = self._part(X, block)
            there = present(part)
            block.lacking = block.lacking or not there.all()
            if isinstance(block.standardizer, TextStandardizer) and not there.any():
                there[:] = True  # a table of embeddings is as long as the first rows say, even if they say nothing
            own_keys = None if keys is None else keys[there]
            block.standardizer.update(part[there], None, weights[there], own_keys)
        return self

    @property
    def lacking(self) -> bool:
        """Whether a row that was measured lacks a part."""
        return any(block.lacking for block in self.blocks)

    @property
    def unmixable(self) -> list[str]:
        """Names of the parts that are read as places in tables, of which no two can be mixed."""
        return [
            block.name
            for block in self.blocks
            if isinstance(block.standardizer, TextStandardizer) or block.standardizer.n_embedded
        ]

    @property
    def usually_mixed(self) -> bool:
        """Whether all parts can be mixed, and one of them is an image or a sequence."""
        return not self.unmixable and any(isinstance(block.standardizer, ArrayStandardizer) for block in self.blocks)

    def inputs(self, dtype: torch.dtype, device: torch.device) -> Inputs:
        """Return what rows of several parts can be augmented by: as wholes, by mixing them.

        Parameters
        ----------
        dtype : torch.dtype
        device : torch.device

        Raises
        ------
        ValueError
            If a part cannot be mixed.
        """
        if self.unmixable:
            raise ValueError(
                f"augmentation cannot mix the parts {self.unmixable} of X: words, identifiers and categories that have "
                "vectors of their own are places in tables. Set augmentation=None; the trunk's part_dropout hides "
                "parts while training."
            )
        rest = torch.zeros(self.n_outputs, dtype=dtype, device=device)
        return Inputs(Form.SEVERAL, (), rest[:0], rest[:0].long(), rest, n_parts=len(self.blocks))

    def lengths(self, X: csr_array) -> np.ndarray | None:
        """Return the length of each row's longest sequence, `(n,)`, where the longest of fit, and less, counts 1.

        Parameters
        ----------
        X : CSR array of shape (n_samples, n_columns)

        Returns
        -------
        ndarray of shape (n_samples,) or None
            None: no part is longer than at fit.
        """
        usual = self.blocks[-1].columns.stop
        if X.shape[1] == usual:
            return None
        growing = [block for block in self.blocks if _may_grow(block)]
        beyond = X[:, usual : usual + len(growing)].toarray()  # values more than at fit, a part
        longest: np.ndarray = 1 + (beyond / [prod(block.standardizer.shape) for block in growing]).max(1)
        return longest

    def tensor(self, rows: csr_array, dtype: torch.dtype, device: torch.device | str) -> Tensor:
        """Return widths and marks of the parts, and the parts, standardised.

        Parameters
        ----------
        rows : CSR array of shape (n_rows, n_columns)
        dtype : torch.dtype
        device : torch.device or str
        """
        marks, parts = [], []
        for block in self.blocks:
            part = self._part(rows, block)
            marks.append(present(part))
            parts.append(block.standardizer.tensor(part, dtype, device))
        widths = torch.tensor([[part.shape[1] for part in parts]], dtype=dtype, device=device)
        known = torch.from_numpy(np.stack(marks, 1)).to(dtype).to(device)
        return torch.cat([widths.expand(rows.shape[0], -1), known, *parts], 1)

    def _part(self, rows: csr_array, block: Block) -> csr_array | np.ndarray:
        """Return the matrix of a part, of sequences as long as the longest of these rows, and at least as at fit."""
        own = block.standardizer
        part = rows[:, block.columns]
        if isinstance(own, TextStandardizer):
            return csr_array(part)
        part = part.toarray()
        usual = self.blocks[-1].columns.stop
        if rows.shape[1] == usual or block not in (growing := [one for one in self.blocks if _may_grow(one)]):
            return part
        first, step = usual + growing.index(block), len(growing)
        counts = rows[:, [first]].toarray()
        longest = -(-int(counts.max(initial=0)) // own.shape[1]) * own.shape[1]
        more = rows[:, first + step : first + step + longest * step : step].toarray()
        return np.concatenate([part, np.where(np.arange(longest) < counts, more, np.nan)], 1)


def _may_grow(block: Block) -> bool:
    """Whether a part holds sequences, which may be longer later than at fit."""
    return isinstance(block.standardizer, ArrayStandardizer) and block.standardizer.form is Form.SEQUENCE


def width_of(standardizer: PartStandardizer) -> int:
    """Return the usual columns of a part's tensor, places in tables of embeddings included.

    Parameters
    ----------
    standardizer : Standardizer, ArrayStandardizer, TextStandardizer or PretrainedStandardizer
    """
    return standardizer.n_outputs + standardizer.n_embedded


def present(part: csr_array | np.ndarray) -> np.ndarray:
    """Return which rows hold anything, `(n,)`: a token, or a value that is not NaN.

    Parameters
    ----------
    part : CSR array or ndarray of shape (n, C)
    """
    held: np.ndarray = np.diff(part.indptr) > 0 if isinstance(part, csr_array) else ~np.isnan(part).all(1)
    return held
