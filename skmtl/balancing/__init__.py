"""Balancing: how the losses or gradients of tasks are combined while training.

A method maps the losses of `T` tasks, or the Gramian of their gradients, to weights `(M, T)`, for `M` members at once.
Each is a specification: its parameters are searched as `balancing__<parameter>`. Task weights are preferences: under
every method, a larger one means more say.

>>> import numpy as np
>>> from skmtl.balancing import BALANCINGS
>>> sorted(BALANCINGS)[:3]
['uniform']
"""

from ._balancer import Balanced, Balancer
from ._base import Balancing, GradientBalancing, JacobianBalancing, LossBalancing
from ._registry import BALANCINGS, as_balancing
from ._step import Step
from ._uniform import Uniform

__all__ = [
    "BALANCINGS",
    "Balanced",
    "Balancer",
    "Balancing",
    "GradientBalancing",
    "JacobianBalancing",
    "LossBalancing",
    "Step",
    "Uniform",
    "as_balancing",
]
