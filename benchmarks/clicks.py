"""How well conversion rates are learned from all impressions, by a chain, and from clicked rows, by a model of its own.

Made-up clicks and conversions with a hidden intent behind both, whose true probabilities are known; seeds draw data and
networks. Errors are root mean squares of predicted less true probabilities over 10,000 new impressions, with standard
deviations over seeds; less is better. All have the default network, with four members.

- chain: `EntireSpaceChain("click", "conversion")`, one fit;
- together: one fit of both tasks, with the conversion missing where nothing was clicked;
- separate: a model of clicks, and one of conversions that is fitted to clicked rows only.

    python benchmarks/clicks.py
    python benchmarks/clicks.py --rows 10000 --rates 0.1 0.03 --seeds 1
"""

from __future__ import annotations

import argparse

import numpy as np

from skmtl import MultiTaskClassifier
from skmtl.datasets import make_clicks
from skmtl.tasks import EntireSpaceChain

N_TEST = 10000


def second(model: MultiTaskClassifier, X: np.ndarray) -> list[np.ndarray]:
    """Return the probability of each task's second class."""
    found = model.predict_proba(X)
    return [p[:, 1] for p in (found if isinstance(found, list) else [found])]


def predictions(X: np.ndarray, y: np.ndarray, X_new: np.ndarray, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return what each way says of P(click) and of P(conversion | click) of new rows."""
    clicked, settings = y[:, 0] == 1, {"n_estimators": 4, "random_state": seed}
    chain = second(MultiTaskClassifier(structure=EntireSpaceChain(0, 1), **settings).fit(X, y), X_new)
    hidden = np.where([[False, True]] & ~clicked[:, None], np.nan, y)
    together = second(MultiTaskClassifier(**settings).fit(X, hidden), X_new)
    click = second(MultiTaskClassifier(**settings).fit(X, y[:, 0]), X_new)[0]
    conversion = second(MultiTaskClassifier(**settings).fit(X[clicked], y[clicked, 1]), X_new)[0]
    return {
        "chain": (chain[0], chain[1] / chain[0]),
        "together": (together[0], together[1]),
        "separate": (click, conversion),
    }


def measured(n_rows: int, rate: float, seed: int) -> dict[str, list[float]]:
    """Return for each way its errors and its mean of P(conversion | click) less the true mean."""
    data = make_clicks(n_rows + N_TEST, click_rate=rate, random_state=seed)
    true, rates = data.probabilities[n_rows:], data.conversion_given_click[n_rows:]
    found = predictions(data.X[:n_rows], data.y[:n_rows], data.X[n_rows:], seed)

    def error(predicted: np.ndarray, truth: np.ndarray) -> float:
        return float(np.sqrt(np.mean((predicted - truth) ** 2)))

    return {
        name: [
            error(click, true[:, 0]),
            error(click * given, true[:, 1]),
            error(given, rates),
            float(given.mean() - rates.mean()),
        ]
        for name, (click, given) in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4000, help="impressions to learn from")
    parser.add_argument("--rates", type=float, nargs="+", default=[0.05], help="shares of them that are clicked")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    print(
        "| clicked | way | P(click) | P(conversion) | P(conversion given click) | its mean is too high by |\n"
        "|---|---|---|---|---|---|"
    )
    for rate in options.rates:
        runs = [measured(options.rows, rate, seed) for seed in range(options.seeds)]
        for name in runs[0]:
            table = np.array([run[name] for run in runs])
            cells = [
                f"{mean:.4f} ± {spread:.4f}" for mean, spread in zip(table.mean(axis=0), table.std(axis=0), strict=True)
            ]
            print(f"| {rate:.0%} | {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
