"""Augmented batches: what the network reads is changed, and rows are paired, before a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from ..augmentation import Augmentation, Draws, check_forms
from ..features import Inputs
from ..tasks import LabelDistances
from ._batch import Batch


class Augmenter:
    """What augments the batches of a fit, the same for all members.

    Parameters
    ----------
    augmentations : sequence of Augmentation
        In the order in which they change a batch; the one that mixes rows comes last, wherever it stands.
    inputs : Inputs
    distances : LabelDistances
    seed : sequence of int

    Raises
    ------
    ValueError
        If one of them is not for such samples.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmtl.augmentation import GaussianNoise
    >>> from skmtl.features import Standardizer
    >>> from skmtl.tasks import LabelDistances
    >>> from skmtl.training import Augmenter, Batch
    >>> inputs = Standardizer(1).update(np.eye(2)[:, :1], None, np.ones(2)).inputs(torch.float32, torch.device("cpu"))
    >>> augmenter = Augmenter([GaussianNoise(0.0)], inputs, LabelDistances([], np.ones(1)), [0])
    >>> augmenter(Batch(torch.ones(2, 1), torch.zeros(2, 1), None, None)).x
    tensor([[1.],
            [1.]])
    """

    def __init__(
        self, augmentations: Sequence[Augmentation], inputs: Inputs, distances: LabelDistances, seed: Sequence[int]
    ) -> None:
        check_forms(augmentations, inputs.form)
        self.augmentations, self.inputs, self.distances = list(augmentations), inputs, distances
        # Of its own, so that starts, batches and dropout are those of a fit without augmentation.
        self.scalars = np.random.default_rng(list(seed))
        self.generator = torch.Generator(inputs.rest.device).manual_seed(int(self.scalars.integers(2**62)))

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Batch:
        """Return the batch augmented; the given one stays as it is."""
        x, mixing = batch.x, None
        draws = Draws(x, batch.rows, self.generator, self.scalars, self.inputs.parts_there(x))
        for augmentation in self.augmentations:
            if augmentation.mixes:
                mixing = augmentation.mixing(draws, lambda rows: self.distances(batch.labels, batch.weights, rows))
            else:
                x = augmentation.augment(x, self.inputs, draws)
        return replace(batch, x=x, mixing=mixing)
