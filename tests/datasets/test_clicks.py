"""Made-up clicks and conversions, and what chains recover of them."""

import numpy as np
import pytest

from skmtl import MultiTaskClassifier
from skmtl.datasets import make_clicks
from skmtl.tasks import EntireSpaceChain

FAST = {"hidden_layer_sizes": (32,), "n_estimators": 3, "max_iter": 40, "random_state": 0, "companions": None}


def test_rates_are_those_asked_for():
    data = make_clicks(4000, click_rate=0.2, conversion_rate=0.3, random_state=0)
    np.testing.assert_allclose(data.probabilities.mean(axis=0), [0.2, 0.06])
    # Standard deviations of means of 4,000 draws: 0.006 and 0.004.
    np.testing.assert_allclose(data.y.mean(axis=0), [0.2, 0.06], atol=0.02)
    np.testing.assert_allclose(data.conversion_given_click, data.probabilities[:, 1] / data.probabilities[:, 0])
    assert data.target_names == ["click", "conversion"]


@pytest.mark.parametrize("visible", [0.0, 0.5, 1.0])
def test_labels_are_drawn_with_the_true_probabilities(visible):
    data = make_clicks(20000, click_rate=0.5, conversion_rate=0.5, visible=visible, random_state=1)
    for label, probability in zip(data.y.T, data.probabilities.T, strict=True):
        for part in np.array_split(np.argsort(probability), 4):
            assert label[part].mean() == pytest.approx(probability[part].mean(), abs=0.02)  # 3 standard deviations


def test_a_conversion_follows_a_click_only():
    y = make_clicks(2000, random_state=0).y
    assert y.dtype.kind == "i"
    assert (y[:, 1] <= y[:, 0]).all()


def test_missing_conversions_are_those_without_a_click_and_nothing_else_changes():
    full, hidden = make_clicks(500, random_state=0), make_clicks(500, missing=True, random_state=0)
    np.testing.assert_array_equal(np.isnan(hidden.y[:, 1]), full.y[:, 0] == 0)
    np.testing.assert_array_equal(np.nan_to_num(hidden.y), full.y)
    np.testing.assert_array_equal(hidden.X, full.X)


def test_without_a_common_cause_clicked_rows_are_as_likely_to_convert_as_others():
    def ratio(selection):
        data = make_clicks(20000, 30, n_hidden=None, selection=selection, random_state=0)
        clicked = data.y[:, 0] == 1
        return data.conversion_given_click[clicked].mean() / data.conversion_given_click[~clicked].mean()

    assert ratio(0.0) == pytest.approx(1, abs=0.6)  # two random directions of 30 correlate by up to 0.4
    assert ratio(0.9) > 3


def test_what_features_do_not_show_makes_clicked_rows_convert_more():
    shown, unseen = (make_clicks(500, visible=part, selection=1.0, random_state=0) for part in (1.0, 0.0))
    assert np.ptp(unseen.probabilities, axis=0).max() < 1e-12
    assert np.ptp(shown.probabilities, axis=0).min() > 0.1


def test_parameters_out_of_range_are_refused():
    with pytest.raises(ValueError, match="click_rate"):
        make_clicks(click_rate=0)


def test_chains_recover_conversion_rates_where_models_of_clicked_rows_do_not():
    data = make_clicks(6000, click_rate=0.05, random_state=0)
    X, y, truth = data.X[:4000], data.y[:4000], data.probabilities[4000:]
    rates, new = data.conversion_given_click[4000:], data.X[4000:]
    clicked = y[:, 0] == 1
    chained = MultiTaskClassifier(structure=EntireSpaceChain(0, 1), **FAST).fit(X, y).predict_proba(new)
    alone = MultiTaskClassifier(**FAST).fit(X[clicked], y[clicked, 1]).predict_proba(new)[:, 1]
    click, conversion = (p[:, 1] for p in chained)

    def error(found, true):
        return np.sqrt(np.mean((found - true) ** 2))

    # Of what a model of clicked rows says of all rows, most is not so: neither as their conversions …
    assert error(conversion, truth[:, 1]) < 0.2 * error(alone, truth[:, 1])
    assert conversion.mean() == pytest.approx(truth[:, 1].mean(), rel=0.35)
    # … nor as what they would convert if clicked.
    assert error(conversion / click, rates) < 0.9 * error(alone, rates)
    assert abs((conversion / click).mean() - rates.mean()) < abs(alone.mean() - rates.mean())
