"""Weightings of torchjd, as they are."""

from __future__ import annotations

import copy
import sys
from typing import Any

import numpy as np
import torch

from ._base import GradientBalancing
from ._step import Step

# These look at more than the Gramian, and so at more than they would be given.
READ_MATRICES = {"ExcessMTLWeighting": "excess_mtl", "MoDoWeighting": "modo", "SDMGradWeighting": "sdmgrad"}
LARGEST_SEED = 2**31


class TorchJDWeighting(GradientBalancing):
    """A `Weighting` of torchjd that reads Gramians, one copy a member.

    An estimator's `balancing=` takes such objects as they are; this is what it makes of them. Each copy sees one
    member's Gramian, without the tasks that have no labels in a batch, so its size may change: a preference vector fits
    only where all tasks always have labels, and most of torchjd's weightings with state start anew at each change. Task
    weights multiply the weights. torchjd solves in Python, member by member; a step costs a few milliseconds.

    Parameters
    ----------
    weighting : torchjd.aggregation.Weighting
    gradients : {"auto", "representation", "parameters"}, default="auto"
        What gradients are taken with respect to, see `GradientBalancing`.
    every : int, default=1
        Steps after which weights are renewed.
    scale : {"published", "sum"}, default="published"
        "sum" scales the weights so that their absolute values sum to the number of tasks.

    References
    ----------
    Quinton, P., and Rey, V. (2024). Jacobian descent for multi-objective optimization. arXiv:2406.16232.
    """

    def __init__(self, weighting: Any, *, gradients: str = "auto", every: int = 1, scale: str = "published") -> None:
        super().__init__(gradients=gradients, every=every, scale=scale)
        self.weighting = weighting

    def check(self) -> None:
        """Check the parameters; see `Balancing.check`.

        Raises
        ------
        ValueError
            If the weighting is none of torchjd, or reads more than Gramians.
        """
        super().check()
        if not is_torchjd_weighting(self.weighting):
            raise ValueError(f"weighting must be a torchjd.aggregation.Weighting, got {self.weighting!r}.")
        kinds = (kind.__name__ for module in self.weighting.modules() for kind in type(module).__mro__)
        for name in READ_MATRICES.keys() & kinds:  # wrapped ones and subclasses, too
            raise ValueError(
                f"{name} reads the gradients themselves, and would be given their Gramian: use "
                f"balancing={READ_MATRICES[name]!r}."
            )

    def initial_state(self, n_members: int, n_tasks: int) -> dict[str, Any]:
        """Return a copy of the weighting a member; see `Balancing.initial_state`."""
        del n_tasks
        copies = np.empty(n_members, dtype=object)
        for member in range(n_members):
            copies[member] = copy.deepcopy(self.weighting)
        return {"weightings": copies}

    def draw(self, n_tasks: int, generator: np.random.Generator) -> np.ndarray:
        """Draw one seed, repeated for each task; see `Balancing.draw`."""
        return np.full(n_tasks, float(generator.integers(LARGEST_SEED)))

    def solve(self, step: Step, state: dict[str, Any]) -> np.ndarray:
        """Return the weightings' weights, member by member; see `Balancing.solve`."""
        weights = np.empty(step.norms.shape)
        with torch.random.fork_rng(devices=[]):
            for member, weighting in enumerate(state["weightings"]):
                # torch.manual_seed would seed accelerators, too, whose state is not restored.
                torch.default_generator.manual_seed(int(step.draws[member, 0]))
                try:
                    weights[member] = weighting(torch.from_numpy(step.gramian[member])).detach().numpy()
                except ValueError as error:
                    raise ValueError(
                        f"{type(weighting).__name__} failed on the gradients of {step.norms.shape[1]} tasks: {error} "
                        "Tasks without labels in a batch are left out; if this weighting needs all of them, use a "
                        "method of skmtl.balancing, such as 'mgda' or SmoothedWeights."
                    ) from error
        return weights


def is_torchjd_weighting(value: Any) -> bool:
    """Whether something is a weighting of torchjd, which is not imported for this: whoever made one has done so.

    Parameters
    ----------
    value : object
    """
    package = sys.modules.get("torchjd.aggregation")
    return package is not None and isinstance(value, package.Weighting)
