"""Task arithmetic: what each trunk learned since the start, summed."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval
from torch import Tensor

from ._merging import Merging


class TaskArithmetic(Merging):
    """The start, and a share of what each trunk learned since: `θ_0 + λ Σ (θ_i − θ_0)`.

    Parameters
    ----------
    scale : float, default=0.4
        `λ`. `1 / N` is the mean of `N` trunks. 0.3 to 0.4 served the paper's sets of eight tasks; fewer take more.

    References
    ----------
    Ilharco, G., Ribeiro, M. T., Wortsman, M., et al. (2023). Editing models with task arithmetic. ICLR.

    Examples
    --------
    >>> import torch
    >>> from skmtl.fusion import TaskArithmetic
    >>> TaskArithmetic(scale=1.0).merged(torch.tensor([[[1.0, 0.0]], [[1.0, 3.0]]]), torch.tensor([[1.0, 1.0]]))
    tensor([[1., 2.]])
    """

    needs_start = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {"scale": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, scale: float = 0.4) -> None:
        self.scale = scale

    def merged(self, ends: Tensor, start: Tensor | None = None) -> Tensor:
        """Return the merged weights; see `Merging.merged`."""
        assert start is not None
        return start + self.scale * (ends - start).sum(0)
