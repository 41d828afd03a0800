import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from skmtl.datasets import make_multitask_classification, make_multitask_regression

MAKERS = [make_multitask_regression, make_multitask_classification]


def correlations(relatedness, n_tasks=3, n_informative=200):
    _, _, coef = make_multitask_regression(
        2, n_informative, n_tasks, n_informative=n_informative, relatedness=relatedness, coef=True, random_state=0
    )
    return coef.T @ coef


@pytest.mark.parametrize("relatedness", [0.0, 0.3, 0.8, 1.0])
def test_coefficients_are_as_related_as_asked_for(relatedness):
    found = correlations(relatedness, 8)
    np.testing.assert_allclose(np.diag(found), 1)
    # Standard deviation of a correlation of 200 normal draws: at most 0.07, and 28 pairs.
    np.testing.assert_allclose(found[np.triu_indices(8, 1)].mean(), relatedness, atol=0.07)


def test_a_matrix_says_how_related_each_pair_is():
    asked = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, -0.3], [0.0, -0.3, 1.0]])
    np.testing.assert_allclose(correlations(asked), asked, atol=0.2)


def test_without_noise_labels_are_the_features_times_the_coefficients():
    X, y, coef = make_multitask_regression(80, 12, 4, n_informative=5, noise=0, coef=True, random_state=0)
    np.testing.assert_allclose(y, X @ coef)
    assert ((coef != 0).sum(axis=0) == 5).all()
    assert LinearRegression().fit(X, y).score(X, y) == pytest.approx(1)
    np.testing.assert_array_equal(coef != 0, np.repeat((coef != 0)[:, :1], 4, axis=1))


def test_noise_is_that_of_each_task():
    settings = {"coef": True, "random_state": 0}
    X, y, coef = make_multitask_regression(5000, 10, 3, noise=[0, 0.5, 2], **settings)
    np.testing.assert_allclose((y - X @ coef).std(axis=0), [0, 0.5, 2], rtol=0.05, atol=1e-12)
    np.testing.assert_allclose((X @ coef).std(axis=0), 1, rtol=0.05)


def test_hidden_units_make_signals_that_a_linear_model_cannot_express():
    X, y, (hidden, coef) = make_multitask_regression(2000, 6, 2, n_hidden=5, noise=0, coef=True, random_state=0)
    np.testing.assert_allclose(y, np.tanh(X @ hidden) @ coef)
    np.testing.assert_allclose(y.std(axis=0), 1)
    assert LinearRegression().fit(X, y).score(X, y) < 0.95


def test_informative_features_stand_first_or_anywhere():
    coefs = [
        make_multitask_regression(5, 30, 1, n_informative=3, shuffle=shuffle, coef=True, random_state=0)[2]
        for shuffle in (False, True)
    ]
    assert np.flatnonzero(coefs[0]).tolist() == [0, 1, 2]
    assert np.flatnonzero(coefs[1]).tolist() != [0, 1, 2]


@pytest.mark.parametrize("n_hidden", [None, 4])
def test_without_noise_the_class_is_that_of_the_largest_score(n_hidden):
    X, y, truth = make_multitask_classification(
        200, 8, 3, n_classes=[2, 3, 5], noise=0, n_hidden=n_hidden, coef=True, random_state=0
    )
    features, coef = (X, truth) if n_hidden is None else (np.tanh(X @ truth[0]), truth[1])
    for task, scores in enumerate(coef):
        np.testing.assert_array_equal((features @ scores).argmax(axis=1), y[:, task])
    assert y.max(axis=0).tolist() == [1, 2, 4]
    assert y.dtype.kind == "i"


def test_classes_are_drawn_from_the_softmax_of_the_scores():
    X, y, coef = make_multitask_classification(50_000, 4, 1, noise=0.7, coef=True, random_state=0)
    scores = X @ coef[0] / 0.7
    p = 1 / (1 + np.exp(scores[:, 0] - scores[:, 1]))
    for low, high in ((0.2, 0.3), (0.45, 0.55), (0.8, 0.9)):
        rows = (p > low) & (p < high)
        assert y[rows, 0].mean() == pytest.approx(p[rows].mean(), abs=0.03)


# Missing labels


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("missingness", ["completely_at_random", "by_value"])
def test_every_task_misses_the_same_share(make, missingness):
    _, y = make(400, missing=0.3, missingness=missingness, random_state=0)
    np.testing.assert_allclose(np.isnan(y).mean(axis=0), 0.3, atol=0.002)


def test_by_task_shares_differ_with_the_mean_asked_for():
    _, y = make_multitask_regression(1000, n_tasks=4, missing=0.4, missingness="by_task", random_state=0)
    np.testing.assert_allclose(np.isnan(y).mean(axis=0), 0.4 + 0.4 * np.array([-0.75, -0.25, 0.25, 0.75]), atol=0.001)


def test_by_value_large_labels_are_missing():
    settings = {"n_samples": 4000, "random_state": 0}
    _, whole = make_multitask_regression(**settings)
    _, y = make_multitask_regression(missing=0.5, missingness="by_value", **settings)
    hidden = np.isnan(y)
    for task in range(3):
        assert whole[hidden[:, task], task].mean() > whole[~hidden[:, task], task].mean() + 0.7
    _, at_random = make_multitask_regression(missing=0.5, **settings)
    hidden = np.isnan(at_random)
    assert abs(whole[hidden].mean() - whole[~hidden].mean()) < 0.1


@pytest.mark.parametrize("make", MAKERS)
def test_labels_that_are_left_do_not_depend_on_those_that_are_hidden(make):
    X, whole = make(random_state=5)
    again, y = make(missing=0.6, random_state=5)
    np.testing.assert_array_equal(X, again)
    np.testing.assert_array_equal(whole[~np.isnan(y)], y[~np.isnan(y)])
    np.testing.assert_array_equal(make(missing=0.6, random_state=5)[1], y)


@pytest.mark.parametrize("make", MAKERS)
def test_every_task_keeps_a_label(make):
    _, y = make(3, missing=0.99, missingness="by_task", random_state=0)
    assert (~np.isnan(y)).any(axis=0).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"relatedness": 2}, "relatedness"),
        ({"relatedness": np.eye(2)}, r"relatedness has the shape \(2, 2\).*\(3, 3\)"),
        ({"relatedness": np.ones((3, 3)) * 2}, "is no correlation matrix: it must be symmetric"),
        ({"relatedness": [[1, -0.9, -0.9], [-0.9, 1, -0.9], [-0.9, -0.9, 1]]}, "smallest eigenvalue"),
        ({"noise": [1, 2]}, "noise=.* must be a number from 0 on, or n_tasks=3 of them"),
        ({"noise": -1}, "noise"),
        ({"missing": 1.0}, "missing"),
        ({"missingness": "never"}, "missingness"),
        ({"n_tasks": 0}, "n_tasks"),
    ],
)
@pytest.mark.parametrize("make", MAKERS)
def test_wrong_settings_are_named(make, settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings)


@pytest.mark.parametrize("n_classes", [1, [2, 3], [2, 1, 3], [2.5, 2, 2]])
def test_wrong_numbers_of_classes_are_named(n_classes):
    with pytest.raises(ValueError, match="n_classes"):
        make_multitask_classification(n_classes=n_classes)
