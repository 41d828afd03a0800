"""The weight of each label: the user's, and 0 where the label is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array

from ._columns import Columns


def label_weights(sample_weight: Any, columns: Columns, names: Sequence[str]) -> np.ndarray:
    """Return the weight of each label, `(n_samples, n_tasks)`: 0 where it is missing.

    Raises
    ------
    ValueError
        If `sample_weight` has another shape than `(n_samples,)` or `(n_samples, n_tasks)`, or holds a negative or
        non-finite weight.
    """
    present = ~np.stack(columns.missing, axis=1)
    if sample_weight is None:
        # The usual case of many rows: one number stands for all of them.
        return np.broadcast_to(1.0, present.shape) if present.all() else present.astype(float)
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=float, ensure_all_finite=False, input_name="sample_weight"
    )
    if weights.shape not in ((columns.n_samples,), present.shape):
        raise ValueError(
            f"sample_weight.shape == {weights.shape}, expected {(columns.n_samples,)} or {present.shape} "
            "(n_samples, n_tasks)!"
        )
    if not (np.isfinite(weights) & (weights >= 0)).all():
        place = tuple(int(i) for i in np.argwhere(~(np.isfinite(weights) & (weights >= 0)))[0])
        where = f"row {place[0]}" + (f", task {names[place[1]]!r}" if len(place) == 2 else "")
        raise ValueError(f"sample_weight must be finite and >= 0; in {where} it is {float(weights[place])!r}.")
    if weights.ndim == 1:
        weights = weights[:, None]
    return np.where(present, weights, 0.0)
