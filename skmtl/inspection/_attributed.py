"""What attributions of one task are: what each column, word or pixel adds, and what it adds up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


class Attributions:
    """What :func:`attributions` returns: how a prediction comes about, for each row.

    Attributes
    ----------
    values : ndarray of shape (n_samples, n_features) or (n_samples, *sample), or list of ndarray of shape (n_words,)
        What each column, each value of a picture or sequence, each word of a text, or each identifier of a list adds to
        the prediction. In the units of the task, or for classes in units of log-odds. Of a `MultiModal`, what each part
        adds, `(n_samples, n_parts)`; of a data frame, what each column adds, be it a text, a list or any other.
    predicted, baseline : ndarray of shape (n_samples,)
        What is explained, of each row and of where its path begins.
    task : str
    target : ndarray of shape (n_samples,) or None
        The class whose log-odds against all others are explained; None: the task is one of numbers.
    feature_names : list of str or None
        Names of the columns, or of the parts of a `MultiModal`; None for texts, lists, pictures and sequences.
    words : list of list of str or None
        The words of each text, or the distinct identifiers of each list, as strings; None if X holds neither.
    parts : dict of str to Attributions
        Of samples of several parts, what each part is made of, by its name: a table's columns, a text's words, the
        values of a picture. Of a part, `baseline` is what is predicted less all that the part adds. Empty otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.inspection import Attributions
    >>> found = Attributions(np.array([[0.5, -1.0]]), np.array([3.5]), np.array([4.0]), "price", None, ["age", "size"])
    >>> found.residual
    array([0.])
    >>> found.of_row(0)
    [('age', 0.5), ('size', -1.0)]
    """

    def __init__(
        self,
        values: Any,
        predicted: np.ndarray,
        baseline: np.ndarray,
        task: str,
        target: np.ndarray | None = None,
        feature_names: Sequence[str] | None = None,
        words: Sequence[Sequence[str]] | None = None,
        parts: Mapping[str, Attributions] | None = None,
    ) -> None:
        self.values = values
        self.predicted, self.baseline = predicted, baseline
        self.task, self.target = task, target
        self.feature_names = None if feature_names is None else list(feature_names)
        self.words = None if words is None else [list(own) for own in words]
        self.parts = {} if parts is None else dict(parts)

    @property
    def residual(self) -> np.ndarray:
        """What is left of `predicted - baseline` beside the sum of the values, `(n_samples,)`: the integral's error."""
        sums: np.ndarray = np.array([float(np.sum(own)) for own in self.values])
        return np.asarray(self.predicted - self.baseline - sums)

    def of_row(self, row: int) -> list[tuple[str, float]]:
        """Return the columns, parts or words of one row, each with what it adds.

        Parameters
        ----------
        row : int

        Returns
        -------
        list of (str, float)

        Raises
        ------
        ValueError
            If X holds pictures or sequences, whose values have no names.
        """
        names = self.feature_names if self.words is None else self.words[row]
        if names is None:
            raise ValueError("Values of pictures and sequences have no names: read `values[row]`.")
        return list(zip(names, (float(value) for value in self.values[row]), strict=True))

    def to_frame(self) -> pd.DataFrame:
        """Return the values of a table as a data frame: a row a sample, a column a feature or part.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ValueError
            If X was no table.
        ImportError
            If pandas is not installed.
        """
        if self.feature_names is None:
            raise ValueError("Only attributions of tables are a data frame: read `values`, or `of_row` for words.")
        import pandas as pd

        return pd.DataFrame(self.values, columns=self.feature_names)
