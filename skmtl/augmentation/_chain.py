"""Several augmentations, one after the other, whose parameters can be searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from sklearn.base import BaseEstimator

from .._spelling import likely_and_known
from ..features import Form
from ._augmentation import Augmentation
from ._augmentations import AUGMENTATIONS, name_of


class Chain(BaseEstimator):
    """Several augmentations, one after the other; the one that mixes rows, if any, comes last.

    A list does the same. Of a chain, the parameters of each part are parameters, under the part's name: a search over
    `augmentation__noise__scale` or, for another part in its place, `augmentation__noise`.

    Parameters
    ----------
    parts : sequence of str or Augmentation
        Names of `AUGMENTATIONS`, or specifications; each at most once. Names have no parameters to search.

    Examples
    --------
    >>> from skmtl.augmentation import Chain, GaussianNoise, Mixup
    >>> Chain([GaussianNoise(), Mixup()]).set_params(noise__scale=0.1, mixup__alpha=1.0)
    Chain(parts=[GaussianNoise(scale=0.1), Mixup(alpha=1.0)])
    """

    def __init__(self, parts: Sequence[str | Augmentation]) -> None:
        self.parts = parts

    def _named(self) -> dict[str, Augmentation]:
        """Return the parts that are specifications, by name."""
        return {name_of(part): part for part in self.parts if isinstance(part, Augmentation)}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parts and, if `deep`, each part by name with its parameters.

        Parameters
        ----------
        deep : bool, default=True
        """
        params: dict[str, Any] = {"parts": self.parts}
        if deep:
            for name, part in self._named().items():
                params[name] = part
                params |= {f"{name}__{key}": value for key, value in part.get_params().items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parts, or their parameters.

        Parameters
        ----------
        **params
            `parts`; `<name>`, another part in the place of the one of that name; `<name>__<parameter>`.

        Returns
        -------
        self : Chain

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        if "parts" in params:
            self.parts = params.pop("parts")
        for name, old in self._named().items():
            if name in params:
                new = params.pop(name)
                self.parts = [new if part is old else part for part in self.parts]
        super().set_params(**params)
        return self


def as_augmentations(augmentation: Any) -> list[Augmentation]:
    """Return what the `augmentation` parameter of an estimator stands for.

    Parameters
    ----------
    augmentation : None, str, Augmentation, Chain or sequence of str or Augmentation

    Raises
    ------
    ValueError
        If one is none, is there twice, or two of them mix rows.

    Examples
    --------
    >>> from skmtl.augmentation import as_augmentations
    >>> as_augmentations(["noise", "mixup"])
    [GaussianNoise(), Mixup()]
    """
    given = augmentation.parts if isinstance(augmentation, Chain) else augmentation
    if given is None:
        return []
    parts = [_as_one(part) for part in (given if isinstance(given, (list, tuple)) else [given])]
    names = [name_of(part) for part in parts]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(
            f"augmentation={augmentation!r} names {twice!r} twice. Give it once, with the settings you want."
        )
    mixing = [name for name, part in zip(names, parts, strict=True) if part.mixes]
    if len(mixing) > 1:
        raise ValueError(
            f"augmentation mixes rows in pairs once, and {' and '.join(map(repr, mixing))} both do. Give one."
        )
    return parts


def _as_one(augmentation: Any) -> Augmentation:
    if isinstance(augmentation, Augmentation):
        return augmentation
    if isinstance(augmentation, str) and augmentation in AUGMENTATIONS:
        return AUGMENTATIONS[augmentation]()
    way_out = (
        f" Give an object, {augmentation.__name__}(), or a name."
        if isinstance(augmentation, type)
        else likely_and_known(augmentation, AUGMENTATIONS, "augmentations")
    )
    raise ValueError(
        f"augmentation must be None, a name, an augmentation, or a list of them, got {augmentation!r}.{way_out}"
    )


def check_forms(augmentations: Sequence[Augmentation], form: Form | str) -> None:
    """Refuse augmentations that are not for the samples of X.

    Parameters
    ----------
    augmentations : sequence of Augmentation
    form : Form

    Raises
    ------
    ValueError
        If there is one; it says which there are instead.
    """
    for part in augmentations:
        if form not in part.forms:
            suited = [name for name, kind in AUGMENTATIONS.items() if form in kind.forms]
            raise ValueError(
                f"augmentation {name_of(part)!r} changes {' or '.join(part.forms)}, and here a sample of X is {form}. "
                f"For those there are: {', '.join(map(repr, suited))}. Or set augmentation=None."
            )
