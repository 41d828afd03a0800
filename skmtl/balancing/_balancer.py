"""A balancing method at work, step after step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from torch import Tensor

from ._arrays import widened
from ._step import NO_JACOBIAN, NOTHING, Step, cut, places

if TYPE_CHECKING:
    from ._base import Balancing


class Balanced(NamedTuple):
    """What a method made of a step.

    Attributes
    ----------
    weights : ndarray of shape (M, T)
        Weights of the tasks' losses or gradients, task weights included; 0 for tasks that are not there.
    jacobian : Tensor of shape (M, T, P) or None
        What they multiply, where that is not the gradients of this step; for pulls, which shares of them pass, `(M, T,
        2, H)`. Good until the next step.
    """

    weights: np.ndarray
    jacobian: Tensor | None = None


class Balancer:
    """A method at work: its state and its random numbers, for `M` members and `T` tasks.

    Tasks without labels in a step, with a gradient that is zero or not finite, or with a loss that is not finite where
    the method reads losses, are cut out before the method sees anything: they get weight 0, and what is kept of them
    stays as it is. So are both of two others whose gradients' inner product is not finite. If no task is left, weights
    are uniform.

    Parameters
    ----------
    method : Balancing
    n_members, n_tasks : int
    task_weights : array-like of shape (n_tasks,) or None, default=None
        Preferences; None: all 1.
    generators : sequence of numpy.random.Generator or None, default=None
        One a member; None: `default_rng(0)`, `default_rng(1)`, …

    Attributes
    ----------
    state : dict
        What the method keeps.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing import BALANCINGS
    >>> balancer = BALANCINGS["uniform"]().start(n_members=1, n_tasks=2, task_weights=[1, 3])
    >>> balancer.balance(losses=np.array([[0.5, 2.0]])).weights
    array([[1., 3.]])
    """

    def __init__(
        self,
        method: Balancing,
        n_members: int,
        n_tasks: int,
        task_weights: np.ndarray | Sequence[float] | None = None,
        generators: Sequence[np.random.Generator] | None = None,
    ) -> None:
        method.check()
        self.method = method
        self.n_members, self.n_tasks = n_members, n_tasks
        self.task_weights = np.ones(n_tasks) if task_weights is None else np.asarray(task_weights, dtype=float)
        self._prefers = bool((self.task_weights != 1).any())
        self.generators = list(generators or map(np.random.default_rng, range(n_members)))
        self.forget()

    def forget(self) -> None:
        """Go back to the state before the first step; random numbers go on."""
        self.state = self.method.initial_state(self.n_members, self.n_tasks)
        self._age = 0
        self._last: tuple[np.ndarray, np.ndarray] | None = None

    def remembered(self, present: np.ndarray) -> np.ndarray | None:
        """Return the last weights where they are still good: for the same tasks, and not older than `every` steps.

        Parameters
        ----------
        present : ndarray of bool of shape (M, T)
        """
        if self._last is None or self._age >= self.method.every:
            return None
        self._age += 1
        known, weights = self._last
        return weights if np.array_equal(known, present) else None

    def balance(
        self,
        losses: np.ndarray | None = None,
        gramian: np.ndarray | None = None,
        jacobian: Tensor | None = None,
        pulls: bool = False,
        present: np.ndarray | None = None,
        epoch: int = 0,
    ) -> Balanced:
        """Return the weights of a step.

        Parameters
        ----------
        losses : ndarray of shape (M, T) or None, default=None
        gramian : ndarray of shape (M, T, T) or None, default=None
        jacobian : Tensor of shape (M, T, P) or None, default=None
        pulls : bool, default=False
            Whether the Jacobian holds pulls on units; see `Balancing`.
        present : ndarray of bool of shape (M, T) or None, default=None
            Which tasks have labels; None: all.
        epoch : int, default=0
        """
        method, preferences = self.method, self.task_weights
        shape = (self.n_members, self.n_tasks)
        given = np.ones(shape, dtype=bool) if present is None else present
        reads_losses = losses is not None and method.reads_losses
        losses = np.full(shape, np.nan) if losses is None else losses
        if self._prefers and method.sees_task_weights:
            losses = losses * preferences
            gramian = None if gramian is None else gramian * preferences[:, None] * preferences
            jacobian = None if jacobian is None else jacobian * jacobian.new_tensor(preferences)[:, None]
        seen = given
        if gramian is not None:
            seen = given & _usable(np.diagonal(gramian, axis1=1, axis2=2))
        elif jacobian is not None:
            seen = given & _usable(_lengths(jacobian))
        if reads_losses:
            seen = seen & np.isfinite(losses)
        if gramian is not None:
            seen = _comparable(gramian, seen)
        drawn = [method.draw(self.n_tasks, generator) for generator in self.generators]
        step = Step(
            epoch,
            losses,
            NOTHING if gramian is None else gramian,
            NO_JACOBIAN if jacobian is None else jacobian,
            pulls,
            NOTHING if drawn[0] is None else np.stack([values for values in drawn if values is not None]),
        )
        weights, replaced = self._solve(step, seen)
        if self._prefers:
            weights = weights * preferences
            if replaced is not None and method.sees_task_weights and not pulls:  # made of gradients that have them
                replaced = replaced / replaced.new_tensor(np.where(preferences > 0, preferences, 1))[:, None]
        if method.needs == "gramian":
            followed = seen.any(1) | ~given.any(1)
            # Weights that follow from no gradient are not kept.
            self._age, self._last = 1, (given.copy(), weights) if followed.all() else None
        return Balanced(weights, replaced)

    def follow_up(self, before: np.ndarray, after: np.ndarray, present: np.ndarray) -> None:
        """Let the method learn from what the step did to the losses of its batch.

        Parameters
        ----------
        before, after : ndarray of shape (M, T)
        present : ndarray of bool of shape (M, T)
        """
        for members, tasks in _patterns(present):
            state = self._part(members, tasks)
            index = places(members, tasks)
            self.method.follow_up(before[index], after[index], state)
            self._keep(state, members, tasks)

    def _solve(self, step: Step, seen: np.ndarray) -> tuple[np.ndarray, Tensor | None]:
        """Let the method see what is there; members that see the same tasks are solved at once."""
        if seen.all():
            weights, replaced = self.method.replace(step, self.state)
            return self._scaled(weights), replaced
        weights = np.where(seen.any(1, keepdims=True), 0.0, np.ones(seen.shape))
        whole: Tensor | None = None
        for members, tasks in _patterns(seen):
            state = self._part(members, tasks)
            solved, replaced = self.method.replace(step.part(members, tasks), state)
            self._keep(state, members, tasks)
            weights[places(members, tasks)] = self._scaled(solved)
            if replaced is not None:
                whole = replaced.new_zeros(*seen.shape, *replaced.shape[2:]) if whole is None else whole
                whole[places(members, tasks)] = replaced
        return weights, whole

    def _part(self, members: np.ndarray, tasks: np.ndarray) -> dict[str, Any]:
        return {name: cut(kept, members, tasks, name in self.method.pairwise) for name, kept in self.state.items()}

    def _keep(self, state: dict[str, Any], members: np.ndarray, tasks: np.ndarray) -> None:
        """Write a part of the state back."""
        for name, part in state.items():
            if name not in self.state:  # made at the first step, which knows the number of parameters
                self.state[name] = part.new_zeros(self.n_members, self.n_tasks, *part.shape[2:])
            whole = self.state[name]
            if name in self.method.pairwise:
                whole[np.ix_(members, tasks, tasks)] = part
            elif whole.ndim == 1:
                whole[members] = part
            else:
                whole[places(members, tasks)] = part

    def _scaled(self, weights: np.ndarray) -> np.ndarray:
        if self.method.scale == "published":
            return weights
        total = np.abs(weights).sum(1, keepdims=True)
        scaled: np.ndarray = weights * np.where(total > 0, weights.shape[1] / np.where(total > 0, total, 1), 1)
        return scaled


def _patterns(seen: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return which members see which tasks, those that see the same ones together; without those that see none."""
    if seen.all():
        return [(np.arange(seen.shape[0]), np.arange(seen.shape[1]))]
    patterns, which = np.unique(seen, axis=0, return_inverse=True)
    return [
        (np.flatnonzero(which.ravel() == place), np.flatnonzero(pattern))
        for place, pattern in enumerate(patterns)
        if pattern.any()
    ]


def _usable(lengths: np.ndarray) -> np.ndarray:
    """Which tasks have a gradient that is finite and not zero, `(M, T)`."""
    usable: np.ndarray = np.isfinite(lengths) & (lengths > 0)
    return usable


def _comparable(gramian: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Which of the tasks that are seen have finite products with all others of them, `(M, T)`."""
    finite = np.isfinite(gramian)
    if finite.all():
        return seen
    finite &= np.swapaxes(finite, 1, 2)
    comparable: np.ndarray = seen & (finite | ~seen[:, None]).all(2)
    return comparable


def _lengths(jacobian: Tensor) -> np.ndarray:
    """Lengths of the rows of a Jacobian, `(M, T)`; of two halves, the sum.

    Only where squares are too large or too small for the Jacobian's own precision are they found in a wider one.
    """
    lengths: np.ndarray = jacobian.norm(dim=-1).cpu().numpy()
    if not _usable(lengths).all():
        lengths = widened(jacobian).norm(dim=-1).cpu().numpy()
    return lengths if lengths.ndim == 2 else lengths.sum(1)
