"""Networks whose members train side by side: batched layers, trunks, heads, and the network that joins them.

Shapes are written with one alphabet: `M` members, `B` rows, `F` features, `H` hidden units, `T` tasks, `O` outputs.
A trunk maps `(B, F)`, the same rows for all members, or `(M, B, F)`, rows of each member's own, to `(M, B, H)`; a head
maps that to `(M, B, O)`.

>>> from skmtl.nn import ModuleTrunk
>>> import torch
>>> ModuleTrunk(torch.nn.LazyLinear, out_features=8).get_params()
{'module': <class 'torch.nn.modules.linear.LazyLinear'>, 'out_features': 8}
"""

from ._adatt import AdaTT
from ._bag import BagTrunk
from ._batch_ensemble import BatchEnsemble
from ._chain import Links, chained_logits
from ._conv import ConvTrunk
from ._cross_stitch import CrossStitch
from ._dselect_k import DSelectK
from ._embedding import MemberEmbedding
from ._encoders import MemberEncoders, Pace
from ._film import FiLM
from ._fitted import FittedTrunk
from ._frozen import thawed
from ._hard import Hard
from ._heads import Heads
from ._independent import Independent
from ._layers import ACTIVATIONS, Activation, MemberDropout, MemberLinear
from ._low_rank import LowRank
from ._mixing import Mixing
from ._mlp import MLP, MLPTrunk
from ._mmoe import MMoE
from ._modal_net import Part
from ._modules import CallableTrunk, FixedTrunk, MemberModules, ModuleTrunk, as_trunk
from ._mtan import MTAN
from ._multimodal import MultiModalTrunk
from ._network import Network
from ._open_parts import OpenParts
from ._ple import CGC, PLE
from ._pretrained import PretrainedTrunk
from ._recurrent import RecurrentTrunk
from ._sharing import SharedTrunk, Sharing
from ._sharings import SHARINGS, as_sharing
from ._soft import Soft
from ._text import BagEmbedding, TextTrunk, bag_of
from ._training_pass import TrainingPass
from ._trunk import Trunk

__all__ = [
    "ACTIVATIONS",
    "CGC",
    "MLP",
    "MTAN",
    "PLE",
    "SHARINGS",
    "Activation",
    "AdaTT",
    "BagEmbedding",
    "BagTrunk",
    "BatchEnsemble",
    "CallableTrunk",
    "ConvTrunk",
    "CrossStitch",
    "DSelectK",
    "FiLM",
    "FittedTrunk",
    "FixedTrunk",
    "Hard",
    "Heads",
    "Independent",
    "Links",
    "LowRank",
    "MLPTrunk",
    "MMoE",
    "MemberDropout",
    "MemberEmbedding",
    "MemberEncoders",
    "MemberLinear",
    "MemberModules",
    "Mixing",
    "ModuleTrunk",
    "MultiModalTrunk",
    "Network",
    "OpenParts",
    "Pace",
    "Part",
    "PretrainedTrunk",
    "RecurrentTrunk",
    "SharedTrunk",
    "Sharing",
    "Soft",
    "TextTrunk",
    "TrainingPass",
    "Trunk",
    "as_sharing",
    "as_trunk",
    "bag_of",
    "chained_logits",
    "thawed",
]
