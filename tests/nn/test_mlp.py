import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from skmtl.nn import ACTIVATIONS, MLP, MLPTrunk, Trunk


def draws(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 7), max_size=3),
    members=st.integers(1, 4),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    own_rows=st.booleans(),
)
def test_a_batched_member_is_the_same_network_alone(sizes, members, activation, own_rows):
    together = MLP(5, sizes, activation, 0.0, draws(*range(members))).double()
    x = torch.randn(*([members] if own_rows else []), 6, 5, generator=draws(99)[0], dtype=torch.float64)
    block = together(x)
    assert block.shape == (members, 6, sizes[-1] if sizes else 5)
    assert together.n_outputs == block.shape[-1]
    for member in range(members):
        alone = MLP(5, sizes, activation, 0.0, draws(member)).double()
        # Matrix products of up to 7 terms, in an order that may depend on the number of members.
        torch.testing.assert_close(block[member], alone(x[member] if own_rows else x)[0], rtol=1e-12, atol=1e-13)


def test_layers_activation_and_dropout_by_hand():
    trunk = MLP(2, [2, 1], "relu", 0.0, draws(0))
    with torch.no_grad():
        trunk.layers[0].weight.copy_(torch.tensor([[[1.0, -1.0], [2.0, 0.0]]]))
        trunk.layers[0].bias.copy_(torch.tensor([[[0.0, 0.5]]]))
        trunk.layers[1].weight.copy_(torch.tensor([[[1.0], [-10.0]]]))
        trunk.layers[1].bias.copy_(torch.tensor([[[-2.0]]]))
    # (1, 1) -> relu(3, -0.5) = (3, 0) -> relu(3 - 2) = 1; (-1, 1) -> (1, 1.5) -> relu(1 - 15 - 2) = 0
    assert trunk(torch.tensor([[1.0, 1.0], [-1.0, 1.0]])).tolist() == [[[1.0], [0.0]]]


def test_dropout_acts_on_every_layer_while_training():
    trunk = MLP(3, [200, 100], "identity", 0.5, draws(0))
    trunk.dropout.generator = draws(1)[0]
    seen = []
    for layer in trunk.layers:
        layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    output = trunk(torch.ones(4, 3))
    assert (seen[0] == 1).all()  # features are not dropped
    for units in (seen[1], output):
        assert (units == 0).double().mean().item() == pytest.approx(0.5, abs=0.15)  # 400 draws: six standard errors
    trunk.eval()
    assert torch.equal(trunk(torch.ones(4, 3)), trunk(torch.ones(4, 3)))


def test_without_layers_features_pass_to_every_member():
    trunk = MLPTrunk(()).build(4, draws(0, 1, 2))
    x = torch.arange(8.0).reshape(2, 4)
    assert torch.equal(trunk(x), x.expand(3, 2, 4))
    assert list(trunk.parameters()) == []


@pytest.mark.parametrize(
    ("sizes", "widths"),
    [
        (7, [7]),
        (np.int64(7), [7]),
        ((3, 2), [3, 2]),
        ([5], [5]),
        (np.array([4, 3]), [4, 3]),
        ((np.int32(2), 3), [2, 3]),
    ],
)
def test_sizes_are_one_integer_or_a_sequence_of_any_kind_of_integers(sizes, widths):
    trunk = MLPTrunk(sizes).build(6, draws(0))
    assert [layer.weight.shape[-1] for layer in trunk.layers] == widths


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"hidden_layer_sizes": (4, 0)}, r"hidden_layer_sizes must be positive integers, got \(4, 0\)"),
        ({"hidden_layer_sizes": -3}, "hidden_layer_sizes must be positive integers, got -3"),
        ({"hidden_layer_sizes": (4, 2.5)}, r"hidden_layer_sizes must be positive integers, got \(4, 2\.5\)"),
        ({"hidden_layer_sizes": "12"}, "hidden_layer_sizes must be positive integers, got '12'"),
        ({"activation": "sigmoid"}, r"activation must be one of \['gelu', 'identity', 'logistic'.*got 'sigmoid'"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1\.0"),
        ({"dropout": -0.1}, "dropout must be in"),
        ({"dropout": float("nan")}, "dropout must be in"),
    ],
)
def test_wrong_settings_are_refused_when_built(settings_, message):
    with pytest.raises(ValueError, match=message):
        MLPTrunk(**settings_).build(3, draws(0))


def test_the_specification_clones_and_takes_parameters():
    trunk = MLPTrunk((8, 4), activation="tanh", dropout=0.2)
    other = clone(trunk).set_params(dropout=0.3)
    assert trunk.get_params() == {"hidden_layer_sizes": (8, 4), "activation": "tanh", "dropout": 0.2}
    assert other.get_params() == {"hidden_layer_sizes": (8, 4), "activation": "tanh", "dropout": 0.3}
    built = other.build(3, draws(0, 1))
    assert (built.activation, built.dropout.rate, built.n_members) == ("tanh", 0.3, 2)
    assert trunk.batched
    assert not trunk.draws_globally


def test_a_trunk_of_ones_own_has_to_say_how_it_is_built():
    class Mine(Trunk):
        pass

    assert Mine().draws_globally
    assert not Mine().batched
    with pytest.raises(NotImplementedError):
        Mine().build(3, draws(0))
