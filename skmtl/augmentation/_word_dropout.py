"""Word dropout."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval
from torch import Tensor

from ..features import Form, Inputs
from ._augmentation import Augmentation
from ._draws import Draws


class WordDropout(Augmentation):
    """Leave out some tokens of each text: words, runs of words and pieces of them, each by itself.

    At least one stays, and the weights of the rest grow to the length that they had together, as in a text that never
    held the others. For texts, and for lists of identifiers.

    Parameters
    ----------
    rate : float, default=0.1
        Chance of each token, in [0, 1).

    References
    ----------
    Iyyer, M., Manjunatha, V., Boyd-Graber, J., and Daumé III, H. (2015). Deep unordered composition rivals syntactic
    methods for text classification. ACL.

    Examples
    --------
    >>> from skmtl import MultiTaskClassifier
    >>> from skmtl.datasets import load_sentences
    >>> X, y = load_sentences(return_X_y=True)
    >>> model = MultiTaskClassifier(augmentation="word_dropout", max_iter=1, random_state=0).fit(X[::9], y[::9])
    >>> model.predict(["Great phone!"]).shape
    (1, 2)
    """

    forms = (Form.TEXT, Form.BAG)
    _parameter_constraints: ClassVar[dict[str, Any]] = {"rate": [Interval(Real, 0, 1, closed="left")]}

    def __init__(self, rate: float = 0.1) -> None:
        self.rate = rate

    def augment(self, x: Tensor, inputs: Inputs, draws: Draws) -> Tensor:
        """Return texts without some tokens; see `Augmentation.augment`."""
        del inputs
        n_tokens = x.shape[1] // 2
        weights = x[:, n_tokens:]
        drawn = draws.uniform(*weights.shape).where(weights != 0, -1)
        kept = weights * ((drawn >= self.rate) | (drawn == drawn.amax(1, keepdim=True)))
        result = x.clone()
        tiny = 1e-12  # an empty text stays empty
        result[:, n_tokens:] = kept * (
            weights.norm(dim=1, keepdim=True) / kept.norm(dim=1, keepdim=True).clamp(min=tiny)
        )
        return result
