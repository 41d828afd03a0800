"""Companions: models in closed form that are fitted beside the network and mixed with it."""

from ._blend import COMPANIONS, Blend, Rows, affordable, distinct_rows, serves
from ._columns import RankedColumns
from ._kernel import KernelCompanion
from ._linear import LinearCompanion
from ._tanimoto import TanimotoCompanion, are_fingerprints

__all__ = [
    "COMPANIONS",
    "Blend",
    "KernelCompanion",
    "LinearCompanion",
    "RankedColumns",
    "Rows",
    "TanimotoCompanion",
    "affordable",
    "are_fingerprints",
    "distinct_rows",
    "serves",
]
