"""What a balancing is: a specification that turns the losses or the gradients of tasks into weights, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints
from torch import Tensor

from ._arrays import as_blocks
from ._balancer import Balancer
from ._step import Step

SCALE = {"scale": [StrOptions({"published", "sum"})]}


class Balancing(BaseEstimator):
    """Base of balancing specifications: stores settings and says how weights follow from losses or gradients.

    A subclass stores its parameters in `__init__`, so that `clone`, `set_params` and a grid search over
    `balancing__<parameter>` work, and defines `solve`, which is called for all members that see the same tasks at once.

    Attributes
    ----------
    needs : {"nothing", "losses", "gramian", "jacobian"}
        What `solve` looks at, beside the losses.
    sees_task_weights : bool
        Whether task weights multiply losses and gradients before the method sees them. Otherwise they multiply its
        weights: for methods that undo a loss's scale, and for those that give the larger gradient the smaller weight.
    reads_losses : bool
        Whether a method on gradients needs the losses, too.
    pairwise : tuple of str
        Names of state that is `(M, T, T)`.
    follows_up : bool
        Whether `follow_up` wants the losses of the same batch after the step.
    every : int
        Steps after which the weights of a method on Gramians are renewed.
    gradients : {"auto", "representation", "parameters"}
        What the gradients of a method on Gramians are taken with respect to.
    wants_pulls : bool
        Whether a method on Jacobians is given pulls on the units of the representation, where tasks have a common one:
        each task's gradient times the signs of the units, summed over rows. What `replace` returns is then which shares
        of pulls up and down pass, `(M, T, 2, H)`.
    wants_halves : bool
        Whether a Jacobian is that of two halves of the batch, one after the other, `(M, 2, T, P)`.
    """

    needs: ClassVar[str] = "losses"
    sees_task_weights: ClassVar[bool] = False
    reads_losses: ClassVar[bool] = True
    pairwise: ClassVar[tuple[str, ...]] = ()
    follows_up: ClassVar[bool] = False
    every: int = 1
    gradients: str = "auto"
    wants_pulls: ClassVar[bool] = False
    wants_halves: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict[str, Any]] = SCALE
    scale: str

    def check(self) -> None:
        """Check the parameters.

        Raises
        ------
        ValueError
            If one is out of range.
        """
        validate_parameter_constraints(
            self._parameter_constraints, self.get_params(deep=False), caller_name=type(self).__name__
        )

    def among(self, task_names: Sequence[str], learned: Sequence[str]) -> Balancing:
        """Return the method for tasks of these names: itself, unless it treats one of them in a way of its own.

        Parameters
        ----------
        task_names : sequence of str
            All tasks.
        learned : sequence of str
            Those that have a task weight, in the order in which the method sees them.
        """
        del task_names, learned
        return self

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return what the method keeps from step to step; by default nothing.

        Parameters
        ----------
        n_members, n_tasks : int

        Returns
        -------
        dict
            Arrays or tensors `(M,)`, `(M, T, …)`, or `(M, T, T)` where `pairwise` says so. `solve` receives the part
            of the tasks that are there, and writes its changes into the dict.
        """
        del n_members, n_tasks
        return {}

    def draw(self, n_tasks: int, generator: np.random.Generator) -> np.ndarray | None:
        """Draw a member's random numbers of a step, `(T,)` or `(T, T)`, for all tasks, whether they are there or not.

        Parameters
        ----------
        n_tasks : int
        generator : numpy.random.Generator
        """
        del n_tasks, generator
        return None

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weights of a step, `(M, T)`.

        Parameters
        ----------
        step : Step
        state : dict
        """
        raise NotImplementedError

    def replace(self, step: Step, state: dict[str, Any]) -> tuple[np.ndarray, Tensor | None]:
        """Return the weights of a step, `(M, T)`, and the gradients that they multiply, `(M, T, P)`; None: the given.

        Parameters
        ----------
        step : Step
        state : dict
        """
        return self.solve(step, state), None

    def follow_up(self, before: np.ndarray, after: np.ndarray, state: dict[str, Any]) -> None:
        """Learn from what the step did to the losses of its batch.

        Parameters
        ----------
        before, after : ndarray of shape (M, T)
        state : dict
        """
        raise NotImplementedError

    def start(
        self,
        n_members: int,
        n_tasks: int,
        task_weights: np.ndarray | Sequence[float] | None = None,
        generators: Sequence[np.random.Generator] | None = None,
    ) -> Balancer:
        """Return the method at work, with a state of its own.

        Parameters
        ----------
        n_members, n_tasks : int
        task_weights : array-like of shape (n_tasks,) or None, default=None
            Preferences; None: all 1.
        generators : sequence of numpy.random.Generator or None, default=None
            One a member; None: `default_rng(0)`, `default_rng(1)`, …

        Raises
        ------
        ValueError
            If a parameter is out of range.
        """
        return Balancer(self, n_members, n_tasks, task_weights, generators)

    def _weights(self, blocks: np.ndarray, generator: np.random.Generator | None, given: dict[str, Any]) -> np.ndarray:
        """Return the weights of a first step for some blocks `(M, T, …)`, all of which draw from one generator."""
        if not isinstance(generator, np.random.Generator | None):
            raise ValueError(f"generator must be a numpy.random.Generator, as default_rng(0), got {generator!r}.")
        if not len(blocks):
            return np.empty(blocks.shape[:2])
        generators = [generator or np.random.default_rng(0)] * len(blocks)
        return self.start(len(blocks), blocks.shape[1], None, generators).balance(**given).weights


class LossBalancing(Balancing):
    """Base of methods that look at losses; their weights reach the whole network.

    Parameters
    ----------
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights of a step so that their absolute values sum to the number of tasks, before task weights
        multiply them.

    Examples
    --------
    >>> from skmtl.balancing import BALANCINGS, LossBalancing
    >>> [name for name, method in BALANCINGS.items() if issubclass(method, LossBalancing)][:3]
    ['uniform', 'uncertainty', 'imtl_l']
    """

    def __init__(self, *, scale: str = "published") -> None:
        self.scale = scale

    def weights(self, losses: Any, generator: np.random.Generator | None = None) -> Any:
        """Return the weights of tasks with these losses; for a method with state, those of its first step.

        A task whose loss is not finite gets weight 0 from methods that look at losses; if that is true of all, all
        weights are 1.

        Parameters
        ----------
        losses : array-like or Tensor of shape (…, n_tasks)
        generator : numpy.random.Generator or None, default=None
            Source of random methods; None: `default_rng(0)`.

        Returns
        -------
        ndarray or Tensor of shape (…, n_tasks)
            Of the kind of `losses`.

        Raises
        ------
        ValueError
            If `generator` is something else.
        """
        blocks, back = as_blocks(losses, 1)  # (M, T)
        return back(self._weights(blocks, generator, {"losses": blocks}))


class GradientBalancing(Balancing):
    """Base of methods that look at the Gramian of the tasks' gradients; their weights reach what tasks share.

    Parameters
    ----------
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to: the last tensors that all tasks read, which is cheap, or the
        parameters that tasks share. "auto" is the representation, where the way of sharing has one.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights of a step so that their absolute values sum to the number of tasks, before task weights
        multiply them.

    Examples
    --------
    >>> from skmtl.balancing import BALANCINGS, GradientBalancing
    >>> issubclass(BALANCINGS["mgda"], GradientBalancing)
    True
    """

    needs = "gramian"
    reads_losses = False
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SCALE,
        "gradients": [StrOptions({"auto", "representation", "parameters"})],
        "every": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, *, gradients: str = "auto", every: int = 1, scale: str = "published") -> None:
        self.gradients = gradients
        self.every = every
        self.scale = scale

    def weights(self, gramian: Any, generator: np.random.Generator | None = None, *, losses: Any = None) -> Any:
        """Return the weights of tasks whose gradients have this Gramian; for a method with state, its first step's.

        A task whose gradient is zero or not finite, or has a product with another's that is not finite, gets weight 0;
        if that is true of all, all weights are 1.

        Parameters
        ----------
        gramian : array-like or Tensor of shape (…, n_tasks, n_tasks)
            Inner products of the gradients, taken in double precision: methods that ask which gradients depend on each
            other count as dependent what differs by less than its rounding.
        generator : numpy.random.Generator or None, default=None
            Source of random methods; None: `default_rng(0)`.
        losses : array-like or Tensor of shape (…, n_tasks), default=None
            For methods that need them.

        Returns
        -------
        ndarray or Tensor of shape (…, n_tasks)
            Of the kind of `gramian`.

        Raises
        ------
        ValueError
            If a parameter is out of range, `gramian` is not square, losses are needed and not given, or of another
            shape, or `generator` is something else.
        """
        self.check()
        blocks, back = as_blocks(gramian, 2)  # (M, T, T)
        if blocks.shape[1] != blocks.shape[2]:
            raise ValueError(f"gramian must be square in its last two dimensions, got shape {blocks.shape[1:]}.")
        if losses is None and self.reads_losses:
            raise ValueError(f"{type(self).__name__} needs the losses beside the Gramian: give losses=.")
        values = None if losses is None else as_blocks(losses, 1)[0]
        if values is not None and np.shape(losses) != np.shape(gramian)[:-1]:
            raise ValueError(
                f"losses must be {np.shape(gramian)[:-1]}, one for each row of gramian, got shape {np.shape(losses)}."
            )
        return back(self._weights(blocks, generator, {"losses": values, "gramian": blocks}))


class JacobianBalancing(Balancing):
    """Base of methods that look at the gradients themselves, and may replace them, by a running mean for example.

    Parameters
    ----------
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights of a step so that their absolute values sum to the number of tasks, before task weights
        multiply them.
    """

    needs = "jacobian"
    reads_losses = False

    def __init__(self, *, scale: str = "published") -> None:
        self.scale = scale
