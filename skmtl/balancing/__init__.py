"""Balancing: how the losses or gradients of tasks are combined while training.

A method maps the losses of `T` tasks, or the Gramian of their gradients, to weights `(M, T)`, for `M` members at once.
Each is a specification: its parameters are searched as `balancing__<parameter>`. Task weights are preferences: under
every method, a larger one means more say.

>>> from skmtl.balancing import BALANCINGS
>>> BALANCINGS["mgda"]().weights([[1.0, 0.0], [0.0, 4.0]])
array([0.8, 0.2])
"""

from ._aligned_mtl import AlignedMTL
from ._balancer import Balanced, Balancer
from ._base import Balancing, GradientBalancing, JacobianBalancing, LossBalancing
from ._cagrad import CAGrad
from ._config import ConFIG
from ._cosmos import COSMOS
from ._db_mtl import DBMTL
from ._dualproj import DualProj
from ._dwa import DynamicWeightAverage
from ._epo import EPO
from ._excess_mtl import ExcessMTL
from ._fairgrad import FairGrad
from ._famo import FAMO
from ._geometric import GeometricLoss
from ._go4align import GO4Align
from ._graddrop import GradDrop
from ._gradnorm import GradNorm
from ._gradvac import GradVac
from ._igb_v1 import ImprovableGap
from ._imtl_g import IMTLGradient
from ._imtl_l import IMTLLoss
from ._mgda import MGDA
from ._moco import MoCo
from ._modo import MoDo
from ._nash_mtl import NashMTL
from ._pbi import PBI
from ._pcd import PCD
from ._pcgrad import PCGrad
from ._pmtl import ParetoMTL
from ._registry import BALANCINGS, as_balancing
from ._rlw import RandomLossWeighting
from ._scale_invariant import ScaleInvariant
from ._sdmgrad import SDMGrad
from ._smoothed import SmoothedWeights
from ._stch import SmoothTchebycheff
from ._step import Step
from ._torchjd import TorchJDWeighting
from ._uncertainty import UncertaintyWeighting
from ._uniform import Uniform
from ._upgrad import UPGrad
from ._uw_so import SoftOptimalUncertainty

__all__ = [
    "BALANCINGS",
    "COSMOS",
    "DBMTL",
    "EPO",
    "FAMO",
    "MGDA",
    "PBI",
    "PCD",
    "AlignedMTL",
    "Balanced",
    "Balancer",
    "Balancing",
    "CAGrad",
    "ConFIG",
    "DualProj",
    "DynamicWeightAverage",
    "ExcessMTL",
    "FairGrad",
    "GO4Align",
    "GeometricLoss",
    "GradDrop",
    "GradNorm",
    "GradVac",
    "GradientBalancing",
    "IMTLGradient",
    "IMTLLoss",
    "ImprovableGap",
    "JacobianBalancing",
    "LossBalancing",
    "MoCo",
    "MoDo",
    "NashMTL",
    "PCGrad",
    "ParetoMTL",
    "RandomLossWeighting",
    "SDMGrad",
    "ScaleInvariant",
    "SmoothTchebycheff",
    "SmoothedWeights",
    "SoftOptimalUncertainty",
    "Step",
    "TorchJDWeighting",
    "UPGrad",
    "UncertaintyWeighting",
    "Uniform",
    "as_balancing",
]
