"""Low-rank sharing: the same layers for all tasks, plus a matrix of low rank for each."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from ._adapters import AdaptedLayer, AdaptedTrunk, DenseLayer, dense_layers, task_start
from ._sharing import Sharing
from ._trunk import Trunk


class LowRank(Sharing):
    """Low-rank sharing: each task's weights differ from the common ones by a matrix of low rank.

    `form="lora"`: `W_t = W + A_t B_t` with `A_t` of `r` columns. `form="factors"`: `W_t = W + Σ_k v_tk U_k`, in which
    all tasks' weights, as one row each, differ from the common ones by a matrix of rank `r`: what tasks have beside it
    is a mixture of the same `r` matrices. `B` and `v` start at zero, so that this starts as hard sharing; `A` starts
    from one draw for all tasks. `A`, `B` and `v` do not decay. Biases are shared, and the product has no factor `α / r`
    as in LoRA.

    Parameters beyond the heads: a trunk and, a layer of `F` inputs and `H` units, `T · r · (F + H)` ("lora") or `r · (F
    · H + T)` ("factors"). Rank 0 would be hard sharing; at full rank, the smaller of `F` and `H`, or `T − 1` for
    "factors", each task can have any weights, beside the common biases. Serves the built-in trunk, and an
    `nn.Sequential` of dense layers. Gradients are compared with respect to the parameters that tasks share.

    The deep tensor factorisations of the reference start from the decomposition of trained single-task networks, and
    have no common part; this form needs none.

    Parameters
    ----------
    rank : int, default=4
        `r`.
    form : {"lora", "factors"}, default="lora"
        Whether tasks have matrices of their own, or mixtures of common ones.

    References
    ----------
    Yang, Y., and Hospedales, T. M. (2017). Deep multi-task representation learning: a tensor factorisation approach.
    ICLR.

    Hu, E. J., Shen, Y., Wallis, P., Allen-Zhu, Z., Li, Y., Wang, S., Wang, L., and Chen, W. (2022). LoRA: low-rank
    adaptation of large language models. ICLR.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import LowRank, MLPTrunk
    >>> LowRank(rank=2).build(MLPTrunk((8,)), 5, 3, [torch.Generator()])(torch.ones(4, 5)).shape
    torch.Size([1, 3, 4, 8])
    """

    needs_layers = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "rank": [Interval(Integral, 1, None, closed="left")],
        "form": [StrOptions({"lora", "factors"})],
    }

    def __init__(self, rank: int = 4, *, form: str = "lora") -> None:
        self.rank = rank
        self.form = form

    def build(self, trunk: Trunk, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return shared layers with a matrix a task; see `Sharing.build`."""
        self.check()
        layers = dense_layers(trunk, n_features, generators, "LowRank")
        kind = LoraLayer if self.form == "lora" else FactorLayer
        return AdaptedTrunk([kind(layer, n_tasks, self.rank, generators) for layer in layers])


class LoraLayer(AdaptedLayer):
    """A dense layer plus a product of two narrow matrices a task.

    Parameters
    ----------
    layer : DenseLayer
    n_tasks, rank : int
    generators : sequence of torch.Generator
        One a member.

    Notes
    -----
    Shape: `(B, F)`, `(M, B, F)` or `(M, T, B, F)` → `(M, T, B, H)`.
    """

    def __init__(self, layer: DenseLayer, n_tasks: int, rank: int, generators: Sequence[torch.Generator]) -> None:
        super().__init__(layer, n_tasks)
        first = task_start(generators, (1, self.n_inputs, rank), max(self.n_inputs, 1) ** -0.5)
        self.inputs = nn.Parameter(first.detach().repeat(1, n_tasks, 1, 1))  # (M, T, F, R)
        self.units = nn.Parameter(torch.zeros(self.n_members, n_tasks, rank, self.n_units))  # (M, T, R, H)

    def before(self, x: Tensor) -> Tensor:
        """Return units before activation; see `AdaptedLayer.before`."""
        if x.shape[1] == 1:  # the same rows for all tasks go through the shared layer once
            return self.shared(x) + torch.matmul(torch.matmul(x, self.inputs), self.units)
        weight = self.linear.weight.unsqueeze(1) + torch.matmul(self.inputs, self.units)
        return self.own(x, weight, self.linear.bias.unsqueeze(1))


class FactorLayer(AdaptedLayer):
    """A dense layer plus a mixture of common matrices a task.

    Parameters
    ----------
    layer : DenseLayer
    n_tasks, rank : int
    generators : sequence of torch.Generator
        One a member.

    Notes
    -----
    Shape: `(B, F)`, `(M, B, F)` or `(M, T, B, F)` → `(M, T, B, H)`.
    """

    def __init__(self, layer: DenseLayer, n_tasks: int, rank: int, generators: Sequence[torch.Generator]) -> None:
        super().__init__(layer, n_tasks)
        bound = max(self.n_inputs, 1) ** -0.5
        self.factors = Factors(task_start(generators, (rank, self.n_inputs, self.n_units), bound))
        self.mixture = nn.Parameter(torch.zeros(self.n_members, n_tasks, rank))

    def before(self, x: Tensor) -> Tensor:
        """Return units before activation; see `AdaptedLayer.before`."""
        weight = self.linear.weight.unsqueeze(1) + torch.einsum("mtr,mrfh->mtfh", self.mixture, self.factors.weight)
        return self.own(x, weight, self.linear.bias.unsqueeze(1))


class Factors(nn.Module):
    """Matrices that all tasks mix, apart from what belongs to a task.

    Parameters
    ----------
    weight : nn.Parameter of shape (M, R, F, H)
    """

    def __init__(self, weight: nn.Parameter) -> None:
        super().__init__()
        self.weight = weight
