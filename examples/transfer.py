"""Transfer: what a fitted trunk saves a new task in labels.

The heating load of 400 buildings is known. Later somebody measures the cooling load, building by building. A network
for it can start from nothing, or from the trunk that has learned the heating load: frozen, frozen in its first layer,
or trained further.

The data are the 768 buildings of `load_energy`. 10 to 160 buildings with a cooling load are drawn from those that the
trunk has not seen, three times; the rest is the test part. Four members keep the script short.

Conclusion. With 10 to 40 cooling loads, the fitted trunk explains far more: with 20 of them R² is 0.95 instead of
0.78, as much as a network from scratch learns from 80. A frozen trunk is the safest with few labels. From 80 labels on
it makes little difference where the trunk started.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skmtl import MultiTaskRegressor
from skmtl.datasets import load_energy
from skmtl.nn import FittedTrunk

N_LABELS = (10, 20, 40, 80, 160)
SEEDS = (0, 1, 2)
SETTINGS = {"n_estimators": 4, "max_iter": 100}


def main():
    started = time.perf_counter()
    X, y = load_energy(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    studied, rest = order[:400], order[400:]
    heating = MultiTaskRegressor(random_state=0, **SETTINGS).fit(X[studied], y[studied, 0])
    trunks = {
        "from scratch": "auto",
        "fitted trunk, frozen": FittedTrunk(heating, freeze=True),
        "first layer frozen": FittedTrunk(heating, freeze=1),
        "trained further": FittedTrunk(heating, freeze=False),
    }
    rows = []
    for seed in SEEDS:
        drawn = np.random.default_rng(seed).permutation(rest)
        test = drawn[max(N_LABELS) :]
        for count in N_LABELS:
            few = drawn[:count]
            for name, trunk in trunks.items():
                model = MultiTaskRegressor(trunk=trunk, random_state=seed, **SETTINGS).fit(X[few], y[few, 1])
                rows.append({"labels": count, "trunk": name, "R²": model.score(X[test], y[test, 1])})
    results = pd.DataFrame(rows)
    print("Test R² of the cooling load, mean over seeds\n")
    print(results.groupby(["labels", "trunk"])["R²"].mean().unstack()[list(trunks)].round(3).to_string())
    draw(results, list(trunks))
    print(f"\nSaved transfer.png; {time.perf_counter() - started:.0f} seconds in all.")


def draw(results, names):
    figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    for place, name in enumerate(names):
        scores = results[results["trunk"] == name].groupby("labels")["R²"]
        beside = scores.mean().index * 1.03 ** (place - 1.5)  # so that no bar hides another
        ax.errorbar(beside, scores.mean(), scores.std(), marker="o", capsize=3, label=name)
    ax.set(xscale="log", xlabel="buildings with a cooling load", ylabel="test R² of the cooling load")
    ax.set_xticks(N_LABELS, labels=N_LABELS)
    ax.minorticks_off()
    ax.set_title(f"A new task on a fitted trunk: mean and spread of {len(SEEDS)} draws")
    ax.legend()
    figure.savefig("transfer.png", dpi=120)


if __name__ == "__main__":
    main()
