"""What the words say: which words tell a good review from a bad one, and which tell where it was written.

3,000 sentences of reviews of films, products and restaurants have two labels: the site, and whether they are good or
bad. One network learns both from the same words, hashed; nobody tells it what a word means. Integrated gradients then
say what each word of a sentence adds to each of the two answers.

A quarter of the sentences is for testing, and only those are explained. A word's bar is the sum of what it adds over
the test sentences, by their number: words that are rare, or that say nothing, have short ones.

Conclusion. The two answers rest on different words, though one network gives both: "great" and "not" decide whether a
review is good and hardly say where it stands; "movie", "phone" and "food" do the reverse. The values sum to the
prediction but for a hundredth of a unit of log-odds, so nothing is hidden. They also show why the network fails: of a
customer who "won't be disappointed" it reads the last word alone. A bag of words cannot turn a word around by another
that stands far away. And "and" counts as praise: it does in these sentences, which is no reason to trust it elsewhere.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from skmtl import MultiTaskClassifier
from skmtl.datasets import load_sentences
from skmtl.inspection import AttributionsDisplay, attributions

# Sentences to look at, the most certain ones that are wrong, and words to look up.
N_WRONG = 2
WORDS = ("great", "bad", "not", "movie", "phone", "food", "the")


def main():
    started = time.perf_counter()
    X, y = load_sentences(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y["source"])
    model = MultiTaskClassifier(companions=None, random_state=0).fit(X_train, y_train)  # what is explained is a network
    right = model.predict(X_test) == y_test.to_numpy()
    print(f"Accuracy on test sentences: source {right[:, 0].mean():.3f}, positive {right[:, 1].mean():.3f}\n")

    mood = attributions(model, X_test, task="positive")
    sites = {site: attributions(model, X_test, task="source", target_class=site) for site in ("imdb", "amazon", "yelp")}
    found = {"positive": mood, **sites}
    print("What a word adds where it stands, in log-odds (mean over test sentences that hold it)\n")
    print(f"{'word':8} {'sentences':>9} " + " ".join(f"{name:>9}" for name in found))
    for word in WORDS:
        means = {name: values_of(word, one) for name, one in found.items()}
        print(f"{word:8} {len(means['positive']):9d} " + " ".join(f"{own.mean():9.2f}" for own in means.values()))

    exact = np.abs(mood.residual).max()
    print(f"\nThe words' values sum to a sentence's log-odds but for {exact:.3f}, at most.")

    figure, axes = plt.subplots(2, 4, figsize=(15, 8.4), layout="constrained", height_ratios=(1.6, 1))
    AttributionsDisplay(list(found.values())).plot(ax=axes[0], max_features=24)
    certain = np.abs(mood.predicted)
    wrong = np.flatnonzero(~right[:, 1])
    lengths = np.array([len(words) for words in mood.words])
    sure = np.flatnonzero(right[:, 1] & (lengths > 8) & (lengths < 25))
    rows = [*sure[np.argsort(-certain[sure])[:2]], *wrong[np.argsort(-certain[wrong])[:N_WRONG]]]
    for ax, row in zip(axes[1], rows, strict=True):
        AttributionsDisplay([mood]).plot(row=int(row), ax=ax)
        truth = "good" if y_test["positive"].iloc[row] else "bad"
        ax.set_title(f"{ax.get_title()}\nin truth: {truth}", fontsize="medium")
    figure.savefig("what_the_words_say.png", dpi=90)
    plt.close("all")
    print(f"\nSaved what_the_words_say.png; {time.perf_counter() - started:.0f} seconds in all.")


def values_of(word, found):
    """Return what a word adds, wherever it stands."""
    return np.array(
        [
            value
            for words, values in zip(found.words, found.values, strict=True)
            for other, value in zip(words, values, strict=True)
            if other.casefold() == word
        ]
    )


if __name__ == "__main__":
    main()
