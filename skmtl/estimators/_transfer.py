"""Trunks that start from a fitted estimator: X is read as that one read it, and where they started is remembered."""

from __future__ import annotations

import copy
from hashlib import blake2b
from typing import Any

from ..features import AnyStandardizer, Reader
from ..nn import FittedTrunk, Network, Trunk
from ._arguments import check_features
from ._model import Model


def origin_of(trunk: Trunk) -> Model | None:
    """Return the fitted model that a trunk starts from; None if it starts from draws.

    Parameters
    ----------
    trunk : Trunk

    Raises
    ------
    ValueError
        If it is to start from an estimator that is not fitted, or has no trunk that could be taken.
    """
    if not isinstance(trunk, FittedTrunk):
        return None
    assert trunk.network  # or it says why not
    model: Model = trunk.estimator._model
    return model


def read_as_fitted(estimator: Any, trunk: FittedTrunk, X: Any) -> tuple[Reader, Any]:
    """Return a copy of the reader of the estimator that a trunk starts from, and the matrix that it makes of X.

    Parameters
    ----------
    estimator : BaseEstimator
        The new one; it takes over the number and names of columns.
    trunk : FittedTrunk
    X : Any

    Raises
    ------
    ValueError
        If there is an encoder, too, or X is not like what the fitted estimator read.
    """
    origin = origin_of(trunk)
    assert origin is not None
    if not (isinstance(estimator.encoder, str) and estimator.encoder == "auto"):
        raise ValueError(
            f"encoder={estimator.encoder!r} was given, but FittedTrunk reads X as the fitted estimator did. Leave "
            "encoder at 'auto'."
        )
    reader: Reader = copy.deepcopy(origin.reader)
    estimator.__dict__.pop("feature_names_in_", None)
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(trunk.estimator, name):
            setattr(estimator, name, getattr(trunk.estimator, name))
    try:
        return reader, check_features(estimator, reader, X, reset=False)
    except ValueError as error:
        raise ValueError(
            f"X must be like that of the {type(trunk.estimator).__name__} from which FittedTrunk starts, whose trunk "
            f"reads nothing else: {error}"
        ) from error


def new_standardizer(trunk: Trunk, reader: Reader) -> AnyStandardizer:
    """Return the standardizer of a new model: that of the model from which its trunk starts, or one still to measure.

    Parameters
    ----------
    trunk : Trunk
    reader : Reader
    """
    origin = origin_of(trunk)
    return reader.standardizer() if origin is None else copy.deepcopy(origin.standardizer)


def starts_of(trunk: Trunk, previous: Model | None) -> tuple[bytes, ...]:
    """Return fingerprints of the trained trunks from which a model's trunk came, the earliest first.

    Parameters
    ----------
    trunk : Trunk
    previous : Model or None
        The model that is continued.
    """
    origin = origin_of(trunk) if previous is None else previous
    return () if origin is None else (*origin.starts, fingerprint(origin.network))


def fingerprint(network: Network) -> bytes:
    """Return a digest of what a network does to rows before its heads: some milliseconds for a million numbers.

    Parameters
    ----------
    network : Network
    """
    digest = blake2b(digest_size=8)
    for part in (network.embedding, network.trunk):
        for tensor in [] if part is None else [*part.parameters(), *part.buffers()]:
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.digest()
