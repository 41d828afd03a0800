"""X of any accepted kind → one matrix of floats → standardised batches.

`TableEncoder` says how X is encoded; the `TableReader` that it builds learns what each column holds and returns the
matrix, whose columns a `Layout` describes. A `Standardizer` measures the matrix once and hands out its rows as tensors:
numbers standardised, holes imputed and marked, few categories one-hot, many as places in a table of embeddings.
"""

from ._array_standardizer import ArrayStandardizer
from ._arrays import ArrayReader
from ._backbone import Backbone, need
from ._bags import BagEncoder, BagReader
from ._chunks import CHUNK_BYTES, as_tensor, check_finite, row_chunks
from ._container import MultiModal
from ._contents import Contents, contents_of
from ._forms import Form, form_of, is_bag, telling
from ._frames import FrameReader, Samples, samples_of
from ._inputs import Inputs
from ._kinds import is_missing
from ._layout import Joined, Layout
from ._modal import ModalReader
from ._modal_standardizer import ModalStandardizer, width_of
from ._occurrences import TextPlaces, TextWords
from ._pretrained import PretrainedReader, PretrainedStandardizer, RepresentationReader
from ._readers import (
    AnyStandardizer,
    MatrixReader,
    Reader,
    TransformerReader,
    make_reader,
    reader_of_frame,
    takes_holes,
)
from ._represent import POOLINGS, FrozenEncoder, Passage
from ._standardizer import Standardizer
from ._table import TableEncoder, TableReader
from ._texts import TextEncoder, TextReader, TextStandardizer, texts_of

__all__ = [
    "CHUNK_BYTES",
    "POOLINGS",
    "AnyStandardizer",
    "ArrayReader",
    "ArrayStandardizer",
    "Backbone",
    "BagEncoder",
    "BagReader",
    "Contents",
    "Form",
    "FrameReader",
    "FrozenEncoder",
    "Inputs",
    "Joined",
    "Layout",
    "MatrixReader",
    "ModalReader",
    "ModalStandardizer",
    "MultiModal",
    "Passage",
    "PretrainedReader",
    "PretrainedStandardizer",
    "Reader",
    "RepresentationReader",
    "Samples",
    "Standardizer",
    "TableEncoder",
    "TableReader",
    "TextEncoder",
    "TextPlaces",
    "TextReader",
    "TextStandardizer",
    "TextWords",
    "TransformerReader",
    "as_tensor",
    "check_finite",
    "contents_of",
    "form_of",
    "is_bag",
    "is_missing",
    "make_reader",
    "need",
    "reader_of_frame",
    "row_chunks",
    "samples_of",
    "takes_holes",
    "telling",
    "texts_of",
    "width_of",
]
