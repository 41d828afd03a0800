"""Statistics of the matrix of X, and the map from its rows to what a network reads."""

from __future__ import annotations

import copy
from typing import Any, Literal

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

from ._bins import Bins, affordable_bins, plan_bins, sample_places
from ._chunks import as_tensor
from ._clipping import Scaling
from ._forms import Form
from ._inputs import Inputs
from ._layout import Layout
from ._moments import dense_moments, sparse_scale
from ._slots import Embedded, OneHot, automatic_size, plan_slots


class Standardizer:
    """Column statistics of the matrix of X, and the map from its rows to standardised tensors.

    Dense numbers are standardised to mean 0 and variance 1, and those that lie beyond all that was fitted by more than
    its whole span are taken for the farthest that do not: a slip of a decimal point shall not multiply a prediction.
    Sparse numbers are only divided by the root mean square of what is not 0, so that they stay sparse. Statistics are
    weighted, taken in float64, and read in chunks: a memory-mapped X is never copied.

    A row becomes, in this order:

    - its numbers, 0 (the mean) for a hole;
    - for each number, how far it is through each bin of its column, standardised;
    - for each column that had holes among the rows that were measured first, whether there is one;
    - for each column of few categories, a 1 in the column of its category;
    - for each column of many categories, the row of a table of embeddings, a whole number.

    The columns of 0 and 1 are centred by their weighted share, but not scaled: rare ones would become huge. A category
    that has no column of its own, since it was not there when the categories were counted, is 0 everywhere: an average
    category. So is a missing one, unless some were missing then.

    Parameters
    ----------
    layout : Layout or int
        What the columns hold; a number stands for as many columns of numbers.
    max_one_hot : int, default=16
        Slots (categories, with one for all rare ones and one for missing values) up to which a column is one-hot.
    min_frequency : int, default=5
        Distinct rows that a category needs so as not to be rare, but never more than a twentieth of them.
    embedding_size : int or "auto", default="auto"
    n_bins : int, default=0
        Largest number of bins of a column; 0: none. Sparse X has none.

    Attributes
    ----------
    mean_ : ndarray of shape (n_numeric,)
        Column means of the numbers; 0 for sparse X.
    inverse_scale_ : ndarray of shape (n_numeric,)
        1 / column standard deviations (root mean squares of what is not 0 for sparse X). 0 for a column that has been
        constant so far: nothing can be learned from it, and whatever it holds at predict is ignored.
    n_outputs : int
        Columns of a tensor that are features as they are.
    n_embedded : int
        Columns behind them that are rows of the table of embeddings.
    embedding_rows : list of int
        Rows of that table that belong to each embedded column. The table is shared, one column's rows after the
        other's; the first row of each column is for categories that were not there, and is to start at zero.
    embedding_size : int
        Length of an embedding; 0 without embedded columns.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmtl.features import Standardizer
    >>> X = np.array([[1.0, 7.0], [3.0, 7.0]])
    >>> Standardizer(2).update(X, None, np.ones(2)).tensor(X, torch.float32, "cpu")
    tensor([[-1.,  0.],
            [ 1.,  0.]])
    """

    def __init__(
        self,
        layout: Layout | int,
        max_one_hot: int = 16,
        min_frequency: int = 5,
        embedding_size: int | Literal["auto"] = "auto",
        n_bins: int = 0,
    ) -> None:
        self.layout = Layout.of_numbers(layout) if isinstance(layout, int) else layout
        self.max_one_hot = max_one_hot
        self.min_frequency = min_frequency
        self.n_bins = n_bins
        self._embedding_size = embedding_size
        self._bins: Bins | None = None
        n_numbers = self.layout.n_columns - len(self.layout.categories)
        self.mean_ = np.zeros(n_numbers)
        self.inverse_scale_ = np.zeros(n_numbers)
        self._low, self._high = np.full(n_numbers, np.inf), np.full(n_numbers, -np.inf)  # of all rows so far
        self._holes = np.empty(0, np.int64)  # numeric columns that have an indicator
        self._hole_shares = np.empty(0)
        self._one_hot: OneHot | None = None
        self._embedded: Embedded | None = None
        self._measured = False

    @property
    def n_outputs(self) -> int:
        """Columns of a tensor that are features as they are."""
        n_slots = 0 if self._one_hot is None else len(self._one_hot.shares)
        n_codes = 0 if self._bins is None else len(self._bins)
        return len(self.mean_) + n_codes + len(self._holes) + n_slots

    @property
    def shape(self) -> tuple[int, ...]:
        """What a sample is for a trunk: a row of columns, embeddings included."""
        return (self.n_outputs + self.n_embedded * self.embedding_size,)

    @property
    def uncoded(self) -> np.ndarray:
        """Places of the columns of a tensor that are numbers, holes and categories of a column each: no codes."""
        n_codes = 0 if self._bins is None else len(self._bins)
        n_numbers = len(self.mean_)
        return np.concatenate([np.arange(n_numbers), np.arange(n_numbers + n_codes, self.n_outputs)])

    @property
    def uncoded_columns(self) -> np.ndarray:
        """The column of the matrix behind each of `uncoded`."""
        numeric, one_hot = self.layout.numeric, self._one_hot
        slots = np.empty(0, np.int64) if one_hot is None else one_hot.columns[one_hot.owner]
        return np.concatenate([numeric, numeric[self._holes], slots])

    @property
    def columns(self) -> np.ndarray:
        """The column of the matrix behind each column of a tensor, embedded ones last."""
        numeric = self.layout.numeric
        codes = np.empty(0, np.int64) if self._bins is None else numeric[self._bins.columns]
        embedded = np.empty(0, np.int64) if self._embedded is None else self._embedded.columns
        uncoded, n_numbers = self.uncoded_columns, len(self.mean_)
        return np.concatenate([uncoded[:n_numbers], codes, uncoded[n_numbers:], embedded])

    @property
    def embedding_rows(self) -> list[int]:
        """Rows of the table of embeddings that belong to each embedded column."""
        return [] if self._embedded is None else self._embedded.sizes

    @property
    def n_embedded(self) -> int:
        """Columns of a tensor that are rows of the table of embeddings."""
        return len(self.embedding_rows)

    @property
    def embedding_size(self) -> int:
        """Length of an embedding; 0 without embedded columns."""
        if not self.embedding_rows:
            return 0
        return automatic_size(max(self.embedding_rows)) if self._embedding_size == "auto" else self._embedding_size

    def update(
        self, X: Any, rows: np.ndarray | None, weights: np.ndarray, keys: np.ndarray | None = None
    ) -> Standardizer:
        """Measure the columns that have no scale yet; the first time also holes and categories.

        Parameters
        ----------
        X : ndarray or CSR array of shape (n_samples, n_columns)
        rows : ndarray of int or None
            The rows that count; None for all.
        weights : ndarray of shape (n_rows,)
            How much each of these rows counts.
        keys : ndarray of uint64 of shape (n_rows,), default=None
            Equal where rows are equal; whether a category is rare is a question of distinct rows. None: all differ.

        Returns
        -------
        self : Standardizer
        """
        if not len(weights):
            return self
        numeric = self.layout.numeric if self.layout.categories else None
        if issparse(X):
            mean, scale = np.zeros(X.shape[1]), sparse_scale(X if rows is None else X[rows], weights)
            missing, low, high = np.zeros(X.shape[1]), np.full(X.shape[1], -np.inf), np.full(X.shape[1], np.inf)
        else:
            mean, scale, missing, (low, high) = dense_moments(X, rows, weights, numeric)
        self._low, self._high = np.minimum(self._low, low), np.maximum(self._high, high)
        new = self.inverse_scale_ == 0
        self.mean_ = np.where(new, mean, self.mean_)
        self.inverse_scale_[new & (scale > 0)] = 1 / np.maximum(scale[new & (scale > 0)], np.finfo(float).tiny)
        if not self._measured:
            self._holes = self._marked_holes(missing)
            self._hole_shares = missing[self._holes]
            if self.n_bins and not issparse(X):
                self._bins = self._planned_bins(X, rows, keys, len(weights))
            if self.layout.categories:
                settings = self.max_one_hot, self.min_frequency
                self._one_hot, self._embedded = plan_slots(X, rows, weights, keys, self.layout, *settings)
            self._measured = True
        self.__dict__.pop("_scaling", None)
        return self

    def _marked_holes(self, missing: np.ndarray) -> np.ndarray:
        """Return the numeric columns that get an indicator: one of those that come from the same column of X."""
        if not missing.any():
            return np.empty(0, np.int64)
        source = np.asarray(self.layout.source, np.int64)[self.layout.numeric]
        leads = np.zeros(len(source), bool)
        leads[np.unique(source, return_index=True)[1]] = True
        return np.flatnonzero(leads & (missing > 0) & (missing < 1))

    def _planned_bins(
        self, X: np.ndarray, rows: np.ndarray | None, keys: np.ndarray | None, n_rows: int
    ) -> Bins | None:
        """Cut the columns into bins of like numbers of distinct rows."""
        places = sample_places(keys, n_rows)
        n_bins = affordable_bins(self.n_bins, len(self.mean_), len(places))
        if not n_bins:
            return None
        sample = X[places if rows is None else rows[places]]
        numbers = torch.from_numpy(sample[:, self.layout.numeric].astype(np.float64))
        bins = plan_bins(self._standardised(numbers).numpy(), n_bins)
        return bins if len(bins) else None

    def tensor(self, rows: Any, dtype: torch.dtype, device: torch.device | str) -> Tensor:
        """Return rows of the matrix as a standardised tensor.

        Parameters
        ----------
        rows : ndarray, Tensor or sparse array of shape (..., n_columns)
            The rows; a tensor is used up.
        dtype : torch.dtype
        device : torch.device or str

        Returns
        -------
        Tensor of shape (..., n_outputs + n_embedded)
        """
        if issparse(rows):
            rows = torch.from_numpy(rows.toarray())
        elif not isinstance(rows, Tensor):
            rows = as_tensor(rows)
            rows = rows if self.layout.categories else rows.clone()
        if not self.layout.categories and not len(self._holes):
            numbers = _filled(self._standardised(rows)).to(dtype)
            if self._bins is not None:
                codes = self._bins.codes(numbers.reshape(-1, numbers.shape[-1]))
                numbers = torch.cat([numbers, codes.view(*numbers.shape[:-1], -1)], -1)
            return numbers.to(device)
        flat = rows.reshape(-1, rows.shape[-1])
        return self._joined(flat, dtype).view(*rows.shape[:-1], -1).to(device)

    def inputs(self, dtype: torch.dtype, device: torch.device) -> Inputs:
        """Return what each column of a tensor means.

        Parameters
        ----------
        dtype : torch.dtype
        device : torch.device
        """
        n_numbers, numeric, own = len(self.mean_), self.layout.numeric, self.uncoded_columns
        bins = copy.copy(self._bins)  # with tensors of its own, on its own device
        codes = np.empty(0, np.int64) if bins is None else numeric[bins.columns]
        embedded = np.empty(0, np.int64) if self._embedded is None else self._embedded.columns
        columns = np.concatenate([own[:n_numbers], codes, own[n_numbers:], embedded])
        owner = np.unique(np.asarray(self.layout.source, np.int64)[columns], return_inverse=True)[1]
        rest = torch.zeros(len(columns), dtype=dtype)
        if bins is not None:
            rest[n_numbers : n_numbers + len(bins)] = bins.codes(torch.zeros(1, n_numbers, dtype=dtype))[0]
        sizes = self.embedding_rows
        rest[self.n_outputs :] = torch.tensor([sum(sizes[:place]) for place in range(len(sizes))], dtype=dtype)
        varies = torch.from_numpy(self.inverse_scale_ > 0).to(device, dtype)
        return Inputs(Form.COLUMNS, self.shape, varies, torch.from_numpy(owner).to(device), rest.to(device), bins)

    def _standardised(self, numbers: Tensor) -> Tensor:
        """Standardise numbers in place."""
        scaling: Scaling | None = self.__dict__.get("_scaling")  # kept between batches
        if scaling is None or scaling.dtype != numbers.dtype:
            scaling = Scaling(self.mean_, self.inverse_scale_, self._low, self._high, numbers.dtype)
            self.__dict__["_scaling"] = scaling
        return scaling.apply(numbers)

    def _joined(self, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """Return all blocks side by side."""
        layout = self.layout
        n_numbers, n_holes, n_outputs = len(self.mean_), len(self._holes), self.n_outputs
        result = torch.empty(len(rows), n_outputs + self.n_embedded, dtype=dtype)
        numbers = rows.index_select(1, torch.from_numpy(layout.numeric)) if layout.categories else rows
        missing = numbers.isnan()
        numbers = self._standardised(numbers).masked_fill_(missing, 0).to(dtype)
        result[:, :n_numbers] = numbers
        first = n_numbers
        if self._bins is not None:
            first += len(self._bins)
            result[:, n_numbers:first] = self._bins.codes(numbers)
        if n_holes:
            holes = missing.index_select(1, torch.from_numpy(self._holes)).to(dtype)
            result[:, first : first + n_holes] = holes.sub_(torch.from_numpy(self._hole_shares).to(dtype))
        if self._one_hot is not None and len(self._one_hot.shares):
            self._one_hot.write(result[:, first + n_holes : n_outputs], rows)
        if self._embedded is not None and len(self._embedded.columns):
            result[:, n_outputs:] = self._embedded.places(rows)
        return result

    def __getstate__(self) -> dict[str, Any]:
        """Leave the tensors out of pickles and copies."""
        return {name: value for name, value in self.__dict__.items() if name != "_scaling"}


def _filled(numbers: Tensor) -> Tensor:
    """Put 0, the mean, where a hole is; one sum tells whether there is any."""
    return numbers.masked_fill_(numbers.isnan(), 0) if bool(numbers.sum().isnan()) else numbers
