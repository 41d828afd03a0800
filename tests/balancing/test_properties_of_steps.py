"""What methods that keep something, or look at the gradients themselves, do in a step: for thousands of problems.

Each is followed by its formula, written plainly, and must do what it is for. `test_properties.py` does so for Gramians.
"""

import numpy as np
import pytest
import torch

from skmtl.balancing import ExcessMTL, GradDrop, GradNorm, MoCo, MoDo
from skmtl.balancing._graddrop import LARGEST_SEED
from tests.balancing.gramians import gramian_of, random_jacobians

N_PROBLEMS = 240  # of each of five kinds
many_tasks = pytest.mark.parametrize("n_tasks", [2, 3, 5, 9])
sizes = pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])


def problems(n_tasks, seed=5):
    return random_jacobians(n_tasks, N_PROBLEMS, seed)


def shares(jacobians, rng):
    """Return weights that sum to 1, some of them zero, `(N, T)`."""
    drawn = rng.exponential(size=jacobians.shape[:2]) * (rng.random(jacobians.shape[:2]) < 0.8)
    drawn[:, 0] += 1e-3
    return drawn / drawn.sum(1, keepdims=True)


def nearest_on_simplex(points):
    """Return what is left of the points above a level that leaves a sum of 1: the level is found by halving."""
    low, high = points.max(1) - 1, points.max(1)
    for _ in range(60):
        level = (low + high) / 2
        above = np.maximum(points - level[:, None], 0).sum(1) > 1
        low, high = np.where(above, level, low), np.where(above, high, level)
    return np.maximum(points - low[:, None], 0)


def product(matrices, weights):
    return np.einsum("nts,ns->nt", matrices, weights)


def assert_on_simplex(weights):
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-9)


def test_there_are_problems_of_all_kinds():
    for n_tasks in (2, 3, 5, 9):
        jacobians = problems(n_tasks)
        assert len(jacobians) >= 1000
        lengths = np.linalg.norm(jacobians, axis=2, keepdims=True)
        assert (np.linalg.matrix_rank(jacobians / lengths, tol=1e-6) < n_tasks).mean() > 0.2
        assert (gramian_of(jacobians) < 0).any((1, 2)).mean() > 0.25
        assert (lengths.max(1) > 30 * lengths.min(1)).mean() > 0.02


def gradnorm_step(jacobians, alpha, seed):
    """Return, of GradNorm's second step, the weights before and after it, the weighted lengths, and their aims."""
    rng = np.random.default_rng(seed)
    shape = jacobians.shape[:2]
    before = rng.uniform(0.2, 2, size=shape)
    before *= shape[1] / before.sum(1, keepdims=True)
    first, losses = rng.uniform(0.1, 3, size=(2, *shape))
    losses *= rng.random(shape) < 0.95  # some are zero
    losses[:10] = 0
    balancer = GradNorm(alpha, learning_rate=0.1).start(*shape)
    balancer.state["weights"] = before.copy()
    balancer.balance(losses=first, gramian=gramian_of(jacobians), epoch=0)
    returned = balancer.balance(losses=losses, gramian=gramian_of(jacobians), epoch=1).weights
    np.testing.assert_allclose(returned, before, rtol=1e-12)  # the lesson is for the next step
    lengths = before * np.linalg.norm(jacobians, axis=2)
    rates = losses / first
    mean = rates.mean(1, keepdims=True)
    rates = np.divide(rates, mean, out=np.ones(shape), where=mean > 0)
    return before, balancer.state["weights"], lengths, lengths.mean(1, keepdims=True) * rates**alpha


@many_tasks
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.5])
def test_gradnorm_takes_weight_from_gradients_longer_than_their_aims(n_tasks, alpha):
    rng = np.random.default_rng(n_tasks)
    jacobians = problems(n_tasks)
    jacobians = jacobians * 10.0 ** rng.uniform(-6, 6, size=(*jacobians.shape[:2], 1))
    before, after, lengths, aims = gradnorm_step(jacobians, alpha, seed=n_tasks)
    np.testing.assert_allclose(after.sum(1), n_tasks, rtol=1e-12)
    assert (after > 0).all()
    change = np.log(after / before)
    slope = np.sign(lengths - aims) * lengths / lengths.mean(1, keepdims=True)
    moved = before * np.exp(-0.1 * slope)
    np.testing.assert_allclose(after, moved * n_tasks / moved.sum(1, keepdims=True), rtol=1e-9)
    # Beside those that are too short, each that is too long loses weight; of two, it does so in itself.
    longer, shorter = lengths > aims, lengths < aims
    least_lost = np.where(longer, change, -np.inf).max(1)
    least_gained = np.where(shorter, change, np.inf).min(1)
    both = longer.any(1) & shorter.any(1)
    assert both.mean() > 0.8
    # A gradient 1e12 times shorter than another moves by less than its weight's rounding.
    assert (least_lost <= least_gained + 1e-12)[both].all()
    seen = both & (np.where(longer, lengths, np.inf).min(1) > 1e-6 * lengths.max(1))
    assert seen.sum() > 100
    assert (least_lost < least_gained)[seen].all()
    if n_tasks == 2:
        assert (change[longer & seen[:, None]] < 0).all()
        assert (change[shorter & seen[:, None]] > 0).all()


@pytest.mark.parametrize("n_tasks", [2, 3, 5])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_gradnorm_ends_where_lengths_are_as_their_rates(n_tasks, alpha):
    jacobians = problems(n_tasks)
    rng = np.random.default_rng(0)
    losses = rng.uniform(0.3, 1, size=jacobians.shape[:2])
    gramian = gramian_of(jacobians)
    method = GradNorm(alpha, learning_rate=0.03)
    balancer = method.start(*jacobians.shape[:2])
    balancer.balance(losses=np.ones(losses.shape), gramian=gramian, epoch=0)
    for _ in range(500):
        weights = balancer.balance(losses=losses, gramian=gramian, epoch=1).weights
    reached = weights * np.linalg.norm(jacobians, axis=2) / losses**alpha
    # Steps of a sign go to and fro about it.
    np.testing.assert_allclose(reached / reached.mean(1, keepdims=True), 1, atol=0.15)


@many_tasks
@sizes
def test_moco_projects_a_step_against_the_length_of_the_mean_gradient(n_tasks, size):
    rng = np.random.default_rng(n_tasks)
    first = problems(n_tasks)
    steps = [size * (first + rng.normal(size=first.shape) * place) for place in range(3)]
    beta, gamma, rho = 0.7, 1.0, 0.2
    expected = shares(first, rng)
    balancer = MoCo(beta=beta, gamma=gamma, rho=rho).start(*first.shape[:2])
    balancer.state["weights"] = expected.copy()
    means, clipped = steps[0], np.zeros(len(first), bool)
    for place, jacobians in enumerate(steps, start=1):
        weights, replaced = balancer.balance(jacobian=torch.from_numpy(jacobians))
        means = means - beta / np.sqrt(place) * (means - jacobians)
        gramian = gramian_of(means)
        gramian = gramian / np.einsum("ntt->n", gramian)[:, None, None] * n_tasks
        expected = nearest_on_simplex(expected - gamma / np.sqrt(place) * (product(gramian, expected) + rho * expected))
        np.testing.assert_allclose(replaced.numpy() / size, means / size, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(weights, expected, atol=1e-9)
        assert_on_simplex(weights)
        clipped |= (weights == 0).any(1)
    assert clipped.mean() > 0.05  # where the projection does something


def squares(gramian, weights):
    return np.einsum("nt,nts,ns->n", weights, gramian, weights)


@many_tasks
@pytest.mark.parametrize("method", [MoCo, MoDo])
def test_without_noise_each_step_makes_the_common_gradient_shorter(n_tasks, method):
    jacobians = problems(n_tasks)
    gramian = gramian_of(jacobians)
    scale = np.einsum("ntt->n", gramian) / n_tasks
    given = np.stack([jacobians, jacobians], 1) if method.wants_halves else jacobians
    balancer = method(gamma=1 / n_tasks, rho=0.0).start(*jacobians.shape[:2])  # no longer than the curvature allows
    weights = balancer.state["weights"] = shares(jacobians, np.random.default_rng(1))
    for _ in range(20):
        before, weights = weights, balancer.balance(jacobian=torch.from_numpy(given)).weights
        assert (squares(gramian, weights) <= squares(gramian, before) + 1e-12 * scale).all()
    summed = method(scale="sum").start(*jacobians.shape[:2]).balance(jacobian=torch.from_numpy(given)).weights
    np.testing.assert_allclose(summed.sum(1), n_tasks, rtol=1e-9)


@many_tasks
@sizes
def test_modo_projects_a_step_against_the_product_of_the_halves(n_tasks, size):
    rng = np.random.default_rng(n_tasks)
    common = problems(n_tasks)
    halves = size * (common[:, None] + 0.5 * rng.normal(size=(len(common), 2, *common.shape[1:])))
    gamma, rho = 0.4, 0.2
    before = shares(common, rng)
    balancer = MoDo(gamma=gamma, rho=rho).start(*common.shape[:2])
    balancer.state["weights"] = before.copy()
    weights, replaced = balancer.balance(jacobian=torch.from_numpy(halves))
    assert replaced is None
    one, other = halves[:, 0], halves[:, 1]
    lengths = np.linalg.norm(one, axis=2) * np.linalg.norm(other, axis=2)
    products = np.einsum("ntp,nsp->nts", one, other) / lengths.mean(1)[:, None, None]
    np.testing.assert_allclose(
        weights, nearest_on_simplex(before - gamma * (product(products, before) + rho * before)), atol=1e-9
    )
    assert_on_simplex(weights)
    assert (weights == 0).any(1).mean() > 0.05


@many_tasks
@pytest.mark.parametrize("eta", [0.01, 1.0])
def test_excess_mtl_multiplies_weights_by_powers_of_relative_excess(n_tasks, eta):
    rng = np.random.default_rng(n_tasks)
    first = problems(n_tasks)
    steps = [first, *(first * rng.uniform(0, 2, size=first.shape) for _ in range(4))]
    scales = 10.0 ** rng.uniform(-6, 6, size=(*first.shape[:2], 1))
    plain, scaled = (ExcessMTL(eta).start(*first.shape[:2]) for _ in range(2))
    sums, expected, reference = np.zeros(first.shape), np.ones(first.shape[:2]), None
    for jacobians in steps:
        sums += jacobians**2
        excess = np.divide(jacobians**2, np.sqrt(sums), out=np.zeros(first.shape), where=sums > 0).sum(2)
        if reference is None:
            reference = excess
        else:
            expected = expected * np.exp(eta * excess / reference)
            expected *= n_tasks / expected.sum(1, keepdims=True)
        weights = plain.balance(jacobian=torch.from_numpy(jacobians)).weights
        np.testing.assert_allclose(weights, expected, rtol=1e-9)
        np.testing.assert_allclose(weights.sum(1), n_tasks, rtol=1e-12)
        # No task's scale matters.
        others = scaled.balance(jacobian=torch.from_numpy(scales * jacobians)).weights
        np.testing.assert_allclose(others, weights, rtol=1e-9)
    assert (weights.max(1) > (1 + eta / 10) * weights.min(1)).mean() > 0.8


def side_by_side(n_tasks):
    """Return all problems as units of one, `(T, N × P)`: GradDrop looks at each unit by itself."""
    return np.concatenate(problems(n_tasks), axis=1)


@many_tasks
@sizes
@pytest.mark.parametrize("leak", [0.0, 0.3])
def test_graddrop_passes_one_sign_of_each_unit(n_tasks, size, leak):
    gradients = size * side_by_side(n_tasks)
    balancer = GradDrop(leak).start(1, n_tasks, generators=[np.random.default_rng(7)])
    weights, kept = balancer.balance(jacobian=torch.from_numpy(gradients[None]))
    assert (weights == 1).all()
    passed = (kept[0].numpy() - leak * gradients) / (1 - leak)  # beside what leaks
    rounding = 1e-12 * np.abs(gradients)
    assert ((passed >= -rounding).all(0) | (passed <= rounding).all(0)).all()
    seed = int(np.random.default_rng(7).integers(LARGEST_SEED))
    drawn = torch.rand(gradients.shape[1], generator=torch.Generator().manual_seed(seed)).double().numpy()
    total = np.abs(gradients).sum(0)
    positive = 0.5 * (1 + np.divide(gradients.sum(0), total, out=np.zeros(len(total)), where=total > 0))
    mask = ((positive > drawn) & (gradients > 0)) | ((positive < drawn) & (gradients < 0))
    expected = leak * gradients + (1 - leak) * mask * gradients
    np.testing.assert_allclose(kept[0].numpy(), expected, rtol=1e-12, atol=0)
    agreed = (gradients >= 0).all(0) | (gradients <= 0).all(0)
    np.testing.assert_allclose(kept[0].numpy()[:, agreed], gradients[:, agreed], rtol=1e-12)


@pytest.mark.parametrize("n_tasks", [2, 3, 5])
def test_graddrop_passes_signs_as_often_as_tasks_pull_that_way(n_tasks):
    gradients = side_by_side(n_tasks)
    given = torch.from_numpy(gradients[None])
    balancer = GradDrop().start(1, n_tasks)
    n_draws, mean = 400, torch.zeros_like(given)
    for _ in range(n_draws):
        mean += balancer.balance(jacobian=given).jacobian / n_draws
    up, down = np.maximum(gradients, 0), np.maximum(-gradients, 0)
    total = (up + down).sum(0)
    there = total > 0
    share = up.sum(0)[there] / total[there]
    expected = share * up[:, there] - (1 - share) * down[:, there]
    error = np.abs(gradients[:, there]) * np.sqrt(share * (1 - share) / n_draws)
    often = (share * (1 - share) * n_draws > 20) & (np.abs(gradients[:, there]) > 0)
    deviations = ((mean[0].numpy()[:, there] - expected) / np.where(often, error, 1))[often]
    assert often.any(0).sum() > 500
    assert np.abs(deviations).max() < 6  # standard errors, of up to tens of thousands of numbers
    assert np.mean(deviations**2) == pytest.approx(1, abs=0.2)  # four standard errors for two tasks
