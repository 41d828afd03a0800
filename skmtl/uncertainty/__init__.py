"""How sure predictions are: probabilities that mean what they say.

>>> import numpy as np
>>> from skmtl.uncertainty import fit_temperatures, tempered
>>> sure = np.tile([[[0.1, 0.9]]], (1000, 1, 1))  # says 90 %, and is right in 80 %
>>> labels = np.arange(1000)[:, None] % 5 != 0
>>> temperatures = fit_temperatures(sure, labels, np.ones((1000, 1)), np.array([1000]), prior=0)
>>> tempered(sure, temperatures)[0].round(3)
array([[0.2, 0.8]])
"""

from ._temperature import averaging_factors, fit_temperatures, tempered

__all__ = ["averaging_factors", "fit_temperatures", "tempered"]
