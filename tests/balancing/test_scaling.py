"""What becomes of every method's weights if losses, and with them gradients, are multiplied by a number."""

import numpy as np
import pytest

from skmtl.balancing import BALANCINGS, LossBalancing
from tests.balancing.runs import N_STEPS, N_TASKS, problem, run

every_method = pytest.mark.parametrize("name", sorted(BALANCINGS))

# All losses times c: weights times c to this power.
POWER = {
    "uniform": 0,
    "scale_invariant": -1,  # 1 / L
    "geometric": 0,  # the geometric mean by the loss
    "dwa": 0,  # ratios of losses
    "rlw": 0,  # no losses at all
    "famo": 0,  # shares by relative losses, which sum to 1
    "igb_v1": -1,
    "pbi": 0,  # the derivative of a norm
    **dict.fromkeys(["mgda", "sdmgrad", "cagrad", "imtl_g", "config", "aligned_mtl", "upgrad", "dualproj"], 0),
    **dict.fromkeys(["pcgrad", "gradvac", "gradnorm", "graddrop", "moco", "modo", "excess_mtl"], 0),
    **dict.fromkeys(["pmtl", "epo", "pcd"], 0),
    "nash_mtl": -1,  # G w = 1 / w
    "fairgrad": -1,  # as Nash-MTL, at its default
    "db_mtl": -1,  # gradients of logarithms
}
# All losses times c are this parameter times c to this power; the power of the weights is POWER or 0.
PARAMETER = {"uw_so": ("tau", 1), "stch": ("mu", -1), "cosmos": ("lam", -1), "go4align": ("eta", 1)}
# Learned step by step: weights times 1 / c, once they have settled.
AT_THE_OPTIMUM = {"uncertainty", "imtl_l"}
# Their power is that of the losses: gradients alone, times c, leave the weights.
BY_LOSSES = {"db_mtl"}

# One task's loss, and gradient, times c.
CANCELLED = {"scale_invariant", "igb_v1", "nash_mtl", "fairgrad", "db_mtl"}  # its weight by c, the others as before
# So, and all of them by a common factor; under PCD that of the primary task's loss.
CANCELLED_BUT_FOR_A_FACTOR = {"geometric", "famo", "imtl_g", "config", "pcd"}
NOT_FELT = {"uniform", "rlw", "dwa", "excess_mtl"}  # so the task's part of the direction is c times as long
FELT_IN_CONFLICT = {"upgrad", "dualproj", "pcgrad", "gradvac"}  # and not felt without
SUMS = {"upgrad", "pcgrad", "gradvac"}  # of what is left of each gradient, which is as long as the gradient
FELT_IN_SIGNS = {"graddrop"}  # the longer, the more often its sign is drawn
SMALLER = {"mgda", "sdmgrad", "cagrad", "aligned_mtl", "moco", "modo", "uw_so", "go4align"}  # the larger, the less
LARGER = {"stch", "cosmos", "pbi"}  # the worst task leads
BY_REGIONS = {"pmtl", "epo"}  # the larger, the less, until the loss is too large beside the others
IN_THE_LONG_RUN = {*AT_THE_OPTIMUM, "gradnorm"}  # cancelled; under GradNorm, but for a factor


@every_method
def test_laws_are_stated_for_every_method(name):
    assert (name in POWER) + (name in PARAMETER) + (name in AT_THE_OPTIMUM) == 1
    by_one_task = [CANCELLED, CANCELLED_BUT_FOR_A_FACTOR, NOT_FELT, FELT_IN_CONFLICT, FELT_IN_SIGNS, SMALLER, LARGER]
    assert sum(name in law for law in [*by_one_task, BY_REGIONS, IN_THE_LONG_RUN]) == 1


@pytest.mark.parametrize("name", sorted({*POWER, *PARAMETER}))
@pytest.mark.parametrize("factor", [0.001, 1.7, 1000.0])  # smaller losses would count as the floor
def test_all_losses_times_a_number(name, factor):
    losses, jacobians = problem(2)
    parameter, power = PARAMETER.get(name, (None, 0))
    settings = {} if parameter is None else {parameter: getattr(BALANCINGS[name](), parameter)}
    plain, replaced = run(BALANCINGS[name](**settings), losses, jacobians)
    settings = {key: value / factor**power for key, value in settings.items()}
    scaled, other = run(BALANCINGS[name](**settings), factor * losses, factor * jacobians)
    np.testing.assert_allclose(scaled, factor ** POWER.get(name, 0) * plain, rtol=1e-6, atol=1e-9)
    if replaced is not None:
        np.testing.assert_allclose(other.numpy(), factor * replaced.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", sorted(n for n, m in BALANCINGS.items() if not issubclass(m, LossBalancing)))
@pytest.mark.parametrize("factor", [1e-9, 1e-3, 1e3, 1e9])
def test_all_gradients_times_a_number(name, factor):
    """No size of gradients is small or large in itself."""
    losses, jacobians = problem(2)
    power = 0 if name in BY_LOSSES else POWER[name]
    plain, replaced = run(BALANCINGS[name](), losses, jacobians)
    scaled, other = run(BALANCINGS[name](), losses, factor * jacobians)
    np.testing.assert_allclose(scaled / factor**power, plain, rtol=1e-6, atol=1e-9)
    if replaced is not None:
        np.testing.assert_allclose(other.numpy() / factor, replaced.numpy(), rtol=1e-9, atol=1e-12)


def with_one_times(factor, orthogonal=False):
    """Losses and gradients, and the same with the first task's times a number."""
    losses, jacobians = problem(2)
    if orthogonal:
        jacobians = np.broadcast_to(np.eye(N_TASKS), (N_STEPS, 2, N_TASKS, N_TASKS)).copy()
    other_losses, other_jacobians = losses.copy(), jacobians.copy()
    other_losses[..., 0] *= factor
    other_jacobians[:, :, 0] *= factor
    return (losses, jacobians), (other_losses, other_jacobians)


@pytest.mark.parametrize("name", sorted(CANCELLED | CANCELLED_BUT_FOR_A_FACTOR))
@pytest.mark.parametrize("factor", [0.05, 20.0])
def test_the_number_that_multiplies_one_loss_is_cancelled(name, factor):
    plain, scaled = (run(BALANCINGS[name](), *given)[0] for given in with_one_times(factor))
    scaled[..., 0] *= factor
    if name in CANCELLED:
        np.testing.assert_allclose(scaled / plain, 1, rtol=1e-6)
    else:
        np.testing.assert_allclose(scaled / scaled[..., :1], plain / plain[..., :1], rtol=1e-6, atol=1e-12)
        assert not np.allclose(scaled, plain, rtol=1e-3)  # else it belongs to the others


@pytest.mark.parametrize("name", sorted(NOT_FELT))
def test_the_number_that_multiplies_one_loss_is_not_felt(name):
    plain, scaled = (run(BALANCINGS[name](), *given)[0] for given in with_one_times(20.0))
    np.testing.assert_allclose(scaled, plain, rtol=1e-9)


@pytest.mark.parametrize("name", sorted(FELT_IN_CONFLICT))
def test_without_conflict_the_number_that_multiplies_one_loss_is_not_felt(name):
    plain, scaled = (run(BALANCINGS[name](), *given)[0] for given in with_one_times(20.0, orthogonal=True))
    np.testing.assert_allclose(scaled, plain, rtol=1e-9)


@pytest.mark.parametrize("name", sorted(FELT_IN_CONFLICT))
def test_in_conflict_the_longer_gradient_has_the_smaller_weight(name):
    """What one gradient loses is proportional to its own length, and given to the weight of the other."""
    losses, pair = np.ones((N_STEPS, 1, 2)), np.array([[1.0, 0.0], [-0.8, 0.6]])
    shorter, longer = (
        run(BALANCINGS[name](), losses, np.broadcast_to(pair * [[factor], [1]], (N_STEPS, 1, 2, 2)))[0]
        for factor in (0.25, 4.0)
    )
    assert (longer[..., 0] < shorter[..., 0] - 0.1).all()
    assert (longer[..., 1] > shorter[..., 1] + 0.1).all()


@pytest.mark.parametrize("name", sorted(SUMS))
def test_the_direction_is_linear_in_the_number_that_multiplies_one_loss(name):
    directions = []
    for factor in (1.0, 2.0, 4.0):
        losses, jacobians = with_one_times(factor)[1]
        weights, _ = run(BALANCINGS[name](), losses, jacobians)
        directions.append(np.einsum("smt,smtp->smp", weights, jacobians))
    first, second, third = directions
    np.testing.assert_allclose(third - second, 2 * (second - first), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", sorted(FELT_IN_SIGNS))
@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
def test_signs_are_drawn_as_often_as_gradients_are_long(name, factor):
    n_draws = 2000
    opposed = np.tile([[factor], [-1.0]], (1, n_draws, 1, 1))
    weights, kept = run(BALANCINGS[name](), np.ones((1, n_draws, 2)), opposed)
    passed = (weights[0, :, 0] * kept.numpy()[:, 0, 0]) / factor
    # Shares of 2000 draws have a standard error of .011 at most.
    assert passed.mean() == pytest.approx(factor / (factor + 1), abs=0.05)


@pytest.mark.parametrize("name", sorted(SMALLER))
def test_the_larger_a_loss_and_its_gradient_the_smaller_their_share(name):
    shares = []
    for factor in (0.25, 0.5, 1.0, 2.0, 4.0):
        weights = run(BALANCINGS[name](), *with_one_times(factor, orthogonal=True)[1])[0].mean((0, 1))
        shares.append(weights[0] / weights.sum())
    assert (np.diff(shares) < -1e-3).all()


@pytest.mark.parametrize("name", sorted(LARGER))
def test_the_worst_task_has_the_largest_weight(name):
    best, worst = (run(BALANCINGS[name](), *with_one_times(factor)[1])[0] for factor in (0.05, 20.0))
    assert (best[..., :1] < best[..., 1:]).all()
    assert (worst[..., :1] > worst[..., 1:]).all()


@pytest.mark.parametrize("name", sorted(IN_THE_LONG_RUN))
@pytest.mark.parametrize("by", [(8.0, 1.0, 1.0), (8.0, 8.0, 8.0)])
def test_numbers_that_multiply_losses_are_cancelled_in_the_long_run(name, by):
    losses, lengths = np.array([[0.5, 0.5, 1.0]]), np.array([1.0, 1.0, 2.0])
    plain, scaled = (
        run(
            BALANCINGS[name](),
            np.broadcast_to(losses * factors, (2000, 1, 3)),
            np.broadcast_to(np.diag(lengths * factors), (2000, 1, 3, 3)),
        )[0][-1, 0]
        for factors in (np.ones(3), np.array(by))
    )
    ratio = scaled * by / plain
    if name in AT_THE_OPTIMUM:
        np.testing.assert_allclose(ratio, 1, rtol=1e-6)
    else:  # steps of a sign go to and fro, by their learning rate of .025
        np.testing.assert_allclose(ratio, ratio.mean(), rtol=0.05)
