"""PCD: descent for a primary task that leaves each other task a part of its own progress."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import Interval

from .._spelling import likely_and_known
from ._base import GradientBalancing
from ._nnls import nonnegative_minimum
from ._step import Array, Step

# Constraints contradict each other if what meets them is longer than 1e5 times the gradients: rounding starts at 1e7.
CONTRADICTION = 1e-10
# A direction shorter than this share of its parts is rounding.
NOTHING_LEFT = 1e-7


class PCD(GradientBalancing):
    """Priority-constrained descent: the primary task's gradient, changed until every other task gets a part of its own.

        min ‖d − ĝ_1‖²   subject to ĝ_j · d ≥ τ ‖ĝ_j‖² for all others j

    with the primary task's gradient `ĝ_1`, and gradients `ĝ_t = g_t / √v_t` in units of their usual lengths: `v_t` is a
    running mean of `‖g_t‖²` with decay `β`, corrected for its start. The direction is then made as long as `g_1`. So no
    other task's scale matters, and each improves by at least the share `τ` of what a step of its own would bring it.
    Where the others agree with the primary task that far, it is trained alone. State: `v` and the steps that it is made
    of. Task weights multiply the weights afterwards.

    Where constraints contradict each other, they are dropped, and where nothing is left, the direction is zero, as in
    the paper. A step in which the primary task has no labels, or no gradient, has nothing to be near to: weights of the
    others are 1. The paper adds a small number to `v`; here it is never zero.

    Parameters
    ----------
    primary : int or str, default=0
        The primary task: its place among the tasks, from 0, or its name. Names are known while training only.
    tau : float, default=0.02
        `τ`, in [0, 1].
    beta : float, default=0.999
        `β`, in [0, 1). 0: gradients of the step count as of length 1.
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to, see `GradientBalancing`.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Varam, D., and Alhajri, M. I. (2026). Not all objectives are born equal: priority-constrained descent for
    hierarchical multi-objective optimization. TMLR. arXiv:2606.29521.

    Examples
    --------
    >>> from skmtl.balancing import PCD
    >>> PCD(tau=0.5).weights([[1.0, 0.0], [0.0, 4.0]]).round(3)  # (1, ½) in units of lengths, made as long as (1, 0)
    array([0.894, 0.224])
    >>> PCD(tau=0.5).weights([[1.0, 1.5], [1.5, 4.0]])  # the other task has its part
    array([1., 0.])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GradientBalancing._parameter_constraints,
        "primary": [Interval(Integral, 0, None, closed="left"), str],
        "tau": [Interval(Real, 0, 1, closed="both")],
        "beta": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        primary: int | str = 0,
        tau: float = 0.02,
        beta: float = 0.999,
        *,
        gradients: str = "auto",
        every: int = 1,
        scale: str = "published",
    ) -> None:
        super().__init__(gradients=gradients, every=every, scale=scale)
        self.primary = primary
        self.tau = tau
        self.beta = beta

    def among(self, task_names: Sequence[str], learned: Sequence[str]) -> PCD:
        """Return the same with the primary task's place among the learned tasks; see `Balancing.among`.

        Raises
        ------
        ValueError
            If there is no such task, or it is not learned.
        """
        primary, last = self.primary, len(task_names) - 1
        if isinstance(primary, str) and primary not in task_names:
            raise ValueError(
                f"primary of PCD must be a task, got {primary!r}." + likely_and_known(primary, task_names, "tasks")
            )
        if not isinstance(primary, str) and primary > last:
            raise ValueError(
                f"primary of PCD must be the name of a task, or its place from 0 to {last}, got {primary!r}."
            )
        name = primary if isinstance(primary, str) else task_names[int(primary)]
        if name not in learned:
            raise ValueError(f"primary of PCD is task {name!r}, whose task weight is 0: choose one that is learned.")
        method: PCD = clone(self).set_params(primary=list(learned).index(name))
        return method

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return which task is primary, sums of squared lengths and numbers of steps; see `Balancing.initial_state`.

        Raises
        ------
        ValueError
            If there is no such task.
        """
        if isinstance(self.primary, str) or self.primary >= n_tasks:
            raise ValueError(
                f"primary of PCD must be a task's place, from 0 to {n_tasks - 1}, where tasks have no names, got "
                f"{self.primary!r}."
            )
        zeros = np.zeros((n_members, n_tasks))
        return {"primary": zeros + (np.arange(n_tasks) == self.primary), "squares": zeros, "steps": zeros.copy()}

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights of the constrained direction; see `Balancing.solve`."""
        square = step.norms**2
        state["squares"] = self.beta * state["squares"] + (1 - self.beta) * square
        state["steps"] = state["steps"] + 1
        if not state["primary"].any():
            return np.ones_like(square)
        primary = int(state["primary"][0].argmax())  # members here see the same tasks
        usual = np.sqrt(state["squares"] / (1 - self.beta ** state["steps"]))
        return constrained(step.cosines, step.norms, step.norms / usual, primary, self.tau)


def constrained(cosines: Array, norms: Array, lengths: Array, primary: int, tau: float) -> Array:
    """Return the weights of what is nearest to one gradient and gives the others their part, as long as that gradient.

    The change `z` is the shortest with `E z ≥ h`. Where `u` solves `min_{u ≥ 0} ‖Eᵀ u‖² + (hᵀ u − 1)²`, it is `Eᵀ u /
    (1 − hᵀ u)`, and constraints contradict each other if that is 0 / 0 (Lawson and Hanson 1974).

    Parameters
    ----------
    cosines : ndarray of shape (M, T, T)
    norms : ndarray of shape (M, T)
        Lengths of the gradients.
    lengths : ndarray of shape (M, T)
        Lengths at which they are compared.
    primary : int
    tau : float
    """
    asked = tau * lengths / lengths[:, [primary]] - cosines[:, primary]  # of a change, in units of the primary gradient
    size = np.maximum(asked.max(1, keepdims=True), 1)
    asked /= size
    asked[:, primary] = 0  # its own row is that of the identity
    others = np.arange(lengths.shape[1]) != primary
    matrix = np.where(others[:, None] & others, cosines, np.eye(len(others)))
    # The shortest change that meets constraints, as least squares that have a solution whether they can be met or not.
    u = nonnegative_minimum(matrix + asked[:, :, None] * asked[:, None, :], asked)
    left = 1 - (asked * u).sum(1, keepdims=True)  # 1 / (1 + the square of its length)
    met = left > CONTRADICTION
    x = np.where(met, u * size / np.where(met, left, 1), 0)
    x[:, primary] = 1
    square = np.maximum((x * np.matmul(cosines, x[..., None])[..., 0]).sum(1, keepdims=True), 0)
    there = square > (NOTHING_LEFT * x.sum(1, keepdims=True)) ** 2
    weights: Array = np.where(there, x / np.sqrt(np.where(there, square, 1)), 0) * norms[:, [primary]] / norms
    return weights
