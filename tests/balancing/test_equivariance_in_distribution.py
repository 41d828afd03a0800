"""Random methods treat tasks alike on average: permuting tasks permutes the distribution of their weights."""

import numpy as np
import pytest
import torch

from skmtl.balancing import BALANCINGS

N_DRAWS = 4000
ORDER = np.array([2, 0, 1])
JACOBIAN = np.array([[1.0, 0.2, -0.4, 0.3], [-0.8, 1.0, 0.1, -0.2], [-0.3, -0.9, 1.2, 0.5]])


def drawn(name, jacobian, seed):
    """Return weights, or updates of parameters where gradients are replaced, of many members, `(M, ...)`."""
    method = BALANCINGS[name]()
    rows = np.broadcast_to(jacobian, (N_DRAWS, *jacobian.shape)).copy()
    generators = [np.random.default_rng([seed, member]) for member in range(N_DRAWS)]
    balancer = method.start(N_DRAWS, len(jacobian), None, generators)
    given = {"jacobian": torch.from_numpy(rows)} if name == "graddrop" else {"gramian": rows @ rows.transpose(0, 2, 1)}
    given = {"losses": np.ones(rows.shape[:2])} if name == "rlw" else given
    for _ in range(3):  # targets of GradVac have moved by then
        weights, replaced = balancer.balance(**given)
    return weights if replaced is None else replaced.numpy()


@pytest.mark.parametrize("name", ["rlw", "gradvac", "graddrop"])
def test_permuting_tasks_permutes_means_and_spreads(name):
    plain, permuted = drawn(name, JACOBIAN, 0)[:, ORDER], drawn(name, JACOBIAN[ORDER], 1)
    error = np.sqrt((plain.var(0) + permuted.var(0)) / N_DRAWS)
    assert error.max() > 0  # else nothing was random
    # Five standard errors: a false alarm in a million, and seeds are fixed.
    assert (np.abs(plain.mean(0) - permuted.mean(0)) <= 5 * error + 1e-12).all()
    spreads = [np.abs(values - values.mean(0)) for values in (plain, permuted)]
    error = np.sqrt((spreads[0].var(0) + spreads[1].var(0)) / N_DRAWS)
    assert (np.abs(spreads[0].mean(0) - spreads[1].mean(0)) <= 5 * error + 1e-12).all()
    means = plain.mean(0)
    if name != "rlw":  # where tasks differ, the test would see a wrong order
        assert np.abs(means - np.roll(means, 1, axis=0)).max() > 0.05
