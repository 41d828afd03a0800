"""How much memory fitting and predicting on a read-only memory map take, in units of the map's size.

A child process fits a small network on a memory-mapped float32 file, and then predicts. The figure is the growth of
the resident set at its peak, pages of the map included: 1 means that the map's own pages are all there is. Linux only.

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


def growths(path: Path) -> tuple[float, float]:
    """Return the growth while fitting, and while a process that has fitted on little data predicts, in megabytes."""
    draws = np.random.default_rng(1)
    X = np.load(path, mmap_mode="r")
    ours = MultiTaskRegressor((32,), max_iter=2, n_iter_no_change=5, random_state=0)
    little = draws.standard_normal((2_000, X.shape[1]), dtype=np.float32)
    ours.fit(little, little[:, :N_TASKS]).predict(little)  # loads what torch loads at its first step
    predict = peak_growth(lambda: ours.predict(X))
    del X
    X = np.load(path, mmap_mode="r")  # pages that were seen leave the resident set with the old map
    y = draws.standard_normal((len(X), N_TASKS), dtype=np.float32)
    return peak_growth(lambda: ours.fit(X, y)), predict


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
            with multiprocessing.get_context("spawn").Pool(1) as fresh_process:
                fit, predict = fresh_process.apply(growths, (path,))
        shape = f"{n_rows:,} × {n_features} → {N_TASKS}"
        for work, growth, must, worth in (("fit", fit, "≤ 2.0", "≤ 1.2"), ("predict", predict, "", "")):
            print(f"| {work}, {shape} | {growth / options.megabytes:.2f} | {must} | {worth} | {growth:.0f} MB |")


if __name__ == "__main__":
    main()
