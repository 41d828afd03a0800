"""Random loss weighting: weights drawn anew at each step."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import StrOptions

from ._base import LossBalancing
from ._floor import softmax
from ._step import Step


class RandomLossWeighting(LossBalancing):
    """Weights are random at each step, `w = softmax(z)` with normal `z`: the baseline that methods should beat.

    Weights sum to 1, and are equal in expectation. No state but the random numbers; each member has its own. Task
    weights multiply the weights.

    Parameters
    ----------
    distribution : {"normal", "uniform", "dirichlet", "bernoulli", "one_hot"}, default="normal"
        Normal and uniform numbers pass a softmax; "dirichlet" is uniform over all weights that sum to 1; "bernoulli"
        takes each task with probability ½, all if that leaves none; "one_hot" takes one task.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Lin, B., Ye, F., Zhang, Y., and Tsang, I. W. (2022). Reasonable effectiveness of random weighting: a litmus test for
    multi-task learning. Transactions on Machine Learning Research.

    Examples
    --------
    >>> from skmtl.balancing import RandomLossWeighting
    >>> float(RandomLossWeighting().weights([0.5, 1.0, 2.0]).sum().round(12))
    1.0
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **LossBalancing._parameter_constraints,
        "distribution": [StrOptions({"normal", "uniform", "dirichlet", "bernoulli", "one_hot"})],
    }
    reads_losses = False

    def __init__(self, distribution: str = "normal", *, scale: str = "published") -> None:
        super().__init__(scale=scale)
        self.distribution = distribution

    def draw(self, n_tasks: int, generator: np.random.Generator) -> np.ndarray:
        """Draw a number a task, `(T,)`; see `Balancing.draw`."""
        if self.distribution == "normal":
            return generator.normal(size=n_tasks)
        if self.distribution == "dirichlet":
            return generator.exponential(size=n_tasks)
        return generator.random(n_tasks)

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return random weights; see `Balancing.solve`."""
        del state
        draws = step.draws
        if self.distribution in ("normal", "uniform"):
            return softmax(draws)
        if self.distribution == "bernoulli":
            draws = (draws < 0.5).astype(float)
            draws = np.where(draws.any(1, keepdims=True), draws, 1)
        elif self.distribution == "one_hot":
            draws = (draws == draws.max(1, keepdims=True)).astype(float)
        weights: np.ndarray = draws / draws.sum(1, keepdims=True)
        return weights
