"""Mixup of rows with like labels."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from ..features import Form
from ..nn import Mixing
from ._augmentation import Augmentation, Distances
from ._draws import Draws

# Distances that are held in memory at once.
MOST_DISTANCES = 2**22


class CMixup(Augmentation):
    """Mixup for numbers: a row's partner is the likelier, the nearer its labels lie.

    Partner j of i is drawn in proportion to `exp(-d²_ij / (2 · bandwidth²))`, where `d²_ij` is the mean squared
    difference of their labels over the tasks in which both have one, in units of standard deviations (classes that
    differ: 2; no common task: 2, as for two random labels). The rest is as in :class:`Mixup`. For every kind of sample.

    Parameters
    ----------
    alpha : float, default=2.0
        λ is drawn from Beta(alpha, alpha); larger mixes more evenly.
    bandwidth : float, default=0.5
        In standard deviations of the labels. Larger mixes rows that differ more; infinite is `Mixup`.

    References
    ----------
    Yao, H., Wang, Y., Zhang, L., Zou, J., and Finn, C. (2022). C-Mixup: Improving generalization in regression.
    NeurIPS.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.augmentation import CMixup
    >>> X, y = load_linnerud(return_X_y=True)
    >>> model = MultiTaskRegressor(augmentation=CMixup(bandwidth=1.0), max_iter=5, random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (20, 3)
    """

    forms = tuple(Form)
    mixes = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "bandwidth": [Interval(Real, 1e-6, None, closed="both")],
    }

    def __init__(self, alpha: float = 2.0, *, bandwidth: float = 0.5) -> None:
        self.alpha = alpha
        self.bandwidth = bandwidth

    def mixing(self, draws: Draws, distances: Distances) -> Mixing:
        """Return how rows are mixed; see `Augmentation.mixing`."""
        per_chunk = max(1, MOST_DISTANCES // draws.n_rows)
        chunks = [slice(first, first + per_chunk) for first in range(0, draws.n_rows, per_chunk)]
        partners = torch.cat([self._partners(draws, distances, rows) for rows in chunks])
        return Mixing(partners, draws.beta(self.alpha))

    def _partners(self, draws: Draws, distances: Distances, rows: slice) -> Tensor:
        """Draw the partners of some rows, where a number falls among the summed chances of all."""
        scores = distances(rows) / (-2 * self.bandwidth**2)  # (R, B)
        scores.masked_fill_(draws.circle[rows, None] != draws.circle, -torch.inf)
        places = torch.arange(draws.n_rows, device=scores.device)
        scores[places[: len(scores)], places[rows]] = torch.finfo(scores.dtype).min  # itself only if there is no other
        sums = scores.softmax(1).cumsum(1)
        total = sums[:, -1:]
        # Below the total, whatever is rounded: beyond it lie only rows that may not be met.
        drawn = torch.minimum(draws.uniform(len(sums), 1) * total, torch.nextafter(total, torch.zeros_like(total)))
        return torch.searchsorted(sums, drawn, right=True).squeeze(1)
