"""What becomes of every method's weights if losses, and with them gradients, are multiplied by a number."""

import numpy as np
import pytest

from skmtl.balancing import BALANCINGS
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
    "nash_mtl": -1,  # G w = 1 / w
    "fairgrad": -1,  # as Nash-MTL, at its default
    "db_mtl": -1,  # gradients of logarithms
}
# All losses times c are this parameter times c to this power; the power of the weights is POWER or 0.
PARAMETER = {"uw_so": ("tau", 1), "stch": ("mu", -1), "cosmos": ("lam", -1), "go4align": ("eta", 1)}
# Learned by the optimiser's steps: free of scale at the optimum only.
AT_THE_OPTIMUM = {"uncertainty", "imtl_l"}

# One task's loss, and gradient, times c.
CANCELLED = {"scale_invariant", "igb_v1", "nash_mtl", "fairgrad", "db_mtl"}  # its weight by c, the others as before
CANCELLED_BUT_FOR_A_FACTOR = {"geometric", "famo", "imtl_g", "config"}  # so, and all of them by a common factor
NOT_FELT = {"uniform", "rlw", "dwa", "excess_mtl", "graddrop"}
FELT_IN_CONFLICT = {"upgrad", "dualproj", "pcgrad", "gradvac"}  # and not felt without
SMALLER = {"mgda", "sdmgrad", "cagrad", "aligned_mtl", "moco", "modo", "uw_so", "go4align"}  # the longer, the less
LARGER = {"stch", "cosmos", "pbi"}  # the worst task leads
IN_THE_LONG_RUN = {*AT_THE_OPTIMUM, "gradnorm"}


@every_method
def test_laws_are_stated_for_every_method(name):
    assert (name in POWER) + (name in PARAMETER) + (name in AT_THE_OPTIMUM) == 1
    laws = [CANCELLED, CANCELLED_BUT_FOR_A_FACTOR, NOT_FELT, FELT_IN_CONFLICT, SMALLER, LARGER, IN_THE_LONG_RUN]
    assert sum(name in law for law in laws) == 1


@pytest.mark.parametrize("name", sorted({*POWER, *PARAMETER}))
@pytest.mark.parametrize("factor", [0.01, 1.7, 300.0])
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
    ratio = scaled / plain
    if name in CANCELLED:
        np.testing.assert_allclose(ratio, 1, rtol=1e-6)
    else:
        np.testing.assert_allclose(ratio, ratio[..., :1] * np.ones(N_TASKS), rtol=1e-6)
        assert not np.allclose(ratio, 1, rtol=1e-3)  # else it belongs to the others


@pytest.mark.parametrize("name", sorted(NOT_FELT))
def test_the_number_that_multiplies_one_loss_is_not_felt(name):
    plain, scaled = (run(BALANCINGS[name](), *given)[0] for given in with_one_times(20.0))
    np.testing.assert_allclose(scaled, plain, rtol=1e-9)


@pytest.mark.parametrize("name", sorted(FELT_IN_CONFLICT))
def test_the_number_that_multiplies_one_loss_is_felt_in_conflict_only(name):
    plain, scaled = (run(BALANCINGS[name](), *given)[0] for given in with_one_times(20.0, orthogonal=True))
    np.testing.assert_allclose(scaled, plain, rtol=1e-9)
    (losses, jacobians), (other_losses, other_jacobians) = with_one_times(20.0)
    jacobians[:, :, 1] = other_jacobians[:, :, 1] = 0.1 * jacobians[:, :, 2] - jacobians[:, :, 0]
    plain, scaled = (
        run(BALANCINGS[name](), *given)[0] for given in [(losses, jacobians), (other_losses, other_jacobians)]
    )
    assert np.abs(scaled - plain).max() > 0.05


@pytest.mark.parametrize("name", sorted(SMALLER | LARGER))
def test_shares_move_with_the_number_that_multiplies_one_loss(name):
    shares = []
    for factor in (1.0, 2.0, 4.0):
        weights = run(BALANCINGS[name](), *with_one_times(factor, orthogonal=True)[1])[0].mean((0, 1))
        shares.append(weights[0] / weights.sum())
    change = np.diff(shares)
    assert (change < -1e-3).all() if name in SMALLER else (change > 1e-3).all()


@pytest.mark.parametrize("name", sorted(IN_THE_LONG_RUN))
def test_the_number_that_multiplies_one_loss_is_cancelled_in_the_long_run(name):
    losses, lengths = np.array([[0.5, 0.5, 1.0]]), np.array([1.0, 1.0, 2.0])
    found = []
    for factor in (1.0, 8.0):
        by = np.array([factor, 1.0, 1.0])
        steps = np.broadcast_to(losses * by, (4000, 1, 3))
        weights, _ = run(BALANCINGS[name](), steps, np.broadcast_to(np.diag(lengths * by), (4000, 1, 3, 3)))
        found.append(weights[-1, 0] * by)
    ratio = found[1] / found[0]
    np.testing.assert_allclose(ratio, ratio.mean(), rtol=0.05)
