"""What a temperature per task does to log loss and calibration error, on two sets of several binary tasks.

Means over tasks, the five folds of `KFold(5, shuffle=True, random_state=seed)` and seeds; less is better. One fit gives
both columns: powers of calibrated probabilities are those without.

    python benchmarks/calibration.py --data path/to/data
    python benchmarks/calibration.py --sets emotions --seeds 1
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from sklearn.model_selection import KFold

from skmtl import MultiTaskClassifier
from skmtl.datasets import load_multilabel
from skmtl.inspection import CalibrationCurve
from skmtl.metrics import log_loss
from skmtl.uncertainty import tempered

SETS = ["emotions", "yeast"]
MODELS = {"network alone": None, "with companions": "auto"}


def figures(y: np.ndarray, table: np.ndarray) -> tuple[float, float]:
    """Return log loss and expected calibration error of probabilities `(n, T, 2)`, means over tasks."""
    tasks = list(table.swapaxes(0, 1))
    curves = [CalibrationCurve.of(p[:, 1], labels == 1, 10) for p, labels in zip(tasks, y.T, strict=True)]
    return log_loss(y, tasks), float(np.mean([curve.error for curve in curves]))


def measured(name: str, companions: str | None, seed: int, folder: Path | None) -> np.ndarray:
    """Return the figures, `(5 folds, without and with temperatures, 2)`."""
    X, y = load_multilabel(name, data_home=folder, return_X_y=True)
    found = []
    for train, test in KFold(5, shuffle=True, random_state=seed).split(X):
        model = MultiTaskClassifier(companions=companions, calibration="temperature", random_state=seed)
        table = np.stack(model.fit(X[train], y[train]).predict_proba(X[test]), axis=1)  # (n, T, 2)
        before = tempered(table, 1 / np.array(list(model.temperatures_.values())))
        found.append([figures(y[test], before), figures(y[test], table)])
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("SKMTL_DATA"), help="folder with the sets")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS, metavar="SET")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print(
        "| set | model | log loss without | with | folds better | error without | with |\n|---|---|---|---|---|---|---|"
    )
    for name in options.sets:
        for model, companions in MODELS.items():
            runs = [measured(name, companions, seed, options.data) for seed in range(options.seeds)]
            folds = np.concatenate(runs)
            (loss, error), (loss_with, error_with) = folds.mean(axis=0)
            better = int((folds[:, 1, 0] < folds[:, 0, 0]).sum())
            print(
                f"| {name} | {model} | {loss:.4f} | {loss_with:.4f} | {better} of {len(folds)} | {error:.4f} | "
                f"{error_with:.4f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
