"""Chains of outputs: probabilities that are products, and the gradients that go back through them."""

import pytest
import torch
from torch import nn
from torch.nn.functional import logsigmoid, softplus

from skmtl.nn import MLP, SHARINGS, Links, MemberModules, MLPTrunk, Network, chained_logits

# Three tasks: two steps of a chain, whose tasks stand the other way round, and a third task with two outputs.
OWNERS, CHAINS = [2, 0, 1, 1], [slice(0, 2)]
KINDS = ["foreign", "plain", *SHARINGS]


def draws(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def raw_outputs(scale=3.0, n_steps=4, dtype=torch.float64):
    return scale * torch.randn(2, 50, n_steps, generator=draws(0)[0], dtype=dtype)


def network_of(kind, chains=CHAINS):
    if kind == "foreign":
        trunk = MemberModules([nn.Sequential(nn.Linear(5, 4), nn.Tanh()) for _ in range(2)], 5)
    elif kind == "plain":
        trunk = MLP(5, [4, 3], "tanh", 0.0, draws(0, 1))
    else:
        trunk = SHARINGS[kind]().build(MLPTrunk((4, 3), activation="tanh"), 5, 3, draws(0, 1))
    network = Network(trunk, torch.zeros(2, 4), None, None, OWNERS, chains).double()
    generator = draws(7)[0]
    with torch.no_grad():
        network.head.weight.normal_(generator=generator)
        for parameter in trunk.parameters() if kind in SHARINGS else ():
            parameter.normal_(0, 0.5, generator=generator)
    return network


def features():
    return torch.randn(6, 5, generator=draws(1)[0], dtype=torch.float64)


def derivative(seed=3):
    return torch.randn(2, 6, 4, generator=draws(seed)[0], dtype=torch.float64)


def of_task(gradient, task):
    return gradient * torch.tensor([owner == task for owner in OWNERS])


def test_probabilities_are_products_of_conditional_ones():
    raw = raw_outputs()
    torch.testing.assert_close(chained_logits(raw).sigmoid(), raw.sigmoid().cumprod(-1))


def test_a_chain_of_one_step_is_no_chain():
    raw = raw_outputs(n_steps=1)
    assert torch.equal(chained_logits(raw), raw)


def test_losses_are_those_of_sums_of_logs():
    raw = raw_outputs(20.0)
    logits = chained_logits(raw)
    torch.testing.assert_close(softplus(-logits), -logsigmoid(raw).cumsum(-1))
    passed = torch.cat([torch.zeros_like(raw[..., :1]), logsigmoid(raw).cumsum(-1)], -1)
    for step in range(raw.shape[-1]):  # stopped at one of the steps so far
        stopped = torch.logsumexp(passed[..., : step + 1] + logsigmoid(-raw[..., : step + 1]), -1)
        torch.testing.assert_close(softplus(logits[..., step]), -stopped)


@pytest.mark.parametrize("scale", [1, 30, 1000])
def test_no_step_is_likelier_than_the_one_before_in_single_precision(scale):
    logits = chained_logits(raw_outputs(scale, dtype=torch.float32))
    assert logits.isfinite().all()
    assert (logits.diff(dim=-1) <= 0).all()


def test_small_chances_of_stopping_are_not_rounded_away():
    raw = torch.full((1, 1, 2), 20.0)  # 1 - p² would be 0 in single precision
    expected = -torch.log(torch.tensor(2 * torch.sigmoid(torch.tensor(-20.0, dtype=torch.float64)).item()))
    assert chained_logits(raw)[0, 0, 1].item() == pytest.approx(expected.item(), rel=1e-6)


def test_slopes_are_those_of_automatic_differentiation():
    raw, gradient = raw_outputs().requires_grad_(), torch.randn(2, 50, 4, generator=draws(1)[0], dtype=torch.float64)
    chained = torch.cat([raw[..., :1], chained_logits(raw[..., 1:])], -1)
    (expected,) = torch.autograd.grad(chained, raw, gradient)
    links = Links(raw.detach(), [slice(1, 4)], torch.arange(4), 4)
    torch.testing.assert_close(links.outputs, chained.detach())
    torch.testing.assert_close(links.combined(gradient), expected)
    torch.testing.assert_close(links.apart(gradient).sum(1), expected)


def test_losses_have_finite_gradients_where_probabilities_are_rounded_to_0_or_1():
    raw = torch.tensor([[-200.0, -200.0], [200.0, 200.0], [200.0, -200.0]]).unsqueeze(0)
    links = Links(raw, [slice(0, 2)], torch.arange(2), 2)
    for label in (0.0, 1.0):
        gradient = links.combined(links.outputs.sigmoid() - label)
        assert gradient.isfinite().all()
        assert gradient.abs().max() <= 2


def test_rows_in_which_nothing_was_clicked_move_the_conditional_probability():
    links = Links(torch.zeros(1, 1, 2), [slice(0, 2)], torch.arange(2), 2)
    no_click_no_conversion = links.outputs.sigmoid()  # derivative of the log loss for labels of 0
    # By hand: p = 1/2 and 1/4; dL/da_2 = p_2 σ(-a_2) / (1 - p_2) = 1/4 · 1/2 / (3/4)
    torch.testing.assert_close(links.combined(no_click_no_conversion)[..., 1].item(), 1 / 6)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_automatic_differentiation(kind):
    network, gradient = network_of(kind), derivative()
    network(features()).backward(gradient)
    expected = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    passed = network.forward_training(features())
    torch.testing.assert_close(passed.outputs, network(features()).detach())
    passed.backward(gradient)
    for parameter, theirs in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, theirs)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("independent", "soft")])  # nothing is shared
def test_the_jacobian_holds_the_gradients_of_each_task(kind):
    network, gradient = network_of(kind), derivative()
    passed = network.forward_training(features())
    jacobian = passed.jacobian(gradient)
    for task in range(3):
        network.zero_grad()
        network(features()).backward(of_task(gradient, task))
        expected = [parameter.grad.clone() for parameter, _ in passed.shared]
        network.zero_grad()
        passed.set_shared(jacobian[:, task])
        for (parameter, _), theirs in zip(passed.shared, expected, strict=True):
            torch.testing.assert_close(parameter.grad, theirs)


def test_jacobians_of_some_rows_are_those_in_which_the_others_have_no_gradient():
    passed, gradient, rows = network_of("plain").forward_training(features()), derivative(), slice(1, None, 2)
    expected = torch.zeros_like(gradient)
    expected[:, rows] = gradient[:, rows]
    torch.testing.assert_close(passed.jacobian(gradient[:, rows], rows), passed.jacobian(expected))


@pytest.mark.parametrize("kind", ["plain", "mmoe", "cgc"])
def test_inner_products_are_those_of_the_gradients_of_what_all_read(kind):
    network, gradient = network_of(kind), derivative()
    passed = network.forward_training(features())
    rows = []
    for task in range(3):
        own = of_task(gradient, task)
        raw = passed.links.combined(own)
        if kind == "plain":
            rows.append(network.head.input_gradient(raw).flatten(1))
            continue
        reads = network.head.task_gradients(raw)  # (M, T, B, H): of what each task reads
        rows.append(torch.einsum("mtbh,mtbe->mebh", reads, passed.mixing).flatten(1))
    jacobian = torch.stack(rows, 1)
    torch.testing.assert_close(passed.gramian(gradient), jacobian @ jacobian.transpose(1, 2))


def test_pulls_on_units_are_those_of_each_task():
    network, gradient = network_of("plain"), derivative()
    passed = network.forward_training(features())
    signs = passed.representation.sign()
    own = torch.stack(
        [network.head.input_gradient(passed.links.combined(of_task(gradient, task))) for task in range(3)], 1
    )
    torch.testing.assert_close(passed.pulls(gradient, signs), (own * signs.unsqueeze(1)).sum(2))
    passed.backward(gradient)
    expected = [parameter.grad.clone() for parameter in network.parameters()]
    passed.backward_pulled(gradient, gradient, signs, torch.ones(2, 3, 2, 3, dtype=torch.float64))  # all passes
    for parameter, theirs in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, theirs)
    only_first = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64).view(1, 3, 1, 1).expand(2, 3, 2, 3)
    passed.backward_pulled(gradient, gradient, signs, only_first)
    found = [parameter.grad.clone() for parameter in network.trunk.parameters()]
    passed.backward(of_task(gradient, 0))
    for parameter, theirs in zip(network.trunk.parameters(), found, strict=True):
        torch.testing.assert_close(parameter.grad, theirs)
