"""The kinds of target that every tool meets, and what their small models are."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils import _safe_indexing

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor

# One batch, no holdouts, few large steps: quick, and predictions differ between rows.
SETTINGS = {
    "hidden_layer_sizes": (4,),
    "max_iter": 5,
    "learning_rate_init": 0.1,
    "batch_size": 64,
    "n_estimators": 1,
    "early_stopping": False,
    "random_state": 0,
}

KINDS = {
    "number": "one number",
    "numbers": "several numbers",
    "class": "classes",
    "classes": "several classes",
    "mixed": "mixed",
    "numbers_missing": "numbers, some missing",
    "classes_missing": "classes, some missing",
    "mixed_missing": "mixed, some missing",
}
ALL = tuple(KINDS)
OF_NUMBERS = ("number", "numbers", "numbers_missing")
OF_CLASSES = ("class", "classes", "classes_missing")
OF_COLUMNS = tuple(kind for kind in KINDS if kind not in ("number", "class"))

rng = np.random.default_rng(0)
FEATURES = rng.normal(size=(48, 3))
NUMBERS = FEATURES @ rng.normal(size=(3, 2)) + 0.5 * rng.normal(size=(48, 2))
HIDDEN = rng.random((48, 2)) < 0.25
THIRDS = np.digitize(NUMBERS, np.quantile(NUMBERS, [1 / 3, 2 / 3]))
HALVES = (np.median(NUMBERS, axis=0) < NUMBERS).astype(int)
# A table as people have it, for tools that stand in front of the model.
TABLE = pd.DataFrame(FEATURES, columns=["a", "b", "c"]).assign(colour=np.array(["red", "green"])[HALVES[:, 1]])
WEIGHTS = rng.integers(0, 4, size=(48, 2)).astype(float)
GROUPS = np.arange(48) % 16


@dataclass(frozen=True)
class Case:
    """A kind of target with its data and its model; `two_classes` for tools that take no more."""

    kind: str
    two_classes: bool = False
    cv: object = 3

    @property
    def X(self):
        return FEATURES

    @property
    def y(self):
        return targets(self.kind, self.two_classes)

    @property
    def weights(self):
        """Return a weight for each label."""
        return WEIGHTS if self.kind in OF_COLUMNS else WEIGHTS[:, 0]

    def model(self, **params):
        return MODELS[self.kind.removesuffix("_missing")](**{**SETTINGS, **params})

    def fit(self, rows=slice(None), X=None, **params):
        X = self.X if X is None else X
        return self.model(**params).fit(take(X, rows), take(self.y, rows))

    def splits(self, y=None):
        """Return what scikit-learn's documentation says of `cv`: an integer stratifies one column of classes."""
        cv = self.cv
        if cv == 3:
            cv = StratifiedKFold(3) if self.kind == "class" else KFold(3)
        return list(cv.split(self.X, self.y if y is None else y))

    def scores(self, X=None, **params):
        """Return the score of each split by hand."""
        return scores_by_hand(self, **params) if X is None else scores_of(self, X, **params)


SPLITTER = KFold(3)  # one object, so that equal cases are equal


MODELS = {
    "number": MultiTaskRegressor,
    "numbers": MultiTaskRegressor,
    "class": MultiTaskClassifier,
    "classes": MultiTaskClassifier,
    "mixed": MultiTaskEstimator,
}


def scores_of(case, X, **params):
    return [case.fit(train, X, **params).score(take(X, test), take(case.y, test)) for train, test in case.splits()]


@cache
def scores_by_hand(case, **params):
    """Worked out once: many tools score the same models on the same splits."""
    return scores_of(case, case.X, **params)


def take(values, rows):
    return values[rows] if isinstance(rows, slice) else _safe_indexing(values, rows)


@cache
def targets(kind, two_classes):
    classes = HALVES if two_classes else np.column_stack([THIRDS[:, 0], HALVES[:, 1]])
    mixed = pd.DataFrame({"price": NUMBERS[:, 0], "mood": np.array(["bad", "fair", "good"])[classes[:, 1]]})
    return {
        "number": NUMBERS[:, 0],
        "numbers": NUMBERS,
        "class": np.array(["bad", "fair", "good"])[classes[:, 0]],
        "classes": classes,
        "mixed": mixed,
        "numbers_missing": np.where(HIDDEN, np.nan, NUMBERS),
        "classes_missing": np.where(HIDDEN, np.nan, classes),
        "mixed_missing": mixed.mask(HIDDEN),
    }[kind]
