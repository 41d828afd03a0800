"""The running average of a network's weights, which is steadier than the weights of any step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

# The average reaches back over about the last 1 / 21 of the steps: long enough to smooth what single batches do to the
# weights, and short enough to follow them, in ten steps as in ten thousand.
RECENCY = 20


class RunningAverage:
    """An average over steps in which the last twentieth or so counts (Shamir and Zhang 2013).

    After step t, the average moves towards the weights by (RECENCY + 1) / (t + RECENCY) of the way; after the first, it
    is the weights themselves.

    Parameters
    ----------
    weights : sequence of Tensor
        What is averaged: tensors that a solver changes in place.

    References
    ----------
    O. Shamir, T. Zhang. Stochastic gradient descent for non-smooth optimization: convergence results and optimal
    averaging schemes. ICML 2013.

    Examples
    --------
    >>> import torch
    >>> from skmtl.training import RunningAverage
    >>> weights = torch.zeros(1)
    >>> average = RunningAverage([weights])
    >>> for step in (1.0, 2.0):
    ...     weights.fill_(step)
    ...     average.update()
    tensor([1.])
    tensor([2.])
    >>> with average.in_place():
    ...     print(weights)
    tensor([1.9545])
    >>> weights
    tensor([2.])
    """

    def __init__(self, weights: Sequence[Tensor]) -> None:
        self._weights = [weight.detach() for weight in weights]
        self._means = [weight.clone() for weight in self._weights]
        self._n_steps = 0

    def update(self) -> None:
        """Take note of the weights after a step."""
        self._n_steps += 1
        torch._foreach_lerp_(self._means, self._weights, (RECENCY + 1) / (self._n_steps + RECENCY))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the averages where the weights are, until the end of the `with` block."""
        live = [weight.clone() for weight in self._weights]
        torch._foreach_copy_(self._weights, self._means)
        try:
            yield
        finally:
            torch._foreach_copy_(self._weights, live)
