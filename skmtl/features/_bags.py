"""Lists of identifiers, as logs of users hold them: hashed counts, without a list of all identifiers to keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from numbers import Integral, Real
from typing import Any, ClassVar, NoReturn

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator
from sklearn.utils import murmurhash3_32
from sklearn.utils._param_validation import Interval

from ._forms import Form, is_bag
from ._kinds import is_missing, shortened
from ._layout import Layout
from ._texts import TextStandardizer

# In front of the digits of a number before they are hashed, so that 3 and "3" differ.
NUMBER_MARK = "\0"


class BagEncoder(BaseEstimator):
    """Read lists of identifiers: products bought, pages seen, diagnoses, users who rated something.

    An identifier is a string or a whole number; 3 and 3.0 are the same one, 3 and "3" are not, and bytes are read as
    UTF-8. Lists, tuples, sets and arrays of one dimension may have any length; their order does not count. Nothing is
    known of a row whose list is empty or missing, and None or NaN in a list is passed over.

    Identifiers are hashed into buckets: there is no list of them to keep, and new ones may come at any time. At fit,
    buckets that occur in fewer than `min_rows` distinct rows are left out, and what was not there at fit has no
    influence. The others weigh `1 + log(rows / rows with it)` times `1 + log(count)`, scaled to the same length for
    all rows. Of very long lists the 2,048 heaviest identifiers are read.

    Parameters
    ----------
    n_buckets : int, default=2**20
        More keep more identifiers apart: of 10,000, one in a hundred shares its bucket with another.
    min_rows : int, default=5
        Never more than a hundredth of the rows.

    References
    ----------
    Weinberger, K., Dasgupta, A., Langford, J., Smola, A., and Attenberg, J. (2009). Feature hashing for large scale
    multitask learning. ICML.

    Examples
    --------
    >>> from skmtl.features import BagEncoder
    >>> reader = BagEncoder().build()
    >>> reader.fit_matrix([["milk", "bread", "milk"], [], None, {"tea"}]).sum(axis=1)
    array([3., 0., 0., 1.], dtype=float32)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_buckets": [Interval(Integral, 1, 2**22, closed="both")],
        "min_rows": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, *, n_buckets: int = 2**20, min_rows: int = 5) -> None:
        self.n_buckets = n_buckets
        self.min_rows = min_rows

    def build(self) -> BagReader:
        """Return a reader that has not seen a list yet.

        Raises
        ------
        InvalidParameterError
            If a parameter has the wrong type or value; a `ValueError`.
        """
        self._validate_params()
        return BagReader(self.n_buckets, self.min_rows)


class BagReader:
    """What turns lists of identifiers into counts of hashed ones; it learns nothing.

    Parameters
    ----------
    n_buckets, min_rows
        As in :class:`BagEncoder`.

    Attributes
    ----------
    layout : Layout
    """

    n_features = 1

    def __init__(self, n_buckets: int, min_rows: int) -> None:
        self.n_buckets, self.min_rows = n_buckets, min_rows
        self.layout = Layout.of_numbers(n_buckets)

    def fit_matrix(self, X: Any, rows: np.ndarray | None = None) -> csr_array:
        """Return the matrix of lists; see `Reader.fit_matrix`."""
        del rows
        return self.matrix(X)

    def matrix(self, X: Any) -> csr_array:
        """Return how often each row holds each bucket's identifiers, `(n, n_buckets)`; see `Reader.matrix`.

        Raises
        ------
        ValueError
            If X is not one list a row, or a list holds something else than identifiers.
        """
        known: dict[Any, int] = {}
        places: list[int] = []
        ends = [0]
        for row, values in enumerate(lists_of(X)):
            for value in values:
                place = known.get(value) if isinstance(value, (str, int)) else None
                if place is None and not is_missing(value):
                    place = known[value] = self.bucket(value, row)
                if place is not None:
                    places.append(place)
            ends.append(len(places))
        counts = csr_array(
            (np.ones(len(places), np.float32), np.array(places, np.int64), ends), shape=(len(ends) - 1, self.n_buckets)
        )
        counts.sum_duplicates()
        return counts

    def bucket(self, value: Any, row: int = 0) -> int:
        """Return the bucket of an identifier: the same everywhere and always.

        Parameters
        ----------
        value : str, bytes or whole number
        row : int, default=0
            Where it was found, for messages.

        Raises
        ------
        ValueError
            If it is none of these.
        """
        if isinstance(value, str):
            text = value
        elif isinstance(value, bytes):
            text = value.decode("utf-8", "replace")
        elif isinstance(value, (Integral, np.bool_)) or (isinstance(value, Real) and float(value).is_integer()):
            text = f"{NUMBER_MARK}{int(value)}"  # type: ignore[arg-type]
        else:
            _refuse(value, row)
        return int(murmurhash3_32(text.encode("utf-8", "surrogatepass"), positive=True)) % self.n_buckets

    def identifiers(self, X: Any) -> Iterator[dict[Any, int]]:
        """Yield the distinct identifiers of each row, each with its bucket, in the order in which they come.

        Parameters
        ----------
        X : list, tuple, Series or array of objects
            As `matrix` takes it.
        """
        for row, values in enumerate(lists_of(X)):
            yield {value: self.bucket(value, row) for value in values if not is_missing(value)}

    def standardizer(self) -> TextStandardizer:
        """Return what finds the weights of identifiers, and has not done so yet; see `Reader.standardizer`."""
        return TextStandardizer(self.min_rows, Form.BAG)


def lists_of(X: Any) -> Iterator[Iterable[Any]]:
    """Yield the lists of X; one that is missing is empty.

    Parameters
    ----------
    X : list, tuple, Series or array of objects

    Raises
    ------
    ValueError
        If X has several columns or no row, or a row holds something else.
    """
    if getattr(X, "ndim", 1) != 1 or hasattr(X, "columns"):
        raise ValueError(
            f"X is read as one list of identifiers a row, and has shape {X.shape}. Pass the column of lists "
            "itself, or, at fit, a data frame of several columns with encoder='auto'."
        )
    if not len(X):
        raise ValueError("X holds no list of identifiers.")
    for row, values in enumerate(X):
        if is_bag(values):
            yield values
        elif is_missing(values):
            yield ()
        else:
            raise ValueError(
                f"Row {row} of X holds {shortened(values)}, a {type(values).__name__}, where others hold lists of "
                "identifiers. Put it into a list, or give None, of which nothing is known."
            )


def _refuse(value: Any, row: int) -> NoReturn:
    advice = (
        "Measurements belong into columns, as many in each row, and sequences into arrays (time, features)"
        if isinstance(value, Real)
        else "Flatten it, or turn it into a string"
    )
    raise ValueError(
        f"Row {row} of X holds {shortened(value)}, a {type(value).__name__}, in its list, but identifiers are strings "
        f"or whole numbers. {advice}."
    )
