"""PCGrad: each gradient loses what opposes another, one after the other."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import StrOptions

from ._base import GradientBalancing
from ._step import Step


class PCGrad(GradientBalancing):
    """Projecting conflicting gradients: where two oppose each other, each loses its component along the other.

    Each task starts with its own gradient and goes through the others in an order of its own: where `c · g_j < 0`, `c ←
    c − (c · g_j / ‖g_j‖²) g_j`. The results are summed. Without conflict, weights are 1; with three or more tasks,
    conflicts may remain. All gradients times a number: the same weights. Task weights multiply the losses first.

    As in the paper, a gradient is never projected on itself, and orders are random; the authors' first code did both
    differently.

    Parameters
    ----------
    order : {"random", "ascending"}, default="random"
        In which order a task goes through the others: drawn anew at each step, or that of the columns of `y`, which
        makes the method deterministic but not fair to all tasks.
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to, see `GradientBalancing`.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Yu, T., Kumar, S., Gupta, A., Levine, S., Hausman, K., and Finn, C. (2020). Gradient surgery for multi-task
    learning. NeurIPS.

    Examples
    --------
    >>> from skmtl.balancing import PCGrad
    >>> PCGrad().weights([[1.0, -0.5], [-0.5, 1.0]])
    array([1.5, 1.5])
    """

    sees_task_weights = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GradientBalancing._parameter_constraints,
        "order": [StrOptions({"random", "ascending"})],
    }

    def __init__(
        self, order: str = "random", *, gradients: str = "auto", every: int = 1, scale: str = "published"
    ) -> None:
        super().__init__(gradients=gradients, every=every, scale=scale)
        self.order = order

    def draw(self, n_tasks: int, generator: np.random.Generator) -> np.ndarray | None:
        """Draw what each task sorts the others by, `(T, T)`; see `Balancing.draw`."""
        return generator.random((n_tasks, n_tasks)) if self.order == "random" else None

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the sums of the projected gradients' weights; see `Balancing.solve`."""
        del state
        norms, cosines = step.norms, step.cosines
        shape = cosines.shape
        if (cosines >= 0).all():
            return np.ones(norms.shape)
        order = orders_of_others(step.draws, shape)  # (M, T, T - 1)
        parts = np.eye(shape[1]) * norms[:, :, None]  # (M, T, T): each row in units of gradients of length 1
        members, rows = np.arange(shape[0])[:, None], np.arange(shape[1])[None]
        for place in range(shape[1] - 1):
            other = order[:, :, place]  # (M, T)
            along = (parts * cosines[members, other]).sum(2)
            parts[members, rows, other] -= np.minimum(along, 0)
        weights: np.ndarray = parts.sum(1) / norms
        return weights


def orders_of_others(draws: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the order in which each task goes through the others, `(M, T, T − 1)`.

    Parameters
    ----------
    draws : ndarray of shape (M, T, T)
        What to sort by; empty: ascending.
    shape : tuple
        `(M, T, T)`.
    """
    n_tasks = shape[1]
    keys = draws.copy() if draws.size else np.broadcast_to(np.arange(n_tasks, dtype=float), shape).copy()
    keys[:, np.arange(n_tasks), np.arange(n_tasks)] = np.inf  # itself last, and then left out
    return np.argsort(keys, axis=2)[:, :, :-1]
