"""Validation, searches, scorers and splitters: each function returns what the tool finds, and the same by hand."""

from functools import cache
from itertools import pairwise

import numpy as np
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    train_test_split,
    validation_curve,
)

from .kinds import GROUPS, take

RATES = [0.01, 0.1]


# Validation -----------------------------------------------------------------------------------------------------------


def cross_validating(case):
    found = cross_validate(case.model(), case.X, case.y, cv=case.cv, return_train_score=True, error_score="raise")
    train_scores = [case.fit(train).score(take(case.X, train), take(case.y, train)) for train, _ in case.splits()]
    return [found["test_score"], found["train_score"]], [case.scores(), train_scores]


def cross_scoring(case):
    return cross_val_score(case.model(), case.X, case.y, cv=case.cv, error_score="raise"), case.scores()


def cross_predicting(case):
    found = cross_val_predict(case.model(), case.X, case.y, cv=case.cv)
    return found, out_of_fold(case, "predict")


def cross_predicting_probabilities(case):
    found = cross_val_predict(case.model(), case.X, case.y, cv=case.cv, method="predict_proba")
    if case.kind == "class":
        return found, out_of_fold(case, "predict_proba")
    return found, [out_of_fold(case, "predict_proba", task) for task in range(2)]


def out_of_fold(case, method, task=None):
    """Return the predictions of each test part, put where they belong."""
    predictions = None
    for train, test in case.splits():
        predicted = getattr(case.fit(train), method)(case.X[test])
        predicted = np.asarray(predicted if task is None else predicted[task])
        if predictions is None:
            predictions = np.empty((len(case.X), *predicted.shape[1:]), predicted.dtype)
        predictions[test] = predicted
    return predictions


@cache
def curve_of_sizes(case, learned):
    """Return scores by size of the training part, `(n_sizes, n_splits)`, for training and test part."""
    scores = np.empty((2, len(learned), 3))
    for split, (train, test) in enumerate(case.splits()):
        for place, size in enumerate(learned):
            model = case.fit(train[:size])
            for part, rows in enumerate((train[:size], test)):
                scores[part, place, split] = model.score(take(case.X, rows), take(case.y, rows))
    return list(scores)


@cache
def curve_of_values(case):
    scores = np.empty((2, len(RATES), 3))
    for split, (train, test) in enumerate(case.splits()):
        for place, rate in enumerate(RATES):
            model = case.fit(train, learning_rate_init=rate)
            for part, rows in enumerate((train, test)):
                scores[part, place, split] = model.score(take(case.X, rows), take(case.y, rows))
    return list(scores)


def learning_curves(case):
    _, *found = learning_curve(case.model(), case.X, case.y, cv=case.cv, train_sizes=[20, 30], error_score="raise")
    return found, curve_of_sizes(case, (20, 30))


def validation_curves(case):
    found = validation_curve(
        case.model(),
        case.X,
        case.y,
        param_name="learning_rate_init",
        param_range=RATES,
        cv=case.cv,
        error_score="raise",
    )
    return list(found), curve_of_values(case)


def permutation_test(case):
    found = permutation_test_score(case.model(), case.X, case.y, cv=case.cv, n_permutations=2, random_state=0)
    score, random = np.mean(case.scores()), np.random.RandomState(0)
    shuffled = []
    for _ in range(2):
        y = take(case.y, random.permutation(48))
        shuffled.append(
            np.mean(
                [
                    case.model().fit(case.X[train], take(y, train)).score(case.X[test], take(y, test))
                    for train, test in case.splits(y)
                ]
            )
        )
    return list(found), [score, shuffled, (1 + sum(value >= score for value in shuffled)) / 3]


# Searches -------------------------------------------------------------------------------------------------------------


def searched(case, search):
    """Return a fitted search's findings and the same by hand, given the candidates that it tried."""
    search.fit(case.X, case.y)
    by_hand = [np.mean(case.scores(**params)) for params in search.cv_results_["params"]]
    best = search.cv_results_["params"][int(np.argmax(by_hand))]
    return (
        [search.cv_results_["mean_test_score"], search.best_score_, search.best_params_, search.predict(case.X)],
        [by_hand, max(by_hand), best, case.fit(**best).predict(case.X)],
    )


def grid_search(case):
    grid = {"learning_rate_init": RATES}
    return searched(case, GridSearchCV(case.model(), grid, cv=case.cv, error_score="raise"))


def randomized_search(case):
    grid = {"learning_rate_init": [0.001, 0.01, 0.1]}
    search = RandomizedSearchCV(case.model(), grid, n_iter=2, cv=case.cv, random_state=0, error_score="raise")
    return searched(case, search)


def halved(case, search):
    """Return a fitted halving search's findings and the same by hand: the better half goes on with more epochs."""
    search.fit(case.X, case.y)
    results = search.cv_results_
    by_hand = [np.mean(case.scores(**params)) for params in results["params"]]
    rounds = [np.flatnonzero(results["iter"] == number) for number in range(search.n_iterations_)]
    found, expected = [results["mean_test_score"]], [by_hand]
    for before, after in pairwise(rounds):
        best = before[np.argsort([by_hand[place] for place in before])[-len(after) :]]
        found.append(sorted(results["params"][place]["learning_rate_init"] for place in after))
        expected.append(sorted(results["params"][place]["learning_rate_init"] for place in best))
    best = results["params"][max(rounds[-1], key=by_hand.__getitem__)]
    return [*found, search.best_params_, search.predict(case.X)], [*expected, best, case.fit(**best).predict(case.X)]


HALVING = {"resource": "max_iter", "min_resources": 2, "max_resources": 4, "factor": 2, "error_score": "raise"}


def halving_grid_search(case):
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV

    grid = {"learning_rate_init": [0.001, 0.03, 0.1]}
    return halved(case, HalvingGridSearchCV(case.model(), grid, cv=case.cv, random_state=0, **HALVING))


def halving_random_search(case):
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingRandomSearchCV

    grid = {"learning_rate_init": [0.001, 0.01, 0.03, 0.1]}
    search = HalvingRandomSearchCV(case.model(), grid, n_candidates=3, cv=case.cv, random_state=0, **HALVING)
    return halved(case, search)


def optuna_search(case):
    import optuna
    from optuna_integration import OptunaSearchCV

    optuna.logging.disable_default_handler()
    search = OptunaSearchCV(
        case.model(),
        {"learning_rate_init": optuna.distributions.CategoricalDistribution(RATES)},
        cv=case.cv,
        n_trials=3,
        random_state=0,
        error_score="raise",
    )
    search.fit(case.X, case.y)
    by_hand = [np.mean(case.scores(**trial.params)) for trial in search.trials_]
    best = search.trials_[int(np.argmax(by_hand))].params
    return (
        [[trial.value for trial in search.trials_], search.best_params_, search.predict(case.X)],
        [by_hand, best, case.fit(**best).predict(case.X)],
    )


def tuned_threshold(case):
    thresholds = np.linspace(0.2, 0.8, 7)
    tuned = TunedThresholdClassifierCV(case.model(), cv=case.cv, thresholds=thresholds, store_cv_results=True)
    tuned.fit(case.X, case.y)
    classes, by_hand = np.unique(case.y), []
    for train, test in case.splits():
        probability = case.fit(train).predict_proba(case.X[test])[:, 1]
        predictions = [classes[(probability >= threshold).astype(int)] for threshold in thresholds]
        by_hand.append([balanced_accuracy_score(case.y[test], predicted) for predicted in predictions])
    best = thresholds[np.argmax(np.mean(by_hand, axis=0))]
    predicted = classes[(case.fit().predict_proba(case.X)[:, 1] >= best).astype(int)]
    return (
        [tuned.cv_results_["scores"], tuned.best_threshold_, tuned.predict(case.X)],
        [np.mean(by_hand, axis=0), best, predicted],
    )


# Scorers and splitters ------------------------------------------------------------------------------------------------


def scored(case, scoring, by_hand):
    found = cross_val_score(case.model(), case.X, case.y, cv=KFold(3), scoring=scoring, error_score="raise")
    splits = KFold(3).split(case.X)
    return found, [by_hand(case.fit(train), case.X[test], take(case.y, test)) for train, test in splits]


def r2_by_hand(model, X, y):
    y = np.asarray(y)
    return np.mean(1 - ((y - model.predict(X)) ** 2).sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0))


def scoring_r2(case):
    return scored(case, "r2", r2_by_hand)


def scoring_accuracy(case):
    return scored(case, "accuracy", lambda model, X, y: np.mean(model.predict(X) == y))


def log_loss_by_hand(model, X, y):
    probabilities = model.predict_proba(X)
    return np.mean(np.log(probabilities[np.arange(len(y)), np.searchsorted(model.classes_, y)]))


def scoring_log_loss(case):
    return scored(case, "neg_log_loss", log_loss_by_hand)


def area(scores, positive):
    """Return the share of pairs of a positive and a negative row that are in the right order."""
    difference = scores[positive][:, None] - scores[~positive]
    return np.mean((difference > 0) + 0.5 * (difference == 0))


def roc_auc_by_hand(model, X, y):
    areas = [area(values, y == name) for values, name in zip(model.predict_proba(X).T, model.classes_, strict=True)]
    return np.mean(areas)


def scoring_roc_auc(case):
    return scored(case, "roc_auc_ovr", roc_auc_by_hand)


def stratified_folds(case):
    found = cross_val_score(case.model(), case.X, case.y, cv=StratifiedKFold(3), error_score="raise")
    splits = list(StratifiedKFold(3).split(case.X, case.y))
    counts = np.array([[np.sum(case.y[test] == name) for name in np.unique(case.y)] for _, test in splits])
    by_hand = [case.fit(train).score(case.X[test], case.y[test]) for train, test in splits]
    return [found, np.ptp(counts, axis=0) <= 1], [by_hand, [True, True, True]]


def stratified_parts(case):
    """Several columns are stratified by their combinations."""
    *_, part = train_test_split(case.X, case.y, test_size=0.25, stratify=case.y, random_state=0)
    rows, whole = (list(map(tuple, np.reshape(labels, (len(labels), -1)))) for labels in (part, case.y))
    off = [abs(rows.count(combination) - whole.count(combination) / 4) for combination in set(whole)]
    return [value < 1 for value in off], [True] * len(off)


def grouped_folds(case):
    splitter = GroupKFold(3)
    found = cross_val_score(case.model(), case.X, case.y, cv=splitter, groups=GROUPS, error_score="raise")
    by_hand = []
    for _, test in splitter.split(case.X, groups=GROUPS):
        inside = np.isin(GROUPS, np.unique(GROUPS[test]))  # whole groups only
        model = case.fit(np.flatnonzero(~inside))
        by_hand.append(model.score(case.X[inside], take(case.y, np.flatnonzero(inside))))
    return found, by_hand
