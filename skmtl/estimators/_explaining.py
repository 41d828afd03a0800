"""One column of y as a function of what the network reads: what attributions take the slopes of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..features import ArrayStandardizer, Form, Standardizer, TextStandardizer
from ..nn import MLP, BagEmbedding, MemberEmbedding
from ._model import Model

# A probability is never read as less than this, so that its logarithm is finite.
SMALLEST = 1e-300


@dataclass
class Inputs:
    """Some rows as the network reads them, and where the path to them begins.

    Attributes
    ----------
    values, baselines : tuple of Tensor, each of shape (B, …)
        What changes on the way from the baseline to a row.
    fixed : tuple of Tensor, each of shape (B, …)
        What stays: the places of a row's tokens, or which steps of a sequence are there.
    """

    values: tuple[Tensor, ...]
    baselines: tuple[Tensor, ...]
    fixed: tuple[Tensor, ...] = ()


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
    """

    def __init__(self, model: Model, column: int, *, tempered: bool) -> None:
        self.model = model
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

    @property
    def linear(self) -> bool:
        """Whether the network's outputs are linear in what it reads."""
        trunk = self.model.network.trunk
        return isinstance(trunk, MLP) and not len(trunk.layers)

    def inputs(self, rows: Any, baseline: Any = None) -> Inputs:
        """Return rows of the matrix as the network reads them.

        Parameters
        ----------
        rows : ndarray or sparse array of shape (B, n_columns)
        baseline : ndarray or sparse array of shape (1, n_columns), default=None
            A row to start from. None: the mean of all that was fitted, a category that was not there at fit, the mean
            picture or sequence, a text or list without tokens.
        """
        standardizer, x = self.model.standardizer, self._tensor(rows)
        if baseline is None and isinstance(standardizer, ArrayStandardizer):
            baseline = standardizer.mean_sample_[None]
        start = None if baseline is None else self._tensor(baseline)
        embedding = self.model.network.embedding
        if isinstance(standardizer, TextStandardizer) and isinstance(embedding, BagEmbedding):
            with torch.no_grad():
                shares = embedding.padded_shares(x)  # (B, M, L)
            return Inputs((shares,), (torch.zeros_like(shares),), (x.chunk(2, 1)[0],))
        if isinstance(standardizer, ArrayStandardizer) and standardizer.form is Form.SEQUENCE and start is not None:
            return _sequences(x, start, standardizer.shape[1])
        if isinstance(embedding, MemberEmbedding) and isinstance(standardizer, Standardizer):
            return self._with_vectors(embedding, x, start)
        if embedding is not None or not isinstance(standardizer, (Standardizer, ArrayStandardizer)):
            raise ValueError(
                f"Nothing is known of how to explain what {type(standardizer).__name__} makes of X. Columns, texts, "
                "lists of identifiers, images and sequences can be explained."
            )
        return Inputs((x,), (torch.zeros_like(x) if start is None else start.expand_as(x),))

    def outputs(self, values: tuple[Tensor, ...], fixed: tuple[Tensor, ...]) -> Tensor:
        """Return the output block, `(M, B, O)`, of `Inputs`.

        Parameters
        ----------
        values, fixed : tuple of Tensor
        """
        network = self.model.network
        if isinstance(network.embedding, BagEmbedding):
            return self._run(network.embedding.pooled(fixed[0], values[0]))
        if isinstance(network.embedding, MemberEmbedding):
            dense, vectors = values
            members = vectors.transpose(0, 1).flatten(2)  # (M, B, C · D)
            return self._run(torch.cat([dense.expand(len(members), -1, -1), members], 2))
        return self._run(torch.cat([*values, *fixed], 1))

    def predicted(self, outputs: Tensor, codes: Tensor) -> Tensor:
        """Return what is explained, `(B,)`, in float64.

        Parameters
        ----------
        outputs : Tensor of shape (M, B, O)
        codes : Tensor of int of shape (B,)
            The class of each row whose log-odds are asked for; not read for numbers.
        """
        part = self.model.objective.member_average(outputs)[self._group][:, self._place]
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
        return self.model.objective.member_average(outputs)[self._group][:, self._place].argmax(1)

    def _tensor(self, rows: Any) -> Tensor:
        weight = self.model.network.head.weight
        return self.model.standardizer.tensor(rows, weight.dtype, weight.device)

    def _run(self, x: Tensor) -> Tensor:
        network = self.model.network
        outputs: Tensor = network.head(network.trunk(x))
        return outputs

    @torch.no_grad()
    def _with_vectors(self, embedding: MemberEmbedding, x: Tensor, start: Tensor | None) -> Inputs:
        """Return rows with the vectors of their categories, `(B, M, C, D)`."""
        n_columns = embedding.n_columns
        if start is None:  # the first row of a column's vectors is for categories that were not there
            sizes = self.model.standardizer.embedding_rows
            start = x.new_zeros(1, x.shape[1])
            start[0, -n_columns:] = torch.as_tensor(np.cumsum([0, *sizes[:-1]])).to(start)
        table = embedding.weight.flatten(0, 1)
        vectors, first = (table[embedding.places(rows)].transpose(0, 1) for rows in (x, start))
        dense = x[:, :-n_columns]
        return Inputs((dense, vectors), (start[:, :-n_columns].expand_as(dense), first.expand_as(vectors)))


def _sequences(x: Tensor, start: Tensor, n_features: int) -> Inputs:
    """Return sequences whose path begins at one of the same length: the first steps of `start`, and means beyond it."""
    n_values = x.shape[1] * n_features // (n_features + 1)
    values, there = x[:, :n_values], x[:, n_values:]
    first = start[:, : start.shape[1] * n_features // (n_features + 1)]
    common = min(n_values, first.shape[1])
    baseline = torch.zeros_like(values)
    baseline[:, :common] = first[:, :common]
    return Inputs((values,), (baseline * there.repeat_interleave(n_features, 1),), (there,))
