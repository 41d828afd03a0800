"""Heads of all tasks side by side, on one representation or on one a task."""

import numpy as np
import pytest
import torch

from skmtl.nn import Heads

OWNERS = [[0, 1, 2], [0, 0, 1, 2, 2, 2], [2, 0, 1, 0]]


def heads_of(owners, n_members=2, n_inputs=5, **settings):
    heads = Heads(n_members, n_inputs, owners, **settings).double()
    with torch.no_grad():
        for seed, parameter in enumerate(heads.parameters()):
            parameter.normal_(generator=torch.Generator().manual_seed(seed))
    return heads


def drawn(*shape, seed=9):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("owners", OWNERS)
def test_each_task_reads_its_own_representation(owners):
    heads, x = heads_of(owners), drawn(2, 3, 7, 5)
    outputs = heads(x)
    for place, task in enumerate(owners):
        expected = x[:, task] @ heads.weight[:, :, place, None] + heads.bias[:, :, place, None]
        torch.testing.assert_close(outputs[..., place], expected[..., 0])


@pytest.mark.parametrize("owners", OWNERS)
def test_one_representation_for_all_is_the_same_one_a_task(owners):
    heads, x = heads_of(owners), drawn(2, 7, 5)
    torch.testing.assert_close(heads(x), heads(x.unsqueeze(1).expand(-1, 3, -1, -1)))


@pytest.mark.parametrize("owners", OWNERS)
@pytest.mark.parametrize("bias_only", [False, True])
def test_gradients_are_those_of_automatic_differentiation(owners, bias_only):
    masked = [bias_only and place == 1 for place in range(len(owners))]
    heads, x = heads_of(owners, bias_only=masked), drawn(2, 3, 7, 5).requires_grad_()
    gradient = drawn(2, 7, len(owners), seed=3)
    heads(x).backward(gradient)
    expected = [heads.weight.grad.clone(), heads.bias.grad.clone()]
    heads.zero_grad()
    with torch.no_grad():
        heads.backward(x, gradient)
    torch.testing.assert_close([heads.weight.grad, heads.bias.grad], expected)
    assert heads.weight.grad.stride() == heads.weight.stride()  # fused solvers read both in this order
    torch.testing.assert_close(heads.task_gradients(gradient), x.grad)


@pytest.mark.parametrize("owners", OWNERS)
@pytest.mark.parametrize("most", [0, 256])
def test_the_gramian_is_that_of_the_tasks_gradients(owners, most, monkeypatch):
    monkeypatch.setattr("skmtl.nn._heads.MOST_PRODUCTS", most)
    heads, gradient = heads_of(owners), drawn(2, 7, len(owners), seed=3)
    rows = []
    for task in range(3):
        own = gradient * torch.tensor([owner == task for owner in owners])
        rows.append(heads.input_gradient(own).flatten(1))
    jacobian = torch.stack(rows, 1)  # (M, T, B · H)
    torch.testing.assert_close(heads.gramian(gradient), jacobian @ jacobian.transpose(1, 2), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("owners", OWNERS)
def test_pulls_are_the_tasks_gradients_times_signs(owners):
    heads, gradient, signs = heads_of(owners, bias_only=[True] + [False] * (len(owners) - 1)), *drawn_signs(owners)
    own = heads.task_gradients(gradient) * signs.unsqueeze(1)  # (M, T, B, H)
    torch.testing.assert_close(heads.pulls(gradient, signs), own.sum(2))


@pytest.mark.parametrize("owners", OWNERS)
def test_what_passes_of_pulls_is_summed_over_tasks(owners):
    heads, gradient, signs = heads_of(owners), *drawn_signs(owners)
    shares = drawn(2, 3, 2, 5, seed=2)
    own = heads.task_gradients(gradient) * signs.unsqueeze(1)  # (M, T, B, H)
    up, down = shares.unsqueeze(3).unbind(2)  # (M, T, 1, H)
    expected = (torch.where(own > 0, up, down) * own).sum(1) * signs
    torch.testing.assert_close(heads.pulled(gradient, signs, shares), expected)


def drawn_signs(owners):
    return drawn(2, 7, len(owners)), drawn(2, 7, 5, seed=3).sign()


def test_gramians_of_float32_heads_are_exact_to_float64():
    heads = heads_of([0, 1]).float()
    gradient = drawn(2, 7, 2).float()
    wide = heads_of([0, 1]).float().double()
    assert heads.gramian(gradient).dtype == torch.float64
    torch.testing.assert_close(heads.gramian(gradient), wide.gramian(gradient.double()), rtol=1e-14, atol=0)


def test_heads_start_at_zero():
    heads = Heads(2, 5, [0, 1, 1])
    assert not heads(torch.ones(2, 4, 5)).any()
    assert heads.n_tasks == 2


def test_tasks_may_stand_in_any_order():
    order = np.array([2, 0, 3, 1])
    plain, x = heads_of([0, 1, 2, 3]), drawn(2, 4, 7, 5)
    permuted = heads_of(order.tolist())
    with torch.no_grad():
        permuted.weight.copy_(plain.weight[..., order])
        permuted.bias.copy_(plain.bias[..., order])
    torch.testing.assert_close(permuted(x), plain(x)[..., order])
