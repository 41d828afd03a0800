"""How to make a frame like the one that `y` was: its library, its column labels and their dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class FrameFormat:
    """What a data frame of labels looked like.

    Attributes
    ----------
    library : str
        "pandas" or "polars".
    labels : list
        Column labels, of any kind in pandas.
    dtypes : list
        The library's own dtypes.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skmtl.tasks import FrameFormat
    >>> like = FrameFormat.of(pd.DataFrame({"size": pd.Categorical(["s", "l"])}))
    >>> like.build([np.array(["l"], dtype=object)], None).dtypes["size"]
    CategoricalDtype(categories=['l', 's'], ordered=False, categories_dtype=str)
    """

    library: str
    labels: list[Any]
    dtypes: list[Any]

    @classmethod
    def of(cls, frame: Any) -> FrameFormat | None:
        """Return the format of a frame of pandas or polars; None for other libraries."""
        library = type(frame).__module__.split(".")[0]
        if library not in ("pandas", "polars"):
            return None
        return cls(library, list(frame.columns), [frame[label].dtype for label in frame.columns])

    def build(self, columns: Sequence[np.ndarray], index: Any) -> Any:
        """Return a frame of this format.

        Parameters
        ----------
        columns : sequence of ndarray of shape (n_samples,)
            Values in column order. Numbers stay floats where the column had none; labels get the column's own dtype.
        index : pandas.Index or None
            Row labels, for pandas.
        """
        if self.library == "polars":
            import polars as pl

            return pl.DataFrame(
                [
                    pl.Series(label, values.tolist(), dtype=dtype if _fits(values, str(dtype).lower()) else None)
                    for label, values, dtype in zip(self.labels, columns, self.dtypes, strict=True)
                ]
            )
        import pandas as pd

        series = [
            pd.Series(values, index=index, dtype=dtype if _fits(values, str(dtype).lower()) else None)
            for values, dtype in zip(columns, self.dtypes, strict=True)
        ]
        frame = pd.concat(series, axis=1)
        frame.columns = pd.Index(self.labels)
        return frame


def _fits(values: np.ndarray, dtype: str) -> bool:
    """Whether predictions may have the dtype of their column: floats do not become whole numbers."""
    return values.dtype.kind != "f" or "float" in dtype or "double" in dtype
