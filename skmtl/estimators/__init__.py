"""The scikit-learn face: estimators that check and encode their data, train one network, and decode its outputs."""

from ._classifier import MultiTaskClassifier
from ._estimator import MultiTaskEstimator
from ._regressor import MultiTaskRegressor

__all__ = ["MultiTaskClassifier", "MultiTaskEstimator", "MultiTaskRegressor"]
