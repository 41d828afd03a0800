"""Networks whose members train side by side: batched layers, trunks, heads, and the network that joins them.

Shapes are written with one alphabet: `M` members, `B` rows, `F` features, `H` hidden units, `T` tasks, `O` outputs.
A trunk maps `(B, F)`, the same rows for all members, or `(M, B, F)`, rows of each member's own, to `(M, B, H)`; a head
maps that to `(M, B, O)`.

>>> from skmtl.nn import ModuleTrunk
>>> import torch
>>> ModuleTrunk(torch.nn.LazyLinear, out_features=8).get_params()
{'module': <class 'torch.nn.modules.linear.LazyLinear'>, 'out_features': 8}
"""

from ._embedding import MemberEmbedding
from ._hard import Hard
from ._heads import Heads
from ._independent import Independent
from ._layers import ACTIVATIONS, Activation, MemberDropout, MemberLinear
from ._mlp import MLP, MLPTrunk
from ._modules import CallableTrunk, FixedTrunk, MemberModules, ModuleTrunk, as_trunk
from ._network import Network
from ._passes import TrainingPass
from ._sharing import SharedTrunk, Sharing
from ._sharings import SHARINGS, as_sharing
from ._trunk import Trunk

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "SHARINGS",
    "Activation",
    "CallableTrunk",
    "FixedTrunk",
    "Hard",
    "Heads",
    "Independent",
    "MLPTrunk",
    "MemberDropout",
    "MemberEmbedding",
    "MemberLinear",
    "MemberModules",
    "ModuleTrunk",
    "Network",
    "SharedTrunk",
    "Sharing",
    "TrainingPass",
    "Trunk",
    "as_sharing",
    "as_trunk",
]
