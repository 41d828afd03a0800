"""Companions: models that are fitted beside the network and mixed with it."""

from ._blend import COMPANIONS, OF_TEXTS, Blend, Rows, affordable, distinct_rows, serves
from ._columns import RankedColumns
from ._kernel import KernelCompanion
from ._linear import LinearCompanion
from ._sparse_linear import SparseLinearCompanion
from ._tanimoto import TanimotoCompanion, are_fingerprints
from ._trees import TreesCompanion

__all__ = [
    "COMPANIONS",
    "OF_TEXTS",
    "Blend",
    "KernelCompanion",
    "LinearCompanion",
    "RankedColumns",
    "Rows",
    "SparseLinearCompanion",
    "TanimotoCompanion",
    "TreesCompanion",
    "affordable",
    "are_fingerprints",
    "distinct_rows",
    "serves",
]
