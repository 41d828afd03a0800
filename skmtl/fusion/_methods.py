"""All ways of merging by name."""

from __future__ import annotations

from typing import Any

from .._spelling import likely_and_known
from ._average import Average
from ._merging import Merging
from ._regmean import RegMean
from ._task_arithmetic import TaskArithmetic
from ._ties import Ties

MERGINGS: dict[str, type[Merging]] = {
    "average": Average,
    "task_arithmetic": TaskArithmetic,
    "ties": Ties,
    "regmean": RegMean,
}


def as_merging(method: Any) -> Merging:
    """Return the specification that the `method` of `merge` stands for.

    Parameters
    ----------
    method : str or Merging

    Raises
    ------
    ValueError
        If there is no way of merging of that name, or `method` is neither.

    Examples
    --------
    >>> from skmtl.fusion import as_merging
    >>> as_merging("ties")
    Ties()
    """
    if isinstance(method, Merging):
        return method
    if isinstance(method, str) and method in MERGINGS:
        return MERGINGS[method]()
    raise ValueError(
        f"method must be a name or a specification of skmtl.fusion, got {method!r}."
        + likely_and_known(method, MERGINGS, "ways of merging")
    )
