"""How well the defaults predict, next to scikit-learn's models, on seven multi-target data sets.

The figure is aRRMSE: the mean over targets of sqrt(Σ(y − p)² / Σ(y − ȳ)²), ȳ the target's mean in the training fold,
sums pooled over `KFold(5, shuffle=True, random_state=0)`. Less is better; 1 is as good as the mean. An imputer stands
in front of every model.

    python benchmarks/accuracy.py --data path/to/data
    python benchmarks/accuracy.py --sets enb jura --models ours mlp forest --seeds 3
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import arff
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmtl import MultiTaskRegressor

# Targets are the last columns of a file.
N_TARGETS = {"andro": 6, "edm": 2, "enb": 2, "jura": 3, "oes10": 16, "scpf": 3, "wq": 14}

MODELS: dict[str, Callable[[int], list[Any]]] = {
    "ours": lambda seed: [MultiTaskRegressor(random_state=seed)],
    "companions": lambda seed: [MultiTaskRegressor(random_state=seed, companions="auto")],
    "mlp": lambda seed: [StandardScaler(), MLPRegressor(random_state=seed)],
    "mlp_y": lambda seed: [StandardScaler(), scaled_targets(MLPRegressor(random_state=seed))],
    "ridge": lambda seed: [StandardScaler(), RidgeCV(np.logspace(-2, 4, 13), alpha_per_target=True)],  # noqa: ARG005
    "forest": lambda seed: [RandomForestRegressor(random_state=seed, n_jobs=-1)],
}


def scaled_targets(model: Any) -> Any:
    """Return the model with standardised targets, which scikit-learn leaves to its users."""
    from sklearn.compose import TransformedTargetRegressor

    return TransformedTargetRegressor(model, transformer=StandardScaler())


def read_set(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return features and targets of a set."""
    path = folder / "mulan" / f"{name}.arff"
    if not path.exists():
        raise SystemExit(
            f"{path} is missing. The sets are part of Mulan's multi-target collection "
            "(https://mulan.sourceforge.net/datasets-mtr.html): put their .arff files into a folder 'mulan' and name "
            "the folder around it with --data or the environment variable SKMTL_DATA."
        )
    table = np.array(arff.loadarff(path)[0].tolist(), dtype=float)
    return table[:, : -N_TARGETS[name]], table[:, -N_TARGETS[name] :]


def arrmse(X: np.ndarray, y: np.ndarray, steps: list[Any]) -> float:
    """Return the error of a model, cross-validated."""
    errors, spreads = np.zeros(y.shape[1]), np.zeros(y.shape[1])
    for train, test in KFold(5, shuffle=True, random_state=0).split(X):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = make_pipeline(SimpleImputer(), *steps).fit(X[train], y[train])
        errors += ((y[test] - model.predict(X[test])) ** 2).sum(axis=0)
        spreads += ((y[test] - y[train].mean(axis=0)) ** 2).sum(axis=0)
    return float(np.sqrt(errors / spreads).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("SKMTL_DATA"), help="folder with a folder 'mulan'")
    parser.add_argument("--sets", nargs="+", choices=N_TARGETS, default=list(N_TARGETS), metavar="SET")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["ours", "mlp", "ridge"], metavar="MODEL",
                        help=", ".join(MODELS))  # fmt: skip
    parser.add_argument("--seeds", type=int, default=1, help="fits per fold, each from another random_state")
    options = parser.parse_args()
    folder = Path(options.data or "data")
    sets = {name: read_set(folder, name) for name in options.sets}
    print(f"| model | {' | '.join(sets)} | mean | seconds |\n|---|{'---|' * (len(sets) + 2)}")
    for model in options.models:
        start = time.perf_counter()
        table = [
            [arrmse(X, y, MODELS[model](seed)) for seed in range(options.seeds)] for X, y in sets.values()
        ]  # (sets, seeds)
        seconds = (time.perf_counter() - start) / options.seeds
        means = np.mean(table, axis=1)
        print(f"| {model} | {' | '.join(f'{m:.4f}' for m in means)} | {means.mean():.4f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
