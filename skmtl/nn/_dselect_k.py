"""DSelect-k: each task selects a few of the shared experts."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from ._layers import MemberLinear
from ._mmoe import SharedExperts
from ._sharing import Sharing
from ._trunk import Trunk

# Selectors start in this range around an even choice, and their weights in that one, as in the authors' code.
START, WEIGHT_START = 0.01, 0.05


class DSelectK(Sharing):
    """Differentiable selection of experts: a task's gate mixes `k` selectors, each of which ends at one expert.

    Experts have binary codes. Selector `i` holds a number `z_ij` for each digit `j` and gives expert `e` the weight
    `r_ie = Π_j S(z_ij)` or `1 − S(z_ij)` as its digits are 1 or 0, with the smooth step `S`, which is exactly 0 below
    `−γ/2` and 1 above `γ/2`. Gates are `g_e = Σ_i softmax(w)_i r_ie`. Once a digit is decided it has no gradient:
    choices freeze, by design. `z` and `w` start near zero, not at it: equal selectors would stay equal for ever. All
    tasks start from one draw.

    Parameters beyond the heads: `E` trunks, and `T · k · (log₂ E + 1)`, times `F + 1` with `per_example`. With one
    expert this is hard sharing. Serves every trunk. Gradients are compared with respect to the experts' outputs.

    The number of experts must be a power of two, where the paper adds a penalty that keeps weight off codes without an
    expert.

    Parameters
    ----------
    n_experts : int, default=8
        `E`, a power of two.
    k : int, default=2
        Selectors of each task: the most experts that it ends at.
    gamma : float, default=1.0
        Width `γ` of the smooth step, above 0. Smaller decides sooner.
    entropy : float, default=0.0
        Weight, at least 0, of a penalty on the entropy of the selectors, which makes them decide. Too much of it, and
        all experts but one are lost.
    per_example : bool, default=False
        Whether selectors depend on the features, row by row.

    References
    ----------
    Hazimeh, H., Zhao, Z., Chowdhery, A., Sathiamoorthy, M., Chen, Y., Mazumder, R., Hong, L., and Chi, E. H. (2021).
    DSelect-k: differentiable selection in the mixture of experts with applications to multi-task learning. NeurIPS.

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn import DSelectK, MLPTrunk
    >>> DSelectK(n_experts=4).build(MLPTrunk((8,)), 5, 3, [torch.Generator()])(torch.ones(4, 5)).shape
    torch.Size([1, 3, 4, 8])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_experts": [Interval(Integral, 1, None, closed="left")],
        "k": [Interval(Integral, 1, None, closed="left")],
        "gamma": [Interval(Real, 0, None, closed="neither")],
        "entropy": [Interval(Real, 0, None, closed="left")],
        "per_example": ["boolean"],
    }

    def __init__(
        self,
        n_experts: int = 8,
        k: int = 2,
        *,
        gamma: float = 1.0,
        entropy: float = 0.0,
        per_example: bool = False,
    ) -> None:
        self.n_experts = n_experts
        self.k = k
        self.gamma = gamma
        self.entropy = entropy
        self.per_example = per_example

    def check(self) -> None:
        """Check the parameters; see `Sharing.check`.

        Raises
        ------
        ValueError
            If one is out of range, or the number of experts is no power of two.
        """
        super().check()
        if self.n_experts & (self.n_experts - 1):
            lower = 2 ** (int(self.n_experts).bit_length() - 1)
            raise ValueError(
                f"n_experts of DSelectK must be a power of two, for example {lower} or {2 * lower}, got "
                f"{self.n_experts}."
            )

    @property
    def reads_rows(self) -> bool:
        """Whether gates read the rows themselves."""
        return self.per_example

    def build(self, trunk: Trunk, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return experts and selectors; see `Sharing.build`."""
        self.check()
        # Selectors draw after the experts, from generators that are no expert's own.
        seeds = [
            int(torch.randint(2**62, (), generator=torch.Generator().set_state(generator.get_state())))
            for generator in generators
        ]
        draws = [torch.Generator().manual_seed(seed + 1) for seed in seeds]
        gate = Selectors(self, n_features, n_tasks, draws)
        return SharedExperts(trunk, n_features, n_tasks, self.n_experts, gate, generators)


class _Undecayed(MemberLinear):
    """A linear layer whose weights do not decay: towards zero, all experts would be chosen alike."""

    decays = False


class Selectors(nn.Module):
    """The selectors of all tasks.

    Parameters
    ----------
    settings : DSelectK
    n_features, n_tasks : int
    generators : sequence of torch.Generator
        One a member.

    Attributes
    ----------
    penalty : Tensor or None
        After a forward pass while training: the penalty on the entropy, summed over members, a mean over rows.
    mixes_rows : bool
        Whether the penalty depends on which rows a member trains on.

    Notes
    -----
    Shape: `(B, F)` or `(M, B, F)` → `(M, T, B, E)`; the last dimension sums to 1.
    """

    decays = False
    codes: Tensor

    def __init__(
        self, settings: DSelectK, n_features: int, n_tasks: int, generators: Sequence[torch.Generator]
    ) -> None:
        super().__init__()
        self.n_tasks, self.k, self.gamma = n_tasks, settings.k, settings.gamma
        self.entropy, self.per_example = settings.entropy, settings.per_example
        self.mixes_rows = settings.per_example and settings.entropy > 0
        n_digits = int(settings.n_experts).bit_length() - 1
        experts = torch.arange(settings.n_experts)
        codes = (experts.unsqueeze(1) >> torch.arange(n_digits).flip(0)) & 1  # (E, D)
        self.register_buffer("codes", codes.bool(), persistent=False)
        self.penalty: Tensor | None = None
        widths = (settings.k * n_digits, settings.k)
        if settings.per_example:
            self.digits, self.choices = (_Undecayed(len(generators), n_features, n_tasks * width) for width in widths)
            for layer, width, bound in zip((self.digits, self.choices), widths, (START, WEIGHT_START), strict=True):
                for parameter in (layer.weight, layer.bias):
                    _draw(
                        parameter, n_tasks, width, bound * (settings.gamma if layer is self.digits else 1), generators
                    )
        else:
            shape = (len(generators), 1)
            self.static_digits = nn.Parameter(torch.zeros(*shape, n_tasks * widths[0]))
            self.static_choices = nn.Parameter(torch.zeros(*shape, n_tasks * widths[1]))
            _draw(self.static_digits, n_tasks, widths[0], START * settings.gamma, generators)
            _draw(self.static_choices, n_tasks, widths[1], WEIGHT_START, generators)

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Map `(B, F)` or `(M, B, F)` to `(M, T, B, E)`; with `rows`, `(M, B)`, the penalty leaves out a holdout."""
        if self.per_example:
            digits, choices = self.digits(x), self.choices(x)  # (M, B, T · k · D), (M, B, T · k)
        else:
            digits, choices = self.static_digits, self.static_choices  # the same for all rows
        shape = (*digits.shape[:2], self.n_tasks, self.k)
        step = smooth_step(digits.view(*shape, 1, -1), self.gamma)  # (M, B, T, k, 1, D)
        selected = torch.where(self.codes, step, 1 - step).prod(-1)  # (M, B, T, k, E)
        gates = (torch.softmax(choices.view(shape), -1).unsqueeze(-1) * selected).sum(3)  # (M, B, T, E)
        if self.training and self.entropy > 0:
            entropies = -(selected * (selected + 1e-6).log()).sum((2, 3, 4))  # (M, B), or (M, 1) for all rows
            counted = torch.ones_like(entropies) if rows is None or not self.per_example else rows
            self.penalty = self.entropy * ((entropies * counted).sum(1) / counted.sum(1).clamp(min=1)).sum()
        return gates.transpose(1, 2).expand(-1, -1, x.shape[-2], -1)

    def __getstate__(self) -> dict[str, object]:
        """Leave out what belongs to a batch."""
        return {**self.__dict__, "penalty": None}


def smooth_step(x: Tensor, gamma: float) -> Tensor:
    """Return 0 below `−γ/2`, 1 above `γ/2`, and between them the cubic that joins them smoothly.

    Parameters
    ----------
    x : Tensor
    gamma : float

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn._dselect_k import smooth_step
    >>> smooth_step(torch.tensor([-0.6, 0.0, 0.25, 0.6]), 1.0)
    tensor([0.0000, 0.5000, 0.8438, 1.0000])
    """
    t = (x / gamma).clamp(-0.5, 0.5)
    return -2 * t**3 + 1.5 * t + 0.5


@torch.no_grad()
def _draw(
    parameter: nn.Parameter, n_tasks: int, width: int, bound: float, generators: Sequence[torch.Generator]
) -> None:
    """Start a parameter `(M, K, T · width)` uniformly in ±bound, all tasks alike."""
    for member, generator in enumerate(generators):
        start = torch.rand(parameter.shape[1], width, generator=generator, dtype=torch.float64)
        parameter[member] = ((2 * start - 1) * bound).repeat(1, n_tasks)
