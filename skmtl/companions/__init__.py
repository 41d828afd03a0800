"""Companions: models that are fitted beside the network and mixed with it."""

from ._blend import Blend, Rows, distinct_rows, serves
from ._columns import RankedColumns
from ._kernel import KernelCompanion
from ._linear import LinearCompanion
from ._readings import COMPANIONS, READ_BY, Readings, Sizes, columns_read, readings_of, sizes_of
from ._sparse_linear import SparseLinearCompanion
from ._tanimoto import TanimotoCompanion, are_fingerprints
from ._trees import TreesCompanion

__all__ = [
    "COMPANIONS",
    "READ_BY",
    "Blend",
    "KernelCompanion",
    "LinearCompanion",
    "RankedColumns",
    "Readings",
    "Rows",
    "Sizes",
    "SparseLinearCompanion",
    "TanimotoCompanion",
    "TreesCompanion",
    "are_fingerprints",
    "columns_read",
    "distinct_rows",
    "readings_of",
    "serves",
    "sizes_of",
]
