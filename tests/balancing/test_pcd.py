"""PCD: the primary task's gradient, and a part of its own for every other task."""

import numpy as np
import pytest
from scipy.optimize import linprog

from skmtl.balancing import MGDA, PCD, SmoothedWeights
from tests.balancing.gramians import gramian_of, random_jacobians

many_tasks = pytest.mark.parametrize("n_tasks", [2, 3, 5, 9])


def test_values_by_hand():
    # In units of their lengths, (1, 0) and (0, 1): the nearest to the first is (1, τ), made as long as (3, 0).
    found = PCD(tau=0.75).weights(np.diag([9.0, 4.0]))
    np.testing.assert_allclose(found * [3, 2], 3 * np.array([1, 0.75]) / 1.25)
    # At 120°: (1, 0) + x (−½, √¾) has the product x − ½ with the other.
    weights = PCD(tau=0.25).weights([[1.0, -0.5], [-0.5, 1.0]])
    assert weights[1] / weights[0] == pytest.approx(0.75)
    assert weights @ [[1.0, -0.5], [-0.5, 1.0]] @ weights == pytest.approx(1)


@many_tasks
@pytest.mark.parametrize("tau", [0.02, 0.5])
def test_every_other_task_has_its_part_where_that_is_possible(n_tasks, tau):
    jacobians = random_jacobians(n_tasks)
    lengths = np.linalg.norm(jacobians, axis=2)
    units, primary = jacobians / lengths[:, :, None], n_tasks - 1
    weights = PCD(primary, tau).weights(gramian_of(jacobians))
    assert (weights >= 0).all()
    direction = np.einsum("nt,ntp->np", weights * lengths, units)
    found = np.linalg.norm(direction, axis=1)
    np.testing.assert_allclose(found[found > 0], lengths[found > 0, primary], rtol=1e-6)
    n_dropped = 0
    for own, unit, row, size in zip(weights * lengths, units, direction, found, strict=True):
        part = own[primary]  # of the primary gradient, before it is made longer
        met = size > 0 and (unit[:-1] @ row >= part * tau - 1e-6 * own.max()).all()
        if not met:  # the primary task alone: no direction serves the others
            np.testing.assert_allclose(own[:-1], 0)
            anywhere = linprog(np.zeros(unit.shape[1]), -unit[:-1], -np.full(n_tasks - 1, tau), bounds=(None, None))
            assert anywhere.status == 2
            n_dropped += 1
    assert n_dropped < len(jacobians) / 2


@many_tasks
def test_others_that_agree_leave_the_primary_task_alone(n_tasks):
    jacobians = np.abs(random_jacobians(n_tasks)[:200]) + 0.5
    weights = PCD(tau=0.02).weights(gramian_of(jacobians))
    np.testing.assert_allclose(weights, np.tile(np.arange(n_tasks) == 0, (200, 1)), atol=1e-12)


@many_tasks
def test_scales_of_the_others_are_forgotten(n_tasks):
    jacobians = random_jacobians(n_tasks)[:400]
    factors = 10 ** np.random.default_rng(0).uniform(-6, 6, size=(400, n_tasks))
    factors[:, 0] = 1
    plain, scaled = (PCD(tau=0.3).weights(gramian_of(rows)) for rows in (jacobians, jacobians * factors[..., None]))
    np.testing.assert_allclose(scaled * factors, plain, rtol=1e-6, atol=1e-9)


def test_opposite_others_are_dropped_and_opposite_primary_gives_way():
    jacobian = np.array([[1.0, 1.0], [2.0, 0.0], [-2.0, 0.0]])
    np.testing.assert_allclose(PCD().weights(gramian_of(jacobian)), [1, 0, 0])
    opposite = np.array([[1.0, 0.0], [-2.0, 0.0]])
    weights = PCD(tau=0.5).weights(gramian_of(opposite))
    np.testing.assert_allclose(weights @ opposite, [-1, 0])
    np.testing.assert_array_equal(PCD(tau=0.0).weights(gramian_of(opposite)), 0)  # nothing is left


def test_lengths_are_compared_with_their_running_means():
    gramians = [np.diag([1.0, 4.0]), np.diag([1.0, 16.0]), np.diag([4.0, 0.25])]
    balancer = PCD(tau=0.5, beta=0.8).start(1, 2)
    for gramian in gramians:
        weights = balancer.balance(gramian=gramian[None]).weights[0]
    squares = np.array([np.diag(gramian) for gramian in gramians])
    usual = np.sqrt((squares * [[0.64], [0.8], [1.0]]).sum(0) / (0.64 + 0.8 + 1))
    first, second = np.sqrt(squares[-1]) / usual
    expected = np.array([first, 0.5 * second])  # in orthogonal directions
    np.testing.assert_allclose(weights * [2, 0.5], 2 * expected / np.linalg.norm(expected))


def test_means_go_on_without_an_absent_task_and_steps_without_the_primary_are_even():
    balancer = PCD(primary=1).start(2, 3)
    gramian = np.stack([np.diag([1.0, 2.0, 3.0])] * 2)
    present = np.array([[True, False, True], [True, True, False]])
    weights = balancer.balance(gramian=gramian, present=present).weights
    np.testing.assert_array_equal(weights[0], [1, 0, 1])
    assert weights[1, 1] > weights[1, 0] > weights[1, 2] == 0
    np.testing.assert_array_equal(balancer.state["steps"], [[1, 0, 1], [1, 1, 0]])


NAMES = ["price", "size", "age"]


@pytest.mark.parametrize("method", [PCD("age"), PCD(2)])
def test_names_and_places_become_places_among_the_learned(method):
    assert method.among(NAMES, NAMES).primary == 2
    assert method.among(NAMES, ["size", "age"]).primary == 1
    smoothed = SmoothedWeights(method)
    assert smoothed.among(NAMES, ["size", "age"]).balancing.primary == 1
    assert smoothed.balancing is method
    untouched = SmoothedWeights(MGDA())
    assert untouched.among(NAMES, NAMES) is untouched


@pytest.mark.parametrize(
    ("primary", "message"),
    [
        ("prize", "got 'prize'. Did you mean 'price'"),
        (3, "from 0 to 2, got 3"),
        ("age", "'age', whose task weight is 0"),
        (2, "'age', whose task weight is 0"),
    ],
)
def test_primary_tasks_that_are_not_there_are_refused(primary, message):
    with pytest.raises(ValueError, match=message):
        PCD(primary).among(NAMES, ["price", "size"])


@pytest.mark.parametrize("primary", ["price", 2])
def test_without_names_it_must_be_a_place(primary):
    with pytest.raises(ValueError, match=f"from 0 to 1, where tasks have no names, got {primary!r}"):
        PCD(primary).weights(np.eye(2))
