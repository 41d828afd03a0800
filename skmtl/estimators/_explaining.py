"""One column of y as a function of what the network reads: what attributions take the slopes of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from ..features import (
    AnyStandardizer,
    ArrayStandardizer,
    Form,
    FrameReader,
    ModalReader,
    ModalStandardizer,
    PretrainedReader,
    PretrainedStandardizer,
    Reader,
    RepresentationReader,
    Standardizer,
    TextStandardizer,
)
from ..nn import MLP, BagEmbedding, MemberEmbedding, MemberEncoders, OpenParts
from ._model import Model
from ._paths import BagPath, DensePath, Inputs, PartsPath, Path, SequencePath, VectorPath
from ._pretrained_paths import through, through_frozen

# A probability is never read as less than this, so that its logarithm is finite.
SMALLEST = 1e-300


class ExplainedColumn:
    """The prediction of one column of y, differentiable, of the network and of nothing else.

    Of numbers, it is the prediction itself, averaged over members, in the units of y; of classes, the log-odds of one
    against all others, of the members' mean probability.

    Parameters
    ----------
    model : Model
    column : int
        Which column of y; one that the network learns.
    tempered : bool
        Whether probabilities are made as sure as `predict_proba` has them.

    Attributes
    ----------
    n_classes : int
        1: numbers.
    reader : Reader
        What reads X for it: as the model does, but for what goes into a frozen pretrained model.
    standardizer : AnyStandardizer
        Of the matrix of `reader`.
    rows_at_once : int or None
        How many rows go through a pretrained model at once; None: there is none.
    n_products : int
        Multiplications of a forward pass of a row, about.
    """

    def __init__(self, model: Model, column: int, *, tempered: bool) -> None:
        self.model = model
        self._open_reader()
        engine = int(np.flatnonzero(model.tasks == column)[0])
        self._group = next(
            place for place, group in enumerate(model.groups) if group.tasks.start <= engine < group.tasks.stop
        )
        group = model.groups[self._group]
        self._place, self._loss = engine - group.tasks.start, group.loss
        is_class = group.loss.scaling == "classes"
        self.n_classes = group.n_classes if is_class else 1
        self._inverse_temperature = 1.0
        if is_class and tempered and model.temperatures is not None:
            self._inverse_temperature = 1 / float(model.temperatures[engine])
        if not is_class:
            zero, one = (float(model.targets.decode(np.array([value]), column)[0]) for value in (0.0, 1.0))
            self._centre, self._unit = zero, one - zero

    def _open_reader(self) -> None:
        """Settle what changes on the way to a row, and what reads it."""
        model, network = self.model, self.model.network
        self.reader: Reader = model.reader
        self.rows_at_once: int | None = None
        self.n_products = network.n_products
        self.standardizer: AnyStandardizer = model.standardizer
        inner: Any = model.reader.inner if isinstance(model.reader, FrameReader) else model.reader
        weight, embedding = network.head.weight, network.embedding
        frozen = _frozen_parts(inner)
        if frozen:
            inward = inner.inward()
            self.reader = model.reader.inward(inward) if isinstance(model.reader, FrameReader) else inward
            self.standardizer = _inward(model.standardizer, inward)
            self.rows_at_once = min(own.passage.rows_at_once(own.device) for own in frozen.values())
            for own in frozen.values():
                self.n_products += sum(parameter.numel() for parameter in own.backbone.load().parameters())
        if isinstance(inner, RepresentationReader):
            self._path: Path = through_frozen(inner, model.standardizer, weight)
            return
        tables = [] if embedding is None else [embedding]
        self._path = _path_of(model.standardizer, tables, network.trunk, weight, frozen)
        if isinstance(embedding, MemberEncoders):
            self.rows_at_once = embedding.passage.rows_at_once(weight.device)

    @property
    def linear(self) -> bool:
        """Whether the network's outputs are linear in what changes on the way to a row."""
        trunk = self.model.network.trunk
        return self._path.linear and isinstance(trunk, MLP) and not len(trunk.layers)

    def inputs(self, rows: Any, baseline: Any = None) -> Inputs:
        """Return rows of the matrix of `reader` as the network reads them.

        Parameters
        ----------
        rows : ndarray or sparse array of shape (B, n_columns)
        baseline : ndarray or sparse array of shape (1, n_columns), default=None
            A row to start from. None: the mean of all that was fitted, a category that was not there at fit, the mean
            picture or sequence, a text or list without tokens.
        """
        return self._path.inputs(self._tensor(rows), None if baseline is None else self._tensor(baseline))

    def outputs(self, values: tuple[Tensor, ...], fixed: tuple[Tensor, ...]) -> Tensor:
        """Return the output block before chains link it, `(M, B, O)`, of `Inputs`.

        Parameters
        ----------
        values, fixed : tuple of Tensor
        """
        network, x = self.model.network, self._path.read(values, fixed)
        outputs: Tensor = network.head(x if isinstance(self._path, PartsPath) else network.trunk(x))
        return outputs

    def predicted(self, outputs: Tensor, codes: Tensor) -> Tensor:
        """Return what is explained, `(B,)`, in float64.

        Parameters
        ----------
        outputs : Tensor of shape (M, B, O)
        codes : Tensor of int of shape (B,)
            The class of each row whose log-odds are asked for; not read for numbers.
        """
        part = self._average(outputs)
        if self.n_classes == 1:
            return self._loss.point(part) * self._unit + self._centre
        logs = part.clamp_min(SMALLEST).log() * self._inverse_temperature  # (B, K)
        own = torch.nn.functional.one_hot(codes.cpu(), logs.shape[1]).bool()
        return logs[own] - logs.masked_fill(own, -torch.inf).logsumexp(1)

    def most_probable(self, outputs: Tensor) -> Tensor:
        """Return the most probable class of each row, `(B,)`.

        Parameters
        ----------
        outputs : Tensor of shape (M, B, O)
        """
        return self._average(outputs).argmax(1)

    def _average(self, outputs: Tensor) -> Tensor:
        """Return the members' mean prediction of the column, `(B,)`, or of its classes, `(B, K)`."""
        linked = self.model.network.head.linked(outputs)
        return self.model.objective.member_average(linked)[self._group][:, self._place]

    def _tensor(self, rows: Any) -> Tensor:
        weight = self.model.network.head.weight
        return self.standardizer.tensor(rows, weight.dtype, weight.device)


def _frozen_parts(reader: Any) -> dict[str, RepresentationReader]:
    """Return the readers of a frozen pretrained model, by the name of the part; "" where X has no parts."""
    readers = reader.readers if isinstance(reader, ModalReader) else {"": reader}
    return {name: own for name, own in readers.items() if isinstance(own, RepresentationReader)}


def _inward(standardizer: AnyStandardizer, reader: PretrainedReader | ModalReader) -> AnyStandardizer:
    """Return a standardizer of the matrix of what goes into frozen pretrained models, and not of what comes out."""
    if isinstance(reader, PretrainedReader):
        return reader.standardizer()
    assert isinstance(standardizer, ModalStandardizer)
    own = {
        block.name: part.standardizer() if isinstance(part, PretrainedReader) else block.standardizer
        for block, part in zip(standardizer.blocks, reader.readers.values(), strict=True)
    }
    return ModalStandardizer(own, reader.widths)


def _path_of(
    standardizer: Any,
    tables: Sequence[nn.Module],
    trunk: nn.Module,
    weight: Tensor,
    frozen: Mapping[str, RepresentationReader],
) -> Path:
    """Return the path to what a standardizer makes of rows.

    Parameters
    ----------
    standardizer : AnyStandardizer
    tables : sequence of nn.Module
        What replaces its columns before a trunk reads them; empty if nothing does.
    trunk : nn.Module
        Of samples of several parts; not read for others.
    weight : Tensor
        Of the dtype and on the device of the network.
    frozen : mapping of str to RepresentationReader
        By the name of a part: the reader whose frozen model is on the way to it.

    Raises
    ------
    ValueError
        If nothing is known of how to explain what the standardizer makes.
    """
    if isinstance(standardizer, ModalStandardizer):
        opened = OpenParts(trunk)
        paths = [
            through_frozen(frozen[block.name], block.standardizer, weight)
            if block.name in frozen
            else _path_of(block.standardizer, own, trunk, weight, frozen)
            for block, own in zip(standardizer.blocks, opened.tables, strict=True)
        ]
        return PartsPath(opened, paths)
    if isinstance(standardizer, ArrayStandardizer):
        usual = standardizer.tensor(standardizer.mean_sample_[None], weight.dtype, weight.device)
        if standardizer.form is Form.SEQUENCE:
            return SequencePath(standardizer.shape[1], usual)
        return DensePath(usual)
    kind = type(tables[0]) if tables else type(None)
    if isinstance(standardizer, PretrainedStandardizer) and issubclass(kind, MemberEncoders):
        return through(cast(MemberEncoders, tables[0]), standardizer.backbone, standardizer.shape)
    if isinstance(standardizer, TextStandardizer) and issubclass(kind, BagEmbedding):
        return BagPath(cast(Sequence[BagEmbedding], tables))
    if isinstance(standardizer, Standardizer) and not tables:
        return DensePath()
    if isinstance(standardizer, Standardizer) and issubclass(kind, MemberEmbedding):
        return VectorPath(cast(Sequence[MemberEmbedding], tables), standardizer.embedding_rows)
    raise ValueError(
        f"Nothing is known of how to explain what {type(standardizer).__name__} makes of X. Columns, texts, lists of "
        "identifiers, images and sequences can be explained."
    )
