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
from ._layers import ACTIVATIONS, Activation, MemberDropout, MemberLinear
from ._mlp import MLP, MLPTrunk
from ._modules import CallableTrunk, FixedTrunk, MemberModules, ModuleTrunk, as_trunk
from ._network import Network
from ._trunk import Trunk

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "Activation",
    "CallableTrunk",
    "FixedTrunk",
    "MLPTrunk",
    "MemberDropout",
    "MemberEmbedding",
    "MemberLinear",
    "MemberModules",
    "ModuleTrunk",
    "Network",
    "Trunk",
    "as_trunk",
]
