"""The companion of trees: extremely randomised ones that all tasks share, with means of leaves of each task's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn import config_context
from sklearn.tree import ExtraTreeRegressor
from sklearn.tree._tree import Tree

from ._ridge import Cells

# Share of the rows that a tree is grown on, and how many it is at most.
GROWN_SHARE, MOST_GROWN = 0.8, 4096
# Trees: as many as there are rows and values of leaves for in all of them, but not fewer or more than these.
FEWEST_TREES, MOST_TREES, ALL_ROWS, ALL_VALUES = 64, 500, 2**19, 2**23
# Columns that are looked at for a split: a share of them, but not fewer than this.
TRIED_SHARE, FEWEST_TRIED = 0.1, 32
# Levels of a tree, times the logarithm of its rows to the base of 2: columns that are mostly 0 would make it a chain.
LEVELS = 4
# Labels' worth by which a step from a node to a child is drawn back.
SHRINKAGES = (0.0, 0.3, 1.0, 3.0, 10.0, 30.0)
# Steps between the values that are split by: rounding, which depends on the order of sums, decides no split.
GRAIN = 2.0**-16
# Rows whose targets say in which order tasks are summed.
ORDERING_ROWS = 64
# Of a table for which the fit is still cheap: values, and values that are looked at on each level of all trees.
MOST_VALUES, MOST_LOOKED_AT = 2**25, 2**27
# Rows that are left out of trees; more are predicted.
MOST_ROWS = 2**15
# Pairs of rows and trees, times tasks, that are held at a time while predicting.
CHUNK_VALUES = 2**22


class TreesCompanion:
    """Extremely randomised trees, whose splits serve all tasks, and whose leaves predict each task by its own labels.

    A tree is grown on four fifths of the rows, at most 4,096, and the others are left out of it: a row's prediction by
    what was not fitted to it is the mean over trees that it was left out of. Splits are drawn at random for some of the
    columns, and the best for all targets together is taken: of labels that are missing, the mean stands in. A node's
    value is the mean of the task's labels below it, drawn back towards the nodes above it, the more the fewer labels
    these have (hierarchical shrinkage). How much is chosen for each task by the rows left out.

    Attributes
    ----------
    shrinkages_ : ndarray of shape (T,)
        Labels' worth by which each task's steps are drawn back.
    n_trees_ : int
    left_out_ : ndarray of shape (n, T)
        Predictions of rows by trees that were grown without them.

    References
    ----------
    Geurts, P., Ernst, D., and Wehenkel, L. (2006). Extremely randomized trees. Machine Learning.
    Agarwal, A., Tan, Y. S., Ronen, O., Singh, C., and Yu, B. (2022). Hierarchical shrinkage: improving the accuracy and
    interpretability of tree-based models. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.companions import TreesCompanion
    >>> X = np.random.default_rng(0).uniform(-1, 1, size=(200, 3))
    >>> y = np.sign(X[:, :1] * X[:, 1:2])
    >>> model = TreesCompanion().fit(X, y, np.ones((200, 1)), np.ones(1))
    >>> bool(np.mean(np.sign(model.left_out_) == y) > 0.8)
    True
    """

    @staticmethod
    def affordable(n_rows: int, n_columns: int) -> bool:
        """Whether a table is small enough for a fit that is not asked for by name.

        Parameters
        ----------
        n_rows, n_columns : int
        """
        grown = _n_grown(n_rows)
        return n_rows * n_columns <= MOST_VALUES and grown * _n_trees(grown, 1) * _n_tried(n_columns) <= MOST_LOOKED_AT

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray,
        task_weights: np.ndarray,
        together: np.ndarray | None = None,
    ) -> TreesCompanion:
        """Fit all tasks.

        Parameters
        ----------
        X : ndarray of shape (n, C)
            Standardised columns; rows in an order that says nothing.
        y : ndarray of shape (n, T)
            Targets of mean 0 and variance 1 for each task; anything finite in cells without a label.
        weights : ndarray of shape (n, T)
            Weights of cells, 0 without a label; every row has one that is not.
        task_weights : ndarray of shape (T,)
            How much each task counts in the choice of splits.
        together : ndarray of int of shape (n,) or None, default=None
            Rows of equal number are left out together; None: each alone.
        """
        rows, generator = slice(0, MOST_ROWS), np.random.default_rng(0)
        table, n_tasks = _single(X[rows]), y.shape[1]
        cells = Cells(np.where(weights[rows] > 0, y[rows], 0), weights[rows])
        units = np.arange(len(table)) if together is None else together[rows]
        self.n_trees_ = _n_trees(_n_grown(len(table)), n_tasks)
        sides = _drawn_sides(units, self.n_trees_, generator)
        trees = _grow(table, cells, task_weights, sides, generator)
        cell_weights = cells.rows[:, None] * cells.shares  # (n, T)
        totals, counts = np.zeros((len(SHRINKAGES), *cells.targets.shape)), np.zeros(len(table))
        options = np.repeat(np.array(SHRINKAGES)[:, None], n_tasks, 1)
        for tree, inside in zip(trees, sides, strict=True):
            values = _node_values(tree, table[inside], cells.targets[inside], cell_weights[inside], options)
            totals[:, ~inside] += values[:, tree.apply(table[~inside])]
            counts[~inside] += 1
        totals /= np.maximum(counts, 1)[:, None]
        best = np.stack([cells.errors(left_out) for left_out in totals]).argmin(0)
        self.shrinkages_ = np.array(SHRINKAGES)[best]
        values_of = [
            _node_values(tree, table[inside], cells.targets[inside], cell_weights[inside], self.shrinkages_[None])[0]
            for tree, inside in zip(trees, sides, strict=True)
        ]
        self._forest = _Forest.of(trees, values_of)
        left_out = totals[best, :, np.arange(n_tasks)].T
        self.left_out_ = np.concatenate([left_out, self.predict(X[len(left_out) :])])
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return predictions, `(n, T)`.

        Parameters
        ----------
        X : ndarray of shape (n, C)
        """
        return self._forest.predict(_single(X))


@dataclass
class _Forest:
    """All trees, one after the other.

    Attributes
    ----------
    roots : ndarray of int of shape (n_trees,)
    columns : ndarray of int of shape (n_nodes,)
        What a node asks about; -1 for leaves.
    thresholds : ndarray of float32 of shape (n_nodes,)
        Rows of up to this value go to the node of the next number, others to `right`.
    right : ndarray of int of shape (n_nodes,)
    values : ndarray of float32 of shape (n_leaves, T)
    leaves : ndarray of int of shape (n_nodes,)
        The place of each leaf's value.
    """

    roots: np.ndarray
    columns: np.ndarray
    thresholds: np.ndarray
    right: np.ndarray
    values: np.ndarray
    leaves: np.ndarray

    @classmethod
    def of(cls, trees: list[Tree], values: list[np.ndarray]) -> _Forest:
        """Pack trees, whose values are given node by node."""
        sizes = np.array([tree.node_count for tree in trees])
        roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        inner = np.concatenate([tree.children_left >= 0 for tree in trees])
        columns = np.where(inner, np.concatenate([tree.feature for tree in trees]), -1).astype(np.int32)
        exact = np.where(inner, np.concatenate([tree.threshold for tree in trees]), 0.0)
        thresholds = exact.astype(np.float32)
        above = thresholds > exact  # the next float32 below splits float32 values in the same way
        thresholds[above] = np.nextafter(thresholds[above], np.float32(-np.inf))
        right = np.concatenate([tree.children_right + root for tree, root in zip(trees, roots, strict=True)])
        of_leaves = np.concatenate([own[tree.children_left < 0] for tree, own in zip(trees, values, strict=True)])
        places = np.where(inner, 0, np.cumsum(~inner) - 1).astype(np.int32)
        return cls(roots, columns, thresholds, right.astype(np.int32), of_leaves.astype(np.float32), places)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the mean over trees, `(n, T)`."""
        n_trees, n_tasks = len(self.roots), self.values.shape[1]
        result = np.empty((len(X), n_tasks))
        step = max(1, CHUNK_VALUES // (n_trees * max(n_tasks, 4)))
        for first in range(0, len(X), step):
            rows = X[first : first + step]
            found = self.values[self.leaves[self._leaves_of(rows)]]  # (n · n_trees, T)
            result[first : first + step] = found.reshape(len(rows), n_trees, n_tasks).mean(1, dtype=np.float64)
        return result

    def _leaves_of(self, X: np.ndarray) -> np.ndarray:
        """Return the node that each row ends in, tree by tree, `(n · n_trees,)`."""
        n_trees = len(self.roots)
        nodes = np.tile(self.roots, len(X))
        on_the_way = np.flatnonzero(self.columns[nodes] >= 0)
        while len(on_the_way):
            here = nodes[on_the_way]
            stays = X[on_the_way // n_trees, self.columns[here]] <= self.thresholds[here]
            there = np.where(stays, here + 1, self.right[here])
            nodes[on_the_way] = there
            on_the_way = on_the_way[self.columns[there] >= 0]
        return nodes


def _n_grown(n_rows: int) -> int:
    return min(int(GROWN_SHARE * n_rows), MOST_GROWN)


def _n_trees(n_grown: int, n_tasks: int) -> int:
    rows = min(ALL_ROWS, ALL_VALUES // (n_tasks + 3))
    return int(np.clip(rows // max(n_grown, 1), FEWEST_TREES, MOST_TREES))


def _n_tried(n_columns: int) -> int:
    return min(n_columns, max(FEWEST_TRIED, int(TRIED_SHARE * n_columns)))


def _single(X: np.ndarray) -> np.ndarray:
    """Return values as trees read them, all of them finite, and of no columns one that says nothing."""
    if not X.shape[1]:
        return np.zeros((len(X), 1), dtype=np.float32)
    largest = np.finfo(np.float32).max
    return np.ascontiguousarray(np.clip(X, -largest, largest), dtype=np.float32)


def _drawn_sides(units: np.ndarray, n_trees: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Draw the rows that each tree is grown on, `(n,)`: those of as many units as fit, but not all of them."""
    _, which, sizes = np.unique(units, return_inverse=True, return_counts=True)
    sides = []
    for _ in range(n_trees):
        order = generator.permutation(len(sizes))
        n_units = int(np.searchsorted(np.cumsum(sizes[order]), _n_grown(len(units)), side="right"))
        chosen = np.zeros(len(sizes), dtype=bool)
        chosen[order[: max(1, min(n_units, len(sizes) - 1))]] = True
        sides.append(chosen[which])
    return sides


def _grow(
    X: np.ndarray, cells: Cells, task_weights: np.ndarray, sides: list[np.ndarray], generator: np.random.Generator
) -> list[Tree]:
    """Grow a tree on each of some sides; of targets and weights, it sees multiples of `GRAIN`, whose sums are exact."""
    heaviest = max(float(task_weights.max(initial=0)), np.finfo(float).tiny)
    targets = _grained(cells.targets * np.sqrt(task_weights / heaviest))
    targets = targets[:, np.lexsort(targets[:ORDERING_ROWS][::-1])]  # a sum over tasks is rounded by their order
    weights = _grained(cells.rows)
    depth = max(1, int(LEVELS * np.log2(1 + max(map(np.count_nonzero, sides)))))
    grower = ExtraTreeRegressor(max_features=_n_tried(X.shape[1]), max_depth=depth)
    trees = []
    with config_context(skip_parameter_validation=True, assume_finite=True):  # of small trees, a quarter of the time
        for inside, seed in zip(sides, generator.integers(2**31, size=len(sides)), strict=True):
            grower.random_state = int(seed)
            trees.append(grower.fit(X[inside], targets[inside], weights[inside], check_input=False).tree_)
    return trees


def _grained(values: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.ascontiguousarray(np.round(values / GRAIN) * GRAIN)
    return result


def _node_values(
    tree: Tree, X: np.ndarray, targets: np.ndarray, weights: np.ndarray, shrinkages: np.ndarray
) -> np.ndarray:
    """Return what each node predicts of each task, `(S, n_nodes, T)`, by the rows that it was grown on.

    Parameters
    ----------
    tree : Tree
    X : ndarray of shape (n_inside, C)
    targets, weights : ndarray of shape (n_inside, T)
        Weights are 0 without a label.
    shrinkages : ndarray of shape (S, T)
        A step to a child is multiplied by `N / (N + λ)`, where the node has labels of total weight `N`.
    """
    of_leaves, leaves = np.zeros((3, tree.node_count, weights.shape[1])), tree.apply(X)
    for total, values in zip(of_leaves, (weights * targets, weights, weights > 0), strict=True):
        np.add.at(total, leaves, values)
    ends = _ends(tree)
    sums, labels, counts = _before(of_leaves)[:, ends] - _before(of_leaves)[:, :-1]
    there = counts > 0
    means = sums / np.where(there, labels, 1)
    inner = np.flatnonzero(tree.children_left >= 0)
    parents, children = np.tile(inner, 2), np.concatenate([tree.children_left[inner], tree.children_right[inner]])
    kept = np.where(there, labels / np.where(there, labels + shrinkages[:, None], 1), 0)  # (S, n_nodes, T)
    steps = np.zeros_like(kept)
    steps[:, 0] = means[0]
    steps[:, children] = kept[:, parents] * np.where(there[children], means[children] - means[parents], 0)
    # A node's value is the sum of the steps on its path: of all that began before it but those that ended.
    order = np.argsort(ends, kind="stable")
    ended = np.searchsorted(ends[order], np.arange(tree.node_count), side="right")
    paths: np.ndarray = _before(steps)[:, 1:] - _before(steps[:, order])[:, ended]
    return paths


def _ends(tree: Tree) -> np.ndarray:
    """Return, for each node, the number after the last one below it; numbers follow the tree's branches downwards."""
    n_nodes, left, right = tree.node_count, tree.children_left, tree.children_right
    inner = np.flatnonzero(left >= 0)
    ends, above = np.full(n_nodes, n_nodes), np.arange(n_nodes)
    ends[left[inner]] = right[inner]
    above[right[inner]] = inner  # a right child ends where its parent does
    while (further := above[above]).tobytes() != above.tobytes():
        above = further
    return ends[above]


def _before(values: np.ndarray) -> np.ndarray:
    """Return the sums of what comes before each place along the second axis, and of all: `(S, n + 1, T)`."""
    return np.concatenate([np.zeros_like(values[:, :1]), np.cumsum(values, axis=1)], axis=1)
