"""Gradients of every kind, for the tests of balancing methods."""

import numpy as np


def gramian_of(jacobian):
    return jacobian @ np.swapaxes(jacobian, -1, -2)


def random_jacobians(n_tasks, n_problems=200, seed=0):
    """Gradients of full rank, of low rank, in conflict, with duplicates, and of very different lengths."""
    rng = np.random.default_rng([seed, n_tasks])
    plain = rng.normal(size=(n_problems, n_tasks, 2 * n_tasks))
    kinds = [plain, plain + 1.5]
    low = rng.normal(size=(n_problems, n_tasks, max(1, n_tasks // 2)))
    kinds.append(np.concatenate([low, np.zeros((n_problems, n_tasks, 2 * n_tasks - low.shape[2]))], 2))
    twice = plain.copy()
    twice[:, -1] = twice[:, 0]
    kinds += [twice, plain * np.exp(3 * rng.normal(size=(n_problems, n_tasks, 1)))]
    return np.concatenate(kinds)
