"""Balancing methods against tasks that only distract.

A network learns the heating and the cooling load of buildings, and beside them three targets that somebody left in the
table: pure noise. Their losses never fall, so under equal weights they soon make up nearly all of what is minimised.
Balancing methods set the weights while training. Do they find out which tasks to listen to?

The data ship with the package. Half of the 768 buildings are for learning, half for testing; four members, 50 epochs
and three seeds keep the script short. `balancing=` takes any name of `skmtl.balancing.BALANCINGS`.

Conclusion. Methods that weigh a task by its inverse loss (scale_invariant, uncertainty) drop the noise within a few
epochs, and then predict both loads as well as without it. So do fixed weights: those that scale_invariant learned
(`task_weights=model.task_weights_`), at the cost of a plain fit. Of methods on gradients, nash_mtl, aligned_mtl and
mgda come near; those that only remove conflicts (pcgrad, upgrad) leave the noise its say, and so do equal weights.
dwa, which compares losses with their own past, sees nothing wrong with a task that stands still, and stch, which
favours the worst task, listens to the noise most of all. Where no task distracts, expect differences within the
spread: see docs/balancing.md.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from skmtl import MultiTaskRegressor
from skmtl.datasets import load_energy
from skmtl.inspection import GradientConflictDisplay, TaskWeightsDisplay

METHODS = [
    "uniform",
    "scale_invariant",
    "uncertainty",
    "famo",
    "dwa",
    "stch",
    "mgda",
    "cagrad",
    "nash_mtl",
    "aligned_mtl",
    "pcgrad",
    "upgrad",
]
SEEDS = (0, 1, 2)
# The network alone: what is compared is how it trains.
NETWORK = {"n_estimators": 4, "max_iter": 50, "companions": None}


def main():
    started = time.perf_counter()
    X, y = load_energy(return_X_y=True, as_frame=True)
    draws = np.random.default_rng(0)
    loads = list(y.columns)
    for place in range(3):
        y[f"noise {place + 1}"] = draws.normal(size=len(y))
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)
    print(f"{len(X_train)} buildings to learn from, {len(X_test)} to test on; tasks: {', '.join(y.columns)}\n")

    rows, models = {}, {}

    def measure(label, **settings):
        begun, scores = time.perf_counter(), []
        for seed in SEEDS:
            model = MultiTaskRegressor(**NETWORK, random_state=seed, **settings).fit(X_train, y_train)
            predicted = model.predict(X_test)
            scores.append([r2_score(y_test[load], predicted[:, place]) for place, load in enumerate(loads)])
        models[label] = model
        noise = sum(weight for task, weight in model.task_weights_.items() if task not in loads)
        rows[label] = {
            **dict(zip(loads, np.mean(scores, 0), strict=True)),
            "spread": np.std(scores, 0).max(),
            "noise's share": noise / sum(model.task_weights_.values()),
            "seconds": time.perf_counter() - begun,
        }

    for method in METHODS:
        measure(method, balancing=method)
    measure("learned weights, fixed", balancing="uniform", task_weights=models["scale_invariant"].task_weights_)
    measure("without the noise", balancing="uniform", task_weights=dict.fromkeys(set(y.columns) - set(loads), 0))
    table = pd.DataFrame(rows).T.sort_values(loads[1], ascending=False)
    print(f"R² on the test half, mean over {len(SEEDS)} seeds; the largest spread; the noise's share of the weights\n")
    print(table.to_string(float_format="{:.3f}".format))

    figure, panels = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    for panel, method in zip(panels, ("scale_invariant", "nash_mtl", "stch"), strict=True):
        TaskWeightsDisplay.from_estimator(models[method], relative=True, ax=panel)
        panel.set_ylabel("share of the weights, times the tasks")
    figure.savefig("compare_balancing.png", dpi=100)
    GradientConflictDisplay.from_estimator(models["pcgrad"]).figure_.savefig("gradient_conflicts.png", dpi=100)
    print(
        f"\nSaved compare_balancing.png and gradient_conflicts.png; {time.perf_counter() - started:.0f} seconds in all."
    )


if __name__ == "__main__":
    main()
