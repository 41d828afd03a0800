"""Hard sharing: one trunk, read by all tasks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ._sharing import Sharing
from ._trunk import Trunk


class Hard(Sharing):
    """Hard sharing: all tasks read the same representation, and have only their heads to themselves.

    `h = trunk(x)` for all tasks. The cheapest way to share, and the hardest to beat on small data. Parameters beyond
    the heads: those of one trunk. Serves every trunk.

    References
    ----------
    Caruana, R. (1997). Multitask learning. Machine Learning 28, 41-75.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import Hard, MLPTrunk
    >>> trunk = Hard().build(MLPTrunk((8,)), 5, 3, [torch.Generator()])
    >>> trunk(torch.ones(4, 5)).shape
    torch.Size([1, 4, 8])
    """

    def build(self, trunk: Trunk, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return the trunk's own module; see `Sharing.build`."""
        del n_tasks
        return trunk.build(n_features, generators)
