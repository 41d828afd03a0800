"""scikit-learn's own checks, without an exception."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor

pytestmark = pytest.mark.filterwarnings(
    # scikit-learn fits one class on purpose, and skips what it finds no data for.
    "ignore:Task .* has one class only:UserWarning",
    "ignore::sklearn.exceptions.SkipTestWarning",
)


@parametrize_with_checks(
    [
        MultiTaskRegressor(n_estimators=1, max_iter=60),
        MultiTaskClassifier(n_estimators=1, max_iter=60),
        MultiTaskEstimator(n_estimators=1, max_iter=60),
    ]
)
def test_estimator_passes(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([MultiTaskRegressor(), MultiTaskClassifier(), MultiTaskEstimator()])
def test_estimator_passes_by_default(estimator, check):
    check(estimator)
