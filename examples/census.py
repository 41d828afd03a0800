"""A raw table with three tasks of two types at once: the census of 1994.

Does a person earn more than 50,000 dollars, what is the marital status, how many hours a week does she or he work? Two
questions have classes for an answer, one a number; the table has text columns, holes, and amounts that are zero for
nine in ten people. It goes into one estimator as it is.

The data are `adult.csv.gz` (Kohavi and Becker 1996; 48,842 people, 12 columns left as features, official split into
learning and test part). The folder comes from `--data` or the environment variable SKMTL_DATA. The estimator has its
default settings. It is compared, on income, with histogram gradient boosting on the same table. Then half of all labels
of the learning part are hidden at random, each task's on its own, and the estimator is fitted once more. One seed.

Conclusion. The raw table needs no preparation. On income, one model of three tasks reaches a ROC AUC of 0.926, above
the 0.924 of boosting, which learns income alone; with half of all labels hidden it still reaches that. The marital
status is told right for 85 % of the people, where the most frequent one is right for 45 %; of the hours of work, 28 %
of the variance are explained.
"""

import argparse
import os
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from skmtl import MultiTaskEstimator
from skmtl.datasets import load_adult
from skmtl.inspection import TaskReportDisplay
from skmtl.metrics import task_report


def main():
    parser = argparse.ArgumentParser(description="Three tasks of the census at once; see the top of this file.")
    parser.add_argument("--data", default=os.environ.get("SKMTL_DATA"), help="folder that holds adult.csv.gz")
    folder = parser.parse_args().data
    if folder is None:
        print("This example needs the census table; say where it is with --data.")
        return
    X_train, y_train = load_adult(subset="train", data_home=folder, return_X_y=True)
    X_test, y_test = load_adult(subset="test", data_home=folder, return_X_y=True)
    print(f"{len(X_train)} people to learn from, {len(X_test)} to test on")
    print(f"columns: {', '.join(X_train.columns)}\ntasks: {', '.join(y_train.columns)}\n")

    started = time.perf_counter()
    model = MultiTaskEstimator(random_state=0).fit(X_train, y_train)
    print(f"All labels, {time.perf_counter() - started:.0f} seconds:\n\n{task_report(model, X_test, y_test)}\n")

    hidden = np.random.default_rng(0).random(y_train.shape) < 0.5
    with_half = MultiTaskEstimator(random_state=0).fit(X_train, y_train.mask(hidden))
    print(f"Half of the labels hidden:\n\n{task_report(with_half, X_test, y_test)}\n")

    print("ROC AUC of income")
    print(f"  three tasks at once     {income_auc(model, X_test, y_test):.4f}")
    print(f"  half the labels hidden  {income_auc(with_half, X_test, y_test):.4f}")
    print(f"  gradient boosting       {boosting_auc(X_train, y_train, X_test, y_test):.4f}")

    TaskReportDisplay.from_estimator(model, X_test, y_test)
    plt.savefig("census.png", dpi=150, bbox_inches="tight")
    print("\nSaved census.png.")


def income_auc(model, X, y):
    rich = model.classes_["income"][1]
    return roc_auc_score(y["income"] == rich, model.predict_proba(X)["income"][:, 1])


def boosting_auc(X_train, y_train, X_test, y_test):
    boosting = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
    boosting.fit(X_train, y_train["income"])
    return roc_auc_score(y_test["income"] == boosting.classes_[1], boosting.predict_proba(X_test)[:, 1])


if __name__ == "__main__":
    main()
