"""The trunk that an estimator builds: the one that was given, or the one that suits the samples of X."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ..features import Form, Samples
from ..nn import (
    BagTrunk,
    ConvTrunk,
    FittedTrunk,
    MLPTrunk,
    MultiModalTrunk,
    RecurrentTrunk,
    TextTrunk,
    Trunk,
    as_sharing,
    as_trunk,
)


def resolve_trunk(estimator: BaseEstimator, samples: Samples) -> Trunk:
    """Return the trunk's specification.

    Parameters
    ----------
    estimator : BaseEstimator
    samples : Samples
        What the samples of X are, which "auto" follows.

    Raises
    ------
    ValueError
        If a parameter of the built-in trunk was changed beside another trunk, or `trunk` is no trunk.
    """
    form = samples.form
    params = estimator.get_params(deep=False)
    own = ("hidden_layer_sizes", "activation", "dropout")

    def built_in() -> MLPTrunk:
        return MLPTrunk(**{name: params[name] for name in own})

    by_form = {
        Form.IMAGE: ConvTrunk,
        Form.SEQUENCE: RecurrentTrunk,
        Form.TEXT: TextTrunk,
        Form.BAG: BagTrunk,
        Form.SEVERAL: MultiModalTrunk,
    }
    trunk = as_trunk(params["trunk"], by_form.get(form, built_in))
    if isinstance(trunk, TextTrunk) and form not in (Form.TEXT, Form.BAG):
        raise ValueError(
            f"{trunk!r} reads texts, a list, Series or array of strings, or lists of identifiers, and here a sample of "
            f"X is {form}. Leave trunk at 'auto', which follows X."
        )
    if form is Form.SEVERAL:
        several = "X is a MultiModal of several parts"
        way_out = "leave trunk at 'auto', which follows X"
        if samples.apart:
            several = f"X holds texts, lists or arrays in {list(samples.names)}, which are parts of their own"
            way_out += ", or drop these columns"
        if not isinstance(trunk, (MultiModalTrunk, FittedTrunk)):
            raise ValueError(
                f"{trunk!r} reads samples of one kind, and {several}. Give a MultiModalTrunk, which has a trunk for "
                f"each part, or {way_out}."
            )
        sharing = as_sharing(params["sharing"])
        if sharing.reads_rows or sharing.needs_layers:
            what = "has gates that read rows of columns" if sharing.reads_rows else "joins tasks between layers"
            raise ValueError(
                f"sharing={params['sharing']!r} {what}, and {several}. Use 'hard', 'independent', 'soft' or "
                "'dselect_k'" + (", or drop these columns." if samples.apart else ".")
            )
    if type(trunk) is not MLPTrunk or not isinstance(params["trunk"], str):
        defaults = type(estimator)().get_params(deep=False)
        for name in own:
            if not _same(params[name], defaults[name]):
                given = f"a sample of X is {form}" if isinstance(params["trunk"], str) else "this one was given"
                if samples.apart and isinstance(params["trunk"], str):
                    given = f"X holds texts, lists or arrays in {list(samples.names)}"
                raise ValueError(
                    f"{name}={params[name]!r} belongs to the built-in trunk of columns, but {given}: {trunk!r}. Leave "
                    f"{name} at its default, or set it on the trunk."
                )
    return trunk


def _same(value: Any, default: Any) -> bool:
    return bool(np.array_equal(value, default)) if np.ndim(default) else bool(value == default)
