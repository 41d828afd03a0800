"""A mixed estimator that answers what it is told, with the public face that metrics rely on."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator


class Mixed(BaseEstimator):
    """Predicts the tables that it was given, row `X[:, 0]` of them."""

    def __init__(self, table=None, types=None, columns=None, classes=None, probabilities=None):
        self.table = table
        self.types = types
        self.columns = columns
        self.classes = classes
        self.probabilities = probabilities

    def fit(self, X, y):
        del X, y
        self.task_names_ = list(self.types)
        self.task_types_ = dict(self.types)
        self.task_columns_ = self.columns or {name: [name] for name in self.types}
        self.classes_ = self.classes
        return self

    def predict(self, X):
        rows = np.asarray(X)[:, 0].astype(int)
        return self.table.iloc[rows] if hasattr(self.table, "iloc") else self.table[rows]

    def predict_proba(self, X):
        rows = np.asarray(X)[:, 0].astype(int)
        return {name: table[rows] for name, table in self.probabilities.items()}


@pytest.fixture
def mixed():
    """Return a mixed estimator, X and y: a price, a class of three, a count, two tags and an ordered rating."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    n = 60
    X = np.arange(n, dtype=float)[:, None]
    y = pd.DataFrame(
        {
            "price": rng.normal(size=n),
            "hot": rng.integers(0, 2, n),
            "kind": rng.choice(["a", "b", "c"], n),
            "visits": rng.poisson(3, n),
            "new": rng.integers(0, 2, n),
            "stars": rng.integers(1, 4, n),
        }
    )

    def shuffled(name):
        wrong = rng.random(n) < 0.3
        return np.where(wrong, rng.permutation(y[name]), y[name])

    def probable(classes):
        table = rng.random((n, len(classes)))
        return table / table.sum(axis=1, keepdims=True)

    table = pd.DataFrame({name: shuffled(name) for name in y})
    table["price"] = y["price"] + rng.normal(size=n)
    table["visits"] = y["visits"] + 0.1 + rng.random(n)
    probabilities = {"kind": probable("abc"), "tags": rng.random((n, 2)), "stars": probable([1, 2, 3])}
    estimator = Mixed(
        table,
        types={
            "price": "regression",
            "tags": "multilabel",
            "kind": "classification",
            "visits": "count",
            "stars": "ordinal",
        },
        columns={
            "price": ["price"],
            "tags": ["hot", "new"],
            "kind": ["kind"],
            "visits": ["visits"],
            "stars": ["stars"],
        },
        classes={"kind": np.array(["a", "b", "c"], dtype=object), "stars": np.array([1, 2, 3])},
        probabilities=probabilities,
    )
    return estimator.fit(X, y), X, y
