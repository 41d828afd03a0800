"""Transfer and merging: what 50 labels teach a fitted trunk, and what is left of two fine-tunes in one.

Transfer: one source estimator is fitted to many rows; each draw then takes 50 other rows with labels of a new task, and
tests on the rest. "energy": the source learned the heating load of 400 buildings, the new task is the cooling load.
"pictures": the source learned of 900 of scikit-learn's digits whether they are odd, at least 5, and have a loop; the
new task is the digit. Everything but the trunk is alike: default settings, of pictures five members.

Merging, "merge": a base learned both loads of 60 buildings; each of two fine-tunes goes on with one of the loads of 300
others. Scores are means of both tasks, networks alone: of a fine-tune and, for the other task, the base; of merges.
One thread.

    python benchmarks/transfer.py
    python benchmarks/transfer.py --sets energy --draws 5
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import r2_score
from threadpoolctl import threadpool_limits

from skmtl import MultiTaskClassifier, MultiTaskRegressor
from skmtl.datasets import load_energy
from skmtl.fusion import MERGINGS, merge
from skmtl.nn import ConvTrunk, FittedTrunk

N_LABELS = 50
SCRATCH = "from scratch"


def trunks(source: Any, own: Any) -> dict[str, Any]:
    return {
        SCRATCH: own,
        "fitted, frozen": FittedTrunk(source, freeze=True),
        "fitted, first layer frozen": FittedTrunk(source, freeze=1),
        "fitted, trained further": FittedTrunk(source, freeze=False),
    }


def energy(n_draws: int) -> Iterator[tuple[int, str, float]]:
    X, y = load_energy(return_X_y=True)
    order = np.random.default_rng(100).permutation(len(X))
    studied, rest = order[:400], order[400:]
    source = MultiTaskRegressor(random_state=0).fit(X[studied], y[studied, 0])
    for draw in range(n_draws):
        order = np.random.default_rng(draw).permutation(rest)
        few, test = order[:N_LABELS], order[N_LABELS:]
        for name, trunk in trunks(source, "auto").items():
            model = MultiTaskRegressor(trunk=trunk, random_state=draw).fit(X[few], y[few, 1])
            yield draw, name, model.score(X[test], y[test, 1])


def pictures(n_draws: int) -> Iterator[tuple[int, str, float]]:
    X, digit = load_digits(return_X_y=True)
    X = X.reshape(-1, 1, 8, 8)
    known = np.column_stack([digit % 2, digit >= 5, np.isin(digit, [0, 6, 8, 9])]).astype(int)
    order = np.random.default_rng(100).permutation(len(X))
    studied, rest = order[:900], order[900:]
    own = ConvTrunk((16, 32))
    source = MultiTaskClassifier(trunk=own, random_state=0).fit(X[studied], known[studied])
    for draw in range(n_draws):
        order = np.random.default_rng(draw).permutation(rest)
        few, test = order[:N_LABELS], order[N_LABELS:]
        for name, trunk in trunks(source, own).items():
            model = MultiTaskClassifier(trunk=trunk, n_estimators=5, random_state=draw).fit(X[few], digit[few])
            yield draw, name, model.score(X[test], digit[test])


def merges(n_draws: int) -> Iterator[tuple[int, str, float]]:
    X, y = load_energy(return_X_y=True)
    alone = {"companions": None, "balancing": "uniform"}
    for draw in range(n_draws):
        order = np.random.default_rng(draw).permutation(len(X))
        first, later, test = order[:60], order[60:360], order[360:]
        base = MultiTaskRegressor(random_state=draw, **alone).fit(X[first], y[first])
        trunk = FittedTrunk(base, freeze=False)
        tuned = [
            MultiTaskRegressor(trunk=trunk, task_names=[name], random_state=draw, **alone).fit(X[later], y[later, task])
            for task, name in enumerate(("heating", "cooling"))
        ]
        before = r2_score(y[test], base.predict(X[test]), multioutput="raw_values")
        after = [model.score(X[test], y[test, task]) for task, model in enumerate(tuned)]
        yield draw, "base", before.mean()
        yield draw, "fine-tuned to heating", (after[0] + before[1]) / 2
        yield draw, "fine-tuned to cooling", (before[0] + after[1]) / 2
        for method in MERGINGS:
            yield draw, method, merge(tuned, [X[later]] * 2, method=method).score(X[test], y[test])
        yield draw, "two models", float(np.mean(after))


SETS = {"energy": energy, "pictures": pictures, "merge": merges}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--draws", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        for name in arguments.sets:
            started = time.process_time()
            report(name, pd.DataFrame(SETS[name](arguments.draws), columns=["draw", "trunk", "score"]))
            print(f"{time.process_time() - started:.0f} seconds\n", flush=True)


def report(name: str, results: pd.DataFrame) -> None:
    by_trunk = results.pivot(index="draw", columns="trunk", values="score")
    by_trunk = by_trunk[results["trunk"].unique()]
    table = pd.DataFrame({"mean": by_trunk.mean(), "spread": by_trunk.std(), "worst": by_trunk.min()})
    rival = SCRATCH if SCRATCH in by_trunk else "both fine-tunes"
    rivals = [column for column in by_trunk if column == SCRATCH or column.startswith("fine-tuned")]
    better = by_trunk.gt(by_trunk[rivals].max(axis=1), axis=0).sum()
    table[f"better than {rival}"] = [f"{count} of {len(by_trunk)}" for count in better]
    print(f"{name}, {len(by_trunk)} draws\n{table.to_string(float_format='{:.4f}'.format)}")


if __name__ == "__main__":
    main()
