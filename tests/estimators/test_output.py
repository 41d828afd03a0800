"""transform, names of features, data frames, tags, representations."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from skmtl import MultiTaskClassifier, MultiTaskRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 3))
Y = X @ rng.normal(size=(3, 2)) + rng.normal(size=(50, 2))


def make(estimator=MultiTaskRegressor, **params):
    params = {"hidden_layer_sizes": (5, 4), "max_iter": 3, "n_estimators": 3, "random_state": 0, **params}
    return estimator(**params)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_transform_gives_the_representations_of_all_members_side_by_side(dtype):
    model = make(batch_size=8, companions=None).fit(X, Y)
    representation = model.transform(X.astype(dtype))
    assert representation.shape == (50, 12)
    assert representation.dtype == dtype
    network, head = model.net_.module_, model.net_.module_.head
    outputs = np.stack(
        [
            representation[:, 4 * m : 4 * m + 4] @ head.weight[m].detach().numpy() + head.bias[m].detach().numpy()
            for m in range(network.n_members)
        ]
    )
    statistics, targets = model._model.statistics, model._model.targets
    encoded = (outputs * statistics.scale[:, None] + statistics.shift[:, None]).mean(0)
    np.testing.assert_allclose(encoded * targets.unit_ + targets.center_, model.predict(X), rtol=1e-4, atol=1e-5)


def test_a_network_without_hidden_layers_represents_the_standardised_features():
    model = make(hidden_layer_sizes=()).fit(X, Y)
    expected = (X - X.mean(0)) / X.std(0)
    np.testing.assert_allclose(model.transform(X), np.tile(expected, 3), rtol=1e-6, atol=1e-9)


def test_a_representation_feeds_other_estimators():
    pipeline = make_pipeline(make(), Ridge()).fit(X, Y)
    assert pipeline.predict(X).shape == (50, 2)


def test_names_of_the_representation_and_data_frames():
    model = make().fit(X, Y)
    names = [f"multitaskregressor{i}" for i in range(12)]
    assert model.get_feature_names_out().tolist() == names
    frame = model.set_output(transform="pandas").transform(X)
    assert isinstance(frame, pd.DataFrame)
    assert frame.columns.tolist() == names
    np.testing.assert_array_equal(frame, make().fit(X, Y).transform(X))
    assert isinstance(model.predict(X), np.ndarray)


def test_fit_transform_takes_what_fit_takes():
    weights = np.arange(50.0)
    direct = make().fit(X, Y, sample_weight=weights).transform(X)
    np.testing.assert_array_equal(make().fit_transform(X, Y, sample_weight=weights), direct)


@pytest.mark.parametrize("estimator", [MultiTaskRegressor, MultiTaskClassifier])
def test_the_html_representation_shows_parameters_and_whether_it_is_fitted(estimator):
    model = make(estimator, task_weights={"price": 2})
    html = model._repr_html_()
    assert estimator.__name__ in html
    assert "price" in html
    assert "Not fitted" in html
    assert "Fitted" in make(estimator).fit(X, Y > 0)._repr_html_()


def test_tags_tell_what_the_estimators_do():
    for estimator, kind in ((MultiTaskRegressor, "regressor"), (MultiTaskClassifier, "classifier")):
        tags = get_tags(estimator())
        assert tags.estimator_type == kind
        assert tags.target_tags.required
        assert tags.target_tags.multi_output
        assert tags.target_tags.single_output
        assert tags.input_tags.sparse
        assert tags.input_tags.allow_nan
        assert not estimator(encoder="passthrough").__sklearn_tags__().input_tags.allow_nan
        assert not tags.non_deterministic
        assert tags.transformer_tags.preserves_dtype == ["float64", "float32"]
    assert tags.classifier_tags.multi_class
    assert tags.classifier_tags.multi_label
