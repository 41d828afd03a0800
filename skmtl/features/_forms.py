"""What the samples of X are, told from its dimensions and its first values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from scipy.sparse import issparse

from ._container import MultiModal
from ._kinds import BYTES, OTHER, TEXT, family_of, is_missing


class Form(StrEnum):
    """What a sample of X is, in the words of messages."""

    COLUMNS = "a row of columns"
    IMAGE = "an image"
    SEQUENCE = "a sequence"
    TEXT = "a text"
    BAG = "a list of identifiers"
    SEVERAL = "several parts"


def form_of(X: Any) -> Form:
    """Tell what the samples of X are, by its number of dimensions; of one, by its values (see `telling`).

    Lists of Python that hold lists of one length are a table: only where lengths differ, or a list is missing, are they
    lists of identifiers. In a Series or an array of objects, lists, sets and arrays of one dimension always are.

    Parameters
    ----------
    X : Any

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.features import form_of
    >>> [form_of(np.zeros(shape)).value for shape in [(9, 5), (9, 20, 5), (9, 3, 32, 32)]]
    ['a row of columns', 'a sequence', 'an image']
    >>> form_of(["Good.", "Not so good."]).value
    'a text'
    >>> form_of([["milk", "bread"], [], ["tea"]]).value, form_of([["milk", "bread"], ["tea", "jam"]]).value
    ('a list of identifiers', 'a row of columns')
    """
    if isinstance(X, MultiModal):
        return Form.SEVERAL
    n_dimensions = getattr(X, "ndim", 1)
    if n_dimensions in (3, 4):
        return Form.SEQUENCE if n_dimensions == 3 else Form.IMAGE
    if n_dimensions != 1 or issparse(X) or isinstance(X, (str, bytes, dict)) or not hasattr(X, "__len__"):
        return Form.COLUMNS
    if hasattr(X, "columns"):  # a frame of polars, which says nothing of dimensions
        return Form.COLUMNS
    if (
        getattr(getattr(X, "dtype", None), "kind", "O") in "biufcmM"
    ):  # numbers and dates, which would be slow to look at
        return Form.COLUMNS
    first = telling(X)
    if isinstance(first, (str, bytes)):
        return Form.TEXT
    if is_bag(first):
        return Form.COLUMNS if isinstance(X, (list, tuple)) and _is_table(X) else Form.BAG
    return {2: Form.SEQUENCE, 3: Form.IMAGE}.get(getattr(first, "ndim", 0), Form.COLUMNS)


def telling(X: Iterable[Any]) -> Any:
    """Return the value that tells what the others are: the first string or the first list or array, as most are.

    Numbers and dates tell nothing where such are among them. Where there are none, the first value that is not missing
    does; None: all are.

    Parameters
    ----------
    X : list, tuple, Series or array of objects

    Examples
    --------
    >>> from skmtl.features import telling
    >>> telling([3, "a", ["b"], ["c", "d"]])
    ['b']
    """
    families = {kind: family_of(kind) for kind in set(map(type, X))}
    texts = {kind for kind, own in families.items() if own in (TEXT, BYTES)}
    others = {kind for kind, own in families.items() if own == OTHER}
    if texts and others:
        counts = Counter(map(type, X))
        n_texts, n_others = (sum(counts[kind] for kind in kinds) for kinds in (texts, others))
        texts, others = (texts if n_texts >= n_others else set()), (others if n_others >= n_texts else set())
    kinds = texts | others
    if kinds:
        return next(sample for sample in X if type(sample) in kinds)
    return next((sample for sample in X if not is_missing(sample)), None)


def is_bag(sample: Any) -> bool:
    """Whether a sample is a list, a tuple, a set, an array of one dimension or a Series.

    Parameters
    ----------
    sample : Any
    """
    if isinstance(sample, (list, tuple, set, frozenset)):
        return True
    return len(getattr(sample, "shape", ())) == 1 and hasattr(sample, "__iter__") and not isinstance(sample, MultiModal)


def _is_table(X: Sequence[Any]) -> bool:
    """Whether all rows are of one length, and none is missing or a set."""
    return all(is_bag(row) and not isinstance(row, (set, frozenset)) for row in X) and len(set(map(len, X))) == 1
