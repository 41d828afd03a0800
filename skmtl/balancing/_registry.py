"""All balancing methods by name."""

from __future__ import annotations

from typing import Any

from .._spelling import likely_and_known
from ._aligned_mtl import AlignedMTL
from ._base import Balancing
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
from ._rlw import RandomLossWeighting
from ._scale_invariant import ScaleInvariant
from ._sdmgrad import SDMGrad
from ._stch import SmoothTchebycheff
from ._torchjd import TorchJDWeighting, is_torchjd_weighting
from ._uncertainty import UncertaintyWeighting
from ._uniform import Uniform
from ._upgrad import UPGrad
from ._uw_so import SoftOptimalUncertainty

BALANCINGS: dict[str, type[Balancing]] = {
    # on losses
    "uniform": Uniform,
    "uncertainty": UncertaintyWeighting,
    "imtl_l": IMTLLoss,
    "uw_so": SoftOptimalUncertainty,
    "scale_invariant": ScaleInvariant,
    "geometric": GeometricLoss,
    "dwa": DynamicWeightAverage,
    "rlw": RandomLossWeighting,
    "famo": FAMO,
    "stch": SmoothTchebycheff,
    "igb_v1": ImprovableGap,
    "go4align": GO4Align,
    "cosmos": COSMOS,
    "pbi": PBI,
    # on gradients, by their Gramian
    "mgda": MGDA,
    "sdmgrad": SDMGrad,
    "cagrad": CAGrad,
    "imtl_g": IMTLGradient,
    "config": ConFIG,
    "nash_mtl": NashMTL,
    "fairgrad": FairGrad,
    "aligned_mtl": AlignedMTL,
    "upgrad": UPGrad,
    "dualproj": DualProj,
    "pcgrad": PCGrad,
    "gradvac": GradVac,
    "gradnorm": GradNorm,
    "pmtl": ParetoMTL,
    "epo": EPO,
    "pcd": PCD,
    # on gradients themselves
    "db_mtl": DBMTL,
    "moco": MoCo,
    "modo": MoDo,
    "excess_mtl": ExcessMTL,
    "graddrop": GradDrop,
}


def as_balancing(balancing: Any) -> Balancing:
    """Return the specification that the `balancing` parameter of an estimator stands for.

    Parameters
    ----------
    balancing : str, Balancing or torchjd.aggregation.Weighting

    Raises
    ------
    ValueError
        If there is no method of that name, or `balancing` is none of these.

    Examples
    --------
    >>> from skmtl.balancing import as_balancing
    >>> as_balancing("cagrad")
    CAGrad()
    """
    if isinstance(balancing, Balancing):
        return balancing
    if is_torchjd_weighting(balancing):
        return TorchJDWeighting(balancing)
    if isinstance(balancing, str) and balancing in BALANCINGS:
        return BALANCINGS[balancing]()
    raise ValueError(
        f"balancing must be a name or a balancing specification, got {balancing!r}."
        + (_object_instead_of(balancing) or likely_and_known(balancing, ["auto", *BALANCINGS], "balancings"))
    )


def _object_instead_of(balancing: Any) -> str:
    """Return the end of a message: what to give instead of a class, or of an aggregator of torchjd."""
    if isinstance(balancing, type):
        return f" Give an object, {balancing.__name__}(), or a name."
    weighting = getattr(balancing, "gramian_weighting", None)
    return f" Give its weighting, a {type(weighting).__name__}." if is_torchjd_weighting(weighting) else ""
