"""Multi-task learning with scikit-learn's interface: one network that learns all targets at once.

>>> from skmtl import MultiTaskRegressor
>>> from skmtl.datasets import load_energy
>>> X, y = load_energy(return_X_y=True)
>>> model = MultiTaskRegressor(max_iter=5, random_state=0).fit(X, y)
>>> model.predict(X).shape
(768, 2)
"""

from .estimators import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor

__version__ = "0.1.0"

__all__ = ["MultiTaskClassifier", "MultiTaskEstimator", "MultiTaskRegressor", "__version__"]
