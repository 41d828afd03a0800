"""Samples of several kinds at once: a container that can be indexed by rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing


class MultiModal:
    """X of several parts by name, each with a value a sample: pictures, sequences, texts, lists of identifiers, tables.

    It can be indexed by rows, so that scikit-learn's splitters, searches and pipelines take it. A part that a sample
    lacks is None (in a list), an empty text or list, or a row of NaN.

    Parameters
    ----------
    parts : mapping of str to array-like
        Each of the same length: whatever an estimator takes as X for itself, and lists that hold None.

    Attributes
    ----------
    parts : dict
    shape : tuple of int
        Samples and parts.

    Raises
    ------
    ValueError
        If there is no part, one is a `MultiModal` itself, or lengths differ.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.features import MultiModal
    >>> X = MultiModal({"text": ["good", None, "bad"], "numbers": np.arange(6).reshape(3, 2)})
    >>> X.shape, X[[0, 2]].parts["text"]
    ((3, 2), ['good', 'bad'])
    """

    def __init__(self, parts: Mapping[str, Any]) -> None:
        self.parts = dict(parts)
        for name, part in self.parts.items():
            if isinstance(part, MultiModal):
                raise ValueError(
                    f"Part {name!r} of a MultiModal is {part!r} itself. Give the parts of both side by side, in one."
                )
        lengths = {name: _length(name, part) for name, part in self.parts.items()}
        if not lengths:
            raise ValueError("MultiModal needs at least one part, got an empty mapping.")
        if len(set(lengths.values())) > 1:
            raise ValueError(f"All parts of a MultiModal must have as many samples, but these have {lengths}.")
        self.shape = next(iter(lengths.values())), len(lengths)

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.shape[0]

    def __getitem__(self, key: Any) -> MultiModal:
        """Return some samples, by a slice, a mask, or places of rows."""
        rows = key[0] if isinstance(key, tuple) else key  # scikit-learn asks for X[rows, ...]
        if isinstance(rows, slice):
            rows = np.arange(len(self))[rows]
        return MultiModal({name: _safe_indexing(part, np.atleast_1d(rows)) for name, part in self.parts.items()})

    def __repr__(self) -> str:
        """Return names and kinds of the parts."""
        inside = ", ".join(f"{name!r}: {type(part).__name__}" for name, part in self.parts.items())
        return f"MultiModal({{{inside}}}, {len(self)} samples)"


def _length(name: str, part: Any) -> int:
    shape = getattr(part, "shape", None)
    if isinstance(part, (str, bytes)) or not (shape or hasattr(part, "__len__")):
        raise ValueError(f"Part {name!r} of a MultiModal must hold a value a sample, got a {type(part).__name__}.")
    return int(shape[0]) if shape else len(part)
