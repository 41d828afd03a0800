"""Splitters that divide the labels of all tasks alike, missing ones included, and thresholds of decisions.

Splitters are what `cv=` takes where scikit-learn's own stratification refuses a second column of y.

>>> import numpy as np
>>> from sklearn.linear_model import LinearRegression
>>> from sklearn.model_selection import cross_val_score
>>> from skmtl.datasets import load_energy
>>> from skmtl.model_selection import MultiTaskStratifiedKFold
>>> X, y = load_energy(return_X_y=True)
>>> cross_val_score(LinearRegression(), X, y, cv=MultiTaskStratifiedKFold(3, shuffle=True, random_state=0)).round(1)
array([0.9, 0.9, 0.9])
"""

from ._splitters import MultiTaskStratifiedGroupKFold, MultiTaskStratifiedKFold, MultiTaskStratifiedShuffleSplit
from ._thresholds import tune_thresholds
from ._train_test_split import train_test_split

__all__ = [
    "MultiTaskStratifiedGroupKFold",
    "MultiTaskStratifiedKFold",
    "MultiTaskStratifiedShuffleSplit",
    "train_test_split",
    "tune_thresholds",
]
