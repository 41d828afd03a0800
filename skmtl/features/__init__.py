"""X of any accepted kind → one matrix of floats → standardised batches.

`TableEncoder` says how X is encoded; the `TableReader` that it builds learns what each column holds and returns the
matrix, whose columns a `Layout` describes. A `Standardizer` measures the matrix once and hands out its rows as tensors:
numbers standardised, holes imputed and marked, few categories one-hot, many as places in a table of embeddings.
"""

from ._arrays import ArrayReader, ArrayStandardizer, Form, form_of
from ._chunks import CHUNK_BYTES, as_tensor, check_finite, row_chunks
from ._inputs import Inputs
from ._layout import Layout
from ._readers import MatrixReader, Reader, TransformerReader, make_reader, takes_holes
from ._standardizer import Standardizer
from ._table import TableEncoder, TableReader
from ._texts import TextEncoder, TextReader, TextStandardizer

__all__ = [
    "CHUNK_BYTES",
    "ArrayReader",
    "ArrayStandardizer",
    "Form",
    "Inputs",
    "Layout",
    "MatrixReader",
    "Reader",
    "Standardizer",
    "TableEncoder",
    "TableReader",
    "TextEncoder",
    "TextReader",
    "TextStandardizer",
    "TransformerReader",
    "as_tensor",
    "check_finite",
    "form_of",
    "make_reader",
    "row_chunks",
    "takes_holes",
]
