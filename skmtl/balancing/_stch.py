"""Smooth Tchebycheff scalarisation: a soft maximum of the losses."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import LossBalancing
from ._epochs import epoch_means, follow_epochs
from ._floor import FLOOR, FLOOR_CONSTRAINT, floored, softmax
from ._step import Step


class SmoothTchebycheff(LossBalancing):
    """The loss is a soft maximum, `μ log Σ_t exp(L_t / (T μ))`: the worst task leads.

    Weights are `softmax(L / (T μ)) / T`. As `μ → 0`, only the worst task is trained; as `μ → ∞`, all alike. Losses are
    compared as they are: this is for tasks whose losses mean the same, as they do in units of the best constant
    prediction's. Task weights multiply the losses first; with `warmup_epochs`, they multiply the weights.

    With `warmup_epochs`, this is what the authors do for multi-task learning: the sum of the logarithms of the losses
    until then, in the epoch after that a mean `L̄` of the losses is taken, and from then on
    `T μ log Σ_t exp(log(L_t / L̄_t) / μ)`, with weights `T softmax(log(L / L̄) / μ) / L`. State: these means.

    Parameters
    ----------
    mu : float, default=0.1
        Smoothing `μ`, above 0. The paper tries .01, .1, .5 and 1; with `warmup_epochs`, 1.
    warmup_epochs : int or None, default=None
        Epochs before losses are measured; the paper's code has 4. None: no such phases.
    floor : float, default=1e-4
        Smaller losses, zero or negative ones too, count as this in logarithms. While training, losses are in units of
        the best constant prediction's.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Lin, X., Zhang, X., Yang, Z., Liu, F., Wang, Z., and Zhang, Q. (2024). Smooth Tchebycheff scalarization for
    multi-objective optimization. ICML.

    Examples
    --------
    >>> from skmtl.balancing import SmoothTchebycheff
    >>> SmoothTchebycheff(mu=0.5).weights([1.0, 2.0]).round(3)  # softmax of 1 and 2, by 2
    array([0.134, 0.366])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **LossBalancing._parameter_constraints,
        **FLOOR_CONSTRAINT,
        "mu": [Interval(Real, 0, None, closed="neither")],
        "warmup_epochs": [None, Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self, mu: float = 0.1, *, warmup_epochs: int | None = None, floor: float = FLOOR, scale: str = "published"
    ) -> None:
        super().__init__(scale=scale)
        self.mu = mu
        self.warmup_epochs = warmup_epochs
        self.floor = floor

    @property
    def sees_task_weights(self) -> bool:  # type: ignore[override]
        """Whether task weights multiply the losses: not where a loss is compared with its own mean, which has them."""
        return self.warmup_epochs is None

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return means of epochs, none known yet; see `Balancing.initial_state`."""
        if self.warmup_epochs is None:
            return {}
        return {**epoch_means(n_members, n_tasks), "nadir": np.full((n_members, n_tasks), np.nan)}

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the derivative of the soft maximum; see `Balancing.solve`."""
        n_tasks = step.losses.shape[1]
        if self.warmup_epochs is None:
            plain: np.ndarray = softmax(step.losses / (n_tasks * self.mu)) / n_tasks
            return plain
        follow_epochs(step.losses, step.epoch, state)
        measured = np.isnan(state["nadir"]) & (state["n_means"] == self.warmup_epochs + 1)
        state["nadir"] = np.where(measured, state["last"], state["nadir"])
        losses, known = floored(step.losses, self.floor), ~np.isnan(state["nadir"])
        nadir = np.where(known, floored(np.where(known, state["nadir"], 1), self.floor), losses)
        weights: np.ndarray = softmax(np.log(losses / nadir) / self.mu) * n_tasks / losses
        return weights
