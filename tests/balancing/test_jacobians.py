"""Methods on the gradients themselves."""

import numpy as np
import pytest
import torch

from skmtl.balancing import DBMTL, MGDA, ExcessMTL, GradDrop, MoCo, MoDo
from skmtl.balancing._simplex import on_simplex


def rows(*values):
    return torch.tensor([values], dtype=torch.float64)


def test_the_projection_on_the_simplex_is_the_nearest_point():
    values = np.random.default_rng(0).normal(size=(200, 5)) * 3
    nearest = on_simplex(values)
    assert (nearest >= 0).all()
    np.testing.assert_allclose(nearest.sum(1), 1)
    others = np.random.default_rng(1).dirichlet(np.full(5, 0.3), size=2000)
    distance = ((values - nearest) ** 2).sum(1)
    assert (distance[:, None] <= ((values[:, None] - others) ** 2).sum(2) + 1e-12).all()
    np.testing.assert_allclose(on_simplex(nearest), nearest, atol=1e-15)


@pytest.mark.parametrize("method", [MoCo(rho=0.0), MoDo(rho=0.0)])
def test_without_noise_weights_end_at_those_of_mgda(method):
    jacobian = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, 6)))
    balancer = method.start(1, 3)
    given = torch.stack([jacobian, jacobian], 1) if method.wants_halves else jacobian
    for _ in range(3000):
        weights = balancer.balance(jacobian=given).weights
    gramian = torch.bmm(jacobian, jacobian.transpose(1, 2)).numpy()
    np.testing.assert_allclose(weights, MGDA().weights(gramian), atol=0.02)


def test_moco_follows_its_three_lines():
    method, balancer = MoCo(beta=0.5, gamma=0.2, rho=0.1), MoCo(beta=0.5, gamma=0.2, rho=0.1).start(1, 2)
    first, second = rows([1.0, 0.0], [0.0, 2.0]), rows([3.0, 0.0], [0.0, 2.0])
    balancer.balance(jacobian=first)
    weights, means = balancer.balance(jacobian=second)
    beta, gamma = method.beta / np.sqrt(2), method.gamma / np.sqrt(2)
    expected_means = first + beta * (second - first)
    torch.testing.assert_close(means, expected_means)
    gramian = (expected_means @ expected_means.transpose(1, 2))[0].numpy()
    size = np.diag(np.array([1.0, 4.0])) / 2.5
    before = on_simplex((np.full(2, 0.5) - 0.2 * (size @ np.full(2, 0.5) + 0.1 * 0.5))[None])[0]
    slope = gramian / np.diag(gramian).mean() @ before + 0.1 * before
    np.testing.assert_allclose(weights[0], on_simplex((before - gamma * slope)[None])[0])


def test_db_mtl_makes_logarithmic_gradients_as_long_as_the_longest():
    jacobian, losses = rows([3.0, 4.0], [0.0, 1.0]), np.array([[10.0, 0.5]])
    weights, replaced = DBMTL(beta=0.0).start(1, 2).balance(losses=losses, jacobian=jacobian)
    assert replaced is None
    direction = np.einsum("t,tp->p", weights[0], jacobian[0].numpy())
    # Gradients of log L: (.3, .4) of length .5, and (0, 2) of length 2.
    np.testing.assert_allclose(direction, np.array([1.2, 1.6]) + np.array([0.0, 2.0]))


def test_db_mtl_keeps_means_of_logarithmic_gradients():
    balancer = DBMTL(beta=0.75).start(1, 2)
    first, second = rows([1.0, 0.0], [0.0, 1.0]), rows([3.0, 0.0], [0.0, 1.0])
    balancer.balance(losses=np.ones((1, 2)), jacobian=first)
    weights, replaced = balancer.balance(losses=np.full((1, 2), 2.0), jacobian=second)
    means = 0.75 * first + 0.25 * second / 2
    torch.testing.assert_close(replaced, 2 * means)
    lengths = means.norm(dim=2).numpy()
    np.testing.assert_allclose(weights, lengths.max() / lengths / 2)


def test_excess_is_relative_to_the_first_and_raises_weights():
    balancer = ExcessMTL(eta=0.5).start(1, 2)
    first, second = rows([2.0, 0.0], [0.0, 1.0]), rows([2.0, 0.0], [0.0, 3.0])
    assert (balancer.balance(jacobian=first).weights == 1).all()
    weights = balancer.balance(jacobian=second).weights[0]
    excess = np.array([4 / np.sqrt(8), 9 / np.sqrt(10)]) / np.array([2.0, 1.0])
    expected = np.exp(0.5 * excess)
    np.testing.assert_allclose(weights, 2 * expected / expected.sum())


def test_modo_compares_independent_halves():
    halves = torch.stack([rows([1.0, 0.0], [0.0, 1.0]), rows([-1.0, 0.0], [0.0, 1.0])], 1)
    weights = MoDo(gamma=0.1, rho=0.0).start(1, 2).balance(jacobian=halves).weights[0]
    # The first task's halves disagree: its product is −1, and noise does not count as length.
    np.testing.assert_allclose(weights, on_simplex(np.array([[0.5 + 0.05, 0.5 - 0.05]]))[0])


def test_signs_are_drawn_as_often_as_they_pull():
    draws = 4000
    jacobian = rows([3.0, 1.0], [-1.0, 1.0]).expand(draws, -1, -1)
    generators = [np.random.default_rng(place) for place in range(draws)]
    weights, kept = GradDrop().start(draws, 2, generators=generators).balance(jacobian=jacobian)
    assert (weights == 1).all()
    assert (kept[..., 1] == 1).all()  # no conflict
    up = (kept[:, 0, 0] == 3) & (kept[:, 1, 0] == 0)
    down = (kept[:, 0, 0] == 0) & (kept[:, 1, 0] == -1)
    assert (up | down).all()
    assert up.double().mean().item() == pytest.approx(0.75, abs=0.03)  # ½ (1 + 2 / 4)


def test_what_leaks_passes():
    jacobian = rows([3.0, 1.0], [-1.0, 1.0])
    _, kept = GradDrop(leak=1.0).start(1, 2).balance(jacobian=jacobian)
    torch.testing.assert_close(kept, jacobian)
    _, half = GradDrop(leak=0.5).start(1, 2).balance(jacobian=jacobian)
    assert sorted(half[0, :, 0].tolist()) in ([-1.0, 1.5], [-0.5, 3.0])


def test_a_task_that_was_away_keeps_its_mean():
    balancer = DBMTL(beta=0.5).start(1, 2)
    jacobian = rows([1.0, 0.0], [0.0, 1.0])
    balancer.balance(losses=np.ones((1, 2)), jacobian=jacobian)
    there = np.array([[True, False]])
    _, replaced = balancer.balance(losses=np.ones((1, 2)), jacobian=3 * jacobian, present=there)
    torch.testing.assert_close(balancer.state["means"], rows([2.0, 0.0], [0.0, 1.0]))
    torch.testing.assert_close(replaced[:, 0], rows([2.0, 0.0])[0][None, 0])


def test_a_task_that_comes_late_starts_at_its_own_gradient():
    balancer = DBMTL(beta=0.5).start(1, 2)
    jacobian = rows([1.0, 0.0], [0.0, 1.0])
    balancer.balance(losses=np.ones((1, 2)), jacobian=jacobian, present=np.array([[True, False]]))
    balancer.balance(losses=np.ones((1, 2)), jacobian=3 * jacobian)
    torch.testing.assert_close(balancer.state["means"], rows([2.0, 0.0], [0.0, 3.0]))
