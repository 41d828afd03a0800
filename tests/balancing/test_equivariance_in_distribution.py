"""Random methods treat tasks alike on average: permuting tasks permutes the distribution of their weights."""

import numpy as np
import pytest
import torch

from skmtl.balancing import BALANCINGS, GradientBalancing, JacobianBalancing
from tests.balancing.runs import RANDOM

N_DRAWS = 4000
ORDER = np.array([2, 0, 1])
JACOBIAN = np.array([[1.0, 0.2, -0.4, 0.3], [-0.8, 1.0, 0.1, -0.2], [-0.3, -0.9, 1.2, 0.5]])


def drawn(name, jacobian, seed):
    """Return weights of many members, `(M, T, 1)`, or what they make of the gradients where these are replaced."""
    method = BALANCINGS[name]()
    rows = np.tile(jacobian, (N_DRAWS, 1, 1))
    generators = [np.random.default_rng([seed, member]) for member in range(N_DRAWS)]
    balancer = method.start(N_DRAWS, len(jacobian), None, generators)
    given = {"losses": np.ones(rows.shape[:2])}
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


@pytest.mark.parametrize("name", sorted(RANDOM))
def test_permuting_tasks_permutes_means_and_products(name):
    plain, permuted = drawn(name, JACOBIAN, 0)[:, ORDER], drawn(name, JACOBIAN[ORDER], 1)
    assert plain.std(0).max() > 0.01  # else nothing was random
    # Five standard errors: a false alarm in ten thousand sets of seeds, and seeds are fixed.
    assert differ(plain, permuted) < 5
    centre = plain.mean(0)
    products, others = (
        np.einsum("mtp,msp->mtsp", values - centre, values - centre) for values in (plain, permuted)
    )  # how tasks vary together
    assert differ(products, others) < 5
    if name != "rlw":  # whose tasks are alike: the others' are not, so that a wrong order would be seen
        assert differ(plain, np.roll(permuted, 1, axis=1)) > 20
