"""GradDrop: where tasks disagree about a sign, one is drawn; frequencies and leaks by hand are in test_jacobians.py."""

import numpy as np
import pytest
import torch

from skmtl.balancing._graddrop import GradDrop

N_DRAWS = 4000


def passed(jacobian, leak=0.0, n_draws=N_DRAWS, pulls=False):
    """Return what is left of one Jacobian under many draws, `(N, T, P)`, or what passes of pulls, `(N, T, 2, P)`."""
    many = jacobian.expand(n_draws, -1, -1)
    generators = [np.random.default_rng(place) for place in range(n_draws)]
    balanced = (
        GradDrop(leak).start(n_draws, jacobian.shape[1], generators=generators).balance(jacobian=many, pulls=pulls)
    )
    assert (balanced.weights == 1).all()
    return balanced.jacobian


JACOBIAN = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, 12)))


@pytest.mark.parametrize("leak", [0.0, 0.3])
def test_the_mean_over_draws_is_the_enumerated_expectation(leak):
    share = 0.5 * (1 + JACOBIAN.sum(1) / JACOBIAN.abs().sum(1))[0]
    up, down = JACOBIAN.clamp(min=0)[0], JACOBIAN.clamp(max=0)[0]
    expected = leak * JACOBIAN[0] + (1 - leak) * (share * up + (1 - share) * down)
    # Standard errors of shares of 4000 draws are below .008, and gradients below 2.5.
    torch.testing.assert_close(passed(JACOBIAN, leak=leak).mean(0), expected, rtol=0, atol=0.08)


def test_what_passes_has_one_sign_in_each_coordinate():
    kept = passed(JACOBIAN, n_draws=200)
    assert ((kept >= 0).all(1) | (kept <= 0).all(1)).all()
    whole = (kept == 0) | (kept == JACOBIAN)
    assert whole.all()


def test_units_pulled_in_one_direction_are_left_as_they_are():
    agreed = JACOBIAN.abs()
    torch.testing.assert_close(passed(agreed, n_draws=50), agreed.expand(50, -1, -1))
    torch.testing.assert_close(passed(-agreed, n_draws=50), -agreed.expand(50, -1, -1))


@pytest.mark.parametrize("leak", [0.0, 0.3])
def test_of_pulls_on_units_it_returns_what_passes_up_and_down(leak):
    shares = passed(JACOBIAN, leak, n_draws=200, pulls=True)  # (N, T, 2, P)
    up, down = shares.unbind(2)
    torch.testing.assert_close(up + down, torch.full_like(up, 1 + leak))
    left = JACOBIAN.clamp(min=0) * up + JACOBIAN.clamp(max=0) * down
    torch.testing.assert_close(left, passed(JACOBIAN, leak, n_draws=200))


def test_of_pulls_absent_tasks_pass_nothing():
    present = np.array([[True, True, False]])
    some = GradDrop().start(1, 3).balance(jacobian=JACOBIAN, pulls=True, present=present).jacobian
    alone = GradDrop().start(1, 2).balance(jacobian=JACOBIAN[:, :2], pulls=True).jacobian
    torch.testing.assert_close(some[:, :2], alone)
    assert not some[:, 2].any()


@pytest.mark.parametrize("size", [1e-12, 1e12])
def test_gradients_of_any_size_are_chosen_alike(size):
    torch.testing.assert_close(passed(size * JACOBIAN, n_draws=50), size * passed(JACOBIAN, n_draws=50))


def test_the_choice_does_not_depend_on_tasks_that_are_away():
    present = np.array([[True, True, False]])
    some = GradDrop().start(1, 3).balance(jacobian=JACOBIAN, present=present).jacobian[:, :2]
    alone = GradDrop().start(1, 2).balance(jacobian=JACOBIAN[:, :2]).jacobian
    torch.testing.assert_close(some, alone)


def test_torchs_global_numbers_stay_as_they_were():
    before = torch.get_rng_state()
    passed(JACOBIAN, n_draws=5)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_mean_agrees_with_torchjd():
    aggregation = pytest.importorskip("torchjd.aggregation")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        other = torch.stack([aggregation.GradDrop()(JACOBIAN[0]) for _ in range(N_DRAWS)])
    torch.testing.assert_close(passed(JACOBIAN).sum(1).mean(0), other.mean(0), rtol=0, atol=0.15)
