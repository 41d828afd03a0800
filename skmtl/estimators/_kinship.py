"""Fitted estimators whose trunks came from one trained trunk: what they have in common, and how it is read."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..nn import MLP, BagEmbedding, MemberModules, Network, thawed
from ._arguments import check_features
from ._model import Model
from ._transfer import fingerprint

BATCH_ROWS = 1024
WAY_OUT = (
    "Train both from one fitted estimator, by FittedTrunk(estimator, freeze=False), or by warm_start or partial_fit of "
    "copies of it; or distil them into one."
)


def models_of(estimators: Sequence[Any]) -> list[Model]:
    """Return the fitted models of estimators.

    Parameters
    ----------
    estimators : sequence of estimator

    Raises
    ------
    ValueError
        If there are none, or one of them is no fitted estimator of this package.
    """
    models = [getattr(estimator, "_model", None) for estimator in estimators]
    for place, (estimator, model) in enumerate(zip(estimators, models, strict=True)):
        if not isinstance(model, Model):
            raise ValueError(f"estimators[{place}] is no fitted estimator of this package: {estimator!r}.")
    if not models:
        raise ValueError("estimators is empty: give at least one fitted estimator.")
    return [model for model in models if isinstance(model, Model)]


def lineage(model: Model) -> tuple[bytes, ...]:
    """Return fingerprints of the trained trunks from which a model's came, and last its own."""
    return (*model.starts, fingerprint(model.network))


def common_start(models: Sequence[Model]) -> bytes:
    """Return the fingerprint of the latest trained trunk that all models came from.

    Averages of networks mean something near a common trained start only: units of networks that started apart, even
    from one random draw, do not correspond.

    Parameters
    ----------
    models : sequence of Model

    Raises
    ------
    ValueError
        If there is none, or the models differ in shape, members or in how they read X.
    """
    first, lineages = models[0], [lineage(model) for model in models]
    for place, model in enumerate(models[1:], 1):
        if model.network.n_members != first.network.n_members:
            raise ValueError(
                f"estimators[{place}] has {model.network.n_members} members and estimators[0] "
                f"{first.network.n_members}: member m is merged with member m. Fit them with the same n_estimators."
            )
        if not set(lineages[0]) & set(lineages[place]):
            raise ValueError(
                f"estimators[0] and estimators[{place}] have no trained trunk in common from which both were trained "
                f"further, so their units do not correspond and a mean of them would be near chance. {WAY_OUT}"
            )
        if not _same_columns(first, model):
            raise ValueError(
                f"estimators[{place}] standardises other columns of X than estimators[0], or by other statistics: a "
                "column was constant where they started, and was not in what one of them was trained on since."
            )
        if _shapes(model) != _shapes(first):
            raise ValueError(
                f"The trunk of estimators[{place}] is not built like that of estimators[0]. Fit them with one trunk "
                "and one way of sharing."
            )
    shared = set(lineages[0]).intersection(*map(set, lineages[1:]))
    if not shared:
        raise ValueError(f"The estimators have no trained trunk in common from which all were trained. {WAY_OUT}")
    return next(start for start in reversed(lineages[0]) if start in shared)


def trunk_only(model: Model) -> Network:
    """Return a copy of a model's network in which nothing is frozen.

    Parameters
    ----------
    model : Model
    """
    network = copy.deepcopy(model.network).cpu()
    network.trunk = thawed(network.trunk)
    network.__dict__.pop("closed_form", None)
    if isinstance(network.trunk, MLP):
        network.trunk.requires_grad_(True)
        network.trunk.dropout.active = True
    if network.embedding is not None:
        network.embedding.requires_grad_(True)
    if isinstance(network.embedding, BagEmbedding):
        network.embedding.dropout.active = True
    return network


def flat_weights(network: Network) -> Tensor:
    """Return all numbers of a network but its heads', `(M, P)`, in float64.

    Parameters
    ----------
    network : Network
    """
    rows = [torch.cat([part.detach().double().flatten() for part in own]) for own in _parts(network)]
    return torch.stack(rows)


@torch.no_grad()
def set_weights(network: Network, weights: Tensor) -> None:
    """Set all numbers of a network but its heads'.

    Parameters
    ----------
    network : Network
    weights : Tensor of shape (M, P)
    """
    for own, row in zip(_parts(network), weights, strict=True):
        first = 0
        for part in own:
            part.copy_(row[first : first + part.numel()].view_as(part))
            first += part.numel()


def network_rows(estimator: Any, X: Any) -> list[Tensor]:
    """Return what an estimator's network reads of rows, `(B, F)`, a batch after the other, on the CPU.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    """
    model = models_of([estimator])[0]
    matrix = check_features(estimator, model.reader, X, reset=False)
    dtype = model.network.head.weight.dtype
    n_rows = matrix.shape[0]
    return [
        model.standardizer.tensor(matrix[first : first + BATCH_ROWS], dtype, "cpu")
        for first in range(0, n_rows, BATCH_ROWS)
    ]


def _parts(network: Network) -> list[list[Tensor]]:
    """Return the tensors of each member, heads left out, in one order."""
    heads = {id(parameter) for parameter in network.head.parameters()}
    parts: list[list[Tensor]] = [[] for _ in range(network.n_members)]
    for tensor, owner in network.member_tensors():
        if id(tensor) in heads or not tensor.is_floating_point():
            continue
        if owner is not None:
            parts[owner].append(tensor)
        else:
            for own, part in zip(parts, tensor.view(network.n_members, -1), strict=True):
                own.append(part)
    return [own or [torch.empty(0)] for own in parts]


def _same_columns(first: Model, second: Model) -> bool:
    """Whether two models of a common start read X alike: all else was measured once, before they parted."""
    ours: Any = first.standardizer
    theirs: Any = second.standardizer
    if type(ours) is not type(theirs) or ours.n_outputs != theirs.n_outputs:
        return False
    nothing = np.empty(0)
    return all(
        np.array_equal(getattr(ours, name, nothing), getattr(theirs, name, nothing))
        for name in ("mean_", "inverse_scale_")
    )


def _shapes(model: Model) -> list[Any]:
    network = trunk_only(model)
    kind = "hard" if isinstance(network.trunk, (MLP, MemberModules)) else repr(model.resolved.sharing)
    return [kind, [[part.shape for part in own] for own in _parts(network)]]
