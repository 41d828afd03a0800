"""A search over task weights, for the sake of one task that matters.

Often one target matters, and others come for free. They can teach the shared trunk something useful, or distract it.
How much should the network listen to them? Task weights are ordinary parameters: in a pipeline,
`multitaskregressor__task_weights__<task>` goes into `GridSearchCV`. Weight 0 leaves a task out altogether.

The data are 359 places in the Swiss Jura with heavy metals in the soil (`mulan/jura.arff` of the Mulan collection):
cadmium matters, cobalt and copper were measured as well. The folder comes from `--data` or the environment variable
SKMTL_DATA. Without it the script uses data that ship with the package: the energy efficiency of buildings, where the
cooling load matters, the heating load comes for free, and a third task is pure noise.

Each pair of weights is judged by cross-validation in a learning part of 75 %, by the score of the main task alone. Then
equal weights, the weights that were found, and the main task alone are tested on the other 25 %. Four members and 50
epochs keep the script short.

Conclusion. Weights can matter much or hardly at all, and the search says which. For the buildings, the task of noise
takes 0.011 of R² from the cooling load at equal weights; the search gives it weight 0 and keeps the heating load. For
the soils, all nine pairs of weights lie within 0.030 of R², far less than the folds differ among themselves, and the
pair that was found does no better on the test part than equal weights: nothing is to be gained there by weighting.
"""

import argparse
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.io import arff
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer

from skmtl import MultiTaskRegressor
from skmtl.datasets import load_energy

WEIGHTS = (0, 0.3, 1)
PREFIX = "multitaskregressor__task_weights__"
SEEDS = (0, 1, 2)
# The network alone: what is searched is what it listens to.
NETWORK = {"n_estimators": 4, "max_iter": 50, "companions": None, "balancing": "uniform"}


def main():
    parser = argparse.ArgumentParser(description="Search over task weights; see the top of this file.")
    parser.add_argument("--data", default=os.environ.get("SKMTL_DATA"), help="folder that holds mulan/jura.arff")
    folder = parser.parse_args().data
    started = time.perf_counter()
    X, y, main_task = load(folder)
    others = [task for task in y.columns if task != main_task]
    print(f"{len(X)} rows, {X.shape[1]} features; the task that matters: {main_task}, beside it: {', '.join(others)}\n")

    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
    place = y.columns.get_loc(main_task)

    def main_score(model, X, y):
        return r2_score(y[main_task], model.predict(X)[:, place])

    pipeline = make_pipeline(PowerTransformer(), MultiTaskRegressor(**NETWORK, random_state=0))
    grid = {PREFIX + task: WEIGHTS for task in others}
    search = GridSearchCV(
        pipeline, grid, scoring=main_score, cv=KFold(3, shuffle=True, random_state=0), refit=False
    ).fit(X_train, y_train)
    found = pd.DataFrame(search.cv_results_["params"]).rename(columns=lambda name: name.removeprefix(PREFIX))
    found["mean R²"], found["spread"] = (search.cv_results_[f"{part}_test_score"] for part in ("mean", "std"))
    print(f"R² of {main_task} in 3 folds of the learning part, by weights of the other tasks\n")
    print(found.sort_values("mean R²", ascending=False).to_string(index=False, float_format="{:.3f}".format))

    choices = {
        "equal weights": dict.fromkeys(grid, 1),
        "weights found": search.best_params_,
        f"{main_task} alone": dict.fromkeys(grid, 0),
    }
    rows = {}
    for label, choice in choices.items():
        scores = []
        for seed in SEEDS:
            pipeline.set_params(**choice, multitaskregressor__random_state=seed)
            scores.append(main_score(pipeline.fit(X_train, y_train), X_test, y_test))
        weights = {name.removeprefix(PREFIX): weight for name, weight in choice.items()}
        rows[label] = {**weights, "test R²": np.mean(scores), "spread": np.std(scores)}
    print(f"\nR² of {main_task} on the test part, mean and spread over {len(SEEDS)} seeds of the network\n")
    print(pd.DataFrame(rows).T.to_string(float_format="{:.3f}".format))

    draw(found, main_task, others)
    print(f"\nSaved search_task_weights.png; {time.perf_counter() - started:.0f} seconds in all.")


def load(folder):
    """Return X, y and the name of the task that matters."""
    file = Path(folder or "") / "mulan" / "jura.arff"
    if folder and file.is_file():
        frame = pd.DataFrame(arff.loadarff(file)[0])
        y = frame.iloc[:, -3:]
        return frame.iloc[:, :-3], y, y.columns[0]
    print(f"Without jura.arff ({file if folder else 'no --data, no SKMTL_DATA'}): energy data and a task of noise.")
    print("The file is part of http://mulan.sourceforge.net/datasets-mtr.html.\n")
    X, y = load_energy(return_X_y=True, as_frame=True)
    return X, y.assign(noise=np.random.default_rng(0).normal(size=len(y))), "cooling_load"


def draw(found, main_task, others):
    table = found.pivot_table(index=others[1], columns=others[0], values="mean R²")
    figure, ax = plt.subplots(figsize=(6, 4.5), layout="constrained")
    image = ax.imshow(table, origin="lower", cmap="viridis")
    for (row, column), score in np.ndenumerate(table.to_numpy()):
        ax.text(column, row, f"{score:.3f}", ha="center", va="center", bbox={"facecolor": "white", "alpha": 0.7})
    ax.set_xticks(range(len(table.columns)), table.columns)
    ax.set_yticks(range(len(table.index)), table.index)
    ax.set(xlabel=f"task weight of {others[0]}", ylabel=f"task weight of {others[1]}")
    ax.set_title(f"Cross-validated R² of {main_task} (its own weight: 1)")
    figure.colorbar(image, label="R²")
    figure.savefig("search_task_weights.png", dpi=120)


if __name__ == "__main__":
    main()
