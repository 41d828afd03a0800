"""How well the defaults tell classes, next to scikit-learn's models, on four sets of several tasks.

Sets: emotions and yeast (labels of one kind), tox21 (12 assays, a sixth of the labels missing), and adult, a raw table
with three tasks of two kinds: income, marital status, hours of work. Scores are means over tasks and folds of
`KFold(5, shuffle=True, random_state=0)`; adult, which is large, has the split that it comes with. A label without both
classes in a test fold has no ROC AUC there. All models but ours learn a task at a time, from the rows that have its
label. Each has one thread, and seconds are the processor's. With several seeds a cell is the mean and the standard
deviation over seeds; the rank of a model is its place among those that have been run on all sets, its mean over scores.

    python benchmarks/accuracy_classes.py --data path/to/data
    python benchmarks/accuracy_classes.py --sets emotions --models ours forest --seeds 5
    python benchmarks/accuracy_classes.py --save results.jsonl           # goes on where it ended
    python benchmarks/accuracy_classes.py --save results.jsonl --report  # only prints the tables
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from comparison import Column, Model, parse, print_tables, results_of
from scipy.sparse import issparse
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, r2_score, roc_auc_score
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from skmtl import MultiTaskClassifier, MultiTaskEstimator
from skmtl.datasets import load_adult, load_multilabel, load_tox21

Split = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Score:
    """A score of some tasks, or all: of their labels and what is predicted, probabilities or numbers."""

    name: str
    measure: Callable[[np.ndarray, np.ndarray], float]
    tasks: tuple[str, ...] | None = None
    larger_is_better: bool = True


@dataclass(frozen=True)
class Problem:
    """Features, a column a task with classes as whole numbers and NaN where a label is missing, and what to measure."""

    X: Any
    y: pd.DataFrame
    types: dict[str, str]
    splits: list[Split]
    scores: tuple[Score, ...]


def roc_auc(truth: np.ndarray, probabilities: np.ndarray) -> float:
    if truth.min() == truth.max():
        return float("nan")
    return float(roc_auc_score(truth, probabilities[:, 1]))


def loss_of_classes(truth: np.ndarray, probabilities: np.ndarray) -> float:
    return float(log_loss(truth, probabilities, labels=np.arange(probabilities.shape[1])))


def accuracy(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the share of labels that are told right; the training rows must have had all classes."""
    return float(np.mean(truth == probabilities.argmax(axis=1)))


LABELS = (Score("ROC AUC", roc_auc), Score("log loss", loss_of_classes, larger_is_better=False))
# From cheap to dear, as more results are there early then.
SCORES: dict[str, tuple[Score, ...]] = {
    "emotions": LABELS,
    "yeast": LABELS,
    "adult": (
        Score("income ROC AUC", roc_auc, ("income",)),
        Score("marital status accuracy", accuracy, ("marital_status",)),
        Score("hours R²", r2_score, ("hours_per_week",)),
    ),
    "tox21": LABELS[:1],
}


def load(name: str, data_home: str | None) -> Problem:
    """Return a set: five folds, but for adult."""
    if name == "adult":
        sides = [load_adult(data_home=data_home, subset=side, return_X_y=True) for side in ("train", "test")]
        X, table = (pd.concat(tables, ignore_index=True) for tables in zip(*sides, strict=True))
        is_class = {task: isinstance(column.dtype, pd.CategoricalDtype) for task, column in table.items()}
        y = pd.DataFrame({task: table[task].cat.codes if is_class[task] else table[task] for task in table})
        types = {task: "classification" if is_class[task] else "regression" for task in table}
        splits = [tuple(np.split(np.arange(len(y)), [len(sides[0][0])]))]
        return Problem(X, y, types, splits, SCORES[name])
    read = load_tox21 if name == "tox21" else partial(load_multilabel, name)
    X, labels = read(data_home=data_home, return_X_y=True)
    y = pd.DataFrame(labels).add_prefix("label ")
    splits = list(KFold(5, shuffle=True, random_state=0).split(labels))
    return Problem(X, y, dict.fromkeys(y, "classification"), splits, SCORES[name])


def take(table: Any, rows: np.ndarray) -> Any:
    return table.iloc[rows] if hasattr(table, "iloc") else table[rows]


def ours(problem: Problem, split: Split, seed: int, companions: str | None = "auto") -> dict[str, np.ndarray]:
    """Return predictions of all tasks by one network."""
    train, test = (take(problem.X, rows) for rows in split)
    y, settings = problem.y.iloc[split[0]], {"random_state": seed, "companions": companions}
    if "regression" not in problem.types.values():
        return dict(zip(y, MultiTaskClassifier(**settings).fit(train, y).predict_proba(test), strict=True))
    model = MultiTaskEstimator(task_types=problem.types, **settings).fit(train, y)
    numbers = {task: np.asarray(values, dtype=float) for task, values in model.predict(test).items()}
    return numbers | model.predict_proba(test)


def task_by_task(
    front: Callable[[Any], Any], classifier: Any, regressor: Any, problem: Problem, split: Split, seed: int
) -> dict[str, np.ndarray]:
    """Return predictions of models of one task each."""
    train, test = split
    predictions = {}
    for task, kind in problem.types.items():
        rows = train[problem.y[task].notna().to_numpy()[train]]
        model = make_pipeline(front(problem.X), (regressor if kind == "regression" else classifier)(random_state=seed))
        model.fit(take(problem.X, rows), problem.y[task].iloc[rows])
        guess = model.predict if kind == "regression" else model.predict_proba
        predictions[task] = guess(take(problem.X, test))
    return predictions


def for_boosting(X: Any) -> Any:
    """Return what stands before boosting, which reads categories and holes itself."""
    return FunctionTransformer(lambda bits: bits.toarray()) if issparse(X) else "passthrough"


def for_trees(X: Any) -> Any:
    if not isinstance(X, pd.DataFrame):
        return for_boosting(X)
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return make_column_transformer((codes, make_column_selector(dtype_include="category")), remainder="passthrough")


def for_linear(X: Any) -> Any:
    """Return what stands before a linear model; sparse bits stay as they are."""
    if issparse(X):
        return "passthrough"
    if not isinstance(X, pd.DataFrame):
        return StandardScaler()
    codes = OneHotEncoder(handle_unknown="ignore")
    categories = make_column_selector(dtype_include="category")
    return make_column_transformer((codes, categories), remainder=StandardScaler())


def one_task_models(
    front: Callable[[Any], Any], classifier: Any, regressor: Any, *, draws: bool = True, **settings: Any
) -> Model:
    makers = (partial(maker, **settings) for maker in (classifier, regressor))
    return Model(partial(task_by_task, front, *makers), draws=draws)


MODELS = {
    "ours": Model(ours, "skmtl"),
    "network": Model(partial(ours, companions=None), "skmtl"),
    "linear": one_task_models(for_linear, partial(LogisticRegression, max_iter=1000), Ridge, draws=False),
    "forest": one_task_models(for_trees, RandomForestClassifier, RandomForestRegressor),
    "extra_trees": one_task_models(for_trees, ExtraTreesClassifier, ExtraTreesRegressor, n_estimators=500),
    "boosting": one_task_models(for_boosting, HistGradientBoostingClassifier, HistGradientBoostingRegressor),
}


def measure(problem: Problem, model: Model, seed: int) -> dict[str, float]:
    """Return the scores of a model, means over folds and tasks."""
    found: dict[str, list[float]] = {score.name: [] for score in problem.scores}
    for split in problem.splits:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            predictions = model.make(problem, split, seed)
        for score in problem.scores:
            for task in score.tasks or problem.y.columns:
                truth = problem.y[task].to_numpy()[split[1]]
                present = ~np.isnan(truth)
                found[score.name].append(score.measure(truth[present], predictions[task][present]))
    return {name: float(np.nanmean(values)) for name, values in found.items()}


def main() -> None:
    options = parse(__doc__, SCORES, MODELS)
    results = results_of(options, MODELS, partial(load, data_home=options.data), measure)
    columns = [Column(name, score.name, score.larger_is_better) for name in options.sets for score in SCORES[name]]
    print_tables(results, columns, options.models)


if __name__ == "__main__":
    main()
