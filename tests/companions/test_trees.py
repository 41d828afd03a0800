"""The companion of trees: values of nodes by hand, rows left out that do not know their labels, exact sums."""

import numpy as np
import pytest
from sklearn.tree import ExtraTreeRegressor

from skmtl.companions import TreesCompanion, _trees
from skmtl.companions._ridge import Cells


def problem(n_rows=80, n_columns=4, n_tasks=3, seed=0):
    """Columns, targets of two steps with noise, and weights."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n_rows, n_columns))
    steps = np.sign(X[:, :1]) * np.arange(1, n_tasks + 1) + (X[:, 1:2] > 0.3)
    y = steps + 0.3 * rng.normal(size=(n_rows, n_tasks))
    return X, (y - y.mean(0)) / y.std(0), np.ones(y.shape)


def with_holes(weights, seed=1):
    """Weights of which a third are 0, but one of each row."""
    rng = np.random.default_rng(seed)
    hidden = rng.random(weights.shape) < 1 / 3
    hidden[np.arange(len(weights)), rng.integers(weights.shape[1], size=len(weights))] = False
    return np.where(hidden, 0, weights)


def shrunk(tree, node, rows, value, above, X, y, weights, shrinkage):
    """Fill `value` node by node, as the paper of hierarchical shrinkage says it."""
    seen = weights[rows] > 0
    labels = weights[rows].sum()
    mean = np.average(y[rows][seen], weights=weights[rows][seen]) if seen.any() else None
    if above is None:
        value[node] = mean
    else:
        parent, parent_mean, parent_labels = above
        step = 0 if mean is None else (mean - parent_mean) / (1 + shrinkage / parent_labels)
        value[node] = value[parent] + step
    if tree.children_left[node] < 0:
        return
    low = X[rows, tree.feature[node]] <= tree.threshold[node]
    for child, part in ((tree.children_left[node], rows[low]), (tree.children_right[node], rows[~low])):
        shrunk(tree, child, part, value, (node, mean, labels), X, y, weights, shrinkage)


@pytest.mark.parametrize("shrinkage", [0.0, 2.5])
def test_nodes_have_the_values_of_hierarchical_shrinkage(shrinkage):
    X, y, weights = problem()
    weights = with_holes(weights * np.random.default_rng(2).uniform(0.5, 2, size=(len(X), 1)))
    X = X.astype(np.float32)
    cells = Cells(np.where(weights > 0, y, 0), weights)
    inside = np.arange(len(X)) % 5 > 0
    tree = ExtraTreeRegressor(random_state=0).fit(X[inside], cells.targets[inside]).tree_
    relative = weights / cells.weights.max(1).mean()  # rows weigh 1 on average
    own = cells.targets[inside], relative[inside]
    found = _trees._node_values(tree, X[inside], *own, np.full((1, 3), shrinkage))[0]
    for task in range(3):
        value = np.full(tree.node_count, np.nan)
        own = X[inside], y[inside, task], relative[inside, task]
        shrunk(tree, 0, np.arange(inside.sum()), value, None, *own, shrinkage)
        np.testing.assert_allclose(found[:, task], value, rtol=1e-9, atol=1e-9)


def test_what_is_packed_predicts_as_the_trees_do():
    X, y, _ = problem()
    X = np.round(X, 1).astype(np.float32)  # many rows lie on values that thresholds are near
    trees = [ExtraTreeRegressor(random_state=seed).fit(X, y).tree_ for seed in range(7)]
    values = [np.random.default_rng(seed).normal(size=(tree.node_count, 3)) for seed, tree in enumerate(trees)]
    expected = np.mean([own[tree.apply(X)] for tree, own in zip(trees, values, strict=True)], axis=0)
    np.testing.assert_allclose(_trees._Forest.of(trees, values).predict(X), expected, rtol=1e-5, atol=1e-6)


def test_many_rows_are_predicted_in_parts(monkeypatch):
    X, y, weights = problem()
    model = TreesCompanion().fit(X, y, weights, np.ones(3))
    at_once = model.predict(X)
    monkeypatch.setattr(_trees, "CHUNK_VALUES", 1)
    np.testing.assert_array_equal(model.predict(X), at_once)


@pytest.mark.parametrize("grouped", [False, True])
def test_the_prediction_of_a_row_left_out_knows_nothing_of_its_label(grouped, monkeypatch):
    monkeypatch.setattr(_trees, "SHRINKAGES", (1.0,))
    X, y, weights = problem(40)
    together = np.arange(40) // 4 if grouped else np.arange(40)
    before = TreesCompanion().fit(X, y, weights, np.ones(3), together).left_out_
    out = together == together[7]
    other = np.where(out[:, None], 5.0, y)
    after = TreesCompanion().fit(X, other, weights, np.ones(3), together).left_out_
    np.testing.assert_array_equal(after[out], before[out])
    assert (after[~out] != before[~out]).any()


def test_rows_left_out_are_predicted_as_new_ones_are():
    errors = []
    for seed in range(6):
        X, y, weights = problem(1000, seed=seed)
        model = TreesCompanion().fit(X[:200], y[:200], weights[:200], np.ones(3))
        fitted, new = ((model.predict(rows) - labels) ** 2 for rows, labels in ((X[:200], y[:200]), (X[200:], y[200:])))
        errors.append([((model.left_out_ - y[:200]) ** 2).mean(), new.mean(), fitted.mean()])
    left_out, new, fitted = np.mean(errors, axis=0)
    assert left_out == pytest.approx(new, rel=0.25)
    assert fitted < 0.5 * new


def test_a_missing_label_is_not_looked_at():
    X, y, weights = problem()
    weights = with_holes(weights)
    one = TreesCompanion().fit(X, np.where(weights > 0, y, 1e9), weights, np.ones(3))
    other = TreesCompanion().fit(X, np.where(weights > 0, y, -7.0), weights, np.ones(3))
    np.testing.assert_array_equal(one.left_out_, other.left_out_)
    np.testing.assert_array_equal(one.predict(X), other.predict(X))


def test_a_task_of_few_labels_learns_from_what_splits_serve_the_others():
    X, y, weights = problem(400)
    weights[30:, 2] = 0
    alone = TreesCompanion().fit(X[:30], y[:30, 2:], weights[:30, 2:], np.ones(1)).predict(X[30:])
    together = TreesCompanion().fit(X, y, weights, np.ones(3)).predict(X[30:])[:, 2:]
    truth = y[30:, 2:]
    assert ((together - truth) ** 2).mean() < 0.8 * ((alone - truth) ** 2).mean()


def test_a_task_of_little_weight_decides_no_split():
    X, y, weights = problem()
    alone = TreesCompanion().fit(X, y[:, :1], weights[:, :1], np.ones(1))
    beside = TreesCompanion().fit(X, y, weights, np.array([1.0, 1e-12, 1e-12]))
    np.testing.assert_array_equal(beside.left_out_[:, 0], alone.left_out_[:, 0])


@pytest.mark.parametrize("change", ["factor", "rounding"])
def test_rounding_decides_no_split(change):
    X, y, weights = problem()
    X[:, 3] = X[:, 2] + 1e-13  # of two columns that split alike, rounding could choose either
    row_weights = np.arange(1, 81.0)[:, None] * weights
    before = TreesCompanion().fit(X, y, row_weights, np.ones(3))
    if change == "factor":
        after = TreesCompanion().fit(X, y, 0.1 * row_weights, np.ones(3))
    else:
        after = TreesCompanion().fit(X, y * (1 + 1e-13), row_weights, np.ones(3))
    np.testing.assert_allclose(after.left_out_, before.left_out_, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(after.predict(X), before.predict(X), rtol=1e-5, atol=1e-7)


def test_the_order_of_tasks_decides_no_split():
    X, y, weights = problem(n_tasks=5)
    X[:, 3] = -X[:, 2]
    order = [3, 0, 4, 1, 2]
    before, after = (TreesCompanion().fit(X, y[:, some], weights, np.ones(5)) for some in (range(5), order))
    np.testing.assert_allclose(after.left_out_, before.left_out_[:, order], rtol=1e-9, atol=1e-11)


def test_noise_is_shrunk_to_the_mean_and_steps_are_not():
    X, y, weights = problem(150)
    y[:, 1] = np.random.default_rng(3).normal(size=150)
    model = TreesCompanion().fit(X, y, weights, np.ones(3))
    assert model.shrinkages_[1] == max(_trees.SHRINKAGES)
    assert model.shrinkages_[0] < model.shrinkages_[1]


def test_no_more_rows_are_left_out_than_fit_and_the_others_are_predicted(monkeypatch):
    X, y, weights = problem(100)
    some = TreesCompanion().fit(X[:60], y[:60], weights[:60], np.ones(3))
    monkeypatch.setattr(_trees, "MOST_ROWS", 60)
    model = TreesCompanion().fit(X, y, weights, np.ones(3))
    np.testing.assert_array_equal(model.left_out_[:60], some.left_out_)
    np.testing.assert_array_equal(model.left_out_[60:], some.predict(X[60:]))


def test_columns_that_are_mostly_zero_make_no_chains():
    X, y = np.eye(300), np.random.default_rng(0).normal(size=(300, 1))
    model = TreesCompanion().fit(X, y, np.ones(y.shape), np.ones(1))
    forest, nodes, levels = model._forest, model._forest.roots, 0
    while len(nodes := nodes[forest.columns[nodes] >= 0]):
        nodes, levels = np.concatenate([nodes + 1, forest.right[nodes]]), levels + 1
    assert levels == int(4 * np.log2(241))


def test_trees_become_fewer_where_they_are_large():
    assert _trees._n_trees(100, 3) == 500
    assert _trees._n_trees(4096, 3) == 128
    assert _trees._n_trees(4096, 10_000) == 64


@pytest.mark.parametrize(("n_rows", "n_columns"), [(1, 2), (2, 1), (30, 0), (5, 2000)])
def test_tables_of_hardly_anything_are_predicted(n_rows, n_columns):
    X, y = np.ones((n_rows, n_columns)), np.linspace(-1, 1, n_rows)[:, None]
    model = TreesCompanion().fit(X, y, np.ones((n_rows, 1)), np.ones(1))
    np.testing.assert_allclose(model.predict(X), np.full((n_rows, 1), model.predict(X[:1])[0, 0]))
    assert np.isfinite(model.left_out_).all()


def test_values_beyond_single_precision_are_finite():
    X, y, weights = problem(30)
    X[0, 0], X[1, 0] = 1e300, -1e300
    model = TreesCompanion().fit(X, y, weights, np.ones(3))
    assert np.isfinite(model.predict(np.full((2, 4), 1e300))).all()


def test_wide_tables_of_many_rows_cost_too_much():
    assert TreesCompanion.affordable(50_000, 100)
    assert TreesCompanion.affordable(10, 10_000)
    assert not TreesCompanion.affordable(20_000, 10_000)
    assert not TreesCompanion.affordable(1_000_000, 50)
