"""Metadata routing: weights, groups and classes find their way through pipelines and searches."""

import numpy as np
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.metadata_routing import get_routing_for_object

from skmtl import MultiTaskClassifier, MultiTaskRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = X @ rng.normal(size=(3, 2)) + rng.normal(size=(60, 2))
WEIGHT = rng.integers(0, 3, size=(60, 2)).astype(float)


def make(estimator=MultiTaskRegressor, **params):
    params = {"hidden_layer_sizes": (4,), "max_iter": 3, "n_estimators": 2, "random_state": 0, **params}
    return estimator(**params)


@pytest.fixture(autouse=True)
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_all_arguments_can_be_requested():
    requests = get_routing_for_object(make(MultiTaskClassifier))
    assert set(requests.fit.requests) == {"sample_weight", "groups", "X_val", "y_val"}
    assert set(requests.partial_fit.requests) == {"sample_weight", "classes"}
    assert set(requests.score.requests) == {"sample_weight"}
    assert not requests.predict.requests
    assert not requests.transform.requests


def test_weights_and_groups_reach_fit_through_a_pipeline():
    groups = np.arange(60) // 6
    pipeline = make_pipeline(
        StandardScaler().set_fit_request(sample_weight=False), make().set_fit_request(sample_weight=True, groups=True)
    )
    pipeline.fit(X, Y, sample_weight=WEIGHT, groups=groups)
    direct = make().fit(StandardScaler().fit_transform(X), Y, sample_weight=WEIGHT, groups=groups)
    np.testing.assert_array_equal(pipeline[-1].oof_prediction_, direct.oof_prediction_)
    np.testing.assert_array_equal(pipeline.predict(X), direct.predict(StandardScaler().fit_transform(X)))


def test_weights_reach_fit_and_score_in_a_search():
    model = make().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    search = GridSearchCV(model, {"alpha": [0.0, 1.0]}, cv=2).fit(X, Y, sample_weight=WEIGHT)
    halves = [(np.arange(30, 60), np.arange(30)), (np.arange(30), np.arange(30, 60))]
    expected = [
        make(alpha=search.best_params_["alpha"])
        .fit(X[train], Y[train], WEIGHT[train])
        .score(X[test], Y[test], WEIGHT[test])
        for train, test in halves
    ]
    assert search.best_score_ == pytest.approx(np.mean(expected))


def test_a_weight_that_nobody_asked_for_is_refused():
    with pytest.raises(ValueError, match="sample_weight"):
        cross_validate(make(), X, Y, params={"sample_weight": WEIGHT})
