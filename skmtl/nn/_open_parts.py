"""The trunk of several parts, laid open: what its tables of embeddings would look up is given from outside."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from ._modal_net import MultiModalNet, PartNet


class OpenParts:
    """A trunk of several parts in which what stands behind the tables of embeddings can be given.

    It shares the trunk's weights, and the trunk itself stays as it is.

    Parameters
    ----------
    trunk : nn.Module
        With a `MultiModalNet` a member, or several for tasks of their own.

    Attributes
    ----------
    tables : list of list of nn.Module
        Of each part, the table of each of these; none where the part has no tokens and no embedded columns.
    """

    def __init__(self, trunk: nn.Module) -> None:
        own: dict[int, Any] = {id(tensor): tensor for tensor in (*trunk.parameters(), *trunk.buffers())}
        self._trunk = copy.deepcopy(trunk, own).eval()
        nets = [module for module in self._trunk.modules() if isinstance(module, MultiModalNet)]
        self.tables: list[list[nn.Module]] = []
        self._given: list[list[_Given]] = []
        for encoders in zip(*(net.encoders for net in nets), strict=True):
            found = [cast(PartNet, encoder) for encoder in encoders]
            self.tables.append([encoder.embedding for encoder in found if encoder.embedding is not None])
            self._given.append([_Given() for _ in self.tables[-1]])
            for encoder, given in zip(found, self._given[-1], strict=False):
                encoder.embedding = given

    def __call__(self, there: Tensor, blocks: Sequence[Tensor]) -> Tensor:
        """Return what the trunk makes of the parts.

        Parameters
        ----------
        there : Tensor of shape (B, K)
            Which of the parts are there, 1 or 0.
        blocks : sequence of Tensor, each of shape (B, F) or (C, B, F)
            Flat rows of each part; of one with tables, what each of the `C` tables would make of them.
        """
        flat = []
        for block, own in zip(blocks, self._given, strict=True):
            flat.append(there[:, :0] if own else block)
            for given, answer in zip(own, block if own else (), strict=True):
                given.answer = answer.unsqueeze(0)
        widths = torch.tensor([[block.shape[1] for block in flat]], dtype=there.dtype, device=there.device)
        result: Tensor = self._trunk(torch.cat([widths.expand(len(there), -1), there, *flat], 1))
        return result


class _Given(nn.Module):
    """What stands in the place of a table, and says what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        del x
        return self.answer
