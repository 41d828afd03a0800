"""How sure predictions are: intervals that hold, and probabilities that mean what they say.

Plain arithmetic on arrays; estimators bring the predictions. How far rows that were held out lie from their predictions
says how far new ones may lie. A *score* is how far a label lies outside of a band `[lower, upper]` of predictions, and
less than 0 inside; for a single prediction, where both ends are the same, it is the absolute error. Enough of the
scores, counted with room for the one that comes, widen the band.

>>> import numpy as np
>>> from skmtl.uncertainty import conformal_quantile
>>> conformal_quantile(np.arange(1.0, 20.0), coverage=0.9)
18.0

How often a predicted probability was right says what it should have been.

>>> from skmtl.uncertainty import fit_temperatures, tempered
>>> sure = np.tile([[[0.1, 0.9]]], (1000, 1, 1))  # says 90 %, and is right in 80 %
>>> labels = np.arange(1000)[:, None] % 5 != 0
>>> temperatures = fit_temperatures(sure, labels, np.ones((1000, 1)), np.array([1000]), prior=0)
>>> tempered(sure, temperatures)[0].round(3)
array([[0.2, 0.8]])
"""

from ._cross import cross_interval
from ._held_out import HeldOut, hold_out
from ._joint import joint_scores
from ._quantile import conformal_quantile, rows_needed
from ._residuals import Residuals, band_levels
from ._temperature import averaging_factors, fit_temperatures, tempered

__all__ = [
    "HeldOut",
    "Residuals",
    "averaging_factors",
    "band_levels",
    "conformal_quantile",
    "cross_interval",
    "fit_temperatures",
    "hold_out",
    "joint_scores",
    "rows_needed",
    "tempered",
]
