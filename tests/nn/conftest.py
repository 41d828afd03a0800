"""A watch over devices: code that is right on the meta device makes no tensor on the CPU behind a user's back."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class OnlyOn(TorchDispatchMode):
    """Fails when an operation makes a tensor on another device."""

    def __init__(self, device):
        super().__init__()
        self.device = device
        self.n_tensors = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self.n_tensors += 1
                assert leaf.device.type == self.device, f"{func} made a tensor on {leaf.device}"
        return result


@pytest.fixture
def only_on():
    return OnlyOn
