"""MoDo: the weights of MGDA from two independent halves of a batch; its formula by hand is in test_jacobians.py."""

import numpy as np
import pytest
import torch

from skmtl.balancing._mgda import MGDA
from skmtl.balancing._modo import MoDo

GRADIENTS = torch.from_numpy(np.random.default_rng(1).normal(size=(1, 3, 8)))


def halves(generator, noise=0.0, gradients=GRADIENTS):
    shape = (1, 2, *gradients.shape[1:])
    return gradients.unsqueeze(1) + noise * torch.randn(shape, generator=generator, dtype=gradients.dtype)


def test_weights_agree_with_torchjd():
    aggregation = pytest.importorskip("torchjd.aggregation")
    other = aggregation.MoDoWeighting(gamma=0.3, rho=0.2)
    balancer = MoDo(gamma=0.3, rho=0.2).start(1, 4)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        pair = torch.nn.functional.normalize(
            torch.randn(1, 2, 4, 5, generator=generator, dtype=torch.float64), dim=-1
        )  # of length 1, as we divide by the lengths
        expected = other(pair[0, 0] @ pair[0, 1].T)
        np.testing.assert_allclose(balancer.balance(jacobian=pair).weights[0], expected.numpy(), atol=1e-12)


def test_independent_noise_moves_the_weights_less_than_those_of_mgda():
    # A larger gamma clips noisy weights at 0, and with them the mean.
    balancer = MoDo(gamma=0.01, rho=0.0).start(1, 3)
    generator = torch.Generator().manual_seed(0)
    noise = torch.tensor([3.0, 0.1, 0.1], dtype=torch.float64)[:, None]
    kept, biased = [], []
    for _ in range(6000):
        pair = halves(generator, noise)
        kept.append(balancer.balance(jacobian=pair).weights[0])
        biased.append((pair[0, 0] @ pair[0, 0].T).numpy())
    true = MGDA().weights((GRADIENTS @ GRADIENTS.transpose(1, 2)).numpy())[0]
    mean = np.mean(kept[2000:], 0)
    naive = MGDA().weights(np.stack(biased)).mean(0)
    assert np.abs(mean - true).max() < 0.5 * np.abs(naive - true).max()


def test_gradients_of_any_size_have_the_same_weights():
    def run(size):
        balancer, generator = MoDo().start(1, 3), torch.Generator().manual_seed(0)
        for _ in range(20):
            weights = balancer.balance(jacobian=size * halves(generator, 0.5)).weights
        return weights

    for size in (1e-12, 1e12):
        np.testing.assert_allclose(run(size), run(1.0), rtol=1e-9)


def test_the_halves_may_change_places_where_they_are_alike():
    pair = halves(torch.Generator().manual_seed(0))
    one, other = MoDo().start(1, 3).balance(jacobian=pair), MoDo().start(1, 3).balance(jacobian=pair.flip(1))
    np.testing.assert_allclose(one.weights, other.weights)


def test_a_task_that_is_away_keeps_its_share():
    balancer = MoDo(rho=0.0).start(1, 3)
    equal = torch.eye(3).expand(1, 2, 3, 3)
    for place in range(100):
        balancer.balance(jacobian=equal, present=np.array([[place % 10 == 0, True, True]]))
    np.testing.assert_allclose(balancer.balance(jacobian=equal).weights, 1 / 3)


def test_tasks_left_without_any_share_start_at_equal_weights():
    balancer = MoDo(gamma=5.0, rho=0.0).start(1, 3)
    pair = torch.diag(torch.tensor([1.0, 100.0, 100.0])).expand(1, 2, 3, 3)
    for _ in range(5):
        weights = balancer.balance(jacobian=pair).weights
    np.testing.assert_allclose(weights, [[1, 0, 0]])
    np.testing.assert_allclose(
        balancer.balance(jacobian=pair, present=np.array([[False, True, True]])).weights, [[0, 0.5, 0.5]]
    )
