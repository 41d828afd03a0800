"""How much memory fitting and predicting on a read-only memory map take, in units of the map's size.

A fresh process fits a small network on a memory-mapped float32 file; another one predicts. The figure is the growth of
the resident set at its peak, pages of the map included: 1 means that the map's own pages are all there is. Labels, and
what is made of them, count too: they weigh more where rows are short. Linux only.

    python benchmarks/memory.py
    python benchmarks/memory.py --megabytes 40 --features 20
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from skmtl import MultiTaskRegressor

N_TASKS = 4


def resident_megabytes() -> float:
    """Return the resident set of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no line VmRSS.")


def peak_growth(work: Callable[[], object]) -> float:
    """Return by how many megabytes the resident set grows at most while `work` runs, seen every 2 milliseconds."""
    before = peak = resident_megabytes()
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, resident_megabytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return max(peak, resident_megabytes()) - before


def write_features(path: Path, n_rows: int, n_features: int) -> None:
    """Write random features, a few rows at a time."""
    draws = np.random.default_rng(0)
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n_rows, n_features))
    for first in range(0, n_rows, 10_000):
        array[first : first + 10_000] = draws.standard_normal((len(array[first : first + 10_000]), n_features))
    array.flush()


def growth(path: Path, work: str) -> float:
    """Return by how many megabytes fitting, or predicting, lets a process grow that has done both on little data."""
    draws = np.random.default_rng(1)
    X = np.load(path, mmap_mode="r")
    y = draws.standard_normal((len(X), N_TASKS), dtype=np.float32)
    ours = MultiTaskRegressor((32,), max_iter=2, n_iter_no_change=5, companions=None, random_state=0)
    little = draws.standard_normal((2_000, X.shape[1]), dtype=np.float32)
    ours.fit(little, little[:, :N_TASKS]).predict(little)  # loads what torch loads at its first step
    return peak_growth(lambda: ours.fit(X, y) if work == "fit" else ours.predict(X))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=400, help="size of the memory map")
    parser.add_argument("--features", type=int, nargs="+", default=[100, 20], help="numbers of features, one run each")
    options = parser.parse_args()
    print("| work | growth / size | must reach | worth trying for | growth |\n|---|---|---|---|---|")
    for n_features in options.features:
        n_rows = options.megabytes * 2**20 // (4 * n_features)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "features.npy")
            write_features(path, n_rows, n_features)
            for work, must, worth in (("fit", "≤ 2.0", "≤ 1.2"), ("predict", "", "")):
                with multiprocessing.get_context("spawn").Pool(1) as fresh_process:
                    grown = fresh_process.apply(growth, (path, work))
                shape = f"{n_rows:,} × {n_features} → {N_TASKS}"
                print(f"| {work}, {shape} | {grown / options.megabytes:.2f} | {must} | {worth} | {grown:.0f} MB |")


if __name__ == "__main__":
    main()
