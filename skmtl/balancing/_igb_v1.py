"""IGB: tasks far from what they can reach get more weight."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._epochs import epoch_means, follow_epochs
from ._floor import FlooredLossBalancing, floored, softmax
from ._step import Array, Step


class ImprovableGap(FlooredLossBalancing):
    """Improvable gap balancing, first version: `w = T softmax(L / L⁰) / L`, on the logarithms of the losses.

    `L⁰` is the mean loss of a task's second epoch; until it is known, `w = 1 / L`. So tasks with much left of their
    early loss are favoured, and no task's scale matters. State: the means of epochs. Task weights multiply the weights.
    The paper's second version learns by reinforcement, and is left out.

    Parameters
    ----------
    floor : float, default=1e-4
        Smaller losses, zero or negative ones too, count as this. While training, losses are in units of the best
        constant prediction's.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Dai, Y., Fei, N., and Lu, Z. (2023). Improvable gap balancing for multi-task learning. UAI.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing import ImprovableGap
    >>> balancer = ImprovableGap().start(n_members=1, n_tasks=2)
    >>> for epoch, losses in enumerate([[2.0, 2.0], [1.0, 1.0], [1.0, 0.5]]):
    ...     weights = balancer.balance(losses=np.array([losses]), epoch=epoch).weights
    >>> weights.round(2)  # of 1 / L = (1, 2), with softmax shares of 1 and .5
    array([[1.24, 1.51]])
    """

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return means of epochs, none known yet; see `Balancing.initial_state`."""
        return {**epoch_means(n_members, n_tasks), "base": np.full((n_members, n_tasks), np.nan)}

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the softmax of the gaps by the losses; see `Balancing.solve`."""
        if follow_epochs(step.losses, step.epoch, state):
            state["base"] = np.where(np.isnan(state["base"]) & (state["n_means"] == 2), state["last"], state["base"])
        losses = floored(step.losses, self.floor)
        base: Array = state["base"]
        gaps = np.where(np.isnan(base), 1, losses / floored(base, self.floor))
        weights: np.ndarray = softmax(gaps) * losses.shape[1] / losses
        return weights
