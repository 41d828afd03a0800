"""Random loss weighting: what is drawn, and from where."""

import numpy as np
import pytest

from skmtl.balancing._rlw import RandomLossWeighting

MANY = np.ones((20_000, 4))


def test_normal_weights_are_the_softmax_of_the_members_own_numbers():
    numbers = np.random.default_rng(3).normal(size=4)
    expected = np.exp(numbers) / np.exp(numbers).sum()
    np.testing.assert_allclose(RandomLossWeighting().weights(np.ones(4), np.random.default_rng(3)), expected)


@pytest.mark.parametrize("distribution", ["normal", "uniform", "dirichlet", "bernoulli", "one_hot"])
def test_losses_do_not_matter(distribution):
    method = RandomLossWeighting(distribution)
    first, second = (method.weights(losses, np.random.default_rng(0)) for losses in ([1.0, 1, 1], [9.0, 0, -1]))
    np.testing.assert_array_equal(first, second)


def test_one_task_at_a_time():
    weights = RandomLossWeighting("one_hot").weights(MANY, np.random.default_rng(0))
    assert ((weights == 1).sum(1) == 1).all()
    assert ((weights == 0).sum(1) == 3).all()


def test_some_tasks_alike_and_never_none():
    weights = RandomLossWeighting("bernoulli").weights(MANY, np.random.default_rng(0))
    taken = (weights > 0).sum(1)
    assert set(np.unique(taken)) == {1, 2, 3, 4}
    np.testing.assert_allclose(np.where(weights > 0, weights * taken[:, None], 1), 1)


def test_dirichlet_weights_have_their_variance():
    weights = RandomLossWeighting("dirichlet").weights(MANY, np.random.default_rng(0))
    # uniform over the simplex: (1/T) (1 − 1/T) / (T + 1) = .0375
    np.testing.assert_allclose(weights.var(0), 0.0375, rtol=0.05)
