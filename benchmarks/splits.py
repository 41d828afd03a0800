"""How evenly splitters divide the labels of several tasks, next to scikit-learn and two peers.

Figures are taken over all folds and labels, a label being a class of a task, or that its label is missing: the mean and
the largest |share in the fold − share in all rows|, and the largest mean of a task. Less is better. "sizes" is the
largest fold less the smallest, in rows. Means over seeds; the largest figures are the worst seed's.

iterative-stratification gets an indicator of each label but a task's first, as it takes neither classes nor missing
labels. gbmtsplits gets every label as a class, and rows in n/10 random clusters, its own setting for rows that have no
chemistry; its solver stops at a time limit (--solver-seconds), and if it has found no division by then, the call fails.
The table says how many seeds failed. A peer that is not installed is left out, and said so:

    pip install iterative-stratification gbmtsplits
    python benchmarks/splits.py --data path/to/data
    python benchmarks/splits.py --sets emotions --methods ours kfold --seeds 5
    python benchmarks/splits.py --sets large --methods ours kfold
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from scipy.io import arff
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from skmtl.model_selection import MultiTaskStratifiedKFold

N_LABELS = {"emotions": 6, "yeast": 14}
SETS = [*N_LABELS, "tox21", "large", "large regression"]

Splitter = Callable[[np.ndarray, int, int], np.ndarray]


def read_set(folder: Path, name: str) -> np.ndarray:
    """Return the labels of a set, NaN where they are missing."""
    if name.startswith("large"):
        draws = np.random.default_rng(0)
        if name == "large":
            return (draws.random((100_000, 50)) < draws.uniform(0.01, 0.5, size=50)).astype(float)
        return draws.normal(size=(100_000, 5)) @ draws.normal(size=(5, 50)) + draws.normal(size=(100_000, 50))
    path = folder / ("tox21_labels.csv.gz" if name == "tox21" else f"multilabel/{name}.arff")
    if not path.exists():
        raise SystemExit(
            f"{path} is missing. emotions and yeast are part of Mulan's multi-label collection "
            "(https://mulan.sourceforge.net/datasets-mlc.html), tox21_labels.csv.gz holds the labels of the Tox21 "
            "challenge, a column an assay: name their folder with --data or the environment variable SKMTL_DATA."
        )
    if name == "tox21":
        return np.genfromtxt(path, delimiter=",", skip_header=1)
    table = arff.loadarff(path)[0].tolist()
    return np.array([row[-N_LABELS[name] :] for row in table]).astype(float)


def label_codes(y: np.ndarray) -> list[np.ndarray]:
    """Return for each task the number of every row's label, missing ones last; bins of numbers by decile."""
    codes = []
    for column in y.T:
        present = column[~np.isnan(column)]
        if len(np.unique(present)) > 20:
            codes.append(np.searchsorted(np.quantile(column, np.arange(1, 10) / 10), column))
        else:
            codes.append(np.unique(column, return_inverse=True)[1])  # NaN counts as one value, the last
    return codes


def ours(y: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    return fold_of_row(MultiTaskStratifiedKFold(n_folds, shuffle=True, random_state=seed).split(y, y), len(y))


def kfold(y: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    return fold_of_row(KFold(n_folds, shuffle=True, random_state=seed).split(y), len(y))


def iterstrat(y: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    from iterstrat.ml_stratifiers import MultilabelStratifiedKFold

    codes = label_codes(y)
    indicators = np.column_stack([own == label for own in codes for label in range(1, own.max() + 1)]).astype(int)
    splitter = MultilabelStratifiedKFold(n_folds, shuffle=True, random_state=seed)
    return fold_of_row(splitter.split(y, indicators), len(y))


def gbmtsplits(y: np.ndarray, n_folds: int, seed: int, solver_seconds: int = 20) -> np.ndarray:
    import logging

    import pandas as pd
    from gbmtsplits import GloballyBalancedSplit, RandomClustering

    logging.getLogger("gbmtsplits").setLevel(logging.WARNING)
    names = np.array([f"label {chr(97 + place)}" for place in range(26)])
    frame = pd.DataFrame({f"task {task}": names[own] for task, own in enumerate(label_codes(y))})
    frame.insert(0, "SMILES", [f"row {row}" for row in range(len(y))])
    splitter = GloballyBalancedSplit(
        sizes=[1 / n_folds] * n_folds,
        clustering_method=RandomClustering(seed=seed),
        time_limit_seconds=solver_seconds,
        min_distance=False,
    )
    return splitter(frame)["Split"].to_numpy().astype(int)


# The name to ask for, what does it, and the module that it needs.
METHODS: dict[str, tuple[Splitter, str]] = {
    "ours": (ours, "skmtl"),
    "kfold": (kfold, "sklearn"),
    "iterstrat": (iterstrat, "iterstrat"),
    "gbmtsplits": (gbmtsplits, "gbmtsplits"),
}


def fold_of_row(splits, n_rows: int) -> np.ndarray:
    folds = np.empty(n_rows, dtype=int)
    for number, (_, test) in enumerate(splits):
        folds[test] = number
    return folds


def figures(y: np.ndarray, folds: np.ndarray) -> tuple[float, float, float, int]:
    """Return mean and largest deviation, the worst task's mean, and the spread of sizes."""
    sizes = np.bincount(folds)
    deviations = []
    for own in label_codes(y):
        counts = np.zeros((len(sizes), own.max() + 1))
        np.add.at(counts, (folds, own), 1)
        deviations.append(np.abs(counts / sizes[:, None] - counts.sum(axis=0) / len(y)))  # (n_folds, n_labels)
    everything = np.concatenate([own.ravel() for own in deviations])
    return everything.mean(), everything.max(), max(own.mean() for own in deviations), int(np.ptp(sizes))


def measure(y: np.ndarray, split: Splitter, n_folds: int, seeds: int) -> str:
    """Return the cells of a row of the table."""
    seconds, results, failures = [], [], []
    for seed in range(seeds):
        start = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                folds = split(y, n_folds, seed)
        except Exception as error:  # a peer may fail on a set, and the table says so
            if split is ours:
                raise
            failures.append(f"{type(error).__name__}: {str(error)[:60]}")
            continue
        seconds.append(time.perf_counter() - start)
        results.append(figures(y, folds))
    note = f"{len(failures)} of {seeds} seeds failed ({failures[0]}) " if failures else ""
    if not results:
        return f"{note}| | | |"
    mean, largest, task, spread = zip(*results, strict=True)
    return (
        f"{100 * np.mean(mean):.4f} | {100 * max(largest):.4f} | {100 * max(task):.4f} | {max(spread)} | "
        f"{np.mean(seconds):.2f} {note}".rstrip()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("SKMTL_DATA"), help="folder of the sets")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=["emotions", "yeast", "tox21"], metavar="SET",
                        help=", ".join(SETS))  # fmt: skip
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="METHOD",
                        help=", ".join(METHODS))  # fmt: skip
    parser.add_argument("--folds", nargs="+", type=int, default=[5, 10])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--solver-seconds", type=int, default=20, help="time limit of gbmtsplits' solver")
    options = parser.parse_args()
    methods = []
    for method in options.methods:
        if importlib.util.find_spec(METHODS[method][1]) is None:
            print(f"{method} is left out: {METHODS[method][1]} is not installed.\n")
        else:
            methods.append(method)
    header = "| set | folds | method | mean, % | largest, % | worst task, % | sizes | seconds |"
    print(f"{header}\n|{'---|' * 8}")
    with threadpool_limits(1):
        for name in options.sets:
            y = read_set(Path(options.data or "data"), name)
            for n_folds in options.folds:
                for method in methods:
                    split = METHODS[method][0]
                    if split is gbmtsplits:
                        split = partial(gbmtsplits, solver_seconds=options.solver_seconds)
                    cells = measure(y, split, n_folds, options.seeds)
                    print(f"| {name} | {n_folds} | {method} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
