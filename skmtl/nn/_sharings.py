"""All ways of sharing by name."""

from __future__ import annotations

from typing import Any

from .._spelling import likely_and_known
from ._adatt import AdaTT
from ._batch_ensemble import BatchEnsemble
from ._cross_stitch import CrossStitch
from ._dselect_k import DSelectK
from ._film import FiLM
from ._hard import Hard
from ._independent import Independent
from ._low_rank import LowRank
from ._mmoe import MMoE
from ._mtan import MTAN
from ._ple import CGC, PLE
from ._sharing import Sharing
from ._soft import Soft

SHARINGS: dict[str, type[Sharing]] = {
    "hard": Hard,
    "independent": Independent,
    "soft": Soft,
    "low_rank": LowRank,
    "cross_stitch": CrossStitch,
    "mtan": MTAN,
    "mmoe": MMoE,
    "cgc": CGC,
    "ple": PLE,
    "dselect_k": DSelectK,
    "adatt": AdaTT,
    "film": FiLM,
    "batch_ensemble": BatchEnsemble,
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
    way_out = (
        f" Give an object, {sharing.__name__}(), or a name."
        if isinstance(sharing, type)
        else likely_and_known(sharing, SHARINGS, "ways of sharing")
    )
    raise ValueError(f"sharing must be a name or a sharing specification, got {sharing!r}.{way_out}")
