"""What each method is for holds for thousands of Gramians: of low rank, in conflict, with duplicates, scaled.

Of MGDA, CAGrad, UPGrad, DualProj and PCGrad, it is in their own files.
"""

import numpy as np
import pytest

from skmtl.balancing import (
    BALANCINGS,
    AlignedMTL,
    ConFIG,
    FairGrad,
    GradientBalancing,
    GradVac,
    IMTLGradient,
    NashMTL,
    SDMGrad,
)
from tests.balancing.gramians import gramian_of, random_jacobians
from tests.balancing.runs import RANDOM, reordered

N_PROBLEMS = 300
many_tasks = pytest.mark.parametrize("n_tasks", [2, 3, 5, 9])


def problems(n_tasks):
    """Return gradients of which all singular values, in units of their lengths, are zero or not small, `(N, T, P)`."""
    jacobians = random_jacobians(n_tasks, N_PROBLEMS, seed=3)
    singular = np.linalg.svd(units_of(jacobians), compute_uv=False)
    return jacobians[((singular < 1e-12) | (singular > 1e-2)).all(1)]


def units_of(jacobians):
    return jacobians / np.linalg.norm(jacobians, axis=2, keepdims=True)


def directions(method, jacobians):
    return np.einsum("nt,ntp->np", method.weights(gramian_of(jacobians)), jacobians)


def parts(jacobians):
    """Return left and right singular vectors, and singular values, zero where they are rounding."""
    left, values, right = np.linalg.svd(jacobians, full_matrices=False)
    return left, np.where(values > 1e-9 * values[:, :1], values, 0), right


@many_tasks
def test_there_are_gradients_of_all_kinds(n_tasks):
    jacobians = problems(n_tasks)
    ranks = np.linalg.matrix_rank(units_of(jacobians), tol=1e-6)
    assert len(jacobians) > 3 * N_PROBLEMS
    assert (ranks < n_tasks).mean() > 0.2
    assert (gramian_of(jacobians) < 0).any((1, 2)).mean() > 0.3


@many_tasks
@pytest.mark.parametrize("lam", [0.3, 3.0])
def test_sdmgrads_direction_is_the_shortest(n_tasks, lam):
    jacobians = problems(n_tasks)
    weights = SDMGrad(lam=lam).weights(gramian_of(jacobians)) * (1 + lam) - lam / n_tasks
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-9)
    assert (weights >= -1e-9).all()
    points = jacobians + lam * jacobians.mean(1, keepdims=True)
    shortest = np.einsum("nt,ntp->np", weights, points)
    square = (shortest**2).sum(1, keepdims=True)
    along = np.einsum("ntp,np->nt", points, shortest)  # at least the square, and equal to it on the support
    lengths = np.linalg.norm(points, axis=2)
    tolerance = 1e-7 * (lengths * np.sqrt(square) + square + lengths.min(1, keepdims=True) ** 2)
    assert (along >= square - tolerance).all()
    assert (np.abs(along - square) <= tolerance)[weights > 1e-7].all()


@many_tasks
@pytest.mark.parametrize("method", [IMTLGradient(), ConFIG()], ids=["imtl_g", "config"])
def test_cosines_are_as_equal_as_they_can_be(n_tasks, method):
    """They are in proportion to what is nearest to all equal; with its sign, or that which lengths give ConFIG."""
    jacobians = problems(n_tasks)
    units, direction = units_of(jacobians), directions(method, jacobians)
    left, values, _ = parts(units)
    nearest = np.einsum("ntr,nr->nt", left, (values > 0) * left.sum(1))  # of all ones
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    possible = np.linalg.norm(nearest, axis=1) > 1e-3  # else no direction is equally far from all
    cosines = np.einsum("ntp,np->nt", units, direction / np.where(length > 0, length, 1))
    ratio = np.linalg.norm(cosines, axis=1, keepdims=True) / np.linalg.norm(nearest, axis=1, keepdims=True)
    if isinstance(method, ConFIG):
        ratio *= np.sign((np.linalg.norm(jacobians, axis=2) * nearest).sum(1, keepdims=True))
    np.testing.assert_allclose(cosines[possible], (ratio * nearest)[possible], atol=1e-6)


@many_tasks
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_aligned_gradients_have_one_singular_value(n_tasks, size):
    jacobians = size * problems(n_tasks)
    left, values, right = parts(jacobians)
    kept = values > 0
    level = np.where(kept, values, np.inf).min(1)
    aligned = level[:, None, None] * np.einsum("ntr,nr,nrp->ntp", left, kept, right)
    np.testing.assert_allclose(
        directions(AlignedMTL(), jacobians) / level[:, None], aligned.mean(1) / level[:, None], atol=1e-5
    )


def with_a_common_direction(n_tasks):
    """Gradients all of which one direction serves, some dependent: for others, there is no solution."""
    jacobians = problems(n_tasks)
    gained = np.einsum("ntp,np->nt", units_of(jacobians), directions(ConFIG(), jacobians))
    return jacobians[(gained > 1e-2 * np.linalg.norm(directions(ConFIG(), jacobians), axis=1)[:, None]).all(1)]


@many_tasks
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_fair_weights_are_the_inverse_of_what_they_bring(n_tasks, alpha):
    jacobians = with_a_common_direction(n_tasks)
    assert (np.linalg.matrix_rank(units_of(jacobians), tol=1e-6) < n_tasks).mean() > 0.1
    gramian = gramian_of(jacobians)
    weights = FairGrad(alpha=alpha).weights(gramian)
    assert (weights > 0).all()
    np.testing.assert_allclose(np.matmul(gramian, weights[..., None])[..., 0] ** alpha * weights, 1, rtol=1e-6)
    if alpha == 1:
        np.testing.assert_array_equal(NashMTL().weights(gramian), weights)


@many_tasks
@pytest.mark.parametrize("target", [0.0, 0.3])
def test_gradvac_makes_pairs_as_alike_as_usual(n_tasks, target):
    jacobians = problems(n_tasks)
    balancer = GradVac(beta=0.0).start(len(jacobians), n_tasks)
    balancer.state["targets"][:] = target
    weights = balancer.balance(gramian=gramian_of(jacobians)).weights
    assert np.isfinite(weights).all()
    if n_tasks == 2:
        for task in (0, 1):
            own, fixed = jacobians[:, task], jacobians[:, 1 - task]
            moved = own + (weights[:, 1 - task] - 1)[:, None] * fixed
            along = (moved * fixed).sum(1) / np.linalg.norm(fixed, axis=1)
            # Nothing is left of opposite gradients.
            rounding = 1e-7 * np.linalg.norm(own, axis=1)
            assert (along >= target * np.linalg.norm(moved, axis=1) - rounding).all()
    assert (weights >= 1 - 1e-9).all()


EQUIVARIANT = sorted(
    name for name, method in BALANCINGS.items() if issubclass(method, GradientBalancing) and name not in RANDOM
)


@many_tasks
@pytest.mark.parametrize("name", EQUIVARIANT)
def test_permuting_tasks_leaves_the_direction(n_tasks, name):
    """Weights of tasks that depend on each other need not be unique, directions are."""
    jacobians = problems(n_tasks)
    rng = np.random.default_rng(n_tasks)
    order, losses = rng.permutation(n_tasks), rng.uniform(0.5, 2, size=jacobians.shape[:2])
    method, permuted = BALANCINGS[name](), jacobians[:, order]
    weights = method.weights(gramian_of(jacobians), losses=losses)
    others = reordered(method, order).weights(gramian_of(permuted), losses=losses[:, order])
    plain, other = (np.einsum("nt,ntp->np", w, j) for w, j in ((weights, jacobians), (others, permuted)))
    longest = (np.abs(weights) * np.linalg.norm(jacobians, axis=2)).max(1)
    tolerance = 1e-5 if name == "pmtl" else 1e-6  # weights of sums of gradients cancel each other
    assert (np.linalg.norm(plain - other, axis=1) <= tolerance * longest).all()
