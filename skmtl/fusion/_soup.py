"""Soups: the mean of estimators of the same tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..estimators import averaged, common_start, flat_weights, models_of, set_weights, trunk_only


def soup(estimators: Sequence[Any], X: Any = None, y: Any = None, *, method: str = "uniform") -> Any:
    """Average fitted estimators of the same tasks, trunks and heads, into one that costs no more than one of them.

    The estimators must have been trained further from one trained trunk, with other seeds, rows or settings: by
    `FittedTrunk(estimator, freeze=False)` of one fitted estimator, or by `warm_start` or `partial_fit` of copies of it.
    Any way of sharing will do if it is the same. Only networks are averaged: companions, temperatures, thresholds and
    what intervals are made of are left behind.

    Parameters
    ----------
    estimators : sequence of estimator
        Fitted, of the same tasks. They stay as they are.
    X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
        For `method="greedy"`: rows that none of them was fitted to.
    y : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
        Labels of these rows.
    method : {"uniform", "greedy"}, default="uniform"
        "uniform": the mean of all. "greedy": they are sorted by their score, that of networks alone, and each is taken
        in if the score of the mean does not fall; the result is never below the best of them on these rows.

    Returns
    -------
    estimator
        Fitted, like the first of them.

    Raises
    ------
    ValueError
        If the estimators have no trained start in common, differ in shape, members, tasks or in how they read X, or
        rows are missing.

    References
    ----------
    Wortsman, M., Ilharco, G., Gadre, S. Y., et al. (2022). Model soups: averaging weights of multiple fine-tuned models
    improves accuracy without increasing inference time. ICML.

    Examples
    --------
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.datasets import load_energy
    >>> from skmtl.fusion import soup
    >>> from skmtl.nn import FittedTrunk
    >>> X, y = load_energy(return_X_y=True)
    >>> base = MultiTaskRegressor(n_estimators=1, max_iter=5, random_state=0).fit(X, y)
    >>> trunk = FittedTrunk(base, freeze=False)
    >>> tuned = [MultiTaskRegressor(trunk=trunk, max_iter=5, random_state=seed).fit(X, y) for seed in range(3)]
    >>> soup(tuned).predict(X).shape
    (768, 2)
    """
    if method not in ("uniform", "greedy"):
        raise ValueError(f"method must be 'uniform' or 'greedy', got {method!r}.")
    common_start(models_of(estimators))
    if method == "uniform":
        return _mean(estimators)
    if X is None or y is None:
        raise ValueError("method='greedy' needs rows and labels that none of the estimators was fitted to: give X, y.")
    alone = [_mean([estimator]) for estimator in estimators]
    scores = [each.score(X, y) for each in alone]
    order = np.argsort([-score for score in scores], kind="stable").tolist()
    taken, best, result = [estimators[order[0]]], scores[order[0]], alone[order[0]]
    for place in order[1:]:
        trial = _mean([*taken, estimators[place]])
        score = trial.score(X, y)
        if score >= best:
            taken, best, result = [*taken, estimators[place]], score, trial
    return result


def _mean(estimators: Sequence[Any]) -> Any:
    networks = [trunk_only(model) for model in models_of(estimators)]
    set_weights(networks[0], torch.stack([flat_weights(network) for network in networks]).mean(0))
    return averaged(estimators, networks[0])
