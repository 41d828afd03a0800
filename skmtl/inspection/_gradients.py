"""Integrated gradients: what each value that a network reads adds to a prediction, on the way from a baseline."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..estimators._explaining import ExplainedColumn
from ..estimators._paths import Inputs

# Nodes of the integral along a line of outputs, which are few and smooth.
NODES = 64
# Points of all rows' paths together that go through a network at once, where no pretrained model says fewer.
POINTS = 256


def exact(explained: ExplainedColumn, inputs: Inputs, codes: Tensor) -> tuple[Tensor, ...]:
    """Return the attributions of a network that is linear: its outputs move on a straight line.

    The slope of the prediction with respect to the outputs is integrated along that line; of numbers it is constant. No
    error is left but that of rounding.

    Parameters
    ----------
    explained : ExplainedColumn
    inputs : Inputs
    codes : Tensor of int of shape (B,)
    """
    values = tuple(value.detach().requires_grad_() for value in inputs.values)
    outputs = explained.outputs(values, inputs.fixed)
    with torch.no_grad():
        first = explained.outputs(inputs.baselines, inputs.fixed)
    slope = torch.zeros_like(outputs)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        between = torch.lerp(first, outputs.detach(), float(node)).requires_grad_()
        slope += float(weight) * torch.autograd.grad(explained.predicted(between, codes).sum(), between)[0]
    slopes = torch.autograd.grad((outputs * slope).sum(), values)
    return tuple(
        (value.detach() - baseline) * own for value, baseline, own in zip(values, inputs.baselines, slopes, strict=True)
    )


def integrated(explained: ExplainedColumn, inputs: Inputs, codes: Tensor, n_steps: int) -> tuple[Tensor, ...]:
    """Return integrated gradients, by captum.

    Parameters
    ----------
    explained : ExplainedColumn
    inputs : Inputs
    codes : Tensor of int of shape (B,)
    n_steps : int

    Raises
    ------
    ImportError
        If captum is not installed.
    """
    n_values = len(inputs.values)

    def function(*arguments: Tensor) -> Tensor:
        *tensors, own = arguments
        return explained.predicted(explained.outputs(tuple(tensors[:n_values]), tuple(tensors[n_values:])), own)

    found: tuple[Tensor, ...] = (
        _captum()
        .IntegratedGradients(function)
        .attribute(
            tuple(value.detach() for value in inputs.values),
            baselines=inputs.baselines,
            additional_forward_args=(*inputs.fixed, codes),
            n_steps=n_steps,
            method="gausslegendre",
            internal_batch_size=max(len(codes), explained.rows_at_once or POINTS),
        )
    )
    return tuple(part.detach() for part in found)


def _captum() -> Any:
    try:
        import captum.attr
    except ImportError as error:
        raise ImportError(
            "attributions of a network with hidden layers are found by captum, which is not installed: "
            'pip install "skmtl[inspection]". Those of a linear network, hidden_layer_sizes=(), need no package.'
        ) from error
    return captum.attr
