"""All balancing methods by name."""

from __future__ import annotations

from typing import Any

from .._spelling import likely_and_known
from ._base import Balancing
from ._uniform import Uniform

BALANCINGS: dict[str, type[Balancing]] = {
    "uniform": Uniform,
}


def as_balancing(balancing: Any) -> Balancing:
    """Return the specification that the `balancing` parameter of an estimator stands for.

    Parameters
    ----------
    balancing : str or Balancing

    Raises
    ------
    ValueError
        If there is no method of that name, or `balancing` is neither.

    Examples
    --------
    >>> from skmtl.balancing import as_balancing
    >>> as_balancing("uniform")
    Uniform()
    """
    if isinstance(balancing, Balancing):
        return balancing
    if isinstance(balancing, str) and balancing in BALANCINGS:
        return BALANCINGS[balancing]()
    raise ValueError(
        f"balancing must be a name or a balancing specification, got {balancing!r}."
        + likely_and_known(balancing, BALANCINGS, "balancings")
    )
