"""Outputs in chains: the probability of each step is that of the step before, times a conditional one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

ALL = slice(None)


def chained_logits(raw: Tensor) -> Tensor:
    """Return the logits of `p_k = σ(a_1) · … · σ(a_k)`, of the logits `a` of conditional probabilities.

    With `u = -logit(p)`, the log odds against a step, `1 + exp(u_k) = (1 + exp(u_{k-1})) (1 + exp(-a_k))`, and so
    `u_k = log(exp(u_{k-1}) + exp(-a_k) + exp(u_{k-1} - a_k))`: only positive numbers are added, whatever the
    probabilities are, and `p_k <= p_{k-1}` holds for rounded numbers too. Losses of `σ(logit)` are then
    `-log p_k = -Σ_j log σ(a_j)` and `-log(1 - p_k)`.

    Parameters
    ----------
    raw : Tensor of shape (…, K)

    Returns
    -------
    Tensor of shape (…, K)

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import chained_logits
    >>> chained_logits(torch.tensor([0.0, 0.0, 0.0])).sigmoid()
    tensor([0.5000, 0.2500, 0.1250])
    """
    against = [-raw[..., 0]]
    for step in range(1, raw.shape[-1]):
        before, stops = against[-1], -raw[..., step]
        against.append(torch.logsumexp(torch.stack([before, stops, before + stops], -1), -1))
    return -torch.stack(against, -1)


class Links:
    """What chains made of the outputs of a forward pass, and the way back.

    Each task's loss is one of its own outputs; through a chain, it reads those of the steps before, too.

    Parameters
    ----------
    raw : Tensor of shape (M, B, O)
        What heads returned: in a chain, logits of conditional probabilities.
    chains : sequence of slice
        The outputs of each chain, in the order of its steps.
    owners : Tensor of int of shape (O,)
        The task that each output belongs to.
    n_tasks : int

    Attributes
    ----------
    outputs : Tensor of shape (M, B, O)
        `raw`, but in a chain logits of the products.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import Links
    >>> links = Links(torch.zeros(1, 1, 2), [slice(0, 2)], torch.arange(2), 2)
    >>> links.combined(torch.tensor([[[0.0, 1.0]]])).flatten()  # the second step moves with both outputs
    tensor([0.6667, 0.6667])
    """

    def __init__(self, raw: Tensor, chains: Sequence[slice], owners: Tensor, n_tasks: int) -> None:
        self.chains, self.owners, self.n_tasks = list(chains), owners, n_tasks
        self.outputs = raw.clone()
        self.slopes: list[Tensor] = []
        for chain in self.chains:
            logits = self.outputs[..., chain] = chained_logits(raw[..., chain])
            # ∂logit(p_k)/∂a_j = σ(-a_j) / (1 - p_k) for j <= k, at most 1
            logs = logsigmoid(-raw[..., None, chain]) - logsigmoid(-logits).unsqueeze(-1)  # (M, B, K, K)
            self.slopes.append(logs.clamp_(max=0).exp_().tril_())

    def combined(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to `raw` of that with respect to `outputs`, `(M, B, O)`.

        Parameters
        ----------
        gradient : Tensor of shape (M, B, O)
        """
        result = gradient.clone()
        for chain, slopes in zip(self.chains, self.slopes, strict=True):
            result[..., chain] = torch.einsum("mbk,mbkj->mbj", gradient[..., chain], slopes)
        return result

    def apart(self, gradient: Tensor, rows: slice = ALL) -> Tensor:
        """Return the same for each task's own loss, `(M, T, R, O)`.

        Parameters
        ----------
        gradient : Tensor of shape (M, R, O)
            Of some rows.
        rows : slice, default=slice(None)
            Which these are.
        """
        tasks = torch.arange(self.n_tasks, device=gradient.device)
        own = (self.owners == tasks[:, None]).to(gradient)  # (T, O)
        result = torch.where(own[:, None] > 0, gradient.unsqueeze(1), 0)  # (M, T, R, O)
        for chain, slopes in zip(self.chains, self.slopes, strict=True):
            steps = gradient[..., chain].unsqueeze(-1) * slopes[:, rows]  # (M, R, K, K)
            result[:, self.owners[chain], :, chain] = steps.transpose(1, 2)
        return result

    def gramian(self, apart: Tensor, weight: Tensor, mixing: Tensor | None) -> Tensor:
        """Return inner products of the tasks' gradients with respect to what all read, `(M, T, T)`, in float64.

        Parameters
        ----------
        apart : Tensor of shape (M, T, B, O)
            Each task's gradient with respect to `raw`.
        weight : Tensor of shape (M, H, O)
            Of the heads.
        mixing : Tensor of shape (M, T, B, E) or None
            Weights with which each task reads the tensors that all read; None: all read one as it is.
        """
        wide = apart.dtype if apart.device.type == "mps" else torch.float64  # MPS has no float64
        weight, rows = weight.to(wide), apart.to(wide).transpose(1, 2)  # (M, B, T, O)
        products = torch.bmm(weight.transpose(1, 2), weight).unsqueeze(1)  # (M, 1, O, O)
        if mixing is not None:
            shares = mixing.to(wide)[:, self.owners].transpose(1, 2)  # (M, B, O, E)
            products = products * torch.matmul(shares, shares.transpose(2, 3))  # (M, B, O, O)
        return torch.matmul(torch.matmul(rows, products), rows.transpose(2, 3)).sum(1)
