"""What is not trained further."""

import pytest
import torch

from skmtl.nn import MLP, MemberDropout, Network
from skmtl.nn._frozen import Frozen, freeze_layers, freeze_member, n_frozen, thawed


def draws(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_a_frozen_module_stays_in_evaluation_and_takes_no_gradient():
    layer = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    frozen, x = Frozen(layer), torch.randn(5, 2)
    expected = layer.eval()(x)
    outer = torch.nn.Sequential(frozen, torch.nn.Linear(3, 1)).train()
    outer(x).sum().backward()
    torch.testing.assert_close(frozen(x), expected)
    assert not layer[1].running_mean.any()
    assert layer[0].weight.grad is None
    assert outer[1].weight.grad is not None


def test_thawing_gives_back_what_was_trainable_before_and_nothing_else():
    layer = torch.nn.Linear(2, 3)
    layer.bias.requires_grad_(False)
    found = thawed(torch.nn.Sequential(torch.nn.ReLU(), Frozen(layer)))
    assert found[1] is layer
    assert layer.weight.requires_grad
    assert not layer.bias.requires_grad


def test_layers_above_frozen_ones_have_the_gradients_they_would_have_anyway():
    def network():
        result = Network(MLP(3, [4, 5], "tanh", 0.0, draws(0, 1)), torch.zeros(2, 2)).double()
        torch.nn.init.normal_(result.head.weight, generator=torch.Generator().manual_seed(5))
        return result

    x, gradient = torch.randn(6, 3, dtype=torch.float64), torch.randn(2, 6, 2, dtype=torch.float64)
    whole, partly = network(), network()
    freeze_layers(partly.trunk, 1)
    assert whole.closed_form
    assert not partly.closed_form
    whole.forward_training(x).backward(gradient)
    partly.forward_training(x).backward(gradient)
    torch.testing.assert_close(partly.trunk.layers[1].weight.grad, whole.trunk.layers[1].weight.grad)
    torch.testing.assert_close(partly.head.weight.grad, whole.head.weight.grad)
    assert partly.trunk.layers[0].weight.grad is None


def test_the_first_layers_of_a_sequential_are_frozen_with_what_stands_after_them():
    module = torch.nn.Sequential(
        torch.nn.Linear(2, 3), torch.nn.Dropout(0.9), torch.nn.Linear(3, 3), torch.nn.Dropout(0.9)
    )
    x = torch.randn(4, 2)
    expected = module.eval()(x)
    frozen = freeze_member(module, 1).train()
    assert [parameter.requires_grad for parameter in frozen.parameters()] == [False, False, True, True]
    torch.testing.assert_close(frozen[0](x), module[0](x))
    torch.testing.assert_close(frozen.eval()(x), expected)


def test_a_module_of_unknown_layers_cannot_be_frozen_in_part():
    with pytest.raises(ValueError, match=r"freeze=1 .*GRU is one module.*True or False"):
        freeze_member(torch.nn.GRU(2, 3), 1)


def test_no_more_layers_can_be_frozen_than_there_are():
    assert (n_frozen(3, None), n_frozen(3, 0), n_frozen(3, 3)) == (3, 0, 3)
    with pytest.raises(ValueError, match="freeze=4 layers, but the fitted trunk has 3"):
        n_frozen(3, 4)


def test_dropout_that_is_not_active_drops_nothing():
    layer = MemberDropout(0.5).train()
    layer.active = False
    assert layer.mask(torch.ones(3)) is None
