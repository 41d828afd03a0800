"""Which balancing and which sharing: all of them on seven sets, with equal tuning and nested validation.

Each method is tuned by the same number of fits on a part of the training rows, fitted once more on all of them, and
measured on test rows that nothing has seen. An error is a loss in units of the best constant prediction's: 1 − R² for
numbers, log loss by the entropy for classes; a set's is the mean over its tasks. Δm is the mean change of the tasks'
errors against networks of one task each, tuned alike; negative is better.

    python benchmarks/methods.py --data DIR --out results.csv  # about an hour on two cores; goes on where it ended
    python benchmarks/methods.py --quick                       # few methods on one set, to see that everything runs
    python benchmarks/methods.py --report results.csv          # the tables again, as Markdown
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from scipy.stats import rankdata, studentized_range
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skmtl import MultiTaskEstimator
from skmtl.balancing import BALANCINGS
from skmtl.datasets import load_adult, load_energy, load_mulan, load_multilabel
from skmtl.nn import SHARINGS

N_SEEDS, MOST_ROWS = 5, 900
RATES = (1e-3, 3e-3, 6e-3, 1e-2)
FITTED = {
    "hidden_layer_sizes": (64, 64),
    "n_estimators": 1,
    "validation_fraction": 0.15,
    "max_iter": 80,
    "n_iter_no_change": 10,
    "batch_size": 128,
    "balancing": "uniform",
    "companions": None,
}
FIXED = "tuned fixed weights"
# What is no name of a method.
PLAIN = {
    "single:single": "one network a task",
    "balancing:uniform": "`uniform`, `hard`",
    f"balancing:{FIXED}": FIXED,
}
# The parameter of a method that its users turn first: tried at two values, with two learning rates.
OWN: dict[str, tuple[str, tuple[Any, Any]]] = {
    "uw_so": ("balancing__tau", (1.0, 5.0)),
    "dwa": ("balancing__temperature", (2.0, 0.5)),
    "stch": ("balancing__mu", (0.1, 0.5)),
    "go4align": ("balancing__n_groups", (2, 3)),
    "cosmos": ("balancing__lam", (0.3, 1.0)),
    "pbi": ("balancing__theta", (0.5, 2.0)),
    "sdmgrad": ("balancing__lam", (0.3, 1.0)),
    "cagrad": ("balancing__c", (0.4, 0.8)),
    "fairgrad": ("balancing__alpha", (1.0, 2.0)),
    "mgda": ("balancing__normalize", (None, "l2")),
    "gradvac": ("balancing__beta", (0.01, 0.5)),
    "gradnorm": ("balancing__alpha", (0.5, 1.5)),
    "graddrop": ("balancing__leak", (0.0, 0.5)),
    "soft": ("sharing__strength", (0.1, 1.0)),
    "low_rank": ("sharing__rank", (2, 8)),
    "cross_stitch": ("sharing__mixing", ("scalar", "channel")),
    "mmoe": ("sharing__n_experts", (2, 4)),
    "cgc": ("sharing__n_shared", (1, 2)),
    "ple": ("sharing__n_shared", (1, 2)),
    "dselect_k": ("sharing__n_experts", (4, 8)),
}


@dataclass(frozen=True)
class Problem:
    """Features and tasks of a set."""

    name: str
    X: Any
    y: pd.DataFrame
    types: dict[str, str]


def load(names: list[str], data_home: str | None) -> list[Problem]:
    loaders = {
        "energy": lambda: _frame("energy", load_energy(return_X_y=True), "regression"),
        "jura": lambda: _frame("jura", load_mulan("jura", data_home=data_home, return_X_y=True), "regression"),
        "scpf": lambda: _frame("scpf", load_mulan("scpf", data_home=data_home, return_X_y=True), "regression"),
        "wq": lambda: _frame("wq", load_mulan("wq", data_home=data_home, return_X_y=True), "regression"),
        "emotions": lambda: _frame(
            "emotions", load_multilabel("emotions", data_home=data_home, return_X_y=True), "classification"
        ),
        "yeast": lambda: _frame(
            "yeast", load_multilabel("yeast", data_home=data_home, return_X_y=True), "classification"
        ),
        "adult": lambda: _adult(data_home),
    }
    return [loaders[name]() for name in names]


SETS = ["energy", "jura", "scpf", "wq", "emotions", "yeast", "adult"]


def _frame(name: str, given: tuple[Any, Any], kind: str) -> Problem:
    X, y = given
    table = pd.DataFrame(np.asarray(y))
    table.columns = [f"y{place}" for place in range(table.shape[1])]
    return Problem(name, np.asarray(X, dtype=float), table, dict.fromkeys(table.columns, kind))


def _adult(data_home: str | None) -> Problem:
    bunch = load_adult(data_home=data_home, targets=["income", "marital_status", "hours_per_week"])
    types = {"income": "classification", "marital_status": "classification", "hours_per_week": "regression"}
    return Problem("adult", bunch.data, bunch.target, types)


def take(table: Any, rows: np.ndarray) -> Any:
    return table.iloc[rows] if hasattr(table, "iloc") else table[rows]


def errors_of(model: MultiTaskEstimator, problem: Problem, train: np.ndarray, test: np.ndarray) -> dict[str, float]:
    """Return each task's error on test rows, in units of the best constant of the training rows."""
    X, y, known = take(problem.X, test), problem.y.iloc[test], problem.y.iloc[train]
    predicted, errors = model.predict(X), {}
    predicted = predicted if isinstance(predicted, pd.DataFrame) else pd.DataFrame(predicted, columns=y.columns)
    probabilities = model.predict_proba(X) if "classification" in problem.types.values() else {}
    for task, kind in problem.types.items():
        if task not in y:
            continue
        truth = y[task]
        if kind == "regression":
            constant = np.mean((truth - known[task].mean()) ** 2)
            errors[task] = float(np.mean((truth - predicted[task].astype(float)) ** 2) / constant)
            continue
        classes = sorted(known[task].unique())
        seen = truth.isin(classes).to_numpy()
        shares = known[task].value_counts(normalize=True)[classes].to_numpy()
        constant = log_loss(truth[seen], np.tile(shares, (seen.sum(), 1)), labels=classes)
        own = np.clip(np.asarray(probabilities[task])[seen], 1e-6, 1)
        errors[task] = float(log_loss(truth[seen], own / own.sum(1, keepdims=True), labels=classes) / constant)
    return errors


def settings_of(method: str, tasks: list[str], seed: int) -> list[dict[str, Any]]:
    """Return the settings that a method is tried with: as many for each."""
    kind, name = method.split(":")
    if name == FIXED:  # equal weights, and others drawn at random
        drawn = np.exp(np.random.default_rng(seed).standard_normal((len(RATES), len(tasks))))
        drawn[0] = 1
        return [
            {"task_weights": dict(zip(tasks, weights.tolist(), strict=True)), "learning_rate_init": RATES[1]}
            for weights in drawn / drawn.mean(1, keepdims=True)
        ]
    fixed = {} if kind == "single" else {kind: (BALANCINGS if kind == "balancing" else SHARINGS)[name]()}
    if name not in OWN:
        return [{**fixed, "learning_rate_init": rate} for rate in RATES]
    parameter, values = OWN[name]
    return [{**fixed, parameter: value, "learning_rate_init": rate} for value in values for rate in RATES[1:3]]


def fitted(problem: Problem, rows: np.ndarray, settings: dict[str, Any], seed: int) -> MultiTaskEstimator:
    specifications = {key: value for key, value in settings.items() if key in ("balancing", "sharing")}
    others = {key: value for key, value in settings.items() if key not in specifications}
    model = MultiTaskEstimator(task_types=problem.types, random_state=seed, **{**FITTED, **specifications})
    return model.set_params(**others).fit(take(problem.X, rows), problem.y.iloc[rows])


def tuned_errors(problem: Problem, method: str, train: np.ndarray, test: np.ndarray, seed: int) -> dict[str, float]:
    """Tune on a part of the training rows, fit to all of them, and measure on the test rows."""
    inner, valid = train_test_split(train, test_size=0.25, random_state=seed)
    tried = settings_of(method, list(problem.y), seed)
    scores = []
    for settings in tried:
        try:
            found = errors_of(fitted(problem, inner, settings, seed), problem, inner, valid)
            scores.append(np.mean(list(found.values())))
        except ValueError as error:  # divergence, at a rate that was too large
            scores.append(np.inf)
            print(f"{method} on {problem.name}: {error}", file=sys.stderr)
    best = tried[int(np.argmin(scores))]
    return errors_of(fitted(problem, train, best, seed), problem, train, test)


def measure(problem: Problem, method: str, seed: int) -> dict[str, Any]:
    """Return a row of results."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    torch.set_num_threads(1)
    rows = np.random.default_rng(seed).permutation(len(problem.y))[:MOST_ROWS]
    train, test = train_test_split(rows, test_size=0.33, random_state=seed)
    start = time.perf_counter()
    if method == "single:single":
        errors: dict[str, float] = {}
        for task in problem.y:
            alone = Problem(problem.name, problem.X, problem.y[[task]], {task: problem.types[task]})
            errors |= tuned_errors(alone, method, train, test, seed)
    else:
        errors = tuned_errors(problem, method, train, test, seed)
    seconds = time.perf_counter() - start
    listed = ";".join(f"{task}={error:.6g}" for task, error in errors.items())
    return {"set": problem.name, "method": method, "seed": seed, "seconds": f"{seconds:.2f}", "errors": listed}


def all_methods() -> list[str]:
    return [
        "single:single",
        *(f"balancing:{name}" for name in (*BALANCINGS, FIXED)),
        *(f"sharing:{name}" for name in SHARINGS if name != "hard"),
    ]


def run(problems: list[Problem], methods: list[str], n_seeds: int, out: Path, n_jobs: int) -> None:
    """Measure what the file does not hold yet, and add it there row by row."""
    done = set()
    if out.exists():
        with out.open() as file:
            done = {(row["set"], row["method"], int(row["seed"])) for row in csv.DictReader(file)}
    works = [
        (problem, method, seed)
        for seed in range(n_seeds)
        for problem in problems
        for method in methods
        if (problem.name, method, seed) not in done
    ]
    fresh = not out.exists()
    with out.open("a", newline="") as file:
        writer = csv.DictWriter(file, ["set", "method", "seed", "seconds", "errors"])
        if fresh:
            writer.writeheader()
        found: Iterator[dict[str, Any]] = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
            delayed(measure)(*work) for work in works
        )
        for row in found:
            writer.writerow(row)
            file.flush()


def read(path: Path) -> pd.DataFrame:
    """Return mean errors, changes against single tasks, and seconds, a row a set, method and seed."""
    table = pd.read_csv(path)
    by_task = [dict(part.split("=") for part in row.split(";")) for row in table["errors"]]
    table["tasks"] = [{task: float(error) for task, error in row.items()} for row in by_task]
    table["error"] = [np.mean(list(row.values())) for row in table["tasks"]]
    single = table[table["method"] == "single:single"].set_index(["set", "seed"])["tasks"]
    table["delta"] = [
        100 * np.mean([(error - base[task]) / base[task] for task, error in row.items()])
        if (base := single.get(key)) is not None
        else np.nan
        for key, row in zip(zip(table["set"], table["seed"], strict=True), table["tasks"], strict=True)
    ]
    return table


def critical_difference(n_methods: int, n_sets: int) -> float:
    """Return by how much mean ranks must differ (Nemenyi, 5 %)."""
    quantile = studentized_range.ppf(0.95, n_methods, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(n_methods * (n_methods + 1) / (6 * n_sets)))


def summary(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return a row a method, best first: mean rank over sets, mean Δm with its spread over seeds, time by uniform's."""
    base = "balancing:uniform"
    chosen = table[table["method"].str.startswith(kind) | table["method"].isin([base, "single:single"])]
    errors = chosen.pivot_table("error", "method", "set", "mean").dropna(axis=1)
    ranks = pd.DataFrame(
        np.column_stack([rankdata(errors[name]) for name in errors]), index=errors.index, columns=errors.columns
    )
    deltas = chosen.pivot_table("delta", "method", "seed", "mean")
    seconds = chosen.pivot_table("seconds", "method", "set", "mean")
    result = pd.DataFrame(
        {
            "rank": ranks.mean(axis=1),
            "best_set_rank": ranks.min(axis=1),
            "worst_set_rank": ranks.max(axis=1),
            "delta": deltas.mean(axis=1),
            "spread": deltas.std(axis=1, ddof=min(1, deltas.shape[1] - 1)),
            "time": (seconds / seconds.loc[base]).mean(axis=1),
        }
    )
    return result.sort_values("rank")


def markdown(table: pd.DataFrame) -> str:
    """Return the tables of all balancings and of all ways of sharing."""
    lines = []
    for kind in ("balancing", "sharing"):
        rows = summary(table, kind)
        n_sets = table["set"].nunique()
        distance = critical_difference(len(rows), n_sets)
        lines += [
            "",
            f"| {kind} | mean rank of {len(rows)} | ranks from … to | Δm, % (spread over seeds) | time / uniform |",
            "|---|---|---|---|---|",
        ]
        for method, row in rows.iterrows():
            name = PLAIN.get(str(method), f"`{str(method).split(':')[1]}`")
            lines.append(
                f"| {name} | {row['rank']:.1f} | {row['best_set_rank']:.0f} … {row['worst_set_rank']:.0f} | "
                f"{row['delta']:+.1f} ({row['spread']:.1f}) | {row['time']:.2f} |"
            )
        lines += [
            "",
            f"Mean ranks that differ by less than {distance:.1f} may do so by chance (Nemenyi, 5 %, {n_sets} sets).",
        ]
    return "\n".join(lines)


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw mean ranks with the critical difference."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(11, 7), width_ratios=[1, 1], layout="constrained")
    for axis, kind in zip(panels, ("balancing", "sharing"), strict=True):
        rows = summary(table, kind)[::-1]
        distance = critical_difference(len(rows), table["set"].nunique())
        first = "uniform" if kind == "balancing" else "hard"
        plain = {"balancing:uniform": first, "single:single": PLAIN["single:single"]}
        names = [plain.get(str(method), str(method).split(":")[1]) for method in rows.index]
        colours = ["C1" if method in plain else "C0" for method in rows.index]
        span = {"color": "0.85", "linewidth": 3, "label": "from the best to the worst set"}
        axis.hlines(range(len(rows)), rows["best_set_rank"], rows["worst_set_rank"], **span)
        axis.scatter(rows["rank"], range(len(rows)), c=colours, zorder=3)
        best = rows["rank"].min()
        axis.axvspan(best, best + distance, color="C2", alpha=0.12, label="not told apart from the best")
        axis.set(yticks=range(len(rows)), yticklabels=names, xlabel="mean rank over sets (1 is best)", title=kind)
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.07), frameon=False)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("SKMTL_DATA"), metavar="DIR", help="where the sets lie")
    parser.add_argument("--out", type=Path, default=Path("methods.csv"), help="where results are kept")
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--methods", nargs="+", default=None, metavar="KIND:NAME")
    parser.add_argument("--sets", nargs="+", default=None, choices=SETS)
    parser.add_argument("--quick", action="store_true", help="few methods on one set")
    parser.add_argument("--report", type=Path, default=None, metavar="CSV", help="only write tables")
    parser.add_argument("--picture", type=Path, default=None, metavar="PNG")
    arguments = parser.parse_args()
    out = arguments.report or arguments.out
    if arguments.report is None:
        sets, methods, seeds = arguments.sets or SETS, arguments.methods or all_methods(), arguments.seeds
        if arguments.quick:
            sets, seeds = ["energy"], 1
            methods = ["single:single", "balancing:uniform", "balancing:mgda", "sharing:mmoe"]
            FITTED["max_iter"] = 3
        run(load(sets, arguments.data), methods, seeds, out, 1 if arguments.quick else arguments.jobs)
    print(f"{len(RATES)} fits to tune a method on each set and seed, and one to measure it.")
    table = read(out)
    print(markdown(table))
    if arguments.picture is not None:
        draw(table, arguments.picture)


if __name__ == "__main__":
    main()
