"""How well the defaults predict, next to other libraries' models, on seven multi-target data sets.

The figure is aRRMSE: the mean over targets of sqrt(Σ(y − p)² / Σ(y − ȳ)²), ȳ the target's mean in the training fold,
sums pooled over `KFold(5, shuffle=True, random_state=0)`. Less is better; 1 is as good as the mean. An imputer stands
in front of every model, and each has one thread. Seconds are the processor's, of all five folds. With several seeds a
cell is the mean and the standard deviation over seeds; the rank of a model is its place among those that have been run
on all sets.

A model whose package is not installed is left out, and said so. TabM, whose fits take minutes a target and fold on one
thread, runs only when asked for:

    pip install catboost pytabkit
    python benchmarks/accuracy.py --data path/to/data
    python benchmarks/accuracy.py --sets enb jura --models ours mlp forest --seeds 5
    python benchmarks/accuracy.py --save results.jsonl           # goes on where it ended
    python benchmarks/accuracy.py --save results.jsonl --report  # only prints the tables
"""

from __future__ import annotations

import logging
import warnings
from functools import partial
from typing import Any

import numpy as np
from comparison import Column, Model, parse, print_tables, results_of
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmtl import MultiTaskRegressor
from skmtl.datasets import load_mulan

# From cheap to dear, as more results are there early then.
SETS = ("andro", "edm", "jura", "enb", "scpf", "wq", "oes10")


def mlp(seed: int) -> Any:
    return make_pipeline(StandardScaler(), MLPRegressor(random_state=seed))


def mlp_of_scaled_targets(seed: int) -> Any:
    """Return what scikit-learn leaves to its users: a network of standardised targets."""
    return TransformedTargetRegressor(mlp(seed), transformer=StandardScaler())


def ridge(seed: int) -> Any:  # noqa: ARG001
    return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13), alpha_per_target=True))


def catboost(seed: int) -> Any:
    from catboost import CatBoostRegressor

    return CatBoostRegressor(
        loss_function="MultiRMSE",
        iterations=1000,
        random_seed=seed,
        thread_count=1,
        verbose=0,
        allow_writing_files=False,
    )


def realmlp(seed: int) -> Any:
    from pytabkit import RealMLP_TD_Regressor

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    return RealMLP_TD_Regressor(device="cpu", random_state=seed, n_threads=1)


def tabm(seed: int) -> Any:
    """Return a network a target: pytabkit's TabM takes one at a time."""
    from pytabkit import TabM_D_Regressor

    return MultiOutputRegressor(TabM_D_Regressor(device="cpu", random_state=seed, n_threads=1))


MODELS = {
    "ours": Model(lambda seed: MultiTaskRegressor(random_state=seed), "skmtl"),
    "network": Model(lambda seed: MultiTaskRegressor(random_state=seed, companions=None), "skmtl"),
    "network_linear": Model(lambda seed: MultiTaskRegressor(random_state=seed, companions="linear"), "skmtl"),
    "network_kernel": Model(lambda seed: MultiTaskRegressor(random_state=seed, companions="kernel"), "skmtl"),
    "network_trees": Model(lambda seed: MultiTaskRegressor(random_state=seed, companions="trees"), "skmtl"),
    "network_uniform": Model(
        lambda seed: MultiTaskRegressor(random_state=seed, companions=None, balancing="uniform"), "skmtl"
    ),
    "ridge": Model(ridge, draws=False),
    "mlp": Model(mlp),
    "mlp_y": Model(mlp_of_scaled_targets),
    "forest": Model(lambda seed: RandomForestRegressor(random_state=seed)),
    "extra_trees": Model(lambda seed: ExtraTreesRegressor(500, random_state=seed)),
    # It draws only from 10,000 rows on.
    "boosting": Model(lambda seed: MultiOutputRegressor(HistGradientBoostingRegressor(random_state=seed)), draws=False),
    "catboost": Model(catboost, "catboost"),
    "realmlp": Model(realmlp, "pytabkit"),
    "tabm": Model(tabm, "pytabkit", dear=True),
}


def measure(data: tuple[np.ndarray, np.ndarray], model: Model, seed: int) -> dict[str, float]:
    """Return the error of a model, cross-validated."""
    X, y = data
    errors, spreads = np.zeros(y.shape[1]), np.zeros(y.shape[1])
    for train, test in KFold(5, shuffle=True, random_state=0).split(X):
        with warnings.catch_warnings():
            # Networks of peers stop before they converge, and warn of versions of what they are made of.
            warnings.simplefilter("ignore")
            fitted = make_pipeline(SimpleImputer(), model.make(seed)).fit(X[train], y[train])
            predicted = fitted.predict(X[test])
        errors += ((y[test] - predicted) ** 2).sum(axis=0)
        spreads += ((y[test] - y[train].mean(axis=0)) ** 2).sum(axis=0)
    return {"arrmse": float(np.sqrt(errors / spreads).mean())}


def main() -> None:
    options = parse(__doc__, SETS, MODELS)
    load = partial(load_mulan, data_home=options.data, return_X_y=True)
    results = results_of(options, MODELS, load, measure)
    print_tables(results, [Column(name, "arrmse") for name in sorted(options.sets)], options.models)


if __name__ == "__main__":
    main()
