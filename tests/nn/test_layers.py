import copy
import io
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from skmtl.nn import ACTIVATIONS, MemberDropout, MemberLinear


def draws(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@settings(max_examples=30, deadline=None)
@given(
    members=st.integers(1, 4),
    rows=st.integers(1, 9),
    inputs=st.integers(1, 6),
    outputs=st.integers(1, 6),
    own_rows=st.booleans(),
)
def test_a_batched_member_is_the_same_layer_alone(members, rows, inputs, outputs, own_rows):
    layer = MemberLinear(members, inputs, outputs, draws(*range(members))).double()
    x = torch.randn(*([members] if own_rows else []), rows, inputs, generator=draws(9)[0], dtype=torch.float64)
    block = layer(x)
    assert block.shape == (members, rows, outputs)
    for member in range(members):
        alone = nn.functional.linear(x[member] if own_rows else x, layer.weight[member].T, layer.bias[member, 0])
        torch.testing.assert_close(block[member], alone, rtol=1e-13, atol=1e-14)  # sums of up to 6 terms, reordered


def test_gradients_of_a_member_are_those_of_the_layer_alone():
    layer = MemberLinear(3, 4, 2, draws(0, 1, 2)).double()
    x = torch.randn(5, 4, generator=draws(3)[0], dtype=torch.float64)
    layer(x).square().sum().backward()
    alone = nn.Linear(4, 2).double()
    with torch.no_grad():
        alone.weight.copy_(layer.weight[1].T)
        alone.bias.copy_(layer.bias[1, 0])
    alone(x).square().sum().backward()
    # Sums of five terms, reordered.
    torch.testing.assert_close(layer.weight.grad[1].T, alone.weight.grad, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(layer.bias.grad[1, 0], alone.bias.grad, rtol=1e-13, atol=1e-13)


def test_a_member_starts_the_same_alone_or_among_others():
    together = MemberLinear(3, 4, 2, draws(7, 8, 9))
    alone = MemberLinear(1, 4, 2, draws(8))
    assert torch.equal(together.weight[1], alone.weight[0])
    assert torch.equal(together.bias[1], alone.bias[0])
    assert not torch.equal(together.weight[0], together.weight[1])


def test_starts_fill_one_over_the_root_of_the_inputs_and_draw_nothing_globally():
    state = torch.get_rng_state()
    layer = MemberLinear(2, 100, 50, draws(0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    for parameter in layer.parameters():
        assert parameter.abs().max() <= 0.1
        assert parameter.max() > 0.09
        assert parameter.min() < -0.09
    # Mean 0 and variance 1 / 300 of 10,000 draws: five standard errors.
    assert abs(layer.weight.mean().item()) < 5 * (1 / 300 / 1e4) ** 0.5
    assert layer.weight.var().item() == pytest.approx(1 / 300, rel=0.05)


def test_without_draws_a_layer_starts_at_zero():
    layer = MemberLinear(2, 3, 4)
    assert (layer(torch.ones(5, 3)) == 0).all()


def test_a_layer_without_inputs_gives_its_bias():
    layer = MemberLinear(2, 0, 3, draws(0, 1))
    assert torch.equal(layer(torch.ones(4, 0)), layer.bias.expand(2, 4, 3))


# Dropout


def dropout(rate, seed=0):
    layer = MemberDropout(rate)
    layer.generator = draws(seed)[0]
    return layer


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
def test_dropout_zeroes_a_share_of_the_units_and_keeps_the_mean(rate):
    x = torch.full((4, 100, 100), 3.0, dtype=torch.float64)
    dropped = dropout(rate)(x)
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], x[kept] / (1 - rate), rtol=1e-15, atol=0)  # one product
    # 40,000 draws: five standard errors.
    assert kept.double().mean().item() == pytest.approx(1 - rate, abs=5 * (rate * (1 - rate) / 4e4) ** 0.5)
    members = kept.flatten(1)
    assert not torch.equal(members[0], members[1])


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_dropout_does_nothing_at_rate_zero_or_in_evaluation(rate):
    layer = dropout(rate)
    state = layer.generator.get_state()
    x = torch.ones(2, 3, 4)
    assert layer.train(rate == 0)(x) is x
    assert torch.equal(layer.generator.get_state(), state)


def test_dropout_draws_from_its_own_generator_only():
    state = torch.get_rng_state()
    x = torch.ones(2, 5, 6)
    one, other = dropout(0.5)(x), dropout(0.5)(x)
    assert torch.equal(one, other)
    assert not torch.equal(one, dropout(0.5, seed=1)(x))
    assert torch.equal(torch.get_rng_state(), state)


def test_dropout_passes_gradients_through_kept_units_only():
    x = torch.ones(1, 4, 5, requires_grad=True)
    dropped = dropout(0.5)(x)
    dropped.sum().backward()
    assert torch.equal(x.grad, dropped.detach())


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_the_generator_is_part_of_no_copy_or_pickle(again):
    layer = dropout(0.3)
    other = again(layer)
    assert other.generator is None
    assert other.rate == 0.3
    assert layer.generator is not None
    assert (other.eval()(torch.ones(2)) == 1).all()


def test_dropout_can_be_saved_with_torch():
    file = io.BytesIO()
    torch.save(nn.Sequential(dropout(0.3)), file)
    file.seek(0)
    assert torch.load(file, weights_only=False)[0].generator is None


# Activations


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("identity", [-1.0, 0.0, 2.0]),
        ("logistic", [0.2689414214, 0.5, 0.8807970780]),
        ("tanh", [-0.7615941560, 0.0, 0.9640275801]),
        ("relu", [0.0, 0.0, 2.0]),
        ("gelu", [-0.1586552539, 0.0, 1.9544997361]),
        ("silu", [-0.2689414214, 0.0, 1.7615941560]),
        ("selu", [-1.1113307378, 0.0, 2.1014019741]),
        ("mish", [-0.3034014614, 0.0, 1.9439589595]),
    ],
)
def test_activations_by_their_formulas(name, expected):
    x = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)
    assert ACTIVATIONS[name].function(x).tolist() == pytest.approx(expected, abs=1e-9)  # ten digits are written here


def test_every_activation_has_its_values_here():
    assert set(ACTIVATIONS) == {"identity", "logistic", "tanh", "relu", "gelu", "silu", "selu", "mish"}
