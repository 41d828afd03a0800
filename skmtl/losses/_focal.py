"""Focal loss: log loss that attends to the labels that are still predicted badly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from ._base import Loss, Scaling
from ._log_loss import class_shares, logits_of, n_logits, with_first_class

# Where the inverse link is tabulated to be inverted: the constants of a fit need no more than six digits.
_LOGITS = np.linspace(-40, 40, 16001)


@dataclass(frozen=True)
class Focal(Loss):
    """Focal loss, `-(1 - p)^gamma · log p` for the probability `p` of the true class (Lin et al. 2017).

    Labels that are predicted well already count less. Alone this would make probabilities too cautious; the classes'
    probabilities are therefore read from the outputs by the inverse link of Charoenphakdee et al. (2021, theorem 11),
    under which the loss is minimal at the true probabilities.

    Parameters
    ----------
    gamma : float, default=2.0
        How much well predicted labels are discounted, 0 or more. 0 is the log loss.

    Raises
    ------
    ValueError
        If `gamma` is negative or not finite.

    References
    ----------
    Lin, T.-Y., Goyal, P., Girshick, R., He, K., & Dollár, P. (2017). Focal loss for dense object detection. ICCV.

    Charoenphakdee, N., Vongkulbhisal, J., Chairatanakul, N., & Sugiyama, M. (2021). On focal loss for class-posterior
    probability estimation: a theoretical perspective. CVPR.

    Examples
    --------
    >>> import torch
    >>> from skmtl.losses import Focal, LogLoss
    >>> confident, code = torch.tensor([[3.0]]), torch.tensor([[1.0]])
    >>> losses = [loss.loss_and_derivative(confident, code)[0].item() for loss in (LogLoss(), Focal())]
    >>> losses[1] < losses[0] / 100
    True
    """

    gamma: float = 2.0
    name: ClassVar[str] = "focal"
    scaling: ClassVar[Scaling] = "classes"

    def __post_init__(self) -> None:
        """Refuse a gamma that is negative or not finite."""
        if not 0 <= self.gamma < np.inf:
            raise ValueError(f"gamma of the focal loss must be a number >= 0, got {self.gamma!r}.")

    def width(self, n_classes: int) -> int:
        """Return 1 for two classes, else their number; see `Loss.width`."""
        return n_logits(n_classes)

    def loss_and_derivative(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the focal loss and its derivative; see `Loss.loss_and_derivative`."""
        single = outputs.dim() == targets.dim()
        logits = with_first_class(outputs.unsqueeze(-1)) if single else outputs  # (..., T, K)
        codes = targets.long().expand(logits.shape[:-1]).unsqueeze(-1)
        log_p = logits.log_softmax(-1)
        probability = log_p.exp()
        log_true = log_p.gather(-1, codes)  # (..., T, 1)
        true = log_true.exp()
        rest = (-torch.expm1(log_true)).clamp_min(torch.finfo(logits.dtype).tiny)  # 1 - p, exact for p near 1
        discount = rest.pow(self.gamma)
        # dL/do_j = (δ_jy - p_j) · (γ (1 - p)^(γ - 1) p log p - (1 - p)^γ)
        slope = self.gamma * discount / rest * true * log_true - discount
        hot = torch.zeros_like(probability).scatter_(-1, codes, 1.0)
        derivative = slope * (hot - probability)
        loss = -(discount * log_true).squeeze(-1)
        return loss, derivative[..., 1] if single else derivative

    def inverse_link(self, outputs: Tensor) -> Tensor:
        """Return class probabilities `h(p_k) / Σ h(p_j)` of the softmax `p`; see `Loss.inverse_link`."""
        log_p = with_first_class(outputs).log_softmax(-1)
        rest = (-torch.expm1(log_p)).clamp_min(torch.finfo(outputs.dtype).tiny)
        return (log_p - (self.gamma - 1) * rest.log() - (rest - self.gamma * log_p.exp() * log_p).log()).softmax(-1)

    def start(self, targets: np.ndarray, weights: np.ndarray, n_classes: int) -> np.ndarray:
        """Return the outputs whose probabilities are the class shares; see `Loss.start`."""
        shares = class_shares(targets, weights, max(n_classes, 2), floor=True)
        return logits_of(self._best_constant(shares / shares.sum()))

    def constant_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        """Return the mean loss of the best constant prediction; see `Loss.constant_loss`."""
        shares = class_shares(targets, weights, int(targets.max()) + 1)
        shares = shares[shares > 0]
        if len(shares) < 2:
            return 0.0
        best = self._best_constant(shares)
        return float(-(shares * (1 - best) ** self.gamma * np.log(best)).sum())

    def _best_constant(self, shares: np.ndarray) -> np.ndarray:
        """Return the softmax values `p`, `(n_classes,)`, with `h(p_k)` proportional to positive shares."""
        log_p, log_rest = -np.logaddexp(0, -_LOGITS), -np.logaddexp(0, _LOGITS)
        log_h = log_p - (self.gamma - 1) * log_rest - np.log(np.exp(log_rest) - self.gamma * np.exp(log_p) * log_p)

        def values(level: float) -> np.ndarray:
            probabilities: np.ndarray = 1 / (1 + np.exp(-np.interp(level + np.log(shares), log_h, _LOGITS)))
            return probabilities

        low, high = float(log_h[0]), float(log_h[-1] - np.log(shares.min()))
        best = values(brentq(lambda level: float(values(level).sum()) - 1, low, high))
        normalised: np.ndarray = best / best.sum()
        return normalised
