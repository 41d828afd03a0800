"""Tools that wrap a model, or stand before it or behind: what they find, and the same by hand."""

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import RFE, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .kinds import TABLE, take
from .validation import RATES, out_of_fold

# In front and behind --------------------------------------------------------------------------------------------------


def pipeline(case):
    """A search over a pipeline: the scaler is fitted within each training part."""
    search = GridSearchCV(
        make_pipeline(StandardScaler(), case.model()),
        {f"{type(case.model()).__name__.lower()}__learning_rate_init": RATES},
        cv=case.cv,
        error_score="raise",
    ).fit(case.X, case.y)
    by_hand = [np.mean([piped_score(case, rate, *split) for split in case.splits()]) for rate in RATES]
    scaled = StandardScaler().fit_transform(case.X)
    best = case.fit(X=scaled, learning_rate_init=RATES[int(np.argmax(by_hand))])
    return (
        [search.cv_results_["mean_test_score"], search.predict(case.X)],
        [by_hand, best.predict(scaled)],
    )


def piped_score(case, rate, train, test):
    scaler = StandardScaler().fit(case.X[train])
    model = case.model(learning_rate_init=rate).fit(scaler.transform(case.X[train]), take(case.y, train))
    return model.score(scaler.transform(case.X[test]), take(case.y, test))


def column_transformer(case):
    front = ColumnTransformer([("numbers", StandardScaler(), ["a", "b", "c"]), ("text", OneHotEncoder(), ["colour"])])
    found = make_pipeline(front, case.model()).fit(TABLE, case.y).predict(TABLE)
    numbers = TABLE[["a", "b", "c"]].to_numpy()
    coded = np.column_stack([TABLE["colour"] == "green", TABLE["colour"] == "red"])
    X = np.hstack([(numbers - numbers.mean(axis=0)) / numbers.std(axis=0), coded])
    return found, case.fit(X=X).predict(X)


def table_vectorizer(case):
    from skrub import TableVectorizer

    found = make_pipeline(TableVectorizer(), case.model()).fit(TABLE, case.y).predict(TABLE)
    # Of two values one column is dropped, and numbers become float32.
    X = TABLE.assign(colour=TABLE["colour"] == "red").set_axis(["a", "b", "c", "colour_red"], axis=1).astype("float32")
    return found, case.fit(X=X).predict(X)


def feature_union(case):
    union = FeatureUnion([("shared", case.model()), ("pca", PCA(2))])
    found = union.fit_transform(case.X, case.y)
    return found, np.hstack([case.fit().transform(case.X), PCA(2).fit_transform(case.X)])


def set_output(case):
    X = TABLE[["a", "b", "c"]]
    found = case.fit(X=X).set_output(transform="pandas").transform(X)
    expected = case.fit().transform(case.X)
    names = [f"{type(case.model()).__name__.lower()}{place}" for place in range(expected.shape[1])]
    return [found.to_numpy(), list(found.columns)], [expected, names]


def transformed_target(case):
    found = TransformedTargetRegressor(case.model(), transformer=StandardScaler()).fit(case.X, case.y).predict(case.X)
    mean, scale = np.mean(case.y, axis=0), np.std(case.y, axis=0)
    return found, case.model().fit(case.X, (case.y - mean) / scale).predict(case.X) * scale + mean


def frozen(case):
    model = case.fit(np.arange(40))
    found = FrozenEstimator(model).fit(case.X, case.y)
    return found.predict(case.X), case.fit(np.arange(40)).predict(case.X)


# Ensembles ------------------------------------------------------------------------------------------------------------


def stacking_regressor(case):
    stack = StackingRegressor([("net", case.model()), ("ridge", Ridge())], final_estimator=Ridge(0.1), cv=case.cv)
    found = stack.fit(case.X, case.y).predict(case.X)
    ridge_out = np.empty(48)
    for train, test in case.splits():
        ridge_out[test] = Ridge().fit(case.X[train], case.y[train]).predict(case.X[test])
    final = Ridge(0.1).fit(np.column_stack([out_of_fold(case, "predict"), ridge_out]), case.y)
    columns = [case.fit().predict(case.X), Ridge().fit(case.X, case.y).predict(case.X)]
    return found, final.predict(np.column_stack(columns))


def stacking_classifier(case):
    stack = StackingClassifier([("net", case.model())], final_estimator=LogisticRegression(), cv=case.cv)
    found = stack.fit(case.X, case.y).predict_proba(case.X)
    final = LogisticRegression().fit(out_of_fold(case, "predict_proba"), case.y)
    return found, final.predict_proba(case.fit().predict_proba(case.X))


def voting_regressor(case):
    found = VotingRegressor([("net", case.model()), ("ridge", Ridge())], weights=[3, 1]).fit(case.X, case.y)
    by_hand = 0.75 * case.fit().predict(case.X) + 0.25 * Ridge().fit(case.X, case.y).predict(case.X)
    return found.predict(case.X), by_hand


def voting_classifier(case):
    models = [("net", case.model()), ("linear", LogisticRegression())]
    found = VotingClassifier(models, voting="soft").fit(case.X, case.y)
    linear = LogisticRegression().fit(case.X, case.y)
    shares = (case.fit().predict_proba(case.X) + linear.predict_proba(case.X)) / 2
    return [found.predict_proba(case.X), found.predict(case.X)], [shares, np.unique(case.y)[shares.argmax(axis=1)]]


def members(case, bagging):
    """Return the models of a fitted bagging by hand, each on the rows that were drawn for it, repeats included."""
    return [
        case.model(random_state=one.random_state).fit(case.X[rows], take(case.y, rows))
        for one, rows in zip(bagging.estimators_, bagging.estimators_samples_, strict=True)
    ]


def bagging_regressor(case):
    found = BaggingRegressor(case.model(), n_estimators=2, random_state=0).fit(case.X, case.y)
    return found.predict(case.X), np.mean([one.predict(case.X) for one in members(case, found)], axis=0)


def bagging_classifier(case):
    found = BaggingClassifier(case.model(), n_estimators=2, random_state=0).fit(case.X, case.y)
    shares = np.mean([one.predict_proba(case.X) for one in members(case, found)], axis=0)
    return [found.predict_proba(case.X), found.predict(case.X)], [shares, np.unique(case.y)[shares.argmax(axis=1)]]


def ada_boost(case):
    """One round: the rows are drawn with equal weights."""
    found = AdaBoostRegressor(case.model(), n_estimators=1, random_state=0).fit(case.X, case.y)
    random = np.random.RandomState(0)
    seed = random.randint(np.iinfo(np.int32).max)
    rows = random.choice(np.arange(48), size=48, replace=True, p=np.full(48, 1 / 48))
    return found.predict(case.X), case.fit(rows, random_state=seed).predict(case.X)


# A model for each column ----------------------------------------------------------------------------------------------


def by_column(case, wrapper):
    found = wrapper(case.model()).fit(case.X, case.y)
    columns = [case.model().fit(case.X, column).predict(case.X) for column in np.asarray(case.y).T]
    return found.predict(case.X), stack_labels(columns)


def stack_labels(columns):
    """Put columns side by side; those of different kinds stay what they are."""
    if len({column.dtype.kind for column in columns}) == 1:
        return np.column_stack(columns)
    return np.column_stack([column.astype(object) for column in columns])


def multi_output_regressor(case):
    return by_column(case, MultiOutputRegressor)


def multi_output_classifier(case):
    return by_column(case, MultiOutputClassifier)


def chain(case, wrapper):
    found = wrapper(case.model(), random_state=0).fit(case.X, case.y)
    before, predicted = case.X, case.X
    for column in np.asarray(case.y).T:
        values = case.model().fit(before, column).predict(predicted)
        before, predicted = np.column_stack([before, column]), np.column_stack([predicted, values])
    return found.predict(case.X), predicted[:, 3:]


def regressor_chain(case):
    return chain(case, RegressorChain)


def classifier_chain(case):
    return chain(case, ClassifierChain)


def one_vs_rest(case):
    found = OneVsRestClassifier(case.model()).fit(case.X, case.y).predict_proba(case.X)
    each = [case.model().fit(case.X, (case.y == name).astype(int)).predict_proba(case.X) for name in np.unique(case.y)]
    shares = np.column_stack([probabilities[:, 1] for probabilities in each])
    return found, shares / shares.sum(axis=1, keepdims=True)


def calibrated(case):
    found = CalibratedClassifierCV(case.model(), method="isotonic", ensemble=False, cv=case.cv).fit(case.X, case.y)
    second = case.y == np.unique(case.y)[1]
    curve = IsotonicRegression(out_of_bounds="clip").fit(out_of_fold(case, "predict_proba")[:, 1], second)
    return found.predict_proba(case.X)[:, 1], curve.predict(case.fit().predict_proba(case.X)[:, 1])


# Choosing features ----------------------------------------------------------------------------------------------------


def sequential_selector(case):
    selector = SequentialFeatureSelector(case.model(), n_features_to_select=2, direction="backward", cv=case.cv)
    selector.fit(case.X, case.y)
    pairs = [[1, 2], [0, 2], [0, 1]]
    scores = [np.mean(case.scores(case.X[:, pair])) for pair in pairs]
    return list(np.flatnonzero(selector.support_)), pairs[int(np.argmax(scores))]


def recursive_elimination(case):
    """Return nothing to compare: it asks for coefficients, which a network does not have."""
    return RFE(case.model()).fit(case.X, case.y).support_, None
