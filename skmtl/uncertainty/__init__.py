"""Intervals that hold: how far rows that were held out lie from their predictions says how far new ones may lie.

Plain arithmetic on arrays; estimators bring the predictions. A *score* is how far a label lies outside of a band
`[lower, upper]` of predictions, and less than 0 inside; for a single prediction, where both ends are the same, it is
the absolute error. Enough of the scores, counted with room for the one that comes, widen the band.

>>> import numpy as np
>>> from skmtl.uncertainty import conformal_quantile
>>> conformal_quantile(np.arange(1.0, 20.0), coverage=0.9)
18.0
"""

from ._calibration import Calibration, calibrate
from ._cross import cross_interval
from ._joint import joint_scores
from ._quantile import conformal_quantile, rows_needed
from ._residuals import Residuals, band_levels

__all__ = [
    "Calibration",
    "Residuals",
    "band_levels",
    "calibrate",
    "conformal_quantile",
    "cross_interval",
    "joint_scores",
    "rows_needed",
]
