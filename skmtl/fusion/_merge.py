"""Estimators of different tasks, joined over one merged trunk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..estimators import (
    common_start,
    fingerprint,
    flat_weights,
    joined,
    models_of,
    network_rows,
    set_weights,
    trunk_only,
)
from ..nn import MLP, FittedTrunk, MemberModules, Network
from ._methods import as_merging


def merge(
    estimators: Sequence[Any], X: Sequence[Any] | None = None, *, method: Any = "average", base: Any = None
) -> Any:
    """Join fitted estimators of different tasks: their trunks become one, their heads stand side by side.

    The trunks must have been trained further from one trained trunk: by `FittedTrunk(estimator, freeze=False)` of one
    fitted estimator, or by `warm_start` or `partial_fit` of copies of it. Member `m` is merged with member `m`. Only
    networks are merged: companions, temperatures, thresholds and what intervals are made of belong to the networks that
    they were fitted with, and are left behind. `companions=None` shows beforehand what a network alone is worth.

    Parameters
    ----------
    estimators : sequence of estimator
        Two or more, fitted, with `sharing="hard"` and different task names. They stay as they are.
    X : sequence of {array-like, sparse matrix}, default=None
        For `method="regmean"`: for each estimator, rows like those that it was fitted to, without labels.
    method : {"average", "task_arithmetic", "ties", "regmean"} or specification, default="average"
        How trunks become one, see `skmtl.fusion.MERGINGS`.
    base : estimator, default=None
        The fitted estimator that all came from, for "task_arithmetic" and "ties". Not needed after `FittedTrunk`, which
        holds it.

    Returns
    -------
    estimator
        Fitted, of the estimators' class, or `MultiTaskEstimator` if they are of several. It has all tasks, in order,
        can be trained further, and predicts at the price of one of them.

    Raises
    ------
    ValueError
        If the trunks have no trained start in common, differ in shape, members or in how they read X, tasks share a
        name, or what the method needs is missing.

    Examples
    --------
    >>> import copy
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.datasets import load_energy
    >>> from skmtl.fusion import Ties, merge
    >>> from skmtl.nn import FittedTrunk
    >>> X, y = load_energy(return_X_y=True)
    >>> base = MultiTaskRegressor(max_iter=5, random_state=0).fit(X, y)
    >>> settings = {"trunk": FittedTrunk(base, freeze=False), "companions": None, "max_iter": 5, "random_state": 0}
    >>> heating = MultiTaskRegressor(task_names=["heating"], **settings).fit(X, y[:, 0])
    >>> cooling = MultiTaskRegressor(task_names=["cooling"], **settings).fit(X, y[:, 1])
    >>> merge([heating, cooling], method=Ties(density=0.5)).predict(X).shape
    (768, 2)
    """
    merging = as_merging(method)
    merging.check()
    models = models_of(estimators)
    if len(models) < 2:
        raise ValueError(f"merge needs two estimators or more, got {len(models)}.")
    begin = common_start(models)
    networks = [trunk_only(model) for model in models]
    for place, network in enumerate(networks):
        if not isinstance(network.trunk, (MLP, MemberModules)):
            raise ValueError(
                f"estimators[{place}] has sharing={models[place].resolved.sharing!r}, in which each of its tasks has a "
                "path of its own. Merge estimators with sharing='hard'."
            )
    start = flat_weights(_base_network(estimators, base, begin)) if merging.needs_start else None
    result = trunk_only(models[0])
    set_weights(result, merging.merged(torch.stack([flat_weights(network) for network in networks]), start))
    if merging.needs_rows:
        merging.refine(result, networks, _rows(estimators, X))
    return joined(estimators, result)


def _base_network(estimators: Sequence[Any], base: Any, begin: bytes) -> Network:
    """Return the network that all came from: that of `base`, or one that a `FittedTrunk` holds."""
    held = [estimator.trunk for estimator in estimators]
    candidates = [base] if base is not None else [trunk.estimator for trunk in held if isinstance(trunk, FittedTrunk)]
    for model in models_of(candidates) if candidates else []:
        if fingerprint(model.network) == begin:
            return trunk_only(model)
    if base is not None:
        raise ValueError("base is not the fitted estimator from which all estimators were trained further.")
    raise ValueError(
        "This method needs the fitted estimator from which all were trained further, and only FittedTrunk keeps it: "
        "give base=, or method='average' or 'regmean'."
    )


def _rows(estimators: Sequence[Any], X: Sequence[Any] | None) -> list[list[Tensor]]:
    """Return what each network reads of its rows, in batches."""
    if X is None or len(X) != len(estimators):
        given = "None" if X is None else f"{len(X)} entries"
        raise ValueError(
            f"method='regmean' needs rows of each estimator: X must be a list of {len(estimators)}, one X an estimator "
            f"like that of its fit, got {given}."
        )
    return [network_rows(estimator, own) for estimator, own in zip(estimators, X, strict=True)]
