"""What benchmarks of accuracy share: options, results that outlive an interruption, and tables."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata
from threadpoolctl import threadpool_limits


@dataclass(frozen=True)
class Model:
    """What makes a model, or its predictions.

    `package` is what it needs, `draws` whether its seed changes anything, `dear` whether it runs only when asked for.
    """

    make: Callable[..., Any]
    package: str = "sklearn"
    draws: bool = True
    dear: bool = False


@dataclass(frozen=True)
class Column:
    """A score on a set."""

    set: str
    score: str
    larger_is_better: bool = False


@dataclass(frozen=True)
class Result:
    """The scores of a model on a set, and the processor's seconds that took, which other programs blur little."""

    set: str
    model: str
    seed: int
    seconds: float
    scores: dict[str, float]


def parse(description: str | None, sets: Iterable[str], models: dict[str, Model]) -> argparse.Namespace:
    """Return the options of the command line; models whose package is missing are left out, and said so."""
    usual = [name for name, model in models.items() if not model.dear]
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("SKMTL_DATA"), metavar="DIR", help="where the sets lie")
    parser.add_argument("--sets", nargs="+", choices=sets, default=list(sets), metavar="SET", help=", ".join(sets))
    parser.add_argument("--models", nargs="+", choices=models, metavar="MODEL",
                        help=f"{', '.join(models)}; by default {', '.join(usual)}")  # fmt: skip
    parser.add_argument("--seeds", type=int, default=1, help="fits per fold, each from another random_state")
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep results as JSON lines, and measure none twice")
    parser.add_argument("--report", action="store_true", help="measure nothing, only print what --save names")
    options = parser.parse_args()
    if options.report and not (options.save and options.save.exists()):
        parser.error("--report prints what a file holds: name one that is there with --save.")
    options.models = options.models or (list(models) if options.report else usual)
    if not options.report:
        options.models = [name for name in options.models if _is_installed(name, models[name].package)]
    return options


def _is_installed(name: str, package: str) -> bool:
    if importlib.util.find_spec(package) is not None:
        return True
    print(f"{name} is left out: {package} is not installed.\n")
    return False


def results_of(
    options: argparse.Namespace,
    models: dict[str, Model],
    load: Callable[[str], Any],
    measure: Callable[[Any, Model, int], dict[str, float]],
) -> list[Result]:
    """Measure on one thread what is not kept yet, and return all results of the sets and models asked for."""
    results = _kept(options.save)
    known = {(result.set, result.model, result.seed) for result in results}
    works = [] if options.report else [work for work in _works(options, models) if work not in known]
    load = cache(load)
    torch.set_num_threads(1)
    with threadpool_limits(1):
        for name, model, seed in works:
            data = load(name)
            start = time.process_time()
            scores = measure(data, models[model], seed)
            results.append(Result(name, model, seed, time.process_time() - start, scores))
            _keep(results[-1], options.save)
    return [result for result in results if result.set in options.sets and result.model in options.models]


def _works(options: argparse.Namespace, models: dict[str, Model]) -> Iterator[tuple[str, str, int]]:
    for name in options.sets:
        for model in options.models:
            for seed in range(options.seeds if models[model].draws else 1):
                yield name, model, seed


def _kept(path: Path | None) -> list[Result]:
    if path is None or not path.exists():
        return []
    return [Result(**json.loads(line)) for line in path.read_text().splitlines()]


def _keep(result: Result, path: Path | None) -> None:
    line = json.dumps(vars(result))
    print(line, file=sys.stderr, flush=True)
    if path is not None:
        with path.open("a") as file:
            file.write(f"{line}\n")


def print_tables(results: Sequence[Result], columns: Sequence[Column], models: Iterable[str]) -> None:
    """Print mean scores with their spread over seeds, mean ranks over columns, and seconds.

    Only models with a score in every column have a mean and a rank.
    """
    models = [model for model in models if any(result.model == model for result in results)]
    if not models:
        raise SystemExit("There are no results of these sets and models.")
    means = np.array([[_mean(_scores(results, column, model)) for column in columns] for model in models])
    complete = ~np.isnan(means).any(axis=1)
    signs = np.array([-1 if column.larger_is_better else 1 for column in columns])
    ranks = np.full(len(models), np.nan)
    ranks[complete] = rankdata(signs * means[complete], axis=0).mean(axis=1)
    one_score = len({column.score for column in columns}) == 1
    titles = [column.set if one_score else f"{column.set}, {column.score}" for column in columns]
    _print_row(["model", *titles, *(["mean"] if one_score else []), "mean rank"], head=True)
    for place, model in enumerate(models):
        cells = [_cell(_scores(results, column, model)) for column in columns]
        average = [_cell(_means_over_columns(results, columns, model))] if one_score else []
        _print_row([model, *cells, *average, f"{ranks[place]:.2f}" if complete[place] else ""])
    print()
    _print_seconds(results, list(dict.fromkeys(column.set for column in columns)), models)


def _print_seconds(results: Sequence[Result], sets: Sequence[str], models: Sequence[str]) -> None:
    _print_row(["seconds", *sets, "all"], head=True)
    for model in models:
        seconds = [_mean([r.seconds for r in results if (r.model, r.set) == (model, name)]) for name in sets]
        cells = ["" if np.isnan(value) else f"{value:.1f}" for value in (*seconds, np.sum(seconds))]
        _print_row([model, *cells])


def _print_row(cells: Sequence[str], head: bool = False) -> None:
    print(f"| {' | '.join(cells)} |" + (f"\n|{'---|' * len(cells)}" if head else ""))


def _scores(results: Sequence[Result], column: Column, model: str) -> list[float]:
    return [r.scores[column.score] for r in results if (r.model, r.set) == (model, column.set)]


def _means_over_columns(results: Sequence[Result], columns: Sequence[Column], model: str) -> list[float]:
    """Return the mean of each seed that has been run on all sets."""
    by_seed: defaultdict[int, list[float]] = defaultdict(list)
    for result in results:
        if result.model == model:
            by_seed[result.seed].append(result.scores[columns[0].score])
    return [_mean(scores) for scores in by_seed.values() if len(scores) == len(columns)]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _cell(scores: Sequence[float]) -> str:
    if not scores:
        return ""
    spread = f" ± {np.std(scores, ddof=1):.4f}" if len(scores) > 1 else ""
    return f"{np.mean(scores):.4f}{spread}"
