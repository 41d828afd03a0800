"""How time and memory of a fit with all defaults grow with rows, with and without companions.

Four made-up targets of 50 columns, of which noise leaves 95 to 98 % to explain. Every fit has a fresh process and one
thread. Seconds are the processor's; memory is by how much the resident set grows at its peak while fitting, beyond the
data that are already there; R² is measured on 2,000 rows that were not fitted. Linux only.

    python benchmarks/scale.py
    python benchmarks/scale.py --rows 1000 10000
"""

from __future__ import annotations

import argparse
import multiprocessing
import time

import torch
from memory import peak_growth
from threadpoolctl import threadpool_limits
from timing import make_data

from skmtl import MultiTaskRegressor

N_FEATURES, N_TASKS, N_FRESH = 50, 4, 2_000


def figures(n_rows: int, companions: str | None) -> tuple[float, float, float, float]:
    """Return seconds, megabytes of data, megabytes beyond them, and R² on fresh rows."""
    torch.set_num_threads(1)
    X, y = make_data(n_rows + N_FRESH, N_FEATURES, N_TASKS)
    model = MultiTaskRegressor(companions=companions, random_state=0)
    model.fit(X[:200], y[:200])  # loads what torch loads at its first step
    with threadpool_limits(1):
        start = time.process_time()
        growth = peak_growth(lambda: model.fit(X[:n_rows], y[:n_rows]))
        seconds = time.process_time() - start
    size = (X[:n_rows].nbytes + y[:n_rows].nbytes) / 2**20
    return seconds, size, growth, model.score(X[n_rows:], y[n_rows:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    options = parser.parse_args()
    titles = ["rows", "companions", "seconds", "µs a row", "data, MB", "peak beyond them, MB", "R²"]
    print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
    for n_rows in options.rows:
        for companions in (None, "auto"):
            with multiprocessing.get_context("spawn").Pool(1) as fresh_process:
                seconds, size, growth, r2 = fresh_process.apply(figures, (n_rows, companions))
            print(
                f"| {n_rows:,} | {companions} | {seconds:.1f} | {1e6 * seconds / n_rows:.0f} | {size:.1f} | "
                f"{growth:.0f} | {r2:.4f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
