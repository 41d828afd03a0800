"""The scikit-learn face: estimators that check and encode their data, train one network, and decode its outputs."""

from ._classifier import MultiTaskClassifier
from ._estimator import MultiTaskEstimator
from ._joining import averaged, joined
from ._kinship import common_start, flat_weights, models_of, network_rows, set_weights, trunk_only
from ._regressor import MultiTaskRegressor
from ._transfer import fingerprint

__all__ = [
    "MultiTaskClassifier",
    "MultiTaskEstimator",
    "MultiTaskRegressor",
    "averaged",
    "common_start",
    "fingerprint",
    "flat_weights",
    "joined",
    "models_of",
    "network_rows",
    "set_weights",
    "trunk_only",
]
