"""Random methods in distribution: permuting tasks permutes weights, and tasks that are never there change nothing."""

import numpy as np
import pytest
import torch

from skmtl.balancing import BALANCINGS, GradientBalancing, JacobianBalancing
from tests.balancing.runs import RANDOM

N_DRAWS = 4000
ORDER = np.array([2, 0, 1])
JACOBIAN = np.array([[1.0, 0.2, -0.4, 0.3], [-0.8, 1.0, 0.1, -0.2], [-0.3, -0.9, 1.2, 0.5]])


ONE_MORE = np.insert(JACOBIAN, 1, [-0.6, -0.5, 0.7, 0.9], axis=0)
LEFT = [0, 2, 3]


def drawn(name, jacobian, seed, present=None):
    """Return weights of many members, `(M, T, 1)`, or what they make of the gradients where these are replaced."""
    method = BALANCINGS[name]()
    rows = np.tile(jacobian, (N_DRAWS, 1, 1))
    generators = [np.random.default_rng([seed, member]) for member in range(N_DRAWS)]
    balancer = method.start(N_DRAWS, len(jacobian), None, generators)
    given = {"losses": np.ones(rows.shape[:2])}
    if present is not None:
        given["present"] = np.tile(present, (N_DRAWS, 1))
    if isinstance(method, JacobianBalancing):
        given["jacobian"] = torch.from_numpy(rows)
    elif isinstance(method, GradientBalancing):
        given["gramian"] = rows @ rows.transpose(0, 2, 1)
    for _ in range(3):  # targets of GradVac have moved by then
        weights, replaced = balancer.balance(**given)
    return weights[..., None] if replaced is None else weights[..., None] * replaced.numpy()


def differ(one, other):
    """How far two samples' means are apart at most, in standard errors of their difference."""
    error = np.sqrt((one.var(0) + other.var(0)) / N_DRAWS)
    return (np.abs(one.mean(0) - other.mean(0)) / np.maximum(error, 1e-12)).max()


def products(one, other):
    """Return how tasks vary together in two samples, `(M, T, T, P)` each."""
    centre = one.mean(0)
    return (np.einsum("mtp,msp->mtsp", values - centre, values - centre) for values in (one, other))


@pytest.mark.parametrize("name", sorted(RANDOM))
def test_permuting_tasks_permutes_means_and_products(name):
    plain, permuted = drawn(name, JACOBIAN, 0)[:, ORDER], drawn(name, JACOBIAN[ORDER], 1)
    assert plain.std(0).max() > 0.01  # else nothing was random
    # Five standard errors: a false alarm in ten thousand sets of seeds, and seeds are fixed.
    assert differ(plain, permuted) < 5
    assert differ(*products(plain, permuted)) < 5
    if name != "rlw":  # whose tasks are alike: the others' are not, so that a wrong order would be seen
        assert differ(plain, np.roll(permuted, 1, axis=1)) > 20


@pytest.mark.parametrize("name", sorted(RANDOM))
def test_a_task_that_is_never_there_is_as_if_it_were_not(name):
    with_one_away = drawn(name, ONE_MORE, 2, present=[True, False, True, True])
    assert (with_one_away[:, 1] == 0).all()
    some, without = with_one_away[:, LEFT], drawn(name, JACOBIAN, 3)
    assert differ(some, without) < 5
    assert differ(*products(some, without)) < 5
    assert differ(drawn(name, ONE_MORE, 2)[:, LEFT], without) > 10  # it would have been seen
