"""How long fitting and predicting take, next to hand-written torch loops, skorch and scikit-learn.

Every figure is a ratio of two times of the same run (or seconds where it says so): the shortest of several repeats,
the works that are compared taking turns. One thread, unless a row says otherwise.

    python benchmarks/speed.py                  # all rows
    python benchmarks/speed.py --quick          # smaller works and fewer repeats, to see that everything runs
    python benchmarks/speed.py --rows loop grid # some of them
"""

from __future__ import annotations

import argparse
import multiprocessing
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from joblib import parallel_config
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neural_network import MLPRegressor
from skorch import NeuralNetRegressor
from threadpoolctl import threadpool_limits
from timing import make_data, shortest_times
from torch import nn

from skmtl import MultiTaskRegressor

Data = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Figure:
    """A measured figure, and the times it comes from."""

    value: float
    detail: str


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    work: str
    must: str
    worth: str
    measure: Callable[[bool], Figure]


def hidden_layers(sizes: Sequence[int], n_features: int) -> list[nn.Module]:
    """Return the layers of a trunk as one writes them by hand."""
    widths = [n_features, *sizes]
    return [module for n_inputs, n_units in pairwise(widths) for module in (nn.Linear(n_inputs, n_units), nn.ReLU())]


def plain_network(sizes: Sequence[int], n_features: int, n_tasks: int) -> nn.Module:
    """Return the network that all peers train."""
    return nn.Sequential(*hidden_layers(sizes, n_features), nn.Linear(sizes[-1], n_tasks))


class HeadPerTask(nn.Module):
    """A trunk, and heads in a Python loop."""

    def __init__(self, sizes: Sequence[int], n_features: int, n_tasks: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(*hidden_layers(sizes, n_features))
        self.heads = nn.ModuleList(nn.Linear(sizes[-1], 1) for _ in range(n_tasks))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the output of each head."""
        x = self.trunk(x)
        return [head(x) for head in self.heads]


def loss_of_block(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return nn.functional.mse_loss(outputs, labels)


def loss_of_heads(outputs: list[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
    losses = [nn.functional.mse_loss(output.squeeze(1), labels[:, task]) for task, output in enumerate(outputs)]
    return torch.stack(losses).sum()


def torch_loop(
    data: Data,
    make_network: Callable[[], nn.Module],
    batch_size: int,
    n_epochs: int,
    loss: Callable[..., torch.Tensor] = loss_of_block,
    max_grad_norm: float | None = None,
) -> nn.Module:
    """Train a network with the loop that one writes by hand when one cares for speed."""
    X, y = (torch.from_numpy(array) for array in data)
    network = make_network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    for _ in range(n_epochs):
        for rows in torch.randperm(len(X)).split(batch_size):
            optimizer.zero_grad()
            loss(network(X[rows]), y[rows]).backward()
            if max_grad_norm is not None:
                nn.utils.clip_grad_norm_(network.parameters(), max_grad_norm)
            optimizer.step()
    return network


def regressor(sizes: Sequence[int], batch_size: int, n_epochs: int, **settings: object) -> MultiTaskRegressor:
    """Return ours, for exactly the work of the loop: numbers as they are, without codes beside them."""
    return MultiTaskRegressor(
        sizes,
        batch_size=batch_size,
        max_iter=n_epochs,
        early_stopping=False,
        encoder="passthrough",
        balancing="uniform",
        companions=None,
        random_state=0,
        **settings,
    )


# The rows ------------------------------------------------------------------------------------------------------------

LARGE = (128, 128)


def large_work(quick: bool) -> tuple[Data, int]:
    return make_data(20_000, 64, 8), 2 if quick else 10


def against_loop(quick: bool, max_grad_norm: float | None) -> Figure:
    data, n_epochs = large_work(quick)
    ours = regressor(LARGE, 256, n_epochs, n_estimators=1, max_grad_norm=max_grad_norm)
    loop = partial(torch_loop, data, partial(plain_network, LARGE, 64, 8), 256, n_epochs, max_grad_norm=max_grad_norm)
    fit, peer = shortest_times([lambda: clone(ours).fit(*data), loop], 2 if quick else 7)
    return Figure(fit / peer, f"{fit:.2f} s / {peer:.2f} s")


def against_skorch(quick: bool) -> Figure:
    data, n_epochs = large_work(quick)
    ours = regressor(LARGE, 256, n_epochs, n_estimators=1)

    def skorch_fit() -> object:
        net = NeuralNetRegressor(
            plain_network(LARGE, 64, 8),
            max_epochs=n_epochs,
            batch_size=256,
            optimizer=torch.optim.AdamW,
            lr=1e-3,
            iterator_train__shuffle=True,
            train_split=None,
            verbose=0,
        )
        return net.fit(*data)

    fit, peer = shortest_times([lambda: clone(ours).fit(*data), skorch_fit], 2 if quick else 4)
    return Figure(peer / fit, f"{peer:.2f} s / {fit:.2f} s")


def against_sklearn(quick: bool) -> Figure:
    data, n_epochs = large_work(quick)
    ours = regressor(LARGE, 256, n_epochs, n_estimators=1)
    theirs = MLPRegressor(
        hidden_layer_sizes=LARGE, batch_size=256, max_iter=n_epochs, n_iter_no_change=10_000, random_state=0
    )

    def sklearn_fit() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return clone(theirs).fit(*data)

    fit, peer = shortest_times([lambda: clone(ours).fit(*data), sklearn_fit], 2 if quick else 5)
    return Figure(peer / fit, f"{peer:.2f} s / {fit:.2f} s")


def eight_members(quick: bool, sizes: Sequence[int], batch_size: int) -> Figure:
    data, n_epochs = make_data(1_000, 20, 4), 5 if quick else 20
    ours = regressor(sizes, batch_size, n_epochs, n_estimators=8)

    def loops() -> None:
        for _ in range(8):
            torch_loop(data, partial(plain_network, sizes, 20, 4), batch_size, n_epochs)

    fit, peer = shortest_times([lambda: clone(ours).fit(*data), loops], 2 if quick else 7)
    return Figure(fit / peer, f"{fit:.2f} s / {peer:.2f} s")


def sixteen_tasks(quick: bool) -> Figure:
    data, n_epochs = make_data(20_000, 64, 16), 2 if quick else 5
    ours = regressor(LARGE, 256, n_epochs, n_estimators=1)
    loop = partial(torch_loop, data, partial(HeadPerTask, LARGE, 64, 16), 256, n_epochs, loss_of_heads)
    fit, peer = shortest_times([lambda: clone(ours).fit(*data), loop], 2 if quick else 5)
    n_steps = n_epochs * -(-20_000 // 256)
    return Figure(fit / peer, f"{1e3 * fit / n_steps:.2f} ms / {1e3 * peer / n_steps:.2f} ms a step")


def one_row(quick: bool) -> Figure:
    X, y = make_data(1_000, 20, 4)
    ours = MultiTaskRegressor(max_iter=2, companions=None, random_state=0).fit(X, y)
    network = ours.net_.module_.eval()
    row = torch.zeros(1, network.trunk.layers[0].weight.shape[1])  # as wide as what the encoder makes of a row

    def median_time(work: Callable[[], object]) -> float:
        times = []
        for _ in range(200 if quick else 2_000):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        return float(np.median(times))

    with torch.no_grad():
        forward = median_time(lambda: network(row))
    predict = median_time(lambda: ours.predict(X[:1]))
    return Figure(predict / (1.5 * forward + 5e-4), f"predict {1e3 * predict:.2f} ms, forward {1e3 * forward:.2f} ms")


def hundred_rows(quick: bool) -> Figure:
    data = make_data(100, 20, 4)
    (fit,) = shortest_times([lambda: MultiTaskRegressor(random_state=0).fit(*data)], 2 if quick else 5)
    return Figure(fit, f"{MultiTaskRegressor(random_state=0).fit(*data).n_iter_} epochs")


def exponent(quick: bool) -> Figure:
    sizes = np.geomspace(1e4, 1e5 if quick else 1e6, 3 if quick else 5).astype(int)
    X, y = make_data(sizes[-1], 20, 4)
    ours = MultiTaskRegressor((32,), max_iter=2, n_estimators=1, companions=None, random_state=0)

    def fit(n_rows: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            clone(ours).fit(X[:n_rows], y[:n_rows])

    times = shortest_times([partial(fit, n_rows) for n_rows in sizes], 2 if quick else 3)
    slope = float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
    return Figure(slope, ", ".join(f"{n_rows:.0e}: {t:.2f} s" for n_rows, t in zip(sizes, times, strict=True)))


def grid_search(quick: bool) -> Figure:
    X, y = make_data(1_000 if quick else 4_000, 20, 4)
    grid = {"task_weights": [{"y0": weight} for weight in (0.1, 0.3, 1, 3, 10)]}
    ours = MultiTaskRegressor(max_iter=10 if quick else 30, encoder="passthrough", companions=None, random_state=0)
    search = GridSearchCV(ours, grid, cv=KFold(3, shuffle=True, random_state=0))

    def on_processes(n_jobs: int) -> None:
        with parallel_config("loky", n_jobs=n_jobs):
            clone(search).fit(X, y)

    parallel, serial = shortest_times([partial(on_processes, 2), partial(on_processes, 1)], 1 if quick else 3)
    return Figure(parallel / serial, f"{parallel:.1f} s / {serial:.1f} s, processes already started")


def beside_busy_core(quick: bool, sizes: Sequence[int]) -> Figure:
    with multiprocessing.get_context("spawn").Pool(1) as fresh_process:  # it has torch's default number of threads
        return fresh_process.apply(fit_beside_busy_core, (quick, sizes))


def fit_beside_busy_core(quick: bool, sizes: Sequence[int]) -> Figure:
    """Fit eight members with default threads, in turns alone and beside a process that keeps one core busy."""
    data = make_data(2_000 if quick else 10_000, 64, 8)
    ours = MultiTaskRegressor(sizes, max_iter=2, companions=None, random_state=0)

    def fit() -> float:
        start = time.perf_counter()
        clone(ours).fit(*data)
        return time.perf_counter() - start

    idle, busy = [], []
    fit()
    for _ in range(2 if quick else 5):
        idle.append(fit())
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as neighbour:
            time.sleep(0.5)
            busy.append(fit())
            neighbour.kill()
    detail = f"{min(busy):.2f} s / {min(idle):.2f} s, {torch.get_num_threads()} threads"
    return Figure(min(busy) / min(idle), detail)


ROWS = {
    "loop": Row("fit / torch loop, fused AdamW", "≤ 1.15", "≤ 1.05", partial(against_loop, max_grad_norm=None)),
    "clip": Row("the same, gradients clipped at norm 1", "", "", partial(against_loop, max_grad_norm=1.0)),
    "skorch": Row("skorch's NeuralNetRegressor / fit", "≥ 2.3", "≥ 3", against_skorch),
    "sklearn": Row("MLPRegressor / fit", "≥ 1.0", "≥ 1.3", against_sklearn),
    "members32": Row(
        "8 members / 8 torch loops, 32 units, batch 32",
        "≤ 0.35",
        "≤ 0.25",
        partial(eight_members, sizes=(32, 32), batch_size=32),
    ),
    "members64": Row(
        "8 members / 8 torch loops, 64 units, batch 128",
        "≤ 0.65",
        "≤ 0.5",
        partial(eight_members, sizes=(64, 64), batch_size=128),
    ),
    "tasks": Row("16 tasks / loop over 16 heads, one step", "≤ 0.6", "≤ 0.4", sixteen_tasks),
    "predict": Row("predict of 1 row / (1.5 × forward + 0.5 ms)", "≤ 1", "", one_row),
    "small": Row("fit of 100 × 20 → 4, all defaults, seconds", "≤ 0.5", "", hundred_rows),
    "exponent": Row("time against rows, 10⁴ to 10⁶, exponent", "≤ 1.05", "", exponent),
    "grid": Row("grid of 5 × 3 fits, 2 processes / serial", "≤ 0.7", "≤ 0.55", grid_search),
    "threads": Row("beside one busy core / idle, default threads", "≤ 2", "", partial(beside_busy_core, sizes=LARGE)),
    "threads512": Row("the same, two layers of 512", "≤ 2", "", partial(beside_busy_core, sizes=(512, 512))),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller works, fewer repeats")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help=", ".join(ROWS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| work | ratio | must reach | worth trying for | times |\n|---|---|---|---|---|")
    with threadpool_limits(1):
        for name in options.rows:
            row = ROWS[name]
            figure = row.measure(options.quick)
            print(f"| {row.work} | {figure.value:.2f} | {row.must} | {row.worth} | {figure.detail} |", flush=True)


if __name__ == "__main__":
    main()
