"""What benchmarks of speed share: made-up tasks, and the shortest of several times."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np


def make_data(n_rows: int, n_features: int, n_tasks: int) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 features, and tasks that share a smooth representation and have noise of their own."""
    draws = np.random.default_rng(0)
    X = draws.standard_normal((n_rows, n_features), dtype=np.float32)
    shared = np.tanh(X @ (draws.standard_normal((n_features, 8), dtype=np.float32) / n_features**0.5))
    y = shared @ draws.standard_normal((8, n_tasks), dtype=np.float32)
    return X, y + 0.3 * draws.standard_normal(y.shape, dtype=np.float32)


def shortest_times(works: Sequence[Callable[[], object]], repeats: int, *, warm_up: bool = True) -> list[float]:
    """Return the shortest time of each work in seconds; works take turns, after one unmeasured turn each."""
    times = np.empty((repeats + warm_up, len(works)))
    for turn in times:
        for place, work in enumerate(works):
            start = time.perf_counter()
            work()
            turn[place] = time.perf_counter() - start
    return times[warm_up:].min(axis=0).tolist()
