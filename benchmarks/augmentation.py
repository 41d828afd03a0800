"""What each augmentation buys, next to none, on pictures, speech, texts and tables.

One thread; seconds are the processor's, of one fit. For each set, every augmentation that is for such samples is fitted
with its default settings, and some in pairs, with the estimator's default settings but without companions, which it
does not touch. The score is that of the estimator on test rows: the mean over tasks of R² or accuracy. The gain is the
difference from the fit without augmentation of the same seed; over several seeds, means and standard deviations.

Pictures: scikit-learn's digits, a third for testing; digit and parity. Speech: `load_spoken_digits`, the set's own
split; digit and speaker. Texts: `load_text_sentiment`, a stratified split, a fifth for testing; source and rating.
Sentences: `load_sentences`, half for testing. Tables: `load_energy`, and Mulan's sets by name, a third for testing.

    python benchmarks/augmentation.py --data path/to/data --seeds 5
    python benchmarks/augmentation.py --sets digits energy --rows 200 --seeds 3 --only mixup cmixup
"""

from __future__ import annotations

import argparse
import os
import time
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.augmentation import AUGMENTATIONS
from skmtl.datasets import load_energy, load_mulan, load_sentences, load_spoken_digits, load_text_sentiment
from skmtl.features import Form
from skmtl.nn import ConvTrunk

# What no picture of a digit is to be: its mirror image.
UNSUITED = {"flip"}
PAIRS = {
    Form.COLUMNS: [["noise", "mixup"], ["corruption", "mixup"]],
    Form.IMAGE: [["crop", "erase"], ["crop", "mixup"]],
    Form.SEQUENCE: [["spectrogram_mask", "mixup"]],
    Form.TEXT: [["word_dropout", "mixup"]],
}


class Problem(NamedTuple):
    """What is learned from which rows."""

    form: Form
    model: BaseEstimator
    X_train: Any
    X_test: Any
    y_train: Any
    y_test: Any


def digits(data: str | None, seed: int) -> Problem:
    del data
    pixels, digit = load_digits(return_X_y=True)
    y = np.column_stack([digit, digit % 2])
    parts = train_test_split(pixels.reshape(-1, 1, 8, 8), y, test_size=1 / 3, random_state=seed)
    return Problem(Form.IMAGE, MultiTaskClassifier(), *parts)


def speech(data: str | None, seed: int) -> Problem:
    del seed
    recordings = load_spoken_digits(data_home=data)
    X, y, test = recordings.data, recordings.target.astype(str), recordings.take < 5
    return Problem(Form.SEQUENCE, MultiTaskClassifier(trunk=ConvTrunk()), X[~test], X[test], y[~test], y[test])


def texts(data: str | None, seed: int) -> Problem:
    del seed
    X, y = load_text_sentiment(data_home=data, return_X_y=True, as_frame=True)
    parts = train_test_split(X, y, test_size=0.2, random_state=0, stratify=y["source"])
    return Problem(Form.TEXT, MultiTaskEstimator(companions=None), *parts)


def sentences(data: str | None, seed: int) -> Problem:
    del data
    X, y = load_sentences(return_X_y=True)
    parts = train_test_split(X, y, test_size=0.5, random_state=seed)
    return Problem(Form.TEXT, MultiTaskClassifier(companions=None), *parts)


def energy(data: str | None, seed: int) -> Problem:
    del data
    X, y = load_energy(return_X_y=True)
    parts = train_test_split(X, y, test_size=1 / 3, random_state=seed)
    return Problem(Form.COLUMNS, MultiTaskRegressor(companions=None), *parts)


def mulan(name: str) -> Any:
    def load(data: str | None, seed: int) -> Problem:
        X, y = load_mulan(name, data_home=data, return_X_y=True)
        parts = train_test_split(X, y, test_size=1 / 3, random_state=seed)
        return Problem(Form.COLUMNS, MultiTaskRegressor(companions=None), *parts)

    return load


SETS = {
    "digits": digits,
    "speech": speech,
    "texts": texts,
    "sentences": sentences,
    "energy": energy,
    **{name: mulan(name) for name in ("jura", "oes10", "wq")},
}


def options(form: Form, only: list[str] | None) -> list[Any]:
    """Return what is compared: nothing, each augmentation, and pairs."""
    single = [name for name, kind in AUGMENTATIONS.items() if form in kind.forms and name not in UNSUITED]
    return [None, *(one for one in single + PAIRS[form] if only is None or label(one) in only)]


def label(augmentation: Any) -> str:
    return " + ".join(augmentation) if isinstance(augmentation, list) else str(augmentation)


def measure(problem: Problem, augmentation: Any, seed: int, n_rows: int | None) -> tuple[float, float]:
    """Return the score on test rows and the seconds of the fit."""
    chosen = np.random.default_rng(seed).permutation(len(problem.y_train))[:n_rows]
    X, y = (part.iloc[chosen] if hasattr(part, "iloc") else np.asarray(part)[chosen] for part in problem[2::2])
    started = time.process_time()
    model = clone(problem.model).set_params(augmentation=augmentation, random_state=seed).fit(X, y)
    seconds = time.process_time() - started
    return float(model.score(problem.X_test, problem.y_test)), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("SKMTL_DATA"), metavar="DIR", help="where the sets lie")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--only", nargs="+", help="names of augmentations, pairs as 'crop + mixup'")
    parser.add_argument("--rows", type=int, help="training rows, drawn at random; by default all")
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        for name in arguments.sets:
            rows = []
            for seed in range(arguments.seeds):
                problem, base = SETS[name](arguments.data, seed), np.nan
                for augmentation in options(problem.form, arguments.only):
                    score, seconds = measure(problem, augmentation, seed, arguments.rows)
                    base = score if augmentation is None else base
                    row = {"score": score, "gain": score - base, "seconds": seconds}
                    rows.append({"set": name, "augmentation": label(augmentation), **row})
                    print(f"{name} {label(augmentation)} {seed}: {row}", flush=True)
            report(pd.DataFrame(rows))


def report(table: pd.DataFrame) -> None:
    print("\n| set | augmentation | score | gain | seconds |\n|---|---|---|---|---|")
    for (name, augmentation), part in table.groupby(["set", "augmentation"], sort=False):
        several = len(part) > 1
        score = f"{part['score'].mean():.4f}" + (f" ± {part['score'].std():.4f}" if several else "")
        gain = f"{part['gain'].mean():+.4f}" + (f" ± {part['gain'].std():.4f}" if several else "")
        gain = "" if augmentation == "None" else gain
        print(f"| {name} | {augmentation} | {score} | {gain} | {part['seconds'].mean():.1f} |")


if __name__ == "__main__":
    main()
