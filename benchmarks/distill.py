"""What a student keeps of its teacher, and how much faster it predicts.

The teacher is the default estimator: eight members and companions. Students have one member and no companions, and
learn from labels alone, from the teacher alone, or from both. A quarter of the rows is for testing; scores are means
over tasks, R² of numbers and accuracy of classes. One thread; predict times are the processor's, of 4,000 rows, test
rows repeated, the best of five.

    python benchmarks/distill.py --data path/to/data
    python benchmarks/distill.py --sets energy --seeds 5
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing
from threadpoolctl import threadpool_limits

from skmtl import MultiTaskEstimator, MultiTaskRegressor
from skmtl.datasets import load_adult, load_energy, load_mulan
from skmtl.fusion import distill

ROWS = 4000  # of the larger sets
STUDENTS: dict[str, dict[str, Any]] = {
    "teacher": {},
    "teacher, out of fold": {"out_of_fold": True},
    "half labels, half teacher": {"label_share": 0.5},
    "half labels, half teacher out of fold": {"label_share": 0.5, "out_of_fold": True},
}


def energy(data: str | None) -> tuple[Any, Any, Any]:
    del data
    return *load_energy(return_X_y=True), MultiTaskRegressor()


def jobs(data: str | None) -> tuple[Any, Any, Any]:
    X, y = load_mulan("oes10", data_home=data, return_X_y=True)
    return X, y, MultiTaskRegressor()


def census(data: str | None) -> tuple[Any, Any, Any]:
    X, y = load_adult(data_home=data, return_X_y=True)
    return X, y, MultiTaskEstimator()


SETS: dict[str, Callable[[str | None], tuple[Any, Any, Any]]] = {"energy": energy, "oes10": jobs, "adult": census}


def seconds_to_predict(model: Any, X: Any) -> float:
    X, best = _safe_indexing(X, np.resize(np.arange(len(X)), ROWS)), float("inf")
    for _ in range(5):
        started = time.process_time()
        model.predict(X)
        best = min(best, time.process_time() - started)
    return best


def measure(name: str, seed: int, data: str | None) -> list[dict[str, Any]]:
    X, y, estimator = SETS[name](data)
    if len(X) > 2 * ROWS:
        X, _, y, _ = train_test_split(X, y, train_size=ROWS, random_state=0)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
    started = time.process_time()
    teacher = estimator.set_params(random_state=seed).fit(X_train, y_train)
    best, slowest = teacher.score(X_test, y_test), seconds_to_predict(teacher, X_test)
    rows = [("teacher", best, slowest, time.process_time() - started)]
    for label, settings in {"labels": None, **STUDENTS}.items():
        started = time.process_time()
        if settings is None:
            student = clone(teacher).set_params(n_estimators=1, companions=None).fit(X_train, y_train)
        else:
            student = distill(teacher, X_train, y_train, **settings)
        seconds = time.process_time() - started
        rows.append(
            (f"student of {label}", student.score(X_test, y_test), seconds_to_predict(student, X_test), seconds)
        )
    return [
        {"set": name, "model": model, "score": score, "of teacher": score / best, "faster": slowest / own, "fit": fit}
        for model, score, own, fit in rows
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("SKMTL_DATA"), metavar="DIR", help="where the sets lie")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    with threadpool_limits(1):
        for name in arguments.sets:
            for seed in range(arguments.seeds):
                own = measure(name, seed, arguments.data)
                print(pd.DataFrame(own).to_string(float_format="{:.3f}".format), flush=True)
                rows += own
    print("\n| set | model | score | of the teacher's | predicts faster by | fit, seconds |\n|---|---|---|---|---|---|")
    for (name, model), own in pd.DataFrame(rows).groupby(["set", "model"], sort=False):
        spread = f" ± {own['score'].std():.4f}" if len(own) > 1 else ""
        print(
            f"| {name} | {model} | {own['score'].mean():.4f}{spread} | {own['of teacher'].mean():.4f} | "
            f"{own['faster'].mean():.0f} | {own['fit'].mean():.0f} |"
        )


if __name__ == "__main__":
    main()
