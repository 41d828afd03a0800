"""Some steps of any method on made-up losses and gradients."""

import numpy as np
import torch

from skmtl.balancing import BALANCINGS, GradientBalancing, JacobianBalancing

N_TASKS, N_STEPS = 4, 6
RANDOM = {name for name, method in BALANCINGS.items() if method().draw(2, np.random.default_rng(0)) is not None}


def reordered(method, order):
    """Return the method for the same tasks in another order: which one is primary may be a place in it."""
    return method.set_params(primary=list(order).index(method.primary)) if hasattr(method, "primary") else method


def problem(n_members=1, n_tasks=N_TASKS, n_steps=N_STEPS, seed=0):
    """Losses that fall and gradients that differ, `(S, M, T)` and `(S, M, T, P)`."""
    rng = np.random.default_rng(seed)
    losses = np.exp(-0.1 * np.arange(n_steps))[:, None, None] * rng.uniform(
        0.2, 1.5, size=(n_steps, n_members, n_tasks)
    )
    jacobians = rng.normal(size=(n_steps, n_members, n_tasks, 12)) + 0.3
    return losses, jacobians


def run(method, losses, jacobians, present=None, task_weights=None, generators=None):
    """Return the weights of all steps, `(S, M, T)`, and the last gradients that they multiply."""
    n_members, n_tasks = losses.shape[1:]
    balancer = method.start(n_members, n_tasks, task_weights, generators)
    weights = []
    for epoch, (loss, jacobian) in enumerate(zip(losses, jacobians, strict=True)):
        there = None if present is None else present[epoch]
        given = {"losses": loss, "present": there, "epoch": epoch}
        if isinstance(method, GradientBalancing):
            given["gramian"] = jacobian @ np.swapaxes(jacobian, 1, 2)
        elif isinstance(method, JacobianBalancing):
            rows = torch.from_numpy(jacobian)
            given["jacobian"] = torch.stack([rows, rows], 1) if method.wants_halves else rows
        balanced = balancer.balance(**given)
        weights.append(balanced.weights)
        if method.follows_up:
            lengths = np.linalg.norm(jacobian, axis=2)
            rates = 1 - 0.1 * np.abs(jacobian[:, :, 0]) / np.where(lengths > 0, lengths, 1)  # of the task's own
            balancer.follow_up(loss, loss * rates, np.ones(loss.shape, bool) if there is None else there)
    return np.stack(weights), balanced.jacobian
