"""The recurrent trunk: gated units that read sequences step by step, in both directions."""

from __future__ import annotations

import math
from numbers import Integral

import torch
from torch import Tensor, nn

from ._modules import LoopedTrunk
from ._samples import held_steps_of, is_sequence
from ._trunk import Trunk

# Gates of a cell, each a matrix of its own.
CELLS = {"gru": 3, "lstm": 4}


class RecurrentTrunk(LoopedTrunk):
    """Specification of a recurrent network for sequences `(n, time, features)`.

    Each layer reads its sequence forwards and backwards; the states of both directions side by side are what the next
    layer reads. A sequence is represented by the mean of the last layer's states over its steps, and by the states in
    which both directions end. Steps that are padding, where all features are missing, leave the state as it is, so that
    padding changes nothing, wherever it stands. A batch is read as far as its own longest sequence goes.

    Dropout is variational: the same units of input and state are dropped at all steps of a sequence. Costs some
    `2 · gates · units · (features + units)` multiplications a step and layer.

    Parameters
    ----------
    hidden_size : int, default=64
        Units of each direction.
    n_layers : int, default=1
    cell : {"gru", "lstm"}, default="gru"
    bidirectional : bool, default=True
        False: forwards only, as for series whose end is now.
    dropout : float, default=0.1
        Share of inputs, of states on their way to the next step, and of the representation that are dropped while
        training, in [0, 1).

    References
    ----------
    Cho, K., et al. (2014). Learning phrase representations using RNN encoder-decoder for statistical machine
    translation. EMNLP.

    Hochreiter, S., and Schmidhuber, J. (1997). Long short-term memory. Neural Computation 9, 1735-1780.

    Gal, Y., and Ghahramani, Z. (2016). A theoretically grounded application of dropout in recurrent neural networks.
    NIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.nn import RecurrentTrunk
    >>> draws = np.random.default_rng(0)
    >>> X = [draws.normal(size=(length, 3)) for length in draws.integers(2, 9, size=60)]
    >>> y = np.array([[x[:, 0].mean(), x[-1, 1]] for x in X])
    >>> model = MultiTaskRegressor(trunk=RecurrentTrunk(hidden_size=8), max_iter=3, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2, 2)
    """

    usual_augmentation = "mixup"

    def __init__(
        self,
        hidden_size: int = 64,
        *,
        n_layers: int = 1,
        cell: str = "gru",
        bidirectional: bool = True,
        dropout: float = 0.1,
    ) -> None:
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.cell = cell
        self.bidirectional = bidirectional
        self.dropout = dropout

    build_layers = Trunk.build_layers  # it is one module

    def _make(self, n_features: int) -> nn.Module:
        for name in ("hidden_size", "n_layers"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < 1:
                raise ValueError(f"{name} must be a positive integer, got {value!r}.")
        if self.cell not in CELLS:
            raise ValueError(f"cell must be one of {sorted(CELLS)}, got {self.cell!r}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout!r}.")
        if not is_sequence(self.shape):
            raise ValueError(
                f"{self!r} reads sequences (n, time, features), and a sample of X has the shape {self.shape}. Use "
                "ConvTrunk() for images, and the built-in trunk for columns."
            )
        n_directions = 2 if self.bidirectional else 1
        return RecurrentNet(
            n_features, int(self.hidden_size), int(self.n_layers), self.cell, n_directions, self.dropout, self.shape[0]
        )

    def _whole(self, module: nn.Module) -> nn.Module:
        """Return the module, which reads flat rows itself."""
        return module


class RecurrentNet(nn.Module):
    """A recurrent network of sequences.

    Parameters
    ----------
    n_features, n_units, n_layers : int
    cell : str
        A name of `CELLS`.
    n_directions : int
        1 or 2.
    dropout : float
    n_steps : int
        Steps of a usual sequence, to count products; any number is fine.

    Attributes
    ----------
    n_values : int
        Values of its largest layer, a row of `n_steps`.
    grows : bool
        Whether `n_values` grows with the steps of a row.
    n_products : int
        Multiplications of a forward pass, a row.

    Notes
    -----
    Shape: `(B, time · features + time)` → `(B, 2 · directions · units)`.
    """

    grows = True

    def __init__(
        self,
        n_features: int,
        n_units: int,
        n_layers: int,
        cell: str,
        n_directions: int,
        dropout: float,
        n_steps: int,
    ) -> None:
        super().__init__()
        self.n_features = n_features
        width = n_directions * n_units
        inputs = [n_features, *[width] * (n_layers - 1)]
        self.layers = nn.ModuleList(_Layer(n_inputs, n_units, cell, n_directions, dropout) for n_inputs in inputs)
        self.dropout = nn.Dropout(dropout)
        self.n_values = n_steps * CELLS[cell] * width
        self.n_products = sum(n_steps * CELLS[cell] * width * (n_inputs + n_units) for n_inputs in inputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, time · features + time)` to `(B, H)`."""
        states, there = held_steps_of(x, self.n_features)
        last = states.new_empty(0)
        for layer in self.layers:
            states, last = layer(states, there)
        mean = (states * there.unsqueeze(2)).sum(1) / there.sum(1, keepdim=True).clamp(min=1)
        result: Tensor = self.dropout(torch.cat([mean, last], 1))
        return result


class _Layer(nn.Module):
    """A layer of cells in one direction or both, which are run side by side."""

    def __init__(self, n_inputs: int, n_units: int, cell: str, n_directions: int, dropout: float) -> None:
        super().__init__()
        self.cell, self.dropout = cell, dropout
        self.n_units, self.n_directions = n_units, n_directions
        n_gates, bound = CELLS[cell], 1 / math.sqrt(n_units)

        def start(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))

        self.input_weight = start(n_directions, n_inputs, n_gates * n_units)
        self.input_bias = start(n_directions, 1, n_gates * n_units)
        self.state_weight = start(n_directions, n_units, n_gates * n_units)
        self.state_bias = start(n_directions, 1, n_gates * n_units)

    def forward(self, x: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Map `(B, time, F)` to the states `(B, time, D · H)`, and to those at the end, `(B, D · H)`."""
        n_rows, n_steps = x.shape[:2]
        directions = [x, x.flip(1)][: self.n_directions]
        masks = torch.stack([there, there.flip(1)][: self.n_directions]).unsqueeze(3)  # (D, B, time, 1)
        inputs = torch.stack(directions)  # (D, B, time, F)
        state_mask = None
        if self.training and self.dropout:
            inputs = inputs * self._kept(self.n_directions, n_rows, 1, inputs.shape[3], like=x)
            state_mask = self._kept(self.n_directions, n_rows, self.n_units, like=x)
        projected = torch.baddbmm(self.input_bias, inputs.flatten(1, 2), self.input_weight)
        steps = projected.view(self.n_directions, n_rows, n_steps, -1).unbind(2)
        shown = masks.unbind(2)
        state = carry = x.new_zeros(self.n_directions, n_rows, self.n_units)
        states = []
        for step, mask in zip(steps, shown, strict=True):
            seen = state if state_mask is None else state * state_mask
            new, new_carry = self._step(step, seen, state, carry)
            state, carry = torch.lerp(state, new, mask), torch.lerp(carry, new_carry, mask)
            states.append(state)
        block = torch.stack(states, 2)  # (D, B, time, H)
        forwards, *backwards = block
        both = torch.cat([forwards, *(one.flip(1) for one in backwards)], 2)
        return both, state.transpose(0, 1).flatten(1)

    def _step(self, inputs: Tensor, seen: Tensor, state: Tensor, carry: Tensor) -> tuple[Tensor, Tensor]:
        """Return the next state and, of an LSTM, cell, each `(D, B, H)`."""
        gates = torch.baddbmm(self.state_bias, seen, self.state_weight)
        width = self.n_units
        if self.cell == "gru":
            reset, update = torch.sigmoid(inputs[..., : 2 * width] + gates[..., : 2 * width]).chunk(2, 2)
            candidate = torch.tanh(torch.addcmul(inputs[..., 2 * width :], reset, gates[..., 2 * width :]))
            return torch.lerp(candidate, state, update), carry
        summed = inputs + gates
        take, keep, show = torch.sigmoid(summed[..., : 3 * width]).chunk(3, 2)
        carry = keep * carry + take * torch.tanh(summed[..., 3 * width :])
        return show * torch.tanh(carry), carry

    def _kept(self, *shape: int, like: Tensor) -> Tensor:
        """Return 0 for what is dropped, and for the rest what keeps its mean."""
        return torch.bernoulli(like.new_full(shape, 1 - self.dropout)) / (1 - self.dropout)
