"""All ways of sharing by name."""

from __future__ import annotations

from typing import Any

from .._spelling import likely_and_known
from ._hard import Hard
from ._independent import Independent
from ._sharing import Sharing

SHARINGS: dict[str, type[Sharing]] = {
    "hard": Hard,
    "independent": Independent,
}


def as_sharing(sharing: Any) -> Sharing:
    """Return the specification that the `sharing` parameter of an estimator stands for.

    Parameters
    ----------
    sharing : str or Sharing

    Raises
    ------
    ValueError
        If there is no way of sharing of that name, or `sharing` is neither.

    Examples
    --------
    >>> from skmtl.nn import as_sharing
    >>> as_sharing("hard")
    Hard()
    """
    if isinstance(sharing, Sharing):
        return sharing
    if isinstance(sharing, str) and sharing in SHARINGS:
        return SHARINGS[sharing]()
    raise ValueError(
        f"sharing must be a name or a sharing specification, got {sharing!r}."
        + likely_and_known(sharing, SHARINGS, "ways of sharing")
    )
