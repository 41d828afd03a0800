"""CAGrad: the best direction for the worst task in a ball."""

import numpy as np
import pytest
from scipy.optimize import minimize

from skmtl.balancing import MGDA, CAGrad, DualProj
from tests.balancing.gramians import gramian_of, random_jacobians


def scaled_jacobians(n_tasks):
    """Independent gradients whose lengths lie anywhere from 1e-12 to 1e12."""
    rows = random_jacobians(n_tasks)[:200]
    return rows * 10 ** np.random.default_rng([12, n_tasks]).uniform(-12, 12, size=(200, n_tasks, 1))


def parts(jacobians, weights):
    direction, mean = np.einsum("nt,ntp->np", weights, jacobians), jacobians.mean(1)
    return direction, mean, np.einsum("ntp,np->nt", jacobians, direction).min(1)


@pytest.mark.parametrize(
    ("c", "gramian", "weights"),
    [
        (0.5, [[1.0, 0.0], [0.0, 1.0]], [0.75, 0.75]),  # g₀ and g_w are parallel
        (0.0, [[1.0, 0.3], [0.3, 2.0]], [0.5, 0.5]),
        (0.4, [[9.0]], [1.4]),
        (0.5, [[1.0, 0.0], [0.0, 4.0]], [0.5 + 0.5 * np.sqrt(1.25), 0.5]),  # g_w is the first gradient
    ],
)
def test_values_by_hand(c, gramian, weights):
    np.testing.assert_allclose(CAGrad(c=c).weights(gramian), weights, rtol=1e-9)


def test_the_direction_lies_on_the_ball(jacobians):
    weights = CAGrad(c=0.4).weights(gramian_of(jacobians))
    direction, mean, _ = parts(jacobians, weights)
    distance = np.linalg.norm(direction - mean, axis=1) / np.linalg.norm(mean, axis=1)
    # Where nothing is to be gained, the nearest direction that harms no task may be nearer.
    nearest = np.abs(weights - DualProj().weights(gramian_of(jacobians))).max(1) < 1e-12
    assert ((np.abs(distance - 0.4) < 1e-6) | (nearest & (distance < 0.4))).all()
    assert (distance > 0.3).mean() > 0.95


@pytest.mark.parametrize("c", [0.1, 0.4, 0.9])
def test_no_other_direction_in_the_ball_is_better_for_the_worst_task(jacobians, c):
    _, mean, worst = parts(jacobians, CAGrad(c=c).weights(gramian_of(jacobians)))
    rng = np.random.default_rng(0)
    others = rng.normal(size=(len(jacobians), 300, jacobians.shape[2]))
    others *= c * np.linalg.norm(mean, axis=1)[:, None, None] / np.linalg.norm(others, axis=2, keepdims=True)
    best = np.einsum("ntp,nkp->nkt", jacobians, mean[:, None] + others).min(2).max(1)
    size = np.linalg.norm(jacobians, axis=2).max(1) * np.linalg.norm(mean, axis=1)
    assert (best <= worst + 1e-8 * size).all()


def test_a_general_solver_finds_the_same():
    for jacobian in random_jacobians(3, 3)[:9]:
        gramian, u = gramian_of(jacobian), np.full(3, 1 / 3)
        radius = 0.4 * np.sqrt(u @ gramian @ u)
        if radius < 1e-6:
            continue
        found = minimize(
            lambda w, g=gramian, r=radius: w @ g @ np.full(3, 1 / 3) + r * np.sqrt(max(w @ g @ w, 1e-30)),
            u,
            bounds=[(0, 1)] * 3,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
            options={"ftol": 1e-15, "maxiter": 1000},
        )
        _, _, worst = parts(jacobian[None], CAGrad(c=0.4).weights(gramian)[None])
        assert worst[0] == pytest.approx(found.fun, rel=1e-5, abs=1e-6 * np.trace(gramian))  # strong duality


def test_torchjd_finds_the_same():
    torchjd, torch = pytest.importorskip("torchjd.aggregation"), pytest.importorskip("torch")
    try:
        theirs = torchjd.CAGradWeighting(c=0.4, norm_eps=1e-300)
    except ImportError:
        pytest.skip("Its solver is not installed.")
    for jacobian in random_jacobians(3, 3)[:6]:
        gramian = gramian_of(jacobian)
        found = theirs(torch.from_numpy(gramian)).numpy()
        ours = CAGrad(c=0.4).weights(gramian)
        np.testing.assert_allclose(found @ jacobian, ours @ jacobian, atol=1e-3 * np.linalg.norm(jacobian))


def test_all_gradients_times_a_number_leave_the_weights():
    gramian = gramian_of(random_jacobians(4, 20))
    np.testing.assert_allclose(CAGrad().weights(1e-16 * gramian), CAGrad().weights(gramian), rtol=1e-4, atol=1e-6)


def test_with_a_radius_of_one_no_task_gets_worse():
    jacobian = random_jacobians(3, 100)[:100]
    _, _, worst = parts(jacobian, CAGrad(c=1.0).weights(gramian_of(jacobian)))
    assert worst.min() > -1e-7
    assert MGDA().weights(gramian_of(jacobian)).shape == (100, 3)


def test_where_nothing_is_to_be_gained_no_task_is_harmed():
    # The first two are opposite, so the worst task gains 0 at most; the mean harms the second, as long as c allows
    # for better: it takes .606 of the radius to get there.
    jacobian = np.array([[1.0, 0.0], [-0.5, 0.0], [0.0, 2.0]])
    direction = CAGrad(c=0.4).weights(gramian_of(jacobian)) @ jacobian
    np.testing.assert_allclose(direction, [0, 2 / 3], atol=1e-12)
    near = CAGrad(c=0.2).weights(gramian_of(jacobian)) @ jacobian
    mean = jacobian.mean(0)
    np.testing.assert_allclose(near, mean - [0.2 * np.linalg.norm(mean), 0], atol=1e-12)


def test_opposite_gradients_are_the_limit_of_nearly_opposite_ones():
    rows = np.random.default_rng(0).normal(size=(200, 4, 8))
    aside = 1e-9 * np.random.default_rng(1).normal(size=(200, 8))
    rows[:, 3] = -rows[:, 0]
    nearly = rows.copy()
    nearly[:, 3] += aside
    exact, other = (np.einsum("nt,ntp->np", CAGrad(c=0.6).weights(gramian_of(part)), part) for part in (rows, nearly))
    np.testing.assert_allclose(exact, other, atol=1e-6)


@pytest.mark.parametrize("n_tasks", [2, 3, 5, 9])
@pytest.mark.parametrize("c", [0.1, 0.4, 0.9])
def test_gradients_of_any_length_are_told_apart(n_tasks, c):
    jacobians = scaled_jacobians(n_tasks)
    weights = CAGrad(c=c).weights(gramian_of(jacobians))
    lengths, mean = np.linalg.norm(jacobians, axis=2), jacobians.mean(1)
    size = np.linalg.norm(mean, axis=1)[:, None]
    added = np.einsum("nt,ntp->np", weights - 1 / n_tasks, jacobians)
    np.testing.assert_allclose(np.linalg.norm(added, axis=1) / size[:, 0], c, rtol=1e-9)
    along = np.einsum("ntp,np->nt", jacobians / lengths[:, :, None], (mean + added) / size)  # g_t · d / (n_t ‖g_0‖)
    # The shortest gradient with a weight tells the level best: rounding grows with length.
    weighted = (weights - 1 / n_tasks) * lengths > 1e-9 * size
    first = np.where(weighted, lengths, np.inf).argmin(1)[:, None]
    shortest = np.take_along_axis(lengths, first, 1)
    excess = along - np.take_along_axis(along, first, 1) * shortest / lengths
    rounding = 1e-9 + 1e-12 * shortest / lengths
    assert (excess >= -rounding).all()  # no task gains less than the level,
    assert (np.abs(excess) <= rounding)[weighted].all()  # and those with a weight gain no more
