"""The recurrent trunk."""

import numpy as np
import pytest
import torch
from torch import nn

from skmtl.nn import RecurrentTrunk

N_FEATURES, N_UNITS, N_STEPS = 3, 5, 7
steps = torch.randn(4, N_STEPS, N_FEATURES, generator=torch.Generator().manual_seed(0))


def net(**settings):
    trunk = RecurrentTrunk(**{"hidden_size": N_UNITS, "dropout": 0.0, **settings}).of_samples((N_STEPS, N_FEATURES))
    return trunk.build(N_STEPS * (N_FEATURES + 1), [torch.Generator().manual_seed(0)]).eval()


def flat(values, there=None):
    there = torch.ones(values.shape[:2]) if there is None else there
    return torch.cat([(values * there.unsqueeze(2)).flatten(1), there], 1)


def copied(layer, reference, place, cell):
    """Copy a layer's weights to those of torch, whose LSTM has its gates in another order."""
    order = [0, 1, 2] if cell == "gru" else [0, 1, 3, 2]
    for direction in range(layer.n_directions):
        suffix = f"_l{place}" + "_reverse" * direction
        for name, ours in (("ih", layer.input_weight), ("hh", layer.state_weight)):
            blocks = ours[direction].T.reshape(len(order), N_UNITS, -1)
            getattr(reference, f"weight_{name}{suffix}").data = blocks[order].reshape(-1, ours.shape[1])
        for name, ours in (("ih", layer.input_bias), ("hh", layer.state_bias)):
            blocks = ours[direction, 0].reshape(len(order), N_UNITS)
            getattr(reference, f"bias_{name}{suffix}").data = blocks[order].flatten()


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_states_and_gradients_are_those_of_torch(cell, n_layers, bidirectional):
    module = net(cell=cell, n_layers=n_layers, bidirectional=bidirectional)
    (own,) = module.members
    kind = nn.GRU if cell == "gru" else nn.LSTM
    reference = kind(N_FEATURES, N_UNITS, n_layers, batch_first=True, bidirectional=bidirectional)
    with torch.no_grad():
        for place, layer in enumerate(own.layers):
            copied(layer, reference, place, cell)
    x, y = steps.clone().requires_grad_(), steps.clone().requires_grad_()
    states, last = reference(y)
    last = last if cell == "gru" else last[0]
    ends = last[-2:] if bidirectional else last[-1:]
    expected = torch.cat([states.mean(1), *ends], 1)
    found = module(flat(x))[0]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    found.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("before", [0, 3])
def test_padding_changes_nothing_wherever_it_stands(cell, before):
    module = net(cell=cell, n_layers=2)
    alone = module(flat(steps))
    padded = torch.cat([torch.zeros(4, before, 3), steps[:, :2], torch.zeros(4, 1, 3), steps[:, 2:]], 1)
    there = torch.ones(padded.shape[:2])
    there[:, :before] = there[:, before + 2] = 0
    torch.testing.assert_close(module(flat(padded, there)), alone, rtol=1e-5, atol=1e-6)


def test_steps_that_no_row_of_a_batch_has_are_not_read():
    module = net()
    read = []
    module.members[0].layers[0].register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].shape[1]))
    there = torch.ones(4, N_STEPS)
    there[:, 5:], there[1, 2:], there[2] = 0, 0, 0
    torch.testing.assert_close(module(flat(steps, there)), module(flat(steps[:, :5], there[:, :5])), rtol=0, atol=0)
    module(flat(steps, 0.1 * there))  # as of rows mixed in pairs
    module(flat(steps, 0 * there))
    assert read == [5, 5, 5, 1]


def test_dropout_drops_the_same_inputs_and_states_at_all_steps():
    (own,) = net(dropout=0.5, bidirectional=False).members
    layer = own.layers[0].train()
    torch.manual_seed(0)
    kept = layer._kept(1, 4, 1, N_FEATURES, like=steps)[0, :, 0]
    state_kept = layer._kept(1, 4, N_UNITS, like=steps)
    torch.manual_seed(0)
    found, _ = layer(steps, torch.ones(4, N_STEPS))
    state, carry = torch.zeros(1, 4, N_UNITS), torch.zeros(1, 4, N_UNITS)
    for step in range(N_STEPS):
        inputs = torch.baddbmm(layer.input_bias, (steps[:, step] * kept).unsqueeze(0), layer.input_weight)
        state, carry = layer._step(inputs, state * state_kept, state, carry)
        torch.testing.assert_close(found[:, step], state[0])
    assert set(kept.unique().tolist()) == {0.0, 2.0}


def test_nothing_is_dropped_when_predicting():
    module = net(dropout=0.5)
    torch.testing.assert_close(module(flat(steps)), module(flat(steps)), rtol=0, atol=0)


def test_products_are_counted():
    (module,) = net(n_layers=2).members
    assert module.n_products == N_STEPS * 3 * 2 * N_UNITS * ((N_FEATURES + N_UNITS) + (2 * N_UNITS + N_UNITS))
    assert module.n_values == N_STEPS * 3 * 2 * N_UNITS


def test_an_empty_sequence_is_represented_by_zeros():
    assert not net()(torch.zeros(2, N_STEPS * (N_FEATURES + 1))).any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_size": 0}, "hidden_size must be a positive integer, got 0"),
        ({"n_layers": 1.5}, "n_layers must be a positive integer"),
        ({"cell": "rnn"}, r"cell must be one of \['gru', 'lstm'\]"),
        ({"dropout": -0.1}, r"dropout must be in \[0, 1\)"),
    ],
)
def test_parameters_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        net(**settings)


def test_images_are_refused():
    with pytest.raises(ValueError, match=r"reads sequences .*\(1, 4, 4\).*ConvTrunk\(\) for images"):
        RecurrentTrunk().of_samples((1, 4, 4)).build(16, [torch.Generator()])


def test_a_finite_difference_agrees_with_the_gradient():
    module = net(cell="lstm").double()
    x = flat(steps).double()
    weight = module.members[0].layers[0].state_weight
    module(x).sum().backward()
    slope = weight.grad[0, 1, 2].item()
    with torch.no_grad():
        weight[0, 1, 2] += 1e-6
        above = module(x).sum()
        weight[0, 1, 2] -= 2e-6
        below = module(x).sum()
    np.testing.assert_allclose((above - below).item() / 2e-6, slope, rtol=1e-4)
