"""Masks over time and over features of a sequence."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from ..features import Form, Inputs
from ._augmentation import Augmentation
from ._draws import Draws


class SpectrogramMask(Augmentation):
    """Mask bands of neighbouring features, and stretches of time, of each sequence.

    What is masked becomes the feature's mean; the steps remain steps. Widths are whole numbers drawn evenly from 0 to
    the largest, stretches from the steps that are there, and every sequence has its own masks. For sequences whose
    features have an order, as the frequencies of a spectrogram do; with `feature_masks=0` for any.

    Parameters
    ----------
    feature_width : float, default=0.3
        Largest width of a band, as a share of the features.
    time_width : float, default=0.2
        Largest length of a stretch, as a share of the sequence's own steps.
    feature_masks : int, default=1
        Bands.
    time_masks : int, default=1
        Stretches.

    References
    ----------
    Park, D. S., et al. (2019). SpecAugment: A simple data augmentation method for automatic speech recognition.
    Interspeech.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl import MultiTaskRegressor
    >>> X = np.random.default_rng(0).normal(size=(60, 20, 8))
    >>> model = MultiTaskRegressor(augmentation="spectrogram_mask", max_iter=2, random_state=0).fit(X, X[:, :2].mean(2))
    >>> model.predict(X[:1]).shape
    (1, 2)
    """

    forms = (Form.SEQUENCE,)
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "feature_width": [Interval(Real, 0, 1, closed="both")],
        "time_width": [Interval(Real, 0, 1, closed="both")],
        "feature_masks": [Interval(Integral, 0, None, closed="left")],
        "time_masks": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        feature_width: float = 0.3,
        *,
        time_width: float = 0.2,
        feature_masks: int = 1,
        time_masks: int = 1,
    ) -> None:
        self.feature_width = feature_width
        self.time_width = time_width
        self.feature_masks = feature_masks
        self.time_masks = time_masks

    def augment(self, x: Tensor, inputs: Inputs, draws: Draws) -> Tensor:
        """Return masked rows; see `Augmentation.augment`."""
        values, there = inputs.steps(x)
        lengths = there.sum(1, keepdim=True)  # (B, 1)
        steps = torch.where(there > 0, there.cumsum(1) - 1, -1)  # a step's place among those that are there
        bands = torch.arange(values.shape[2], device=x.device)
        full = torch.full_like(lengths, values.shape[2])
        masked = _masked(steps, lengths, self.time_width, self.time_masks, draws).unsqueeze(2) | _masked(
            bands, full, self.feature_width, self.feature_masks, draws
        ).unsqueeze(1)  # (B, time, features)
        return torch.cat([values.masked_fill(masked, 0).flatten(1), there], 1)


def _masked(places: Tensor, lengths: Tensor, share: float, count: int, draws: Draws) -> Tensor:
    """Draw `count` stretches a row, and tell which places lie in one; places `(L,)` or `(B, L)` → `(B, L)`.

    Widths are drawn from 0 to `share` of the row's length, and then where they begin, so that all of it is inside.
    """
    widths = (draws.uniform(len(lengths), count) * ((share * lengths).floor() + 1)).floor()  # (B, count)
    begins = (draws.uniform(len(lengths), count) * (lengths - widths + 1)).floor()
    after = places.unsqueeze(-1) >= begins.unsqueeze(1)  # (B, L, count)
    return (after & (places.unsqueeze(-1) < (begins + widths).unsqueeze(1))).any(2)
