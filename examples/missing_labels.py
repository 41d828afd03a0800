"""Missing labels: what a task with few labels gains from a task with many.

Suppose that the heating load of every building is known, but the cooling load, which takes a longer measurement, of a
few only. A model of the cooling load alone can learn from those few buildings. A multi-task network also learns from
all the others: their cooling load is NaN, and the shared trunk is trained by their heating load.

The data are the 768 buildings of `load_energy`. 10 to 90 % of the cooling loads in the learning part are hidden at
random. Both networks have the same settings, take the same number of steps, and are tested on the same 25 % of the
buildings. Three seeds draw the test part and the hidden labels. Three members and 60 epochs keep the script short.

Conclusion. The fewer labels, the more sharing helps. From 10 % to 70 % hidden, 172 labels left, the shared network
errs a little less, by about the spread of the seeds. With 57 labels left it errs by 2.0 kWh/m² instead of 3.9, by
half. A building whose cooling load is missing is worth keeping.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split

from skmtl import MultiTaskRegressor
from skmtl.datasets import load_energy

HIDDEN_SHARES = (0.1, 0.4, 0.7, 0.9)
SEEDS = (0, 1, 2)
# The network alone: what is compared is what its tasks learn from each other.
NETWORK = {"n_estimators": 3, "max_iter": 60, "batch_size": 32, "companions": None, "balancing": "uniform"}
TOGETHER, ALONE = "both loads, cooling partly NaN", "cooling load alone"


def main():
    started = time.perf_counter()
    X, y = load_energy(return_X_y=True, as_frame=True)
    rows = [row for seed in SEEDS for share in HIDDEN_SHARES for row in errors(X, y, seed, share)]
    results = pd.DataFrame(rows)
    by_model = results.groupby(["hidden", "labels", "model"])["RMSE"].agg(["mean", "std"]).unstack("model")
    table = pd.DataFrame(
        {
            f"{name}, {label}": by_model[statistic, model]
            for name, model in (("together", TOGETHER), ("alone", ALONE))
            for statistic, label in (("mean", "mean"), ("std", "spread"))
        }
    )
    table["error saved"] = 1 - table["together, mean"] / table["alone, mean"]
    print(f"Test RMSE of the cooling load in kWh/m², mean and spread (standard deviation) over {len(SEEDS)} seeds\n")
    print(table.reset_index().to_string(index=False, float_format="{:.2f}".format))
    draw(results)
    print(f"\nSaved missing_labels.png; {time.perf_counter() - started:.0f} seconds in all.")


def errors(X, y, seed, share):
    """Hide a share of the cooling loads; yield the test error of each network."""
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=seed)
    hidden = np.random.default_rng(seed).permutation(len(y_train)) < share * len(y_train)
    y_train = y_train.assign(cooling_load=y_train["cooling_load"].mask(hidden))

    model = MultiTaskRegressor(**NETWORK, random_state=seed)
    together = model.fit(X_train, y_train).predict(X_test)[:, 1]
    # An epoch over few rows has few steps: more epochs, and more patience, make the number of steps equal.
    factor = len(y_train) / (~hidden).sum()
    model.set_params(max_iter=round(60 * factor), n_iter_no_change=round(20 * factor))
    alone = model.fit(X_train, y_train["cooling_load"]).predict(X_test)
    for name, predicted in ((TOGETHER, together), (ALONE, alone)):
        rmse = root_mean_squared_error(y_test["cooling_load"], predicted)
        yield {"hidden": share, "labels": int((~hidden).sum()), "model": name, "RMSE": rmse}


def draw(results):
    figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    for name, of_model in results.groupby("model"):
        by_share = of_model.groupby("hidden")["RMSE"]
        ax.errorbar(100 * by_share.mean().index, by_share.mean(), by_share.std(), marker="o", capsize=3, label=name)
    ax.set_ylim(bottom=0)
    ax.set(xlabel="hidden labels of the cooling load (%)", ylabel="test RMSE of the cooling load (kWh/m²)")
    ax.set_title(f"Learning the cooling load from few labels: mean and spread of {len(SEEDS)} seeds")
    ax.legend()
    figure.savefig("missing_labels.png", dpi=120)


if __name__ == "__main__":
    main()
