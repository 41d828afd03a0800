"""The likely spelling of a name that does not exist, for messages of errors."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


def likely_and_known(name: Any, known: Iterable[str], what: str) -> str:
    """Return the end of a message: the likely name, if one is near, and all known ones.

    Parameters
    ----------
    name : object
        What was given.
    known : iterable of str
        What there is.
    what : str
        What it is called, in the plural.

    Examples
    --------
    >>> from skmtl._spelling import likely_and_known
    >>> likely_and_known("hubr", ["huber", "gamma"], "losses")
    " Did you mean 'huber'? Known losses: 'huber', 'gamma'."
    """
    names = list(known)
    near = get_close_matches(str(name), names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"{hint} Known {what}: {', '.join(map(repr, names))}."
