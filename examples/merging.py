"""Merging: whether two fine-tuned networks can become one, without their data.

A base has learned the heating and the cooling load of 60 buildings. Two offices train it further, one on the heating
loads of 300 buildings, the other on their cooling loads, and neither shares its labels. Each fine-tune knows its own
task; the other task is left to the base. `merge` makes one network of both, at the price of one.

The data are the 768 buildings of `load_energy`; the buildings that nobody has seen are the test part. Three seeds draw
the parts. Networks alone, without companions, four members.

Conclusion. One fine-tune and the base together reach a mean R² of 0.94 or 0.95. The mean of both trunks reaches 0.97,
and so does least squares layer by layer. Each merged task is a little worse than its own fine-tune, kept apart (0.99).
Task arithmetic is best near the average; adding both changes in full goes too far, and TIES drops too much here.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import r2_score

from skmtl import MultiTaskRegressor
from skmtl.datasets import load_energy
from skmtl.fusion import MERGINGS, TaskArithmetic, merge
from skmtl.nn import FittedTrunk

SEEDS = (0, 1, 2)
TASKS = ("heating", "cooling")
SCALES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SETTINGS = {"n_estimators": 4, "max_iter": 100, "companions": None, "balancing": "uniform"}


def main():
    started = time.perf_counter()
    X, y = load_energy(return_X_y=True)
    tables, curves = zip(*(compare(X, y, seed) for seed in SEEDS), strict=True)
    results = pd.concat(tables).groupby(level=0, sort=False).mean()
    print("Test R², mean over seeds\n")
    print(results.round(3).to_string())
    draw(results, np.mean(curves, axis=0))
    print(f"\nSaved merging.png; {time.perf_counter() - started:.0f} seconds in all.")


def compare(X, y, seed):
    """Return the scores of all models by task, and those of task arithmetic by its scale."""
    order = np.random.default_rng(seed).permutation(len(X))
    first, later, test = order[:60], order[60:360], order[360:]
    base = MultiTaskRegressor(random_state=seed, **SETTINGS).fit(X[first], y[first])
    trunk = FittedTrunk(base, freeze=False)
    tuned = [
        MultiTaskRegressor(trunk=trunk, task_names=[name], random_state=seed, **SETTINGS).fit(X[later], y[later, task])
        for task, name in enumerate(TASKS)
    ]

    def scores(model):
        return r2_score(y[test], model.predict(X[test]), multioutput="raw_values")

    before = scores(base)
    after = [model.score(X[test], y[test, task]) for task, model in enumerate(tuned)]
    rows = {
        "base": before,
        "fine-tuned to heating": (after[0], before[1]),
        "fine-tuned to cooling": (before[0], after[1]),
    }
    rows |= {f"merged: {method}": scores(merge(tuned, [X[later]] * 2, method=method)) for method in MERGINGS}
    rows["both fine-tunes, kept apart"] = after
    table = pd.DataFrame(rows, index=TASKS).T
    table["mean"] = table.mean(axis=1)
    return table, [scores(merge(tuned, method=TaskArithmetic(scale=scale))) for scale in SCALES]


def draw(results, curves):
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    colours = ["C2" if "merged" in name else "C0" for name in results.index]
    left.barh(results.index, results["mean"], color=colours)
    left.invert_yaxis()
    left.set(xlim=(results["mean"].min() - 0.02, 1), xlabel="test R², mean of both tasks")
    for task, name in enumerate(TASKS):
        right.plot(SCALES, curves[:, task], marker="o", label=name)
    right.set(xlabel="scale of task arithmetic", ylabel="test R²", title="0: the trunk of the base, ½: the average")
    right.legend()
    figure.savefig("merging.png", dpi=120)


if __name__ == "__main__":
    main()
