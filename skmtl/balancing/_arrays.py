"""Arrays and tensors of any number of leading dimensions, as float64 arrays with one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Of a Jacobian, that are looked at together.
BLOCK_VALUES = 2**16


def widened(tensor: Tensor) -> Tensor:
    """Return a tensor in the widest precision that its device has: MPS has no float64.

    Parameters
    ----------
    tensor : Tensor
    """
    return tensor if tensor.device.type == "mps" else tensor.double()


def column_blocks(*jacobians: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield the same columns of several Jacobians, some at a time, in the widest precision.

    Wide copies of all columns at once would have to be fetched from far away by each operation.

    Parameters
    ----------
    *jacobians : Tensor of shape (M, T, P)

    Examples
    --------
    >>> import torch
    >>> from skmtl.balancing._arrays import column_blocks
    >>> sum(block.sum() for (block,) in column_blocks(torch.ones(1, 8, 10_000)))
    tensor(80000., dtype=torch.float64)
    """
    first = jacobians[0]
    n_columns = max(1, BLOCK_VALUES * first.shape[2] // max(1, first.numel()))
    for blocks in zip(*(torch.split(jacobian, n_columns, 2) for jacobian in jacobians), strict=True):
        yield tuple(widened(block) for block in blocks)


def as_blocks(values: Any, n_last: int) -> tuple[np.ndarray, Callable[[np.ndarray], Any]]:
    """Return values in float64 with one leading dimension, and what turns weights into the kind and shape of values.

    Parameters
    ----------
    values : array-like or Tensor of shape (…, T) or (…, T, T)
    n_last : int
        How many dimensions are not leading ones.

    Raises
    ------
    ValueError
        If there are fewer dimensions.

    Examples
    --------
    >>> import torch
    >>> from skmtl.balancing._arrays import as_blocks
    >>> blocks, back = as_blocks(torch.ones(3), 1)
    >>> blocks.shape, back(blocks)
    ((1, 3), tensor([1., 1., 1.]))
    """
    tensor = values if isinstance(values, Tensor) else None
    array = np.asarray(tensor.detach().cpu().double() if tensor is not None else values, dtype=float)
    if array.ndim < n_last or 0 in array.shape[-n_last:]:
        raise ValueError(f"Expected at least {n_last} dimensions, none of them empty, got shape {array.shape}.")
    leading = array.shape[: array.ndim - n_last]

    def back(weights: np.ndarray) -> Any:
        shaped = weights.reshape(*leading, weights.shape[-1])
        if tensor is None:
            return shaped
        return tensor.new_tensor(shaped, dtype=None if tensor.is_floating_point() else torch.float64)

    return array.reshape(-1, *array.shape[array.ndim - n_last :]), back
