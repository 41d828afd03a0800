"""GradVac: gradients are pulled towards the similarity that they had before."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import GradientBalancing
from ._pcgrad import orders_of_others
from ._step import Step


class GradVac(GradientBalancing):
    """Gradient vaccine: where two gradients are less alike than usual, each moves towards the other.

    Like PCGrad, each task starts with its own gradient and goes through the others in a random order. Where the cosine
    `φ` with `g_j` is below the target `φ̂`, `c ← c + ‖c‖ (φ̂ √(1−φ²) − φ √(1−φ̂²)) / (‖g_j‖ √(1−φ̂²)) g_j`, after which
    the cosine is `φ̂`. Targets are running means of the cosines, `φ̂ ← (1−β) φ̂ + β φ`, and start at 0: the first step
    is PCGrad. State: the targets. All gradients times a number: the same weights. Task weights multiply the losses
    first.

    Targets are kept for the whole of what is shared, where the paper also tries one a layer, which gives no weights.

    Parameters
    ----------
    beta : float, default=0.01
        `β`, in [0, 1]: how fast targets follow. Other implementations use .5.
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to, see `GradientBalancing`.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Wang, Z., Tsvetkov, Y., Firat, O., and Cao, Y. (2021). Gradient vaccine: investigating and improving multi-task
    optimization in massively multilingual models. ICLR.

    Examples
    --------
    >>> from skmtl.balancing import GradVac
    >>> GradVac().weights([[1.0, -0.5], [-0.5, 1.0]])
    array([1.5, 1.5])
    """

    sees_task_weights = True
    pairwise = ("targets",)
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GradientBalancing._parameter_constraints,
        "beta": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self, beta: float = 0.01, *, gradients: str = "auto", every: int = 1, scale: str = "published"
    ) -> None:
        super().__init__(gradients=gradients, every=every, scale=scale)
        self.beta = beta

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return targets of 0, `(M, T, T)`; see `Balancing.initial_state`."""
        return {"targets": np.zeros((n_members, n_tasks, n_tasks))}

    def draw(self, n_tasks: int, generator: np.random.Generator) -> np.ndarray:
        """Draw what each task sorts the others by, `(T, T)`; see `Balancing.draw`."""
        return generator.random((n_tasks, n_tasks))

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the sums of the moved gradients' weights; see `Balancing.solve`."""
        norms, cosines, targets = step.norms, step.cosines, state["targets"].copy()
        shape = cosines.shape
        order = orders_of_others(step.draws, shape)
        # Each row starts at length 1 and is scaled in the end: nothing here depends on it.
        parts = np.broadcast_to(np.eye(shape[1]), shape).copy()  # (M, T, T)
        members, rows = np.arange(shape[0])[:, None], np.arange(shape[1])[None]
        for place in range(shape[1] - 1):
            other = order[:, :, place]  # (M, T)
            products = np.matmul(parts, cosines)  # (M, T, T)
            length = np.sqrt(np.maximum((products * parts).sum(2), 0))
            there = length > 0
            cosine = np.where(there, products[members, rows, other] / np.where(there, length, 1), 0).clip(-1, 1)
            target = targets[members, rows, other]
            opposite, aimed = np.sqrt(1 - cosine**2), np.sqrt(np.maximum(1 - target**2, np.finfo(float).eps))
            moved = length * (target * opposite - cosine * aimed) / aimed
            parts[members, rows, other] += np.where(cosine < target, moved, 0)
            targets[members, rows, other] += self.beta * (cosine - target)
        state["targets"] = targets
        weights: np.ndarray = (parts * norms[:, :, None]).sum(1) / norms
        return weights
