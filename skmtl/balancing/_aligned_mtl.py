"""Aligned-MTL: gradients turned into an orthogonal system of equal lengths, with the least change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import StrOptions

from ._base import GradientBalancing
from ._spectrum import eigenpairs
from ._step import Step

LEVELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "min": lambda lengths: np.nanmin(lengths, axis=1),
    "median": lambda lengths: np.nanquantile(lengths, 0.5, axis=1, method="lower"),
    "rmse": lambda lengths: np.sqrt(np.nanmean(lengths**2, axis=1)),
}


class AlignedMTL(GradientBalancing):
    """Independent component alignment: the mean of gradients whose singular values have been made equal.

        G = V Λ Vᵀ,   w = √λ V Λ^(−½) Vᵀ 1/T

    over the eigenvalues that are not zero; `λ` is the smallest of them (or what `scale_mode` says). Gradients of full
    rank then are orthogonal and of equal length, so none dominates and none conflicts with another. Tasks that depend
    on each other up to rounding share a component; how many components there are is read from the cosines, so that a
    gradient counts however short it is. All gradients times a number: the same weights. Task weights multiply the
    weights afterwards.

    With `scale_mode="min"`, the direction is as long as the smallest singular value: one nearly dependent task slows
    down training. The authors' code sums over tasks where this takes the mean.

    Parameters
    ----------
    scale_mode : {"min", "median", "rmse"}, default="min"
        Which length the gradients are given: the smallest singular value, their median (of two in the middle the
        smaller, as in the authors' code), or their root mean square.
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to, see `GradientBalancing`. With respect to the representation, this is
        what the authors call Aligned-MTL-UB.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Senushkin, D., Patakin, N., Kuznetsov, A., and Konushin, A. (2023). Independent component alignment for multi-task
    learning. CVPR.

    Examples
    --------
    >>> from skmtl.balancing import AlignedMTL
    >>> AlignedMTL().weights([[1.0, 0.0], [0.0, 4.0]])
    array([0.5 , 0.25])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GradientBalancing._parameter_constraints,
        "scale_mode": [StrOptions(set(LEVELS))],
    }

    def __init__(
        self, scale_mode: str = "min", *, gradients: str = "auto", every: int = 1, scale: str = "published"
    ) -> None:
        super().__init__(gradients=gradients, every=every, scale=scale)
        self.scale_mode = scale_mode

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights of the aligned gradients; see `Balancing.solve`."""
        del state
        relative = step.norms / step.norms.max(1, keepdims=True)
        values, vectors, positive = eigenpairs(step.cosines)
        # A root of the Gramian: the rank of the cosines is its own, which no short gradient hides in rounding.
        root = relative[:, :, None] * vectors * np.sqrt(np.where(positive, values, 0))[:, None]  # (M, T, T)
        components, lengths, _ = np.linalg.svd(root)
        first = np.arange(lengths.shape[1]) < positive.sum(1, keepdims=True)  # the longest
        counts = first & (lengths > 0)
        level = LEVELS[self.scale_mode](np.where(counts, lengths, np.nan))[:, None]  # (M, 1)
        inside = np.where(counts, level / np.where(counts, lengths, 1), 0) * components.mean(1)
        weights: np.ndarray = np.matmul(components, inside[..., None])[..., 0]
        return weights
