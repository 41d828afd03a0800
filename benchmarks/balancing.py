"""What balancing and sharing cost: the time of a training step, by that of hard sharing without balancing.

Eight tasks (and forty), two layers of 128 units, batches of 256 rows, one member, one thread. Ways of sharing have
layers as wide as gives them as many parameters as hard sharing has. Every figure is a ratio of two times of the same
run: the shortest of several repeats, the works taking turns.

    python benchmarks/balancing.py                  # all, as Markdown tables
    python benchmarks/balancing.py --quick          # few steps, to see that everything runs
    python benchmarks/balancing.py --only mgda ple  # some
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from timing import make_data, shortest_times

from skmtl import MultiTaskRegressor
from skmtl.balancing import BALANCINGS, Balancing, LossBalancing
from skmtl.nn import SHARINGS

N_FEATURES, WIDTH, BATCH = 64, 128, 256
# What the developers aim at: the cost that a method must stay below, as a ratio.
MUST = {"losses": 1.15, "famo": 1.5, "gradients": 1.6, "sharing": 1.5, "forty tasks": 2.5}


def regressor(n_epochs: int, **settings: object) -> MultiTaskRegressor:
    return MultiTaskRegressor(
        **{
            "hidden_layer_sizes": (WIDTH, WIDTH),
            "n_estimators": 1,
            "early_stopping": False,
            "max_iter": n_epochs,
            "batch_size": BATCH,
            "encoder": "passthrough",
            "balancing": "uniform",
            "companions": None,
            "random_state": 0,
            **settings,
        }
    )


def n_parameters(model: MultiTaskRegressor) -> int:
    return sum(parameter.numel() for parameter in model.net_.module_.parameters())


def equal_width(sharing: str, X: np.ndarray, y: np.ndarray, aim: int) -> int:
    """Return the width of two layers that gives a way of sharing as many parameters as `aim`, as nearly as can be."""
    narrow, wide = 1, WIDTH
    while narrow < wide:  # the largest that has no more
        middle = (narrow + wide + 1) // 2
        model = regressor(1, sharing=sharing, hidden_layer_sizes=(middle, middle)).fit(X[:BATCH], y[:BATCH])
        narrow, wide = (middle, wide) if n_parameters(model) <= aim else (narrow, middle - 1)
    return narrow


def kind_of(method: type[Balancing]) -> str:
    if method().needs in ("nothing", "losses"):
        return "famo" if method.follows_up else "losses"
    return "gradients"


def balancing_rows(names: Sequence[str], n_tasks: int, quick: bool) -> list[str]:
    n_steps, repeats = (4, 1) if quick else (40, 7)
    X, y = make_data(n_steps * BATCH, N_FEATURES, n_tasks)
    settings = [{}, *({"balancing": name} for name in names)]
    works = [lambda s=s: regressor(2, **s).fit(X, y) for s in settings]
    uniform, *times = shortest_times(works, repeats)
    rows = []
    for name, taken in zip(names, times, strict=True):
        kind = kind_of(BALANCINGS[name])
        looks = "losses" if issubclass(BALANCINGS[name], LossBalancing) else BALANCINGS[name]().needs
        must = MUST["forty tasks"] if n_tasks > 8 else MUST[kind]
        rows.append(f"| `{name}` | {looks} | {n_tasks} | ≤ {must} | {taken / uniform:.2f} |")
    return rows


def sharing_rows(names: Sequence[str], quick: bool) -> list[str]:
    n_steps, repeats = (4, 1) if quick else (40, 7)
    X, y = make_data(n_steps * BATCH, N_FEATURES, 8)
    aim = n_parameters(regressor(1).fit(X[:BATCH], y[:BATCH]))
    widths = [equal_width(name, X, y, aim) for name in names]
    works = [lambda: regressor(2).fit(X, y)]
    works += [
        lambda n=name, w=width: regressor(2, sharing=n, hidden_layer_sizes=(w, w)).fit(X, y)
        for name, width in zip(names, widths, strict=True)
    ]
    hard, *times = shortest_times(works, repeats)
    return [
        f"| `{name}` | {width} | ≤ {MUST['sharing']} | {taken / hard:.2f} |"
        for name, width, taken in zip(names, widths, times, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few steps, to see that everything runs")
    parser.add_argument("--only", nargs="+", default=None, metavar="NAME", help="names of balancings and sharings")
    arguments = parser.parse_args()
    chosen = set(arguments.only or [*BALANCINGS, *SHARINGS])
    balancings = [name for name in BALANCINGS if name in chosen and name != "uniform"]
    sharings = [name for name in SHARINGS if name in chosen and name != "hard"]
    torch.set_num_threads(1)
    with threadpool_limits(1):
        if balancings:
            print("| balancing | looks at | tasks | must | time of a step / uniform |\n|---|---|---|---|---|")
            for n_tasks in (8, 40):
                print("\n".join(balancing_rows(balancings, n_tasks, arguments.quick)), flush=True)
        if sharings:
            print("\n| sharing | width of two layers | must | time of a step / hard |\n|---|---|---|---|")
            print("\n".join(sharing_rows(sharings, arguments.quick)))


if __name__ == "__main__":
    main()
