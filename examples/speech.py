"""Speech: which digit was said, and by whom, from one network.

Do recordings need hand-made features, or does a small network that reads along time do, for both questions at once?

`load_spoken_digits` holds 3,000 recordings of six people who say the digits from 0 to 9, as spectrograms: 32 frames of
40 frequency bands. The set comes with a split: the first five takes of each digit and person are for testing. Compared
are mean and standard deviation of each band with logistic regression, one a task, and networks that read the frames,
for both tasks at once: convolutions along time, and a recurrent network.

Conclusion. Convolutions along time tell the digit in 99 % and the speaker in nearly all recordings, after about a
minute of one core; so does the recurrent network. Means and deviations of bands know who speaks in 85 %, and
miss the digit more often than not: what was said is in the order of the frames.
"""

import argparse
import os
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skmtl import MultiTaskClassifier
from skmtl.datasets import load_spoken_digits
from skmtl.inspection import LearningCurvesDisplay
from skmtl.nn import ConvTrunk, RecurrentTrunk

TASKS = ["digit", "speaker"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("SKMTL_DATA"), metavar="DIR", help="where the recordings lie")
    directory = parser.parse_args().data
    try:
        recordings = load_spoken_digits(data_home=directory)
    except FileNotFoundError as error:
        print(f"{error}\nNothing to do without it.")
        return
    speakers, speaker = np.unique(recordings.target[:, 1].astype(str), return_inverse=True)
    X, y, test = recordings.data, np.column_stack([recordings.target[:, 0].astype(int), speaker]), recordings.take < 5
    linear = MultiOutputClassifier(LogisticRegression(max_iter=2000))
    models = {
        "means and deviations, linear": make_pipeline(FunctionTransformer(summary), StandardScaler(), linear),
        "recurrent": MultiTaskClassifier(trunk=RecurrentTrunk(), task_names=TASKS, random_state=0),
        "convolutions along time": MultiTaskClassifier(trunk=ConvTrunk(), task_names=TASKS, random_state=0),
    }
    scores = {}
    print(f"{(~test).sum()} recordings to learn from, {test.sum()} for testing\n")
    for name, model in models.items():
        started = time.perf_counter()
        model.fit(X[~test], y[~test])
        scores[name] = (model.predict(X[test]) == y[test]).mean(axis=0)
        shown = ", ".join(f"{task} {score:.3f}" for task, score in zip(TASKS, scores[name], strict=True))
        print(f"{name:<30} {shown}   ({time.perf_counter() - started:.0f} s)")
    said, by = y[test][0]
    draw(X[test][0], f"{speakers[by]} says {said}", scores, models["convolutions along time"])
    print("\nSaved speech.png.")


def summary(X):
    """Return mean and standard deviation of each band."""
    return np.hstack([X.mean(axis=1), X.std(axis=1)])


def draw(recording, title, scores, network):
    """Draw a recording, the accuracies, and how the network learned both tasks."""
    figure = plt.figure(figsize=(13, 6.5), layout="constrained")
    top, bottom = figure.subfigures(2, 1)
    left, right = top.subplots(1, 2)
    left.imshow(recording.T, origin="lower", aspect="auto", cmap="magma")
    left.set(title=title, xlabel="frame", ylabel="frequency band")
    places = np.arange(len(TASKS))
    for offset, (name, values) in enumerate(scores.items()):
        bars = right.bar(places + 0.27 * (offset - 1), values, 0.25, label=name)
        right.bar_label(bars, fmt="%.3f", fontsize="small")
    right.set(xticks=places, xticklabels=TASKS, ylabel="accuracy", ylim=(0, 1.25))
    right.legend(loc="upper center", ncols=3, fontsize="small", frameon=False)
    axes = bottom.subplots(1, 2)
    LearningCurvesDisplay.from_estimator(network, ax=axes)
    figure.savefig("speech.png", dpi=110)


if __name__ == "__main__":
    main()
