import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn import inspection
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from skmtl import MultiTaskEstimator, MultiTaskRegressor
from skmtl.features import MultiModal
from skmtl.inspection import PermutationImportances, PermutationImportancesDisplay, permutation_importance

rng = np.random.default_rng(0)
N = 80
X = rng.normal(size=(N, 3))
Y = np.column_stack([2 * X[:, 0], X[:, 1] - X[:, 0]]) + 0.1 * rng.normal(size=(N, 2))
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])


@pytest.mark.parametrize("features", [X, FRAME], ids=["array", "frame"])
def test_of_one_task_the_numbers_are_scikit_learns(features):
    model = Ridge().fit(features, Y[:, 0])
    theirs = inspection.permutation_importance(model, features, Y[:, 0], n_repeats=4, random_state=3)
    ours = permutation_importance(model, features, Y[:, 0], n_repeats=4, random_state=3)
    np.testing.assert_allclose(ours.importances[:, 0], theirs.importances, atol=1e-12)
    np.testing.assert_allclose(ours.importances_std[:, 0], theirs.importances_std, atol=1e-12)


def test_all_tasks_at_once_have_the_numbers_of_each_alone():
    together = permutation_importance(Ridge().fit(X, Y), X, Y, random_state=0)
    assert together.task_names == ["y0", "y1"]
    assert together.feature_names == ["x0", "x1", "x2"]
    for task in range(2):
        alone = permutation_importance(Ridge().fit(X, Y[:, task]), X, Y[:, task], random_state=0)
        np.testing.assert_allclose(together.importances[:, task], alone.importances[:, 0], atol=1e-9)
    assert (together.importances_mean[0] > 0.3).all()
    assert together.importances_mean[1, 1] > 0.3
    np.testing.assert_allclose(together.importances_mean[1, 0], 0, atol=0.05)
    np.testing.assert_allclose(together.importances_mean[2], 0, atol=0.05)


def test_one_prediction_serves_all_tasks():
    calls = []

    class Counting(Ridge):
        def predict(self, X):
            calls.append(len(X))
            return super().predict(X)

    permutation_importance(Counting().fit(X, Y), X, Y, n_repeats=2)
    assert len(calls) == 1 + 3 * 2


def test_parts_are_shuffled_as_a_whole():
    steps = [np.repeat(row[None, :1], length, 0) for row, length in zip(X, rng.integers(1, 5, N), strict=True)]
    texts = [None, *(f"the number {number:.0f}" for number in X[1:, 2])]
    parts = MultiModal({"numbers": FRAME[["b", "c"]], "steps": steps, "texts": texts})
    model = MultiTaskRegressor(max_iter=60, random_state=0).fit(parts, Y)
    found = permutation_importance(model, parts, Y, n_repeats=2, random_state=0)
    assert found.feature_names == ["numbers", "steps", "texts"]
    assert found.importances.shape == (3, 2, 2)
    assert found.importances_mean[1, 0] > found.importances_mean[[0, 2], 0].max() + 0.1
    np.testing.assert_array_equal(
        permutation_importance(model, parts, Y, n_repeats=2, random_state=0).importances, found.importances
    )


@pytest.mark.parametrize(
    ("samples", "form"),
    [
        (np.zeros((9, 1, 4, 4)), "an image"),
        (np.zeros((9, 5, 2)), "a sequence"),
        (["a text", "another"], "a text"),
        (pd.Series([[1, 2], [3]]), "a list of identifiers"),
    ],
)
def test_samples_without_columns_are_referred_to_attributions(samples, form):
    with pytest.raises(ValueError, match=f"here a sample of X is {form}. .*attributions"):
        permutation_importance(Ridge(), samples, np.zeros(len(samples)))


def test_polars_lists_and_sparse_matrices_are_shuffled_too():
    pl = pytest.importorskip("polars")
    model = RandomForestRegressor(5, random_state=0).fit(X, Y)
    expected = permutation_importance(model, X, Y, random_state=0).importances
    for features in (X.tolist(), csr_array(X)):
        np.testing.assert_allclose(permutation_importance(model, features, Y, random_state=0).importances, expected)
    frame = pl.DataFrame(X, schema=["a", "b", "c"])
    named = RandomForestRegressor(5, random_state=0).fit(frame, Y)
    found = permutation_importance(named, frame, Y, random_state=0)
    np.testing.assert_allclose(found.importances, expected)
    assert found.feature_names == ["a", "b", "c"]
    numbered = FRAME.set_axis([0, 1, 2], axis=1)
    np.testing.assert_allclose(permutation_importance(model, numbered, Y, random_state=0).importances, expected)


def mixed():
    y = pd.DataFrame({"price": Y[:, 0], "kind": np.where(X[:, 1] > 0, "a", "b")})
    y.loc[::4, "price"] = np.nan
    y.loc[1::4, "kind"] = None
    return MultiTaskEstimator((16,), max_iter=60, n_estimators=1, random_state=0).fit(FRAME, y), y


def test_tasks_of_several_types_lean_on_their_own_features():
    model, y = mixed()
    found = permutation_importance(model, FRAME, y, random_state=0)
    table = found.to_frame()
    assert table["price"].idxmax() == "a"
    assert table["kind"].idxmax() == "b"
    assert found.baseline[1] == pytest.approx((model.predict(FRAME)["kind"] == y["kind"])[y["kind"].notna()].mean())
    narrowed = permutation_importance(model, FRAME, y, scoring="roc_auc", n_repeats=1)
    assert narrowed.task_names == ["kind"]
    by_task = permutation_importance(model, FRAME, y, scoring={"price": "neg_mean_absolute_error"}, random_state=0)
    assert by_task.task_names == ["price", "kind"]
    assert by_task.baseline[0] < 0
    assert by_task.importances_mean[0, 0] > 0
    weighted = permutation_importance(model, FRAME, y, sample_weight=np.arange(1.0, N + 1), n_repeats=1)
    assert weighted.baseline[0] != found.baseline[0]


def test_what_is_wrong_is_said():
    model = Ridge().fit(X, Y)
    with pytest.raises(ValueError, match="n_repeats must be a positive integer, got 0"):
        permutation_importance(model, X, Y, n_repeats=0)
    with pytest.raises(ValueError, match="scoring names the unknown task 'price'"):
        permutation_importance(model, X, Y, scoring={"price": "r2"})
    with pytest.raises(ValueError, match="No task of 'y0', 'y1' has labels that scoring='accuracy' can score"):
        permutation_importance(model, X, Y, scoring="accuracy")
    with pytest.raises(ValueError, match="Unknown scorer 'r3'"):
        permutation_importance(model, X, Y, scoring="r3")


def test_the_most_important_features_are_drawn_first():
    values = np.zeros((4, 6, 1))
    values[2, 0], values[1, 5] = 0.5, 0.7
    found = PermutationImportances(values, np.ones(6), list("abcd"), [f"task {i}" for i in range(6)])
    display = PermutationImportancesDisplay(found).plot(max_features=2)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["b", "c"]
    figure, ax = plt.subplots()
    model = LogisticRegression().fit(X, Y[:, 0] > 0)
    drawn = PermutationImportancesDisplay.from_estimator(model, X, Y[:, 0] > 0, n_repeats=1, ax=ax)
    assert drawn.figure_ is figure
    plt.close("all")
