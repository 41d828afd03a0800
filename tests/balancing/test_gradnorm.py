"""GradNorm: weights that bring gradients to the same length."""

import numpy as np
import pytest

from skmtl.balancing import GradNorm


def run(method, losses, lengths, n_epochs):
    balancer = method.start(1, len(lengths))
    for epoch in range(n_epochs):
        weights = balancer.balance(losses=losses(epoch), gramian=np.diag(np.square(lengths))[None], epoch=epoch).weights
    return weights[0]


def test_lengths_become_equal_where_tasks_train_alike():
    lengths = np.array([1.0, 2.0, 8.0])
    weights = run(GradNorm(learning_rate=0.01), lambda epoch: np.ones((1, 3)) * 0.99**epoch, lengths, 2000)
    weighted = weights * lengths
    np.testing.assert_allclose(weighted, weighted.mean(), rtol=0.1)  # steps of a sign go to and fro
    assert weights.sum() == pytest.approx(3)


@pytest.mark.parametrize("length", [1e-6, 100.0, 1e6])
def test_a_gradient_of_any_length_is_brought_to_that_of_the_others(length):
    lengths = np.array([1.0, length, 2.0])
    weighted = run(GradNorm(), lambda _: np.ones((1, 3)), lengths, 1500) * lengths
    np.testing.assert_allclose(weighted, weighted.mean(), rtol=0.1)


def test_a_task_that_lags_behind_gets_the_longer_gradient():
    def losses(epoch):
        return np.array([[1.0, 0.25]]) if epoch else np.ones((1, 2))

    weights = run(GradNorm(alpha=1.0, learning_rate=0.002), losses, np.ones(2), 5000)
    # Rates relative to their mean are 1.6 and .4, and so are the aims: the weights end there.
    np.testing.assert_allclose(weights, [1.6, 0.4], rtol=0.05)
    np.testing.assert_allclose(run(GradNorm(alpha=0.0), losses, np.ones(2), 500), 1, atol=0.05)


def test_the_first_epoch_is_uniform_and_measures_the_first_losses():
    balancer = GradNorm().start(1, 2)
    for losses in ([[1.0, 3.0]], [[3.0, 5.0]]):
        assert (balancer.balance(losses=np.array(losses), gramian=np.eye(2)[None], epoch=0).weights == 1).all()
    np.testing.assert_allclose(balancer.state["sums"] / balancer.state["steps"], [[2.0, 4.0]])


def test_a_task_starts_its_own_clock():
    balancer = GradNorm().start(1, 2)
    present = np.array([[True, False]])
    balancer.balance(losses=np.ones((1, 2)), gramian=np.eye(2)[None], present=present, epoch=0)
    balancer.balance(losses=np.full((1, 2), 7.0), gramian=np.eye(2)[None], epoch=1)
    np.testing.assert_array_equal(balancer.state["first_epoch"], [[0, 1]])
    np.testing.assert_array_equal(balancer.state["sums"], [[1.0, 7.0]])


def test_a_late_task_does_not_learn_in_its_first_epoch_and_leaves_the_others_their_sum():
    balancer = GradNorm(learning_rate=0.1).start(1, 3)
    without = np.array([[True, True, False]])
    step = {"losses": np.ones((1, 3)), "gramian": np.diag([1.0, 16.0, 4.0])[None]}
    for epoch in range(5):
        balancer.balance(**step, present=without, epoch=epoch)
    for _ in range(3):
        weights = balancer.balance(**step, epoch=5).weights
        assert weights.sum() == pytest.approx(3)
        assert balancer.state["weights"][0, 2] == 1
        assert balancer.state["weights"][0, :2].sum() == pytest.approx(2)
    only = balancer.balance(**step, present=np.array([[True, False, False]]), epoch=6).weights
    np.testing.assert_array_equal(only, [[1, 0, 0]])
    balancer.balance(**step, epoch=6)
    assert balancer.state["weights"][0, 2] != 1


def test_what_is_returned_is_not_what_is_kept():
    balancer = GradNorm().start(1, 2)
    weights = balancer.balance(losses=np.ones((1, 2)), gramian=np.eye(2)[None], epoch=0).weights
    weights[:] = 7
    np.testing.assert_array_equal(balancer.state["weights"], 1)


def test_losses_are_needed():
    with pytest.raises(ValueError, match="needs the losses"):
        GradNorm().weights(np.eye(2))
