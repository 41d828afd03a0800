"""Copies, files, metadata and parallel backends: what comes back, and the same by hand."""

import io
import pickle
import tempfile
from dataclasses import replace
from pathlib import Path

import joblib
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .kinds import GROUPS, SPLITTER, take


def cloned(case):
    fitted = case.fit()
    copy = clone(fitted)
    found = [copy.get_params(), hasattr(copy, "task_names_"), copy.fit(case.X, case.y).predict(case.X)]
    return found, [case.model().get_params(), False, fitted.predict(case.X)]


def pickled(case):
    fitted = case.fit()
    return pickle.loads(pickle.dumps(fitted)).predict(case.X), fitted.predict(case.X)


def dumped(case):
    """Through a file as it is, and through a compressed one in memory."""
    fitted = case.fit()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.joblib"
        joblib.dump(fitted, path)
        found = joblib.load(path).predict(case.X)
    packed = io.BytesIO()
    joblib.dump(fitted, packed, compress=3)
    packed.seek(0)
    return [found, joblib.load(packed).predict(case.X)], [fitted.predict(case.X)] * 2


def routed_weights(case):
    with sklearn.config_context(enable_metadata_routing=True):
        model = case.model().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        piped = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        found = cross_val_score(
            piped, case.X, case.y, cv=SPLITTER, params={"sample_weight": case.weights}, error_score="raise"
        )
    return found, [weighted_score(case, train, test) for train, test in SPLITTER.split(case.X)]


def weighted_score(case, train, test):
    scaler = StandardScaler().fit(case.X[train])
    model = case.model().fit(scaler.transform(case.X[train]), take(case.y, train), sample_weight=case.weights[train])
    return model.score(scaler.transform(case.X[test]), take(case.y, test), sample_weight=case.weights[test])


def routed_groups(case):
    """Groups go to the splitter and to fit, where they keep a group in one holdout."""
    settings = {"early_stopping": True, "n_estimators": 2}
    with sklearn.config_context(enable_metadata_routing=True):
        model = case.model(**settings).set_fit_request(groups=True)
        found = cross_val_score(model, case.X, case.y, cv=GroupKFold(2), params={"groups": GROUPS}, error_score="raise")
    by_hand = []
    for train, test in GroupKFold(2).split(case.X, groups=GROUPS):
        model = case.model(**settings).fit(case.X[train], take(case.y, train), groups=GROUPS[train])
        by_hand.append(model.score(case.X[test], take(case.y, test)))
    return found, by_hand


def in_parallel(case):
    found = cross_val_score(case.model(), case.X, case.y, cv=SPLITTER, n_jobs=2, error_score="raise")
    return found, replace(case, cv=SPLITTER).scores()


def loky(case):
    with joblib.parallel_config("loky"):
        return in_parallel(case)


def threading(case):
    with joblib.parallel_config("threading"):
        return in_parallel(case)


def dask_backend(case):
    with dask_client(), joblib.parallel_config("dask"):
        return in_parallel(case)


def dask_futures(case):
    with dask_client() as client:
        fitted = client.submit(case.model().fit, case.X, case.y)
        found = client.submit(lambda model, X: model.predict(X), fitted, case.X).result()
    return found, case.fit().predict(case.X)


def dask_client():
    from distributed import Client

    return Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None)
