"""A base, and what was trained further from it."""

import numpy as np
import pandas as pd
import pytest

from skmtl import MultiTaskRegressor
from skmtl.nn import FittedTrunk

SETTINGS = {"companions": None, "max_iter": 4, "random_state": 0}


@pytest.fixture(scope="package")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 4))
    y = np.column_stack([X[:, 0] + X[:, 1], X[:, 1] * X[:, 2], X[:, 3] - X[:, 0]])
    return X, pd.DataFrame(y, columns=["a", "b", "c"])


@pytest.fixture(scope="package")
def base(data):
    X, y = data
    return MultiTaskRegressor((8, 6), n_estimators=2, **SETTINGS).fit(X, y)


@pytest.fixture(scope="package")
def tuned(data, base):
    X, y = data

    def fit(names, kind=MultiTaskRegressor, freeze=False, y=y, **settings):
        names = list(names)
        model = kind(trunk=FittedTrunk(base, freeze=freeze), **{**SETTINGS, **settings})
        return model.fit(X, y[names])

    return fit
