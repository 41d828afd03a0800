"""Clicks and conversions: how often those buy who hardly ever click.

A shop shows something to many people; few click, and of these, some buy. Whether somebody bought is known of those who
clicked only, and they clicked because they were interested: a model of conversions that is fitted to clicked rows has
never seen anybody else. `EntireSpaceChain("click", "conversion")` trains `P(click)` and `P(click) · P(conversion |
click)` on all impressions instead, in one network (Ma et al., SIGIR 2018).

The data are made by `make_clicks`, so the true rates are known: three in 100 impressions are clicked, one in five
clicks is a conversion, and one hidden intent, of which the features show four fifths, is behind both. 10,000
impressions are for learning, some 60 conversions among them, and 20,000 for testing.

Conclusion. In the mean over all impressions, 4 % of clicks would lead to a conversion. The model of clicked rows says
16 %: it has seen so few who do not buy for lack of interest that it says nearly the same of everybody. The chain says
4 %, and is nearer to the truth for nine in ten of the impressions; of those who click most, both are as good. To
multiply two separate models gives the probability of a conversion as well as the chain does: where nobody clicks,
errors count for nothing. Taken for that probability as it is, the model of clicked rows is far off.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skmtl import MultiTaskClassifier
from skmtl.datasets import make_clicks
from skmtl.tasks import EntireSpaceChain

N_TRAIN, N_TEST = 10000, 20000
NETWORK = {"n_estimators": 4, "random_state": 0}
COLOURS = {"chain": "tab:blue", "separate": "tab:red"}


def main():
    started = time.perf_counter()
    data = make_clicks(N_TRAIN + N_TEST, click_rate=0.03, random_state=0)
    X, y, X_test = data.X[:N_TRAIN], data.y[:N_TRAIN], data.X[N_TRAIN:]
    clicks, conversions = data.probabilities[N_TRAIN:].T
    rates = data.conversion_given_click[N_TRAIN:]
    clicked = y[:, 0] == 1
    print(f"{N_TRAIN} impressions, {clicked.sum()} clicks, {y[:, 1].sum()} conversions")

    chain = EntireSpaceChain("click", "conversion")
    model = MultiTaskClassifier(structure=chain, task_names=data.target_names, **NETWORK).fit(X, y)
    click, conversion = (p[:, 1] for p in model.predict_proba(X_test))
    alone = MultiTaskClassifier(**NETWORK).fit(X, y[:, 0]).predict_proba(X_test)[:, 1]
    of_clicked = MultiTaskClassifier(**NETWORK).fit(X[clicked], y[clicked, 1]).predict_proba(X_test)[:, 1]

    given_click = {"chain": conversion / click, "separate": of_clicked}
    table = {("P(conversion | click)", name): summary(found, rates, clicks) for name, found in given_click.items()} | {
        ("P(conversion)", name): summary(found, conversions, clicks)
        for name, found in {
            "chain": conversion,
            "separate, product": alone * of_clicked,
            "separate, as it is": of_clicked,
        }.items()
    }
    print("\nTest impressions; errors are root mean squares of predicted less true probabilities\n")
    print(pd.DataFrame(table).T.to_string(float_format="{:.3f}".format))
    nearer = np.abs(given_click["chain"] - rates) < np.abs(of_clicked - rates)
    print(f"\nThe chain's P(conversion | click) is nearer to the truth for {nearer.mean():.0%} of the impressions.")

    draw(given_click, rates, clicks).savefig("clicks.png", dpi=100)
    plt.close("all")
    print(f"Saved clicks.png; {time.perf_counter() - started:.0f} seconds in all.")


def summary(found, true, clicks):
    """Return mean and error over all impressions, and the error among the fifth that click most."""
    error = (found - true) ** 2
    often = clicks >= np.quantile(clicks, 0.8)
    return {
        "mean": found.mean(),
        "true mean": true.mean(),
        "error": np.sqrt(error.mean()),
        "where clicks are likely": np.sqrt(error[often].mean()),
    }


def draw(given_click, rates, clicks):
    """Draw true against predicted rates, and how far both are off the less people click."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
    by_rate, by_click = (np.array_split(np.argsort(values), 20) for values in (rates, clicks))
    few = np.random.default_rng(0).choice(len(rates), 1500, replace=False)

    def means(values, parts):
        return [values[part].mean() for part in parts]

    for name, found in given_click.items():
        left.scatter(rates[few], found[few], s=4, alpha=0.25, color=COLOURS[name])
        left.plot(means(rates, by_rate), means(found, by_rate), "o-", color=COLOURS[name], label=name)
        right.plot(means(clicks, by_click), means(found, by_click), "o-", color=COLOURS[name], label=name)
    left.axline((0, 0), slope=1, color="black", linewidth=1)
    right.plot(means(clicks, by_click), means(rates, by_click), "k-", label="true")
    left.set(xlabel="true P(conversion | click)", ylabel="predicted", title="impressions, and means of 20 parts")
    right.set(xscale="log", xlabel="true P(click)", ylabel="mean P(conversion | click)", title="where clicks are rare")
    left.legend()
    right.legend()
    return figure


if __name__ == "__main__":
    main()
