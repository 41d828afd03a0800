"""How often intervals of 90 % hold, and how wide they are, on the seven multi-target sets of accuracy.py.

Each seed has its own `KFold(5, shuffle=True)` and its own fits; a task's coverage is the share of all rows of all
seeds that lie in the interval of the fit that did not see them. The width is the mean over tasks, relative to the plain
interval of the same fits: prediction ± conformal quantile of the absolute out-of-fold errors. Its members' average errs
less than the single members that were measured, so that it is too wide as a rule. "joint" is the share of rows of which
all tasks lie in the region of `joint=True`, and how wide its sides are in the same unit.

    python benchmarks/coverage.py --data path/to/data
    python benchmarks/coverage.py --sets andro enb --seeds 1 --companions none --epochs 50

With `--mapie`, MAPIE's CV+ of five folds around the same estimator is measured instead, which takes one target and six
fits a target, on the same test folds (`pip install mapie`).
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np
from accuracy import SETS
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold

from skmtl import MultiTaskRegressor
from skmtl.datasets import load_mulan
from skmtl.uncertainty import conformal_quantile

COVERAGE = 0.9


def held_out_intervals(X, y, train, test, settings):
    """Return three intervals of the test rows, `(3, n, n_tasks, 2)`: per task, jointly, and the plain ones."""
    imputer = SimpleImputer().fit(X[train])
    model = MultiTaskRegressor(**settings).fit(imputer.transform(X[train]), y[train])
    rows = imputer.transform(X[test])
    errors = np.abs(y[train] - model.oof_prediction_)
    margins = np.array([conformal_quantile(own, COVERAGE) for own in errors.T])
    plain = model.predict(rows)[:, :, None] + margins[:, None] * [-1, 1]
    return np.stack([model.predict_interval(rows, COVERAGE), model.predict_interval(rows, COVERAGE, joint=True), plain])


def mapie_intervals(X, y, train, test, settings):
    """Return MAPIE's intervals of the test rows, `(n, n_tasks, 2)`."""
    from mapie.regression import CrossConformalRegressor

    imputer = SimpleImputer().fit(X[train])
    rows, new = imputer.transform(X[train]), imputer.transform(X[test])
    ends = []
    for target in y.T:
        peer = CrossConformalRegressor(
            MultiTaskRegressor(**settings), confidence_level=COVERAGE, cv=5, random_state=settings["random_state"]
        )
        ends.append(peer.fit_conformalize(rows, target[train]).predict_interval(new)[1][:, :, 0])
    return np.stack(ends, 1)


def compare(X, y, seeds, settings):
    """Return coverage, the lowest task's, width in units of ours, and seconds, of our intervals and of MAPIE's."""
    found = {"ours": [], "mapie": []}
    seconds = dict.fromkeys(found, 0.0)
    for seed in range(seeds):
        for train, test in KFold(5, shuffle=True, random_state=seed).split(X):
            own = {**settings, "random_state": seed}
            for name, make in {"ours": lambda *given: held_out_intervals(*given)[0], "mapie": mapie_intervals}.items():
                started = time.process_time()
                ends = make(X, y, train, test, own)
                seconds[name] += time.process_time() - started
                inside = (ends[..., 0] <= y[test]) & (y[test] <= ends[..., 1])
                found[name].append((inside, ends[..., 1] - ends[..., 0]))
    inside = {name: np.concatenate([part for part, _ in parts]).mean(0) for name, parts in found.items()}
    widths = {name: np.concatenate([part for _, part in parts]).mean(0) for name, parts in found.items()}
    return {
        name: (inside[name].mean(), inside[name].min(), np.mean(widths[name] / widths["ours"]), seconds[name])
        for name in found
    }


def measure(X, y, seeds, settings):
    """Return whether each label lies inside, `(3, seeds · n, n_tasks)`, and how wide each interval is."""
    inside, widths = [], []
    for seed in range(seeds):
        for train, test in KFold(5, shuffle=True, random_state=seed).split(X):
            found = held_out_intervals(X, y, train, test, {**settings, "random_state": seed})
            inside.append((found[..., 0] <= y[test]) & (y[test] <= found[..., 1]))
            widths.append(found[..., 1] - found[..., 0])
    return np.concatenate(inside, 1), np.concatenate(widths, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("SKMTL_DATA"), help="folder with a folder 'mulan'")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), metavar="SET")
    parser.add_argument("--seeds", type=int, default=5, help="shuffles, each with fits of its own")
    parser.add_argument("--companions", choices=["auto", "none"], default="auto")
    parser.add_argument("--epochs", type=int, default=200, help="max_iter of a fit")
    parser.add_argument("--mapie", action="store_true", help="compare with MAPIE's intervals")
    options = parser.parse_args()
    settings = {"companions": None if options.companions == "none" else "auto", "max_iter": options.epochs}
    if options.mapie:
        print("| set | intervals | coverage, mean | lowest task | width / ours | seconds |\n|---|---|---|---|---|---|")
        for name in options.sets:
            found = compare(*load_mulan(name, data_home=options.data, return_X_y=True), options.seeds, settings)
            for kind, (mean, lowest, width, seconds) in found.items():
                print(f"| {name} | {kind} | {mean:.3f} | {lowest:.3f} | {width:.2f} | {seconds:.0f} |", flush=True)
        return
    print(
        "| set | coverage, mean | lowest task | plain: mean | lowest task | width / plain | joint | width | seconds |"
    )
    print(f"|{'---|' * 9}")
    for name in options.sets:
        start = time.perf_counter()
        inside, widths = measure(*load_mulan(name, data_home=options.data, return_X_y=True), options.seeds, settings)
        own, joint, plain = widths.mean(1)  # (n_tasks,)
        tasks, _, plain_tasks = inside.mean(1)
        figures = [tasks.mean(), tasks.min(), plain_tasks.mean(), plain_tasks.min(), np.mean(own / plain)]
        figures += [inside[1].all(1).mean(), np.mean(joint / plain)]
        seconds = time.perf_counter() - start
        print(f"| {name} | {' | '.join(f'{figure:.3f}' for figure in figures)} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
