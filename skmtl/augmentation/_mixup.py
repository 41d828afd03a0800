"""Mixup."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval

from ..features import Form
from ..nn import Mixing
from ._augmentation import Augmentation, Distances
from ._draws import Draws


class Mixup(Augmentation):
    """Train on rows between rows: `λ x_a + (1 - λ) x_b`, under the losses of both labels, weighted alike.

    One λ a batch, from Beta(alpha, alpha); each row is mixed with one other of the batch that the same members train
    on. Inputs are mixed where the trunk reads them, behind codes and embeddings, marks of a sequence's steps included.
    Losses are mixed, not labels: so a missing label counts for nothing, and weights and tasks of any type keep their
    meaning. For every kind of sample; those of several parts are mixed with those that have the same.

    Parameters
    ----------
    alpha : float, default=0.2
        Larger mixes more evenly; 1 draws λ from all of [0, 1] alike.

    References
    ----------
    Zhang, H., Cisse, M., Dauphin, Y., and Lopez-Paz, D. (2018). mixup: Beyond empirical risk minimization. ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from skmtl import MultiTaskRegressor
    >>> X, y = load_linnerud(return_X_y=True)
    >>> model = MultiTaskRegressor(augmentation="mixup", max_iter=5, random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (20, 3)
    """

    forms = tuple(Form)
    mixes = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {"alpha": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, alpha: float = 0.2) -> None:
        self.alpha = alpha

    def mixing(self, draws: Draws, distances: Distances) -> Mixing:
        """Return how rows are mixed; see `Augmentation.mixing`."""
        del distances
        return Mixing(draws.partners(), draws.beta(self.alpha))
