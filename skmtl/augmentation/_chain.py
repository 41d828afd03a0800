"""Several augmentations, one after the other, whose parameters can be searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._named_parts import NamedParts
from .._spelling import likely_and_known
from ..features import Form
from ._augmentation import Augmentation
from ._augmentations import AUGMENTATIONS, name_of


class Chain(NamedParts):
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

    holder = "parts"

    def __init__(self, parts: Sequence[str | Augmentation]) -> None:
        self.parts = parts

    def _named(self) -> dict[str, Augmentation]:
        """Return the parts that are specifications, by name."""
        return {name_of(part): part for part in self.parts if isinstance(part, Augmentation)}

    def _with(self, changes: Mapping[str, Any]) -> list[str | Augmentation]:
        """Return the parts, with others in the place of some."""
        return [changes.get(name_of(part), part) if isinstance(part, Augmentation) else part for part in self.parts]


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


def check_forms(augmentations: Sequence[Augmentation], form: Form | str, why: str = "") -> None:
    """Refuse augmentations that are not for the samples of X.

    Parameters
    ----------
    augmentations : sequence of Augmentation
    form : Form
    why : str, default=""
        Why they are that, for the message.

    Raises
    ------
    ValueError
        If there is one; it says which there are instead.
    """
    for part in augmentations:
        if form not in part.forms:
            suited = [name for name, kind in AUGMENTATIONS.items() if form in kind.forms]
            raise ValueError(
                f"augmentation {name_of(part)!r} changes {' or '.join(part.forms)}, and here a sample of X is "
                f"{form}{why}. For those there are: {', '.join(map(repr, suited))}. Or set augmentation=None."
            )
